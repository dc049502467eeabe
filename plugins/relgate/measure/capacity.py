"""Capacity: the offered rate up to which a quantile of the latency keeps a limit, from a load that rises in steps.

The quantile of each step has exact bounds from order statistics, at a confidence that is shared by all steps
(Bonferroni). Where the quantile crosses the limit is the capacity: between the last step below and the first above, on
a log scale of latency. The crossing of the upper bounds is the capacity's lower bound, and the other way round. One
step above the limit is not the end, unless the next is above it too or there is none: a single pause is no knee.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.measure import quantiles
from relgate.measure.interval import Basis, Interval, by_width, compare, mover_difference, mover_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.values import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """One side's steps. ``rates_per_s``: rising. ``latencies_s``: of each step, infinite where a request failed."""

    rates_per_s: tuple[float, ...]
    latencies_s: tuple[Floats, ...]

    @property
    def n(self) -> int:
        """Requests of all steps."""
        return sum(int(step.size) for step in self.latencies_s)

    def found(self, q: float, limit_s: float, confidence: float) -> Interval | None:
        """Return the capacity in requests per second; None where a step has no request.

        An open upper end: the highest step keeps the limit. An open lower one does not exist: no load at all keeps it.
        """
        share = 1 - (1 - confidence) / len(self.rates_per_s)
        steps = [quantiles.interval(step, q, share) for step in self.latencies_s]
        if any(step is None for step in steps):
            return None
        known = [step for step in steps if step is not None]
        value = crossing(self.rates_per_s, [one.value for one in known], limit_s)
        low = crossing(self.rates_per_s, [math.inf if one.high is None else one.high for one in known], limit_s)
        high = crossing(self.rates_per_s, [0.0 if one.low is None else one.low for one in known], limit_s)
        top = self.rates_per_s[-1]
        return Interval(top if value is None else value, top if low is None else low, high)


def crossing(rates_per_s: Sequence[float], latencies_s: Sequence[float], limit_s: float) -> float | None:
    """Return the rate at which a curve of latencies crosses the limit; None where it stays below."""
    last = len(rates_per_s) - 1
    for number, (rate, latency_s) in enumerate(zip(rates_per_s, latencies_s, strict=True)):
        lasting = number == last or latencies_s[number + 1] > limit_s
        if latency_s > limit_s and lasting:
            below = (0.0, 0.0) if number == 0 else (rates_per_s[number - 1], latencies_s[number - 1])
            return below[0] + (rate - below[0]) * _part(below[1], latency_s, limit_s)
    return None


def _part(below_s: float, above_s: float, limit_s: float) -> float:
    """Return how far between two steps the limit lies, 0 to 1."""
    if math.isinf(above_s) or below_s > limit_s:
        return 0.0
    if below_s <= 0:
        return limit_s / above_s
    return math.log(limit_s / below_s) / math.log(above_s / below_s)


@dataclass(frozen=True, slots=True, eq=False)
class CapacityPair:
    """Capacity of a candidate and of a baseline that climbed the same steps at the same time (None: no baseline)."""

    candidate: Ladder
    other: Ladder | None
    q: float
    limit_s: float

    @property
    def n(self) -> int:
        """Requests of the candidate."""
        return self.candidate.n

    @property
    def baseline_n(self) -> int | None:
        """Requests of the baseline."""
        return None if self.other is None else self.other.n

    @property
    def baseline(self) -> float | None:
        """The baseline's capacity."""
        found = None if self.other is None else self.other.found(self.q, self.limit_s, 0.5)
        return None if found is None else found.value

    @property
    def events_seen(self) -> float | None:
        """None: no events are counted."""
        return None

    def own(self, confidence: float) -> Interval | None:
        """Return the candidate's capacity."""
        return self.candidate.found(self.q, self.limit_s, confidence)

    def ratio(self, confidence: float) -> Interval | None:
        """Candidate / baseline; None where one of them keeps the limit at no rate. Open ends stay open."""
        a, b = self._both(confidence)
        if a is None or b is None or not (a.value > 0 and b.value > 0):
            return None
        return mover_ratio(a, b)

    def difference(self, confidence: float) -> Interval | None:
        """Candidate - baseline."""
        a, b = self._both(confidence)
        return None if a is None or b is None else mover_difference(a, b)

    def needed(self, basis: Basis, boundary: float, confidence: float) -> int | None:
        """About how many requests would decide ``boundary``: longer steps give narrower bounds."""
        return by_width(self.n, compare(self, basis, confidence), boundary, quantiles.needed(self.q, confidence))

    def _both(self, confidence: float) -> tuple[Interval | None, Interval | None]:
        other = None if self.other is None else self.other.found(self.q, self.limit_s, confidence)
        return self.own(confidence), other
