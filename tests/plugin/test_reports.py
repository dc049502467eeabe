"""What a session leaves for people and is asked again later: report.html, Allure's files, a replay."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.openapi.exploring import service
from tests.plugin.conftest import GATES, Ended, Project
from tests.plugin.test_evidence import POLICY, bakes, deciding
from tests.plugin.test_exploration import GATES as API_GATES
from tests.plugin.test_exploration import prepared
from tests.plugin.test_migrations import FORGETFUL, RELEASE, history
from tests.plugin.test_migrations import GATES as MIGRATION_GATES
from tests.plugin.test_observation import FROM_A_RECORDING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bakes", "history"]

DIES = "@pytest.mark.canary\ndef test_alpha(gate):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
BROKEN_PAGE = """
import relgate.run
def broken(*_):
    raise RuntimeError("no page today")
relgate.run.report = broken
"""


def relgate(ended: Ended, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the reports of a session."""
    command = [sys.executable, "-m", "relgate.cli", *arguments, "--reports", str(ended.folder / "reports")]
    return subprocess.run(command, capture_output=True, text=True, cwd=ended.folder, check=False)


def same_but_for_the_record(ended: Ended, replayed: str) -> bool:
    """Whether a replay's text is decision.json to the byte, the record and the mark of the replay left out."""
    own, again = ended.document, json.loads(replayed)
    assert own.pop("record")
    assert again.pop("replay")
    return json.dumps(own, indent=2) == json.dumps(again, indent=2)


def results(ended: Ended) -> dict[str, dict[str, Any]]:
    """Gate id -> its Allure result."""
    found = [json.loads(path.read_text()) for path in (ended.runs[-1] / "allure-results").glob("*-result.json")]
    named = {label["value"]: one for one in found for label in one["labels"] if label["name"] == "gate"}
    assert len(named) == len(found)
    return named


def test_a_run_leaves_a_page_with_pictures_of_what_was_judged(bakes: Project) -> None:
    """Over time, as a distribution, and how evidence grew; the same serial and with workers."""
    ended = deciding(bakes, 1)
    text = (ended.runs[-1] / "report.html").read_text()

    assert ended.code == 10
    assert text.count("<svg") >= 8
    assert 'class="c-harm"' in text
    assert 'class="m-limit"' in text
    assert f"relgate replay {ended.document['run_id']}" in text
    assert "report.html" in ended.out


def test_a_page_that_cannot_be_made_changes_no_decision(project: Project) -> None:
    """It is said, and that is all."""
    project.write("conftest.py", BROKEN_PAGE)
    ended = project.run()

    assert (ended.code, ended.decision) == (0, "promote")
    assert "no page today" in ended.out
    assert (ended.runs[-1] / "decision.md").exists()


def test_a_replay_under_the_same_policy_is_the_same_to_the_byte(bakes: Project) -> None:
    """Signals, a measurement of a user's own, noise, holds before: the second run goes on from the first."""
    for bake in (1, 2):
        ended = deciding(bakes, bake)
        done = relgate(ended, "replay", "--json")

        assert (done.returncode, done.stderr) == (0, "")
        assert same_but_for_the_record(ended, done.stdout)
    assert ended.kinds == ["run-started", "gate-decision"] * 2


def test_a_replay_of_a_session_that_broke_says_the_same_again(project: Project) -> None:
    """A gate that was skipped, one that died in its setup, a test that is no gate."""
    project.gates(
        "@pytest.mark.canary\ndef test_other():\n    raise RuntimeError('x')\n",
        alpha='@pytest.mark.canary\ndef test_alpha(gate):\n    pytest.skip("not today")\n',
        beta='@pytest.mark.canary\ndef test_beta(gate, nothing):\n    gate.judge("beta", value(2.0))\n',
    )
    ended = project.run()
    done = relgate(ended, "replay", "--json")

    assert ended.decision == "hold"
    assert (done.returncode, done.stderr) == (0, "")
    assert same_but_for_the_record(ended, done.stdout)


def test_a_replay_under_another_policy_decides_otherwise(bakes: Project) -> None:
    """What would it have decided? Each gate that says something else is named; nothing is recorded."""
    ended = deciding(bakes, 2)
    other = POLICY.replace('fail: "> 20s"', 'fail: "> 1ms"').replace(
        "  errors: {signal: requests.errors, fail: any}\n", ""
    )
    more = "  median: {signal: requests.latency, quantile: 50%, fail: '> 10s'}\n  alpha:"
    bakes.write("other.yaml", other.replace("  alpha:", more))
    done = relgate(ended, "replay", "--gate-policy", "other.yaml")

    assert done.returncode == 0
    assert "rollback (hold before)" in done.stdout
    assert "slow: fail, was inconclusive" in done.stdout
    assert "errors: not asked, was pass" in done.stdout
    assert "median: pass, was not asked" in done.stdout
    assert ended.kinds == ["run-started", "gate-decision"]


@pytest.mark.parametrize("name", ["inputs.json", "evidence"])
def test_a_replay_of_what_was_changed_since_is_in_doubt(bakes: Project, name: str) -> None:
    """The run's own policy has to give the recorded decision again."""
    ended = deciding(bakes, 1)
    _change(ended.runs[-1], name)
    done = relgate(ended, "replay")

    assert done.returncode == 30
    assert "does not come out again" in done.stderr


def _change(run: Path, name: str) -> None:
    path = run / name
    if path.is_dir():
        path = next(one for one in path.iterdir() if re.fullmatch("[0-9a-f]{64}", one.name))
        path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    else:
        path.write_text(path.read_text().replace('"exit_status": 1', '"exit_status": 2'))


def test_a_run_without_a_decision_is_not_replayed(project: Project) -> None:
    """Nobody knows what it would have been."""
    ended = project.run()
    (ended.runs[-1] / "decision.json").unlink()
    done = relgate(ended, "replay")

    assert done.returncode == 30
    assert "left no decision" in done.stderr


def test_allure_has_the_decision_on_top_and_each_gate_in_its_words(bakes: Project) -> None:
    """Epic, feature, story, suites, labels, history; breached, could not measure, not enough evidence."""
    ended = deciding(bakes, 1)
    folder = ended.runs[-1] / "allure-results"
    found = results(ended)
    labels = {label["name"]: label["value"] for label in found["latency"]["labels"]}
    environment = (folder / "environment.properties").read_text()
    errors = [one for path in folder.glob("*-globals.json") for one in json.loads(path.read_text()).get("errors", ())]

    assert labels["epic"] == "release"
    assert (labels["feature"], labels["story"], labels["parentSuite"]) == ("canary", "latency", "canary")
    assert (labels["gate"], labels["stage"], labels["release.version"]) == ("latency", "canary", "1.5")
    assert found["latency"]["status"] == "broken"
    assert found["latency"]["statusDetails"]["message"].startswith("not enough evidence: p95 ")
    assert found["errors"]["status"] == "passed"
    assert any(one["name"].startswith("evidence ") for one in found["slow"]["attachments"])
    assert "Decision=hold" in environment
    assert errors[0]["message"].startswith("HOLD: shop canary")
    assert [one["name"] for one in json.loads((folder / "categories.json").read_text())] == [
        "breached",
        "could not measure",
        "not enough evidence",
        "waived",
    ]
    assert json.loads((folder / "executor.json").read_text())["reportName"] == "shop canary: hold"


def test_a_gate_whose_worker_died_is_in_allure_too(project: Project) -> None:
    """allure-pytest writes nothing for it: without this the report would be green."""
    if not project.workers:
        pytest.skip("without workers the whole process dies: there is no decision, and that is a hold")
    project.gates(alpha=DIES)
    ended = project.run()
    found = results(ended)

    assert ended.decision == "hold"
    assert found["alpha"]["status"] == "broken"
    assert found["alpha"]["statusDetails"]["message"].startswith("could not measure: ")
    assert found["beta"]["historyId"] != found["alpha"]["historyId"]


def test_a_gate_has_one_history_whatever_its_test_is_called(project: Project) -> None:
    """The name of a test may change, the gate is the same."""
    first = results(project.run())
    project.gates(
        beta=GATES["beta"].replace(
            "@pytest.mark.canary\ndef test_beta", '@pytest.mark.canary\n@pytest.mark.gate(id="beta")\ndef test_other'
        )
    )
    second = results(project.run())

    assert first["beta"]["historyId"] == second["beta"]["historyId"]
    assert (first["beta"]["name"], second["beta"]["name"]) == ("beta", "beta")
    assert second["beta"]["fullName"].endswith("test_other")


def test_on_github_a_service_can_start_no_command(project: Project) -> None:
    """Whatever is printed while gates run is between two lines that switch commands off and on."""
    project.gates(
        beta='@pytest.mark.canary\ndef test_beta(gate):\n    print("::error::from the service")\n'
        '    gate.judge("beta", Measurement("count", n=1, value=20.0, problems=("x\\n::set-env name=A::b",)))\n'
    )
    project.environment = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(project.folder / "summary.md"),
        "GITHUB_OUTPUT": str(project.folder / "output"),
    }
    ended = project.run()
    commands = [line for line in ended.out.splitlines() if line.startswith("::")]
    token = commands[0].removeprefix("::stop-commands::")
    end = commands.index(f"::{token}::")

    assert ended.code == 10
    assert any("from the service" in line for line in ended.out.splitlines())
    assert [line.split(" ")[0] for line in commands[end + 1 :]] == ["::warning", "::warning"]
    assert "hold" in (project.folder / "summary.md").read_text()
    assert "\ndecision<<" in (project.folder / "output").read_text()
    assert "\nhold\n" in (project.folder / "output").read_text()


def test_what_cannot_be_told_changes_no_decision(project: Project) -> None:
    """A full disk, a Pushgateway that is not there: one line each."""
    project.environment = {
        "GITHUB_OUTPUT": str(project.folder / "no-such-folder" / "output"),
        "RELGATE_PUSHGATEWAY": "http://user:sesame-open@127.0.0.1:9",
    }
    ended = project.run()

    assert (ended.code, ended.decision) == (0, "promote")
    assert "not told: GITHUB_OUTPUT" in ended.out
    assert "not told: RELGATE_PUSHGATEWAY" in ended.out
    assert "sesame-open" not in ended.out
    names = {path.name for path in ended.runs[-1].iterdir()}
    assert {"ctrf.json", "cdevent.json", "metrics.txt", "relgate.env", "report.html", "inputs.json"} <= names


def test_a_replay_and_a_page_take_findings_from_the_stored_proof(history: Project) -> None:
    """No database is started again: what was proven was proven."""
    history.write("db/migrations/0002_index.sql", FORGETFUL)
    ended = history.run(*MIGRATION_GATES, *RELEASE)
    page = (ended.runs[-1] / "report.html").read_text()
    done = relgate(ended, "replay", "--json")

    assert ended.decision == "rollback"
    assert (done.returncode, done.stderr) == (0, "")
    assert same_but_for_the_record(ended, done.stdout)
    assert "0002_index.sql:" in page
    assert 'href="./evidence/migrations.md"' in page
    assert 'href="./evidence/migrations/chain.svg"' in page


def test_a_bake_that_was_ended_early_promotes_nothing_when_it_is_replayed(bakes: Project) -> None:
    """It was cut short because a limit was broken that another policy does not have: nobody saw the rest."""
    stopped = FROM_A_RECORDING.format(folder=str(bakes.folder / "bake-1"))
    stopped = stopped.replace("dict(run_id=self.run.id)", 'dict(run_id=self.run.id, ended="stopped", reason="slow")')
    bakes.write("conftest.py", _returning(stopped))
    only = 'gates:\n  slow: {signal: requests.latency, quantile: 50%, fail: "> LIMIT"}\nstages:'
    policy = re.sub(r"gates:.*stages:", only, POLICY, flags=re.DOTALL)
    bakes.write("relgate.yaml", policy.replace("LIMIT", "1ms"))
    bakes.write("other.yaml", policy.replace("> LIMIT", "> 10s"))
    ended = bakes.run()
    assert ended.decision == "rollback"

    done = relgate(ended, "replay", "--gate-policy", "other.yaml", "--json")
    again = json.loads(done.stdout)
    assert again["gates"][0]["verdict"] in ("pass", "warn")
    assert again["decision"] == "hold"
    assert "ended early (slow)" in again["reasons"][0]["text"]


def _returning(conftest: str) -> str:
    """The observer of a stored recording, which says that it was ended early."""
    return conftest.replace(
        "\nrelgate.session.Bake = Stored",
        "        return 'the bake was ended after 21 s: slow'\n\nrelgate.session.Bake = Stored",
    )


def test_a_page_can_be_written_anew_from_what_was_stored(bakes: Project) -> None:
    """The same page; a decision that the ledger does not confirm gets none."""
    ended = deciding(bakes, 1)
    path = ended.runs[-1] / "report.html"
    before = path.read_text()
    path.unlink()
    done = relgate(ended, "report")
    assert (done.returncode, path.read_text()) == (0, before)

    decision = ended.runs[-1] / "decision.json"
    decision.write_text(decision.read_text().replace('"decision": "hold"', '"decision": "promote"'))
    done = relgate(ended, "report", "--out", "other.html")
    assert done.returncode == 30
    assert not (bakes.folder / "other.html").exists()


def test_a_replay_takes_the_exploration_of_an_api_from_what_was_stored(project: Project) -> None:
    """The services are gone, and so are the secrets."""
    with service() as candidate, service() as baseline:
        ended = prepared(project, candidate, baseline, 40).run(*API_GATES)
    done = relgate(ended, "replay", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert same_but_for_the_record(ended, done.stdout)
