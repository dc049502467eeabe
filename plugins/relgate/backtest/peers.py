"""Rules with fixed limits as deciders: Argo Rollouts and Flagger, reimplemented from their documentation.

Limits are for their users to choose; here all get the same: a P95 within 1.25 times the baseline's of the same window,
and 1 % errors. A window without requests fails its check, as an empty answer does. ``metrics`` says what a decider
looks at; it rolls back when one of them says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from relgate.backtest.protocol import Flags, Tick, Verdicts
from relgate.backtest.race import batch_size
from relgate.backtest.windows import METRICS, Metric, Points, Windows

if TYPE_CHECKING:
    from relgate.backtest.worlds import World

P95_RATIO = 1.25
"""How many times the baseline's P95 the candidate's may be."""
ERROR_SHARE = 0.01
"""Which share of the candidate's requests may fail."""


@dataclass(frozen=True, slots=True)
class Argo:
    """Argo Rollouts: measures every 30 s, aborts when more than ``failure_limit`` measurements of a metric have failed.

    Failures are counted over the whole analysis, not in a row. Source: its documentation of analysis, ``failureLimit``,
    default 0; that the count has to exceed the limit is from its tests.
    """

    failure_limit: int = 0
    metrics: tuple[Metric, ...] = METRICS
    p95_ratio: float = P95_RATIO
    error_share: float = ERROR_SHARE
    name: str = ""
    look_every_s: int = 30

    def __post_init__(self) -> None:
        """Name it by its limit, unless it has a name."""
        if not self.name:
            object.__setattr__(self, "name", f"Argo FL{self.failure_limit}")

    def start(self, runs: int) -> _Measuring:
        """Begin without failures."""
        return _Measuring(self, runs)


class _Measuring:
    def __init__(self, rule: Argo, runs: int) -> None:
        self._rule = rule
        self._windows = Windows(runs, rule.look_every_s, rule.metrics)
        self._failures = np.zeros((len(rule.metrics), runs), dtype=np.intp)

    def see(self, tick: Tick) -> None:
        self._windows.see(tick)

    def look(self, t_s: int) -> Verdicts:  # noqa: ARG002 - windows know the time
        rule = self._rule
        for number, metric in enumerate(rule.metrics):
            self._failures[number] += _fails(metric, self._windows.points(metric), rule.p95_ratio, rule.error_share)
        out = np.asarray((self._failures > rule.failure_limit).any(axis=0))
        return Verdicts(out, ~out, np.zeros_like(out))


@dataclass(frozen=True, slots=True)
class Flagger:
    """Flagger: checks every 60 s; once ``threshold`` checks have failed, it rolls back at the next tick.

    Failed checks are counted over the whole rollout, good ones between them reset nothing. After ``steps`` good checks
    (``stepWeight`` 5 up to ``maxWeight`` 50) it promotes and looks no more. A metric's window is one minute. Source:
    "How it works" and its examples, whose thresholds are 5 to 10 (the default is 1).
    """

    threshold: int = 5
    steps: int = 10
    metrics: tuple[Metric, ...] = METRICS
    p95_ratio: float = P95_RATIO
    error_share: float = ERROR_SHARE
    window_s: int = 60
    name: str = "Flagger 5"
    look_every_s: int = 60

    def start(self, runs: int) -> _Stepping:
        """Begin at the first step."""
        return _Stepping(self, runs)


class _Stepping:
    def __init__(self, rule: Flagger, runs: int) -> None:
        self._rule = rule
        self._windows = Windows(runs, rule.window_s, rule.metrics)
        self._failed = np.zeros(runs, dtype=np.intp)
        self._good = np.zeros(runs, dtype=np.intp)
        self._out: Flags = np.zeros(runs, dtype=np.bool_)

    def see(self, tick: Tick) -> None:
        self._windows.see(tick)

    def look(self, t_s: int) -> Verdicts:  # noqa: ARG002 - windows know the time
        rule = self._rule
        promoted = self._good >= rule.steps
        self._out |= (self._failed >= rule.threshold) & ~promoted
        checked = ~promoted & ~self._out
        fails: Flags = np.any(
            [_fails(metric, self._windows.points(metric), rule.p95_ratio, rule.error_share) for metric in rule.metrics],
            axis=0,
        )
        self._failed += checked & fails
        self._good += checked & ~fails
        return Verdicts(self._out.copy(), self._good >= rule.steps, np.zeros_like(self._out))


def calibrated(world: World, metric: Metric, runs: int, seed: int, allowed: float = 0.05) -> Argo:
    """Argo with failureLimit 3 and the limit of one metric set by an oracle: ``allowed`` false rollbacks in this world.

    ``world`` has to be one with a good release. A run is rolled back when its fourth highest window is over the limit,
    so the limit is the quantile of that value over the runs. No user has such an oracle: nobody sees 1,000 good
    releases.
    """
    limit = 3
    fourth: list[np.ndarray] = []
    size = batch_size(world, runs)
    for number, first in enumerate(range(0, runs, size)):
        batch = min(size, runs - first)
        windows = Windows(batch, Argo().look_every_s, (metric,))
        for tick in world.start(batch, np.random.SeedSequence([seed, number])):
            windows.see(tick)
        points = windows.points(metric)
        values = points.candidate / points.baseline if metric == "latency" else points.candidate
        fourth.append(np.sort(values, axis=1)[:, -1 - limit])
    threshold = float(np.quantile(np.concatenate(fourth), 1 - allowed, method="higher"))
    argo = Argo(failure_limit=limit, metrics=(metric,), name="Argo FL3, oracle")
    return replace(argo, p95_ratio=threshold) if metric == "latency" else replace(argo, error_share=threshold)


def _fails(metric: Metric, points: Points, p95_ratio: float, error_share: float) -> Flags:
    """Which runs fail the check of the last window; a window without requests fails."""
    candidate, baseline = points.candidate[:, -1], points.baseline[:, -1]
    good: Flags = candidate <= p95_ratio * baseline if metric == "latency" else candidate <= error_share
    return ~good
