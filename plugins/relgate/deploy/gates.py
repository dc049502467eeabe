"""The gates of one step: pytest in a process of its own, and its decision, read from its record and verified there.

The run id is chosen here and recorded before pytest begins, so that after a kill it is known which run was meant. The
process gets SIGTERM when we die: it then ends in order, with a hold.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from relgate.adapters.owned import dying_with_us
from relgate.errors import SourceError
from relgate.run import EXIT_HOLD, EXIT_PROMOTE, EXIT_ROLLBACK, EXIT_UNRECORDED, recorded
from relgate.settings import RUN_ID
from relgate.values import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import IO

    from relgate.adapters.ledger import Ledger
    from relgate.policy import Policy
    from relgate.rollout.plan import Step

_END_S = 30.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What all sessions of a rollout are given. ``pytest``: further options of the user, such as paths.

    ``compress``: what all waits of the policy are divided by.
    ``book``: the ledger that vouches for decisions; None: the one in the reports folder.
    """

    policy_name: str
    environment: str
    reports: Path
    release: Mapping[str, str]
    pytest: tuple[str, ...] = ()
    book: Ledger | None = None
    compress: float = 1.0


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a session decided. ``irreversible``: what it lets through that cannot be taken back."""

    outcome: Outcome
    reasons: tuple[str, ...]
    exit_code: int
    record: Mapping[str, Any] = field(default_factory=dict)
    gates: tuple[tuple[str, str], ...] = ()
    irreversible: tuple[str, ...] = ()


class Session:
    """A running pytest. ``lines``: what it says, as it says it."""

    def __init__(self, command: Sequence[str], run_id: str) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment | {RUN_ID: run_id, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C reaches us only: we end it in order.
                preexec_fn=dying_with_us(signal.SIGTERM),
            )
        except OSError as error:
            raise SourceError(f"pytest cannot be started: {error}") from error
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ended_s: float | None = None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def ended_s(self) -> float:
        """Return when it ended, monotonic seconds: now, as long as anything of it still runs."""
        return time.monotonic() if self._ended_s is None else self._ended_s

    def lines(self) -> list[str]:
        """Return what it has said since the last call."""
        found = []
        while not self._said.empty():
            found.append(self._said.get())
        return found

    def end(self) -> int:
        """Wait for its end, in order at first (SIGTERM), and return the exit code."""
        if self.running():
            self._process.terminate()
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            code = self._process.wait()
        self._reader.join(1.0)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
        return code

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._said.put(line.rstrip("\n"))
        self._ended_s = time.monotonic()


def command(asked: Asked, policy: Policy, step: Step) -> list[str]:
    """Return the command line that judges a step: its families, and those of the gates that it requires."""
    stage = policy.stage(step.stage)
    required = (policy.gates[name].family for name in policy.required_ids(stage) if name in policy.gates)
    families = dict.fromkeys((*stage.run, *required))
    words = [sys.executable, "-m", "pytest", "-m", " or ".join(families)]
    words += ["--gate-policy", asked.policy_name, "--gate-env", asked.environment, "--gate-stage", stage.name]
    words += ["--gate-reports", str(asked.reports)]
    if asked.compress != 1:
        words += ["--gate-compress", f"{asked.compress:.12g}"]
    if step.bake_s != stage.bake_s / asked.compress:
        words += ["--gate-bake", f"{max(round(step.bake_s * 1000), 1)}ms"]
    for key, value in asked.release.items():
        words += ["--gate-release", f"{key}={value}"]
    return [*words, *asked.pytest]


def ruling(asked: Asked, policy: Policy, step: Step, run_id: str, exit_code: int | None) -> Ruling:
    """Return what a run decided, by its verified record; anything that does not fit together is a hold.

    Args:
        asked: what it was given.
        policy: the policy that it must have judged under.
        step: the step that it must have judged.
        run_id: its id.
        exit_code: how pytest ended; None where nobody saw that (the rollout was killed): it cannot promote then.

    """
    found = recorded(asked.reports, run_id, asked.book)
    if found.content is None:
        outcome, reasons = Outcome.HOLD, found.lines
        return Ruling(outcome, reasons, EXIT_UNRECORDED if found.exit_code == EXIT_UNRECORDED else EXIT_HOLD)
    content = found.content
    outcome = Outcome(content["decision"])
    reasons = tuple(f"{reason['gate'] or 'stage'}: {reason['text']}" for reason in content["reasons"])
    doubts = _doubts(content, asked, policy, step)
    if exit_code == EXIT_UNRECORDED:
        return Ruling(Outcome.HOLD, ("pytest ended with 30: its record cannot be relied on", *reasons), EXIT_UNRECORDED)
    if outcome is Outcome.PROMOTE and exit_code != EXIT_PROMOTE:
        doubts.append(f"the record says promote, and pytest ended with {exit_code}")
    if outcome is Outcome.ROLLBACK and exit_code not in (None, EXIT_ROLLBACK):
        doubts.append(f"the record says rollback, and pytest ended with {exit_code}")
    if doubts:
        outcome, reasons = Outcome.HOLD, (*doubts, *reasons)
    code = {Outcome.PROMOTE: EXIT_PROMOTE, Outcome.HOLD: EXIT_HOLD, Outcome.ROLLBACK: EXIT_ROLLBACK}[outcome]
    gates = tuple((row["id"], row["verdict"]) for row in content["gates"])
    return Ruling(
        outcome, reasons, code, {"run": run_id, "lines": found.lines[-1:]}, gates, tuple(content["irreversible"])
    )


def _doubts(content: Mapping[str, Any], asked: Asked, policy: Policy, step: Step) -> list[str]:
    """Why a verified decision is not one about this step."""
    expected = {
        "service": policy.service,
        "environment": asked.environment,
        "stage": step.stage,
        "policy_sha256": policy.sha256,
    }
    found = [
        f"the run judged {key} {content.get(key)!r}" for key, value in expected.items() if content.get(key) != value
    ]
    release = content.get("release") or {}
    if release.get("version") != asked.release["version"]:
        found.append(f"the run judged version {release.get('version')!r}")
    return found
