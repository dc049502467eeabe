"""What a ledger lacks, and the way of a release through it."""

from __future__ import annotations

from pathlib import Path

import pytest

from relgate.adapters import ledger
from relgate.audit.gaps import gaps, trail
from relgate.cli import main
from relgate.values import Verdict
from tests.audit.runs import Team


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Somebody who releases without a key."""
    return Team(tmp_path, signed=False)


def kinds(team: Team) -> list[str]:
    """The kinds of gaps."""
    return [gap.kind for gap in gaps(ledger.read(team.reports).records)]


def audit(team: Team, *arguments: str) -> int:
    """Run ``relgate audit`` as a person."""
    return main(["audit", *arguments, "--reports", str(team.reports), "--policy", str(team.policy)])


def test_a_release_from_approval_to_verification_has_no_gap(team: Team) -> None:
    """Approved by name, rolled out, looked at afterwards."""
    team.judge(version="1", approver="bob")
    team.judge("after", version="1", approver="bob")

    assert kinds(team) == []
    assert audit(team, "gaps") == 0


def test_a_start_without_a_decision_is_a_gap(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """It was cut short, or its decision was never recorded."""
    run = team.abort(version="1")

    assert kinds(team) == ["decision"]
    assert audit(team, "gaps") == 32
    assert run.id in capsys.readouterr().out
    assert audit(team, "gaps", "--env", "staging") == 0


def test_a_promotion_that_nobody_approved_is_a_gap_until_somebody_has(team: Team) -> None:
    """An approval is recorded before; one of another release does not count, nor one that comes after."""
    team.judge("after", version="1")
    assert kinds(team) == ["approval"]
    assert audit(team, "note", "approval", "--release", "version=2", "--actor", "bob", "fine") == 0
    team.judge("after", version="2")
    assert kinds(team) == ["approval"]
    assert audit(team, "note", "approval", "--release", "version=1", "--actor", "bob", "late") == 0
    assert kinds(team) == ["approval"]


def test_a_rollout_that_nobody_looked_at_afterwards_is_a_gap(team: Team) -> None:
    """A rollback needs no look; a hold rolled nothing out."""
    team.judge(version="1", approver="bob")
    assert kinds(team) == ["verification"]
    team.judge(version="2", approver="bob", verdict=Verdict.INCONCLUSIVE)
    team.judge("after", version="1", approver="bob")
    assert kinds(team) == []
    team.judge(version="3", approver="bob")
    team.judge(version="3", approver="bob", verdict=Verdict.FAIL)
    assert kinds(team) == []


def test_a_release_is_shown_from_its_ticket_to_its_verification(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Found by version or by the beginning of its commit; what nobody recorded is said."""
    audit(team, "note", "attestation", "--step", "review", "--release", "version=1.5", "--actor", "eve", "read it")
    audit(team, "note", "approval", "--release", "version=1.5", "--actor", "bob", "go")
    team.judge(version="1.5", commit="b" * 40, ticket="OPS-7")
    audit(team, "note", "rollout-step", "--release", "version=1.5", "--actor", "deployer", "100 %")
    capsys.readouterr()

    assert audit(team, "show", "bbbbbbb") == 0
    assert audit(team, "show", "1.5") == 0
    said = capsys.readouterr().out
    shown = said[said.rindex("ticket:") :]
    steps = [line for line in shown.splitlines() if not line.startswith(" ")]
    assert steps == ["ticket:", "review:", "tests:", "approval:", "deployment:", "verification:"]
    for text in ("OPS-7", "eve: read it", "promote of canary", "bob: go", "rollout-step by deployer: 100 %"):
        assert text in shown
    assert shown.endswith("verification:\n  NOTHING RECORDED\n")
    assert audit(team, "show", "9.9") == 4
    assert trail(ledger.read(team.reports).records, "bbbbb") is None


def test_a_broken_ledger_has_no_gaps_but_a_fault(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is drawn from it."""
    team.judge(version="1")
    path = team.reports / ledger.NAME
    path.write_bytes(path.read_bytes()[:100] + b"x" + path.read_bytes()[101:])

    assert audit(team, "gaps") == 30
    assert audit(team, "show", "1") == 30
    assert "FAULT: ledger line 1" in capsys.readouterr().out
