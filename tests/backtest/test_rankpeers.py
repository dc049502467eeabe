"""Rules with rank tests, against examples whose verdict is published and against scipy."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import PermutationMethod, mannwhitneyu

from relgate.backtest.race import race
from relgate.backtest.rankpeers import Kayenta, PeekingMannWhitney, PipeCD, permutation_p
from relgate.backtest.wilcoxon import shift
from relgate.backtest.windows import Points
from relgate.backtest.worlds import EFFECTS, World
from tests.backtest.samples import steady

ZEROS = [0.0] * 10


def high(candidate: list[float], baseline: list[float]) -> bool:
    """Whether Kayenta calls a metric with these points high."""
    return bool(Kayenta().fails(Points(np.array([candidate]), np.array([baseline])))[0])


def test_kayenta_misses_what_its_issues_say_it_misses() -> None:
    """Seven of ten points a hundred times higher pass, eight are high; sparse errors and wild points pass.

    The examples of spinnaker#6278 (with the figures of its debugger), kayenta#426 and kayenta#780.
    """
    base = np.ones((1, 10))
    seven, eight = base.copy(), base.copy()
    seven[0, :7], eight[0, :8] = 100, 100
    assert np.ravel(shift(seven, base, 0.98)) == pytest.approx([0, 99, 99], abs=1e-4)
    assert not high(list(seven[0]), list(base[0]))
    assert high(list(eight[0]), list(base[0]))
    assert not high([0.0, 1.0, 2.0, 1.0, 0.0, 0.0], [0.0] * 6)
    wild = [1.0, 100.0, 4.0, 101.0, 5.0, 102.0, 6.0, 103.0, 7.0, 104.0, 8.0, 105.0, 9.0, 106.0, 17.0]
    assert not high([10 + 0.1 * i for i in range(7)] + [17 + 0.1 * i for i in range(8)], wild)


def test_kayenta_looks_one_way_and_needs_a_higher_mean() -> None:
    """Faster is not high, and a median that rises while the mean falls is not either."""
    slow, fast = [2.0 + 0.01 * i for i in range(20)], [1.0 + 0.01 * i for i in range(20)]
    assert high(slow, fast)
    assert not high(fast, slow)
    assert not high(slow, [*fast[:-1], 100.0])


def test_kayenta_passes_equal_samples_and_ignores_windows_without_data() -> None:
    """Equal or constant samples pass; NaN points are left out; with none left there is nothing to call high."""
    assert not high([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    assert not high(ZEROS, ZEROS)
    hole = [float("nan")]
    slow, fast = [2.0 + 0.01 * i for i in range(9)], [1.0 + 0.01 * i for i in range(9)]
    assert high(slow + hole, [*fast, 1.0])
    assert not high(hole * 3, [1.0, 2.0, 3.0])


def test_kayenta_wants_the_shift_known_to_a_quarter() -> None:
    """A significant shift is not enough: the lower end has to exceed a quarter of the estimate."""
    base = np.arange(20.0)
    low, _, estimate = shift(base[None] + 5.5, base[None], 0.98)
    assert 0 < low[0] < estimate[0] / 4
    assert not high(list(base + 5.5), list(base))
    assert high(list(base + 7.5), list(base))


def test_a_mean_of_zero_does_not_excuse() -> None:
    """Without a baseline to divide by the ratio says nothing, and the test decides."""
    assert high([1.0 + 0.1 * i for i in range(10)], ZEROS)
    up, down = [1.0] * 19 + [-19.0], [-1.0] * 19 + [19.0]
    assert high(up, down)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 6).map(float), min_size=8, max_size=8))
def test_pipecd_s_p_is_the_exact_one(pooled: list[float]) -> None:
    """All ways to deal the ranks, ties and all, as scipy's permutation test counts them."""
    x, y = np.array([pooled[:4]]), np.array([pooled[4:]])
    expected = mannwhitneyu(x[0], y[0], alternative="greater", method=PermutationMethod(n_resamples=100))
    assert permutation_p(x, y)[0] == pytest.approx(expected.pvalue)


def test_pipecd_fails_about_one_good_window_in_twenty() -> None:
    """Five against five points: of the 252 orders, the 12 highest deviate."""
    orders = list(itertools.combinations(range(10), 5))
    candidate = np.array([list(chosen) for chosen in orders], dtype=float)
    baseline = np.array([[place for place in range(10) if place not in chosen] for chosen in orders], dtype=float)
    assert PipeCD().fails(Points(candidate, baseline)).sum() == 12


def test_pipecd_looks_at_the_last_five_points_and_passes_equal_ones() -> None:
    """What happened before does not count, and neither does a standstill."""
    old = [[9.0] * 5]
    assert not PipeCD().fails(Points(np.array([old[0] + ZEROS[:5]]), np.zeros((1, 10))))[0]
    assert PipeCD().fails(Points(np.array([ZEROS[:5] + old[0]]), np.zeros((1, 10))))[0]
    assert not PipeCD().fails(Points(np.full((1, 5), np.nan), np.zeros((1, 5))))[0]


@pytest.mark.parametrize("decider", [Kayenta(), PipeCD()], ids=["kayenta", "pipecd"])
@pytest.mark.parametrize("harm", ["latency", "errors"])
def test_they_watch_points_of_both_metrics(decider: Kayenta | PipeCD, harm: str) -> None:
    """Five minutes of harm in either metric are seen, and five good minutes are not."""
    for bad in (False, True):
        watcher = decider.start(1)
        for second in range(300):
            wiggle = 0.1 + 0.001 * (second // 30 % 7)
            slow = 2 * wiggle if bad and harm == "latency" else wiggle
            failed = 1 + second // 60 % 3 if bad and harm == "errors" else 0
            watcher.see(steady(second, slow, wiggle, failed=failed))
        verdict = watcher.look(300)
        assert verdict.rolled_back[0] == bad
        assert verdict.promoted[0] != bad


def test_peeking_agrees_with_one_plain_test() -> None:
    """The p of each look is the normal approximation of scipy, ties of the bins and all."""
    ticks = list(World(rate=1.0, horizon_s=8, effect=EFFECTS["2x"]).start(300, seed=9))
    bins = {
        side: np.floor(np.log(np.concatenate([getattr(tick, side).latency_s for tick in ticks], axis=1) / 1e-4) / 0.005)
        for side in ("candidate", "baseline")
    }
    expected = mannwhitneyu(bins["candidate"], bins["baseline"], axis=1, alternative="greater", method="asymptotic")
    for alpha in (0.01, 0.05, 0.1, 0.3):
        watcher = PeekingMannWhitney(alpha=alpha).start(300)
        for tick in ticks:
            watcher.see(tick)
            verdicts = watcher.look(tick.t_s + 1)
        assert (verdicts.rolled_back == (expected.pvalue < alpha)).mean() > 0.995
        assert 5 < verdicts.rolled_back.sum() < 295


def test_peeking_is_wrong_far_more_often_than_its_alpha() -> None:
    """Sixty looks at 1 % roll back several per cent of good releases, even without any noise."""
    (outcome,) = race(World(rate=10.0), [PeekingMannWhitney()], 300, seed=3)
    assert outcome.interval[0] > 0.02


def test_peeking_before_any_request_decides_nothing() -> None:
    """No requests, no p, no rollback."""
    watcher = PeekingMannWhitney().start(2)
    watcher.see(steady(0, 0.1, n=0, runs=2))
    assert not watcher.look(30).rolled_back.any()
