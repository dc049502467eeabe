"""How verdicts become a decision; the table of the contract, and that absence is never a yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.decide import Ending, Expectation, OnFail, TestOutcome, decide, outlived, unless_unsafe
from relgate.values import Decision, GateResult, Outcome, Verdict

CLEAN = Ending(0)
FAILED = Ending(1)


def row(gate: str, verdict: Verdict) -> GateResult:
    """A judged gate with a message that names its verdict."""
    return GateResult(
        gate, "canary", required=False, severity="critical", verdict=verdict, message=f"{gate} {verdict.value}"
    )


def outcome(
    gate: str, verdict: Verdict | None, *, broken: str | None = None, skipped: str | None = None
) -> TestOutcome:
    """What pytest reported about the test of a gate."""
    return TestOutcome(f"test_{gate}", gate, None if verdict is None else row(gate, verdict), broken, skipped)


def expecting(
    *required: str, collected: Mapping[str, str] | None = None, on_fail: Mapping[str, OnFail] | None = None
) -> Expectation:
    """A stage that requires some gates; by default exactly those were collected."""
    if collected is None:
        collected = {f"test_{gate}": gate for gate in required}
    return Expectation(required, collected, on_fail or {}, {})


def reasons(decision: Decision) -> list[str]:
    """The texts of a decision's reasons."""
    return [reason.text for reason in decision.reasons]


def test_every_required_gate_passing_after_a_clean_end_promotes() -> None:
    """The only way to promote."""
    decision = decide(expecting("a", "b"), [outcome("a", Verdict.PASS), outcome("b", Verdict.PASS)], CLEAN)

    assert decision.outcome is Outcome.PROMOTE
    assert decision.reasons == ()
    assert [(gate.id, gate.required) for gate in decision.gates] == [("a", True), ("b", True)]


def test_warnings_promote_and_are_listed() -> None:
    """A warning does not hold, and nobody has to look for it."""
    decision = decide(expecting("a"), [outcome("a", Verdict.WARN)], CLEAN)

    assert decision.outcome is Outcome.PROMOTE
    assert reasons(decision) == ["a warn"]


def test_a_failed_gate_rolls_back_by_default() -> None:
    """on_fail is rollback where the policy says nothing."""
    decision = decide(expecting("a"), [outcome("a", Verdict.FAIL)], FAILED)

    assert decision.outcome is Outcome.ROLLBACK
    assert reasons(decision) == ["a fail"]


def test_a_failed_gate_with_on_fail_hold_holds() -> None:
    """The policy can ask for a hold instead."""
    decision = decide(expecting("a", on_fail={"a": "hold"}), [outcome("a", Verdict.FAIL)], FAILED)

    assert decision.outcome is Outcome.HOLD


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.MISSING])
@pytest.mark.parametrize("required", [True, False])
def test_a_gate_that_could_not_tell_holds(verdict: Verdict, required: bool) -> None:
    """Required or not: only pass and warn promote."""
    expected = expecting("a") if required else expecting("b", collected={"test_a": "a", "test_b": "b"})
    outcomes = [outcome("a", verdict), *([] if required else [outcome("b", Verdict.PASS)])]

    assert decide(expected, outcomes, FAILED).outcome is Outcome.HOLD


def test_nothing_at_all_holds() -> None:
    """Zero gates are zero evidence."""
    decision = decide(expecting(), [], CLEAN)

    assert decision.outcome is Outcome.HOLD
    assert reasons(decision) == ["no gate reported: nothing was measured"]


def test_a_required_gate_that_was_never_collected_is_missing() -> None:
    """Deselected, mistyped or deleted: the policy still requires it."""
    decision = decide(expecting("a", "b", collected={"test_a": "a"}), [outcome("a", Verdict.PASS)], CLEAN)

    assert decision.outcome is Outcome.HOLD
    assert [(gate.id, gate.verdict) for gate in decision.gates] == [("a", Verdict.PASS), ("b", Verdict.MISSING)]
    assert decision.expected_gates == ("a", "b")


def test_a_collected_gate_that_never_reported_is_missing() -> None:
    """-x, a killed worker: what was selected to run has to report, required or not."""
    expected = expecting("a", collected={"test_a": "a", "test_b": "b"})
    decision = decide(expected, [outcome("a", Verdict.PASS)], CLEAN)

    assert decision.outcome is Outcome.HOLD
    assert reasons(decision) == ["test_b was collected but never reported"]


def test_a_required_family_without_any_gate_holds() -> None:
    """`require: [migration]` is not met by the absence of migration gates."""
    decision = decide(
        expecting("a", "family:migration", collected={"test_a": "a"}), [outcome("a", Verdict.PASS)], CLEAN
    )

    assert decision.outcome is Outcome.HOLD
    assert "migration" in reasons(decision)[0]


def test_a_test_that_broke_without_a_verdict_is_an_error() -> None:
    """A crash is not an absence and not a failure of the release."""
    decision = decide(expecting("a"), [outcome("a", None, broken="worker crashed")], FAILED)

    assert decision.outcome is Outcome.HOLD
    assert decision.gates[0].verdict is Verdict.ERROR


def test_a_pass_whose_teardown_broke_is_an_error() -> None:
    """What breaks after judging takes the pass back."""
    decision = decide(expecting("a"), [outcome("a", Verdict.PASS, broken="teardown failed")], FAILED)

    assert decision.outcome is Outcome.HOLD
    assert decision.gates[0].message == "teardown failed (before that: a pass)"


def test_a_failure_stays_a_failure_when_its_teardown_breaks_too() -> None:
    """A broken teardown must not turn a rollback into a hold."""
    assert decide(expecting("a"), [outcome("a", Verdict.FAIL, broken="x")], FAILED).outcome is Outcome.ROLLBACK


@pytest.mark.parametrize(("skipped", "text"), [("no browser", "was skipped: no browser"), (None, "judged nothing")])
def test_a_gate_that_judged_nothing_is_missing(skipped: str | None, text: str) -> None:
    """A skip, an xfail, a test that forgot to judge."""
    decision = decide(expecting("a"), [outcome("a", None, skipped=skipped)], CLEAN)

    assert decision.outcome is Outcome.HOLD
    assert decision.gates[0].verdict is Verdict.MISSING
    assert text in decision.gates[0].message


def test_of_several_results_of_a_gate_the_worst_counts() -> None:
    """Running again does not roll the dice again."""
    twice = [outcome("a", Verdict.FAIL), TestOutcome("test_again", "a", row("a", Verdict.PASS))]

    assert decide(expecting("a"), twice, FAILED).outcome is Outcome.ROLLBACK
    assert decide(expecting("a"), twice[::-1], FAILED).outcome is Outcome.ROLLBACK


def test_a_failing_test_that_is_no_gate_holds() -> None:
    """A session with a red test is not a clean one."""
    outcomes = [outcome("a", Verdict.PASS), TestOutcome("test_unit", None, broken="assert 1 == 2")]
    decision = decide(expecting("a"), outcomes, FAILED)

    assert decision.outcome is Outcome.HOLD
    assert reasons(decision) == ["test_unit failed and is no gate: assert 1 == 2"]


@pytest.mark.parametrize("status", [1, 2, 3, 4, 5, 6, 7, -9, 99])
def test_only_a_clean_exit_status_promotes(status: int) -> None:
    """Also one that pytest does not define."""
    assert decide(expecting("a"), [outcome("a", Verdict.PASS)], Ending(status)).outcome is Outcome.HOLD


def test_an_interruption_holds_whatever_the_exit_status_says() -> None:
    """pytest.exit(returncode=0) is not a clean end."""
    decision = decide(expecting("a"), [outcome("a", Verdict.PASS)], Ending(0, "Exit: bye"))

    assert decision.outcome is Outcome.HOLD
    assert reasons(decision) == ["the session is not whole: Exit: bye"]


def test_a_measured_failure_rolls_back_even_when_the_session_was_cut_short() -> None:
    """Evidence against a release does not become weaker because somebody pressed Ctrl-C."""
    assert decide(expecting("a", "b"), [outcome("a", Verdict.FAIL)], Ending(2, "SIGINT")).outcome is Outcome.ROLLBACK


@given(
    verdicts=st.lists(st.sampled_from([*Verdict, None]), max_size=6),
    required=st.integers(0, 7),
    status=st.sampled_from([0, 0, 0, 1, 2, 5]),
    interruption=st.sampled_from([None, None, "SIGTERM"]),
    holds=st.booleans(),
)
def test_promotion_means_that_everything_expected_passed(
    verdicts: list[Verdict | None], required: int, status: int, interruption: str | None, holds: bool
) -> None:
    """The definition, restated from the other side and held against all combinations."""
    gates = [f"g{number}" for number in range(max(required, len(verdicts)))]
    outcomes = [outcome(gate, verdict) for gate, verdict in zip(gates, verdicts, strict=False)]
    expected = expecting(*gates[:required], collected={}, on_fail=dict.fromkeys(gates, "hold") if holds else {})

    decision = decide(expected, outcomes, Ending(status, interruption))

    whole = bool(verdicts) and len(verdicts) >= required and status == 0 and interruption is None
    good = all(verdict in (Verdict.PASS, Verdict.WARN) for verdict in verdicts)
    assert (decision.outcome is Outcome.PROMOTE) == (whole and good)
    assert (decision.outcome is Outcome.ROLLBACK) == (Verdict.FAIL in verdicts and not holds)
    assert decision.outcome is Outcome.PROMOTE or decision.reasons


@pytest.mark.parametrize(
    ("verdict", "held_s", "then", "becomes"),
    [
        (Verdict.INCONCLUSIVE, 86_401.0, "rollback", Outcome.ROLLBACK),
        (Verdict.INCONCLUSIVE, 86_400.0, "rollback", Outcome.HOLD),
        (Verdict.INCONCLUSIVE, 1e9, "hold", Outcome.HOLD),
        (Verdict.PASS, 1e9, "rollback", Outcome.PROMOTE),
    ],
)
def test_a_hold_that_outlives_its_time_becomes_what_the_policy_says(
    verdict: Verdict, held_s: float, then: OnFail, becomes: Outcome
) -> None:
    """Nobody leaves a release at 5 % for ever; a promotion is never touched."""
    decision = decide(expecting("a"), [outcome("a", verdict)], CLEAN)

    assert outlived(decision, held_s, 86_400.0, then).outcome is becomes


# --- joint evidence


def evident(gate: str, e_value: float | None, alpha: float | None) -> TestOutcome:
    """A gate that is open, with its evidence of harm and its share of alpha."""
    result = replace(row(gate, Verdict.INCONCLUSIVE), e_value=e_value, alpha=alpha)
    return TestOutcome(f"test_{gate}", gate, result)


def test_joint_evidence_rolls_back_without_any_gate_that_failed() -> None:
    """Four gates, a hundredth each: half of the evidence of two is what a rollback needs, and no gate is named."""
    gates = [evident("a", 50.0, 0.01), evident("b", 50.0, 0.01), evident("c", 0.1, 0.01)]
    decision = decide(expecting("a", "b", "c"), gates, FAILED)

    assert decision.outcome is Outcome.ROLLBACK
    (text,) = reasons(decision)
    assert text == "the evidence of a, b, c together is 1 times what a rollback needs (none of them surely alone)"
    assert decision.reasons[0].gate is None


def test_who_is_surely_to_blame_is_named() -> None:
    """Closed testing: the one that has the evidence whatever the others say."""
    gates = [evident("slow", 300.0, 0.01), evident("fine", 1.0, 0.01)]
    (text,) = reasons(decide(expecting("slow", "fine"), gates, FAILED))

    assert text.endswith("(surely slow)")


def test_less_than_the_joint_evidence_is_a_hold() -> None:
    """Just below 1 nothing is rolled back; at 1 it is."""
    for e_value, outcome_ in ((49.9, Outcome.HOLD), (50.0, Outcome.ROLLBACK)):
        gates = [evident("a", e_value, 0.01), evident("b", 50.0, 0.01)]
        assert decide(expecting("a", "b"), gates, FAILED).outcome is outcome_


def test_gates_that_only_hold_and_gates_without_chance_have_no_part_in_it() -> None:
    """However much evidence they have: it was never theirs to roll back."""
    gates = [evident("a", 1e9, 0.05), evident("b", 1e9, None), evident("c", None, 0.05), evident("d", 1e9, 0.0)]
    decision = decide(expecting("a", "b", "c", "d", on_fail={"a": "hold"}), gates, FAILED)

    assert decision.outcome is Outcome.HOLD


@pytest.mark.parametrize("e_value", [0.0, 1e200])
def test_extreme_evidence_decides_as_it_says(e_value: float) -> None:
    """Nothing overflows, nothing is divided by nothing."""
    decision = decide(expecting("a"), [evident("a", e_value, 0.05)], FAILED)

    assert decision.outcome is (Outcome.ROLLBACK if e_value else Outcome.HOLD)


def test_a_rollback_that_is_unsafe_holds_and_says_why() -> None:
    """An irreversible migration has run: going back would break what it left."""
    failed = decide(expecting("a"), [outcome("a", Verdict.FAIL)], FAILED)
    decision = unless_unsafe(failed, ["0007 cannot be taken back: the column is gone"])

    assert failed.outcome is Outcome.ROLLBACK
    assert decision.outcome is Outcome.HOLD
    assert reasons(decision)[0] == "rollback unsafe: 0007 cannot be taken back: the column is gone"
    assert set(reasons(failed)) <= set(reasons(decision))


def test_what_is_no_rollback_stays_what_it_is_where_going_back_is_unsafe() -> None:
    """A promotion goes forward; a hold holds."""
    promoted = decide(expecting("a"), [outcome("a", Verdict.PASS)], CLEAN)
    held = decide(expecting("a"), [outcome("a", Verdict.INCONCLUSIVE)], FAILED)

    assert unless_unsafe(promoted, ["why"]) == promoted
    assert unless_unsafe(held, ["why"]) == held


def test_a_rollback_that_is_safe_stays_one() -> None:
    """Nothing irreversible has run."""
    failed = decide(expecting("a"), [outcome("a", Verdict.FAIL)], FAILED)

    assert unless_unsafe(failed, []) == failed
