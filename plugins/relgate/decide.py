"""From all gate verdicts of a stage to one decision: promote, hold or rollback.

Rules, in this order; the first that applies decides:

1. A gate whose policy says ``on_fail: rollback`` failed, or all such gates together have the evidence: rollback.
2. Anything that is not a pass or a warning, anything that was required or collected and did not report, any test
   that failed without being a gate, any end of pytest that is not a clean one, no gate at all: hold.
3. Otherwise: promote.

A rollback where going back is known to be unsafe is a hold, and stays one however long it lasts.

A waiver that holds makes a warning of a failure and of too little evidence, never of an error or of what is missing.

Absence of evidence is never a yes. A gate that ran several times counts with its worst verdict, so running again
never washes a failure away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from relgate.measure.wealth import closed
from relgate.values import Decision, GateResult, Outcome, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OnFail = Literal["rollback", "hold"]

# Worst first: of several verdicts of one gate the worst counts.
SEVERITY_OF_VERDICT = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.INCONCLUSIVE,
    Verdict.MISSING,
    Verdict.WARN,
    Verdict.PASS,
)


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What pytest reported about one test; ``gate`` is None for a test that is no gate.

    ``result``: what the gate judged. ``broken``: text of a failure that is not the gate's own verdict (a fixture, a
    teardown, a crash). ``skipped``: the reason of a skip.
    """

    __test__ = False

    nodeid: str
    gate: str | None
    result: GateResult | None = None
    broken: str | None = None
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the policy and the session promised: gate id -> row to use when nothing better is known.

    ``required``: gate ids of the stage; ``family:NAME`` where the policy requires a family that it defines no gate
    for. ``collected``: test node id -> gate id of every gate that was selected to run. ``on_fail``: gate id -> what
    its failure asks for. ``waived``: gate id -> id of the waiver that holds.
    """

    required: tuple[str, ...]
    collected: Mapping[str, str]
    on_fail: Mapping[str, OnFail]
    blank: Mapping[str, GateResult]
    waived: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ending:
    """How pytest ended. ``exit_status``: its own code; ``interruption``: what stopped it early, if anything did."""

    exit_status: int
    interruption: str | None = None


def decide(
    expected: Expectation, outcomes: Sequence[TestOutcome], ending: Ending, *, overrides: tuple[str, ...] = ()
) -> Decision:
    """Combine everything that is known at the end of a stage into its decision."""
    rows = _rows(expected, outcomes)
    failed = [row for row in rows if row.verdict is Verdict.FAIL]
    causes = [Reason(row.id, row.message) for row in failed if _asks_for_rollback(expected, row)]
    if not causes:
        causes = _together(expected, rows)
    outcome = Outcome.ROLLBACK if causes else Outcome.HOLD
    of_session = _session_reasons(expected, rows, outcomes, ending)
    of_gates = _gate_reasons(expected, rows)
    if not causes and not of_session and not of_gates:
        outcome = Outcome.PROMOTE
    # What else was undecided is no reason for a rollback: a bake that was ended early leaves many gates open.
    others = [] if causes else of_gates
    warnings = [Reason(row.id, row.message) for row in rows if row.verdict is Verdict.WARN]
    return Decision(
        outcome=outcome,
        # What concerns the whole session comes before the gates: it is often the cause of what they say.
        reasons=tuple(causes + of_session + others + warnings),
        gates=tuple(rows),
        expected_gates=tuple(sorted({*expected.required, *expected.collected.values()})),
        overrides=overrides,
    )


def _together(expected: Expectation, rows: Sequence[GateResult]) -> list[Reason]:
    """Return the joint evidence of gates of which none has failed alone, when it is enough for a rollback.

    Their e-values, weighted with their shares of alpha, average to one e-value whatever the gates have to do with each
    other (a gate's share is alpha w, so that the sum of alpha w E reaches 1 when the average reaches 1/alpha). Gates of
    other stages count 0 of what they could.
    """
    spending = {
        row.id: (row.e_value, row.alpha)
        for row in rows
        if row.e_value is not None
        and row.alpha
        and row.waiver is None
        and expected.on_fail.get(row.id, "rollback") == "rollback"
    }
    joint = sum(e_value * alpha for e_value, alpha in spending.values())
    if joint < 1:
        return []
    weights = {name: alpha for name, (_, alpha) in spending.items()}
    guilty = closed({name: e for name, (e, _) in spending.items()}, weights, sum(weights.values()))
    named = f"surely {', '.join(guilty)}" if guilty else "none of them surely alone"
    text = f"the evidence of {', '.join(spending)} together is {joint:.2g} times what a rollback needs ({named})"
    return [Reason(None, text)]


def _asks_for_rollback(expected: Expectation, row: GateResult) -> bool:
    return not _is_excused(expected, row) and expected.on_fail.get(row.id, "rollback") == "rollback"


def _is_excused(expected: Expectation, row: GateResult) -> bool:
    return row.waiver is not None and row.waiver == expected.waived.get(row.id)


def worst(results: Sequence[GateResult]) -> GateResult:
    """Of several results of one gate the one that counts."""
    return min(results, key=lambda result: SEVERITY_OF_VERDICT.index(result.verdict))


def outlived(decision: Decision, held_s: float, hold_for_s: float, then: OnFail) -> Decision:
    """What a hold becomes when the release has been held for longer than the policy allows.

    Args:
        decision: of this run.
        held_s: seconds since the first of the unbroken row of holds of this release on this stage; 0 for the first.
        hold_for_s: how long the policy lets a hold last.
        then: what it becomes after that.

    """
    if decision.outcome is not Outcome.HOLD or then != "rollback" or held_s <= hold_for_s:
        return decision
    text = f"held for {held_s / 3600:.1f} h, longer than hold_for ({hold_for_s / 3600:.1f} h), and then: rollback"
    return replace(decision, outcome=Outcome.ROLLBACK, reasons=(Reason(None, text), *decision.reasons))


def unless_unsafe(decision: Decision, unsafe: Sequence[str]) -> Decision:
    """Turn a rollback into a hold where going back is known to be unsafe; ``unsafe``: why, empty where it is safe."""
    if decision.outcome is not Outcome.ROLLBACK or not unsafe:
        return decision
    reasons = (*(Reason(None, f"rollback unsafe: {text}") for text in unsafe), *decision.reasons)
    return replace(decision, outcome=Outcome.HOLD, reasons=reasons)


def _rows(expected: Expectation, outcomes: Sequence[TestOutcome]) -> list[GateResult]:
    """One row a gate, required ones first in the policy's order, then the others by id."""
    found: dict[str, list[GateResult]] = {}
    for outcome in outcomes:
        if outcome.gate is not None:
            row = _row(outcome, _blank(expected, outcome.gate))
            found.setdefault(row.id, []).append(row)
    reported = {outcome.nodeid for outcome in outcomes}
    for nodeid, gate in expected.collected.items():
        if nodeid not in reported:
            missing = _unjudged(_blank(expected, gate), Verdict.MISSING, f"{nodeid} was collected but never reported")
            found.setdefault(gate, []).append(missing)
    for nodeid, gate in expected.collected.items():
        if gate not in found:
            found[gate] = [
                _unjudged(_blank(expected, gate), Verdict.MISSING, f"{nodeid} judged another gate than its own")
            ]
    for gate in expected.required:
        if gate not in found:
            found[gate] = [_unjudged(_blank(expected, gate), Verdict.MISSING, _absent(gate))]
    counting = [
        _excused(replace(worst(rows), required=gate in expected.required), expected.waived.get(gate))
        for gate, rows in found.items()
    ]
    order = {gate: place for place, gate in enumerate(expected.required)}
    return sorted(counting, key=lambda row: (order.get(row.id, len(order)), row.id))


def _excused(row: GateResult, waiver: str | None) -> GateResult:
    """A waived gate that did not keep its limits warns; what could not be measured, or is missing, is not excused."""
    if waiver is None or row.verdict not in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        return row
    return replace(row, verdict=Verdict.WARN, waiver=waiver, message=f"waived ({waiver}): {row.message}")


def _row(outcome: TestOutcome, blank: GateResult) -> GateResult:
    """The row of one test: its own result, unless the test broke outside of judging."""
    result = outcome.result
    if result is None:
        if outcome.broken is not None:
            return _unjudged(blank, Verdict.ERROR, outcome.broken)
        text = (
            f"{outcome.nodeid} was skipped: {outcome.skipped}"
            if outcome.skipped
            else f"{outcome.nodeid} judged nothing"
        )
        return _unjudged(blank, Verdict.MISSING, text)
    if outcome.broken is not None and result.verdict in (Verdict.PASS, Verdict.WARN):
        return replace(result, verdict=Verdict.ERROR, message=f"{outcome.broken} (before that: {result.message})")
    return result


def _blank(expected: Expectation, gate: str) -> GateResult:
    known = expected.blank.get(gate)
    if known is not None:
        return known
    return GateResult(gate, family="", required=False, severity="critical", verdict=Verdict.MISSING, message="")


def _unjudged(blank: GateResult, verdict: Verdict, message: str) -> GateResult:
    return replace(blank, verdict=verdict, message=message)


def _absent(gate: str) -> str:
    if gate.startswith("family:"):
        return f"the stage requires gates of family {gate[7:]!r}, and none ran: add one or drop the requirement"
    return "required by the stage, but no test for it ran: check -m, -k, --deselect and the paths given to pytest"


def _gate_reasons(expected: Expectation, rows: list[GateResult]) -> list[Reason]:
    """Every gate that forbids a promotion without asking for a rollback."""
    return [
        Reason(row.id, row.message)
        for row in rows
        if row.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.MISSING)
        or (row.verdict is Verdict.FAIL and expected.on_fail.get(row.id, "rollback") == "hold")
    ]


def _session_reasons(
    expected: Expectation, rows: list[GateResult], outcomes: Sequence[TestOutcome], ending: Ending
) -> list[Reason]:
    """Everything about the session as a whole that forbids a promotion."""
    reasons = []
    if ending.interruption is not None:
        reasons.append(Reason(None, f"the session is not whole: {ending.interruption}"))
    reasons += [
        Reason(None, f"{outcome.nodeid} failed and is no gate: {outcome.broken}")
        for outcome in outcomes
        if outcome.gate is None and outcome.broken is not None
    ]
    if not rows:
        reasons.append(Reason(None, "no gate reported: nothing was measured"))
    explained = bool(reasons) or any(
        _is_excused(expected, row) or row.verdict not in (Verdict.PASS, Verdict.WARN) for row in rows
    )
    if ending.exit_status != 0 and not (ending.exit_status == 1 and explained):
        reasons.append(Reason(None, f"pytest ended with exit status {ending.exit_status}, not with a clean 0"))
    return reasons
