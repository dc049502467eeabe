"""Both sides of the evidence as one estimator of a slice of time: what a judge asks, whatever the samples are.

Each function takes the samples of candidate and baseline (None: there is none) and returns a ``Make``, or the estimator
itself where samples have no time. ValueError: samples of another kind than the rule needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from relgate.measure import memory, samples
from relgate.measure.describe import percent
from relgate.measure.interval import Estimator, Given, Interval, exact
from relgate.measure.quantiles import QuantilePair
from relgate.measure.rates import CountPair, ServedPair, SharePair
from relgate.measure.series import aggregate, held, increase
from relgate.values import Answers, IdFact, Ids, Lines, Measurement, Requests, Series, Statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from relgate.measure.ids import Violations
    from relgate.measure.series import Held, Over
    from relgate.measure.trial import Make
    from relgate.values import Dimension, Floats, Samples

S = TypeVar("S", Requests, Series, Answers, Ids, Lines, Statements)


def of(candidate: Samples, baseline: Samples | None, kind: type[S]) -> tuple[S, S | None]:
    """Return both sides as ``kind``; ValueError when one is of another kind."""
    for one in (candidate, baseline):
        if one is not None and not isinstance(one, kind):
            raise ValueError(f"expected samples of kind {kind.__name__}, got {type(one).__name__}")
    return candidate, baseline  # type: ignore[return-value]  # both were checked in the loop


def quantile(candidate: Samples, baseline: Samples | None, q: float) -> Make:
    """Return the estimator of quantile ``q`` of the seconds to a good answer: of probe requests, or of polls."""

    def make(begin_s: float, end_s: float) -> Estimator:
        other = None if baseline is None else _latencies(baseline, begin_s, end_s)
        return QuantilePair(_latencies(candidate, begin_s, end_s), other, q)

    return make


def failed(candidate: Samples, baseline: Samples | None) -> Make:
    """Return the estimator of the share of requests that failed."""
    return _shares(candidate, baseline, samples.failures)


def throughput(candidate: Samples, baseline: Samples | None) -> Make:
    """Return the estimator of requests answered well per second."""
    pairs = _shares(candidate, baseline, samples.served)
    own, base = of(candidate, baseline, Requests)

    def make(begin_s: float, end_s: float) -> Estimator:
        rate = samples.offered_per_s(own, begin_s, end_s)
        if rate is None:
            return Given(pairs(begin_s, end_s).n, None)
        other = None if base is None else samples.offered_per_s(base, begin_s, end_s)
        return ServedPair(pairs(begin_s, end_s), rate, other)

    return make


def violations(
    candidate: Samples, baseline: Samples | None, check: Callable[[tuple[IdFact, ...]], Violations]
) -> tuple[SharePair, tuple[str, ...]]:
    """Share of answers that break the rule of correlation ids, and what went wrong at the candidate."""
    own, base = of(candidate, baseline, Ids)
    found = check(own.facts)
    if base is None:
        return SharePair(found.total, found.n), found.notes()
    other = check(base.facts)
    return SharePair(found.total, found.n, other.total, other.n), found.notes()


def counted(candidate: Samples, baseline: Samples | None, *, events: bool) -> Make:
    """Return the estimator of a counter's increase per second.

    ``events``: the counter counts events, which are Poisson; bytes and seconds are not, their mean has no interval.
    """
    own, base = of(candidate, baseline, Series)

    def make(begin_s: float, end_s: float) -> Estimator:
        t_s, values = samples.cut(own, begin_s, end_s)
        other_t_s, other_values = (None, None) if base is None else samples.cut(base, begin_s, end_s)
        mine = increase(t_s, values)
        other = None if other_t_s is None or other_values is None else increase(other_t_s, other_values)
        other_n = None if other_values is None else int(other_values.size)
        if mine is None or not events:
            given = None if mine is None else mine.per_second
            return Given(values.size, exact(given), other_n, None if other is None else other.per_second)
        if other is None:
            return CountPair(values.size, mine.events, mine.seconds, other_n)
        return CountPair(values.size, mine.events, mine.seconds, other_n, other.events, other.seconds)

    return make


def trends(candidate: Samples, baseline: Samples | None) -> Make:
    """Return the estimator of the trend of a gauge in units per second."""
    own, base = of(candidate, baseline, Series)

    def make(begin_s: float, end_s: float) -> Estimator:
        other = None if base is None else samples.cut(base, begin_s, end_s)
        return memory.TrendPair(samples.cut(own, begin_s, end_s), other)

    return make


def growths(candidate: Samples, baseline: Samples | None) -> Make:
    """Return the estimator of a gauge's growth above its first floor, in its unit."""
    own, base = of(candidate, baseline, Series)

    def make(begin_s: float, end_s: float) -> Estimator:
        t_s, values = samples.cut(own, begin_s, end_s)
        grown = exact(memory.growth(t_s, values))
        if base is None:
            return Given(values.size, grown)
        other_t_s, other = samples.cut(base, begin_s, end_s)
        return Given(values.size, grown, other.size, memory.growth(other_t_s, other))

    return make


@dataclass(frozen=True, slots=True, eq=False)
class Gauge:
    """Observations of a gauge on both sides. ``seen``: which of the candidate's gave a number."""

    t_s: Floats
    values: Floats
    seen: NDArray[np.bool_]
    other: Floats | None
    over: Over | None

    @property
    def span_s(self) -> float:
        """Seconds from the first to the last observation."""
        return float(self.t_s[-1] - self.t_s[0]) if self.t_s.size else 0.0

    def pair(self, usual: Over) -> Given:
        """Return the aggregate of both sides: the gate's own, otherwise ``usual``; unseen values are left out.

        Of the candidate only: a baseline with a missing value has none.
        """
        over, n = self.over or usual, int(self.seen.sum())
        own = exact(aggregate(self.values[self.seen], over))
        return Given(n, own) if self.other is None else Given(n, own, self.other.size, aggregate(self.other, over))

    def held(self, broken: Callable[[float], bool], every_s: float | None) -> Held:
        """Return how long single observations were ``broken``."""
        beyond = [bool(ok) and broken(float(value)) for value, ok in zip(self.values, self.seen, strict=True)]
        return held(self.t_s, np.array(beyond, dtype=np.bool_), self.seen, every_s)


def gauge(candidate: Samples, baseline: Samples | None, begin_s: float, over: Over | None) -> Gauge:
    """Return the observations of a gauge from ``begin_s`` on."""
    own, base = of(candidate, baseline, Series)
    t_s, values = samples.cut(own, begin_s, math.inf)
    other = None if base is None else samples.cut(base, begin_s, math.inf)[1]
    return Gauge(t_s, values, np.isfinite(values), other, over)


def measured(estimator: Estimator, dimension: Dimension, confidence: float | None) -> Measurement:
    """Return what an estimator says as a value to keep: an infinite number (no answer) is a text.

    ``confidence`` None: a deterministic measure without an interval.
    """
    own = estimator.own(0.95 if confidence is None else confidence)
    return Measurement(
        dimension=dimension,
        n=estimator.n,
        value=_finite(own.value) if own is not None else None,
        text="no answer" if own is not None and math.isinf(own.value) else None,
        low=_finite(own.low) if own is not None and confidence is not None else None,
        high=_finite(own.high) if own is not None and confidence is not None else None,
        confidence=confidence,
        baseline=_finite(estimator.baseline),
        baseline_n=estimator.baseline_n,
    )


def stated(measurement: Measurement) -> Given:
    """Return somebody's measurement as an estimator: exact without a confidence, its baseline taken as known."""
    interval = exact(measurement.value)
    if measurement.value is not None and measurement.confidence is not None:
        interval = Interval(measurement.value, measurement.low, measurement.high)
    if measurement.baseline is None:
        return Given(measurement.n, interval)
    baseline_n = measurement.n if measurement.baseline_n is None else measurement.baseline_n
    return Given(measurement.n, interval, baseline_n, measurement.baseline)


def spoiled(named: list[tuple[str, Samples]], begin_s: float, most: float) -> str | None:
    """Say that the recorder was the bottleneck on a side: more than ``most`` (a share) of its samples are unusable."""
    for name, one in named:
        share = samples.unusable_share(one, begin_s)
        if share > most:
            return f"the recorder was the bottleneck: {percent(share)} of the {name}'s samples are unusable"
    return None


def incomplete(named: list[tuple[str, Samples]], begin_s: float, end_s: float, every_s: float | None) -> str | None:
    """Say what is missing on a side: observations without a number, or a part of the window."""
    for name, one in named:
        missing = samples.lost(one, begin_s) or samples.unseen(one, begin_s, end_s, every_s)
        if missing is not None:
            return f"{name}: {missing}"
    return None


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _shares(
    candidate: Samples, baseline: Samples | None, count: Callable[[Requests, float, float], tuple[int, int]]
) -> Callable[[float, float], SharePair]:
    own, base = of(candidate, baseline, Requests)

    def make(begin_s: float, end_s: float) -> SharePair:
        other = (None, None) if base is None else count(base, begin_s, end_s)
        return SharePair(*count(own, begin_s, end_s), *other)

    return make


def _latencies(one: Samples, begin_s: float, end_s: float) -> Floats:
    if isinstance(one, Requests):
        return samples.latencies(one, begin_s, end_s)
    if isinstance(one, Answers):
        return samples.waits(one, begin_s, end_s)
    raise ValueError(f"expected samples of kind Requests or Answers, got {type(one).__name__}")
