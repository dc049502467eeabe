"""A policy as a decider of races: its statistical gates on requests, on many simulated releases at once.

The tests are those that judge real bakes (``watch.limit_tests``), with the policy's limits, shares of alpha, beta,
noise, looks and warm-up; what stops a bake early and what decides at its end are the rules of ``looks`` and ``decide``.
What has no such test is named in ``left_out`` and judged by nobody here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from relgate.backtest.protocol import Flags, Verdicts
from relgate.findings import surely_kept
from relgate.measure import quantiles
from relgate.measure.rates import SharePair
from relgate.measure.seconds import Second
from relgate.measure.warmup import WarmUp
from relgate.policy.limits import NumberLimit
from relgate.policy.model import LONGEST_WARMUP_S
from relgate.verdicts import LEAST
from relgate.watch import is_sequential, limit_tests

if TYPE_CHECKING:
    from collections.abc import Iterable

    from relgate.backtest.protocol import Side, Tick
    from relgate.measure.drift import Noise
    from relgate.policy.model import Gate, Policy, Stage
    from relgate.values import Floats


@dataclass(frozen=True, slots=True)
class GateRule:
    """A gate as a stage judges it.

    ``alpha``, ``beta``: its shares of both errors. ``rate``: requests per second of its signal to each side.
    ``begin_s``: seconds that do not count; ``found``: the data tell how many more.
    """

    gate: Gate
    alpha: float
    beta: float
    rate: float
    begin_s: float = 0.0
    found: bool = False

    @property
    def rolls_back(self) -> bool:
        """Whether its failure asks for a rollback at the end."""
        return self.gate.on_fail == "rollback"

    @property
    def stops(self) -> bool:
        """Whether its failure ends a bake that still runs."""
        return self.rolls_back and self.gate.severity in ("blocker", "critical")

    @property
    def least(self) -> int:
        """Requests below which it does not pass."""
        if self.gate.min_samples:
            return self.gate.min_samples
        if self.gate.kind != "quantile":
            return LEAST["share"]
        return quantiles.needed(0.5, 0.95) if self.gate.quantile is None else self._for_quantile(self.gate.quantile)

    def _for_quantile(self, quantile: float) -> int:
        return quantiles.needed(quantile, 1 - self.beta)


def gate_rules(policy: Policy, stage: Stage) -> tuple[tuple[GateRule, ...], dict[str, str]]:
    """Return the gates of a stage that can be simulated, and why others cannot (gate id -> reason)."""
    rules: list[GateRule] = []
    left_out: dict[str, str] = {}
    for id_, gate in policy.running(stage).items():
        tested = [limit for limit in gate.fail if is_sequential(gate, limit)]
        if gate.signal is None or not tested:
            left_out[id_] = "no limit that a test of requests watches"
            continue
        others = [limit.text for limit in gate.fail if limit not in tested]
        if others:
            left_out[id_] = f"only without {', '.join(map(repr, others))}"
        rules.append(
            GateRule(
                gate,
                policy.alpha_of(stage, gate),
                policy.beta_of(gate, stage),
                1.0 / policy.signals[gate.signal].every_s,
                stage.warmup_s if gate.warmup_s is None else gate.warmup_s,
                stage.warmup_found and gate.warmup_s is None,
            )
        )
    return tuple(rules), left_out


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """The gates of one stage on a bake of ``bake_s`` seconds.

    ``rate``: requests per second of the world to each side; a gate whose signal sends fewer sees every so many-th.
    ``every_s``: seconds between looks; the end of the bake is always one.
    """

    gates: tuple[GateRule, ...]
    noise: Noise
    bake_s: int
    rate: float
    every_s: int = 5
    instances: tuple[int, int] = (1, 1)
    name: str = "relgate"
    look_every_s: int = 1

    def start(self, runs: int) -> _Watching:
        """Begin to watch."""
        return _Watching(self, runs)


class _Watching:
    """All gates on ``runs`` releases."""

    def __init__(self, rule: PolicyRule, runs: int) -> None:
        self._rule, self._runs = rule, runs
        self._gates = [(one, _Found(rule, one, runs) if one.found else _Tests(rule, one, runs)) for one in rule.gates]
        none = np.zeros(runs, dtype=np.bool_)
        self._last = Verdicts(none, none, none)
        self._sent = 0

    def see(self, tick: Tick) -> None:
        """Take one second of all runs."""
        n = tick.candidate.latency_s.shape[1]
        seconds: dict[float, Second] = {}
        for rule, tests in self._gates:
            if tick.t_s < rule.begin_s:
                continue
            share = min(1.0, rule.rate / self._rule.rate)
            if share not in seconds:
                seconds[share] = _second(tick, _thinned(self._sent, n, share))
            tests.see(seconds[share])
        self._sent += n

    def look(self, t_s: int) -> Verdicts:
        """Judge what was seen so far, if it is time; between looks the last verdicts stand."""
        if t_s >= self._rule.bake_s:
            self._last = self._end()
        elif t_s % self._rule.every_s == 0:
            out = self._out([(rule, tests) for rule, tests in self._gates if rule.stops])
            self._last = Verdicts(out, np.zeros_like(out), np.zeros_like(out))
        return self._last

    def _out(self, gates: Iterable[tuple[GateRule, _Tests | _Found]]) -> Flags:
        """Which runs are rolled back by these gates, alone or together."""
        out, joint = np.zeros(self._runs, dtype=np.bool_), np.zeros(self._runs)
        for rule, tests in gates:
            out |= tests.crossed
            joint += rule.alpha * tests.e_value
        return np.asarray(out | (joint >= 1))

    def _end(self) -> Verdicts:
        out = self._out([(rule, tests) for rule, tests in self._gates if rule.rolls_back])
        good = ~out
        for rule, tests in self._gates:
            good &= ~tests.crossed
            if good.any():
                good &= tests.kept(rule.beta)
        return Verdicts(out, good, ~out & ~good)


class _Limit:
    """The tests of one limit, and the counts that its bounds at the end are of: (side, (events, requests), run)."""

    def __init__(self, rule: PolicyRule, gate: Gate, bound: NumberLimit, alpha: float, runs: int) -> None:
        self._gate, self._bound, self._alpha = gate, bound, alpha
        self.harm, self._health, self._clusters = limit_tests(gate, bound, rule.noise, rule.instances, runs)
        self._counts = np.zeros((2, 2, runs))
        self.crossed: Flags = np.zeros(runs, dtype=np.bool_)

    def see(self, second: Second) -> None:
        self.harm.see(second)
        self.crossed |= self._alpha * self.harm.e_value >= 1
        if self._health is not None:
            self._health.see(second)
        if self._clusters is not None:
            self._clusters.see(second)
            for side, events in enumerate((self._events(second, own=True), self._events(second, own=False))):
                self._counts[side, 0] += events.sum(axis=1)
                self._counts[side, 1] += events.shape[1]

    def _events(self, second: Second, *, own: bool) -> Flags:
        if self._gate.kind == "share":
            return second.candidate_failed if own else second.baseline_failed
        latency_s, limit_s = (second.candidate_s if own else second.baseline_s), self._bound.value
        return latency_s > limit_s if self._bound.op == ">" else latency_s >= limit_s

    def kept(self, beta: float) -> Flags:
        """Which runs surely kept the limit, at the end."""
        if self._health is not None:
            return self._health.e_value >= 1 / beta
        if self._clusters is None:
            raise ValueError(f"{self._bound.text!r} has no test of health")
        quantile = self._gate.quantile if self._gate.kind == "quantile" else None
        boundary = self._bound.value if quantile is None else 1 - quantile
        known: dict[tuple[float, ...], bool] = {}
        found = []
        for (own, n), (other, m), factor in zip(*self._by_run(), self._clusters.factors, strict=True):
            key = (own, n, other, m, factor)
            if key not in known:
                known[key] = surely_kept(self._bound, SharePair(own, n, other, m).thinned(factor), boundary, beta)
            found.append(known[key])
        return np.array(found, dtype=np.bool_)

    def _by_run(self) -> tuple[list[list[float]], list[list[float]]]:
        return self._counts[0].T.tolist(), self._counts[1].T.tolist()


class _Tests:
    """One gate on ``runs`` releases whose warm-up is over."""

    def __init__(self, rule: PolicyRule, own: GateRule, runs: int) -> None:
        gate = own.gate
        alpha = own.alpha / len(gate.fail)
        bounds = [limit for limit in gate.fail if isinstance(limit, NumberLimit) and is_sequential(gate, limit)]
        self._limits = [_Limit(rule, gate, bound, alpha, runs) for bound in bounds]
        self._idle = len(gate.fail) - len(bounds)
        self._least = own.least
        self._runs, self._n = runs, 0

    def see(self, second: Second) -> None:
        self._n += second.candidate_s.shape[1]
        for limit in self._limits:
            limit.see(second)

    @property
    def crossed(self) -> Flags:
        """In which runs a limit has been surely broken at some time."""
        crossed: Flags = np.any([limit.crossed for limit in self._limits], axis=0)
        return crossed

    @property
    def e_value(self) -> Floats:
        """E of "all limits of this gate are kept" now, as ``Watch.e_value``."""
        total: Floats = np.sum([limit.harm.e_value for limit in self._limits], axis=0)
        return (total + self._idle) / (len(self._limits) + self._idle)

    def kept(self, beta: float) -> Flags:
        """Which runs surely kept every limit, with as many requests as it takes."""
        if self._n < self._least:
            return np.zeros(self._runs, dtype=np.bool_)
        kept: Flags = np.all([limit.kept(beta) for limit in self._limits], axis=0)
        return kept


class _Found:
    """One gate whose warm-up the data tell: each release by itself, as each begins to count at another second."""

    def __init__(self, rule: PolicyRule, own: GateRule, runs: int) -> None:
        block_s = rule.noise.block_s
        self._warmups = [WarmUp(block_s, LONGEST_WARMUP_S) for _ in range(runs)]
        self._held_back: list[list[Second]] = [[] for _ in range(runs)]
        self._tests = [_Tests(rule, own, 1) for _ in range(runs)]

    def see(self, second: Second) -> None:
        for run, (warmup, tests, kept) in enumerate(zip(self._warmups, self._tests, self._held_back, strict=True)):
            one = _only(second, run)
            if warmup.over_s is not None:
                tests.see(one)
                continue
            kept.append(one)
            over_s = warmup.see(one)
            if over_s is not None:
                for held in kept[int(over_s) :]:
                    tests.see(held)
                kept.clear()

    @property
    def crossed(self) -> Flags:
        """As ``_Tests.crossed``."""
        return np.concatenate([tests.crossed for tests in self._tests])

    @property
    def e_value(self) -> Floats:
        """As ``_Tests.e_value``."""
        return np.concatenate([tests.e_value for tests in self._tests])

    def kept(self, beta: float) -> Flags:
        """As ``_Tests.kept``."""
        return np.concatenate([tests.kept(beta) for tests in self._tests])


def _only(second: Second, run: int) -> Second:
    at = slice(run, run + 1)
    return Second(
        second.candidate_s[at], second.baseline_s[at], second.candidate_failed[at], second.baseline_failed[at]
    )


def _thinned(sent: int, n: int, share: float) -> slice | np.ndarray:
    """Which of ``n`` requests a signal sends that has this share of the rate, evenly in time."""
    if share >= 1:
        return slice(None)
    number = np.arange(sent, sent + n + 1) * share + 1e-9
    return np.flatnonzero(np.diff(np.floor(number)))


def _second(tick: Tick, kept: slice | np.ndarray) -> Second:
    """Return a tick as the tests see one: a request that failed is infinitely slow."""

    def times(side: Side) -> Floats:
        latency_s = side.latency_s[:, kept].astype(np.float64)
        latency_s[side.failed[:, kept]] = math.inf
        return latency_s

    own, other = tick.candidate, tick.baseline
    return Second(times(own), times(other), own.failed[:, kept], other.failed[:, kept])
