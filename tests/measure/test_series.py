"""Gauges and counters: aggregates, runs that may hide behind holes, and counters that start again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure.series import Over, aggregate, held, increase, longest, missing, runs

if TYPE_CHECKING:
    from relgate.values import Floats

NAN = math.nan


def _floats(*numbers: float) -> Floats:
    return np.array(numbers, dtype=np.float64)


@pytest.mark.parametrize(("over", "expected"), [("max", 5), ("min", 1), ("mean", 3), ("median", 2.5), ("last", 4)])
def test_aggregates(over: Over, expected: float) -> None:
    """Each aggregate is what its name says."""
    assert aggregate(_floats(1, 5, 2, 3, 4), over) == (3 if over == "median" else expected)


@pytest.mark.parametrize("values", [_floats(), _floats(1, NAN), _floats(1, math.inf), _floats(-math.inf, 1)])
@pytest.mark.parametrize("over", ["max", "min", "mean", "median", "last"])
def test_nothing_is_made_of_missing_values(values: Floats, over: Over) -> None:
    """One NaN or infinity, or no value at all, and there is no aggregate."""
    assert aggregate(values, over) is None


def test_missing_counts_everything_that_is_no_number() -> None:
    """NaN and both infinities are missing."""
    assert missing(_floats(1, NAN, math.inf, -math.inf)) == 3


@given(st.lists(st.booleans(), max_size=40))
def test_runs_are_what_the_eye_sees(flags: list[bool]) -> None:
    """The runs of a mask are the stretches of a text of marks."""
    text = "".join("x" if flag else "." for flag in flags)

    assert longest(np.array(flags, dtype=np.bool_)) == max(map(len, text.split(".")), default=0)
    assert [last - first + 1 for first, last in runs(np.array(flags, dtype=np.bool_))] == [
        len(part) for part in text.split(".") if part
    ]


def test_held_measures_first_to_last() -> None:
    """Six observations a minute apart that are all beyond have been so for five minutes."""
    t_s = np.arange(0, 600, 60.0)
    beyond = np.array([0, 0, 1, 1, 1, 1, 1, 1, 0, 1], dtype=np.bool_)

    found = held(t_s, beyond, np.ones(10, dtype=np.bool_))

    assert (found.longest_s, found.in_a_row, found.at) == (300, 6, 2)
    assert (found.hides_s, found.hides_in_a_row) == (300, 6)


def test_a_missing_observation_hides_a_longer_run() -> None:
    """A run that is broken only by an observation without a number may have been longer."""
    t_s = np.arange(0, 420, 60.0)
    beyond = np.array([0, 1, 1, 0, 1, 1, 0], dtype=np.bool_)
    known = np.array([1, 1, 1, 0, 1, 1, 1], dtype=np.bool_)

    found = held(t_s, beyond, known)

    assert (found.longest_s, found.in_a_row) == (60, 2)
    assert (found.hides_s, found.hides_in_a_row) == (240, 5)


def test_a_hole_breaks_a_run_but_not_what_it_hides() -> None:
    """Observations that are 4 spacings apart prove nothing about the time between them."""
    t_s = _floats(0, 60, 120, 360, 420, 480)

    found = held(t_s, np.ones(6, dtype=np.bool_), np.ones(6, dtype=np.bool_), every_s=60)

    assert (found.longest_s, found.in_a_row) == (120, 3)
    assert found.hides_s == 480
    assert found.hides_in_a_row == 9


def test_one_missing_spacing_is_no_hole() -> None:
    """A pause of two spacings (one observation lost) does not break a run."""
    found = held(_floats(0, 60, 180, 240), np.ones(4, dtype=np.bool_), np.ones(4, dtype=np.bool_), every_s=60)

    assert found.longest_s == 240


@pytest.mark.parametrize("count", [0, 1])
def test_no_time_no_duration(count: int) -> None:
    """Without two observations nothing has lasted."""
    ones = np.ones(count, dtype=np.bool_)

    found = held(np.zeros(count), ones, ones)

    assert (found.longest_s, found.in_a_row) == (0, count)


def test_a_counter_may_start_again() -> None:
    """After a restart the new value is what has happened since."""
    found = increase(_floats(0, 10, 20, 30), _floats(100, 110, 4, 6))

    assert found is not None
    assert (found.events, found.seconds, found.resets) == (16, 30, 1)
    assert found.per_second == pytest.approx(16 / 30)


@pytest.mark.parametrize(
    "values", [_floats(), _floats(1), _floats(1, NAN, 3), _floats(1, -2, 3), _floats(1, math.inf, 3)]
)
def test_a_broken_counter_counts_nothing(values: Floats) -> None:
    """Missing, negative and too few values give no rate."""
    assert increase(np.arange(values.size, dtype=np.float64), values) is None


def test_a_counter_needs_time() -> None:
    """Two observations at one moment have no rate."""
    assert increase(_floats(5, 5), _floats(1, 2)) is None


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=30))
def test_a_counter_never_runs_backwards(values: list[float]) -> None:
    """Whatever a counter shows, its increase is not negative."""
    found = increase(np.arange(len(values), dtype=np.float64), np.array(values))

    assert found is not None
    assert found.events >= 0
