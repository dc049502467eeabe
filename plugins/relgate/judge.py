"""Judges one gate: evidence and the policy's rule in, a verdict with its grounds out. Pure; one table of rules.

| seen                                                                        | verdict                   |
|-----------------------------------------------------------------------------|---------------------------|
| the evidence has problems, is of the wrong kind, or no limit fits           | error                     |
| the whole interval is beyond a fail limit                                   | fail                      |
| too few samples, holes, a recorder that was the bottleneck, no baseline     | inconclusive              |
| a fail limit lies inside the interval, or the interval has an open end      | inconclusive, with n_needed |
| all fail limits surely kept, a warn limit not surely kept                   | warn                      |
| all limits surely kept                                                      | pass                      |

"Surely": both ends of an interval are one-sided bounds, each at the gate's confidence, so a wrong fail and a wrong
pass each have at most the probability 1 - confidence per limit. Below ``min_samples`` no number limit is judged in
either direction; zero tolerance (``any``) and states need no sample size to fail. Deterministic measures (states,
ids, versions, gauges, growth) have no interval and no confidence.

Relative limits: the ratio (or difference) is judged by its own interval, never by the baseline taken as known. A
candidate without a single event keeps every ``> ... of baseline``, also where the baseline had none and there is no
ratio; with events at the candidate alone the conditional test decides, or nothing does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from relgate.measure import health, ids, memory, quantiles, sides, versions
from relgate.measure.describe import describe, percent
from relgate.measure.interval import Given
from relgate.measure.trial import Make, Subject, Trial, at_once, held, reached, throughout, upward
from relgate.policy.limits import AnyLimit, Limit, NumberLimit, StatusLimit
from relgate.values import Answers, Judgement, Measurement, Verdict

if TYPE_CHECKING:
    from relgate.measure.series import Over
    from relgate.policy.model import Gate, Signal
    from relgate.values import Evidence, Samples

LEAST = {
    "share": 30,
    "throughput": 30,
    "ids": 30,
    "gauge": 3,
    "counter": 3,
    "health": 3,
    "version": 3,
    "growth": memory.LEAST_GROWTH,
    "trend": memory.LEAST_TREND,
    "value": 1,
}
"""Samples below which nothing passes, where the policy does not say; for a quantile what its interval needs."""

SPOILED = 0.01
"""Share of requests that the recorder may spoil before they stop telling anything about the service."""

TOLERATED = 0.1
"""Share of polls (or one poll) that may fail in isolation; beyond it the others prove no health."""

IN_STRETCHES = frozenset({"quantile", "share", "throughput", "counter"})
"""Kinds that ``for 5m`` can be asked of: a growth over ten minutes is not seen in any five of them."""

Rule = Callable[["Case"], Judgement]


@dataclass(frozen=True, slots=True)
class Case:
    """One gate with its evidence and all that is needed to judge it. The window is [begin_s, end_s] of the bake."""

    gate: Gate
    evidence: Evidence
    confidence: float
    begin_s: float
    end_s: float
    expected: str | None
    signal: Signal | None


def judge(
    gate: Gate,
    evidence: Evidence,
    *,
    confidence: float,
    expected_version: str | None = None,
    warmup_s: float = 0.0,
    signal: Signal | None = None,
) -> Judgement:
    """Judge a gate on recorded samples.

    ``confidence``: of each bound (0 to 1). ``expected_version``: what ``expect: release`` stands for. ``warmup_s``:
    seconds at the start that count for nothing, unless the gate has its own. ``signal``: how the samples were taken;
    formats and components of health and ids are read from it. Raises ValueError for a confidence outside (0.5, 1).
    """
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence: expected a share between 0.5 and 1, got {confidence!r}")
    if evidence.problems:
        return unmeasured(gate, "the samples cannot be believed: " + "; ".join(evidence.problems))
    rule = RULES.get(gate.kind)
    if rule is None:
        return unmeasured(gate, f"a gate of kind {gate.kind} is judged on a Measurement, not on recorded samples")
    begin_s = warmup_s if gate.warmup_s is None else gate.warmup_s
    end_s = evidence.finished_s - evidence.started_s
    if not (math.isfinite(end_s) and 0 <= begin_s < end_s):
        return unmeasured(gate, f"the window of {end_s:.4g} s has nothing left after a warm-up of {begin_s:.4g} s")
    expected = expected_version if gate.expect == "release" else gate.expect
    try:
        return rule(Case(gate, evidence, confidence, begin_s, end_s, expected, signal))
    except ValueError as fault:
        return unmeasured(gate, str(fault))


def judge_value(gate: Gate, measurement: Measurement, *, expected_version: str | None = None) -> Judgement:
    """Judge a gate on a measurement that a user's own test made.

    Without ``confidence`` the value is taken as exact, with it ``low`` and ``high`` decide (an open end decides
    nothing). Relative limits take ``measurement.baseline`` as known: the interval must already contain its noise.
    """
    if measurement.problems:
        return unmeasured(gate, "; ".join(measurement.problems), measurement)
    if measurement.dimension != gate.dimension:
        text = f"expected a measurement of dimension {gate.dimension}, got {measurement.dimension}"
        return unmeasured(gate, text, measurement)
    if gate.expect is not None:
        expected = expected_version if gate.expect == "release" else gate.expect
        return _by_version(gate, measurement, expected)
    incomplete = None
    if gate.confidence is not None and measurement.confidence is not None and measurement.confidence < gate.confidence:
        incomplete = f"measured at {percent(measurement.confidence)}, the gate asks for {percent(gate.confidence)}"
    return _conclude(gate, measurement, lambda limit: _try_value(gate, measurement, limit), incomplete)


def unmeasured(gate: Gate, why: str, measurement: Measurement | None = None) -> Judgement:
    """Return the error of a gate that could not be measured."""
    known = measurement or Measurement(dimension=gate.dimension, n=0, problems=(why,))
    return Judgement(Verdict.ERROR, f"could not be measured: {why}", known, _limits(gate))


# --- rules: what each kind measures


def _quantile(case: Case) -> Judgement:
    q = case.gate.quantile
    if q is None:
        return unmeasured(case.gate, "the gate names no quantile")
    make = sides.quantile(*_both(case), q)
    return _estimated(case, make, f"p{100 * q:.6g}", quantiles.needed(q, case.confidence))


def _share(case: Case) -> Judgement:
    return _estimated(case, sides.failed(*_both(case)), "error rate")


def _throughput(case: Case) -> Judgement:
    return _estimated(case, sides.throughput(*_both(case)), "throughput")


def _ids(case: Case) -> Judgement:
    rule = case.signal.probe.ids if case.signal is not None and case.signal.probe is not None else None
    if case.evidence.field == "logged":
        check, what = ids.check_logged, "ids not found in the log"
    else:
        check = partial(ids.check, format=rule.format, echo=rule.echo) if rule is not None else ids.check
        what = "ids that break the rule"
    pair, notes = sides.violations(*_both(case), check)
    return _estimated(case, lambda _begin_s, _end_s: pair, what, notes=notes)


def _counter(case: Case) -> Judgement:
    return _estimated(case, sides.counted(*_both(case), events=case.gate.dimension == "rate"), "increase")


def _trend(case: Case) -> Judgement:
    return _estimated(case, sides.trends(*_both(case)), "trend")


def _growth(case: Case) -> Judgement:
    return _estimated(case, sides.growths(*_both(case)), "growth")


def _gauge(case: Case) -> Judgement:
    gate, gauge = case.gate, sides.gauge(*_both(case), case.begin_s, case.gate.over)
    subject = _subject(case, "value")

    def attempt(limit: Limit) -> Trial:
        number = _as_number(gate, limit)
        if number is None:
            return _unfit(limit)
        if number.for_s is None and number.in_a_row is None:
            trial = at_once(number, gauge.pair(_extreme(number)), subject)
            # An unseen observation cannot take a maximum back, but it could move a mean: that proves nothing.
            robust = bool(gauge.seen.all()) or (gate.over or "max") in ("max", "min")
            return trial if robust or trial.side != "bad" else replace(trial, side="open")
        boundary = number.boundary(gauge.pair("median").baseline)
        if boundary is None:
            return Trial("open", f"value cannot be compared with {number.text!r}: no usable baseline", number.text)
        found = gauge.held(lambda value: number.broken_by(value, boundary), _every_s(case))
        return held(number, boundary, found, gauge.span_s, subject, (number.for_s, number.in_a_row))

    first = next((n for limit in (*gate.fail, *gate.warn) if (n := _as_number(gate, limit)) is not None), None)
    shown = gauge.pair(_extreme(first) if first is not None else "max")
    return _conclude(gate, sides.measured(shown, gate.dimension, None), attempt, _incomplete(case))


def _health(case: Case) -> Judgement:
    answers, _ = sides.of(*_both(case), Answers)
    poll = case.signal.poll if case.signal is not None else None
    kept = tuple(answer for answer in answers.answers if answer.t_s >= case.begin_s)
    if poll is None:
        states = health.read_all(kept)
    else:
        states = health.read_all(
            kept, format=poll.format, required=poll.components, max_age_s=poll.max_age_s, version=poll.version
        )

    def attempt(limit: Limit) -> Trial:
        if not isinstance(limit, StatusLimit):
            return _unfit(limit)
        run = health.streak(states, limit.words, answers.every_s)
        if run.at is None or not reached(run.longest_s, run.in_a_row, (limit.for_s, limit.in_a_row)):
            return Trial("good", f"{len(states)} answers kept the limit {limit.text!r}", limit.text)
        hit = states[run.at]
        length = f"{run.in_a_row} in a row" if limit.for_s is None else f"for {describe(run.longest_s, 'time')}"
        text = f"{hit.word} {hit.t_s:.1f} s into the bake, {length} (limit {limit.text!r}, n={len(states)}): {hit.why}"
        return Trial("bad", text, limit.text)

    blemish = next((state for state in reversed(states) if state.word != "healthy"), None)
    note = None if blemish is None else f"{blemish.word} {blemish.t_s:.1f} s into the bake: {blemish.why}"
    incomplete = health.doubt(states, answers.every_s, _tolerated(len(states))) or _incomplete(case)
    measurement = Measurement(dimension="status", n=len(states), text=states[-1].word if states else None)
    return _conclude(case.gate, measurement, attempt, incomplete, blemish=note)


def _version(case: Case) -> Judgement:
    answers, _ = sides.of(*_both(case), Answers)
    poll = case.signal.poll if case.signal is not None else None
    kept = tuple(answer for answer in answers.answers if answer.t_s >= case.begin_s)
    told = versions.read(kept, poll.version if poll is not None else None)
    measurement = Measurement(dimension="text", n=told.fresh, text=", ".join(name for name, _ in told.seen) or None)
    incomplete = told.doubt(_tolerated(told.n)) or _incomplete(case)
    return _by_version(case.gate, measurement, case.expected, incomplete, told.blemish())


RULES: dict[str, Rule] = {
    "quantile": _quantile,
    "share": _share,
    "throughput": _throughput,
    "ids": _ids,
    "health": _health,
    "version": _version,
    "gauge": _gauge,
    "growth": _growth,
    "trend": _trend,
    "counter": _counter,
}
"""Kind of a gate to its rule. A gate of kind ``value`` has no samples: ``judge_value`` judges it."""


# --- from trials to a verdict


def _estimated(case: Case, make: Make, what: str, least: int | None = None, notes: tuple[str, ...] = ()) -> Judgement:
    """Judge the limits of a gate by an estimator: over the whole window or, for ``for 5m``, over sliding stretches."""
    gate = case.gate
    whole = make(case.begin_s, math.inf)
    certain = isinstance(whole, Given) or all(isinstance(one, AnyLimit) for one in (*gate.fail, *gate.warn))
    subject = _subject(case, what, least, notes)
    measurement = sides.measured(whole, gate.dimension, None if certain else case.confidence)

    def attempt(limit: Limit) -> Trial:
        number = _as_number(gate, limit)
        if (
            number is None
            or number.in_a_row is not None
            or (number.for_s is not None and gate.kind not in IN_STRETCHES)
        ):
            return _unfit(limit)
        if number.for_s is None:
            return at_once(number, whole, subject)
        usual = replace(subject, least=least or LEAST[gate.kind])
        return throughout(number, make, (case.begin_s, case.end_s), number.for_s, usual)

    spoiled = sides.spoiled(_counting(case), case.begin_s, SPOILED)
    if spoiled is not None:
        return Judgement(Verdict.INCONCLUSIVE, spoiled, measurement, _limits(gate))
    return _conclude(gate, measurement, attempt, _incomplete(case), least)


def _conclude(
    gate: Gate,
    measurement: Measurement,
    attempt: Callable[[Limit], Trial],
    incomplete: str | None,
    least: int | None = None,
    blemish: str | None = None,
) -> Judgement:
    """Try all limits of a gate: fail limits first; a pass needs each of them surely kept and nothing left in doubt.

    ``incomplete``: why the evidence can prove a failure but no health. ``blemish``: what turns a pass into a warning.
    """
    if not gate.fail and not gate.warn:
        return unmeasured(gate, "the gate has no limit: nothing was asked, so nothing is answered", measurement)
    trials = [attempt(limit) for limit in gate.fail]
    for side, verdict in (("bad", Verdict.FAIL), ("unfit", Verdict.ERROR)):
        for trial in trials:
            if trial.side == side:
                return Judgement(verdict, trial.text, measurement, trial.limit)
    needed = gate.min_samples or least or LEAST.get(gate.kind, 1)
    undecided = [trial for trial in trials if trial.side == "open"]
    if measurement.n < needed or (measurement.value is None and measurement.text is None and not undecided):
        text = undecided[0].text if undecided else f"n={measurement.n} of at least {needed} samples"
        if measurement.n == 0 and incomplete is not None:
            text = incomplete  # It says what became of the samples: no such series, several, NaN, unreachable.
        return Judgement(Verdict.INCONCLUSIVE, text, replace(measurement, n_needed=needed), _limits(gate))
    if incomplete is not None:
        return Judgement(Verdict.INCONCLUSIVE, incomplete, measurement, _limits(gate))
    if undecided:
        most = max((trial.n_needed for trial in undecided if trial.n_needed is not None), default=None)
        return Judgement(
            Verdict.INCONCLUSIVE, undecided[0].text, replace(measurement, n_needed=most), undecided[0].limit
        )
    warnings = [trial for trial in (*trials, *map(attempt, gate.warn)) if trial.side != "good"]
    if warnings:
        return Judgement(Verdict.WARN, warnings[0].text, measurement, warnings[0].limit)
    if blemish is not None:
        return Judgement(Verdict.WARN, blemish, measurement, _limits(gate))
    return Judgement(Verdict.PASS, trials[0].text if trials else attempt(gate.warn[0]).text, measurement, _limits(gate))


def _by_version(
    gate: Gate,
    measurement: Measurement,
    expected: str | None,
    incomplete: str | None = None,
    blemish: str | None = None,
) -> Judgement:
    """Judge versions, separated by ``, `` in ``measurement.text``: each must be the expected one."""
    if not expected:
        return unmeasured(gate, "no version is expected: pass --gate-release version=..., or set `expect`", measurement)
    seen = measurement.text.split(", ") if measurement.text else []
    wrong = [version for version in seen if not versions.same(version, expected)]
    needed = gate.min_samples or LEAST.get(gate.kind, 1)
    if wrong:
        text = f"version {', '.join(wrong)} is served, expected {expected} (n={measurement.n})"
        return Judgement(Verdict.FAIL, text, measurement, expected)
    if measurement.n < needed or not seen:
        text = f"version {measurement.text}: n={measurement.n} of at least {needed} fresh answers"
        return Judgement(Verdict.INCONCLUSIVE, text, replace(measurement, n_needed=needed), expected)
    if incomplete is not None:
        return Judgement(Verdict.INCONCLUSIVE, incomplete, measurement, expected)
    verdict = Verdict.PASS if blemish is None else Verdict.WARN
    return Judgement(
        verdict, blemish or f"version {expected} in all of n={measurement.n} answers", measurement, expected
    )


def _try_value(gate: Gate, measurement: Measurement, limit: Limit) -> Trial:
    """Try a limit on a user's own measurement."""
    if isinstance(limit, StatusLimit):
        bad = measurement.text in limit.words or ("failing" in limit.words and measurement.text not in health.GOOD)
        if measurement.text is None or limit.for_s is not None or limit.in_a_row is not None:
            return _unfit(limit)
        return Trial("bad" if bad else "good", f"{measurement.text} (limit {limit.text!r})", limit.text)
    number = _as_number(gate, limit)
    if number is None or number.for_s is not None or number.in_a_row is not None:
        return _unfit(limit)
    confidence = measurement.confidence if measurement.confidence is not None else 0.95
    return at_once(
        number,
        sides.stated(measurement),
        Subject("value", gate.dimension, confidence, gate.min_samples or LEAST["value"]),
    )


# --- small steps


def _both(case: Case) -> tuple[Samples, Samples | None]:
    return case.evidence.candidate, case.evidence.baseline


def _as_number(gate: Gate, limit: Limit) -> NumberLimit | None:
    """Return a limit as a number limit: ``any`` is "more than none"; None for words, which are none."""
    if isinstance(limit, AnyLimit):
        return NumberLimit(">", 0.0, "absolute", gate.dimension, limit.text)
    return limit if isinstance(limit, NumberLimit) else None


def _extreme(limit: NumberLimit) -> Over:
    """Return the aggregate that no observation can slip past."""
    return "max" if upward(limit) else "min"


def _unfit(limit: Limit) -> Trial:
    return Trial("unfit", f"a gate of this kind cannot be judged by {limit.text!r}", limit.text)


def _subject(case: Case, what: str, least: int | None = None, notes: tuple[str, ...] = ()) -> Subject:
    needed = case.gate.min_samples or least or LEAST[case.gate.kind]
    return Subject(what, case.gate.dimension, case.confidence, needed, notes)


def _limits(gate: Gate) -> str:
    """Return the limits of a gate as one text: those that fail, or those that warn if none does."""
    return "; ".join(limit.text for limit in gate.fail or gate.warn) or (gate.expect or "")


def _tolerated(n: int) -> int:
    return max(1, int(TOLERATED * n))


def _every_s(case: Case) -> float | None:
    return case.signal.every_s if case.signal is not None and case.signal.kind != "probe" else None


def _counting(case: Case) -> list[tuple[str, Samples]]:
    """Return the sides whose faults forbid a pass: the baseline only where a fail limit needs it."""
    relative = any(isinstance(limit, NumberLimit) and limit.basis != "absolute" for limit in case.gate.fail)
    candidate, baseline = _both(case)
    return [("candidate", candidate), *([("baseline", baseline)] if relative and baseline is not None else [])]


def _incomplete(case: Case) -> str | None:
    return sides.incomplete(_counting(case), case.begin_s, case.end_s, _every_s(case))
