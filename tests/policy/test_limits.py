"""Limits as people write them, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy.limits import STATE_WORDS, AnyLimit, Basis, Limit, NumberLimit, StatusLimit, parse_limit

if TYPE_CHECKING:
    from relgate.values import Dimension


@pytest.mark.parametrize(
    ("text", "op", "value", "basis", "dimension"),
    [
        ("> 2000ms", ">", 2.0, "absolute", "time"),
        (">2000 ms", ">", 2.0, "absolute", "time"),
        ("< 99%", "<", 0.99, "absolute", "share"),
        ("> 10/min", ">", 10 / 60, "absolute", "rate"),
        (">= 500MB", ">=", 5e8, "absolute", "bytes"),
        ("≤ 10MB/min", "<=", 1e7 / 60, "absolute", "byterate"),
        ("> 0", ">", 0.0, "absolute", "count"),
        ("> 300% of baseline", ">", 3.0, "times", None),
        ("> 2x baseline", ">", 2.0, "times", None),
        ("> 2.5 times the baseline", ">", 2.5, "times", None),
        ("> baseline", ">", 1.0, "times", None),
        ("> baseline + 20%", ">", 1.2, "times", None),
        ("< baseline - 10%", "<", 0.9, "times", None),
        ("> baseline + 300%", ">", 4.0, "times", None),
        ("> 105% of baseline", ">", 1.05, "times", None),
        ("> baseline + 10pp", ">", 0.1, "plus", "share"),
        ("> baseline + 10 percentage points", ">", 0.1, "plus", "share"),
        ("< baseline - 1 percentage point", "<", -0.01, "plus", "share"),
        ("> baseline + 50ms", ">", 0.05, "plus", "time"),
        ("< baseline - 5", "<", -5.0, "plus", "count"),
    ],
)
def test_numbers_mean_what_the_table_says(
    text: str, op: str, value: float, basis: Basis, dimension: Dimension | None
) -> None:
    """Every form of the table gives its boundary, basis and dimension, and keeps the author's text."""
    limit = parse_limit(text)
    assert isinstance(limit, NumberLimit)
    assert (limit.op, limit.value, limit.basis, limit.dimension) == (op, value, basis, dimension)
    assert (limit.text, limit.for_s, limit.in_a_row) == (text, None, None)


@pytest.mark.parametrize(
    ("text", "for_s", "in_a_row"),
    [
        ("> 0.5% for 5m", 300.0, None),
        ("> 1000, 3 in a row", None, 3),
        ("> 1000 3 in a row", None, 3),
        ("> 10 per minute for 1h 30m", 5400.0, None),
        ("> 2x baseline for 90s", 90.0, None),
        ("failing for 2m", 120.0, None),
        ("failing 3 in a row", None, 3),
        ("3 in a row", None, 3),
    ],
)
def test_streaks_are_read(text: str, for_s: float | None, in_a_row: int | None) -> None:
    """A limit may ask for time or for a number of observations."""
    limit = parse_limit(text)
    assert not isinstance(limit, AnyLimit)
    assert (limit.for_s, limit.in_a_row) == (for_s, in_a_row)


def test_states_and_any_are_read() -> None:
    """States stand alone or joined by ``or``; ``any`` is zero tolerance."""
    assert parse_limit("down") == StatusLimit(frozenset({"down"}), "down")
    assert parse_limit("down or stale") == StatusLimit(frozenset({"down", "stale"}), "down or stale")
    assert parse_limit("3 in a row") == StatusLimit(frozenset({"failing"}), "3 in a row", in_a_row=3)
    assert parse_limit("any") == AnyLimit("any")


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("2000ms", 'got "2000ms": begin with > or < and then what is bad'),
        ("doun", 'got "doun": did you mean "down"?'),
        (" > 5", 'got " > 5": remove the space around it'),
        ("> 2 * baseline", "with a baseline write 2x baseline, 120% of baseline, baseline + 20% or baseline + 50ms"),
        ("> 1,000", 'got "1,000": write the number without separators'),
        ("> -5", "it must not be negative"),
        ("> 150%", 'expected a share of at most 100%, got "150%"'),
        ("> 5000x baseline", 'expected between 0 and 1000 times the baseline, got "5000x baseline"'),
        ("> baseline - 200%", 'expected between 0 and 1000 times the baseline, got "baseline - 200%"'),
        ("> 5 for 0s", 'expected a streak longer than 0s, got " for 0s"'),
        ("> 5 in a row", 'got "5 in a row"'),
        ("", 'got ""'),
    ],
)
def test_refusals_name_the_likeliest_reason(text: str, ending: str) -> None:
    """What is no limit is refused with what to write instead."""
    with pytest.raises(ValueError, match="expected") as caught:
        parse_limit(text)
    assert str(caught.value).endswith(ending)


NUMBERS = st.integers(0, 99).map(str) | st.decimals(0, 99, places=2).map(str)
QUANTITIES = (
    st.builds(
        "{}{}{}".format, NUMBERS, st.sampled_from(["", " "]), st.sampled_from(["ms", "s", "%", "MB", "/min", "MiB/s"])
    )
    | NUMBERS
)
POINTS = st.sampled_from(["pp", " pp", " percentage points", "percentage point"])
BODIES = st.one_of(
    QUANTITIES,
    st.builds("{}% of baseline".format, NUMBERS),
    st.builds("{}x baseline".format, NUMBERS),
    st.builds("baseline {} {}".format, st.sampled_from("+-"), QUANTITIES | st.builds("{}{}".format, NUMBERS, POINTS)),
)
STREAKS = st.sampled_from(["", " for 5m", " for 1h30m", ", 3 in a row", " 12 in a row"])
LIMITS = st.one_of(
    st.builds("{} {}{}".format, st.sampled_from([">", ">=", "<", "<="]), BODIES, STREAKS),
    st.builds("{}{}".format, st.sampled_from(STATE_WORDS), STREAKS),
    st.just("any"),
)


def canonical(limit: Limit) -> str:
    """Write a limit from its meaning alone."""
    if isinstance(limit, AnyLimit):
        return "any"
    streak = f" for {limit.for_s:g}s" if limit.for_s else f", {limit.in_a_row} in a row" if limit.in_a_row else ""
    if isinstance(limit, StatusLimit):
        return " or ".join(sorted(limit.words)) + streak
    if limit.basis == "times":
        return f"{limit.op} {limit.value:.9f}x baseline{streak}"
    scale, unit = {
        "share": (100, "%"),
        "time": (1, "s"),
        "bytes": (1, "B"),
        "rate": (1, "/s"),
        "byterate": (1, "B/s"),
    }.get(limit.dimension or "", (1, ""))
    number = f"{abs(limit.value) * scale:.9f}"
    if limit.basis == "absolute":
        return f"{limit.op} {number}{unit}{streak}"
    unit = "pp" if unit == "%" else unit
    return f"{limit.op} baseline {'-' if limit.value < 0 else '+'} {number}{unit}{streak}"


@given(LIMITS)
def test_a_limit_survives_being_written_again(text: str) -> None:
    """What a limit means, written down anew, means the same."""
    limit = parse_limit(text)
    again = parse_limit(canonical(limit))
    assert limit.text == text
    if isinstance(limit, NumberLimit):
        assert isinstance(again, NumberLimit)
        assert (again.op, again.basis, again.dimension) == (limit.op, limit.basis, limit.dimension)
        assert (again.for_s, again.in_a_row) == (limit.for_s, limit.in_a_row)
        assert again.value == pytest.approx(limit.value, abs=1e-8)
    elif isinstance(limit, StatusLimit):
        assert again == StatusLimit(limit.words, again.text, limit.in_a_row, limit.for_s)
    else:
        assert again == limit


@given(st.text() | LIMITS.flatmap(lambda text: st.builds("{}{}".format, st.just(text), st.text(max_size=3))))
def test_any_text_is_a_limit_or_a_valueerror(text: str) -> None:
    """No text ends in anything but a limit or a ValueError."""
    try:
        limit = parse_limit(text)
    except ValueError as fault:
        assert str(fault).startswith("expected")  # noqa: PT017 - both ends are right
        return
    assert limit.text == text


def test_a_boundary_needs_its_baseline() -> None:
    """A relative limit without a baseline has no boundary; an absolute one needs none."""
    times, plus, absolute = (parse_limit(t) for t in ("> 2x baseline", "> baseline + 50ms", "> 2s"))
    assert isinstance(times, NumberLimit)
    assert isinstance(plus, NumberLimit)
    assert isinstance(absolute, NumberLimit)
    assert (times.boundary(0.2), plus.boundary(0.2), absolute.boundary(0.2)) == (0.4, 0.25, 2.0)
    assert (times.boundary(None), plus.boundary(None), absolute.boundary(None)) == (None, None, 2.0)


def test_a_limit_names_what_is_bad() -> None:
    """Exactly the boundary is kept by ``>`` and broken by ``>=``."""
    for text, broken in {"> 2": False, ">= 2": True, "< 2": False, "<= 2": True}.items():
        limit = parse_limit(text)
        assert isinstance(limit, NumberLimit)
        assert limit.broken_by(2.0, 2.0) is broken
