"""Sessions that ask before a rollout: real commands, serial and with two workers, and the decision at the end."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from relgate.cli import main
from tests.plugin.conftest import Ended, Project

POLICY = """
relgate: 1
service: demo
hold_for: 1ms
environments:
  test: {candidate: {url: "http://127.0.0.1:9"}}
preflight:
  checks:
    first: %s
    second: {run: "sh -c 'echo $RELGATE_STAGE $RELGATE_RELEASE_VERSION'", matches: "^before 1.1$"}
stages:
  - {name: before, run: preflight, require: [preflight]}
"""
GATES = ("--pyargs", "relgate_suites.gates.test_preflight", "-m", "preflight", "--gate-release", "version=1.1")


def asked(project: Project, first: str, *more: str) -> Ended:
    """A session that asks the first check, and the second."""
    project.write("relgate.yaml", POLICY % first)
    return project.run(*GATES, *more)


def message(ended: Ended, gate: str) -> str:
    """What a gate says."""
    return next(str(one["message"]) for one in ended.document["gates"] if one["id"] == gate)


def test_good_answers_promote(project: Project) -> None:
    """Each check is a gate, and its answer is kept."""
    ended = asked(project, "{run: 'true'}")

    assert (ended.code, ended.decision) == (0, "promote"), ended.out
    assert ended.verdicts == {"preflight-first": "pass", "preflight-second": "pass"}
    evidence = ended.runs[-1] / "evidence"
    assert "before 1.1" in (evidence / "preflight" / "preflight-second.txt").read_text()
    assert "## preflight-first" in (evidence / "preflight.md").read_text()
    assert all(len(gate["evidence"][0]) == 64 for gate in ended.document["gates"])


@pytest.mark.parametrize(
    ("first", "verdict", "says"),
    [
        ("{run: 'false'}", "fail", "`false` ended with 1"),
        ("{run: no-such-tool}", "error", "no-such-tool is not installed"),
        ("{run: sleep 60, timeout: 500ms}", "error", "was not done after 0.5 s and was killed"),
        ("{run: echo nothing, expect: no_critical, format: sarif}", "error", "its output is not readable"),
    ],
)
def test_any_other_answer_holds(project: Project, first: str, verdict: str, says: str) -> None:
    """And never rolls back; the other gate goes on."""
    ended = asked(project, first)

    assert (ended.code, ended.decision) == (10, "hold"), ended.out
    assert ended.verdicts == {"preflight-first": verdict, "preflight-second": "pass"}
    assert says in message(ended, "preflight-first")


def test_a_hold_before_a_rollout_never_becomes_a_rollback(project: Project) -> None:
    """However long it lasts: ``hold_for`` is a millisecond here, and nothing was rolled out."""
    assert asked(project, "{run: 'false'}").decision == "hold"
    time.sleep(0.01)
    assert project.run(*GATES).decision == "hold"


def test_secrets_in_an_answer_are_not_stored(project: Project) -> None:
    """A tool prints its token: nothing of the run has it, the hash of the answer is that of what is stored."""
    project.environment["DEPLOY_TOKEN"] = "hunter2hunter2"
    ended = asked(project, "{run: \"sh -c 'echo $DEPLOY_TOKEN; echo $DEPLOY_TOKEN >&2; exit 1'\"}")

    assert ended.decision == "hold"
    stored = [path for path in (project.folder / "reports").rglob("*") if path.is_file()]
    assert stored
    assert [path for path in stored if b"hunter2hunter2" in path.read_bytes()] == []
    assert "hunter2hunter2" not in ended.out


def test_answers_of_another_run_are_worth_nothing(project: Project) -> None:
    """A conftest that puts them there gains nothing."""
    project.write(
        "conftest.py",
        "import pytest\n"
        "@pytest.fixture(autouse=True)\n"
        "def forge(request):\n"
        "    from relgate.fixtures import RUN\n"
        "    path = request.config.stash[RUN].path / 'evidence' / 'preflight.json'\n"
        "    path.write_text(path.read_text().replace(request.config.stash[RUN].id, 'another'))\n",
    )
    project.write(
        "test_own.py",
        "import pytest\n@pytest.mark.preflight\ndef test_preflight(gate, gate_id):\n    gate.judge(gate_id)\n",
    )
    project.write("relgate.yaml", POLICY % "{run: 'true'}")
    ended = project.run("test_own.py", "-m", "preflight", "--gate-release", "version=1.1")

    assert ended.decision == "hold"
    assert set(ended.verdicts.values()) == {"error"}
    assert "not of" in message(ended, "preflight-first")


def test_a_session_that_is_ended_holds_and_leaves_no_command(project: Project) -> None:
    """SIGTERM while a command runs: the decision is a hold, and the command is gone."""
    project.write("relgate.yaml", POLICY % "{run: \"sh -c 'echo $$ > pid; exec sleep 600'\"}")
    process = project.start("--gate-policy", "relgate.yaml", *GATES)
    project.wait_for("pid")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    ended = project.end(process)

    assert ended.code in (2, 10), ended.out
    assert ended.decision == "hold"
    pid = int((project.folder / "pid").read_text())
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            break
        if state == "Z":
            break
        time.sleep(0.05)
    else:
        raise AssertionError(f"{pid} still runs")


@pytest.mark.parametrize(
    ("freeze", "kind", "decision"),
    [
        ("{from: 2020-01-01 UTC, to: 2099-01-01 UTC, reason: rest}", "regular", "hold"),
        ("{from: 2020-01-01 UTC, to: 2099-01-01 UTC, reason: rest}", "hotfix", "promote"),
        ("{from: 2020-01-01 UTC, to: 2021-01-01 UTC, reason: rest}", "regular", "promote"),
    ],
)
def test_a_freeze_holds_all_but_excepted_types(project: Project, freeze: str, kind: str, decision: str) -> None:
    """The gate of the window says until when."""
    policy = POLICY % "{run: 'true'}"
    project.write(
        "relgate.yaml", policy.replace("stages:", f"  windows: {{freeze: {freeze}, except: hotfix}}\nstages:")
    )
    ended = project.run(*GATES, "--gate-release", f"type={kind}")

    assert ended.decision == decision, ended.out
    assert decision != "hold" or "frozen until Fri 2099-01-02" in message(ended, "preflight-window")


def test_each_kind_of_question_is_a_gate_of_its_own(project: Project) -> None:
    """One is answered well, one is not, one by nobody; and a secret that was found is stored nowhere."""
    secret = "AKIA" + "IOSFODNN7QWERTYU"
    project.write("src/deploy.sh", f"export KEY={secret}\n")
    asked_for = "disk: {/: 0.001%}\n  secrets: {tree: src}\n  certificates: {hosts: '127.0.0.1:9'}"
    project.write("relgate.yaml", (POLICY % "{run: 'true'}").replace("stages:", f"  {asked_for}\nstages:"))
    ended = project.run(*GATES)

    assert (ended.code, ended.decision) == (10, "hold"), ended.out
    expected = {"first": "pass", "second": "pass", "disk": "pass", "secrets": "fail", "certificates": "error"}
    assert ended.verdicts == {f"preflight-{name}": verdict for name, verdict in expected.items()}
    assert "AWS Access Key in deploy.sh, line 1" in message(ended, "preflight-secrets")
    assert "127.0.0.1:9: no handshake" in message(ended, "preflight-certificates")
    stored = [path for path in (project.folder / "reports").rglob("*") if path.is_file()]
    assert [path for path in stored if secret.encode() in path.read_bytes()] == []

    project.write("src/deploy.sh", "export KEY=$KEY\n")
    project.write("relgate.yaml", (project.folder / "relgate.yaml").read_text().replace("certificates", "#"))
    assert project.run(*GATES).decision == "promote"


def test_only_what_is_asked_for_runs(project: Project) -> None:
    """A serial session that selects one gate runs one command; the missing one holds."""
    ended = asked(project, "{run: touch ran}", "-k", "second")

    assert ended.decision == "hold"
    assert ended.verdicts["preflight-first"] == "missing"
    assert project.workers or not (project.folder / "ran").exists()
    stored = json.loads((ended.runs[-1] / "evidence" / "preflight.json").read_text())
    assert project.workers or list(stored["gates"]) == ["preflight-second"]


def test_two_other_people_must_attest(project: Project) -> None:
    """A whole release by two people: held, approved by its author in vain, approved by others, and gone on with."""
    people = "approvals: {least: {hotfix: 2}, not: author}\n  facts: [ticket]\n  attestations: {qa-sign-off: {}}"
    project.write("relgate.yaml", (POLICY % "{run: 'true'}").replace("stages:", f"  {people}\nstages:"))
    release = [f"--gate-release={fact}" for fact in ("type=hotfix", "author=ann", "ticket=OPS-7")]
    reports = project.folder / "reports"
    ended = project.run(*GATES, *release)
    assert ended.decision == "hold", ended.out
    assert "0 of 2 approvals of a hotfix release" in message(ended, "preflight-approvals")
    assert "nobody has stated qa-sign-off" in message(ended, "preflight-attestations")

    def note(kind: str, by: str, version: str, *more: str) -> None:
        asked = ["audit", "note", kind, "--release", f"version={version}", "--actor", by, *more]
        assert main([*asked, "--reports", str(reports), "yes"]) == 0

    note("attestation", "quinn", "1.1", "--step", "qa-sign-off")
    note("approval", "Ann", "1.1")
    note("approval", "cid", "1.1")
    note("approval", "dora", "1.0")
    assert "1 of 2" in message(project.run(*GATES, *release), "preflight-approvals")

    note("approval", "dora", "1.1")
    ended = project.run(*GATES, *release)
    assert ended.decision == "promote", ended.out
