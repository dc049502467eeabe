"""Rules with rank tests as deciders: Kayenta, PipeCD, and a Mann-Whitney test looked at again and again.

Reimplemented from what they document, none of their code. Kayenta and PipeCD test points of a dashboard, not requests.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from relgate.backtest.protocol import Flags, Tick, Verdicts
from relgate.backtest.wilcoxon import shift
from relgate.backtest.windows import METRICS, Doubles, Metric, Points, Windows

Places = NDArray[np.intp]


class _PointRule(Protocol):
    @property
    def metrics(self) -> tuple[Metric, ...]: ...

    @property
    def point_s(self) -> int: ...

    @property
    def failure_limit(self) -> int: ...

    def fails(self, points: Points) -> Flags: ...


class _Judging:
    def __init__(self, rule: _PointRule, runs: int) -> None:
        self._rule = rule
        self._windows = Windows(runs, rule.point_s, rule.metrics)
        self._failures = np.zeros((len(rule.metrics), runs), dtype=np.intp)

    def see(self, tick: Tick) -> None:
        self._windows.see(tick)

    def look(self, t_s: int) -> Verdicts:  # noqa: ARG002 - windows know the time
        for number, metric in enumerate(self._rule.metrics):
            self._failures[number] += self._rule.fails(self._windows.points(metric))
        out = np.asarray((self._failures > self._rule.failure_limit).any(axis=0))
        return Verdicts(out, ~out, np.zeros_like(out))


@dataclass(frozen=True, slots=True)
class Kayenta:
    """Kayenta's judge on one-metric groups: Mann-Whitney on all 30-s points so far, every five minutes.

    A metric is high, and the stage fails, when the lower end of the 98 % interval of the shift exceeds ``tolerance``
    times the size of the Hodges-Lehmann estimate and the ratio of means is ``increase`` at least; a ratio that is no
    number excuses nothing. Equal samples pass, and so does a metric without data. Points without data are left out.
    Source: documentation of the judge and its published figures. Its root search stops at 1e-4 in the data's unit; the
    ends here are exact, as its own nearly are for latency in milliseconds.
    """

    metrics: tuple[Metric, ...] = METRICS
    confidence: float = 0.98
    tolerance: float = 0.25
    increase: float = 1.0
    point_s: int = 30
    name: str = "Kayenta"
    look_every_s: int = 300
    failure_limit: int = 0

    def start(self, runs: int) -> _Judging:
        """Begin without points."""
        return _Judging(self, runs)

    def fails(self, points: Points) -> Flags:
        """Which runs are high in these points, shape (runs,)."""
        candidate, baseline = _with_data(points)
        if not candidate.shape[1]:
            return np.zeros(candidate.shape[0], dtype=np.bool_)
        low, _, estimate = shift(candidate, baseline, self.confidence)
        equal = (np.sort(candidate, axis=1) == np.sort(baseline, axis=1)).all(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = candidate.mean(axis=1) / baseline.mean(axis=1)
        high: Flags = (low > self.tolerance * np.abs(estimate)) & ~equal & ~(ratio < self.increase)
        return high


@dataclass(frozen=True, slots=True)
class PipeCD:
    """PipeCD's analysis, CANARY_BASELINE: one-sided exact Mann-Whitney at 5 % on the last five one-minute points.

    Every five minutes; the stage fails when more than ``failure_limit`` looks are significant. ``deviation: HIGH``, the
    kind choice: EITHER also fails what got better. No size of effect, nothing for repeated looks. All values equal, or
    none: passes. PREVIOUS is the same test against points of an earlier deployment, which no world here has. Source:
    documentation of ADA (``strategy``, ``deviation``, ``failureLimit``); a minute between points from its Prometheus
    provider.
    """

    metrics: tuple[Metric, ...] = METRICS
    alpha: float = 0.05
    points: int = 5
    point_s: int = 60
    name: str = "PipeCD"
    look_every_s: int = 300
    failure_limit: int = 0

    def start(self, runs: int) -> _Judging:
        """Begin without points."""
        return _Judging(self, runs)

    def fails(self, points: Points) -> Flags:
        """Which runs deviate upwards in the last points, shape (runs,)."""
        last = Points(points.candidate[:, -self.points :], points.baseline[:, -self.points :])
        candidate, baseline = _with_data(last)
        if not candidate.shape[1]:
            return np.zeros(candidate.shape[0], dtype=np.bool_)
        return permutation_p(candidate, baseline) <= self.alpha


def permutation_p(x: Doubles, y: Doubles) -> Doubles:
    """One-sided exact p of Mann-Whitney for "x is greater", of each row: x (runs, n), y (runs, m) -> (runs,).

    The share of all C(n + m, n) ways to deal the pooled mid-ranks whose sum is no less; for small n and m only.
    """
    from scipy.stats import rankdata

    n, m = x.shape[1], y.shape[1]
    ranks = np.asarray(rankdata(np.concatenate([x, y], axis=1), axis=1))
    chosen = list(itertools.combinations(range(n + m), n))
    deals = np.zeros((n + m, len(chosen)))
    for deal, places in enumerate(chosen):
        deals[list(places), deal] = 1
    p: Doubles = (ranks @ deals >= ranks[:, :n].sum(axis=1, keepdims=True) - 1e-9).mean(axis=1)
    return p


def _with_data(points: Points) -> tuple[Doubles, Doubles]:
    """Points of the windows in which both sides have one; a window is empty in all runs or in none."""
    seen = ~(np.isnan(points.candidate).any(axis=0) | np.isnan(points.baseline).any(axis=0))
    return points.candidate[:, seen], points.baseline[:, seen]


@dataclass(frozen=True, slots=True)
class PeekingMannWhitney:
    """A one-sided Mann-Whitney test of all response times so far at every look; rollback at the first p < ``alpha``.

    What textbooks warn of, and many scripts do. Normal approximation with both corrections, on response times in bins
    of half a per cent, where ties count as ties.
    """

    alpha: float = 0.01
    name: str = "peeking MWU"
    look_every_s: int = 30

    def start(self, runs: int) -> _Peeking:
        """Begin without requests."""
        return _Peeking(self, runs)


class _Peeking:
    _LOW, _WIDTH, _BINS = float(np.log(1e-4)), 0.005, 2800  # 0.1 ms to 120 s

    def __init__(self, rule: PeekingMannWhitney, runs: int) -> None:
        self._rule = rule
        self._counts = np.zeros((2, runs, self._BINS))
        self._since: tuple[list[Places], list[Places]] = ([], [])  # of the last look: where requests are counted

    def see(self, tick: Tick) -> None:
        for since, side in zip(self._since, (tick.candidate, tick.baseline), strict=True):
            bins = ((np.log(side.latency_s) - np.float32(self._LOW)) / np.float32(self._WIDTH)).astype(np.intp)
            rows = np.arange(self._counts.shape[1])[:, None] * self._BINS
            since.append((np.clip(bins, 0, self._BINS - 1) + rows).ravel())

    def look(self, t_s: int) -> Verdicts:  # noqa: ARG002 - counts know it all
        from scipy.special import ndtr

        for counts, since in zip(self._counts, self._since, strict=True):
            counts += np.bincount(np.concatenate(since), minlength=counts.size).reshape(counts.shape)
            since.clear()
        candidate, baseline = self._counts
        below = np.cumsum(baseline, axis=1) - baseline
        statistic = (candidate * (below + baseline / 2)).sum(axis=1)
        tied = candidate + baseline
        n, m = candidate.sum(axis=1), baseline.sum(axis=1)
        total = n + m
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = n * m / 12 * (total + 1 - (tied**3 - tied).sum(axis=1) / (total * (total - 1)))
            p = ndtr(-(statistic - n * m / 2 - 0.5) / np.sqrt(variance))
        out: Flags = p < self._rule.alpha
        return Verdicts(out, ~out, np.zeros_like(out))
