"""Bakes that have not been yet: excesses and counts of simulated traffic, block by block and second by second.

Of latencies the excess is simulated that ``contrast`` would show: requests whose log latency is normal with standard
deviation SIGMA, hosts that drift as ``drift.Noise`` says. For a feature g, an effect e in log units (candidate against
limit) and n requests on each side:

    rank:                    mean difference 2 Phi(e / (sigma sqrt 2)) - 1, variance of g 1/3,
                             slope (1 + exp(-e^2 / (4 sigma^2))) / (2 sigma sqrt pi)
    beyond the quantile q:   two binomial counts, variance of g q (1 - q),
                             slope: mean density of both sides at their common quantile

Errors are independent requests. The same RUNS bakes each time: nothing here is random to its caller.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.discordant import MoreErrors
from relgate.measure.exceedance import Beyond, Dispersion
from relgate.measure.interval import Basis, compare
from relgate.measure.noise import ASSUMED
from relgate.measure.rates import SharePair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from relgate.measure.drift import Noise
    from relgate.values import Floats

SIGMA = 0.6
"""Standard deviation of the log of latencies: P95 is 2.7 times the median."""

RUNS = 150
"""Bakes that are simulated: a share of them has a standard error of at most 4 points."""

MOST_BLOCKS = 600
"""What happens later in a bake is not simulated: half an hour in blocks of three seconds."""

_SEED = 20260


@dataclass(frozen=True, slots=True)
class Bake:
    """What will be observed, and how sure the judge has to be.

    ``rate_per_s``: requests per second to each side. ``bake_s``: without warm-up. ``noise``, ``instances`` (candidate,
    baseline): as they will be judged with. ``alpha``: chance of a false rollback that the limit has; ``beta``: of a
    false pass. ``least``: requests to each side below which nothing passes.
    """

    rate_per_s: float
    bake_s: float
    look_every_s: float = 5.0
    noise: Noise = ASSUMED
    instances: tuple[int, int] = (1, 1)
    alpha: float = 0.05
    beta: float = 0.05
    least: int = 1

    @property
    def simulated_s(self) -> float:
        """Seconds that are simulated; 0 without a bake or without requests."""
        if not (0 < self.rate_per_s < math.inf and self.bake_s > 0):
            return 0.0
        return min(self.bake_s, float(MOST_BLOCKS * self.noise.block_s))

    def due(self, begin_s: float, end_s: float) -> int:
        """Return how many requests to each side are due in [begin, end); 0 at a rate that is none."""
        if not 0 < self.rate_per_s < math.inf:
            return 0
        return math.floor(end_s * self.rate_per_s + 1e-9) - math.floor(begin_s * self.rate_per_s + 1e-9)

    def looked_at_s(self, known_s: float) -> float:
        """When somebody first looks at what is known since ``known_s``: at the next look, or at the end of the bake."""
        next_s = math.ceil(known_s / self.look_every_s - 1e-9) * self.look_every_s
        return min(next_s, max(self.bake_s, known_s))


def together(cases: int) -> list[slice]:
    """Return parts of some cases each: what all runs of a part have seen need not be rehearsed any further."""
    return [slice(first, min(first + 3, cases)) for first in range(0, cases, 3)]


def cross(at_s: Floats, evidence: Floats, now_s: float) -> None:
    """Write ``now_s`` into ``at_s`` where the evidence, a share of what is needed, is enough for the first time."""
    at_s[(evidence >= 1) & np.isinf(at_s)] = now_s


# --- latencies


@dataclass(frozen=True, slots=True)
class Block:
    """One block of all runs. ``n``: requests on each side; ``looked_at_s``: when its evidence counts first."""

    n: int
    looked_at_s: float
    _drift: Floats
    _luck: Floats
    _rng: np.random.Generator

    def excess(self, q: float | None, effects: Floats) -> tuple[Floats, Floats]:
        """Return excess and variance, each (cases, RUNS), of a quantile or the rank (None).

        ``effects``: shape (cases, 1), candidate against limit, log units.
        """
        return self._rank(effects) if q is None else self._beyond(q, effects)

    def _rank(self, effects: Floats) -> tuple[Floats, Floats]:
        from scipy.special import ndtr

        total = effects + self._drift
        slope = (1 + np.exp(-(effects**2) / (4 * SIGMA**2))) / (2 * SIGMA * math.sqrt(math.pi))
        mean = 2 * ndtr(total / (SIGMA * math.sqrt(2))) - 1
        variance = 2 / (3 * self.n)
        shown = np.clip(mean + np.sqrt(variance * (1 - mean * mean)) * self._luck, -1, 1)
        return shown / slope, np.broadcast_to(variance / slope**2, total.shape)

    def _beyond(self, q: float, effects: Floats) -> tuple[Floats, Floats]:
        from scipy.special import ndtr

        at, half = common_quantile(q, effects), self._drift / 2
        slope = (_density(at - effects) + _density(at)) / 2
        own = self._rng.binomial(self.n, ndtr((effects + half - at) / SIGMA))
        other = self._rng.binomial(self.n, ndtr((-half - at) / SIGMA))
        variance = 2 * q * (1 - q) / self.n / slope**2
        return (own - other) / self.n / slope, np.broadcast_to(variance, own.shape)


def blocks(bake: Bake) -> Iterator[Block]:
    """Yield the blocks of a bake in which requests are due."""
    noise, rng = bake.noise, np.random.default_rng(_SEED)
    sd = math.sqrt(noise.pair_variance(*bake.instances))
    phi = math.exp(-noise.block_s / noise.over_s) if noise.over_s > 0 else 0.0
    drift = sd * rng.standard_normal(RUNS)
    for number in range(int(bake.simulated_s // noise.block_s)):
        begin_s, end_s = float(number * noise.block_s), float((number + 1) * noise.block_s)
        n = bake.due(begin_s, end_s)
        if n:
            yield Block(n, bake.looked_at_s(end_s), drift, rng.standard_normal(RUNS), rng)
        drift = phi * drift + sd * math.sqrt(1 - phi * phi) * rng.standard_normal(RUNS)


def common_quantile(q: float, effects: Floats) -> Floats:
    """Return the log latency that 1 - q of both sides together exceed, the candidate being shifted by ``effects``."""
    from scipy.special import ndtr, ndtri

    low = SIGMA * float(ndtri(q)) + np.minimum(effects, 0)
    high = low + np.abs(effects)
    for _ in range(50):
        middle = (low + high) / 2
        above = ndtr(-middle / SIGMA) + ndtr((effects - middle) / SIGMA) > 2 * (1 - q)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    found: Floats = (low + high) / 2
    return found


def _density(log_latency: Floats) -> Floats:
    found: Floats = np.exp(-((log_latency / SIGMA) ** 2) / 2) / (SIGMA * math.sqrt(2 * math.pi))
    return found


# --- shares


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of a bake whose events were counted.

    ``at_s``: when each run was rolled back, shape (cases, RUNS), infinite if never. Of the first case: ``n`` requests
    to each side, ``own`` and ``other`` events (None without a baseline), the larger ``dispersion``; shape (RUNS,).
    """

    at_s: Floats
    n: int
    own: Floats
    other: Floats | None
    dispersion: Floats

    def kept(self, basis: Basis, boundary: float, beta: float) -> NDArray[np.bool_]:
        """In which runs exact bounds at 1 - beta keep a limit, clusters counted once; no event keeps every ratio."""
        found = []
        for run, cluster in enumerate(self.dispersion):
            beside = (None, None) if self.other is None else (float(self.other[run]), float(self.n))
            pair = SharePair(float(self.own[run]), float(self.n), *beside).thinned(float(cluster))
            interval = compare(pair, basis, 1 - beta)
            high = None if interval is None else interval.high
            found.append((pair.events == 0 and basis == "times") or (high is not None and high <= boundary))
        return np.array(found)


def count(bake: Bake, shares: Floats, usual: float | None, make: Callable[[int], Beyond | MoreErrors]) -> Counted:
    """Let tests see candidates with such shares of events in all of a bake, the first one to its end.

    ``usual``: the baseline's share, None without one. ``make``: a test of so many runs.
    """
    rng, block_s = np.random.default_rng(_SEED), bake.noise.block_s
    at_s = np.full((len(shares), RUNS), math.inf)
    parts = [(cases, make(at_s[cases].size)) for cases in together(len(shares))]
    dispersions, sums, in_block = (Dispersion(RUNS), Dispersion(RUNS)), np.zeros((2, RUNS)), np.zeros((2, RUNS))
    for second in range(int(bake.simulated_s)):
        n = bake.due(second, second + 1)
        other = rng.binomial(n, usual or 0.0, RUNS)
        for cases, test in parts:
            if cases.start and np.isfinite(at_s[cases]).all():
                continue
            own = rng.binomial(n, shares[cases, None], at_s[cases].shape)
            in_block += 0 if cases.start else np.stack([own[0], other])
            _show(test, own, other, n)
            cross(at_s[cases], bake.alpha * test.e_value.reshape(own.shape), bake.looked_at_s(second + 1))
        if (second + 1) % block_s == 0:
            due = np.full(RUNS, float(bake.due(second + 1 - block_s, second + 1)))
            for dispersion, events in zip(dispersions, in_block, strict=True):
                dispersion.see(events, due)
            sums, in_block = sums + in_block, np.zeros((2, RUNS))
    own_sum, other_sum = sums + in_block
    larger: Floats = np.maximum(dispersions[0].factor, dispersions[1].factor)
    n = bake.due(0, int(bake.simulated_s))
    return Counted(at_s, n, own_sum, None if usual is None else other_sum, larger)


def _show(test: Beyond | MoreErrors, own: NDArray[np.int64], other: NDArray[np.int64], n: int) -> None:
    """Show a second of all runs of some cases to their test."""
    requests = np.full(own.size, n)
    if isinstance(test, MoreErrors):
        test.see((own.ravel(), np.tile(other, len(own))), (requests, requests))
    else:
        test.see(own.ravel().astype(np.float64), requests.astype(np.float64))
