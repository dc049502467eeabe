"""``relgate audit manifest`` and ``events``: a release as one document, from real runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relgate.cli import main
from relgate.decide import Ending, TestOutcome
from relgate.run import conclude, start
from relgate.values import GateResult, Verdict
from tests.audit.runs import Team

REVISION = {"id": "0007", "message": "coupons", "path": "versions/0007.py", "irreversible": None}
PROVEN = {"server": "PostgreSQL 17", "scope": "what production lacks, 1 revision", "revisions": [REVISION]}
ASKED = {
    "gates": {
        "preflight-flags": {
            "findings": {"notes": ["chat is false"], "findings": [{"what": "beta is true"}], "problems": []}
        }
    }
}


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """A team that has prepared 1.5 in staging, after that in production."""
    return Team(tmp_path)


def prepared(team: Team, verdict: Verdict = Verdict.PASS, stage: str = "canary") -> Path:
    """A run that leaves what a proof of migrations and the questions before a rollout leave; return its folder."""
    run = team.begin(stage, version="1.5", bundle="sha256:" + "a" * 64, author="eve", ticket="OPS-7")
    started = start(run)
    evidence = run.path / "evidence"
    (evidence / "migrations").mkdir()
    for direction, text in (("up", "CREATE TABLE coupons ()"), ("down", "DROP TABLE coupons")):
        (evidence / "migrations" / f"0007.{direction}.sql").write_text(text)
    (evidence / "migrations.json").write_text(json.dumps(PROVEN))
    (evidence / "preflight.json").write_text(json.dumps(ASKED))
    gate = "after" if stage == "after" else "alpha"
    row = GateResult(gate, "canary", required=True, severity="critical", verdict=verdict, message="seen")
    conclude(run, started, [TestOutcome("test_it", gate, row)], {"test_it": gate}, Ending(0))
    return run.path


def manifest(team: Team, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """What the command prints."""
    capsys.readouterr()
    code = main(["audit", "manifest", "1.5", "--reports", str(team.reports), "--policy", str(team.policy), *words])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def test_a_manifest_says_what_a_release_is_and_what_was_asked_of_it(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQL of both ways, flags, runs, who, and how it stands."""
    prepared(team)
    code, found = manifest(team, capsys)

    assert code == 0
    assert found["id"].startswith("rel_20")
    assert (found["status"], found["author"], found["bundle"]) == ("prepared", "eve", "sha256:" + "a" * 64)
    assert found["environments"] == {"from": None, "to": "production"}
    (revision,) = found["migrations"]["revisions"]
    assert revision == REVISION | {"sql": {"up": "CREATE TABLE coupons ()", "down": "DROP TABLE coupons"}}
    assert found["migrations"]["dry_run"] == "promote"
    assert found["flags"]["told"] == ["chat is false", "beta is true"]
    assert [(one["stage"], one["decision"]) for one in found["runs"]] == [("canary", "promote")]
    assert (found["error"], found["missing"]) == (None, [])


def test_a_manifest_says_why_a_release_did_not_go_on(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """The reasons of its newest decision; a version that has ended has the events of it."""
    prepared(team)
    prepared(team, Verdict.FAIL)
    _, found = manifest(team, capsys)

    assert found["status"] == "rolled_back"
    assert "alpha: seen" in found["error"]
    assert [one["event"] for one in found["events"]] == ["release.prepared", "release.rollback"]


def test_a_release_comes_from_where_it_was_promoted_before(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Staging, of another ledger's line; without ``--env`` the newest counts."""
    production = team.policy.read_text()
    team.policy.write_text(production.replace("production:", "staging:"))
    prepared(team)
    prepared(team, stage="after")
    team.policy.write_text(production)
    prepared(team)

    assert manifest(team, capsys)[1]["environments"] == {"from": "staging", "to": "production"}
    _, found = manifest(team, capsys, "--env", "staging")
    assert (found["environments"], found["status"]) == ({"from": None, "to": "staging"}, "promoted")


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_evidence_that_is_not_what_was_recorded_is_not_shown(
    team: Team, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    """It is named, and the command ends with 30."""
    place = prepared(team) / "evidence" / "migrations" / "0007.down.sql"
    place.write_text("SELECT 1") if harm == "changed" else place.unlink()
    code, found = manifest(team, capsys)

    assert code == 30
    assert found["migrations"]["revisions"][0]["sql"] == {"up": "CREATE TABLE coupons ()"}
    (missing,) = found["missing"]
    assert "evidence/migrations/0007.down.sql" in missing


def test_a_version_that_nobody_recorded_has_no_manifest(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit 4."""
    prepared(team)
    assert manifest(team, capsys, "--env", "staging")[0] == 4
    assert main(["audit", "manifest", "9", "--reports", str(team.reports), "--policy", str(team.policy)]) == 4
    assert "no record of the ledger is about version 9" in capsys.readouterr().err


def test_events_are_lines_or_objects(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with the record that says so."""
    prepared(team, Verdict.FAIL)
    words = ["audit", "events", "--reports", str(team.reports), "--policy", str(team.policy)]
    capsys.readouterr()
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "release.prepared shop 1.5 in production, record 1",
        "release.rollback shop 1.5 in production, record 2",
    ]
    assert main([*words, "--json", "--env", "production"]) == 0
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == [
        "release.prepared",
        "release.rollback",
    ]
    assert main([*words, "--env", "staging"]) == 0
    assert capsys.readouterr().out == ""


def test_nothing_is_told_from_a_ledger_that_was_changed(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 30."""
    prepared(team)
    ledger = team.reports / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b"e", b"f", 1))
    for command in (["events"], ["manifest", "1.5"]):
        assert main(["audit", *command, "--reports", str(team.reports), "--policy", str(team.policy)]) == 30
    assert "FAULT" in capsys.readouterr().out
