"""A world's traffic is what the world says: rates, laws, effects, failures."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relgate.backtest.noise import Diurnal, Pauses, Wander, WarmUp
from relgate.backtest.protocol import Side, Tick
from relgate.backtest.worlds import EFFECTS, MEDIAN_S, WORLDS, Effect, Errors, Noise, World, scatter


def columns(ticks: Iterator[Tick], side: str) -> np.ndarray:
    """All response times of one side, shape (runs, requests)."""
    return np.concatenate([getattr(tick, side).latency_s for tick in ticks], axis=1)


def failures(world: World, runs: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Number of failures of each second, (seconds, runs), of candidate and baseline."""
    ticks = list(world.start(runs, seed))
    return (
        np.array([tick.candidate.failed.sum(axis=1) for tick in ticks]),
        np.array([tick.baseline.failed.sum(axis=1) for tick in ticks]),
    )


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_makes_its_traffic(name: str) -> None:
    """Shapes, types and instances are those of the protocol, all times are positive and finite."""
    world = replace(WORLDS[name], horizon_s=12)
    ticks = list(world.start(3, seed=1))
    assert [tick.t_s for tick in ticks] == list(range(12))
    for side in [side for tick in ticks for side in (tick.candidate, tick.baseline)]:
        assert side.latency_s.shape == side.failed.shape == (3, len(side.instance))
        assert (side.latency_s.dtype.name, side.failed.dtype.name) == ("float32", "bool")
        assert np.isfinite(side.latency_s).all()
        assert (side.latency_s > 0).all()
        assert set(side.instance) <= set(range(world.instances))


@settings(max_examples=20)
@given(st.sampled_from([0.2, 0.3, 1.0, 2.5, 7.0, 10.0]), st.integers(1, 40))
def test_requests_come_at_their_rate(rate: float, horizon_s: int) -> None:
    """As many as are due by each second, also when that is less than one a second."""
    sizes = [len(tick.baseline.instance) for tick in World(rate=rate, horizon_s=horizon_s).start(1, seed=1)]
    assert list(np.cumsum(sizes)) == [math.floor(rate * second + 1e-9) for second in range(1, horizon_s + 1)]


def test_a_seed_is_one_traffic() -> None:
    """The same seed gives the same requests, another seed others, and both sides differ."""
    world = replace(WORLDS["bursty"], horizon_s=5)
    first = columns(world.start(4, seed=1), "candidate")
    np.testing.assert_array_equal(first, columns(world.start(4, seed=1), "candidate"))
    assert (first != columns(world.start(4, seed=2), "candidate")).all()
    assert (first != columns(world.start(4, seed=1), "baseline")).all()


@pytest.mark.parametrize(("name", "factor"), [("+5%", 1.05), ("+10%", 1.1), ("+20%", 1.2), ("+50%", 1.5), ("2x", 2.0)])
def test_an_effect_slows_the_candidate_alone(name: str, factor: float) -> None:
    """Every quantile of the candidate moves by the factor, and none of the baseline's."""
    world = World(rate=100.0, horizon_s=20, effect=EFFECTS[name])
    for side, expected in (("candidate", factor), ("baseline", 1.0)):
        drawn = columns(world.start(100, seed=2), side)
        assert np.median(drawn) / MEDIAN_S / expected == pytest.approx(1.0, abs=0.02)
        assert np.quantile(drawn, 0.95) / 0.1399 / expected == pytest.approx(1.0, abs=0.02)


def test_a_tail_leaves_the_median_alone() -> None:
    """A tenth of the requests slower: P95 rises by a third, the median hardly."""
    world = World(rate=100.0, horizon_s=20, effect=EFFECTS["tail"])
    ratio = [
        np.quantile(columns(world.start(100, seed=2), "candidate"), q)
        / np.quantile(columns(world.start(100, seed=2), "baseline"), q)
        for q in (0.5, 0.95)
    ]
    assert ratio[0] == pytest.approx(1.08, abs=0.02)
    assert ratio[1] == pytest.approx(1.32, abs=0.02)


def test_requests_of_a_stall_wait_for_its_end() -> None:
    """Once in 30 s the candidate stands still for a second, and what is due early in it waits longest."""
    world = World(rate=100.0, horizon_s=60, effect=EFFECTS["stalls"])
    medians = np.array([np.median(tick.candidate.latency_s, axis=1) for tick in world.start(50, seed=2)])
    stalled = medians > 0.3
    assert (stalled.sum(axis=0) == 2).all()
    at = stalled.argmax(axis=0)
    assert (stalled.argmax(axis=0) < 30).all()
    assert len(set(at)) > 10
    ticks = list(world.start(50, seed=2))
    waits = np.array([ticks[second].candidate.latency_s[run] for run, second in enumerate(at)]).mean(axis=0)
    assert waits[0] == pytest.approx(1.06, abs=0.08)
    assert waits[-1] == pytest.approx(0.07, abs=0.08)
    assert max(np.median(tick.baseline.latency_s, axis=1).max() for tick in ticks) < 0.3


def test_harm_begins_at_its_onset() -> None:
    """Before the onset both sides are alike, in time and in failures."""
    world = World(rate=50.0, horizon_s=20, effect=Effect(factor=3.0), errors=Errors(0.0, 0.5), onset_s=10)
    ratios = [
        (np.median(tick.candidate.latency_s) / np.median(tick.baseline.latency_s), tick.candidate.failed.any())
        for tick in world.start(40, seed=2)
    ]
    assert all(ratio == pytest.approx(1.0, abs=0.1) and not failed for ratio, failed in ratios[:10])
    assert all(ratio == pytest.approx(3.0, abs=0.3) and failed for ratio, failed in ratios[10:])


def test_load_is_shared_and_drift_is_each_side_s_own() -> None:
    """Load moves both sides together; drift moves them apart."""

    def medians(noise: Noise) -> np.ndarray:
        tick = next(World(rate=2000.0, noise=noise).start(200, seed=5))
        return np.log([np.median(side.latency_s, axis=1) for side in (tick.candidate, tick.baseline)])

    assert np.corrcoef(medians(Noise(load=Wander(0.3, 30))))[0, 1] > 0.95
    assert np.corrcoef(medians(Noise(diurnal=Diurnal())))[0, 1] > 0.95
    assert abs(np.corrcoef(medians(Noise(drift=Wander(0.3, 30))))[0, 1]) < 0.25


def test_instances_drift_apart_and_get_requests_in_turn() -> None:
    """Requests of one instance share its drift; another one's do not."""
    world = World(rate=300.0, horizon_s=1, instances=3, noise=Noise(drift=Wander(0.5, 100)))
    side: Side = next(world.start(100, seed=6)).candidate
    assert np.bincount(side.instance).tolist() == [100, 100, 100]
    medians = np.log([np.median(side.latency_s[:, side.instance == number], axis=1) for number in range(3)])
    assert medians.std(axis=1) == pytest.approx([0.5] * 3, rel=0.3)
    assert np.abs(np.corrcoef(medians) - np.eye(3)).max() < 0.3


def test_only_the_candidate_starts_cold() -> None:
    """A fresh candidate is slow at first; the old baseline is not."""
    tick = next(World(rate=2000.0, noise=Noise(warm_up=WarmUp())).start(5, seed=1))
    assert np.median(tick.candidate.latency_s) / np.median(tick.baseline.latency_s) == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("burst", [1.0, 4.0])
@pytest.mark.parametrize("rate", [1.0, 10.0, 100.0])
def test_the_share_of_failures_is_the_one_stated(burst: float, rate: float) -> None:
    """Alone or in bursts, as many requests fail as the world says, on each side its own share."""
    candidate, baseline = failures(World(rate=rate, horizon_s=300, errors=Errors(0.01, 0.05, burst)), 200)
    requests = rate * 300 * 200
    assert candidate.sum() / requests == pytest.approx(0.05, rel=0.12)
    assert baseline.sum() / requests == pytest.approx(0.01, rel=0.2)


def test_storms_fail_more_often_for_some_seconds_on_each_side_by_itself() -> None:
    """As often, as long and as much as they say."""
    storms = Pauses(factor=500.0, last_s=5.0, every_s=45.0)
    own, other = failures(World(rate=40.0, horizon_s=400, errors=Errors(0.001, 0.001, storms=storms)), 200)
    stormy = own > 4

    assert stormy.mean() == pytest.approx(0.1, rel=0.1)
    assert (stormy[1:] & stormy[:-1]).sum() / stormy[:-1].sum() == pytest.approx(0.8, abs=0.03)
    assert own[stormy].mean() == pytest.approx(20, rel=0.03)
    assert own[~stormy].mean() == pytest.approx(0.04, rel=0.2)
    assert (stormy & (other > 4)).mean() == pytest.approx(0.01, rel=0.3)


def test_bursts_bunch_failures() -> None:
    """Independent failures vary as Poisson; bursts of four in the mean far more, within about a second."""
    spread = {}
    for burst in (1.0, 4.0):
        counts, _ = failures(World(rate=100.0, horizon_s=200, errors=Errors(0.001, 0.001, burst)), 300)
        by_two = counts.reshape(100, 2, 300).sum(axis=1)
        spread[burst] = by_two.var() / by_two.mean()
    assert spread[1.0] == pytest.approx(1.0, abs=0.1)
    assert spread[4.0] > 4


@given(st.integers(0, 5000), st.floats(0.001, 0.9))
def test_scattered_places_are_places(n: int, share: float) -> None:
    """Rising, within bounds, no place twice."""
    at = scatter(np.random.default_rng(n), n, share)
    assert (np.diff(at) > 0).all()
    assert not len(at) or (at[0] >= 0 and at[-1] < n)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.7])
def test_every_place_is_as_likely(share: float) -> None:
    """The count is binomial, and first and last places get their part."""
    rng, n, draws = np.random.default_rng(8), 50, 20_000
    hits = np.bincount(np.concatenate([scatter(rng, n, share) for _ in range(draws)]), minlength=n)
    error = 5 * math.sqrt(draws * share * (1 - share))
    assert np.abs(hits - draws * share).max() < error
    assert scatter(rng, 10, 0.0).size == 0
