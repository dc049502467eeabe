"""Bakes that have not been: what is rehearsed is what real samples would show."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure.contrast import Bins, Contrast
from relgate.measure.discordant import MoreErrors
from relgate.measure.drift import Noise
from relgate.measure.exceedance import Beyond
from relgate.measure.rehearsal import MOST_BLOCKS, RUNS, SIGMA, Bake, blocks, common_quantile, count, cross, together

from .traffic import latencies

CALM = Noise(0.0, 0.0)


@given(rate=st.floats(0.05, 2000), bake_s=st.integers(1, 200))
def test_every_request_is_due_once(rate: float, bake_s: int) -> None:
    """Second by second they add up to those of the bake."""
    bake = Bake(rate, bake_s)
    each = [bake.due(second, second + 1) for second in range(bake_s)]

    assert sum(each) == bake.due(0, bake_s)
    assert abs(sum(each) - rate * bake_s) <= 1
    assert max(each) - min(each) <= 1


@given(known_s=st.floats(0.5, 60), look_every_s=st.sampled_from([1.0, 5.0, 7.0, 100.0]))
def test_what_is_known_is_seen_at_the_next_look_or_at_the_end(known_s: float, look_every_s: float) -> None:
    """Never before it is known, and never after the bake."""
    seen_s = Bake(10, 60, look_every_s).looked_at_s(known_s)

    assert known_s - 1e-6 <= seen_s <= min(60, known_s + look_every_s)
    assert seen_s == 60 or seen_s % look_every_s == 0


@pytest.mark.parametrize("bake", [Bake(0, 60), Bake(10, 0), Bake(10, -5), Bake(math.nan, 60), Bake(0.001, 60)])
def test_without_requests_there_are_no_blocks(bake: Bake) -> None:
    """Nor without a bake."""
    assert list(blocks(bake)) == []
    found = count(bake, np.array([0.01]), None, lambda runs: Beyond(runs, 0.01))
    assert np.isinf(found.at_s).all()
    assert found.n == 0


def test_a_rehearsal_is_always_the_same_and_not_longer_than_it_must_be() -> None:
    """Some hundred blocks say enough."""
    one, other = (next(blocks(Bake(10, 600, noise=Noise(0.03, 50)))) for _ in range(2))

    assert (one.excess(None, np.zeros((1, 1)))[0] == other.excess(None, np.zeros((1, 1)))[0]).all()
    assert sum(1 for _ in blocks(Bake(1, 1e6, noise=CALM))) == MOST_BLOCKS


@pytest.mark.parametrize("q", [None, 0.5, 0.95])
@pytest.mark.parametrize("effect", [0.0, 0.1, 0.7])
def test_excess_and_variance_are_those_of_real_samples(q: float | None, effect: float) -> None:
    """Thirty blocks of a hundred requests: their mean, their spread, and what they say about their spread."""
    rng, n = np.random.default_rng(1), 100
    bins, contrast = Bins(RUNS), Contrast(RUNS, (q,))
    real = []
    for _ in range(30):
        own, other = latencies(rng, RUNS, n, effect), latencies(rng, RUNS, n)
        bins.anchor(own, other)
        real.append(contrast.block(bins.count(own), bins.count(other)))
    rehearsed = [block.excess(q, np.array([[effect]])) for block in blocks(Bake(n / 3, 90, noise=CALM))]

    excess, variance = (np.stack(part)[10:, :, 0] for part in zip(*real, strict=True))
    same, told = (np.stack(part)[10:, 0, :] for part in zip(*rehearsed, strict=True))
    assert same.mean() == pytest.approx(excess.mean(), rel=0.06, abs=0.005)
    assert same.std() == pytest.approx(excess.std(), rel=0.1)
    assert told.mean() == pytest.approx(np.median(variance), rel=0.12)


@pytest.mark.parametrize("q", [None, 0.95])
def test_hosts_drift_as_declared(q: float | None) -> None:
    """Their standard deviation and their correlation over its time, shared by the instances of a side."""
    noise = Noise(0.05, 30.0)
    bake = Bake(1e6, 1800, noise=noise, instances=(2, 2))
    excess = np.stack([block.excess(q, np.zeros((1, 1)))[0][0] for block in blocks(bake)])

    assert excess.std() == pytest.approx(0.05, rel=0.05)
    lag = int(noise.over_s / noise.block_s)
    assert np.mean(excess[lag:] * excess[:-lag]) / excess.var() == pytest.approx(math.exp(-1), abs=0.06)


@given(st.floats(0.01, 0.999), st.floats(-3, 3))
def test_the_common_quantile_leaves_its_share_above(q: float, effect: float) -> None:
    """Of both sides together."""
    from scipy.special import ndtr

    at = common_quantile(q, np.array([[effect]]))[0, 0]

    assert (ndtr(-at / SIGMA) + ndtr((effect - at) / SIGMA)) / 2 == pytest.approx(1 - q, abs=1e-6)


@pytest.mark.parametrize("beside", [False, True])
def test_counts_are_those_of_their_shares(beside: bool) -> None:
    """Of the first case, which is the good release; the others are seen or not."""
    bake, shares = Bake(20, 300, noise=CALM), np.array([0.01, 0.2, 0.2, 0.3])
    found = count(bake, shares, 0.01 if beside else None, MoreErrors if beside else lambda runs: Beyond(runs, 0.02))

    assert found.n == 6000
    assert found.own.mean() == pytest.approx(60, rel=0.05)
    assert (found.other is None) != beside
    assert np.median(found.dispersion) == pytest.approx(1.05, abs=0.15)
    assert np.isfinite(found.at_s[1:]).all()
    assert np.mean(np.isfinite(found.at_s[0])) <= 0.1


def test_what_comes_after_the_last_full_block_is_counted() -> None:
    """Blocks of more than a minute, a bake that ends in the second one."""
    found = count(Bake(20, 100, noise=Noise(0.0, 0.0, bursts_s=60.0)), np.array([0.01]), 0.01, MoreErrors)

    assert found.n == 2000
    assert found.own.mean() == pytest.approx(20, rel=0.1)
    assert found.other is not None
    assert found.other.mean() == pytest.approx(20, rel=0.1)


def test_the_first_case_is_counted_to_its_end() -> None:
    """Though it was rolled back in every run long before."""
    found = count(Bake(20, 300, noise=CALM), np.array([0.2]), None, lambda runs: Beyond(runs, 0.01))

    assert (found.at_s < 60).all()
    assert found.own.mean() == pytest.approx(1200, rel=0.02)


@given(st.integers(0, 40))
def test_every_case_is_in_one_part(cases: int) -> None:
    """The good release in the first, with few others: it is rehearsed to the end."""
    parts = together(cases)

    assert [case for part in parts for case in range(part.start, part.stop)] == list(range(cases))
    assert all(part.stop - part.start <= 3 for part in parts)


def test_only_the_first_time_counts() -> None:
    """Of evidence that is enough; a share of it is none."""
    at_s = np.full((1, 3), math.inf)
    for now_s, evidence in ((5.0, [0.99, 1.0, math.nan]), (10.0, [2.0, 5.0, 0.0])):
        cross(at_s, np.array([evidence]), now_s)

    assert at_s.tolist() == [[10.0, 5.0, math.inf]]


def test_limits_are_kept_by_exact_bounds() -> None:
    """60 of 6000 keep 2 % and not 1 %; they keep three times a like baseline; no event keeps every ratio."""
    bake = Bake(20, 300, noise=CALM)
    alone = count(bake, np.array([0.01]), None, lambda runs: Beyond(runs, 0.02))
    beside = count(bake, np.array([0.01]), 0.01, MoreErrors)

    assert alone.kept("absolute", 0.02, 0.05).mean() > 0.95
    assert alone.kept("absolute", 0.01, 0.05).mean() < 0.1
    assert beside.kept("times", 3.0, 0.05).all()
    assert beside.kept("times", 1.0, 0.05).mean() < 0.1
    assert beside.kept("plus", 0.01, 0.05).mean() > 0.95
    clustered = replace(alone, dispersion=np.full(RUNS, 9.0))
    assert alone.kept("absolute", 0.015, 0.05).mean() > 0.9
    assert clustered.kept("absolute", 0.015, 0.05).mean() < 0.5
    nothing = replace(beside, own=np.zeros(RUNS), other=np.zeros(RUNS))
    assert nothing.kept("times", 1.0, 0.05).all()
