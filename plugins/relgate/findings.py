"""What the sequential tests of a gate say about one limit, and what would decide one that is open. Pure.

A limit is surely broken once the evidence against "it is kept" has reached 1/alpha, at whatever time. It is surely kept
when, at the end, the evidence against "it is worse than what must not be promoted" is at least 1/beta and this bake's
own part of it does not speak for the opposite; for errors and fixed limits, when exact bounds at 1 - beta keep it,
clusters of events counted as one event each. A baseline that fails itself, or less than a block, proves no health.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.describe import describe, more, percent
from relgate.measure.interval import compare, side
from relgate.measure.quantiles import QuantilePair
from relgate.measure.rates import SharePair
from relgate.measure.trial import Finding
from relgate.watch import noise_for

if TYPE_CHECKING:
    from relgate.measure.interval import Estimator
    from relgate.measure.sequential import Health
    from relgate.policy.limits import NumberLimit
    from relgate.policy.model import Gate
    from relgate.watch import LimitWatch, Watch

_MIXTURE = 1.0
"""What not knowing the effect costs on top of log(1/alpha), in nats; measured."""

_SICK = 0.05
"""Share of failed requests from which a baseline has no 95th percentile, which the whole distribution is judged by."""

_LONGEST_BAKE = 20
"""A bake that would have to be so many times longer is no advice: the margin cannot be decided."""


def finding(watch: Watch, limit: NumberLimit, estimator: Estimator, beta: float, before: float = 1.0) -> Finding | None:
    """Return what the tests of a limit say; None where it has none.

    ``estimator``: of the whole window. ``before``: evidence of health from earlier holds.
    """
    tests = watch.of(limit)
    if tests is None:
        return None
    if tests.crossed_s is not None:
        return Finding("bad", (_against(tests),))
    if tests.health is not None:
        return _compared(watch, tests, estimator, beta, before)
    return _bounded(watch, tests, estimator, beta)


def _against(tests: LimitWatch) -> str:
    need = 1 / tests.alpha
    seen = "" if tests.crossed_s is None else f" after {tests.crossed_s:.0f} s"
    return f"evidence against it {_times(tests.highest)} of {_times(need)} needed{seen}"


def _compared(watch: Watch, tests: LimitWatch, estimator: Estimator, beta: float, before: float) -> Finding:
    """Judge a latency beside the baseline's."""
    health = tests.health
    if health is None:
        raise ValueError("this limit has no test of health")
    own = float(health.e_value[0])
    e_value = own * before
    worse = _worse(watch.gate, tests.limit, estimator)
    note = f"evidence that it is not {worse} slower {_times(e_value)} of {_times(1 / beta)} needed"
    sick = _sick(watch.gate, estimator)
    if sick is not None:
        return Finding("open", (note,), sick)
    if e_value >= 1 / beta:
        # What was earned in earlier runs does not last if the release has turned bad since.
        if own >= 1:
            return Finding("good", (note,))
        return Finding("open", (note, f"{_times(own)} in this bake"), "the bake speaks against earlier ones")
    return Finding("open", (note,), _advice(watch, tests, health, estimator, beta))


def _sick(gate: Gate, estimator: Estimator) -> str | None:
    """Say that the baseline fails too often for its whole distribution to be a measure; None where it does not."""
    other = estimator.other if isinstance(estimator, QuantilePair) else None
    failed = float(np.mean(np.isinf(other))) if gate.whole and other is not None and other.size else 0.0
    return f"{percent(round(failed, 4))} of the baseline's requests failed" if failed >= _SICK else None


def _worse(gate: Gate, limit: NumberLimit, estimator: Estimator) -> str:
    share = _share_above(gate, limit, estimator)
    return describe(limit.value, "time") if share is None else percent(round(share, 4))


def _share_above(gate: Gate, limit: NumberLimit, estimator: Estimator) -> float | None:
    """By how much of the baseline the candidate must not be slower; None where the baseline is not known."""
    if limit.basis == "times":
        return (limit.value if gate.worse_by is None else 1 + gate.worse_by) - 1
    baseline = estimator.baseline
    return limit.value / baseline if baseline is not None and 0 < baseline < math.inf else None


def _advice(watch: Watch, tests: LimitWatch, health: Health, estimator: Estimator, beta: float) -> str:
    """Return what would decide: nothing to be had where the noise is too large, otherwise how long a bake."""
    share = _share_above(watch.gate, tests.limit, estimator)
    told, noise = health.seen(), watch.noise
    if share is None or share <= -1 or told <= 0:
        return "a longer bake may decide it"
    smallest = math.expm1(math.sqrt(2 * (math.log(1 / tests.alpha) + _MIXTURE) / told))
    seen = f"this bake could show a slow-down of {percent(round(smallest, 3))} or more"
    need = 2 * (math.log(1 / beta) + _MIXTURE) / max(math.log1p(share) ** 2, 1e-12)
    if told >= need:
        return f"{seen}; the release lies between what is kept and what is broken, a longer bake may decide it"
    blocks = _blocks_for(health, need)
    cause = f"hosts drift by {percent(round(noise.host_drift, 4))} over {noise.over_s:.0f} s ({noise.source})"
    if blocks is None or blocks * noise.block_s > _LONGEST_BAKE * max(watch.watched_s, 60.0):
        helps = "more instances on each side, a wider margin"
        helps += ", or `noise:` in the policy once it is measured" if noise.source == "assumed" else ""
        return f"{seen}; not decidable at this margin: {cause}. What helps: {helps}"
    return f"{seen}; {cause}; about {describe(blocks * noise.block_s, 'time')} of bake would decide"


def _blocks_for(health: Health, need: float) -> int | None:
    """Return how many blocks like those seen say ``need``; None where even a week does not."""
    above = 8
    while health.seen(above) < need:
        above *= 2
        if above > 1 << 18:
            return None
    below = above // 2
    while above - below > max(1, above // 50):
        middle = (above + below) // 2
        below, above = (below, middle) if health.seen(middle) >= need else (middle, above)
    return above


def _bounded(watch: Watch, tests: LimitWatch, estimator: Estimator, beta: float) -> Finding:
    """Judge a fixed limit, or errors beside the baseline's, by exact bounds on independent pieces of evidence."""
    limit, clusters = tests.limit, tests.clusters
    factor = clusters.factor if clusters is not None else 1.0
    pair, boundary = _counts(limit, estimator, watch.gate.quantile)
    thinned = pair.thinned(factor)
    kept = surely_kept(limit, thinned, boundary, beta)
    notes = (f"events in clusters of about {factor:.2g}",) if factor > 1.2 else ()
    block_s = noise_for(watch.gate, watch.noise).block_s
    if watch.watched_s < block_s:
        text = f"less than a block of {block_s} s was watched: clusters cannot be told from single events"
        return Finding("open", notes, text)
    if limit.basis != "absolute" and pair.events and _beyond_all(limit, pair):
        return Finding("open", notes, "the baseline fails so often that no candidate could break the limit")
    if kept:
        return Finding("good", notes)
    if pair.events:
        notes = (*notes, _against(tests))
    needed = thinned.needed(limit.basis, boundary, 1 - beta)
    n_needed = None if needed is None else math.ceil(needed * factor)
    return Finding("open", notes, more(pair.n, n_needed), n_needed)


def _beyond_all(limit: NumberLimit, pair: SharePair) -> bool:
    """Whether not even a candidate that fails every request breaks a limit of the baseline's share."""
    boundary = limit.boundary(pair.baseline)
    return boundary is not None and not limit.broken_by(1.0, boundary)


def surely_kept(limit: NumberLimit, pair: SharePair, boundary: float, beta: float) -> bool:
    """Whether exact bounds at ``1 - beta`` keep a limit; ``boundary``: what the share, ratio or difference may be.

    ``pair``: independent pieces of evidence (``SharePair.thinned``). No event at all keeps every ratio.
    """
    if pair.events == 0 and limit.basis == "times":
        return True
    interval = compare(pair, limit.basis, 1 - beta)
    return interval is not None and side(interval, boundary, limit.broken_by, upward=True) == "good"


def _counts(limit: NumberLimit, estimator: Estimator, quantile: float | None) -> tuple[SharePair, float]:
    """Return the counted events of a limit, and the share or factor that they are compared with."""
    if isinstance(estimator, SharePair):
        return estimator, limit.value
    if isinstance(estimator, QuantilePair) and quantile is not None:
        slower = limit_exceeded(estimator.candidate, limit)
        return SharePair(float(slower), float(estimator.n)), 1 - quantile
    raise ValueError(f"no counts of {type(estimator).__name__} for {limit.text!r}")


def limit_exceeded(latency_s: np.ndarray, limit: NumberLimit) -> int:
    """Return how many latencies break a fixed limit on their own."""
    broken = latency_s > limit.value if limit.op == ">" else latency_s >= limit.value
    return int(broken.sum())


def _times(number: float) -> str:
    """Return evidence as a factor: 0.4x, 12x, >1e6x."""
    if number > 1e6:
        return ">1e6x"
    return f"{number:.0f}x" if 10 <= number < 1e4 else f"{number:.2g}x"
