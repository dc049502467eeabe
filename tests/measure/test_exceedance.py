"""A share against a fixed limit: exact for independent requests, not misled by storms, and nothing from nothing."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from relgate.measure.exceedance import CLUSTER, MOST_OF_A_BLOCK, Beyond, Dispersion

from .traffic import errors, share_above

ODDS = ((1.5, 0.2), (2.5, 0.2), (5.0, 0.25), (12.0, 0.2), (50.0, 0.15))
"""Odds of an event and weights, as the module's docstring has them."""


def _mixture(events: int, n: int, limit: float, power: float = 1.0) -> float:
    """The likelihood ratio of the docstring, each raised to ``power`` and cut off."""
    total = 0.0
    for factor, weight in ODDS:
        odds = factor * limit / (1 - limit)
        share = odds / (1 + odds)
        ratio = (share / limit) ** events * ((1 - share) / (1 - limit)) ** (n - events)
        total += weight * min(ratio**power, MOST_OF_A_BLOCK)
    return total


@given(events=st.integers(0, 40), limit=st.sampled_from([0.001, 0.01, 0.05, 0.5]))
def test_the_first_block_is_the_mixture_likelihood_ratio(events: int, limit: float) -> None:
    """To the power of 1 / CLUSTER, since nothing is known about clusters yet, and MOST_OF_A_BLOCK at most."""
    test = Beyond(1, limit, block_s=1, first=1.0)
    test.see(np.array([float(events)]), np.array([40.0]))

    assert test.e_value[0] == pytest.approx(_mixture(events, 40, limit, 1 / CLUSTER), rel=1e-9)


@pytest.mark.parametrize(("per_block", "limit"), [(1, 0.01), (2, 0.01), (0, 0.05), (5, 0.5)])
def test_events_that_come_evenly_are_independent_evidence(per_block: int, limit: float) -> None:
    """After some blocks each counts in full, as their dispersion is 1; without any event nothing is known about it."""
    test = Beyond(1, limit, block_s=1, first=1.0)
    for _ in range(50):
        test.see(np.array([float(per_block)]), np.array([40.0]))
    before = test.e_value[0]
    test.see(np.array([float(per_block)]), np.array([40.0]))

    steps = [
        ((1 - share) / (1 - limit)) ** 40 * (share / limit * (1 - limit) / (1 - share)) ** per_block
        for share in (factor * limit / (1 - limit + factor * limit) for factor, _ in ODDS)
    ]
    power = 1 if per_block else 1 / CLUSTER
    assert min(steps) ** power * 0.999 <= test.e_value[0] / before <= max(steps) ** power * 1.001


@pytest.mark.parametrize("limit", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("below", [1.0, 0.5])
def test_the_mean_over_all_outcomes_is_at_most_one(limit: float, below: float) -> None:
    """Every pattern of events in three blocks of eight independent requests, at the limit and below it."""
    n, share = 8, below * limit
    outcomes = np.array(list(product(range(n + 1), repeat=3)), dtype=np.float64)
    chances = stats.binom.pmf(outcomes, n, share).prod(axis=1)
    test = Beyond(len(outcomes), limit, block_s=1)
    means = []
    for block in range(3):
        test.see(outcomes[:, block], np.full(len(outcomes), float(n)))
        means.append(float(chances @ test.e_value))

    assert chances.sum() == pytest.approx(1)
    assert max(means) <= 1 + 1e-12


@pytest.mark.parametrize("burst", [1.0, 4.0])
@pytest.mark.parametrize(("limit", "rate"), [(0.01, 1), (0.01, 100), (0.01, 1000), (0.05, 10), (0.001, 100)])
def test_a_share_at_the_limit_is_hardly_ever_called_more(limit: float, rate: int, burst: float) -> None:
    """In one run of twenty at most, in bursts of four too, and be it in the first seconds."""
    rng, runs = np.random.default_rng(1), 400
    counts = np.minimum(errors(rng, 600, runs, limit * rate, burst), rate).astype(np.float64)
    test, n, e_values = Beyond(runs, limit), np.full(runs, float(rate)), []
    for second in counts:
        test.see(second, n)
        e_values.append(test.e_value)

    assert share_above(e_values, 20) <= 0.05


@pytest.mark.parametrize(("burst", "within_s"), [(1.0, 45), (4.0, 300)])
def test_five_times_the_limit_is_found(burst: float, within_s: int) -> None:
    """5 % of ten requests a second where 1 % is allowed; storms take longer, because they are fewer."""
    rng, runs = np.random.default_rng(2), 200
    test = Beyond(runs, 0.01)
    for second in errors(rng, within_s, runs, 0.5, burst):
        test.see(np.minimum(second, 10).astype(np.float64), np.full(runs, 10.0))

    assert np.mean(test.e_value >= 20) >= 0.9


def test_what_begins_late_is_found() -> None:
    """After ten minutes of nothing a minute of 5 % is enough for most."""
    rng, runs = np.random.default_rng(3), 100
    test, n = Beyond(runs, 0.01), np.full(runs, 20.0)
    for share in [0.001] * 600 + [0.06] * 60:
        test.see(rng.binomial(20, share, runs).astype(np.float64), n)

    assert np.mean(test.e_value >= 20) >= 0.9


def test_one_storm_is_not_a_trend() -> None:
    """Four errors at once in the first block of ten requests a second, and none before or after."""
    test = Beyond(1, 0.01)
    highest = 0.0
    for events in [4.0] + [0.0] * 60:
        test.see(np.array([events]), np.array([10.0]))
        highest = max(highest, float(test.e_value[0]))

    assert highest < 20
    assert test.e_value < 1


def test_without_events_there_is_no_evidence() -> None:
    """Less and less, the more requests go well; exactly 1 while there is none, or no full block."""
    test, silent = Beyond(1, 0.01), Beyond(1, 0.01)
    told = [1.0]
    for second in range(30):
        test.see(np.zeros(1), np.full(1, 10.0))
        silent.see(np.zeros(1), np.zeros(1))
        if second < 2:
            assert test.e_value == 1
        told.append(float(test.e_value[0]))

    assert told == sorted(told, reverse=True)
    assert told[-1] < 1
    assert silent.e_value == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("n", [1.0, 2.0])
def test_one_event_of_a_request_or_two_proves_nothing(n: float) -> None:
    """Also where one in a thousand is the limit: it may be a storm."""
    test = Beyond(1, 0.001, block_s=1)
    test.see(np.array([1.0]), np.array([n]))

    assert test.e_value < 20


@pytest.mark.parametrize("limit", [0.0, 1.0, -0.1, math.nan, math.inf])
def test_a_limit_is_a_share(limit: float) -> None:
    """Neither nothing nor all."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        Beyond(1, limit)


def test_counts_that_are_not_numbers_are_never_evidence() -> None:
    """NaN stays NaN, which reaches nothing; other runs do not notice."""
    test = Beyond(2, 0.01, block_s=1)
    for _ in range(20):
        test.see(np.array([math.nan, 3.0]), np.array([10.0, 10.0]))

    assert not test.e_value[0] >= 1
    assert test.e_value[1] > 20


@pytest.mark.parametrize("rate", [10, 1000])
@pytest.mark.parametrize(("burst", "expected"), [(1.0, 1.0), (4.0, 7.0)])
def test_dispersion_is_the_size_of_clusters(rate: int, burst: float, expected: float) -> None:
    """The mean size that an error finds itself in: E[k^2] / E[k], 7 for geometric sizes with mean 4."""
    counts = errors(np.random.default_rng(4), 15_000, 1, 0.01 * rate, burst).astype(np.float64)
    dispersion = Dispersion(1)
    for block in counts.reshape(-1, 10).sum(axis=1):
        dispersion.see(np.array([block]), np.array([10.0 * rate]))

    assert dispersion.factor[0] == pytest.approx(expected, rel=0.2)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(5, 50)), max_size=20), st.sampled_from([1.0, 4.0]))
def test_dispersion_is_never_below_one(blocks: list[tuple[int, int]], believed: float) -> None:
    """Whatever was seen, all of it or nothing; without an event it is what is believed."""
    dispersion = Dispersion(1, believed)
    for events, n in blocks:
        dispersion.see(np.array([float(events)]), np.array([float(n)]))

    assert 1 <= dispersion.factor[0] < math.inf
    if not any(events for events, _ in blocks):
        assert dispersion.factor[0] == believed
