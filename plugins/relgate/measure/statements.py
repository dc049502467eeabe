"""Statements of a database on both sides, each as an estimator of its mean time. Pure.

The mean of a statement is a ratio: seconds in all its calls over their number. Calls near to each other are slow
together, so the pieces of evidence are not calls but what lies between two looks: the variance is that of a ratio of
sums over those batches (Cochran, Sampling Techniques, 3rd edition, eq. 6.4), the bounds are Student's with one degree
of freedom less than batches. Both sides are compared by MOVER.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.measure.interval import Basis, Interval, by_width, compare, mover_difference, mover_ratio

if TYPE_CHECKING:
    from relgate.values import Statements

LEAST_BATCHES = 5
"""Looks with calls between them below which a mean has no bounds."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean seconds of a statement over ``calls`` calls. ``error_s``: its standard error, None: not known."""

    calls: int
    mean_s: float
    error_s: float | None
    batches: int

    def bounds(self, confidence: float) -> Interval:
        """Return the mean with one-sided bounds; open where there were too few batches."""
        from scipy import stats

        if self.error_s is None:
            return Interval(self.mean_s, None, None)
        away = float(stats.t.ppf(confidence, self.batches - 1)) * self.error_s
        return Interval(self.mean_s, max(0.0, self.mean_s - away), self.mean_s + away)


@dataclass(frozen=True, slots=True)
class MeanPair:
    """A statement's mean on both sides, in seconds. ``other`` None: the baseline did not send it, or there is none."""

    own_mean: Mean
    other: Mean | None = None
    other_there: bool = True

    @property
    def n(self) -> int:
        """Calls at the candidate."""
        return self.own_mean.calls

    @property
    def baseline_n(self) -> int | None:
        """Calls at the baseline; None without one."""
        return None if not self.other_there else 0 if self.other is None else self.other.calls

    @property
    def baseline(self) -> float | None:
        """The baseline's mean."""
        return None if self.other is None else self.other.mean_s

    @property
    def events_seen(self) -> float | None:
        """None: no events are counted."""
        return None

    def own(self, confidence: float) -> Interval | None:
        """Return the candidate's mean."""
        return self.own_mean.bounds(confidence)

    def ratio(self, confidence: float) -> Interval | None:
        """Candidate / baseline; None without a baseline, or where a mean is 0."""
        if self.other is None or not (self.own_mean.mean_s > 0 and self.other.mean_s > 0):
            return None
        return mover_ratio(self.own_mean.bounds(confidence), self.other.bounds(confidence))

    def difference(self, confidence: float) -> Interval | None:
        """Candidate - baseline; None without a baseline."""
        if self.other is None:
            return None
        return mover_difference(self.own_mean.bounds(confidence), self.other.bounds(confidence))

    def needed(self, basis: Basis, boundary: float, confidence: float) -> int | None:
        """About how many calls decide ``boundary`` at the spread seen so far."""
        return by_width(self.n, compare(self, basis, confidence), boundary)


def means(one: Statements, begin_s: float) -> dict[str, Mean]:
    """Return each statement that was sent after ``begin_s`` with its mean time."""
    at_s = [t_s for t_s in one.at_s if t_s >= begin_s]
    found = {}
    for statement, costs in one.costs.items():
        steps = []
        by_moment = {cost.t_s: (cost.calls, cost.total_s) for cost in costs}
        before = (0.0, 0.0)
        for t_s in one.at_s:
            now = by_moment.get(t_s, before)
            # The first look says what was there already; what it had cost by then is nobody's of this bake.
            if t_s in at_s[1:]:
                steps.append((now[0] - before[0], now[1] - before[1]))
            before = now
        mean = _mean(steps)
        if mean is not None:
            found[statement] = mean
    return found


def _mean(steps: list[tuple[float, float]]) -> Mean | None:
    """Return the mean of (calls, seconds) by batches; None for a statement that was not called."""
    calls = math.fsum(step[0] for step in steps)
    if not calls > 0:
        return None
    mean_s = math.fsum(step[1] for step in steps) / calls
    batches = sum(step[0] > 0 for step in steps)
    if batches < LEAST_BATCHES:
        return Mean(round(calls), mean_s, None, batches)
    squares = math.fsum((step[1] - mean_s * step[0]) ** 2 for step in steps)
    return Mean(round(calls), mean_s, math.sqrt(squares * batches / (batches - 1)) / calls, batches)


def pairs(candidate: Statements, baseline: Statements | None, begin_s: float) -> dict[str, MeanPair]:
    """Return the candidate's statements, each beside the baseline's."""
    other = None if baseline is None else means(baseline, begin_s)
    return {
        statement: MeanPair(mean, None if other is None else other.get(statement), other is not None)
        for statement, mean in means(candidate, begin_s).items()
    }
