"""Plots: whatever the numbers, a picture that is whole, bounded, and says in words what it shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from relgate.report.plots import HEIGHT, WIDTH, Line, Mark, Plot, Range, Strip, draw
from tests.report.documents import HOSTILE

if TYPE_CHECKING:
    from relgate.values import Floats

NUMBERS = st.floats(-1e12, 1e12) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e-300])
VALUES = arrays.arrays(np.float64, st.shared(st.integers(0, 40), key="n"), elements=NUMBERS)
TIMES = arrays.arrays(np.float64, st.shared(st.integers(0, 40), key="n"), elements=st.floats(0, 1e6)).map(np.sort)


def plot(x: Floats, y: Floats, **more: object) -> Plot:
    """A curve beside a limit."""
    given_: dict[str, object] = {"marks": (Mark("y", 0.25, "> 250ms"),), **more}
    return Plot("P95", "what it shows", "time", "latency", (Line("candidate", x, y),), **given_)  # type: ignore[arg-type]


def places(text: str) -> list[tuple[float, float]]:
    """Every absolute point of the paths, where both of its numbers are said."""
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", text)]


@given(TIMES, VALUES, st.booleans(), st.booleans())
def test_whatever_the_numbers_every_point_lies_within_the_picture(x: Floats, y: Floats, log: bool, step: bool) -> None:
    """NaN, infinity, nothing at all, one value, negative values on a scale that has none."""
    ranges = (Range(None, 1.0, 0.5), Range(-1.0, None, 0.5))
    made = Plot("t", "w", "x", "y", (Line("candidate", x, y, step=step),), ranges=ranges, y_log=log)
    text = draw(made, "p1")

    ET.fromstring(text)
    assert "nan" not in text
    assert all(0 <= left <= WIDTH and 0 <= up <= HEIGHT for left, up in places(text))


def test_a_gap_is_not_bridged() -> None:
    """Where nothing was seen nothing is drawn."""
    text = draw(plot(np.arange(4.0), np.array([1.0, np.nan, 1.0, 1.0])), "p1")
    path = re.search(r'class="c-candidate" d="([^"]*)"', text)

    assert path is not None
    assert path[1].count("M") == 2


def test_what_failed_is_drawn_at_the_upper_edge() -> None:
    """No answer is the slowest answer, not a hole."""
    text = draw(plot(np.arange(3.0), np.array([0.1, np.inf, 0.1])), "p1")
    path = re.search(r'class="c-candidate" d="([^"]*)"', text)

    assert path is not None
    assert any(up == 22.0 for _, up in places(path[1]))


def test_the_limit_is_in_the_picture_where_all_values_are_far_below_it() -> None:
    """A picture without its limit says nothing."""
    text = draw(plot(np.arange(3.0), np.full(3, 0.001)), "p1")

    assert 'class="m-limit"' in text
    assert "&gt; 250ms" in text


def test_a_picture_has_a_title_and_words() -> None:
    """For those who do not see it."""
    root = ET.fromstring(draw(plot(np.arange(3.0), np.arange(3.0)), "p7"))

    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "p7-t p7-d"
    assert [one.text for one in root if one.get("id") in ("p7-t", "p7-d")] == ["P95", "what it shows"]


def test_states_are_told_by_words_too() -> None:
    """Green and red are one colour to many."""
    made = Strip("health", "words", (("candidate", ((0.0, 30.0, "healthy"), (30.0, 60.0, "down"))),), (0.0, 60.0))
    text = draw(made, "p1")

    assert ">healthy<" in text
    assert ">down<" in text


def test_texts_of_others_stay_text() -> None:
    """Labels of limits, words of states, names of signals."""
    for hostile in HOSTILE:
        line = Line("candidate", np.arange(2.0), np.arange(2.0))
        made: tuple[Plot | Strip, ...] = (
            Plot(hostile, hostile, hostile, hostile, (line,), (Mark("y", 0.5, hostile), Mark("x", 0.5, hostile))),
            Strip(hostile, hostile, (("candidate", ((0.0, 9.0, hostile),)),), (0.0, 9.0)),
        )
        for picture in made:
            root = ET.fromstring(draw(picture, "p1"))
            assert {one.tag for one in root.iter()} <= {"svg", "title", "desc", "path", "text", "rect"}
            assert not [name for one in root.iter() for name in one.attrib if name.startswith("on")]
