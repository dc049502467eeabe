"""Growth and trend of floors: saw teeth are no leak, a leak is one, and too few points are nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from relgate.measure.memory import LEAST_GROWTH, LEAST_TREND, TrendPair, floors, growth, trend

if TYPE_CHECKING:
    from relgate.values import Floats

MB = 1e6


def saw(minutes: float = 60, leak: float = 0.0, seed: int = 0) -> tuple[Floats, Floats]:
    """A process at 400 MB that collects every two minutes 150 MB of garbage; ``leak`` in bytes per second."""
    t_s = np.arange(0, minutes * 60, 5.0)
    noise = np.random.default_rng(seed).normal(0, 2 * MB, t_s.size)
    return t_s, 400 * MB + 150 * MB * ((t_s % 120) / 120) + noise + leak * t_s


def test_saw_teeth_do_not_grow() -> None:
    """150 MB of garbage between collections are not growth: the floors stay."""
    found = growth(*saw())

    assert found is not None
    assert abs(found) < 10 * MB


def test_a_leak_grows() -> None:
    """10 MB a minute for an hour are 540 MB from the first block's floor to the last two's."""
    found = growth(*saw(leak=10 * MB / 60))

    assert found == pytest.approx(480 * MB, rel=0.05)


def test_one_high_block_is_no_growth() -> None:
    """A single block that is high (a cache is rebuilt) does not count, two in a row do."""
    t_s, values = np.arange(0, 600, 5.0), np.full(120, 100 * MB)
    once, twice = values.copy(), values.copy()
    once[60:72] += 600 * MB
    twice[60:84] += 600 * MB

    assert growth(t_s, once) == pytest.approx(0, abs=1)
    assert growth(t_s, twice) == pytest.approx(600 * MB)


@pytest.mark.parametrize("n", [0, 1, 2, LEAST_GROWTH - 1])
def test_too_few_points_have_no_growth(n: int) -> None:
    """Under twelve points there is no first floor with two later ones to compare."""
    assert growth(np.arange(n, dtype=np.float64), np.ones(n)) is None


@pytest.mark.parametrize("n", [0, 2, LEAST_TREND - 1])
def test_too_few_points_have_no_trend(n: int) -> None:
    """Under eight blocks of three points no interval is believed."""
    assert trend(np.arange(n, dtype=np.float64), np.arange(n, dtype=np.float64), 0.95) is None


def test_enough_points_have_both() -> None:
    """The least numbers of points are enough."""
    assert growth(np.arange(LEAST_GROWTH, dtype=np.float64), np.ones(LEAST_GROWTH)) == 0
    assert trend(np.arange(LEAST_TREND, dtype=np.float64), np.ones(LEAST_TREND), 0.95) is not None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_missing_value_leaves_no_floor(bad: float) -> None:
    """One observation without a number: the block's floor could lie anywhere."""
    t_s, values = saw()
    values[100] = bad

    assert floors(t_s, values, 12) is None
    assert growth(t_s, values) is None
    assert trend(t_s, values, 0.95) is None


def test_an_empty_block_leaves_no_floor() -> None:
    """A hole as long as a block is no floor."""
    t_s, values = saw()
    keep = (t_s < 1000) | (t_s > 1500)

    assert growth(t_s[keep], values[keep]) is None


def test_trend_is_scipys_on_the_floors() -> None:
    """Slope and bounds are scipy.stats.theilslopes over the blocks' floors, each bound one-sided."""
    t_s, values = saw(leak=1e5, seed=3)
    found = trend(t_s, values, 0.95)
    blocks = floors(t_s, values, LEAST_TREND)

    assert blocks is not None
    fit = stats.theilslopes(blocks[1], blocks[0], alpha=0.9)
    assert found is not None
    assert (found.value, found.low, found.high) == (fit.slope, fit.low_slope, fit.high_slope)


def test_trend_covers_the_truth() -> None:
    """Each bound of the slope holds in at least 90 % of 300 noisy hours (nominal 95 %, normal approximation)."""
    leak, covered = 2e5, np.zeros(2)
    for seed in range(300):
        found = trend(*saw(leak=leak, seed=seed), 0.95)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        # Floors of a saw tooth on a slope rise with the leak up to the collections' grid.
        covered += [found.low <= leak * 1.02, leak * 0.98 <= found.high]

    assert covered.min() / 300 >= 0.90


def test_trends_compare_only_when_both_rise() -> None:
    """A ratio needs a baseline that surely rises; the difference does not."""
    rising, flat = saw(leak=2e5), saw(seed=5)

    assert TrendPair(rising, flat).ratio(0.95) is None
    ratio = TrendPair(rising, saw(leak=1e5, seed=5)).ratio(0.95)
    assert ratio is not None
    assert ratio.value == pytest.approx(2, rel=0.1)
    difference = TrendPair(rising, flat).difference(0.95)
    assert difference is not None
    assert difference.value == pytest.approx(2e5, rel=0.1)
    assert TrendPair(rising).difference(0.95) is None


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scale_does_not_matter(scale: float) -> None:
    """Growth and trend in other units are the same numbers in other units."""
    t_s, values = saw(leak=1e5, seed=9)
    one, other = trend(t_s, values, 0.95), trend(t_s, values * scale, 0.95)

    assert growth(t_s, values * scale) == pytest.approx((growth(t_s, values) or 0.0) * scale)
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value * scale)
    assert other.low == pytest.approx((one.low or 0.0) * scale)
