"""Judges one gate: evidence and the policy's rule in, a verdict with its grounds out. Pure; one table of rules.

A gate is called broken wrongly with at most the probability ``alpha``, its share of the policy's false rollbacks; kept
wrongly with at most ``beta``. Latencies and errors are judged by sequential tests, valid at any time and under bursts
(``watch``, ``findings``); other estimates by intervals, once, at the end. The evidence itself comes first:

| seen                                                                        | verdict                   |
|-----------------------------------------------------------------------------|---------------------------|
| the evidence has problems, is of the wrong kind, or no limit fits           | error                     |
| a recorder that was the bottleneck, no baseline where one is needed         | inconclusive              |
| a load that was not what it should have been                                | inconclusive              |
| otherwise                                                                   | as ``verdicts`` says      |

Below ``min_samples`` no number limit is judged by its interval; zero tolerance (``any``) and states need no sample size
to fail. Deterministic measures (states, ids that are forbidden, versions, gauges, growth) have no interval and spend no
error probability.

Relative limits: the ratio (or difference) is judged by its own test, never by the baseline taken as known. A candidate
without a single event keeps every ``> ... of baseline``, also where the baseline had none and there is no ratio.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from relgate import several
from relgate.findings import finding
from relgate.measure import health, ids, quantiles, sides, versions
from relgate.measure.capacity import CapacityPair, Ladder
from relgate.measure.describe import describe, percent
from relgate.measure.interval import Given
from relgate.measure.noise import ASSUMED
from relgate.measure.patterns import compared
from relgate.measure.samples import latencies
from relgate.measure.statements import pairs
from relgate.measure.trial import Make, Subject, Trial, at_once, held, reached, throughout, upward
from relgate.measure.wealth import MOST
from relgate.policy.limits import AnyLimit, Limit, NumberLimit, StatusLimit
from relgate.values import Answers, Judgement, Lines, Measurement, Requests, Series, Statements, Verdict
from relgate.verdicts import LEAST, by_version, conclude, limits_of, unmeasured
from relgate.watch import watched

if TYPE_CHECKING:
    from relgate.measure.drift import Noise
    from relgate.measure.series import Over
    from relgate.policy.loads import Load
    from relgate.policy.model import Gate, Signal
    from relgate.values import Evidence, Samples
    from relgate.watch import Watch

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
    alpha: float
    beta: float
    noise: Noise
    begin_s: float
    end_s: float
    expected: str | None
    signal: Signal | None
    warmup_found: bool = False
    before: tuple[float, float] = (1.0, 1.0)
    planned_end_s: float = 0.0

    @property
    def confidence(self) -> float:
        """Of each bound that is shown, and of "the limit is kept"."""
        return 1 - self.beta


def judge(
    gate: Gate,
    evidence: Evidence,
    *,
    alpha: float,
    beta: float,
    noise: Noise = ASSUMED,
    before: tuple[float, float] = (1.0, 1.0),
    expected_version: str | None = None,
    warmup_s: float = 0.0,
    warmup_found: bool = False,
    signal: Signal | None = None,
    planned_end_s: float = 0.0,
) -> Judgement:
    """Judge a gate on recorded samples.

    ``alpha``: the gate's share of the chance of a false rollback; 0 for a gate that spends none. ``beta``: chance that
    it calls a broken limit kept. ``noise``: what two equal sides differ by. ``before``: evidence of harm and of health
    from earlier holds of the same release, which this run's is multiplied with. ``expected_version``: what
    ``expect: release``
    stands for. ``warmup_s``: seconds at the start that count for nothing, unless the gate has its own;
    ``warmup_found``: the data tell how many more. ``signal``: how the samples were taken; formats and components of
    health and ids are read from it. ``planned_end_s``: of the bake, for a look at an unfinished one.
    Raises ValueError for alpha or beta that are no probability below 1/2.
    """
    if not (0 <= alpha < 0.5 and 0 < beta < 0.5):
        raise ValueError(f"alpha, beta: expected probabilities below 0.5, got {alpha!r} and {beta!r}")
    if evidence.problems:
        return unmeasured(gate, "the samples cannot be believed: " + "; ".join(evidence.problems))
    rule = RULES.get(gate.kind)
    if rule is None:
        return unmeasured(gate, f"a gate of kind {gate.kind} is judged on a Measurement, not on recorded samples")
    if evidence.doubts:
        return _doubtful(gate, evidence)
    begin_s = warmup_s if gate.warmup_s is None else gate.warmup_s
    end_s = evidence.finished_s - evidence.started_s
    if not (math.isfinite(end_s) and 0 <= begin_s < end_s):
        return unmeasured(gate, f"the window of {end_s:.4g} s has nothing left after a warm-up of {begin_s:.4g} s")
    expected = expected_version if gate.expect == "release" else gate.expect
    found = warmup_found and gate.warmup_s is None
    chances = (alpha or beta, beta)
    times = (begin_s, end_s)
    whole = Case(gate, evidence, *chances, noise, *times, expected, signal, found, before, planned_end_s)
    try:
        each = _by_instance(evidence)
        if len(each) > 1:
            cases = [
                (
                    name,
                    replace(
                        whole, evidence=one, alpha=(alpha or beta) / len(each), warmup_found=False, before=(1.0, 1.0)
                    ),
                )
                for name, one in each
            ]
            return _worst([(name, rule(case)) for name, case in cases])
        return rule(whole)
    except ValueError as fault:
        return unmeasured(gate, str(fault))


def _doubtful(gate: Gate, evidence: Evidence) -> Judgement:
    """Return what a load that cannot be believed says: nothing, neither for the release nor against it."""
    n = len(evidence.candidate.usable) if isinstance(evidence.candidate, Requests) else 0
    text = f"the load cannot be believed: {'; '.join(evidence.doubts)}"
    return Judgement(Verdict.INCONCLUSIVE, text, Measurement(dimension=gate.dimension, n=n), limits_of(gate))


def _by_instance(evidence: Evidence) -> list[tuple[str, Evidence]]:
    """Return the evidence of each instance of a series that has one for each; the evidence itself otherwise.

    The instance with the most to say against it decides, so none may hide behind the others' mean. A baseline with as
    many instances is compared in order; ValueError when it has another number of them.
    """
    own, other = evidence.candidate, evidence.baseline
    if not isinstance(own, Series) or len(own.instances) < 2:
        return [("", evidence)]
    others: tuple[Series | None, ...] = (None,) * len(own.instances)
    if isinstance(other, Series):
        others = other.by_instance()
        if len(others) == 1:
            others *= len(own.instances)
        if len(others) != len(own.instances):
            raise ValueError(f"{len(own.instances)} instances of the candidate and {len(others)} of the baseline")
    pairs = zip(own.instances, own.by_instance(), others, strict=True)
    return [(name, replace(evidence, candidate=one, baseline=base)) for name, one, base in pairs]


def _worst(judged: list[tuple[str, Judgement]]) -> Judgement:
    """Return the judgement of the instance that decides, with its name in the message."""
    order = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.WARN, Verdict.PASS)
    name, worst = min(judged, key=lambda one: order.index(one[1].verdict))
    return replace(worst, message=f"{name}: {worst.message}")


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
        return by_version(gate, measurement, expected)
    incomplete = None
    if gate.confidence is not None and measurement.confidence is not None and measurement.confidence < gate.confidence:
        incomplete = f"measured at {percent(measurement.confidence)}, the gate asks for {percent(gate.confidence)}"
    return conclude(gate, measurement, lambda limit: _try_value(gate, measurement, limit), incomplete)


# --- rules: what each kind measures


def _quantile(case: Case) -> Judgement:
    gate = case.gate
    if gate.whole:
        return _sequential(case, partial(sides.quantile, q=0.5), "median of all latencies", quantiles.needed(0.5, 0.95))
    if gate.quantile is None:
        return unmeasured(gate, "the gate names no quantile")
    least = quantiles.needed(gate.quantile, case.confidence)
    return _sequential(case, partial(sides.quantile, q=gate.quantile), f"p{100 * gate.quantile:.6g}", least)


def _share(case: Case) -> Judgement:
    return _sequential(case, sides.failed, "error rate", None)


def _sequential(case: Case, sided: Callable[..., Make], what: str, least: int | None) -> Judgement:
    """Judge requests by tests that may be looked at any time, where the limits have them."""
    watch = watched(
        case.gate,
        case.evidence,
        case.noise,
        case.alpha,
        case.begin_s,
        found=case.warmup_found,
        before=case.before[0],
    )
    if watch is None:
        return _estimated(case, sided(*_both(case)), what, least)
    left_out = watch.warmup_s - case.begin_s
    notes = (f"{left_out:.0f} s of warm-up left out: start a fresh baseline with the candidate",) if left_out else ()
    return _estimated(replace(case, begin_s=watch.warmup_s), sided(*_both(case)), what, least, notes, watch)


def _throughput(case: Case) -> Judgement:
    return _estimated(case, sides.throughput(*_both(case)), "throughput")


def _capacity(case: Case) -> Judgement:
    load = case.signal.load if case.signal is not None else None
    if load is None or load.knee is None:
        return unmeasured(case.gate, "the signal is no load with a knee")
    own, base = sides.of(*_both(case), Requests)
    other = None if base is None else ladder(base, load)
    pair = CapacityPair(ladder(own, load), other, load.knee.quantile, load.knee.limit_s)
    least = quantiles.needed(load.knee.quantile, case.confidence) * load.steps
    found = pair.own(case.confidence)
    notes = ("the highest step keeps the limit: raise the rate",) if found is not None and found.high is None else ()
    return _estimated(case, lambda _begin_s, _end_s: pair, "capacity", least, notes)


def ladder(requests: Requests, load: Load) -> Ladder:
    """Return the steps of a load of the shape ``step``: what was offered, and the seconds to a good answer."""
    rates = tuple((load.rate_per_s or 0.0) * (step + 1) / load.steps for step in range(load.steps))
    windows = ((step * load.each_s, (step + 1) * load.each_s) for step in range(load.steps))
    return Ladder(rates, tuple(latencies(requests, begin_s, end_s) for begin_s, end_s in windows))


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
    return conclude(gate, sides.measured(shown, gate.dimension, None), attempt, _incomplete(case))


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
    return conclude(case.gate, measurement, attempt, incomplete, blemish=note)


def _version(case: Case) -> Judgement:
    answers, _ = sides.of(*_both(case), Answers)
    poll = case.signal.poll if case.signal is not None else None
    kept = tuple(answer for answer in answers.answers if answer.t_s >= case.begin_s)
    told = versions.read(kept, poll.version if poll is not None else None)
    measurement = Measurement(dimension="text", n=told.fresh, text=", ".join(name for name, _ in told.seen) or None)
    incomplete = told.doubt(_tolerated(told.n)) or _incomplete(case)
    return by_version(case.gate, measurement, case.expected, incomplete, told.blemish())


def _patterns(case: Case) -> Judgement:
    seen = compared(*sides.of(*_both(case), Lines), case.begin_s, case.end_s, case.noise.of_events.bursts_s)
    subject = _subject(case, "")
    shown = sides.measured(several.foremost(seen), case.gate.dimension, case.confidence)
    judged = conclude(
        case.gate, shown, lambda limit: several.by_pattern(limit, seen, subject), _incomplete(case), subject.least
    )
    return replace(judged, alpha=case.alpha)


def _statements(case: Case) -> Judgement:
    own, base = sides.of(*_both(case), Statements)
    seen, subject = pairs(own, base, case.begin_s), _subject(case, "")
    slowest = max(seen.values(), key=lambda pair: pair.own_mean.mean_s, default=None)
    if slowest is None:
        text = "the candidate's database was not asked anything in the window"
        return Judgement(Verdict.INCONCLUSIVE, text, Measurement("time", n=0), limits_of(case.gate))
    shown = replace(
        sides.measured(slowest, "time", case.confidence), n=sum(pair.own_mean.calls for pair in seen.values())
    )
    judged = conclude(
        case.gate, shown, lambda limit: several.by_statement(limit, seen, subject), _incomplete(case), subject.least
    )
    return replace(judged, alpha=case.alpha)


RULES: dict[str, Rule] = {
    "quantile": _quantile,
    "share": _share,
    "throughput": _throughput,
    "capacity": _capacity,
    "ids": _ids,
    "health": _health,
    "version": _version,
    "gauge": _gauge,
    "growth": _growth,
    "trend": _trend,
    "counter": _counter,
    "patterns": _patterns,
    "statements": _statements,
}
"""Kind of a gate to its rule. One of kind ``value`` has no samples (``judge_value``), ``findings`` has a proof."""


# --- estimated kinds


def _estimated(
    case: Case,
    make: Make,
    what: str,
    least: int | None = None,
    notes: tuple[str, ...] = (),
    watch: Watch | None = None,
) -> Judgement:
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
            found = None if watch is None else finding(watch, number, whole, case.beta, case.before[1])
            return at_once(number, whole, subject, found)
        usual = replace(subject, least=least or LEAST[gate.kind])
        return throughout(number, make, (case.begin_s, case.end_s), number.for_s, usual, case.planned_end_s)

    spoiled = sides.spoiled(_counting(case), case.begin_s, SPOILED)
    if spoiled is not None:
        return Judgement(Verdict.INCONCLUSIVE, spoiled, measurement, limits_of(gate))
    judged = conclude(gate, measurement, attempt, _incomplete(case), least)
    if watch is None:
        return judged if certain else replace(judged, alpha=case.alpha)
    harm, health = watch.e_value * case.before[0], watch.e_health
    return replace(
        judged,
        e_value=min(harm, MOST),
        e_health=None if health is None else min(health * case.before[1], MOST),
        alpha=case.alpha,
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
    return Subject(what, case.gate.dimension, case.confidence, needed, notes, case.alpha)


def _tolerated(n: int) -> int:
    return max(1, int(TOLERATED * n))


def _every_s(case: Case) -> float | None:
    return case.signal.every_s if case.signal is not None and case.signal.kind not in ("probe", "load") else None


def _counting(case: Case) -> list[tuple[str, Samples]]:
    """Return the sides whose faults forbid a pass: the baseline only where a fail limit needs it."""
    relative = any(isinstance(limit, NumberLimit) and limit.basis != "absolute" for limit in case.gate.fail)
    candidate, baseline = _both(case)
    return [("candidate", candidate), *([("baseline", baseline)] if relative and baseline is not None else [])]


def _incomplete(case: Case) -> str | None:
    return sides.incomplete(_counting(case), case.begin_s, case.end_s, _every_s(case))
