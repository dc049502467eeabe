"""Bets on an excess that drifts: fair when nothing is wrong, whatever the noise, and quick when something is."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure.drift import EFFECTS, Drift, Excess, Noise, believed, information, payoff, spike

from .traffic import share_above, wandering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.values import Floats

NUMBERS = st.floats(-1e6, 1e6)
OWN = 0.08**2
"""Variance of a block's own noise: 100 requests on each side or so."""


@given(x=NUMBERS, m=st.floats(0, 1e6))
def test_payoffs_of_plus_and_minus_x_average_to_one(x: float, m: float) -> None:
    """So under symmetric noise a bet neither gains nor loses, and it never loses more than it has."""
    plus, minus = payoff(np.array([x]), np.array([m]))[0], payoff(np.array([-x]), np.array([m]))[0]

    assert (plus + minus) / 2 == pytest.approx(1, abs=1e-12)
    assert 0 <= plus <= 2


def test_outliers_are_no_evidence() -> None:
    """A pause of one host is a hundred standard deviations and pays nothing to speak of; two of them pay."""
    paid = payoff(np.array([2.0, 1000.0]), np.array([1.0, 1.0]))

    assert paid[0] > 1.5
    assert paid[1] == pytest.approx(1, abs=0.02)


@given(x=NUMBERS, unit=st.floats(0, 1e6))
def test_of_a_bet_is_made_what_the_size_of_x_tells(x: float, unit: float) -> None:
    """The same for plus and minus x, or a bet would not be odd; all of the one on the largest effect."""
    m = unit * np.array([effect for effect, _ in EFFECTS])
    plus, minus = believed(np.array([x]), m), believed(np.array([-x]), m)

    assert (plus == minus).all()
    assert ((plus >= 0) & (plus <= 1)).all()
    assert (np.diff(plus) >= 0).all()
    assert plus[-1] == 1


def test_what_is_far_more_than_an_effect_is_no_evidence_for_it() -> None:
    """An excess of 6 % over noise of 1 % is bet on as +6 %, one of 60 % next to not at all; +28 % and more is."""
    m = np.array([effect for effect, _ in EFFECTS]) / 0.01
    small, large = believed(np.array([6.0]), m), believed(np.array([60.0]), m)

    assert (small == 1).all()
    assert large[0] < 0.01
    assert (large[-3:] == 1).all()


def _after(*excesses: float, calm: bool = True) -> float:
    """E after these blocks, of noise of 1 %, that follow two calm ones, or none at all."""
    test = Excess((1,), Noise(0.0, 0.0))
    for excess in (*((0.0, 0.0) if calm else ()), *excesses):
        test.step(np.array([excess]), np.array([0.01**2]))
    return float(test.e_value[0])


def test_the_second_block_of_an_outlier_counts_less_and_the_sixth_in_full() -> None:
    """It may be the rest of a pause, whose blocks are one piece of evidence; what goes on and on is none."""
    once, again = Noise(0.0, 0.0).goes_on
    grown = [_after(*[0.7] * (n + 1)) / _after(*[0.7] * n) for n in range(1, 8)]

    assert grown[0] <= 2 / (1 + once)
    assert all(1.2 < one <= 2 / (1 + again) for one in grown[1:4])
    assert all(one > 1.9 for one in grown[4:])


def test_on_an_effect_that_a_pause_exceeds_nothing_is_bet_in_the_block_after_it() -> None:
    """And on none after one of the baseline: it neither gains nor loses what the rest of that pause is."""
    slow, fast = _after(10.0), _after(-0.7)

    assert _after(10.0, -10.0) == pytest.approx(slow, rel=0.1)
    assert _after(-0.7, -0.7) == fast
    assert _after(-0.7, 0.7) == fast


def test_where_no_bursts_are_every_block_counts_in_full() -> None:
    """Measured calm: an outlier has nothing to do with the one before."""
    assert Noise(0.0, 0.0, bursts_s=0.0).goes_on == (0, 0)
    assert Noise(0.0, 0.0, bursts_s=0.0).block_s == 1


@given(bursts_s=st.floats(0.01, 100))
def test_longer_bursts_go_on_more_often_than_not_but_never_surely(bursts_s: float) -> None:
    """A block is 1.2 bursts at least; that one goes on is likelier from its first block, within which it began."""
    once, again = Noise(0.0, 0.0, bursts_s).goes_on

    assert 0 <= again <= once <= 0.583
    assert again <= math.exp(-1.2) + 1e-9


def _watched(
    excess: Floats,
    own: float = OWN,
    *,
    sd: float = 0.0,
    over_s: float = 50.0,
    bursts_s: float = 2.0,
    first: float = 0.9,
) -> Iterator[Floats]:
    """The e-values after each block of excesses of shape (blocks, runs)."""
    test = Excess(excess.shape[1:], Noise(sd, over_s, bursts_s), first=first)
    for block in excess:
        test.step(block, np.full(block.shape, own))
        yield test.e_value


def _noise(law: str, shape: tuple[int, int]) -> Floats:
    rng, sd = np.random.default_rng(2), math.sqrt(OWN)
    drawn: Floats
    if law == "heavy":
        drawn = 0.05 * rng.standard_t(2, shape)
    elif law == "jumps":
        drawn = 0.05 * rng.choice([-1.0, 1.0], shape) * rng.choice([1.0, 30.0], shape, p=[0.9, 0.1])
    else:
        drawn = rng.normal(0, {"normal": sd, "twice what sampling shows": 2 * sd, "tiny": 1e-9}[law], shape)
    return drawn


@pytest.mark.parametrize("law", ["normal", "heavy", "jumps", "twice what sampling shows", "tiny"])
def test_symmetric_noise_of_any_law_keeps_the_promise(law: str) -> None:
    """At most one good release of twenty looks bad at some time, though a look follows every block."""
    assert share_above(_watched(_noise(law, (200, 1500))), 20) <= 0.05


def _paused(rng: np.random.Generator, shape: tuple[int, int], last_s: float, every_s: float) -> Floats:
    """The share of each block of three seconds for which a host pauses, in steps of a tenth of a second."""
    blocks, runs = shape
    chance = rng.random((blocks * 30, runs), dtype=np.float32)
    pausing, share = rng.random(runs) < last_s / (last_s + every_s), np.zeros(shape)
    for step in range(blocks * 30):
        pausing = np.where(pausing, chance[step] >= 0.1 / last_s, chance[step] < 0.1 / every_s)
        share[step // 30] += pausing / 30
    return share


@pytest.mark.parametrize("own_sd", [0.01, 0.05, 0.15, 0.25])
@pytest.mark.parametrize(("last_s", "every_s"), [(2.0, 60.0), (2.0, 20.0), (2.5, 20.0)])
def test_pauses_that_reach_into_the_next_block_keep_the_promise(own_sd: float, last_s: float, every_s: float) -> None:
    """Hosts pause to three times as slow: in one of ten blocks or in one of four, seen well or hardly.

    Of one release in twenty 20 times the wealth may be seen at some time, of one in forty 40 times.
    """
    rng, shape = np.random.default_rng(12), (300, 2000)
    pauses = _paused(rng, shape, last_s, every_s) - _paused(rng, shape, last_s, every_s)
    excess = math.log(3) * pauses + rng.normal(0, own_sd, shape)
    highest = np.max(list(_watched(excess, own_sd**2, bursts_s=last_s)), axis=0)

    assert np.mean(highest >= 20) <= 0.05
    assert np.mean(highest >= 40) <= 0.025


def test_what_calm_latencies_say_is_not_said_of_failed_requests_and_lines() -> None:
    """Storms of those last two seconds where nobody declared anything else, or longer where they were seen to."""
    calm = Noise(0.0, 0.0, 0.0, source="measured")

    assert calm.of_events.bursts_s == 2
    assert replace(calm, bursts_s=5.0).of_events.bursts_s == 5
    assert replace(calm, storms_s=8.0).of_events.bursts_s == 8
    assert replace(calm, bursts_s=9.0, storms_s=8.0).of_events.bursts_s == 9
    assert replace(calm, bursts_s=0.5, storms_s=8.0, source="declared").of_events.bursts_s == 0.5


@pytest.mark.parametrize(
    ("true", "declared"),
    [
        ((0.03, 50.0), (0.03, 50.0)),
        ((0.06, 200.0), (0.06, 200.0)),
        ((0.03, 50.0), (0.06, 50.0)),
        ((0.03, 50.0), (0.03 * 2, 200.0)),
    ],
)
def test_drift_as_declared_or_smaller_keeps_the_promise(
    true: tuple[float, float], declared: tuple[float, float]
) -> None:
    """Standard deviation of one host and correlation time: as they are, or overstated."""
    rng, blocks, runs = np.random.default_rng(3), 200, 1500
    drifted = wandering(rng, blocks, runs, math.sqrt(2) * true[0], true[1] / 3)
    noise = drifted + rng.normal(0, math.sqrt(OWN), (blocks, runs))

    assert share_above(_watched(noise, sd=declared[0], over_s=declared[1]), 20) <= 0.05


def test_drift_that_nobody_declared_breaks_the_promise() -> None:
    """That is why noise is measured: the filter is what keeps it."""
    rng, blocks, runs = np.random.default_rng(3), 200, 1500
    drifted = wandering(rng, blocks, runs, math.sqrt(2) * 0.06, 200 / 3)
    noise = drifted + rng.normal(0, math.sqrt(OWN), (blocks, runs))

    assert share_above(_watched(noise), 20) > 0.3
    assert share_above(_watched(noise, sd=0.06, over_s=200), 20) <= 0.05


def test_a_candidate_that_is_better_is_no_evidence() -> None:
    """The hypothesis is "at most zero", not "zero"."""
    rng = np.random.default_rng(4)
    noise = rng.normal(-0.02, math.sqrt(OWN), (200, 1000))

    assert share_above(_watched(noise), 20) < 0.01


@pytest.mark.parametrize("sd", [0.0, 0.03])
def test_twice_as_slow_is_found_in_five_to_twelve_blocks(sd: float) -> None:
    """Five are the least: a block gains at most a factor of two."""
    rng = np.random.default_rng(5)
    e_values = np.stack(list(_watched(rng.normal(math.log(2), 0.1, (12, 200)), 0.1**2, sd=sd)))

    assert np.mean(e_values[11] >= 20) >= 0.95
    assert (e_values[3] < 20).all()


def test_what_is_far_outside_of_what_hosts_drift_is_found_as_fast_beside_much_traffic() -> None:
    """In eight blocks: the filter learns nothing from outliers, and must not believe that it has learned the effect."""
    rng = np.random.default_rng(10)
    drifted = wandering(rng, 8, 200, math.sqrt(2) * 0.08, 200 / 3)
    excess = 0.5 + drifted / 4 + rng.normal(0, 0.02, (8, 200))
    *_, last = _watched(excess, 0.02**2, sd=0.08, over_s=200.0)

    assert np.mean(last >= 20) >= 0.95


@pytest.mark.parametrize("first", [0.9, 1.0])
def test_what_begins_in_the_middle_is_seen(first: float) -> None:
    """A fifth slower after ten minutes without: soon, if not all of the wealth bets from the begin."""
    rng = np.random.default_rng(6)
    excess = rng.normal(0, 0.1, (236, 200))
    excess[200:] += 0.18
    e_values = np.stack(list(_watched(excess, 0.1**2, first=first)))

    assert (np.mean(e_values[235] >= 20) >= 0.8) == (first < 1)


@given(
    sd=st.floats(0, 0.1),
    over_s=st.floats(0, 500),
    noise=st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=12),
    seed=st.integers(0, 999),
)
def test_the_filter_whitens_like_the_inverse_of_the_covariance(
    sd: float, over_s: float, noise: list[float], seed: int
) -> None:
    """x = L^-1 E and c / s = L^-1 1, where L L' is the covariance of all blocks; so information is 1' Sigma^-1 1."""
    blocks = len(noise)
    lags = np.abs(np.subtract.outer(np.arange(blocks), np.arange(blocks)))
    phi = math.exp(-3 / over_s) if over_s > 0 else 0.0
    covariance = sd**2 * np.power(phi, lags) + np.diag(noise)
    # Small, so that the filter finds no reason to believe in more noise than it is told.
    excess = 0.3 * np.linalg.cholesky(covariance) @ np.random.default_rng(seed).uniform(-1, 1, blocks)
    inverse = np.linalg.inv(np.linalg.cholesky(covariance))

    drift = Drift((1,), sd**2, over_s, 3)
    seen = [drift.step(np.array([e]), np.array([v])) for e, v in zip(excess, noise, strict=True)]

    assert [x[0] for x, _ in seen] == pytest.approx(inverse @ excess, rel=1e-6, abs=1e-9)
    assert [c[0] for _, c in seen] == pytest.approx(inverse @ np.ones(blocks), rel=1e-6, abs=1e-9)
    told = information(sd**2, over_s, 3, np.array(noise))
    assert told[-1] == pytest.approx(np.ones(blocks) @ np.linalg.solve(covariance, np.ones(blocks)), rel=1e-6)
    assert (np.diff(told) >= -1e-9 * told[-1]).all()


@pytest.mark.parametrize(
    ("excess", "variance"), [(5.0, math.inf), (math.nan, 0.01), (math.nan, math.nan), (math.inf, 1)]
)
def test_a_block_without_a_number_shows_nothing(excess: float, variance: float) -> None:
    """Neither evidence nor a reason to believe in drift; only time has passed."""
    test = Excess((1,), Noise(0.03, 50.0))
    for _ in range(3):
        test.step(np.array([0.2]), np.array([OWN]))
    before = test.e_value.copy()
    test.step(np.array([excess]), np.array([variance]))

    assert test.e_value == pytest.approx(before, rel=1e-12)
    test.step(np.array([0.2]), np.array([OWN]))
    assert test.e_value > before


def test_no_block_at_all_is_no_evidence() -> None:
    """E is 1, exactly."""
    assert (Excess((3,), Noise(0.0, 0.0)).e_value == 1).all()


@pytest.mark.parametrize(("times", "low", "high"), [(4.0, 2.5, 4.2), (1.0, 1.0, 1.1), (0.25, 1.0, 1.0)])
def test_the_filter_learns_how_noisy_blocks_are(times: float, low: float, high: float) -> None:
    """Most of what is more than sampling shows within ten minutes, never less than sampling; outliers do not count."""
    rng = np.random.default_rng(7)
    drift = Drift((200,), 0.0, 0.0, 3)
    for _ in range(200):
        noise = rng.normal(0, 0.1 * math.sqrt(times), 200)
        drift.step(np.where(rng.random(200) < 0.02, 5.0, noise), np.full(200, 0.01))

    assert low <= np.median(drift.inflation) <= high


def test_one_run_does_not_know_of_the_others() -> None:
    """Runs that are watched together have the evidence that each has alone."""
    rng = np.random.default_rng(8)
    excess = rng.normal(0.05, 0.1, (30, 3))
    *_, together = _watched(excess, 0.01, sd=0.03)
    alone = [list(_watched(excess[:, [run]], 0.01, sd=0.03))[-1][0] for run in range(3)]

    assert together == pytest.approx(alone, rel=1e-12)


@given(bursts_s=st.floats(0.01, 1000))
def test_a_block_is_longer_than_a_burst(bursts_s: float) -> None:
    """1.2 times at least, in whole seconds, and no longer than that needs."""
    block_s = Noise(0.03, 50, bursts_s).block_s

    assert block_s >= max(1, 1.2 * bursts_s - 1e-6)
    assert block_s < max(1, 1.2 * bursts_s) + 1


def test_instances_share_their_drift() -> None:
    """Variances of means of independent hosts add up: 1/K on each side."""
    noise = Noise(0.03, 50)

    assert noise.pair_variance(1, 1) == pytest.approx(2 * 0.03**2)
    assert noise.pair_variance(3, 6) == pytest.approx(0.03**2 / 2)


def test_rare_outliers_to_one_side_are_seen() -> None:
    """A stall in every tenth block, nothing between: bets on a steady effect lose there what they win here."""
    rng = np.random.default_rng(7)
    excess = rng.normal(0, 0.1, (200, 100))
    excess[::10] += 1.0
    e_values = np.stack(list(_watched(excess, 0.1**2)))

    assert np.mean(e_values[-1] >= 20) >= 0.95


@given(st.floats(0, 1e6))
def test_bets_on_outliers_are_odd(x: float) -> None:
    """Both signs of an innovation together pay what was staked; ordinary ones next to nothing."""
    assert spike(np.array(x)) + spike(np.array(-x)) == pytest.approx(2.0)
    assert float(spike(np.array(min(x, 1.0)))) == pytest.approx(1.0, abs=0.02)
    assert 0 < float(spike(np.array(-x))) <= 1
