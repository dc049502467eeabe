"""Shares and rates of events with exact bounds, alone and against a baseline. Zero events are handled, not skipped.

| what                | bounds                                                                                 |
|---------------------|----------------------------------------------------------------------------------------|
| share k of n        | Clopper-Pearson: quantiles of the beta distribution                                    |
| events per second   | exact Poisson: quantiles of chi-square / 2 (Garwood 1936)                              |
| ratio               | conditional: given k events in all, the candidate's are Bin(k, w r / (1 + w r)), where w is the ratio of exposures and r the ratio of rates; exact for Poisson, conservative for shares |
| difference          | MOVER from the exact bounds (Newcombe's square-and-add with Clopper-Pearson in place of Wilson: rare events keep the promised level) |

Counts may be real numbers: ``needed`` scales them. Assumes independent events: clusters (a retry storm) make the
true confidence lower.
"""  # noqa: E501

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from relgate.measure.interval import (
    Basis,
    Interval,
    by_search,
    compare,
    mapped,
    mover_difference,
    mover_ratio,
    rectangle_ratio,
)


def share(events: float, n: float, confidence: float) -> Interval | None:
    """Return the share (0 to 1) of ``events`` in ``n`` trials with Clopper-Pearson bounds; None when n is 0."""
    from scipy import stats

    if not 0 <= events <= n:
        raise ValueError(f"share: expected 0 <= events <= n, got {events!r} of {n!r}")
    if n == 0:
        return None
    low = float(stats.beta.ppf(1 - confidence, events, n - events + 1)) if events > 0 else 0.0
    high = float(stats.beta.ppf(confidence, events + 1, n - events)) if events < n else 1.0
    return Interval(events / n, low, high)


def per_second(events: float, exposure_s: float, confidence: float) -> Interval | None:
    """Events per second over ``exposure_s`` seconds with exact Poisson bounds; None without exposure."""
    from scipy import stats

    if events < 0 or not math.isfinite(events):
        raise ValueError(f"rate: expected a count >= 0, got {events!r}")
    if not exposure_s > 0:
        return None
    low = float(stats.chi2.ppf(1 - confidence, 2 * events)) / 2 if events > 0 else 0.0
    high = float(stats.chi2.ppf(confidence, 2 * events + 2)) / 2
    return Interval(events / exposure_s, low / exposure_s, high / exposure_s)


def rate_ratio(events: tuple[float, float], exposure: tuple[float, float], confidence: float) -> Interval | None:
    """Candidate rate / baseline rate from (candidate, baseline) counts and exposures (trials or seconds).

    Without an event on either side there is no ratio: None. Without one at the baseline the value is infinite and the
    high end open; the low end may still be large enough to prove a difference.
    """
    if exposure[0] <= 0 or exposure[1] <= 0 or events[0] + events[1] <= 0:
        return None
    weight = exposure[0] / exposure[1]
    given = share(events[0], events[0] + events[1], confidence)
    if given is None or given.low is None or given.high is None:
        return None
    value = (events[0] / events[1]) / weight if events[1] > 0 else math.inf
    high = given.high / ((1 - given.high) * weight) if given.high < 1 else None
    return Interval(value, given.low / ((1 - given.low) * weight), high)


@dataclass(frozen=True, slots=True)
class SharePair:
    """``events`` of ``trials`` at the candidate, and at the baseline of the same window (None: no baseline)."""

    events: float
    trials: float
    other_events: float | None = None
    other_trials: float | None = None

    @property
    def n(self) -> int:
        """Trials of the candidate."""
        return int(self.trials)

    @property
    def baseline_n(self) -> int | None:
        """Trials of the baseline."""
        return None if self.other_trials is None else int(self.other_trials)

    @property
    def baseline(self) -> float | None:
        """The baseline's share; None without trials."""
        return self.other_events / self.other_trials if self.other_trials and self.other_events is not None else None

    @property
    def events_seen(self) -> float | None:
        """Events of the candidate."""
        return self.events

    def own(self, confidence: float) -> Interval | None:
        """Return the candidate's share."""
        return share(self.events, self.trials, confidence)

    def ratio(self, confidence: float) -> Interval | None:
        """Candidate / baseline by the conditional test."""
        if self.other_events is None or self.other_trials is None:
            return None
        return rate_ratio((self.events, self.other_events), (self.trials, self.other_trials), confidence)

    def difference(self, confidence: float) -> Interval | None:
        """Candidate - baseline (0.1 is ten percentage points)."""
        a, b = self.own(confidence), self._other(confidence)
        return None if a is None or b is None else mover_difference(a, b)

    def needed(self, basis: Basis, boundary: float, confidence: float) -> int | None:
        """Return the smallest number of candidate trials that decides ``boundary`` at the shares seen so far."""
        if self.trials <= 0:
            return None
        return by_search(self.n, lambda factor: compare(self._scaled(factor), basis, confidence), boundary)

    def _other(self, confidence: float) -> Interval | None:
        if self.other_events is None or self.other_trials is None:
            return None
        return share(self.other_events, self.other_trials, confidence)

    def thinned(self, cluster: float) -> SharePair:
        """Return the counts of independent evidence when events come in clusters of about this size."""
        return self._scaled(1 / max(cluster, 1.0))

    def _scaled(self, factor: float) -> SharePair:
        return SharePair(
            self.events * factor,
            self.trials * factor,
            None if self.other_events is None else self.other_events * factor,
            None if self.other_trials is None else self.other_trials * factor,
        )


@dataclass(frozen=True, slots=True)
class ServedPair:
    """Requests served well per second: the offered rate times the share that was served.

    The offered rate is the probe's own schedule and therefore known; only the share is random. ``rate`` and
    ``other_rate``: offered requests per second.
    """

    served: SharePair
    rate: float
    other_rate: float | None = None

    @property
    def n(self) -> int:
        """Requests to the candidate."""
        return self.served.n

    @property
    def baseline_n(self) -> int | None:
        """Requests to the baseline."""
        return self.served.baseline_n

    @property
    def baseline(self) -> float | None:
        """The baseline's served requests per second."""
        share_served = self.served.baseline
        return None if share_served is None or self.other_rate is None else share_served * self.other_rate

    @property
    def events_seen(self) -> float | None:
        """None: no events are counted."""
        return None

    def own(self, confidence: float) -> Interval | None:
        """Return the candidate's served requests per second."""
        return _times(self.served.own(confidence), self.rate)

    def ratio(self, confidence: float) -> Interval | None:
        """Candidate / baseline: MOVER on the log scale (the conditional test is far too wide for shares near 1)."""
        a, b = self._both(confidence)
        if a is None or b is None or b.value == 0:
            return None
        if a.value > 0:
            return mover_ratio(a, b)
        a, b = self._both((1 + confidence) / 2)
        return None if a is None or b is None else rectangle_ratio(a, b)

    def difference(self, confidence: float) -> Interval | None:
        """Candidate - baseline in requests per second."""
        a, b = self._both(confidence)
        return None if a is None or b is None else mover_difference(a, b)

    def needed(self, basis: Basis, boundary: float, confidence: float) -> int | None:
        """Return the smallest number of requests that decides ``boundary`` at the shares seen so far."""
        if self.n <= 0:
            return None
        return by_search(
            self.n,
            lambda factor: compare(replace(self, served=self.served._scaled(factor)), basis, confidence),  # noqa: SLF001
            boundary,
        )

    def _both(self, confidence: float) -> tuple[Interval | None, Interval | None]:
        other = None if self.other_rate is None else _times(self.served._other(confidence), self.other_rate)  # noqa: SLF001
        return self.own(confidence), other


@dataclass(frozen=True, slots=True)
class CountPair:
    """Events of a counter over seconds of exposure. ``n``, ``baseline_n``: observations of the counter."""

    n: int
    events: float
    exposure_s: float
    baseline_n: int | None = None
    other_events: float | None = None
    other_exposure_s: float | None = None

    @property
    def baseline(self) -> float | None:
        """The baseline's events per second."""
        if self.other_events is None or not self.other_exposure_s:
            return None
        return self.other_events / self.other_exposure_s

    @property
    def events_seen(self) -> float | None:
        """Events of the candidate."""
        return self.events

    def own(self, confidence: float) -> Interval | None:
        """Return the candidate's events per second."""
        return per_second(self.events, self.exposure_s, confidence)

    def ratio(self, confidence: float) -> Interval | None:
        """Candidate / baseline by the conditional test."""
        if self.other_events is None or self.other_exposure_s is None:
            return None
        return rate_ratio((self.events, self.other_events), (self.exposure_s, self.other_exposure_s), confidence)

    def difference(self, confidence: float) -> Interval | None:
        """Candidate - baseline in events per second."""
        if self.other_events is None or self.other_exposure_s is None:
            return None
        a, b = self.own(confidence), per_second(self.other_events, self.other_exposure_s, confidence)
        return None if a is None or b is None else mover_difference(a, b)

    def needed(self, basis: Basis, boundary: float, confidence: float) -> int | None:
        """About how many observations at the same spacing decide ``boundary`` at the rates seen so far."""
        return by_search(self.n, lambda factor: compare(self._scaled(factor), basis, confidence), boundary)

    def _scaled(self, factor: float) -> CountPair:
        return replace(
            self,
            events=self.events * factor,
            exposure_s=self.exposure_s * factor,
            other_events=None if self.other_events is None else self.other_events * factor,
            other_exposure_s=None if self.other_exposure_s is None else self.other_exposure_s * factor,
        )


def _times(interval: Interval | None, factor: float) -> Interval | None:
    """Return the interval in another unit: every number times ``factor`` >= 0."""
    return None if interval is None else mapped(interval, lambda number: number * factor)
