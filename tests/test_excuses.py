"""``relgate waive`` and ``relgate override``: recorded first, by two people, for a while; and what they change."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from relgate.adapters import ledger
from relgate.cli import main
from relgate.decide import Ending, Expectation, TestOutcome, decide
from relgate.history import excused
from relgate.run import conclude, start
from relgate.values import GateResult, Outcome, Verdict
from tests.audit.runs import Team


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """A team with a key, whose environment is protected."""
    return Team(tmp_path, anchors="protected: [production]")


def call(team: Team, *arguments: str) -> int:
    """Run the command as a person."""
    return main([*arguments, "--policy", str(team.policy), "--reports", str(team.reports)])


AGREED = ("--reason", "known, OPS-7", "--expires", "3d", "--actor", "ada", "--approver", "bob")


def judged(team: Team, verdict: Verdict = Verdict.FAIL, **release: str) -> tuple[Outcome, GateResult, tuple[str, ...]]:
    """Judge as a session does, waivers included; decision, row, overrides."""
    run = team.begin(**release)
    waived, told = excused(run)
    run = replace(run, waived=waived, overrides=run.overrides + told)
    row = GateResult("alpha", "canary", required=True, severity="critical", verdict=verdict, message="too slow")
    done = conclude(run, start(run), [TestOutcome("test_it", "alpha", row)], {"test_it": "alpha"}, Ending(1))
    return done.decision.outcome, done.decision.gates[0], done.decision.overrides


def test_a_waiver_makes_a_warning_of_a_failure(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """It is in the row and among the overrides of the decision."""
    assert judged(team)[0] is Outcome.ROLLBACK
    assert call(team, "waive", "alpha", *AGREED) == 0
    assert "recorded: waiver W-" in capsys.readouterr().out
    outcome, row, told = judged(team)

    assert outcome is Outcome.PROMOTE
    assert (row.verdict, row.message) == (Verdict.WARN, f"waived ({row.waiver}): too slow")
    assert any(f"waiver {row.waiver} of alpha" in text and "approved by bob" in text for text in told)


def test_a_waiver_excuses_neither_errors_nor_what_is_missing(team: Team) -> None:
    """Too little evidence it does."""
    call(team, "waive", "alpha", *AGREED)

    assert judged(team, Verdict.INCONCLUSIVE)[0] is Outcome.PROMOTE
    assert judged(team, Verdict.ERROR)[0] is Outcome.HOLD
    assert judged(team, Verdict.MISSING)[0] is Outcome.HOLD


@pytest.mark.parametrize("where", [("--release", "version=2"), ("--stage", "after")])
def test_a_waiver_of_something_else_changes_nothing(team: Team, where: tuple[str, str]) -> None:
    """Another release, another stage."""
    assert call(team, "waive", "alpha", *AGREED, *where) == 0
    outcome, row, told = judged(team, version="1")

    assert (outcome, row.waiver, told) == (Outcome.ROLLBACK, None, ())


def test_a_waiver_that_was_ended_excuses_nothing(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """And can be ended once."""
    call(team, "waive", "alpha", *AGREED)
    name = capsys.readouterr().out.split()[2]
    assert call(team, "waive", "--end", name) == 0

    assert judged(team)[0] is Outcome.ROLLBACK
    assert call(team, "waive", "--end", name) == 4


def test_an_expired_waiver_excuses_nothing_and_fails_the_check_of_the_policy(
    team: Team, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until somebody ends it, or agrees on a new one."""
    call(team, "waive", "alpha", *AGREED)
    check = ["check", str(team.policy), "--reports", str(team.reports)]
    assert main(check) == 0
    later = time.time() + 4 * 86400
    monkeypatch.setattr(time, "time", lambda: later)
    capsys.readouterr()

    outcome, row, told = judged(team)
    assert (outcome, row.waiver) == (Outcome.ROLLBACK, None)
    assert told[0].startswith("expired: waiver W-")
    assert main(check) == 4
    assert "expired: waiver W-" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--approver", "ADA"), "somebody else has to agree"),
        (("--approver", " "), "--approver is needed"),
        (("--reason", ""), "--reason is needed"),
        (("--expires", "2020-01-01"), "within the next 366 days"),
        (("--expires", "9999w"), "--expires"),
        (("--expires", "soon"), "--expires: expected"),
    ],
)
def test_an_excuse_needs_a_reason_an_end_and_a_second_person(
    team: Team, changed: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and nothing is recorded."""
    assert call(team, "waive", "alpha", *AGREED, *changed) == 4
    assert said in capsys.readouterr().err
    assert ledger.read(team.reports).records == ()


@pytest.mark.parametrize(("name", "value"), [("gate", "beta"), ("env", "staging"), ("stage", "canary-5")])
def test_what_the_policy_does_not_know_cannot_be_waived(team: Team, name: str, value: str) -> None:
    """A mistyped waiver would wait for a gate of that name."""
    where = ("waive", value) if name == "gate" else ("waive", "alpha", f"--{name}", value)

    assert call(team, *where, *AGREED) == 4


def test_a_protected_environment_is_not_excused_unsigned(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the key the command records nothing."""
    (team.folder / "key.pem").rename(team.folder / "away.pem")

    assert call(team, "waive", "alpha", *AGREED) == 4
    assert "key cannot be read" in capsys.readouterr().err


def test_people_can_go_on_from_a_hold_and_it_is_told(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """The run's decision stays what it was; the next one of the release lists the override."""
    run, _ = team.judge(verdict=Verdict.INCONCLUSIVE, version="1")
    decision = ["decision", run.id, "--reports", str(team.reports)]
    assert main(decision) == 10
    assert call(team, "override", run.id, *AGREED) == 0
    capsys.readouterr()

    assert main(decision) == 0
    assert "promote, by people: shop canary in production" in capsys.readouterr().out
    assert main([*decision, "--json"]) == 0
    assert '"decision": "hold"' in capsys.readouterr().out
    assert any("override O-" in text and run.id in text for text in judged(team, version="1")[2])
    assert judged(team, version="2")[2] == ()


def test_an_override_ends(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a hold is a hold again."""
    run, _ = team.judge(verdict=Verdict.INCONCLUSIVE, version="1")
    call(team, "override", run.id, *AGREED)
    later = time.time() + 4 * 86400
    monkeypatch.setattr(time, "time", lambda: later)

    assert main(["decision", run.id, "--reports", str(team.reports)]) == 10


def test_a_rollback_and_a_run_without_a_decision_cannot_be_overridden(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to go on from."""
    run, _ = team.judge(verdict=Verdict.FAIL, version="1")
    aborted = team.abort(version="1")
    for run_id in (run.id, aborted.id, "none"):
        assert call(team, "override", run_id, *AGREED) == 4
        assert "only a recorded hold can be overridden" in capsys.readouterr().err


# --- decide, by itself


def test_joint_evidence_of_waived_gates_rolls_nothing_back() -> None:
    """An exit status of 1 is explained by a waived gate, and by nothing else."""
    row = GateResult("a", "canary", required=True, severity="critical", verdict=Verdict.FAIL, message="m")
    expected = Expectation(("a",), {"t": "a"}, {"a": "rollback"}, {}, {"a": "W-1"})
    outcome = TestOutcome("t", "a", replace(row, e_value=1000.0, alpha=0.05))

    assert decide(expected, [outcome], Ending(1)).outcome is Outcome.PROMOTE
    assert decide(replace(expected, waived={}), [outcome], Ending(1)).outcome is Outcome.ROLLBACK
    fine = TestOutcome("t", "a", replace(row, verdict=Verdict.PASS))
    assert decide(expected, [fine], Ending(1)).outcome is Outcome.HOLD
    other = TestOutcome("t", "a", replace(row, verdict=Verdict.PASS, waiver="of a finding"))
    assert decide(expected, [other], Ending(1)).outcome is Outcome.HOLD
