"""Quantiles with exact bounds from order statistics, and their ratio or difference between two sides.

A value of +infinity stands for a request without a good answer: slower than anything. NaN is refused. Nothing is
interpolated, so results are samples themselves and the same at any scale. Assumes independent samples: with bursts
the true confidence is lower, and more traffic does not mend that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.interval import Basis, Interval, by_width, compare, mover_difference, mover_ratio, rectangle_ratio

if TYPE_CHECKING:
    from relgate.values import Floats


def needed(q: float, confidence: float) -> int:
    """Return the smallest n whose interval of quantile ``q`` (0 to 1) has both ends: q^n <= alpha and (1-q)^n <= alpha.

    P95 at 95 %: 59, P99: 299, P99.9: 2995.
    """
    _check(q, confidence)
    alpha = 1 - confidence
    # A hair less before rounding up: log(0.01)/log(0.1) is 2.0000000000000004 and means 2.
    return math.ceil(math.log(alpha) / math.log(max(q, 1 - q)) - 1e-9)


def ranks(n: int, q: float, confidence: float) -> tuple[int | None, int | None]:
    """Ranks (1 is the smallest sample) that bound quantile ``q`` from below and above, each at ``confidence``.

    The number of samples at or below the true quantile is binomial(n, q) or more than that, so the k-th smallest
    exceeds it with probability <= P(Bin <= k-1); likewise it falls short of it with probability <= P(Bin >= k). None:
    too few samples for that end. Same as the confidence interval of ``scipy.stats.quantile_test``, taken one-sided.
    """
    from scipy import stats

    _check(q, confidence)
    if n <= 0:
        return None, None
    low = int(stats.binom.ppf(1 - confidence, n, q))
    # ppf stops at the first count that reaches alpha; one that meets it exactly may be used (2 samples at 75 %).
    low += bool(stats.binom.cdf(low, n, q) <= (1 - confidence) * (1 + 1e-12))
    high = int(stats.binom.ppf(confidence, n, q)) + 1
    return (low if low >= 1 else None), (high if high <= n else None)


def interval(values: Floats, q: float, confidence: float) -> Interval | None:
    """Quantile ``q`` of ``values`` (any order, any unit) with its bounds; None without samples.

    The estimate is the sample of rank ceil(n q). Raises ValueError for NaN.
    """
    if values.size == 0:
        return None
    if np.isnan(values).any():
        raise ValueError("quantile: expected numbers, got NaN; drop or refuse such samples before")
    ordered = np.sort(values)
    low, high = ranks(ordered.size, q, confidence)
    middle = min(max(math.ceil(ordered.size * q - 1e-9), 1), ordered.size)
    return Interval(
        float(ordered[middle - 1]),
        None if low is None else float(ordered[low - 1]),
        None if high is None else float(ordered[high - 1]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class QuantilePair:
    """Quantile ``q`` of a candidate and of a baseline that was observed in the same window (None: no baseline)."""

    candidate: Floats
    other: Floats | None
    q: float

    @property
    def n(self) -> int:
        """Samples of the candidate."""
        return int(self.candidate.size)

    @property
    def baseline_n(self) -> int | None:
        """Samples of the baseline."""
        return None if self.other is None else int(self.other.size)

    @property
    def baseline(self) -> float | None:
        """The baseline's quantile; infinite when it gave no good answer at that rank."""
        found = None if self.other is None else interval(self.other, self.q, 0.5)
        return None if found is None else found.value

    @property
    def events_seen(self) -> float | None:
        """None: no events are counted."""
        return None

    def own(self, confidence: float) -> Interval | None:
        """Return the candidate's quantile."""
        return interval(self.candidate, self.q, confidence)

    def ratio(self, confidence: float) -> Interval | None:
        """Candidate / baseline by MOVER on the log scale; by corners at alpha/2 where a value is 0 or infinite."""
        a, b = self._both(confidence)
        if a is None or b is None:
            return None
        if 0 < a.value < math.inf and 0 < b.value < math.inf:
            return mover_ratio(a, b)
        a, b = self._both((1 + confidence) / 2)
        return None if a is None or b is None else rectangle_ratio(a, b)

    def difference(self, confidence: float) -> Interval | None:
        """Candidate - baseline by MOVER; None when the baseline's quantile is infinite."""
        a, b = self._both(confidence)
        if a is None or b is None or math.isinf(b.value):
            return None
        if math.isinf(a.value):
            a, b = self._both((1 + confidence) / 2)
            return None if a is None or b is None else _corner_difference(a, b)
        return mover_difference(a, b)

    def needed(self, basis: Basis, boundary: float, confidence: float) -> int | None:
        """About how many candidate samples would decide ``boundary``: the interval shrinks with the root of n."""
        return by_width(self.n, compare(self, basis, confidence), boundary, needed(self.q, confidence))

    def _both(self, confidence: float) -> tuple[Interval | None, Interval | None]:
        other = None if self.other is None else interval(self.other, self.q, confidence)
        return interval(self.candidate, self.q, confidence), other


def _corner_difference(a: Interval, b: Interval) -> Interval:
    """Return A - b from the worst corners, for infinite ends; both at 1 - alpha/2."""
    low = None if a.low is None or b.high is None or math.isinf(b.high) else a.low - b.high
    high = None if a.high is None or b.low is None or math.isinf(a.high) else a.high - b.low
    return Interval(a.value - b.value, low, high)


def _check(q: float, confidence: float) -> None:
    if not 0 < q < 1:
        raise ValueError(f"quantile: expected a share between 0 and 1, got {q!r}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a share between 0 and 1, got {confidence!r}")
