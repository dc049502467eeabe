"""What a session leaves in the ledger: who, what it rests on, signed where the policy wants it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from relgate.adapters import ledgerkeys
from relgate.adapters.ledger import Ledger
from relgate.adapters.ledgerfile import FileStore
from relgate.cli import main
from tests.plugin.conftest import GATES, POLICY, Project

KEYED = POLICY.replace("service: demo", "service: demo\nledger: {key: env:LEDGER_KEY, protected: [stage]}")


def book(project: Project) -> Ledger:
    """The project's ledger, with signatures checked."""
    reports = project.folder / "reports"
    return Ledger(FileStore(reports), reports, None, ledgerkeys.verifier(reports))


def bodies(project: Project) -> list[dict[str, Any]]:
    """The bodies of all records, which verify."""
    chain = book(project).read()
    assert chain.fault is None
    return [record.body for record in chain.records]


def private_key(folder: Path) -> str:
    """A new private key in PEM."""
    ledgerkeys.new(folder / "key.pem")
    return (folder / "key.pem").read_text()


def test_start_and_decision_say_who_and_what_they_rest_on(project: Project) -> None:
    """Actor, approvals, ticket, gates required and seen, digests of every file of evidence."""
    project.environment = {"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "ada", "GITHUB_REPOSITORY": "acme/shop"}
    project.environment |= {"GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://github.example"}
    facts = ["commit=" + "b" * 40, "approver=bob, eve", "ticket=OPS-1"]
    ended = project.run(*[part for fact in facts for part in ("--gate-release", fact)], "-k", "alpha")
    started, decided = bodies(project)

    assert ended.code == 10, ended.out
    for body in (started, decided["context"]):
        assert body["actor"]["name"] == "ada"
        assert body["actor"]["run"] == "https://github.example/acme/shop/actions/runs/7"
        assert (body["approvals"], body["ticket"]) == (["bob", "eve"], "OPS-1")
        assert body["required"] == ["alpha", "beta"]
    assert decided["context"]["seen"] == ["alpha"]
    assert (started["families"], started["retention_days"]) == (["canary"], 2557)
    files = {path for path in (ended.runs[-1] / "evidence").rglob("*") if path.is_file()}
    assert {ended.runs[-1] / name for name in decided["context"]["evidence"]} == files
    assert files
    assert all(record.subject[0]["digest"] == {"gitCommit": "b" * 40} for record in book(project).read().records)
    assert {record.key for record in book(project).read().records} == {None}


def test_a_key_signs_every_record_and_is_found_nowhere(project: Project) -> None:
    """Also not in the words of a test that prints it."""
    pem = private_key(project.folder / "secret")
    project.environment = {"LEDGER_KEY": pem}
    project.write("relgate.yaml", KEYED)
    leak = "    print(os.environ['LEDGER_KEY'])\n    raise OSError(os.environ['LEDGER_KEY'].splitlines()[1])\n"
    project.gates(beta=GATES["beta"] + leak)
    ended = project.run("--junitxml=reports/junit.xml")

    assert ended.code == 10, ended.out
    chain = book(project).read()
    assert chain.fault is None
    assert [len(record.keys) for record in chain.records] == [1, 1]
    secret = pem.splitlines()[1]
    assert secret not in ended.out
    assert [path for path in (project.folder / "reports").rglob("*") if path.is_file() and secret in _text(path)] == []


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def test_what_is_protected_is_not_judged_without_a_key(project: Project) -> None:
    """No gate runs, nothing is recorded, and the exit code is no promotion."""
    project.write("relgate.yaml", KEYED)
    project.gates(alpha=GATES["alpha"].replace("    gate", "    open('ran', 'w').close()\n    gate"))
    ended = project.run()

    assert ended.code == 4, ended.out
    assert "LEDGER_KEY" in ended.out
    assert not (project.folder / "ran").exists()
    assert not (project.folder / "reports" / "ledger.jsonl").exists()


def test_what_is_not_protected_may_go_unsigned_and_says_so(project: Project) -> None:
    """A laptop has no key."""
    project.write("relgate.yaml", KEYED.replace(", protected: [stage]", ""))
    ended = project.run()

    assert ended.code == 0, ended.out
    assert [record.key for record in book(project).read().records] == [None, None]
    assert ", unsigned" in ended.out


def test_a_key_file_that_others_can_read_is_no_key(project: Project) -> None:
    """Before any gate runs."""
    private_key(project.folder)
    os.chmod(project.folder / "key.pem", 0o644)  # noqa: PTH101
    project.write("relgate.yaml", KEYED.replace("env:LEDGER_KEY", "file:key.pem"))
    ended = project.run()

    assert ended.code == 4, ended.out
    assert "expected mode 0600, got 0644" in ended.out


def test_records_go_where_the_policy_says(project: Project) -> None:
    """Into a folder beside the policy, whatever the reports folder is."""
    project.write("relgate.yaml", POLICY.replace("service: demo", "service: demo\nledger: {store: books}"))
    ended = project.run()

    assert ended.code == 0, ended.out
    assert (project.folder / "books" / "ledger.jsonl").is_file()
    assert not (project.folder / "reports" / "ledger.jsonl").exists()


def test_a_folder_that_cannot_be_written_lets_no_gate_run(project: Project) -> None:
    """Read-only for others than root; a file in its place is one for root too."""
    project.write("books", "a file")
    project.write("relgate.yaml", POLICY.replace("service: demo", "service: demo\nledger: {store: books}"))
    ended = project.run()

    assert ended.code == 4, ended.out
    assert "the start of this run cannot be recorded" in ended.out


def test_a_signed_decision_is_read_back_and_a_foreign_signature_is_not(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``relgate decision`` checks signatures where there are any."""
    project.environment = {"LEDGER_KEY": private_key(project.folder / "secret")}
    project.write("relgate.yaml", KEYED)
    assert project.run().code == 0
    monkeypatch.chdir(project.folder)

    assert main(["decision"]) == 0
    for path in (project.folder / "reports" / "keys").glob("*.pem"):
        path.unlink()
    assert main(["decision"]) == 30
    assert "public key" in capsys.readouterr().out


def test_a_session_with_a_waiver_promotes_and_says_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the gate fails as ever, and pytest exits with 1 inside."""
    monkeypatch.chdir(project.folder)
    agreed = ["--reason", "known", "--expires", "3d", "--actor", "ada", "--approver", "bob"]
    assert main(["waive", "beta", *agreed]) == 0
    project.gates(beta=GATES["beta"].replace("2.0", "11.0"))
    ended = project.run()

    assert ended.code == 0, ended.out
    assert ended.verdicts == {"alpha": "pass", "beta": "warn"}
    assert "approved by bob: known" in ended.document["overrides"][0]
