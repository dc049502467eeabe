"""The rank sum test says what R says, and what must be true of any such test."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.backtest.wilcoxon import p_value, rank_sum, shift

R: dict[str, Any] = json.loads(Path(__file__).with_name("wilcoxon.json").read_text())
CASES = [
    pytest.param(
        name, result, id=f"{name}-{result['confidence']:g}-{'chosen' if result['exact'] is None else 'normal'}"
    )
    for name, data in R["sets"].items()
    for result in data["results"]
]
values = st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=12)


@pytest.mark.parametrize(("name", "expected"), CASES)
def test_published_examples_come_out_as_in_r(name: str, expected: dict[str, Any]) -> None:
    """Statistic, p and interval agree with R's ``wilcox.test`` on published data, exact and approximate."""
    data = R["sets"][name]
    result = rank_sum(data["x"], data["y"], expected["confidence"], exact=expected["exact"])
    assert result.statistic == expected["statistic"]
    assert result.p == pytest.approx(expected["p"], rel=1e-12)
    assert result.low == pytest.approx(expected["low"], abs=1e-9)
    assert result.high == pytest.approx(expected["high"], abs=1e-9)


@pytest.mark.parametrize(("name", "expected"), CASES)
def test_the_estimate_is_r_s_or_in_the_middle_where_r_may_take_any(name: str, expected: dict[str, Any]) -> None:
    """Between the two middle differences the statistic is flat: R's search stops anywhere there, we take the middle."""
    data = R["sets"][name]
    differences = np.sort(np.subtract.outer(data["x"], data["y"]).ravel())
    below, above = differences[(len(differences) - 1) // 2], differences[len(differences) // 2]
    assert below - 1e-9 <= expected["estimate"] <= above + 1e-9
    assert rank_sum(data["x"], data["y"], exact=expected["exact"]).estimate == pytest.approx((below + above) / 2)


@given(values, values, st.sampled_from([1e-6, 1e-3, 1e6]))
def test_another_unit_changes_nothing_but_the_unit(x: list[float], y: list[float], unit: float) -> None:
    """Latency in seconds and in microseconds gives the same p and the same interval."""
    plain, scaled = rank_sum(x, y, exact=False), rank_sum(np.multiply(x, unit), np.multiply(y, unit), exact=False)
    assert scaled.p == pytest.approx(plain.p, nan_ok=True)
    for end in ("low", "high", "estimate"):
        assert getattr(scaled, end) == pytest.approx(getattr(plain, end) * unit, nan_ok=True, rel=1e-9, abs=1e-9 * unit)


@given(values, values)
def test_swapping_the_samples_mirrors_the_interval(x: list[float], y: list[float]) -> None:
    """What is so much more than the other is as much less when they change places."""
    one, other = rank_sum(x, y, exact=False), rank_sum(y, x, exact=False)
    assert one.p == pytest.approx(other.p, nan_ok=True)
    assert one.low == pytest.approx(-other.high, nan_ok=True)
    assert one.estimate == pytest.approx(-other.estimate)


@given(st.lists(st.lists(st.integers(0, 5).map(float), min_size=4, max_size=4), min_size=1, max_size=6))
def test_many_runs_at_once_are_many_single_runs(rows: list[list[float]]) -> None:
    """Rows do not see each other."""
    x, y = np.array(rows), np.array(rows)[::-1]
    low, high, estimate = shift(x, y, 0.98)
    for row in range(len(rows)):
        alone = rank_sum(x[row], y[row], 0.98, exact=False)
        together = (p_value(x, y)[row], low[row], high[row], estimate[row])
        assert together == pytest.approx((alone.p, alone.low, alone.high, alone.estimate), nan_ok=True)


@pytest.mark.parametrize("bad", [[], [math.nan], [1.0, math.inf]])
def test_nothing_or_holes_have_no_result(bad: list[float]) -> None:
    """An empty sample, NaN or infinity gives NaN, never a p to compare."""
    for result in (rank_sum(bad, [1.0, 2.0]), rank_sum([1.0, 2.0], bad)):
        assert all(
            math.isnan(value) for value in (result.statistic, result.p, result.low, result.high, result.estimate)
        )


def test_equal_values_have_no_p() -> None:
    """Where all observations are tied the test has no spread: NaN, and an estimate of 0."""
    result = rank_sum([2.0, 2.0], [2.0, 2.0, 2.0])
    assert math.isnan(result.p)
    assert math.isnan(result.low)
    assert result.estimate == 0


def test_one_value_a_side_says_next_to_nothing() -> None:
    """The interval cannot reach its confidence and is all differences; p is 1."""
    result = rank_sum([1.0], [3.0])
    assert (result.p, result.low, result.high, result.estimate) == (1.0, -2.0, -2.0, -2.0)
    few = rank_sum([1.0, 2.0], [3.0, 5.0])
    assert (few.low, few.high) == (-4.0, -1.0)
    assert few.p == pytest.approx(1 / 3)
