"""Order-statistic intervals of quantiles, checked against scipy, against tables and by simulation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from relgate.measure.quantiles import QuantilePair, interval, needed, ranks

if TYPE_CHECKING:
    from relgate.values import Floats


@pytest.mark.parametrize(
    ("q", "confidence", "expected"),
    [
        (0.95, 0.95, 59),
        (0.99, 0.95, 299),
        (0.999, 0.95, 2995),
        (0.95, 0.99, 90),
        (0.99, 0.99, 459),
        (0.5, 0.95, 5),
        (0.05, 0.95, 59),
        (0.9, 0.9, 22),
    ],
)
def test_needed_is_the_textbook_number(q: float, confidence: float, expected: int) -> None:
    """The number of samples for a finite interval agrees with ln(alpha)/ln(q)."""
    assert needed(q, confidence) == expected


@given(st.floats(0.01, 0.999), st.floats(0.6, 0.999))
@example(0.5, 0.75)
def test_needed_is_where_both_ends_appear(q: float, confidence: float) -> None:
    """With that many samples both ends are finite, with one fewer they are not."""
    n = needed(q, confidence)

    assert None not in ranks(n, q, confidence)
    assert n == 1 or None in ranks(n - 1, q, confidence)


def _scipy_end(values: Floats, q: float, alternative: Literal["less", "greater"], confidence: float) -> float:
    """The finite end of scipy's one-sided interval."""
    ends: Any = stats.quantile_test(values, q=0.0, p=q, alternative=alternative).confidence_interval(confidence)
    return float(ends.high if alternative == "less" else ends.low)


@pytest.mark.parametrize("n", [20, 59, 60, 300, 1000])
@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_bounds_agree_with_scipy(n: int, q: float, confidence: float) -> None:
    """Both ends are those of scipy.stats.quantile_test, taken one-sided."""
    values = np.random.default_rng(n).lognormal(size=n)

    found = interval(values, q, confidence)

    above = _scipy_end(values, q, "less", confidence)
    below = _scipy_end(values, q, "greater", confidence)
    assert found is not None
    assert found.high == (None if math.isnan(above) else pytest.approx(above))
    assert found.low == (None if math.isnan(below) else pytest.approx(below))


@settings(max_examples=50)
@given(st.integers(1, 3000), st.floats(0.02, 0.98), st.floats(0.8, 0.999))
def test_ranks_keep_their_level(n: int, q: float, confidence: float) -> None:
    """By the binomial distribution itself, each end misses the quantile with at most the allowed probability."""
    low, high = ranks(n, q, confidence)

    if low is not None:
        assert stats.binom.cdf(low - 1, n, q) <= 1 - confidence + 1e-12
    if high is not None:
        assert stats.binom.sf(high - 1, n, q) <= 1 - confidence + 1e-12


def test_no_samples_give_no_interval() -> None:
    """Nothing is measured by nothing."""
    assert interval(np.array([]), 0.95, 0.95) is None


def test_nan_is_refused() -> None:
    """A NaN among the samples is an error, not a number that sorts somewhere."""
    with pytest.raises(ValueError, match="got NaN"):
        interval(np.array([1.0, math.nan]), 0.95, 0.95)


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1, 95.0, math.nan])
def test_a_quantile_is_a_share(q: float) -> None:
    """95 instead of 0.95 is an error."""
    with pytest.raises(ValueError, match="expected a share between 0 and 1"):
        needed(q, 0.95)


SAMPLES = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=200).map(lambda x: np.array(x, dtype=np.float64))


@given(SAMPLES, st.sampled_from([0.5, 0.9, 0.95]), st.sampled_from([1e-6, 2.0**-20, 1e6]))
def test_scale_does_not_matter(values: Floats, q: float, scale: float) -> None:
    """Seconds or microseconds: the same samples are the ends."""
    one, other = interval(values, q, 0.95), interval(values * scale, q, 0.95)

    assert one is not None
    assert other is not None
    assert other.value == one.value * scale
    assert other.low == (None if one.low is None else one.low * scale)
    assert other.high == (None if one.high is None else one.high * scale)


@given(SAMPLES, st.integers(1, 200), st.sampled_from([0.5, 0.95]))
def test_slower_samples_never_make_it_faster(values: Floats, added: int, q: float) -> None:
    """Adding samples slower than all others moves no end down."""
    before = interval(values, q, 0.95)
    after = interval(np.concatenate([values, np.full(added, values.max() * 2)]), q, 0.95)

    assert before is not None
    assert after is not None
    assert after.value >= before.value
    assert (after.low or 0.0) >= (before.low or 0.0)


def test_constant_samples_have_no_width() -> None:
    """A hundred equal samples are their own quantile, for sure."""
    found = interval(np.full(100, 0.25), 0.95, 0.95)

    assert found is not None
    assert (found.low, found.value, found.high) == (0.25, 0.25, 0.25)


def test_failed_requests_are_slower_than_anything() -> None:
    """With six failures in a hundred there is no 95th percentile; with four it is a number."""
    many = interval(np.array([0.1] * 94 + [math.inf] * 6), 0.95, 0.95)
    few = interval(np.array([0.1] * 96 + [math.inf] * 4), 0.95, 0.95)

    assert many is not None
    assert few is not None
    assert many.value == math.inf
    assert few.value == 0.1
    assert few.high == math.inf


def _coverage(n: int, q: float, true: float, runs: int, seed: int) -> tuple[float, float]:
    """Share of runs in which low <= true ratio and true ratio <= high, for log-normal samples."""
    generator = np.random.default_rng(seed)
    below = above = 0
    for _ in range(runs):
        a, b = generator.lognormal(sigma=0.6, size=n) * true, generator.lognormal(sigma=0.6, size=n)
        ratio = QuantilePair(a, b, q).ratio(0.95)
        assert ratio is not None
        below += ratio.low is None or ratio.low <= true
        above += ratio.high is None or ratio.high >= true
    return below / runs, above / runs


@pytest.mark.parametrize(("n", "q"), [(100, 0.95), (400, 0.95), (1000, 0.99)])
def test_ratio_covers_the_truth(n: int, q: float) -> None:
    """Each end of the ratio's interval holds in 95 % of 1000 simulated bakes, less three standard errors."""
    covered = _coverage(n, q, true=1.3, runs=1000, seed=n)

    assert min(covered) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 1000)


def test_difference_covers_the_truth() -> None:
    """Each end of the difference's interval holds in 95 % of 1000 simulated bakes, less three standard errors."""
    generator, q, covered = np.random.default_rng(7), 0.95, np.zeros(2)
    truth = 0.5 * math.exp(0.6 * stats.norm.ppf(q))
    for _ in range(1000):
        a, b = generator.lognormal(sigma=0.6, size=300) * 1.5, generator.lognormal(sigma=0.6, size=300)
        found = QuantilePair(a, b, q).difference(0.95)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        covered += [found.low <= truth, truth <= found.high]

    assert covered.min() / 1000 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 1000)


def test_swapped_sides_are_reciprocal() -> None:
    """The ratio of the baseline to the candidate has the reciprocal ends."""
    generator = np.random.default_rng(3)
    a, b = generator.lognormal(size=200), generator.lognormal(size=300) * 1.2

    there, back = QuantilePair(a, b, 0.9).ratio(0.95), QuantilePair(b, a, 0.9).ratio(0.95)

    assert there is not None
    assert back is not None
    assert there.low == pytest.approx(1 / (back.high or math.nan))
    assert there.high == pytest.approx(1 / (back.low or math.nan))


def test_a_candidate_that_answers_nothing_is_worse_than_its_baseline() -> None:
    """All requests failed: the ratio is infinite and so is its lower end; nothing bounds it from above."""
    pair = QuantilePair(np.full(100, math.inf), np.full(100, 0.1), 0.95)

    ratio, difference = pair.ratio(0.95), pair.difference(0.95)

    assert ratio is not None
    assert difference is not None
    assert (ratio.low, ratio.high) == (math.inf, None)
    assert (difference.low, difference.high) == (math.inf, None)


def test_a_baseline_that_answers_nothing_proves_nothing() -> None:
    """Against a dead baseline there is neither ratio nor difference."""
    pair = QuantilePair(np.full(100, 0.1), np.full(100, math.inf), 0.95)

    assert pair.ratio(0.95) is None
    assert pair.difference(0.95) is None


def test_needed_for_a_ratio_is_more_than_there_is() -> None:
    """A straddled limit asks for more samples than were taken, never fewer than a finite interval needs."""
    generator = np.random.default_rng(5)
    pair = QuantilePair(generator.lognormal(size=100), generator.lognormal(size=100), 0.95)
    small = QuantilePair(generator.lognormal(size=10), generator.lognormal(size=10), 0.95)

    assert (pair.needed("times", 1.5, 0.95) or 0) > 100
    assert (small.needed("times", 1.5, 0.95) or 0) >= 59
