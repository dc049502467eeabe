"""One limit against one estimate: kept, broken, or not decided, and the line that says so.

A limit is judged by the interval that belongs to it: of the value, of the ratio, or of the difference to the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from relgate.measure.describe import apart, describe, grounds, more, percent
from relgate.measure.describe import interval as between
from relgate.measure.interval import Basis, Estimator, Interval, compare, side
from relgate.measure.samples import parts_of, slides

if TYPE_CHECKING:
    from relgate.measure.series import Held
    from relgate.values import Dimension

Make = Callable[[float, float], Estimator]
"""Makes the estimator of the samples in [begin, end), seconds since the bake began."""

_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}


class Bound(Protocol):
    """A number limit, as ``policy.limits.NumberLimit`` is one; ``value`` is SI, or a factor of the baseline."""

    @property
    def op(self) -> Literal[">", ">=", "<", "<="]: ...  # noqa: D102

    @property
    def value(self) -> float: ...  # noqa: D102

    @property
    def basis(self) -> Basis: ...  # noqa: D102

    @property
    def text(self) -> str: ...  # noqa: D102

    def boundary(self, baseline: float | None) -> float | None: ...  # noqa: D102

    def broken_by(self, value: float, boundary: float) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Trial:
    """How one limit fared. ``touched``: kept, but not by every observation. ``unfit``: it cannot be judged so."""

    side: Literal["good", "touched", "open", "bad", "unfit"]
    text: str
    limit: str
    n_needed: int | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged, how sure the judge has to be, and how many samples each side must have.

    ``confidence``: of each bound, and of "the limit is kept". ``alpha``: chance of calling a kept limit broken; what
    ``confidence`` leaves where None.
    """

    what: str
    dimension: Dimension
    confidence: float
    least: int
    notes: tuple[str, ...] = ()
    alpha: float | None = None

    @property
    def sure_broken(self) -> float:
        """Confidence at which a limit counts as broken; never below that of the bounds."""
        return self.confidence if self.alpha is None else max(self.confidence, 1 - self.alpha)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a sequential test says about a limit. ``notes``: its grounds; ``more``: what would decide an open one."""

    side: Literal["good", "open", "bad"]
    notes: tuple[str, ...] = ()
    more: str = ""
    n_needed: int | None = None


def upward(bound: Bound) -> bool:
    """Whether large numbers are the bad ones."""
    return bound.op in (">", ">=")


def at_once(bound: Bound, estimator: Estimator, subject: Subject, found: Finding | None = None) -> Trial:
    """Try a limit on a whole window: by the interval that belongs to it, or by what a sequential test has ``found``."""
    own, baseline = estimator.own(subject.confidence), estimator.baseline
    if own is None:
        return Trial("open", f"{subject.what}: too few samples (n={estimator.n}) or holes among them", bound.text)
    interval = compare(estimator, bound.basis, subject.confidence)
    proven = (_forbidden(bound) and estimator.events_seen) or (found is not None and found.side == "bad")
    if estimator.n < subject.least and not proven:
        value = describe(own.value, subject.dimension)
        text = f"{subject.what} {value}: n={estimator.n} of at least {subject.least} samples"
        return Trial("open", f"{text}; {more(estimator.n, subject.least)}", bound.text, subject.least)
    known = proven or bound.basis == "absolute" or (estimator.baseline_n or 0) >= subject.least
    verdict = "open" if not known else found.side if found is not None else _verdict(bound, estimator, subject)
    boundary = bound.boundary(baseline if baseline is not None and math.isfinite(baseline) else None)
    if not known or boundary is None or (interval is None and verdict == "open"):
        return Trial("open", _incomparable(bound, own, estimator, subject), bound.text)
    n_needed = None
    if verdict == "open":
        n_needed = found.n_needed if found else estimator.needed(bound.basis, bound.value, subject.confidence)
    value, limit = apart(own.value, boundary, subject.dimension)
    beyond = bound.broken_by(own.value, boundary)
    kept = f"is not surely {bound.op} limit" if beyond else f"{_OPPOSITE[bound.op]} limit"
    sign = {"bad": f"{bound.op} limit", "good": kept, "open": "is not clear of limit"}[verdict]
    reasons = [*_grounds(bound, own, interval, estimator, subject), *(found.notes if found is not None else ())]
    text = f"{subject.what} {value} {sign} {limit}{grounds(reasons)}"
    if verdict == "open":
        text += f"; {found.more if found is not None else more(estimator.n, n_needed)}"
    return Trial(verdict, text, bound.text, n_needed)


def throughout(
    bound: Bound,
    make: Make,
    window: tuple[float, float],
    for_s: float,
    subject: Subject,
    planned_end_s: float = 0.0,
) -> Trial:
    """Try a limit of samples that come one by one (requests, events) on every stretch of ``for_s`` seconds.

    Broken: over some stretch the interval is beyond the boundary, and so is each fifth of the stretch by its own value
    (a single burst is not "for five minutes"). Kept: in every stretch the whole or one fifth surely keeps it. The
    levels are divided by the number of stretches for a fail and by the number of fifths for a pass (Bonferroni).
    ``planned_end_s``: when the window will end that has only begun; its stretches count already, so that looking early
    costs nothing.
    """
    stretches = slides(*window, for_s)
    if not stretches:
        whole = at_once(bound, make(window[0], math.inf), subject)
        if whole.side == "good":
            return whole
        text = f"the window is shorter than {describe(for_s, 'time')}: {whole.text}"
        return Trial("open", text, bound.text, whole.n_needed)
    planned = slides(window[0], max(window[1], planned_end_s), for_s)
    strict = replace(subject, alpha=(1 - subject.sure_broken) / len(planned))
    still_open: Trial | None = None
    for begin_s, end_s in stretches:
        when = f"from {begin_s:.4g} s to {end_s:.4g} s: "
        trial = at_once(bound, make(begin_s, end_s), strict)
        if trial.side == "bad" and all(_point_bad(bound, make(*part), subject) for part in parts_of(begin_s, end_s)):
            return replace(trial, text=when + trial.text)
        if not _kept(bound, make, (begin_s, end_s), subject):
            still_open = still_open or replace(trial, side="open", text=when + trial.text)
    if still_open is not None:
        return still_open
    whole = at_once(bound, make(window[0], math.inf), subject)
    return replace(
        whole, side="good", text=f"{subject.what} kept {bound.text!r} in every stretch (n={make(*window).n})"
    )


def held(
    bound: Bound, boundary: float, found: Held, seen_s: float, subject: Subject, need: tuple[float | None, int | None]
) -> Trial:
    """Try a limit of single observations that must be beyond it for some time, or some number in a row.

    ``found``: runs beyond ``boundary``. ``seen_s``: seconds from the first to the last observation. ``need``: the
    seconds and the number in a row that break the limit (one of them None).
    """
    limit = describe(boundary, subject.dimension)
    run = describe(found.longest_s, "time") if need[0] is not None else f"{found.in_a_row} in a row"
    text = f"{subject.what} {bound.op} {limit} for {run} at most (limit {bound.text!r})"
    if reached(found.longest_s, found.in_a_row, need):
        return Trial("bad", f"{subject.what} {bound.op} limit {limit} for {run} (limit {bound.text!r})", bound.text)
    if reached(found.hides_s, found.hides_in_a_row, need):
        return Trial("open", f"{text}; observations are missing and could hide a longer run", bound.text)
    if found.in_a_row == 0:
        return Trial("good", f"{subject.what} never {bound.op} limit {limit} (limit {bound.text!r})", bound.text)
    if need[0] is not None and seen_s < need[0]:
        return Trial("open", f"{text}; the bake is shorter than that and cannot tell", bound.text)
    return Trial("touched", text, bound.text)


def reached(longest_s: float, in_a_row: int, need: tuple[float | None, int | None]) -> bool:
    """Tell whether a run is as long as what breaks a limit; neither asked for means one observation."""
    for_s, count = need
    if for_s is not None:
        return in_a_row > 0 and longest_s >= for_s * (1 - 1e-9)
    return in_a_row >= (count or 1)


def _verdict(bound: Bound, estimator: Estimator, subject: Subject) -> Literal["good", "bad", "open"]:
    """Side of the boundary by intervals: broken at the one confidence, kept at the other."""
    kept = _side(bound, compare(estimator, bound.basis, subject.confidence), estimator)
    if kept == "bad" and subject.sure_broken > subject.confidence:
        return (
            "bad" if _side(bound, compare(estimator, bound.basis, subject.sure_broken), estimator) == "bad" else "open"
        )
    return kept


def _side(bound: Bound, interval: Interval | None, estimator: Estimator) -> Literal["good", "bad", "open"]:
    """Side of the boundary; no event at all is never more than a share of the baseline, nor more than zero."""
    events = estimator.events_seen
    if events == 0 and bound.op == ">" and (bound.basis == "times" or bound.value == 0):
        return "good"
    if events and _forbidden(bound):
        return "bad"
    if interval is None:
        return "open"
    return side(interval, bound.value, bound.broken_by, upward=upward(bound))


def _forbidden(bound: Bound) -> bool:
    """Whether even one event breaks the limit; then no number of samples is needed to fail."""
    return bound.op == ">" and bound.basis == "absolute" and bound.value == 0


def _point_bad(bound: Bound, estimator: Estimator, subject: Subject) -> bool:
    interval = compare(estimator, bound.basis, subject.confidence)
    return interval is not None and bound.broken_by(interval.value, bound.value)


def _kept(bound: Bound, make: Make, stretch: tuple[float, float], subject: Subject) -> bool:
    parts = parts_of(*stretch)
    strict = replace(subject, confidence=1 - (1 - subject.confidence) / len(parts))
    if at_once(bound, make(*stretch), subject).side == "good":
        return True
    return any(at_once(bound, make(*part), strict).side == "good" for part in parts)


def _incomparable(bound: Bound, own: Interval, estimator: Estimator, subject: Subject) -> str:
    """Say why a relative limit cannot be tried."""
    value, n = describe(own.value, subject.dimension), estimator.baseline_n
    if n is None:
        why = "there is no baseline"
    elif n < subject.least:
        why = f"the baseline has {n} of at least {subject.least} samples"
    else:
        why = f"the baseline shows {describe(estimator.baseline, subject.dimension)}"
    return f"{subject.what} {value} cannot be compared with {bound.text!r}: {why}"


def _grounds(
    bound: Bound, own: Interval, interval: Interval | None, estimator: Estimator, subject: Subject
) -> list[str]:
    """Baseline, n and bounds, in this order; the limit's own words when it is relative."""
    parts = [bound.text] if bound.basis != "absolute" else []
    if estimator.baseline is not None:
        parts.append(f"baseline {describe(estimator.baseline, subject.dimension)}")
    parts.append(f"n={estimator.n}")
    if interval is not None and not _forbidden(bound) and not interval.low == interval.value == interval.high:
        level = f"{percent(subject.confidence)} bounds"
        if bound.basis == "times":
            parts.append(
                f"ratio {describe(interval.value, 'count')}, {level} {between(interval.low, interval.high, 'count')}"
            )
        elif bound.basis == "plus":
            shift = describe(interval.value, subject.dimension)
            parts.append(f"difference {shift}, {level} {between(interval.low, interval.high, subject.dimension)}")
        else:
            parts.append(f"{level} {between(own.low, own.high, subject.dimension)}")
    return [*parts, *subject.notes]
