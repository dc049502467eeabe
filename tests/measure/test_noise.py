"""Noise from sides that are known to be equal: careful after a short look, near the truth after a long one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from relgate.measure.drift import Noise, information
from relgate.measure.noise import ASSUMED, CALM, LEAST_BLOCKS, LONGEST_BURST_S, burst_length, estimate, excesses
from relgate.values import Requests, Series

from .traffic import latencies, wandering

BLOCK_S, BAKE_S = 3, 600.0
OWN = 0.03**2
"""Sampling variance of a block with some 1300 requests on each side."""

Blocks = tuple["np.ndarray[tuple[int], np.dtype[np.float64]]", "np.ndarray[tuple[int], np.dtype[np.float64]]"]


def _series(seed: int, blocks: int, sd: float, tau_s: float, own: float = OWN) -> Blocks:
    """Excess and sampling variance of the blocks of one pair of equal hosts."""
    rng = np.random.default_rng(seed)
    drifted = wandering(rng, blocks, 1, math.sqrt(2) * sd, tau_s / BLOCK_S)[:, 0]
    return drifted + rng.normal(0, math.sqrt(own), blocks), np.full(blocks, own)


def _told(noise: Noise, own: float = OWN) -> float:
    """What a bake says about an effect under such noise: the more, the less careful."""
    blocks = int(BAKE_S / BLOCK_S)
    return float(information(noise.pair_variance(1, 1), noise.over_s, BLOCK_S, np.full(blocks, own))[-1])


@pytest.mark.parametrize(("sd", "tau_s"), [(0.03, 50.0), (0.06, 200.0), (0.02, 20.0)])
def test_long_series_give_noise_that_is_near_the_truth_and_on_the_careful_side(sd: float, tau_s: float) -> None:
    """An hour and a half of each of three pairs: hardly ever less careful than the truth, within some factor of it."""
    found = [
        estimate([_series(10 * seed + k, 1800, sd, tau_s) for k in range(3)], BLOCK_S, BAKE_S) for seed in range(8)
    ]
    told = [_told(noise) / _told(Noise(sd, tau_s)) for noise in found if noise is not None]

    assert len(told) == 8
    assert sum(one <= 1 for one in told) >= 7
    assert min(told) > 0.14
    assert all(noise is not None and noise.source == "measured" for noise in found)


def test_short_series_are_believed_less() -> None:
    """Three minutes cannot exclude a slow drift; nine hours can."""
    short = estimate([_series(1, LEAST_BLOCKS, 0.01, 50.0)], BLOCK_S, BAKE_S)
    long = estimate([_series(k, 1800, 0.01, 50.0) for k in range(6)], BLOCK_S, BAKE_S)

    assert short is not None
    assert long is not None
    assert _told(short) < 0.5 * _told(long)


@pytest.mark.parametrize("blocks", [0, 1, 2, LEAST_BLOCKS - 1])
def test_too_short_a_series_says_nothing(blocks: int) -> None:
    """And no series neither: what is assumed holds on."""
    assert estimate([], BLOCK_S, BAKE_S) is None
    assert estimate([_series(1, max(blocks, 1), 0.03, 50.0)] * 2, BLOCK_S, BAKE_S) is None
    nothing = np.zeros(0)
    assert estimate([(nothing, nothing)], BLOCK_S, BAKE_S) is None


def test_blocks_in_which_nothing_was_seen_do_not_count() -> None:
    """They make a series no longer, and what they hold is not looked at."""
    excess, variance = _series(2, 300, 0.03, 50.0)
    seen = np.arange(300) % 3 > 0
    holes = np.where(seen, excess, math.nan), np.where(seen, variance, math.inf)

    assert estimate([holes], BLOCK_S, BAKE_S) == estimate([(np.where(seen, excess, 99.0), holes[1])], BLOCK_S, BAKE_S)
    few = np.where(np.arange(300) < LEAST_BLOCKS - 1, variance, math.inf)
    assert estimate([(excess, few)], BLOCK_S, BAKE_S) is None


def test_hosts_that_do_not_drift_are_found_to_be_steady() -> None:
    """White noise, even if it is three times what sampling shows, is not taken for drift."""
    found = estimate([_series(k, 1800, 0.0, 50.0, 3 * OWN) for k in range(3)], BLOCK_S, BAKE_S)

    assert found is not None
    assert found.host_drift <= 0.008


def test_pauses_are_no_drift() -> None:
    """Three in a hundred blocks fifty standard deviations off change little."""
    quiet = [_series(k, 1800, 0.01, 50.0) for k in range(3)]
    hit = np.random.default_rng(3).random(1800) < 0.03
    paused = [(np.where(hit, excess + 1.5, excess), variance) for excess, variance in quiet]

    one, other = estimate(quiet, BLOCK_S, BAKE_S), estimate(paused, BLOCK_S, BAKE_S)
    assert one is not None
    assert other is not None
    assert _told(other) == pytest.approx(_told(one), rel=0.5)


def test_a_release_that_was_slower_all_along_is_no_drift() -> None:
    """The mean of a series is what its bake was about."""
    excess, variance = _series(4, 600, 0.03, 50.0)

    assert estimate([(excess + 0.3, variance)], BLOCK_S, BAKE_S) == estimate([(excess, variance)], BLOCK_S, BAKE_S)


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_constants_are_steady(value: float) -> None:
    """No division by nothing, and hardly any drift."""
    found = estimate([(np.full(600, value), np.full(600, OWN))], BLOCK_S, BAKE_S)

    assert found is not None
    assert found.host_drift <= 0.02


def test_what_is_assumed_is_worse_than_a_badly_shared_host() -> None:
    """6 % over 200 s: who has measured nothing must not be surer than who has that."""
    assert _told(ASSUMED) < _told(Noise(0.06, 200.0))
    assert ASSUMED.source == "assumed"


def _requests(latency_s: np.ndarray[tuple[int], np.dtype[np.float64]], per_s: int) -> Requests:
    n = len(latency_s)
    zeros, none = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    due_s = np.arange(n) / per_s
    return Requests(due_s, latency_s, np.zeros(n), zeros + 200, none, ~none, zeros, ("/",))


def test_the_excess_of_two_sides_is_that_of_their_blocks() -> None:
    """One for every three seconds, in log units, with the variance of so many requests; swapped sides turn it."""
    rng = np.random.default_rng(5)
    own, other = (_requests(latencies(rng, 1, 12_000, shift)[0], 20) for shift in (0.2, 0.0))
    excess, variance = excesses(own, other, 60.0, 600.0, BLOCK_S)
    turned, same = excesses(other, own, 60.0, 600.0, BLOCK_S)

    assert excess.shape == variance.shape == (180,)
    assert excess.mean() == pytest.approx(0.2, abs=0.03)
    assert variance.mean() == pytest.approx(math.pi / 3 * 0.36 * 2 / 60, rel=0.15)
    assert turned == pytest.approx(-excess, abs=1e-9)
    assert same == pytest.approx(variance)


def test_sides_without_requests_show_blocks_without_anything() -> None:
    """Not one of them counts; and what are no requests is refused."""
    nothing, some = _requests(np.zeros(0), 20), _requests(np.full(1200, 0.1), 20)
    excess, variance = excesses(nothing, some, 0.0, 60.0, BLOCK_S)

    assert (excess == 0).all()
    assert np.isinf(variance).all()
    assert estimate([(excess, variance)], BLOCK_S, BAKE_S) is None
    with pytest.raises(ValueError, match="Requests"):
        excesses(Series(np.zeros(1), np.zeros(1)), some, 0.0, 60.0, BLOCK_S)


def _seconds(seed: int, n: int, sd: float, bursts_s: int = 0) -> Blocks:
    """Excesses of single seconds with a burst of one side every minute, or none."""
    rng = np.random.default_rng(seed)
    excess = rng.normal(0, sd, n)
    if bursts_s:
        for number, begin in enumerate(range(20, n - bursts_s, 60)):
            excess[begin : begin + bursts_s] += 1.1 if number % 2 else -1.1
    return excess, np.full(n, sd**2)


@pytest.mark.parametrize("bursts_s", [3, 5, 8])
def test_the_length_of_bursts_is_measured(bursts_s: int) -> None:
    """Ten bakes of ten minutes."""
    found = burst_length([_seconds(k, 600, 0.05, bursts_s) for k in range(10)])

    assert found == pytest.approx(bursts_s, abs=0.6)


@pytest.mark.parametrize("bursts_s", [4, 6, 9])
def test_bursts_that_hide_in_single_seconds_are_measured_in_averages(bursts_s: int) -> None:
    """Ten requests a second: no second alone stands out, however slow; lengths are memoryless."""
    series = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        excess, variance = _seconds(seed, 1800, 0.27)
        begin = 20
        while begin < 1700:
            length = int(rng.geometric(1 / bursts_s))
            excess[begin : begin + length] += rng.choice([-0.95, 0.95])
            begin += length + int(rng.geometric(1 / 150))
        series.append((excess, variance))

    assert burst_length(series) == pytest.approx(bursts_s, rel=0.3)
    assert burst_length([_seconds(k, 1800, 0.27) for k in range(10)]) == ASSUMED.bursts_s  # Not calm: not seen.


def _pausing(seed: int, sd: float, height: float) -> Blocks:
    """Half an hour of seconds with pauses of ten seconds in the mean, every three minutes."""
    rng = np.random.default_rng(seed)
    excess, variance = _seconds(seed, 1800, sd)
    begin = 20
    while begin < 1700:
        length = int(rng.geometric(0.1))
        excess[begin : begin + length] += rng.choice([-height, height])
        begin += length + int(rng.geometric(1 / 180))
    return excess, variance


def test_alike_latencies_are_not_called_calm_where_averages_show_pauses() -> None:
    """A pause moves ranks by no more than they can move: half as far where latencies are half as wide."""
    series = [_pausing(seed, 0.21, 0.38) for seed in range(8)]

    assert burst_length(series) >= ASSUMED.bursts_s


def test_seconds_without_requests_do_not_end_the_search_for_pauses() -> None:
    """Every third second of little traffic has nobody in it: averages are those of the others."""
    series = [_pausing(seed, 0.27, 0.95) for seed in range(8)]
    for seed, (_, variance) in enumerate(series):
        variance[np.random.default_rng(seed).random(len(variance)) < 0.33] = np.inf

    assert burst_length(series) > 5


def test_bursts_are_never_believed_to_be_shorter_or_longer_than_makes_sense() -> None:
    """A second is taken for the usual two; half a minute is no burst."""
    assert burst_length([_seconds(k, 600, 0.05, 1) for k in range(10)]) == ASSUMED.bursts_s
    assert burst_length([_seconds(k, 600, 0.05, 25) for k in range(10)]) == LONGEST_BURST_S


def test_calm_is_believed_only_where_bursts_would_have_been_seen() -> None:
    """Twenty minutes at least, and noise that no pause can hide in."""
    assert burst_length([_seconds(k, 600, 0.05) for k in range(10)]) == CALM
    assert burst_length([_seconds(0, 1100, 0.05)]) == ASSUMED.bursts_s
    assert burst_length([_seconds(k, 600, 0.5) for k in range(10)]) == ASSUMED.bursts_s
    assert burst_length([]) == ASSUMED.bursts_s
    assert burst_length([(np.full(600, np.nan), np.full(600, np.inf))] * 10) == ASSUMED.bursts_s
