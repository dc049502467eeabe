"""Several series of one signal: every instance at every moment, holes included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.errors import SourceError
from relgate.observe.labels import by_label
from relgate.observe.store import open_recording
from relgate.values import Series
from tests.observe.samples import HEAD, TAIL, line, writer

if TYPE_CHECKING:
    from pathlib import Path

LINES: list[dict[str, Any]] = [
    {"values": [["b", 2.0], ["a", 1.0]], "fault": None},
    {"values": [["b", None], ["c", 3.0]], "fault": "not a finite number: b"},
    {"value": None, "fault": "HTTP 503"},
]
T_S = [0.0, 15.0, 30.0]
STREAMS = [{**one, "instance_label": "pod"} if one["name"] == "memory" else one for one in HEAD["streams"]]


def test_every_instance_has_a_value_or_a_hole_with_its_reason() -> None:
    """What is not there at some moment was not observed there, whether it comes late, goes early or is NaN."""
    series = by_label(LINES, T_S)

    assert series.instances == ("a", "b", "c")
    assert series.t_s.tolist() == [0.0] * 3 + [15.0] * 3 + [30.0] * 3
    assert series.instance.tolist() == [0, 1, 2] * 3
    assert [None if np.isnan(value) else value for value in series.value] == [1.0, 2.0, None, None, None, 3.0] + [
        None
    ] * 3
    assert series.faults == (
        "0 s: no series (c)",
        "15 s: no series (a)",
        "15 s: not a finite number: b (b)",
        "30 s: HTTP 503 (a)",
        "30 s: HTTP 503 (b)",
        "30 s: HTTP 503 (c)",
    )


def test_each_instance_can_be_had_by_itself() -> None:
    """With its own values, moments and faults."""
    first, *_, last = by_label(LINES, T_S).by_instance()

    assert (first.instances, first.t_s.tolist(), first.value.tolist()[0]) == (("a",), T_S, 1.0)
    assert first.faults == ("15 s: no series (a)", "30 s: HTTP 503 (a)")
    assert last.faults == ("0 s: no series (c)", "30 s: HTTP 503 (c)")


def test_a_source_that_never_named_an_instance_gives_holes() -> None:
    """No instance is not the same as no observation."""
    series = by_label([{"value": None, "fault": "no series: q"}, {"fault": None}], [0.0, 15.0])

    assert np.isnan(series.value).tolist() == [True, True]
    assert series.faults == ("0 s: no series: q", "15 s: no series")
    assert (series.instances, series.by_instance()) == ((), (series,))
    assert len(by_label([], []).value) == 0


@pytest.mark.parametrize(
    "values", [[["a", 1.0], ["a", 2.0]], [["a", 1.0, 2.0]], [["a", "much"]], 5, ["ab", 7]], ids=str
)
def test_what_is_no_pair_of_name_and_number_is_an_error(values: object) -> None:
    """Two numbers for one name, and what the recorder does not write."""
    with pytest.raises((SourceError, TypeError, ValueError)):
        by_label([{"values": values}], [0.0])


NAMES = st.sampled_from(["a", "b", "pod-1", "(a)"])
NUMBERS = st.none() | st.floats()


@given(st.lists(st.dictionaries(NAMES, NUMBERS), max_size=6))
def test_each_number_is_found_again_and_each_hole_has_one_fault(given_lines: list[dict[str, float | None]]) -> None:
    """Nothing is made up, nothing is lost, and what is not finite is a hole."""
    lines = [{"values": [list(pair) for pair in numbers.items()], "fault": None} for numbers in given_lines]
    series = by_label(lines, [float(number) for number in range(len(lines))])
    found = {
        (t, series.instances[instance]): value
        for t, instance, value in zip(series.t_s, series.instance, series.value, strict=True)
        if np.isfinite(value)
    }

    assert found == {
        (float(number), name): value
        for number, numbers in enumerate(given_lines)
        for name, value in numbers.items()
        if value is not None and np.isfinite(value)
    }
    assert not np.isinf(series.value).any()
    assert np.isnan(series.value).sum() == len(series.faults)
    assert len(series.value) == len(lines) * max(1, len(series.instances))
    assert sum(len(one.faults) for one in series.by_instance()) == len(series.faults)


def test_a_recording_gives_the_series_of_its_instances(tmp_path: Path) -> None:
    """A stream with a label is read by it; as many moments are expected as of one series."""
    new = writer(tmp_path / "r", secrets=("hidden-pod",), streams=STREAMS)
    values = [["pod-1", 1.0], ["hidden-pod", 2.0]]
    new.lines(("memory", "candidate", "series"), [line(n, values=values, fault=None) for n in range(6)])
    new.finish(TAIL)
    evidence = open_recording(tmp_path / "r").evidence("memory", "value")

    assert isinstance(evidence.candidate, Series)
    assert evidence.candidate.instances == ("[redacted]", "pod-1")
    assert [one.value.tolist() for one in evidence.candidate.by_instance()] == [[2.0] * 6, [1.0] * 6]
    assert evidence.problems == ()


def test_a_series_of_instances_that_is_cut_short_is_noticed(tmp_path: Path) -> None:
    """Two instances are not twice as many observations."""
    new = writer(tmp_path / "r", streams=STREAMS)
    pods = [["a", 1.0], ["b", 2.0]]
    new.lines(("memory", "candidate", "series"), [line(n, values=pods, fault=None) for n in range(3)])
    new.finish(TAIL)

    (problem,) = open_recording(tmp_path / "r").evidence("memory", "value").problems
    assert "cut short: 3 samples, expected 5" in problem
