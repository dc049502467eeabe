"""Both sides of the evidence as one estimator of a slice of time: what a judge asks, whatever the samples are.

Each function takes the samples of candidate and baseline (None: there is none) and returns a ``Make``, or the estimator
itself where samples have no time. ValueError: samples of another kind than the rule needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from relgate.measure import memory, samples
from relgate.measure.interval import Estimator, Given, exact
from relgate.measure.quantiles import QuantilePair
from relgate.measure.rates import CountPair, ServedPair, SharePair
from relgate.measure.series import increase
from relgate.values import Answers, IdFact, Ids, Requests, Series

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.measure.ids import Violations
    from relgate.measure.trial import Make
    from relgate.values import Floats, Samples

S = TypeVar("S", Requests, Series, Answers, Ids)


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
