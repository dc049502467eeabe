"""What all estimators share: sides of a boundary, MOVER, and how many samples would decide."""

from __future__ import annotations

import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure.interval import (
    Given,
    Interval,
    by_search,
    by_width,
    exact,
    mover_difference,
    mover_ratio,
    rectangle_ratio,
    side,
)
from relgate.measure.rates import share

POSITIVE = st.floats(1e-6, 1e6)


def _interval(value: float, below: float, above: float) -> Interval:
    return Interval(value, value / (1 + below), value * (1 + above))


INTERVALS = st.builds(_interval, POSITIVE, st.floats(0, 2), st.floats(0, 2))


def test_nan_never_becomes_an_interval() -> None:
    """A NaN is refused where it would enter, naming the end."""
    with pytest.raises(ValueError, match=r"Interval\.high: expected a number, got NaN"):
        Interval(1.0, 0.5, math.nan)


@pytest.mark.parametrize(
    ("interval", "boundary", "expected"),
    [
        (Interval(3, 2.1, 4), 2.0, "bad"),
        (Interval(1, 0.5, 2), 2.0, "good"),
        (Interval(1, 0.5, 2.1), 2.0, "open"),
        (Interval(3, None, 4), 2.0, "open"),
        (Interval(1, 0.5, None), 2.0, "open"),
        (Interval(2, 2, 2), 2.0, "good"),
        (Interval(2, 2 * (1 + 1e-15), 2 * (1 + 1e-15)), 2.0, "good"),
    ],
)
def test_only_a_whole_interval_takes_a_side(interval: Interval, boundary: float, expected: str) -> None:
    """An interval that straddles the boundary or has an open end on that side decides nothing."""
    assert side(interval, boundary, operator.gt, upward=True) == expected


@pytest.mark.parametrize(("interval", "expected"), [(Interval(1, 0.5, 1.9), "bad"), (Interval(3, 2, 4), "good")])
def test_a_limit_from_below_looks_at_the_other_ends(interval: Interval, expected: str) -> None:
    """For `< 2` the upper end proves the fail and the lower end the pass."""
    assert side(interval, 2.0, operator.lt, upward=False) == expected


@given(INTERVALS, INTERVALS)
def test_swapping_the_sides_turns_the_ratio_over(a: Interval, b: Interval) -> None:
    """The ratio of b to a has the reciprocal ends of the ratio of a to b."""
    there, back = mover_ratio(a, b), mover_ratio(b, a)

    assert there.low is not None
    assert back.high is not None
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high)


@given(INTERVALS, INTERVALS)
def test_swapping_the_sides_turns_the_difference_over(a: Interval, b: Interval) -> None:
    """The difference of b and a has the negative ends of the difference of a and b."""
    there, back = mover_difference(a, b), mover_difference(b, a)

    assert (there.low, there.high) == (-(back.high or 0.0), -(back.low or 0.0))


@given(INTERVALS, INTERVALS)
def test_the_corners_lie_outside_of_mover(a: Interval, b: Interval) -> None:
    """The rectangle is never narrower than the square-and-add interval of the same ends."""
    inner, outer = mover_ratio(a, b), rectangle_ratio(a, b)

    assert outer is not None
    assert (outer.low or 0.0) <= (inner.low or 0.0) * (1 + 1e-9)
    assert (outer.high or 0.0) >= (inner.high or 0.0) * (1 - 1e-9)


def test_mover_matches_the_example_of_its_paper() -> None:
    """Newcombe's example (56/70 - 48/80 with Wilson's ends) gives 0.0524 to 0.3339, as printed since 1998."""
    a, b = Interval(0.8, 0.6916, 0.8776), Interval(0.6, 0.4904, 0.7003)

    result = mover_difference(a, b)

    assert result.value == pytest.approx(0.2)
    assert result.low == pytest.approx(0.0524, abs=2e-3)
    assert result.high == pytest.approx(0.3339, abs=2e-3)


def test_open_ends_stay_open() -> None:
    """What one side cannot bound, the ratio and the difference cannot bound either."""
    a, b = Interval(2, 1, None), Interval(1, 0.5, 3)

    assert mover_ratio(a, b).high is None
    assert mover_difference(a, b).high is None
    assert mover_ratio(b, a).low is None
    assert mover_difference(b, a).low is None


@pytest.mark.parametrize("other", [Interval(0, 0, 0), Interval(math.inf, 1, math.inf)])
def test_a_dead_baseline_gives_no_ratio(other: Interval) -> None:
    """Neither zero nor infinity can be compared with."""
    assert rectangle_ratio(Interval(1, 0.5, 2), other) is None
    with pytest.raises(ValueError, match="expected positive finite values"):
        mover_ratio(Interval(1, 0.5, 2), other)


def test_needed_by_width_shrinks_with_the_root() -> None:
    """Half the distance to the boundary needs four times the samples; on the boundary no number helps."""
    interval = Interval(1.0, 0.8, 1.2)

    assert by_width(100, interval, 1.1) == 400
    assert by_width(100, interval, 0.95) == 1600
    assert by_width(100, interval, 1.0) is None
    assert by_width(10, None, 1.0, least=59) == 59
    assert by_width(10, Interval(1.0, 0.5, None), 2.0, least=59) == 59


def test_needed_by_search_finds_the_rule_of_three() -> None:
    """No error in n needs ln(0.05)/ln(1-0.01) = 299 trials to be surely below 1 %."""
    assert by_search(10, lambda factor: share(0, 10 * factor, 0.95), 0.01) == 299


def test_needed_by_search_gives_up() -> None:
    """A value on the boundary is decided by no number of samples."""
    assert by_search(100, lambda factor: share(1 * factor, 100 * factor, 0.95), 0.01) is None


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_a_given_number_has_no_width(value: float, baseline: float) -> None:
    """A deterministic measure compares as itself."""
    given_number = Given(3, exact(value), 3, baseline)

    ratio, difference = given_number.ratio(0.95), given_number.difference(0.95)

    assert ratio == exact(value / baseline)
    assert difference == exact(value - baseline)
    assert given_number.needed("absolute", 1.0, 0.95) is None


@pytest.mark.parametrize("baseline", [None, 0.0, -1.0])
def test_a_given_number_has_no_ratio_to_nothing(baseline: float | None) -> None:
    """Twice of nothing means nothing."""
    assert Given(3, exact(1.0), 3, baseline).ratio(0.95) is None
