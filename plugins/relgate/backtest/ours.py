"""relgate's own rule as a decider of races: a gate on latency and a gate on errors that share one alpha.

It is the code that judges real bakes, run on many releases at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from relgate.backtest.protocol import Verdicts
from relgate.measure.contrast import Blocks
from relgate.measure.discordant import MoreErrors
from relgate.measure.latency import Slower
from relgate.measure.noise import ASSUMED, burst_length, estimate
from relgate.measure.sequential import changed
from relgate.measure.storms import storm_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.backtest.protocol import Tick
    from relgate.backtest.worlds import World
    from relgate.measure.drift import Noise
    from relgate.values import Floats

EARLIER_BAKES = 10
"""Stored bakes of good releases from which a decider of ``deciders`` has measured the noise of its world."""

_WARMUP_S = 60
"""What a policy says for a service that needs 20 s to get warm."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Gates ``latency`` (whole distribution) and ``errors``, both against the baseline.

    ``margin``: share by which the candidate may be slower; ``worse_by``: slow-down that must not be promoted, a share.
    ``alpha``, ``beta``: chance of a false rollback and of a false promotion. ``noise``: what is known of the hosts.
    ``warmup_s``: seconds that do not count. ``gates``: which of the two judge.
    """

    noise: Noise
    margin: float = 0.0
    worse_by: float = 0.2
    alpha: float = 0.05
    beta: float = 0.05
    look_every_s: int = 5
    instances: int = 1
    warmup_s: int = 0
    gates: tuple[str, ...] = ("latency", "errors")
    name: str = "relgate"

    def start(self, runs: int) -> _Watch:
        """Begin to watch."""
        return _Watch(self, runs)


class _Watch:
    """The tests of ``runs`` releases."""

    def __init__(self, rule: Ours, runs: int) -> None:
        self._rule = rule
        sides = (rule.instances, rule.instances)
        self._harm = Slower(runs, changed("times", 1 + rule.margin), rule.noise, sides)
        worst = changed("times", 1 + rule.worse_by)
        self._health = [
            Slower(runs, worst, rule.noise, sides, q, turned=True, first=1.0, only=True) for q in (None, 0.95)
        ]
        self._errors = MoreErrors(runs, bursts_s=rule.noise.of_events.bursts_s)
        self._highest = np.zeros(runs)

    def see(self, tick: Tick) -> None:
        """Take one second of all runs."""
        own, other = tick.candidate, tick.baseline
        if tick.t_s < self._rule.warmup_s:
            return
        if "latency" in self._rule.gates:
            ours, theirs = own.latency_s.astype(np.float64), other.latency_s.astype(np.float64)
            for test in (self._harm, *self._health):
                test.see(ours, theirs)
        if "errors" in self._rule.gates:
            n = np.full(own.failed.shape[0], own.failed.shape[1])
            self._errors.see((own.failed.sum(axis=1), other.failed.sum(axis=1)), (n, n))

    def look(self, t_s: int) -> Verdicts:  # noqa: ARG002 - the evidence knows its own time
        """Judge what was seen so far; what is neither sure is undecidable as things stand, and would be held."""
        found = {"latency": self._harm.e_value, "errors": self._errors.e_value}
        joint: Floats = np.mean([found[name] for name in self._rule.gates], axis=0)
        self._highest = np.maximum(self._highest, joint)
        health = np.min([test.e_value for test in self._health], axis=0)
        bad = self._highest >= 1 / self._rule.alpha
        good = ~bad & (health >= 1 / self._rule.beta)
        return Verdicts(bad, good, ~bad & ~good)


def deciders(world: World, seed: int = 1) -> tuple[Ours, ...]:
    """Return our rules for a world: without a margin, with one of 5 %, and without any knowledge of the noise.

    The first two have measured the noise from EARLIER_BAKES good bakes of that world; where it is not to be told, in
    the world ``undeclared-drift``, there is only the last one, which assumes the worst. ``seed``: of those bakes.
    """
    rule = Ours(ASSUMED, instances=world.instances, name="relgate unmeasured")
    if world.noise.warm_up is not None:
        rule = replace(rule, warmup_s=_WARMUP_S)
    hidden = replace(rule, margin=0.05, name="relgate unmeasured, margin 5 %")
    if world.noise.drift is not None and world.noise.drift.sd > _DECLARED_DRIFT:
        return rule, hidden
    noise = measured(_calm(world), seed)
    known = replace(rule, noise=noise, name="relgate")
    return known, replace(known, margin=0.05, name="relgate, margin 5 %")


_DECLARED_DRIFT = 0.05


def _calm(world: World) -> World:
    """Return the same world with good releases only, half an hour of each."""
    from relgate.backtest.worlds import EFFECTS

    return replace(world, effect=EFFECTS["none"], onset_s=0, horizon_s=1800)


@cache
def measured(world: World, seed: int = 1) -> Noise:
    """Return the noise that stored bakes of a world show, as one instance against one. ``seed``: of those bakes."""
    one = replace(world, instances=1)
    bursts_s = burst_length(_series(one, 1, seed))
    block_s = replace(ASSUMED, bursts_s=bursts_s).block_s
    found = estimate(_series(one, block_s, seed), block_s, 600.0)
    if found is None:
        return ASSUMED
    return replace(found, bursts_s=bursts_s, storms_s=storm_length(_surpluses(one, seed)))


def _series(world: World, block_s: int, seed: int) -> list[tuple[Floats, Floats]]:
    """Return excess and variance of each block of EARLIER_BAKES bakes."""
    blocks = Blocks(EARLIER_BAKES, (None,), block_s)
    ended = (
        blocks.see(tick.candidate.latency_s.astype(np.float64), tick.baseline.latency_s.astype(np.float64))
        for tick in _warm(world, seed)
    )
    both = np.array([(one.excess[:, 0], one.variance[:, 0]) for one in ended if one is not None])
    return [(both[:, 0, run], both[:, 1, run]) for run in range(EARLIER_BAKES)]


def _surpluses(world: World, seed: int) -> list[Floats]:
    """Return the surplus of failed requests in each second of EARLIER_BAKES bakes."""
    shares = [
        (tick.candidate.failed.sum(axis=1) - tick.baseline.failed.sum(axis=1)) / n
        if (n := tick.candidate.failed.shape[1])
        else np.full(EARLIER_BAKES, np.nan)
        for tick in _warm(world, seed)
    ]
    return list(np.array(shares).T)


def _warm(world: World, seed: int) -> Iterator[Tick]:
    """Yield the traffic of EARLIER_BAKES bakes after their warm-up."""
    return (tick for tick in world.start(EARLIER_BAKES, seed) if tick.t_s >= _WARMUP_S)
