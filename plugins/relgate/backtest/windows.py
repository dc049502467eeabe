"""What dashboards keep of requests and the rules of others look at: a P95 and an error share for each window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.backtest.protocol import Floats, Side, Tick

Doubles = NDArray[np.float64]

Metric = Literal["latency", "errors"]
METRICS: tuple[Metric, ...] = ("latency", "errors")


@dataclass(frozen=True, slots=True)
class Points:
    """One metric over all windows so far, oldest first: shape (runs, windows) each, NaN where nothing was due.

    Latency is the P95 of a window in seconds, errors its share of failed requests.
    """

    candidate: Doubles
    baseline: Doubles


class Windows:
    """Cuts the seconds of one batch into windows of ``length_s`` that follow each other."""

    def __init__(self, runs: int, length_s: int, metrics: Sequence[Metric]) -> None:
        self._length_s, self._metrics = length_s, metrics
        self._open: list[Tick] = []
        empty = np.empty((runs, 0))
        self._points: dict[Metric, Points] = dict.fromkeys(metrics, Points(empty, empty))

    def see(self, tick: Tick) -> None:
        """Take one second; the last second of a window closes it."""
        self._open.append(tick)
        if (tick.t_s + 1) % self._length_s == 0:
            candidates, baselines = [tick.candidate for tick in self._open], [tick.baseline for tick in self._open]
            for metric in self._metrics:
                summary, old = _SUMMARIES[metric], self._points[metric]
                self._points[metric] = Points(
                    np.column_stack([old.candidate, summary(candidates)]),
                    np.column_stack([old.baseline, summary(baselines)]),
                )
            self._open.clear()

    def points(self, metric: Metric) -> Points:
        """All closed windows."""
        return self._points[metric]


def p95(latency_s: Floats) -> Doubles:
    """The 95th percentile of each row, interpolated as numpy's ``linear`` does; NaN for rows without values."""
    n = latency_s.shape[1]
    if n == 0:
        return np.full(latency_s.shape[0], np.nan)
    at = 0.95 * (n - 1)
    low = math.floor(at)
    parted = np.partition(latency_s, low, axis=1)
    below = parted[:, low].astype(np.float64)
    above = parted[:, min(low + 1, n - 1) :].min(axis=1)  # quicker than to part at both
    return np.asarray(below + (at - low) * (above - below))


def _latency(sides: Sequence[Side]) -> Doubles:
    return p95(np.concatenate([side.latency_s for side in sides], axis=1))


def _errors(sides: Sequence[Side]) -> Doubles:
    failed = np.sum([side.failed.sum(axis=1) for side in sides], axis=0, dtype=np.float64)
    n = sum(side.failed.shape[1] for side in sides)
    return np.asarray(failed / n) if n else np.full_like(failed, np.nan)


_SUMMARIES = {"latency": _latency, "errors": _errors}
