"""Is the candidate slower than its limit: never called so without reason, soon when it is, never from nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relgate.measure.drift import Noise
from relgate.measure.latency import Slower

from .traffic import latencies, share_above, wandering

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from relgate.measure.latency import Change
    from relgate.values import Floats

CALM = Noise(0.0, 0.0)
DRIFTING = Noise(0.03, 50.0)


def _same(baseline_s: Floats) -> Floats:
    return baseline_s


def _times(factor: float) -> Change:
    return lambda baseline_s: baseline_s * factor


def _watched(test: Slower, seconds: Iterable[tuple[Floats, Floats]]) -> Iterator[Floats]:
    """The e-value after each second of (candidate, baseline)."""
    for own, other in seconds:
        test.see(own, other)
        yield test.e_value


def _seconds(
    seed: int, runs: int, seconds: int, n: int = 10, factor: float = 1.0, from_s: int = 0, sd: float = 0.0
) -> Iterator[tuple[Floats, Floats]]:
    """Log-normal seconds; the candidate is ``factor`` times as slow from ``from_s`` on; hosts drift by ``sd``."""
    rng = np.random.default_rng(seed)
    drift = wandering(rng, seconds, 2 * runs, sd, 50.0).reshape(seconds, 2, runs)
    for second in range(seconds):
        worse = math.log(factor) if second >= from_s else 0.0
        yield latencies(rng, runs, n, worse + drift[second, 0]), latencies(rng, runs, n, drift[second, 1])


@pytest.mark.parametrize(
    ("margin", "noise", "quantile"),
    [(1.0, CALM, None), (1.05, CALM, None), (1.05, DRIFTING, None), (1.0, DRIFTING, 0.95), (1.2, CALM, 0.99)],
)
def test_a_candidate_exactly_at_its_limit_is_hardly_ever_called_slower(
    margin: float, noise: Noise, quantile: float | None
) -> None:
    """In at most one run of twenty, though a look follows every second; drift is as declared."""
    runs = 250
    test = Slower(runs, _times(margin), noise, quantile=quantile)

    e_values = _watched(test, _seconds(1, runs, 240, factor=margin, sd=noise.host_drift))

    assert share_above(e_values, 20) <= 0.05


def test_a_limit_is_about_what_the_baseline_would_be() -> None:
    """A candidate that is 20 ms slower keeps "plus 20 ms", and breaks a limit without that allowance."""
    kept, broken = (Slower(100, change, CALM) for change in (lambda b: b + 0.02, _same))
    rng = np.random.default_rng(2)
    seconds = [(latencies(rng, 100, 10) + 0.02, latencies(rng, 100, 10)) for _ in range(120)]

    assert share_above(_watched(kept, seconds), 20) <= 0.05
    assert share_above(_watched(broken, seconds), 20) > 0.95


@pytest.mark.parametrize("quantile", [None, 0.95])
@pytest.mark.parametrize("noise", [CALM, DRIFTING])
def test_twice_as_slow_is_found_in_five_to_twelve_blocks(noise: Noise, quantile: float | None) -> None:
    """Of three seconds each, at ten requests a second (P95: at forty)."""
    n = 10 if quantile is None else 40
    e_values = list(_watched(Slower(100, _same, noise, quantile=quantile), _seconds(3, 100, 36, n=n, factor=2)))

    assert (e_values[4 * 3 - 1] < 20).all()
    assert np.mean(e_values[-1] >= 20) >= 0.9


def test_a_faster_candidate_is_no_evidence() -> None:
    """Not for harm; it is for health, at once."""
    harm, health = Slower(50, _same, CALM), Slower(50, _same, CALM, turned=True)
    seconds = list(_seconds(4, 50, 60, factor=0.5))

    assert share_above(_watched(harm, seconds), 1.2) == 0
    assert share_above(_watched(health, seconds), 20) == 1


def test_an_equal_candidate_is_shown_not_to_be_a_fifth_slower() -> None:
    """Health: the turned test at "+20 %", only wealth from the begin, reaches twenty within some minutes."""
    runs = 100
    equal = Slower(runs, _times(1.2), CALM, turned=True, first=1.0, only=True)
    worse = Slower(runs, _times(1.2), CALM, turned=True, first=1.0, only=True)

    assert share_above(_watched(equal, _seconds(5, runs, 300)), 20) > 0.9
    assert share_above(_watched(worse, _seconds(5, runs, 300, factor=1.2)), 20) <= 0.05


def test_what_becomes_slow_after_minutes_is_seen() -> None:
    """Five minutes of a good release do not buy it five more."""
    runs = 50
    e_values = list(_watched(Slower(runs, _same, CALM), _seconds(6, runs, 390, factor=1.6, from_s=300)))

    assert np.mean(e_values[299] >= 20) <= 0.05
    assert np.mean(e_values[-1] >= 20) >= 0.95


@settings(max_examples=8, deadline=None)
@given(scale=st.sampled_from([1e-6, 1e-3, 7.3, 1e6]), seed=st.integers(0, 99))
def test_the_unit_of_time_does_not_matter(scale: float, seed: int) -> None:
    """Microseconds give the same evidence as seconds, to nine digits."""
    here, there = Slower(2, _times(1.1), DRIFTING), Slower(2, _times(1.1), DRIFTING)
    for own, other in _seconds(seed, 2, 30, n=7, factor=1.4):
        here.see(own, other)
        there.see(own * scale, other * scale)

    assert there.e_value == pytest.approx(here.e_value, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 9), (9, 0)])
@pytest.mark.parametrize("turned", [False, True])
def test_without_requests_on_both_sides_there_is_no_evidence(n: int, m: int, turned: bool) -> None:
    """E is 1, exactly, for harm and for health."""
    rng = np.random.default_rng(7)
    test = Slower(2, _same, CALM, turned=turned)
    for _ in range(30):
        test.see(latencies(rng, 2, n), latencies(rng, 2, m))

    assert (test.e_value == 1).all()
    assert test.block_variance > 1e6


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("value", [0.0, 0.05, 1e-9, math.inf])
def test_equal_constants_are_no_evidence(n: int, value: float) -> None:
    """Neither when all answers take nothing, nor when none ever comes."""
    tests = [Slower(1, _same, CALM, quantile=q, turned=turned) for q in (None, 0.99) for turned in (False, True)]
    for test in tests:
        for _ in range(30):
            test.see(np.full((1, n), value), np.full((1, n), value))
        assert test.e_value == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("value", [math.nan, -1.0])
def test_what_is_no_latency_is_no_evidence(value: float) -> None:
    """On whichever side it is; the blocks after it count again."""
    rng = np.random.default_rng(8)
    for side in (0, 1):
        test = Slower(1, _same, CALM)
        for _ in range(30):
            pair = [latencies(rng, 1, 10, 0.7), latencies(rng, 1, 10)]
            pair[side][0, 3] = value
            test.see(*pair)
        assert test.e_value == pytest.approx(1, abs=1e-12)
        for _ in range(60):
            test.see(latencies(rng, 1, 10, 0.7), latencies(rng, 1, 10))
        assert test.e_value > 20


def test_one_slow_block_is_not_enough() -> None:
    """Thousands of requests, all ten times as slow: a block at most doubles the evidence."""
    rng = np.random.default_rng(9)
    test = Slower(1, _same, CALM)
    for _ in range(3):
        test.see(latencies(rng, 1, 3000, math.log(10)), latencies(rng, 1, 3000))

    assert 1.5 < test.e_value[0] <= 2


def test_requests_that_fail_are_slow() -> None:
    """A candidate of which a third does not answer is slower than its baseline."""
    rng = np.random.default_rng(10)
    test = Slower(1, _same, CALM)
    for _ in range(60):
        own = latencies(rng, 1, 10)
        own[0, :3] = math.inf
        test.see(own, latencies(rng, 1, 10))

    assert test.e_value > 20


def test_blocks_tell_how_noisy_they_are() -> None:
    """pi / 3 sigma^2 (1/n + 1/m) at thirty requests a block, and how many there were."""
    test = Slower(1, _same, CALM, only=True)
    for own, other in _seconds(11, 1, 150):
        test.see(own, other)

    assert test.blocks == 50
    assert test.block_variance == pytest.approx(math.pi / 3 * 0.36 * 2 / 30, rel=0.35)
