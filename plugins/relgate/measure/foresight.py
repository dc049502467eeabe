"""What a gate will be able to see in a bake, told before it: by simulation of the very tests that will judge it.

Latencies are simulated block by block: the excess that ``contrast`` would show for requests whose latency has a
log-normal body with standard deviation SIGMA, plus the drift of hosts that ``drift.Noise`` describes, through ``Excess``.
Errors are simulated second by second, as independent requests, through ``MoreErrors`` and ``Beyond``. So every number
is about such a service: one whose latencies spread more, or whose errors come in storms, is seen later. The chance of a
false rollback is no simulation: it is the promise, alpha.

Some RUNS bakes are simulated, always the same ones, and no more than LONGEST_S of each: shares have a standard error of
up to 3.5 points. For one feature g of ``contrast`` and an effect e (log units) of equal samples of size n:

| g                       | mean difference              | slope                                           | variance of g |
|-------------------------|------------------------------|-------------------------------------------------|---------------|
| rank                    | 2 Phi(e / (sigma sqrt 2)) - 1 | (1 + exp(-e^2 / (4 sigma^2))) / (2 sigma sqrt pi) | 1/3           |
| beyond pooled quantile  | two binomial counts          | mean density of both sides there                | q (1 - q)     |
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from relgate.measure.discordant import MoreErrors
from relgate.measure.drift import Excess, Noise
from relgate.measure.exceedance import Beyond, Dispersion
from relgate.measure.interval import Basis, compare
from relgate.measure.latency import WHOLE
from relgate.measure.noise import ASSUMED
from relgate.measure.rates import SharePair

if TYPE_CHECKING:
    from relgate.values import Floats

SIGMA = 0.6
"""Standard deviation of the log of latencies: P95 is 2.7 times the median."""

RUNS = 200
"""Bakes that are simulated."""

LONGEST_S = 3600.0
"""What happens later in a bake is not simulated."""

SLOWER = (1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
"""How much slower a bad release is, as factors of the baseline (of the limit where that is fixed)."""

MORE = (1.5, 2.0, 5.0, 10.0)
"""How many times the limit's share of errors a bad release has."""

SHOWN = 4
"""Effects that are told."""

_STEPS = (0.02, 0.035, 0.05, 0.07, 0.1, 0.15, 0.25, 0.4, 0.7, 1.2)
"""Effects beyond the limit, in log units, among which the smallest one is looked for."""

_SEED = 20260

Subject = Literal["slower", "share"]


@dataclass(frozen=True, slots=True)
class Bake:
    """What will be observed, and how sure the judge has to be.

    ``rate_per_s``: requests per second to each side. ``bake_s``: without warm-up. ``noise``, ``instances`` (candidate,
    baseline): as they will be judged with. ``alpha``: chance of a false rollback that the limit has; ``beta``: of a
    false pass.
    """

    rate_per_s: float
    bake_s: float
    look_every_s: float = 5.0
    noise: Noise = ASSUMED
    instances: tuple[int, int] = (1, 1)
    alpha: float = 0.05
    beta: float = 0.05

    @property
    def simulated_s(self) -> float:
        """Seconds that are simulated; 0 without a bake or without requests."""
        if not (self.rate_per_s > 0 and self.bake_s > 0):
            return 0.0
        return min(self.bake_s, LONGEST_S)

    def due(self, begin_s: float, end_s: float) -> int:
        """Return how many requests are due in [begin, end)."""
        return math.floor(end_s * self.rate_per_s + 1e-9) - math.floor(begin_s * self.rate_per_s + 1e-9)


@dataclass(frozen=True, slots=True)
class Seen:
    """How an effect is seen. ``worse``: factor of the baseline's latency (or of a fixed limit), or share of errors.

    ``share``: of bakes in which it is seen. ``median_s``, ``late_s``: when half and 90 % of bakes have; infinite when
    they never do.
    """

    worse: float
    share: float
    median_s: float
    late_s: float


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a gate will see with one limit.

    ``allowed``: the limit as ``Seen.worse`` counts. ``half``, ``most``: the smallest effect seen in half and in 95 % of
    bakes; None if not even the largest that was tried is. ``rolled_back``: share of good releases that were rolled back
    in the simulation. ``passed``: share of them that passed at the end; None where that cannot be foreseen. ``good``:
    what a good release is.
    """

    bake: Bake
    subject: Subject
    allowed: float
    seen: tuple[Seen, ...]
    half: float | None
    most: float | None
    rolled_back: float
    passed: float | None
    good: str


# --- latencies


def slower(bake: Bake, allowed: float = 1.0, worst: float | None = None, quantile: float | None = None) -> Foresight:
    """Foresee a limit on latency beside a baseline.

    ``allowed``: factor of the baseline that the limit is; ``worst``: factor that must not pass (None: the limit);
    ``quantile``: that the limit is about, None for the whole distribution.
    """
    shown = [factor for factor in SLOWER if factor > allowed * 1.001][:SHOWN]
    worse = np.array(sorted({1.0, *shown, *(allowed * np.exp(_STEPS))}))
    feature, weight = (None, WHOLE[0][1]) if quantile is None else (quantile, 1.0)
    noise, shape = bake.noise, (len(worse), RUNS)
    harm = Excess(shape, noise.pair_variance(*bake.instances), noise.over_s, noise.block_s)
    need = 1 / (bake.alpha * weight)
    health = _Health(bake, (None, 0.95) if quantile is None else (quantile,), worst or allowed)
    effects = np.log(worse / allowed)[:, None]
    at_s = np.full(shape, math.inf)
    for block in _blocks(bake):
        harm.step(*block.excess(feature, effects))
        health.step(block)
        at_s[(harm.e_value >= need) & np.isinf(at_s)] = block.look_s
    good = np.isinf(at_s[worse == 1.0][0])
    return _told(
        bake, "slower", allowed, worse, at_s, tuple(shown), (good, good & health.sure), "as fast as its baseline"
    )


class _Health:
    """The test of "slower by ``worst``" for a release that is equal to its baseline."""

    def __init__(self, bake: Bake, features: tuple[float | None, ...], worst: float) -> None:
        noise, self._need = bake.noise, 1 / bake.beta
        self._effect = np.full((1, 1), math.log(1 / worst))
        variance = noise.pair_variance(*bake.instances)
        self._tests = {q: Excess((1, RUNS), variance, noise.over_s, noise.block_s, first=1.0) for q in features}

    def step(self, block: _Block) -> None:
        """Take one block."""
        for q, test in self._tests.items():
            excess, variance = block.excess(q, self._effect)
            test.step(-excess, variance)

    @property
    def sure(self) -> np.ndarray:
        """In which runs the release is surely not so slow, bool (runs,)."""
        found: np.ndarray = np.all([test.e_value[0] >= self._need for test in self._tests.values()], axis=0)
        return found


@dataclass(frozen=True, slots=True)
class _Block:
    """One block of all runs. ``n``: requests on each side; ``drift``, ``luck``: shape (runs,)."""

    n: int
    look_s: float
    drift: Floats
    luck: Floats
    rng: np.random.Generator

    def excess(self, q: float | None, effects: Floats) -> tuple[Floats, Floats]:
        """Return excess and variance, as ``contrast`` has them, of effects of shape (cases, 1): each (cases, runs)."""
        from scipy.special import ndtr

        total = effects + self.drift
        if q is None:
            slope = (1 + np.exp(-(effects**2) / (4 * SIGMA**2))) / (2 * SIGMA * math.sqrt(math.pi))
            mean = 2 * ndtr(total / (SIGMA * math.sqrt(2))) - 1
            own = 2 / (3 * self.n)
            shown = np.clip(mean + np.sqrt(own * (1 - mean * mean)) * self.luck, -1, 1)
            return shown / slope, np.broadcast_to(own / slope**2, total.shape)
        at = _pooled_quantile(q, effects)
        slope = (_density(at - effects) + _density(at)) / 2
        chances = ndtr((total - at) / SIGMA), np.broadcast_to(ndtr(-at / SIGMA), total.shape)
        own_count, other_count = (self.rng.binomial(self.n, chance) for chance in chances)
        variance = np.broadcast_to(q * (1 - q) * 2 / self.n / slope**2, total.shape)
        return (own_count - other_count) / self.n / slope, variance


def _blocks(bake: Bake) -> Iterator[_Block]:
    """Yield the blocks of a bake in which requests are due."""
    noise, rng = bake.noise, np.random.default_rng(_SEED)
    block_s = noise.block_s
    sd = math.sqrt(noise.pair_variance(*bake.instances))
    phi = math.exp(-block_s / noise.over_s) if noise.over_s > 0 else 0.0
    drift = sd * rng.standard_normal(RUNS)
    for number in range(int(bake.simulated_s // block_s)):
        n = bake.due(number * block_s, (number + 1) * block_s)
        if n:
            look_s = _look_s(bake, (number + 1) * block_s)
            yield _Block(n, look_s, drift, rng.standard_normal(RUNS), rng)
        drift = phi * drift + sd * math.sqrt(1 - phi * phi) * rng.standard_normal(RUNS)


def _look_s(bake: Bake, known_s: float) -> float:
    """When somebody looks first at what is known: at the next look, or at the end of the bake."""
    return min(math.ceil(known_s / bake.look_every_s - 1e-9) * bake.look_every_s, max(bake.bake_s, known_s))


def _density(log_latency: Floats) -> Floats:
    """Density of the body, per log unit."""
    found: Floats = np.exp(-((log_latency / SIGMA) ** 2) / 2) / (SIGMA * math.sqrt(2 * math.pi))
    return found


def _pooled_quantile(q: float, effects: Floats) -> Floats:
    """Log latency beyond which both sides together have 1 - q, the candidate being shifted; by bisection."""
    from scipy.special import ndtr, ndtri

    low = np.full_like(effects, SIGMA * float(ndtri(q))) + np.minimum(effects, 0)
    high = low + np.abs(effects)
    for _ in range(50):
        middle = (low + high) / 2
        above = ndtr(-middle / SIGMA) + ndtr((effects - middle) / SIGMA) > 2 * (1 - q)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return low


# --- shares


def slower_than(bake: Bake, quantile: float) -> Foresight:
    """Foresee a fixed limit on a quantile: the share of requests that take longer. A good release needs half the limit."""
    from scipy.special import ndtr, ndtri

    limit, at = 1 - quantile, float(ndtri(quantile))
    worse = np.array(sorted({0.5, *SLOWER[:SHOWN], *np.exp(_STEPS)}))
    found = _count(bake, ndtr(np.log(worse) / SIGMA - at), None, Beyond(len(worse) * RUNS, limit, bake.noise.block_s))
    good = found.kept(0, "absolute", limit, bake.beta)
    return _told(bake, "slower", 1.0, worse, found.at_s, SLOWER[:SHOWN], good, "that takes half as long as the limit")


def errors(bake: Bake, limit: float, usual: float) -> Foresight:
    """Foresee a fixed limit on the share of errors; a good release has the ``usual`` share of them."""
    return _errors(bake, limit, usual, None, ("absolute", limit))


def more_errors(bake: Bake, usual: float, ratio: float = 1.0, points: float = 0.0) -> Foresight:
    """Foresee a limit on the share of errors beside the baseline's, which is ``usual``: times ratio, or plus points."""
    return _errors(
        bake, ratio * usual + points, usual, (ratio, points), ("plus", points) if points else ("times", ratio)
    )


def _errors(
    bake: Bake, limit: float, usual: float, beside: tuple[float, float] | None, bound: tuple[Basis, float]
) -> Foresight:
    shown = tuple(factor * limit for factor in MORE if factor * limit < 1)
    steps = limit * np.exp(np.array([0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0, 4.0]))
    worse = np.array([usual, *sorted({*shown, *steps[steps < 1]})])
    runs, block_s = len(worse) * RUNS, bake.noise.block_s
    test = Beyond(runs, limit, block_s) if beside is None else MoreErrors(runs, *beside, block_s=block_s)
    found = _count(bake, worse, None if beside is None else usual, test)
    good = found.kept(0, *bound, bake.beta)
    text = f"with {usual * 100:.3g} % of errors" + ("" if beside is None else ", like its baseline")
    return _told(bake, "share", limit, worse, found.at_s, shown, good, text)


@dataclass(frozen=True, slots=True)
class _Counts:
    """What came of a simulation: when each run was seen, shape (cases, runs), and the counts of the first case."""

    at_s: Floats
    n: int
    events: tuple[Floats, Floats | None]
    dispersion: Floats

    def kept(self, case: int, basis: Basis, boundary: float, beta: float) -> tuple[np.ndarray, np.ndarray]:
        """In which runs a good release was not rolled back, and passed: bool, each of shape (runs,)."""
        stays, (own, other) = np.isinf(self.at_s[case]), self.events
        pairs = [
            SharePair(own[run], self.n, *((None, None) if other is None else (other[run], self.n))).thinned(factor)
            for run, factor in enumerate(self.dispersion)
        ]
        return stays, stays & np.array([_kept(pair, basis, boundary, beta) for pair in pairs])


def _kept(pair: SharePair, basis: Basis, boundary: float, beta: float) -> bool:
    """Whether exact bounds keep the limit; no event at all keeps every ratio."""
    if pair.events == 0 and basis == "times":
        return True
    interval = compare(pair, basis, 1 - beta)
    return interval is not None and interval.high is not None and interval.high <= boundary


def _count(bake: Bake, shares: Floats, usual: float | None, test: Beyond | MoreErrors) -> _Counts:
    """Simulate the events of each second: of candidates with such shares, beside a baseline with the ``usual`` one."""
    rng, cases = np.random.default_rng(_SEED), len(shares)
    chances = np.repeat(shares, RUNS)
    at_s = np.full(cases * RUNS, math.inf)
    sums, blocks = np.zeros((2, RUNS)), np.zeros((2, RUNS))
    dispersions = Dispersion(RUNS), Dispersion(RUNS)
    for second in range(int(bake.simulated_s)):
        n = bake.due(second, second + 1)
        own, other = rng.binomial(n, chances), rng.binomial(n, usual or 0.0, RUNS)
        requests = np.full(cases * RUNS, n)
        if isinstance(test, MoreErrors):
            test.see((own, np.tile(other, cases)), (requests, requests))
        else:
            test.see(own.astype(np.float64), requests.astype(np.float64))
        blocks += np.stack([own[:RUNS], other])
        if (second + 1) % bake.noise.block_s == 0:
            for dispersion, events in zip(dispersions, blocks, strict=True):
                dispersion.see(events, np.full(RUNS, float(bake.due(second + 1 - bake.noise.block_s, second + 1))))
            sums, blocks = sums + blocks, np.zeros((2, RUNS))
        at_s[(test.e_value >= 1 / bake.alpha) & np.isinf(at_s)] = _look_s(bake, second + 1)
    sums = sums + blocks
    dispersion = np.maximum(*(one.factor for one in dispersions))
    n = bake.due(0, int(bake.simulated_s))
    return _Counts(at_s.reshape(cases, RUNS), n, (sums[0], None if usual is None else sums[1]), dispersion)


# --- what came of it


def _told(
    bake: Bake,
    subject: Subject,
    allowed: float,
    worse: Floats,
    at_s: Floats,
    shown: tuple[float, ...],
    good: tuple[np.ndarray, np.ndarray],
    text: str,
) -> Foresight:
    shares = np.isfinite(at_s).mean(axis=1)
    stays, passed = good
    return Foresight(
        bake,
        subject,
        allowed,
        tuple(_seen(factor, at_s[int(np.argmin(np.abs(worse - factor)))]) for factor in shown),
        _smallest(worse, shares, allowed, 0.5),
        _smallest(worse, shares, allowed, 0.95),
        1 - float(stays.mean()),
        float(passed.mean()),
        text,
    )


def _seen(worse: float, at_s: Floats) -> Seen:
    half, late = (float(np.quantile(at_s, part, method="inverted_cdf")) for part in (0.5, 0.9))
    return Seen(worse, float(np.isfinite(at_s).mean()), half, late)


def _smallest(worse: Floats, shares: Floats, allowed: float, need: float) -> float | None:
    """Return the smallest effect beyond the limit that is seen in a share ``need`` of bakes, interpolated."""
    beyond = worse > allowed
    sizes, seen = np.log(worse[beyond] / allowed), np.maximum.accumulate(shares[beyond])
    if not len(sizes) or seen[-1] < need:
        return None
    first = int(np.argmax(seen >= need))
    if first == 0:
        return float(allowed * math.exp(sizes[0]))
    part = (need - seen[first - 1]) / (seen[first] - seen[first - 1])
    return float(allowed * math.exp(sizes[first - 1] + part * (sizes[first] - sizes[first - 1])))
