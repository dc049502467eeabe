"""A small project with a policy, run by a real pytest in a process of its own, serial and with two workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from relgate.audit.record import parse

POLICY = """
relgate: 1
service: demo
environments:
  test: {candidate: {url: "http://127.0.0.1:9"}}
gates:
  alpha: {signal: null, fail: "> 10"}
  beta: {signal: null, fail: "> 10", warn: "> 5"}
stages:
  - {name: stage, run: canary, require: [alpha, beta]}
"""

HEAD = """
import os, signal, sys, time
import pytest
from relgate.values import Measurement

def value(number):
    return Measurement("count", n=1, value=number)
"""

# Plugins of libraries that are installed beside relgate and that no session here needs: to import them takes longer
# than to import relgate itself, in every process of every session.
LIGHT = ("-p", "no:schemathesis", "-p", "no:locust", "-p", "no:hypothesispytest", "-p", "no:anyio")

GATES = {
    "alpha": '@pytest.mark.canary\ndef test_alpha(gate):\n    gate.judge("alpha", value(1.0))\n',
    "beta": '@pytest.mark.canary\ndef test_beta(gate):\n    gate.judge("beta", value(2.0))\n',
}


@dataclass
class Ended:
    """How a pytest process ended and what it left."""

    code: int
    out: str
    folder: Path

    @property
    def runs(self) -> list[Path]:
        """The folders of all runs, oldest first."""
        reports = self.folder / "reports"
        found = [path for path in reports.glob("2*") if path.is_dir()] if reports.is_dir() else []
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)

    @property
    def document(self) -> dict[str, Any]:
        """decision.json of the newest run."""
        content: dict[str, Any] = json.loads((self.runs[-1] / "decision.json").read_text())
        return content

    @property
    def decision(self) -> str:
        """What was decided."""
        return str(self.document["decision"])

    @property
    def verdicts(self) -> dict[str, str]:
        """Gate id -> verdict."""
        return {gate["id"]: gate["verdict"] for gate in self.document["gates"]}

    @property
    def reasons(self) -> str:
        """All reasons as one text."""
        return "\n".join(f"{reason['gate']}: {reason['text']}" for reason in self.document["reasons"])

    @property
    def kinds(self) -> list[str]:
        """Kinds of the ledger's records, in order."""
        lines = (self.folder / "reports" / "ledger.jsonl").read_bytes().splitlines()
        return [parse(line).kind for line in lines]


@dataclass
class Project:
    """A folder with a policy and gates, and how pytest is run in it."""

    folder: Path
    workers: int
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def gates(self, *extra: str, alpha: str = GATES["alpha"], beta: str = GATES["beta"]) -> None:
        """Write both gates, each replaceable, and further tests."""
        self.write("test_gates.py", "\n\n".join([HEAD, alpha, beta, *extra]))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a session that selects canary gates, unless ``-m`` says otherwise."""
        parallel = ["-n", str(self.workers)] if self.workers else []
        marked = [] if "-m" in arguments else ["-m", "canary"]
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "GITHUB_", "RELGATE_"))
        }
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *LIGHT, *marked, *parallel, *arguments],
            cwd=self.folder,
            env=environment | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> Ended:
        """Run a deciding session to its end."""
        return self.end(self.start("--gate-policy", "relgate.yaml", *arguments))

    def run_plainly(self, *arguments: str) -> Ended:
        """Run a session without any option of relgate."""
        return self.end(self.start(*arguments))

    def end(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for a session."""
        try:
            out, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Ended(process.returncode, out, self.folder)

    def wait_for(self, name: str) -> None:
        """Wait until a test has written a file."""
        for _ in range(600):
            if (self.folder / name).exists():
                return
            time.sleep(0.05)
        raise TimeoutError(name)


def _made(folder: Path, workers: int) -> Project:
    made = Project(folder, workers)
    made.write("relgate.yaml", POLICY)
    made.write("pytest.toml", "[pytest]\nstrict = true\n")
    made.gates()
    return made


@pytest.fixture(params=[0, 2], ids=["serial", "n2"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """A project whose two gates pass, to be run serially and with two workers."""
    return _made(tmp_path, request.param)


@pytest.fixture
def serial(tmp_path: Path) -> Project:
    """The same, for what is over before there are workers, or is the same in each."""
    return _made(tmp_path, 0)
