"""Tests of a gate while a bake goes on: the same e-values whenever and however often somebody looks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relgate.measure.drift import Noise
from relgate.measure.noise import ASSUMED
from relgate.measure.seconds import Second
from relgate.watch import Watch, instances, is_sequential, limit_tests, watched
from tests.bakes import QUIET, due, evidence, gate, latencies, part, requests, usual

if TYPE_CHECKING:
    from relgate.policy.model import Gate
    from relgate.values import Requests

LIMITS = {
    "relative": gate("> baseline + 20%"),
    "whole": gate("> baseline + 20%", quantile=None, whole=True),
    "fixed": gate("> 150ms"),
    "errors": gate("> 300% of baseline", kind="share"),
    "fixed errors": gate("> 1%", kind="share"),
    "points": gate("> baseline + 1pp", kind="share"),
}


def _watch(
    rule: Gate, own: Requests, other: Requests | None, end_s: float, begin_s: float = 0.0, **more: float
) -> Watch:
    watch = Watch(rule, QUIET, 0.05, begin_s, **more)  # type: ignore[arg-type]  # found, before
    watch.add("candidate", own)
    if other is not None:
        watch.add("baseline", other)
    watch.until(end_s)
    return watch


@settings(max_examples=15)
@given(st.sampled_from(sorted(LIMITS)), st.integers(0, 2**32 - 1), st.booleans())
def test_live_in_chunks_is_all_at_once(name: str, seed: int, found: bool) -> None:
    """Whatever the chunks and the order of arrival: the very same e-values, crossing and warm-up."""
    rng = np.random.default_rng(seed)
    window_s = 60.0
    sides = {}
    for side, per_s in (("candidate", 12.0), ("baseline", 10.0)):
        n = round(window_s * per_s)
        late = rng.lognormal(math.log(0.1 if side == "candidate" else 0.06), 0.6, n)
        sides[side] = requests(np.sort(rng.uniform(0, window_s, n)), late, rng.random(n) < 0.03)
    at_once = _watch(LIMITS[name], sides["candidate"], sides["baseline"], window_s, 1.5, found=found)

    live, done_s = Watch(LIMITS[name], QUIET, 0.05, 1.5, found=found), 0.0
    while done_s < window_s:
        ends_s = done_s + rng.uniform(0.3, 20)
        for side, whole in sides.items():
            new = np.flatnonzero((whole.intended_s >= done_s) & (whole.intended_s < ends_s))
            for chunk in np.array_split(rng.permutation(new), 3):
                live.add(side, part(whole, chunk))
        done_s = min(ends_s, window_s)
        live.until(done_s)

    assert (live.e_value, live.e_health, live.warmup_s) == (at_once.e_value, at_once.e_health, at_once.warmup_s)
    assert [(one.highest, one.crossed_s) for one in live.limits] == [
        (one.highest, one.crossed_s) for one in at_once.limits
    ]


def test_looking_at_health_never_changes_harm() -> None:
    """A look watches harm alone: the same evidence, at less cost."""
    own, other = usual(120, 1, 1.5), usual(120, 2)
    rule = LIMITS["relative"]
    look, end = _watch(rule, own, other, 120, looks=True), _watch(rule, own, other, 120)

    assert look.limits[0].highest == end.limits[0].highest
    assert (look.e_health, look.limits[0].clusters) == (None, None)
    assert end.e_health is not None


def test_the_moment_of_a_crossing_stays() -> None:
    """Seconds since the bake began, the end of a block; it counts although the release recovers."""
    n = 600
    own_s = latencies(n, 1) * np.where(due(60) < 30, 3.0, 0.3)
    watch = _watch(LIMITS["relative"], requests(due(60), own_s), usual(60, 2), 60, 2.0)
    (limit,) = watch.limits

    assert limit.crossed_s is not None
    assert 2 + 5 * 3 <= limit.crossed_s <= 35
    assert (limit.crossed_s - 2) % QUIET.block_s == 0
    assert limit.highest >= 20 > limit.e_value


def test_several_limits_share_alpha() -> None:
    """Each crosses at its own part, and the gate's evidence is their mean: one that has no test counts 1."""
    two = gate("> baseline + 10%", "> 10s")
    watch = _watch(two, usual(60, 1, 1.6), usual(60, 2), 60)
    mixed = _watch(gate("> baseline + 10%", "> 10s for 30s"), usual(60, 1, 1.6), usual(60, 2), 60)

    assert [limit.alpha for limit in watch.limits] == [0.025, 0.025]
    assert watch.e_value == pytest.approx((watch.limits[0].e_value + watch.limits[1].e_value) / 2)
    assert [limit.alpha for limit in mixed.limits] == [0.025]
    assert mixed.e_value == pytest.approx((mixed.limits[0].e_value + 1) / 2)
    assert watch.of(two.fail[0]) is watch.limits[0]  # type: ignore[arg-type]  # a number limit
    assert mixed.of(two.fail[0]) is None  # type: ignore[arg-type]  # of another gate


def test_a_fixed_limit_needs_no_baseline() -> None:
    """A relative one has no test without it; neither has a gate that mixes both."""
    bake = evidence(usual(60, 1), None, 60)

    assert watched(LIMITS["relative"], bake, QUIET, 0.05, 0.0) is None
    assert watched(gate("> 150ms", "> baseline"), bake, QUIET, 0.05, 0.0) is None
    watch = watched(LIMITS["fixed"], bake, QUIET, 0.05, 0.0, found=True)
    assert watch is not None
    assert (watch.warmup_s, watch.watched_s) == (0, 60)


def test_a_cold_start_is_found_and_left_out() -> None:
    """Twice as slow at first: a rollback where it counts, none where it is left out."""
    cold = 1 + 2 * np.exp(-due(120) / 15)
    own, other = requests(due(120), latencies(1200, 1) * cold), usual(120, 2)
    counted = _watch(LIMITS["relative"], own, other, 120)
    found = _watch(LIMITS["relative"], own, other, 120, found=True)

    assert counted.limits[0].crossed_s is not None
    assert found.limits[0].crossed_s is None
    assert 15 <= found.warmup_s <= 60
    assert found.watched_s == 120 - found.warmup_s


def test_before_a_warm_up_is_over_nothing_is_watched() -> None:
    """A bake that is too short to tell proves nothing."""
    watch = _watch(LIMITS["relative"], usual(20, 1, 9.0), usual(20, 2), 20, found=True)

    assert (watch.e_value, watch.e_health, watch.watched_s) == (1, 1, 0)


def test_earlier_evidence_for_a_release_has_to_be_outweighed() -> None:
    """The dice are not rolled anew by each run; earlier harm alone breaks no limit of this bake."""
    own, other = usual(60, 1, 2.5), usual(60, 2)
    rule = LIMITS["relative"]
    fresh, good, bad = (_watch(rule, own, other, 60, before=before).limits[0] for before in (1.0, 0.01, 15.0))

    assert fresh.crossed_s is not None
    assert good.highest == pytest.approx(fresh.highest / 100)
    assert good.crossed_s is None or good.crossed_s > fresh.crossed_s
    assert (bad.highest, bad.crossed_s) == (fresh.highest, fresh.crossed_s)


def test_instances_that_said_nothing_do_not_count() -> None:
    """Two of three are silent, or spoiled: nothing averages the drift of the third."""
    index, names = np.arange(600) % 3, ("a", "b", "c")
    three = requests(due(60), instances=names, instance=index)
    one = requests(due(60), usable=index == 0, instances=names, instance=index)
    silent = requests(due(60), instances=names, instance=np.zeros(600, dtype=np.int64))

    assert instances(evidence(three, None, 60)) == (3, 1)
    assert instances(evidence(one, silent, 60)) == (1, 1)


def test_the_instances_of_a_baseline_tell_its_noise() -> None:
    """What is only assumed gives way to what two equal hosts show; what was declared does not."""
    index, names = np.arange(6000) % 2, ("a", "b")
    twins = requests(due(600), latencies(6000, 3), instances=names, instance=index)
    bake = evidence(usual(600, 1), twins, 600)
    measured, declared = (watched(LIMITS["relative"], bake, noise, 0.05, 0.0) for noise in (ASSUMED, QUIET))

    assert measured is not None
    assert measured.noise.source == "measured between instances"
    assert declared is not None
    assert declared.noise is QUIET


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (gate("> 150ms"), True),
        (gate("> 150ms for 5m"), False),
        (gate("> 150ms", quantile=None), False),
        (gate("> baseline", quantile=None, whole=True), True),
        (gate("any", kind="share"), False),
        (gate("> 1/min", kind="counter", dimension="rate"), False),
    ],
)
def test_which_gates_are_watched(rule: Gate, expected: bool) -> None:
    """Zero tolerance, stretches and other kinds are judged once, at the end."""
    assert is_sequential(rule, rule.fail[0]) is expected


@pytest.mark.parametrize("limit", ["> baseline", "> baseline + 1pp", "> 2%"])
def test_storms_of_errors_on_hosts_with_calm_latencies_count_once(limit: str) -> None:
    """Two seconds in which all fails, every 100 s, on each side by itself: no more than promised is rolled back."""
    rng, runs, n = np.random.default_rng(4), 300, 50
    rule = gate(limit, kind="share")
    calm = Noise(host_drift=0.005, over_s=500.0, bursts_s=0.0, source="measured")
    test, _, _ = limit_tests(rule, rule.fail[0], calm, (1, 1), runs)  # type: ignore[arg-type]  # a limit is a number
    left, highest, fast = np.zeros((2, runs)), np.zeros(runs), np.full((runs, n), 0.01)
    for _ in range(900):
        left = np.where((left <= 0) & (rng.random((2, runs)) < 1 / 98), rng.exponential(2.0, (2, runs)), left)
        failed = rng.random((2, runs, n)) < np.clip(left, 0, 1)[..., None]
        left -= 1
        own, other = (np.where(one, np.inf, fast) for one in failed)
        test.see(Second(own, other, failed[0], failed[1]))
        highest = np.maximum(highest, test.e_value)

    assert np.mean(highest >= 20) <= 0.05
