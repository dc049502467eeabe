"""Capacity: where a quantile crosses its limit on a ladder of rates, with bounds that hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from relgate.measure.capacity import CapacityPair, Ladder, crossing

RATES = tuple(50.0 * step for step in range(1, 9))


def ladder(knee: float, seed: int, n: int = 300, sigma: float = 0.4) -> Ladder:
    """A service whose true P95 is ``knee`` / 100 s... it grows with the rate and is 0.5 s at the knee."""
    random = np.random.default_rng(seed)
    median = [0.5 * (rate / knee) ** 4 / math.exp(1.6448536 * sigma) for rate in RATES]
    return Ladder(RATES, tuple(random.lognormal(math.log(one), sigma, n) for one in median))


def test_the_bounds_hold_the_true_knee_as_often_as_they_say() -> None:
    """P95 is 0.5 s at 230/s by construction; each bound may be wrong in 5 %."""
    low = high = 0
    for seed in range(300):
        found = ladder(230.0, seed).found(0.95, 0.5, 0.95)
        assert found is not None
        low += found.low is not None and found.low > 230.0
        high += found.high is not None and found.high < 230.0

    assert max(low, high) <= 0.05 * 300 + 8


def test_a_candidate_with_four_fifths_of_the_capacity_is_told_from_its_baseline() -> None:
    """The ratio's interval lies below 0.9; of two equal ones it does not lie beyond it."""
    worse = CapacityPair(ladder(184.0, 1, 2000), ladder(230.0, 2, 2000), 0.95, 0.5).ratio(0.95)
    equal = CapacityPair(ladder(230.0, 3, 2000), ladder(230.0, 4, 2000), 0.95, 0.5).ratio(0.95)

    assert worse is not None
    assert worse.high is not None
    assert worse.high < 0.9
    assert equal is not None
    assert equal.low is not None
    assert equal.low > 0.9


def test_a_service_that_never_reaches_its_end_has_an_open_one() -> None:
    """At least the highest rate: whoever compares must not take that for the capacity."""
    found = ladder(1000.0, 1).found(0.95, 0.5, 0.95)

    assert found is not None
    assert (found.value, found.low, found.high) == (400.0, 400.0, None)


def test_a_service_that_fails_from_the_first_step_has_none() -> None:
    """Failed requests are slower than anything."""
    steps = tuple(np.full(100, math.inf) for _ in RATES)
    found = Ladder(RATES, steps).found(0.95, 0.5, 0.95)

    assert found is not None
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_a_step_without_a_request_gives_no_capacity() -> None:
    """A load that ended early has not looked for it."""
    steps = (*(np.full(100, 0.01) for _ in RATES[:-1]), np.zeros(0))

    assert Ladder(RATES, steps).found(0.95, 0.5, 0.95) is None


@pytest.mark.parametrize(
    ("latencies", "rate"),
    [
        ([0.1, 0.2, 0.3, 0.4], None),
        ([0.1, 0.9, 0.2, 0.3], None),  # one pause is no knee
        ([0.1, 0.25, 1.0, 1.0], 25.0),
        ([0.1, 0.2, 0.3, 1.0], 34.24),
        ([1.0, 1.0, 1.0, 1.0], 5.0),
        ([0.1, math.inf, math.inf, math.inf], 10.0),
    ],
)
def test_a_curve_crosses_its_limit_where_it_stays_above(latencies: list[float], rate: float | None) -> None:
    """Between two steps on a log scale of latency."""
    found = crossing((10.0, 20.0, 30.0, 40.0), latencies, 0.5)

    assert found == (None if rate is None else pytest.approx(rate, rel=1e-3))
