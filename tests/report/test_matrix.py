"""The decision matrix: which row counts for a failed gate, and what is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy.matrix import Row, parse_reach
from relgate.policy.model import Gate
from relgate.report.matrix import advised, reached, row_of, worst
from relgate.values import Decision, GateResult, Outcome, Verdict

# As a playbook writes it, by severity and users.
ROWS = (
    Row(severities=("critical",), users=parse_reach("> 50%"), action="roll back at once", within_s=300, who="on call"),
    Row(severities=("critical", "normal"), users=parse_reach("10%-50%"), action="assess, roll back", within_s=900),
    Row(severities=("normal",), users=parse_reach("< 10%"), action="fix forward", within_s=3600),
    Row(severities=("minor",), action="plan a fix"),
)


def row(id_: str, severity: str = "critical", verdict: Verdict = Verdict.FAIL, **more: Any) -> GateResult:
    """A gate's result."""
    return GateResult(id_, "canary", required=True, severity=severity, verdict=verdict, message="m", **more)


def gate(id_: str, kind: Any = "share") -> Gate:
    """A gate of the policy."""
    return Gate(id=id_, signal="s", field="errors", kind=kind, dimension="share")


def decision(*rows: GateResult) -> Decision:
    """A decision on these gates."""
    return Decision(Outcome.ROLLBACK, (), rows, ())


@pytest.mark.parametrize(
    ("severity", "share", "action"),
    [
        ("critical", 1.0, "roll back at once"),
        ("critical", 0.5, "assess, roll back"),
        ("critical", 0.05, None),
        ("normal", 0.05, "fix forward"),
        ("normal", 0.9, None),
        ("minor", 0.9, "plan a fix"),
        ("blocker", 0.9, None),
    ],
)
def test_severity_and_users_choose_the_row(severity: str, share: float, action: str | None) -> None:
    """A row applies when both do."""
    found = row_of(ROWS, severity, share)

    assert (None if found is None else found.action) == action


def test_of_several_rows_the_one_with_the_least_time_counts() -> None:
    """And of these the first; one without a time limit comes last."""
    rows = (Row(action="a"), Row(action="b", within_s=60), Row(action="c", within_s=60), Row(action="d", within_s=90))

    assert row_of(rows, "minor", 0.1) == rows[1]


def test_a_failure_reaches_who_gets_the_candidate() -> None:
    """All users, where the stage does not say; of failed requests the share that surely is not more."""
    failing = row("error-rate", observed=0.2, interval=(0.1, 0.4))

    assert reached(failing, gate("error-rate"), 0.5) == pytest.approx(0.2)
    assert reached(failing, gate("error-rate", "quantile"), 0.5) == 0.5
    assert reached(failing, gate("error-rate"), None) == pytest.approx(0.4)
    assert reached(row("error-rate", observed=0.2, interval=(0.1, None)), gate("error-rate"), 0.5) == pytest.approx(0.1)
    assert reached(row("error-rate", observed="no answer"), gate("error-rate"), 0.5) == 0.5
    assert reached(failing, None, None) == 1.0


def test_the_word_of_the_matrix_is_the_first_step_of_a_failed_gate() -> None:
    """Gates that did not fail keep their steps."""
    told = advised(
        decision(row("a", next_steps=("look",)), row("b", "minor"), row("c", verdict=Verdict.WARN)), ROWS, {}, None
    )

    assert [one.next_steps for one in told.gates] == [
        ("decision matrix: roll back at once, within 5 min, on call (critical, 100 % of users)", "look"),
        ("decision matrix: plan a fix (minor, 100 % of users)",),
        (),
    ]


def test_a_failure_without_a_row_says_so() -> None:
    """Silence could be taken for: do nothing."""
    told = advised(decision(row("a")), ROWS, {}, 0.05)

    assert told.gates[0].next_steps == (
        "decision matrix: no row for critical, 5 % of users: decide by hand, and add one",
    )


def test_without_a_matrix_nothing_changes() -> None:
    """A policy need not have one."""
    before = decision(row("a", next_steps=("look",)))

    assert advised(before, (), {}, 0.05) == before
    assert worst(before, (), {}, 0.05) is None


def test_the_worst_of_all_failed_gates_is_told() -> None:
    """To who reads no more than one line."""
    told = worst(decision(row("b", "minor"), row("a"), row("c", "critical", Verdict.ERROR)), ROWS, {}, None)

    assert told == "a: decision matrix: roll back at once, within 5 min, on call (critical, 100 % of users)"


@given(st.sampled_from(["blocker", "critical", "normal", "minor", "trivial"]), st.floats(0, 1))
def test_the_row_that_counts_applies_and_no_other_is_sooner(severity: str, share: float) -> None:
    """For all severities and shares."""
    found = row_of(ROWS, severity, share)
    applying = [one for one in ROWS if one.applies(severity, share)]

    assert (found in applying) if applying else found is None
    if found is not None and found.within_s is not None:
        assert all(one.within_s is None or found.within_s <= one.within_s for one in applying)
