"""What became of each path, in files that all processes of a run share.

A path that comes after another one waits for its file, whichever worker writes it. The first outcome of a path counts
unless a later one is worse: running a path again does not wash a failure away.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from relgate.decide import SEVERITY_OF_VERDICT
from relgate.values import Verdict

if TYPE_CHECKING:
    from pathlib import Path

_EVERY_S = 0.02
FINE = frozenset({Verdict.PASS, Verdict.WARN})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a path ended: its verdict as a word, and its message."""

    verdict: str
    message: str


class Outcomes:
    """The outcomes of one run, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, gate: str) -> None:
        """Say that this process works on a path now: whoever waits sees when the process is gone."""
        self._write(f"{gate}.begun", {"pid": os.getpid()})

    def end(self, gate: str, outcome: Outcome) -> None:
        """Say how a path ended."""
        before = self.read(gate)
        if before is None or _rank(outcome) < _rank(before):
            self._write(f"{gate}.json", asdict(outcome))

    def read(self, gate: str) -> Outcome | None:
        """Return how a path ended; None while nobody knows."""
        content = self._read(f"{gate}.json")
        return None if content is None else Outcome(str(content["verdict"]), str(content["message"]))

    def wait(self, gate: str, timeout_s: float) -> str | None:
        """Wait for a path to end. Return None when it passed or warned, else why it did not."""
        until = time.monotonic() + timeout_s
        while True:
            outcome = self.read(gate)
            if outcome is not None:
                return None if outcome.verdict in FINE else f"it ended with {outcome.verdict}: {outcome.message}"
            begun = self._read(f"{gate}.begun")
            if begun is not None and not _alive(int(str(begun["pid"]))) and self.read(gate) is None:
                return "the process that worked on it is gone"
            if time.monotonic() >= until:
                return f"it did not finish within {timeout_s:g} s"
            time.sleep(_EVERY_S)

    def _write(self, name: str, content: dict[str, object]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{name}.{os.getpid()}"
        draft.write_text(json.dumps(content), encoding="utf-8")
        draft.replace(self._folder / name)

    def _read(self, name: str) -> dict[str, object] | None:
        try:
            content = json.loads((self._folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None


def _rank(outcome: Outcome) -> int:
    try:
        return SEVERITY_OF_VERDICT.index(Verdict(outcome.verdict))
    except ValueError:
        return 0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
