"""Sessions that explore an API: a service, a policy, and the decision at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from relgate.smoke.journal import Undo, read
from tests.openapi.exploring import service
from tests.plugin.conftest import Ended, Project

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY = """
relgate: 1
service: notes
environments:
  test:
    candidate: {url: "%s", headers: {X-Key: env:API_KEY}}
    baseline: {url: "%s"}
api: {requests: %d, time: 100s, timeout: 2s, seed: 1}
stages:
  - {name: smoke, run: smoke, require: [smoke]}
"""
GATES = ("--pyargs", "relgate_suites.gates.test_api", "-m", "smoke")
SECRET = "a-secret-key-of-the-api"


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    """A good service, the baseline of all."""
    with service() as url:
        yield url


def prepared(project: Project, candidate: str, baseline: str, requests: int = 60) -> Project:
    """The project with a policy on both services."""
    project.environment["API_KEY"] = SECRET
    project.write("relgate.yaml", POLICY % (candidate, baseline, requests))
    (project.folder / "test_gates.py").unlink(missing_ok=True)
    return project


def messages(ended: Ended) -> dict[str, str]:
    """Gate id -> message."""
    return {gate["id"]: gate["message"] for gate in ended.document["gates"]}


def explorer_of(pid: int) -> int:
    """The process id of the explorer that a session has started."""
    for _ in range(600):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes()
                parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if b"relgate.explore" in command and parent == pid:
                return int(path.parent.name)
        time.sleep(0.05)
    raise TimeoutError("no explorer")


def test_a_good_service_is_promoted_and_leaves_its_evidence(project: Project, good: str) -> None:
    """Five gates, all of them examined; what was found is a file, and a page."""
    with service() as url:
        ended = prepared(project, url, good).run(*GATES)

    assert ended.decision == "promote", ended.out
    assert "exploring the API of" in ended.out
    evidence = ended.runs[-1] / "evidence"
    assert json.loads((evidence / "api.json").read_text())["seed"] == 1
    assert "nothing found that blocks" in (evidence / "api.md").read_text()


def test_a_fault_rolls_back_with_the_command_that_shows_it(project: Project, good: str) -> None:
    """The message is one line; the secret in it is a variable, and nowhere in clear text."""
    with service("missing") as url:
        ended = prepared(project, url, good, 100).run(*GATES)

    assert ended.decision == "rollback", ended.out
    assert ended.verdicts["api-errors"] == "fail"
    said = messages(ended)["api-errors"]
    assert "POST /notes: answered 500" in said
    assert "curl -si -H 'Content-Type: application/json' -H \"X-Key: $API_KEY\"" in said
    assert "evidence/api.md" in json.dumps(ended.document)
    for path in ended.runs[-1].rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_a_service_without_a_document_holds(project: Project, good: str) -> None:
    """Nothing was explored, so nothing is promoted."""
    prepared(project, good, good.replace("127.0.0.1", "localhost"))
    text = (project.folder / "relgate.yaml").read_text().replace("api: {", "api: {openapi: /nowhere.json, ")
    project.write("relgate.yaml", text)
    ended = project.run(*GATES)

    assert ended.decision == "hold", ended.out
    assert "/nowhere.json: expected an OpenAPI document, got 404" in ended.reasons
    assert set(ended.verdicts.values()) <= {"error", "missing"}


def test_a_budget_that_does_not_reach_everything_holds(project: Project, good: str) -> None:
    """Fewer than expected is no pass."""
    with service() as url:
        ended = prepared(project, url, good, 4).run(*GATES)

    assert ended.decision == "hold", ended.out
    assert ended.verdicts["api-errors"] == "inconclusive"
    assert "were examined" in messages(ended)["api-errors"]


def test_an_explorer_that_is_killed_holds(project: Project, good: str) -> None:
    """Half an exploration is none."""
    with service() as url:
        prepared(project, url, good, 5000)
        process = project.start("--gate-policy", "relgate.yaml", *GATES)
        os.kill(explorer_of(process.pid), signal.SIGKILL)
        ended = project.end(process)

    assert ended.decision == "hold", ended.out
    assert "the explorer ended before its result was written" in ended.reasons


def test_what_a_killed_explorer_made_is_swept(serial: Project, good: str) -> None:
    """Nobody is there any more who could remove it; the sweep acts as the exploration did."""
    with service() as url:
        prepared(serial, url, good, 5000)
        process = serial.start("--gate-policy", "relgate.yaml", *GATES)
        explorer = explorer_of(process.pid)
        # What was made in its last moment has not been written down: its name came with an answer that nobody read.
        until = time.monotonic() + 120
        while not (undos := _listed(serial)):
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(explorer, signal.SIGKILL)
        serial.end(process)
        undos = _listed(serial)
        words = [sys.executable, "-m", "relgate.cli", "sweep"]
        usual = os.environ | {"API_KEY": SECRET}
        swept = subprocess.run(words, cwd=serial.folder, capture_output=True, text=True, check=False, env=usual)
        after = [httpx.get(f"{url}{undo.path}").status_code for undo in undos]

    assert undos
    assert swept.returncode == 0, swept.stdout + swept.stderr
    assert swept.stdout.endswith(" removed, 0 left\n")
    assert set(after) == {404}


def _listed(project: Project) -> list[Undo]:
    """What an explorer's journal for the candidate lists."""
    paths = (project.folder / "reports").glob("2*/smoke/created/api-candidate-*.jsonl")
    return [undo for path in paths for undo in read(path).undos]


def test_an_explorer_never_outlives_its_controller(project: Project, good: str) -> None:
    """It stops asking, removes what it has made, and ends."""
    with service() as url:
        prepared(project, url, good, 5000)
        process = project.start("--gate-policy", "relgate.yaml", *GATES)
        explorer = explorer_of(process.pid)
        made = project.folder / "reports"
        for _ in range(400):
            if list(made.glob("2*/evidence/api-made.jsonl")):
                break
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for _ in range(400):
            if not Path(f"/proc/{explorer}").exists():
                break
            time.sleep(0.05)
        left = httpx.get(f"{url}/notes").json()["notes"]

    assert not Path(f"/proc/{explorer}").exists()
    assert left == []


def test_only_what_the_session_selects_is_explored(project: Project, good: str) -> None:
    """No gate of the API, no request to it."""
    prepared(project, "http://127.0.0.1:9", good)
    text = (project.folder / "relgate.yaml").read_text().replace("run: smoke, require: [smoke]", "run: canary")
    project.write("relgate.yaml", text + "gates: {alpha: {signal: null, fail: '> 10'}}\n")
    project.gates(beta="")
    ended = project.run("-k", "alpha")

    assert ended.decision == "promote", ended.out
    assert "exploring" not in ended.out
