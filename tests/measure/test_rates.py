"""Shares, rates, their ratios and differences: exact against scipy, covered in simulation, sane at zero."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from relgate.measure.rates import CountPair, ServedPair, SharePair, per_second, rate_ratio, share


@pytest.mark.parametrize(("events", "n"), [(0, 1), (0, 59), (1, 30), (5, 1000), (30, 30), (999, 1000)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_share_agrees_with_scipy(events: int, n: int, confidence: float) -> None:
    """Both ends are Clopper-Pearson's, taken one-sided."""
    found = share(events, n, confidence)

    below = stats.binomtest(events, n, alternative="greater").proportion_ci(confidence).low
    above = stats.binomtest(events, n, alternative="less").proportion_ci(confidence).high
    assert found is not None
    assert found.low == pytest.approx(below, abs=1e-12)
    assert found.high == pytest.approx(above, abs=1e-12)


def test_share_of_nothing_is_nothing() -> None:
    """Without trials there is no share, and more events than trials are an error."""
    assert share(0, 0, 0.95) is None
    with pytest.raises(ValueError, match="expected 0 <= events <= n"):
        share(2, 1, 0.95)


def test_rate_agrees_with_garwoods_table() -> None:
    """Ten events: 95 % two-sided limits 4.795 to 18.39 (each end at 97.5 %), none: 3.0 at one-sided 95 %."""
    ten, none = per_second(10, 1.0, 0.975), per_second(0, 1.0, 0.95)

    assert ten is not None
    assert none is not None
    assert ten.low == pytest.approx(4.7954, abs=1e-4)
    assert ten.high == pytest.approx(18.3904, abs=1e-4)
    assert none.low == 0
    assert none.high == pytest.approx(2.9957, abs=1e-4)


def test_rate_needs_exposure() -> None:
    """No time, no rate; a count that is no count is an error."""
    assert per_second(3, 0.0, 0.95) is None
    assert per_second(3, math.nan, 0.95) is None
    with pytest.raises(ValueError, match="expected a count"):
        per_second(math.nan, 1.0, 0.95)


@settings(max_examples=60)
@given(st.integers(0, 40), st.integers(1, 40), st.floats(0.05, 20), st.sampled_from([0.9, 0.95, 0.99]))
def test_ratio_is_the_conditional_binomial_test(ours: int, theirs: int, weight: float, confidence: float) -> None:
    """At each end of the interval the exact binomial test of that ratio is on the edge of its level."""
    found = rate_ratio((ours, theirs), (weight, 1.0), confidence)

    assert found is not None
    if ours > 0:
        assert found.low is not None
        at_low = weight * found.low / (1 + weight * found.low)
        assert stats.binomtest(ours, ours + theirs, at_low, alternative="greater").pvalue == pytest.approx(
            1 - confidence, rel=1e-6
        )
    assert found.high is not None
    at_high = weight * found.high / (1 + weight * found.high)
    assert stats.binomtest(ours, ours + theirs, at_high, alternative="less").pvalue == pytest.approx(
        1 - confidence, rel=1e-6
    )


@given(st.integers(0, 50), st.integers(0, 50), st.integers(51, 5000), st.integers(51, 5000))
def test_swapped_sides_are_reciprocal(ours: int, theirs: int, n: int, m: int) -> None:
    """The baseline's ratio to the candidate has the reciprocal ends; open becomes 0 and 0 becomes open."""
    there, back = rate_ratio((ours, theirs), (n, m), 0.95), rate_ratio((theirs, ours), (m, n), 0.95)

    assert (there is None) == (back is None) == (ours + theirs == 0)
    if there is not None and back is not None:
        assert (there.high is None) == (theirs == 0)
        assert there.low == (0 if back.high is None else pytest.approx(1 / back.high))


def test_no_event_on_either_side_has_no_ratio() -> None:
    """0 of n against 0 of m is no number; a rule has to decide it."""
    assert rate_ratio((0, 0), (100, 100), 0.95) is None
    assert rate_ratio((3, 1), (0, 100), 0.95) is None
    assert rate_ratio((3, 1), (100, 0), 0.95) is None


def test_events_at_the_candidate_alone_can_prove_a_ratio() -> None:
    """Against none of 1000 at the baseline, 3 do not prove "more than three times", 20 do."""
    few, many = rate_ratio((3, 0), (1000, 1000), 0.95), rate_ratio((20, 0), (1000, 1000), 0.95)

    assert few is not None
    assert many is not None
    assert few.value == many.value == math.inf
    assert few.high is None
    assert (few.low or 0.0) < 3 < (many.low or 0.0)


@pytest.mark.parametrize(
    ("p", "ratio", "n", "m"), [(0.002, 3.0, 2000, 2000), (0.05, 1.0, 400, 4000), (0.4, 1.0, 60, 60)]
)
def test_ratio_covers_the_truth(p: float, ratio: float, n: int, m: int) -> None:
    """Each end holds in at least 95 % of 2000 simulated bakes (exact for rare events, conservative for shares)."""
    generator = np.random.default_rng(n)
    ours, theirs = generator.binomial(n, p * ratio, 2000), generator.binomial(m, p, 2000)
    below = above = 0
    for a, b in zip(ours, theirs, strict=True):
        found = rate_ratio((int(a), int(b)), (n, m), 0.95)
        below += found is None or found.low is None or found.low <= ratio
        above += found is None or found.high is None or found.high >= ratio

    assert min(below, above) / 2000 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 2000)


@pytest.mark.parametrize(("p", "q", "n", "m"), [(0.01, 0.01, 200, 200), (0.11, 0.01, 300, 300), (0.5, 0.3, 50, 80)])
def test_difference_covers_the_truth(p: float, q: float, n: int, m: int) -> None:
    """Each end of the difference in percentage points holds in at least 95 % of 1000 simulated bakes."""
    generator = np.random.default_rng(n + m)
    covered = np.zeros(2)
    for a, b in zip(generator.binomial(n, p, 1000), generator.binomial(m, q, 1000), strict=True):
        found = SharePair(int(a), n, int(b), m).difference(0.95)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        covered += [found.low <= p - q, p - q <= found.high]

    assert covered.min() / 1000 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 1000)


def test_zero_differences_have_a_width() -> None:
    """No error on either side of a hundred requests: the difference may still be three points either way."""
    found = SharePair(0, 100, 0, 100).difference(0.95)

    assert found is not None
    assert found.value == 0
    assert found.low == pytest.approx(-0.0295, abs=1e-4)
    assert found.high == pytest.approx(0.0295, abs=1e-4)


def test_needed_for_a_share() -> None:
    """Zero errors in 10 need 59 trials for 5 %; 10 % errors need more trials to be surely above 5 %."""
    assert SharePair(0, 10).needed("absolute", 0.05, 0.95) == 59
    needed = SharePair(3, 30).needed("absolute", 0.05, 0.95)
    assert needed is not None
    assert needed > 30
    decided, before = share(needed * 0.1, needed, 0.95), share(needed * 0.1 * 0.9, needed * 0.9, 0.95)
    assert decided is not None
    assert before is not None
    assert decided.decides(0.05)
    assert not before.decides(0.05)


def test_no_baseline_gives_no_comparison() -> None:
    """Ratio and difference are None without a baseline or with an empty one."""
    for pair in (SharePair(1, 100), SharePair(1, 100, 0, 0)):
        assert pair.ratio(0.95) is None
        assert pair.difference(0.95) is None
        assert pair.baseline is None


def test_served_rate_is_the_schedule_times_the_share() -> None:
    """At 20 offered a second with every request served the rate is known to a fraction of a percent."""
    pair = ServedPair(SharePair(1200, 1200, 1150, 1200), 20.0, 20.0)

    own, ratio = pair.own(0.95), pair.ratio(0.95)

    assert own is not None
    assert ratio is not None
    assert (own.value, own.high) == (20.0, 20.0)
    assert own.low == pytest.approx(20 * 0.05 ** (1 / 1200))
    assert ratio.value == pytest.approx(1200 / 1150)
    assert (ratio.low or 0.0) > 1
    assert pair.baseline == pytest.approx(20 * 1150 / 1200)


def test_nothing_served_is_surely_less_than_the_baseline() -> None:
    """A candidate that serves nothing has a ratio whose upper end is near zero, not an open one."""
    ratio = ServedPair(SharePair(0, 1000, 1000, 1000), 20.0, 20.0).ratio(0.95)

    assert ratio is not None
    assert ratio.high is not None
    assert ratio.high < 0.01


def test_counter_pairs_compare_rates() -> None:
    """Ten restarts in a minute against ten in ten minutes are ten times as many."""
    pair = CountPair(12, 10, 60.0, 120, 10, 600.0)

    ratio, difference = pair.ratio(0.95), pair.difference(0.95)

    assert ratio is not None
    assert difference is not None
    assert ratio.value == pytest.approx(10)
    assert (ratio.low or 0.0) > 3
    assert difference.value == pytest.approx(10 / 60 - 10 / 600)
    assert pair.baseline == pytest.approx(10 / 600)
    assert CountPair(12, 0, 60.0).needed("absolute", 10 / 600, 0.95) == math.ceil(12 * 2.99573 / (10 / 600) / 60)
