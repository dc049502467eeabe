"""Simulated releases whose truth is known: seconds of requests to a baseline and a candidate, many runs at once.

A world is a value; ``start`` makes its traffic from a seed, one ``Tick`` at a time, and holds no more than that. The
law of response times and the sizes of noise are made up: ordinary ones, not measured on any one service.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from relgate.backtest.noise import Diurnal, Pauses, Pausing, Wander, Wandering, WarmUp
from relgate.backtest.protocol import Flags, Floats, Ints, Side, Tick

if TYPE_CHECKING:
    from collections.abc import Iterator

MEDIAN_S = 0.05
"""Median of the log-normal body, seconds."""
SIGMA = 0.6
"""Standard deviation of the log of the body."""
TAIL_SHARE = 0.01
"""Share of requests that come from the tail."""
TAIL_FROM_S = 0.1
"""The tail is Pareto from here on, seconds, with exponent 1: P(X > x) = TAIL_FROM_S / x."""
TIMEOUT_S = 60.0
"""No request of the tail takes longer, whatever slows it: its client gives up."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What disturbs response times.

    ``load`` and ``diurnal`` are shared by both sides; ``drift`` and ``pauses`` are each instance's own; ``warm_up`` is
    the candidate's.
    """

    load: Wander | None = None
    drift: Wander | None = None
    pauses: Pauses | None = None
    warm_up: WarmUp | None = None
    diurnal: Diurnal | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What the candidate does worse with response time.

    ``factor``: on every request. ``tail_share``, ``tail_factor``: a share of requests, each by itself, takes this many
    times as long. ``stall_s``, ``stall_every_s``: every so many seconds the candidate stops for ``stall_s`` whole
    seconds, and requests due then wait for the end.
    """

    factor: float = 1.0
    tail_share: float = 0.0
    tail_factor: float = 1.0
    stall_s: int = 0
    stall_every_s: int = 30


@dataclass(frozen=True, slots=True)
class Errors:
    """Failed requests: share of all, 0 to 1, on each side.

    ``burst``: mean number of failures that come together; 1 is independent failures. Above 1, bursts begin at random,
    their sizes are geometric with this mean, and a burst's failures are spread over one second at random; where
    fewer requests than that are due, the next ones fail. The share is the same whatever the burst.

    ``storms``: for some seconds each side by itself fails ``factor`` times as often, each request by itself; these
    failures come on top, and there are no bursts.
    """

    baseline: float = 0.001
    candidate: float = 0.001
    burst: float = 1.0
    storms: Pauses | None = None


@dataclass(frozen=True, slots=True)
class World:
    """One truth.

    ``rate``: requests per second to each side, on schedule and not at random, dealt to ``instances`` per side in turn.
    ``horizon_s``: length of the bake, seconds. ``onset_s``: second at which effect and candidate's error share begin.
    """

    rate: float = 10.0
    horizon_s: int = 1800
    instances: int = 1
    noise: Noise = field(default_factory=Noise)
    effect: Effect = field(default_factory=Effect)
    errors: Errors = field(default_factory=Errors)
    onset_s: int = 0

    def start(self, runs: int, seed: int | np.random.SeedSequence) -> Iterator[Tick]:
        """The traffic of ``runs`` independent releases, one tick for each second of the horizon.

        The same runs and seed give the same traffic; another number of runs gives another.
        """
        rng = np.random.Generator(np.random.SFC64(seed))
        shared = _Shared(rng, self.noise, runs)
        candidate, baseline = _Arm(rng, self, runs, candidate=True), _Arm(rng, self, runs, candidate=False)
        sent = 0
        for t_s in range(self.horizon_s):
            due = math.floor((t_s + 1) * self.rate + 1e-9) - sent
            instance: Ints = np.arange(sent, sent + due, dtype=np.intp) % self.instances
            sent += due
            log_load = shared.step(t_s)
            yield Tick(t_s, candidate.second(t_s, instance, log_load), baseline.second(t_s, instance, log_load))


class _Shared:
    """What both sides feel alike."""

    def __init__(self, rng: np.random.Generator, noise: Noise, runs: int) -> None:
        self._load = Wandering(rng, noise.load, (runs, 1)) if noise.load else None
        self._diurnal = noise.diurnal
        self._phase: Floats = rng.random((runs, 1), dtype=np.float32) * np.float32(2 * math.pi)

    def step(self, t_s: int) -> Floats:
        """Log of the factor of this second, shape (runs, 1)."""
        log = self._load.step() if self._load else np.zeros_like(self._phase)
        if self._diurnal:
            angle = self._phase + np.float32(2 * math.pi * t_s / self._diurnal.period_s)
            log = log + np.float32(self._diurnal.swing) * np.sin(angle)
        return log


class _Arm:
    """One side of a world: its own noise, its requests, its failures."""

    def __init__(self, rng: np.random.Generator, world: World, runs: int, *, candidate: bool) -> None:
        noise, self._rng, self._world, self._candidate = world.noise, rng, world, candidate
        shape = (runs, world.instances)
        self._drift = Wandering(rng, noise.drift, shape) if noise.drift else None
        self._pauses = Pausing(rng, noise.pauses, shape) if noise.pauses else None
        self._log_pause = np.float32(math.log(noise.pauses.factor)) if noise.pauses else np.float32(0)
        self._failures = _Failures(rng, world.errors, runs)
        self._stall_at = rng.integers(0, world.effect.stall_every_s, runs)
        self._offset = rng.random((runs, 1), dtype=np.float32)  # of the schedule against the clock, in requests

    def second(self, t_s: int, instance: Ints, log_load: Floats) -> Side:
        """The requests of this second."""
        worse = self._candidate and t_s >= self._world.onset_s
        effect = self._world.effect if worse else Effect()
        errors = self._world.errors
        log = self._log_factor(t_s, log_load) + np.float32(math.log(effect.factor))
        if self._world.instances > 1:
            log = log[:, instance]
        latency = _latency(self._rng, len(instance), log)
        if effect.tail_share:
            hit = scatter(self._rng, latency.size, effect.tail_share)
            flat = latency.reshape(-1)
            flat[hit] = np.minimum(flat[hit] * np.float32(effect.tail_factor), TIMEOUT_S)
        if effect.stall_s:
            self._stall(latency, t_s, effect)
        share = errors.candidate if worse else errors.baseline
        return Side(latency, self._failures.second(len(instance), self._world.rate, share), instance)

    def _log_factor(self, t_s: int, log_load: Floats) -> Floats:
        """Log of the factor of each instance, shape (runs, 1 or instances)."""
        log = log_load
        if self._drift:
            log = log + self._drift.step()
        if self._pauses:
            log = log + np.where(self._pauses.step(), self._log_pause, np.float32(0))
        if self._candidate and self._world.noise.warm_up:
            log = log + np.float32(self._world.noise.warm_up.log_factor(t_s))
        return log

    def _stall(self, latency: Floats, t_s: int, effect: Effect) -> None:
        """Make requests that are due in a stall wait for its end; runs stall at different seconds."""
        since = (t_s - self._stall_at) % effect.stall_every_s
        stalled = np.flatnonzero(since < effect.stall_s)
        due = (np.arange(latency.shape[1], dtype=np.float32) + self._offset[stalled]) / max(latency.shape[1], 1)
        latency[stalled] += (effect.stall_s - since[stalled, None] - due).astype(np.float32)


def _latency(rng: np.random.Generator, n: int, log: Floats) -> Floats:
    """Response times of (runs, n) requests, seconds; ``log``: log of the factor of each, shape (runs, 1 or n)."""
    latency: Floats = rng.standard_normal((log.shape[0], n), dtype=np.float32)
    latency *= np.float32(SIGMA)
    latency += log + np.float32(math.log(MEDIAN_S))
    np.exp(latency, out=latency)
    tail = scatter(rng, latency.size, TAIL_SHARE)
    slower = np.exp(np.broadcast_to(log, latency.shape)[tail // max(n, 1), tail % max(n, 1)])
    drawn = slower * TAIL_FROM_S / (1 - rng.random(len(tail)))
    latency.reshape(-1)[tail] = np.minimum(drawn, TIMEOUT_S)
    return latency


def scatter(rng: np.random.Generator, n: int, share: float) -> Ints:
    """Which of ``n`` independent trials succeed, each with probability ``share``: positions, rising.

    Draws the gaps, which are geometric, so that rare successes cost little.
    """
    if share <= 0 or n == 0:
        return np.empty(0, dtype=np.intp)
    at = np.empty(0, dtype=np.intp)
    last = -1
    while last < n:
        more = int((n - last) * share + 4 * math.sqrt((n - last) * share) + 8)
        steps = last + np.cumsum(rng.geometric(share, more))
        at, last = np.concatenate([at, steps]), int(steps[-1])
    return at[: int(np.searchsorted(at, n))]


class _Failures:
    """Which requests of one side fail, independent, in bursts or in storms."""

    def __init__(self, rng: np.random.Generator, errors: Errors, runs: int) -> None:
        self._rng, self._burst = rng, errors.burst
        self._storms = Pausing(rng, errors.storms, (runs, 1)) if errors.storms else None
        self._factor = errors.storms.factor if errors.storms else 1.0
        self._later = np.zeros(runs, dtype=np.intp)  # failures of bursts that reach into the next second

    def second(self, n: int, rate: float, share: float) -> Flags:
        """Shape (runs, n)."""
        if self._storms:
            chance = np.where(self._storms.step(), self._factor * share, share)
            return self._rng.random((len(self._later), n), dtype=np.float32) < chance
        failed: Flags = np.zeros((len(self._later), n), dtype=np.bool_)
        if self._burst <= 1:
            failed.reshape(-1)[scatter(self._rng, failed.size, share)] = True
            return failed
        runs = len(self._later)
        began = np.repeat(np.arange(runs), self._rng.poisson(rate * share / self._burst, runs))
        sizes = self._rng.geometric(1 / self._burst, len(began))
        # A burst that begins at u of this second has the rest of its second, u of it, in the next one.
        later = self._rng.binomial(sizes, self._rng.random(len(began)))
        now = self._later + np.bincount(began, sizes - later, runs).astype(np.intp)
        fits = np.minimum(now, n)
        self._later = now - fits + np.bincount(began, later, runs).astype(np.intp)
        hit = np.flatnonzero(fits)
        if len(hit):
            ranks = self._rng.random((len(hit), n), dtype=np.float32).argsort(axis=1).argsort(axis=1)
            failed[hit] = ranks < fits[hit, None]
        return failed


EFFECTS: dict[str, Effect] = {
    "none": Effect(),
    "+5%": Effect(factor=1.05),
    "+10%": Effect(factor=1.1),
    "+20%": Effect(factor=1.2),
    "+50%": Effect(factor=1.5),
    "2x": Effect(factor=2.0),
    "tail": Effect(tail_share=0.1, tail_factor=2.75),
    "stalls": Effect(stall_s=1, stall_every_s=30),
}
"""What a bad candidate does to response time; "none" is A/A."""

RATES: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)
"""Requests per second to each side."""

LOAD = Wander(sd=0.15, tau_s=30.0)
"""Load of both sides: 15 %, correlated over half a minute."""
DRIFT = Wander(sd=0.03, tau_s=50.0)
"""Difference between hosts: 3 %, correlated over most of a minute."""
BURSTY = Noise(load=LOAD, drift=DRIFT, pauses=Pauses())
"""What an ordinary service has."""
BURST = 4.0
"""Mean number of failures that come together in a bursty world."""

WORLDS: dict[str, World] = {
    "iid": World(),
    "bursty": World(noise=BURSTY, errors=Errors(burst=BURST)),
    "shared-load": World(noise=Noise(load=LOAD)),
    "pauses": World(noise=Noise(pauses=Pauses())),
    "host-drift": World(noise=Noise(drift=DRIFT)),
    "undeclared-drift": World(noise=Noise(drift=Wander(sd=0.06, tau_s=200.0))),
    "warm-up": World(noise=replace(BURSTY, warm_up=WarmUp()), errors=Errors(burst=BURST)),
    "late-onset": World(noise=BURSTY, errors=Errors(burst=BURST), onset_s=600),
    "diurnal": World(noise=replace(BURSTY, diurnal=Diurnal()), errors=Errors(burst=BURST)),
    "low-traffic": World(rate=0.2, noise=BURSTY, errors=Errors(burst=BURST)),
    "three-instances": World(instances=3, noise=BURSTY, errors=Errors(burst=BURST)),
    "long-pauses": World(noise=Noise(pauses=Pauses(factor=8.0, last_s=10.0, every_s=300.0))),
}
"""Kinds of noise by name, each with a good release; ``replace`` gives rate, effect or errors."""
