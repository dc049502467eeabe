"""An estimate with its bounds, and the arithmetic that every estimator shares.

``Estimator`` is what a judge asks: the candidate's own value, its ratio to the baseline, its difference from it. Each
answer is an Interval at a one-sided confidence, or None where it cannot be computed; None is never a pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

Basis = Literal["absolute", "times", "plus"]
Side = Literal["good", "bad", "open"]

# A million times the samples at hand is no advice any more: a bake of ten minutes would last nineteen years.
_LARGEST_FACTOR = 1e6


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with one-sided bounds. ``None`` is an open end; infinity means "no answer at all", never "unknown"."""

    value: float
    low: float | None
    high: float | None

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is not None and math.isnan(number):
                raise ValueError(f"Interval.{name}: expected a number, got NaN; drop or refuse such samples before")

    def decides(self, boundary: float) -> bool:
        """Whether the whole interval lies on one side of ``boundary``; an open end never does."""
        return (self.low is not None and self.low > boundary) or (self.high is not None and self.high < boundary)


class Estimator(Protocol):
    """What can be said about a candidate, alone and against its baseline. ``n``, ``baseline_n``: samples."""

    @property
    def n(self) -> int: ...  # noqa: D102

    @property
    def baseline_n(self) -> int | None: ...  # noqa: D102

    @property
    def baseline(self) -> float | None:
        """The baseline's value in the unit of ``own``; None without a baseline."""

    @property
    def events_seen(self) -> float | None:
        """Events of the candidate; None where no events are counted. Nothing can be smaller than no event at all."""

    def own(self, confidence: float) -> Interval | None:
        """Return the candidate's value in its unit."""

    def ratio(self, confidence: float) -> Interval | None:
        """Candidate / baseline, a plain factor; None when the baseline is absent, empty or 0."""

    def difference(self, confidence: float) -> Interval | None:
        """Candidate - baseline in the unit of ``own``; None without a baseline."""

    def needed(self, basis: Basis, boundary: float, confidence: float) -> int | None:
        """About how many candidate samples would decide ``boundary``; None when no number would."""


@dataclass(frozen=True, slots=True)
class Given:
    """A number that is simply there: deterministic (an interval without width), or measured by somebody else.

    The baseline is taken as known. ``n``, ``baseline_n``: observations behind each; ``interval`` None: no number.
    """

    n: int
    interval: Interval | None
    baseline_n: int | None = None
    baseline: float | None = None

    @property
    def events_seen(self) -> float | None:
        """None: no events are counted."""
        return None

    def own(self, confidence: float) -> Interval | None:  # noqa: ARG002
        """Return the candidate's value."""
        return self.interval

    def ratio(self, confidence: float) -> Interval | None:  # noqa: ARG002
        """Candidate / baseline; None when the baseline is 0 or negative: "twice of nothing" means nothing."""
        if self.interval is None or self.baseline is None or not self.baseline > 0:
            return None
        return mapped(self.interval, lambda number: number / (self.baseline or 1.0))

    def difference(self, confidence: float) -> Interval | None:  # noqa: ARG002
        """Candidate - baseline."""
        if self.interval is None or self.baseline is None:
            return None
        return mapped(self.interval, lambda number: number - (self.baseline or 0.0))

    def needed(self, basis: Basis, boundary: float, confidence: float) -> int | None:  # noqa: ARG002
        """None: how the interval shrinks is not known here."""
        return None


def side(interval: Interval, boundary: float, broken: Callable[[float, float], bool], *, upward: bool) -> Side:
    """Tell on which side of ``boundary`` the whole interval lies: ``bad``, ``good``, or ``open`` if that is not known.

    ``broken(number, boundary)``: whether a number is on the bad side, which lies above the boundary if ``upward``. An
    end within 1e-12 of the boundary is on it: dividing by the baseline must not decide by its rounding.
    """

    def beyond(number: float) -> bool:
        return broken(boundary if math.isclose(number, boundary, rel_tol=1e-12) else number, boundary)

    worst, best = (interval.high, interval.low) if upward else (interval.low, interval.high)
    if best is not None and beyond(best):
        return "bad"
    if worst is not None and not beyond(worst):
        return "good"
    return "open"


def compare(estimator: Estimator, basis: Basis, confidence: float) -> Interval | None:
    """Return the interval that a limit of this ``basis`` is compared with: own value, ratio or difference."""
    return {"absolute": estimator.own, "times": estimator.ratio, "plus": estimator.difference}[basis](confidence)


def exact(value: float | None) -> Interval | None:
    """Return an interval without width, a deterministic measure; None for None."""
    return None if value is None else Interval(value, value, value)


def mover_difference(a: Interval, b: Interval) -> Interval:
    """Return A - b from the two separate intervals (MOVER: Zou & Donner, Statistics in Medicine 27, 2008, eq. 7).

    Each bound keeps about the one-sided confidence of the bounds that went in. Assumes that a and b are independent.
    """
    value = a.value - b.value
    low = high = None
    if a.low is not None and b.high is not None:
        low = value - math.hypot(a.value - a.low, b.high - b.value)
    if a.high is not None and b.low is not None:
        high = value + math.hypot(a.high - a.value, b.value - b.low)
    return Interval(value, low, high)


def mover_ratio(a: Interval, b: Interval) -> Interval:
    """Return A / b from the two separate intervals: MOVER on the logarithms. Values must be positive and finite.

    Raises ValueError otherwise: there is no logarithm then, use ``rectangle_ratio``.
    """
    if not (0 < a.value < math.inf and 0 < b.value < math.inf):
        raise ValueError(f"ratio on the log scale: expected positive finite values, got {a.value!r} and {b.value!r}")
    apart = mover_difference(_log(a), _log(b))
    low = None if apart.low is None else _exp(apart.low)
    high = None if apart.high is None else _exp(apart.high)
    return Interval(a.value / b.value, low, None if high == math.inf else high)


def rectangle_ratio(a: Interval, b: Interval) -> Interval | None:
    """Return A / b from the worst corners: valid for zero and infinite values too, and wider than MOVER.

    Both intervals must be at 1 - alpha/2 for bounds at 1 - alpha (Bonferroni). None when b is 0 or infinite: a dead
    baseline proves nothing.
    """
    if not 0 < b.value < math.inf:
        return None
    low = high = None
    if a.low is not None and b.high is not None and not (math.isinf(a.low) and math.isinf(b.high)):
        low = a.low / b.high if b.high > 0 else None
    if a.high is not None and b.low is not None and b.low > 0 and math.isfinite(a.high):
        high = a.high / b.low
    return Interval(a.value / b.value, low, high)


def by_width(n: int, interval: Interval | None, boundary: float, least: int = 1) -> int | None:
    """About how many samples decide ``boundary`` when the interval shrinks with the root of n.

    ``least``: the number below which the interval has an open end. None when the value lies on the boundary.
    """
    if interval is None or not math.isfinite(interval.value):
        return least if n < least else None
    end = interval.low if interval.value > boundary else interval.high
    if end is None or not math.isfinite(end):
        return max(least, n + 1)
    away = abs(interval.value - boundary)
    if away == 0 or abs(interval.value - end) > math.sqrt(_LARGEST_FACTOR) * away:
        return None
    return max(least, n + 1, math.ceil(n * (abs(interval.value - end) / away) ** 2))


def by_search(n: int, at: Callable[[float], Interval | None], boundary: float) -> int | None:
    """Return the smallest sample that decides ``boundary`` if everything seen so far repeated itself.

    ``at(factor)`` is the interval of ``factor`` times as many samples with the same shares. None when none decides.
    """

    def decided(factor: float) -> bool:
        interval = at(factor)
        return interval is not None and interval.decides(boundary)

    above = 1.0
    while not decided(above):
        above *= 2
        if above > _LARGEST_FACTOR:
            return None
    below = above / 2
    while n * (above - below) > 0.5:
        middle = (above + below) / 2
        below, above = (below, middle) if decided(middle) else (middle, above)
    return max(n + 1, math.ceil(n * above))


def mapped(interval: Interval, change: Callable[[float], float]) -> Interval:
    """Return the interval with every number changed by an increasing function."""
    low, high = interval.low, interval.high
    return Interval(
        change(interval.value), None if low is None else change(low), None if high is None else change(high)
    )


def _exp(number: float) -> float:
    """e^number; infinity where a float cannot hold it."""
    return math.exp(number) if number < 709 else math.inf  # e^709.8 is the largest double


def _log(interval: Interval) -> Interval:
    """Return the interval on the log scale; an end at 0 becomes minus infinity, which MOVER carries through."""

    def log(number: float | None) -> float | None:
        if number is None:
            return None
        return math.log(number) if number > 0 else -math.inf

    return Interval(math.log(interval.value), log(interval.low), log(interval.high))
