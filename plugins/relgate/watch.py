"""Watches the sequential tests of one gate: the same object at the end of a bake and at every look before.

A look costs what came since the last one. Only gates on requests beside one another have such tests (``testable``); all
others are judged once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.noise import ASSUMED, estimate, excesses
from relgate.measure.seconds import Seconds
from relgate.measure.sequential import Clusters, Health, Kind, Test, harm, testable
from relgate.measure.warmup import WarmUp
from relgate.policy.limits import NumberLimit
from relgate.policy.model import LONGEST_WARMUP_S
from relgate.values import Requests

if TYPE_CHECKING:
    from relgate.measure.drift import Noise
    from relgate.measure.seconds import Second
    from relgate.policy.model import Gate
    from relgate.values import Evidence, Samples


@dataclass(eq=False)
class LimitWatch:
    """The tests of one fail limit.

    ``before``: evidence of harm from earlier holds that this bake goes on from, at most 1: what spoke for the release
    has to be outweighed first, or each run would roll the dice anew. ``highest``: largest e-value of harm so far, with
    what was before. ``crossed_s``: when it reached 1/alpha, seconds since the bake began; None while it has not.
    """

    limit: NumberLimit
    harm: Test
    health: Health | None
    clusters: Clusters | None
    alpha: float
    before: float = 1.0
    highest: float = 0.0
    crossed_s: float | None = None

    def see(self, second: Second, end_s: float) -> None:
        """Take the next second, which ended at ``end_s``."""
        self.harm.see(second)
        if self.health is not None:
            self.health.see(second)
        if self.clusters is not None:
            self.clusters.see(second)
        self.highest = max(self.highest, self.before * self.e_value)
        if self.crossed_s is None and self.alpha * self.highest >= 1:
            self.crossed_s = end_s

    @property
    def e_value(self) -> float:
        """E of harm now."""
        return float(self.harm.e_value[0])


@dataclass(eq=False)
class Watch:
    """The tests of a gate.

    Args:
        gate: of kind quantile or share.
        noise: what two equal sides differ by.
        alpha: this gate's share of the chance of a false rollback; its limits share it equally.
        begin_s: end of the warm-up, seconds since the bake began.
        found: the warm-up is found by the data instead, from ``begin_s`` on.
        instances: of candidate and baseline.
        looks: only harm is watched: nothing is known of health before the end.
        before: evidence of harm from earlier holds. More than 1 counts for the joint evidence only (``decide``): a
            limit is broken by what this bake shows.

    """

    gate: Gate
    noise: Noise
    alpha: float
    begin_s: float
    found: bool = False
    instances: tuple[int, int] = (1, 1)
    looks: bool = False
    before: float = 1.0
    limits: list[LimitWatch] = field(init=False)

    def __post_init__(self) -> None:
        self._seconds = Seconds(self.begin_s)
        self._next_s = self.begin_s
        self._warmup = WarmUp(self.noise.block_s, LONGEST_WARMUP_S) if self.found else None
        self._held_back: list[Second] = []
        bounds = [
            limit for limit in self.gate.fail if isinstance(limit, NumberLimit) and is_sequential(self.gate, limit)
        ]
        self.limits = [self._limit(bound, self.alpha / len(self.gate.fail)) for bound in bounds]

    def _limit(self, bound: NumberLimit, alpha: float) -> LimitWatch:
        test, health, clusters = limit_tests(self.gate, bound, self.noise, self.instances)
        before = min(self.before, 1.0)
        return LimitWatch(bound, test, None if self.looks else health, None if self.looks else clusters, alpha, before)

    @property
    def warmup_s(self) -> float:
        """Seconds since the bake began that do not count."""
        over_s = self._warmup.over_s if self._warmup is not None else 0.0
        return self.begin_s + (over_s or 0.0)

    @property
    def watched_s(self) -> float:
        """Seconds that the tests have seen."""
        return self._next_s - self.warmup_s

    def add(self, side: str, samples: Samples) -> None:
        """Take more samples of a side. Raises ValueError for those that are of another kind, or NaN."""
        self._seconds.add(side, samples)

    def until(self, settled_s: float) -> None:
        """Watch all seconds that ended at or before ``settled_s`` (seconds since the bake began)."""
        for second in self._seconds.until(settled_s):
            if self._warmup is not None and self._warmup.over_s is None:
                self._held_back.append(second)
                self._count_from(self._warmup.see(second))
            else:
                self._see(second)

    def _count_from(self, over_s: float | None) -> None:
        """Watch what was held back, without the warm-up, once that is known to be over."""
        if over_s is None:
            return
        self._next_s = self.begin_s + over_s
        for kept in self._held_back[int(over_s) :]:
            self._see(kept)
        self._held_back.clear()

    def _see(self, second: Second) -> None:
        self._next_s += 1
        for limit in self.limits:
            limit.see(second, self._next_s)

    def of(self, limit: NumberLimit) -> LimitWatch | None:
        """Return the tests of a limit; None where it has none."""
        return next((one for one in self.limits if one.limit is limit), None)

    @property
    def e_value(self) -> float:
        """E of "all limits of this gate are kept" now: the mean over its fail limits, 1 for one without a test."""
        return (sum(one.e_value for one in self.limits) + len(self.gate.fail) - len(self.limits)) / len(self.gate.fail)

    @property
    def e_health(self) -> float | None:
        """Smallest E of health over the limits that have such a test; None where none has."""
        found = [float(one.health.e_value[0]) for one in self.limits if one.health is not None]
        return min(found, default=None)


def noise_for(gate: Gate, noise: Noise) -> Noise:
    """Return the noise that a gate counts with: what was measured of latencies is not said of failed requests."""
    return noise if gate.kind == "quantile" else noise.of_events


def limit_tests(
    gate: Gate, bound: NumberLimit, noise: Noise, instances: tuple[int, int], runs: int = 1
) -> tuple[Test, Health | None, Clusters | None]:
    """Return the tests of one limit: of harm, and of health or of what bounds at the end are thinned by."""
    kind: Kind = "quantile" if gate.kind == "quantile" else "share"
    noise = noise_for(gate, noise)
    test = harm(bound, kind, gate.quantile, noise, instances, runs)
    if kind == "quantile" and bound.basis != "absolute":
        worse_by = gate.worse_by if bound.basis == "times" else None
        return test, Health(bound, gate.quantile, noise, instances, worse_by, runs), None
    return test, None, Clusters(noise.block_s, bound.value if kind == "quantile" else None, runs)


def is_sequential(gate: Gate, limit: object) -> bool:
    """Whether a fail limit is judged by a test that may be looked at any time."""
    if gate.kind not in ("quantile", "share") or not isinstance(limit, NumberLimit) or limit.for_s is not None:
        return False
    if gate.kind == "quantile" and gate.quantile is None and not gate.whole:
        return False
    return testable(limit, gate.kind)


def watched(
    gate: Gate,
    evidence: Evidence,
    noise: Noise,
    alpha: float,
    begin_s: float,
    *,
    found: bool = False,
    before: float = 1.0,
) -> Watch | None:
    """Return the tests of a gate on all of a recording; None where it has none or needs a baseline that is not there.

    Noise that is only assumed is measured instead where the baseline has several instances: they are equal by nature.
    """
    watch = begun(gate, evidence, noise, alpha, begin_s, found=found, before=before)
    if watch is not None:
        watch.until(evidence.finished_s - evidence.started_s)
    return watch


def begun(
    gate: Gate,
    evidence: Evidence,
    noise: Noise,
    alpha: float,
    begin_s: float,
    *,
    found: bool = False,
    before: float = 1.0,
) -> Watch | None:
    """Return what ``watched`` does before it has watched anything: ``until`` takes it through the recording."""
    limits = [limit for limit in gate.fail if is_sequential(gate, limit)]
    if not limits:
        return None
    if evidence.baseline is None:
        if any(isinstance(limit, NumberLimit) and limit.basis != "absolute" for limit in limits):
            return None
        found = False
    end_s = evidence.finished_s - evidence.started_s
    if noise.source == "assumed" and evidence.baseline is not None:
        noise = _between_instances(evidence.baseline, begin_s, end_s) or noise
    watch = Watch(gate, noise, alpha, begin_s, found=found, instances=instances(evidence), before=before)
    watch.add("candidate", evidence.candidate)
    if evidence.baseline is not None:
        watch.add("baseline", evidence.baseline)
    return watch


def _between_instances(baseline: Samples, begin_s: float, end_s: float) -> Noise | None:
    """Return the noise that the instances of the baseline show between each other; None where there is only one."""
    if not isinstance(baseline, Requests) or len(baseline.instances) < 2:
        return None
    each = baseline.by_instance()
    block_s = ASSUMED.block_s
    pairs = [excesses(one, other, begin_s, end_s, block_s) for one, other in pairwise(each)]
    found = estimate(pairs[::2], block_s, end_s - begin_s)  # Every second pair: no instance counts twice.
    return None if found is None else replace(found, source="measured between instances")


def instances(evidence: Evidence) -> tuple[int, int]:
    """Return how many instances have usable samples on each side, at least 1: a silent one averages nothing out."""
    own, other = (_heard(side) for side in (evidence.candidate, evidence.baseline))
    return own, other


def _heard(side: Samples | None) -> int:
    return max(1, len(np.unique(side.instance[side.usable]))) if isinstance(side, Requests) else 1
