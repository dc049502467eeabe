"""Explores the small service: starts it with faults, beside one without, and returns what was found."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate import explore
from relgate.openapi.store import Exploration, read
from relgate.policy.api import EXPLORED, Api

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@contextmanager
def service(*faults: str) -> Iterator[str]:
    """Yield the URL of a running service with these faults."""
    command = [sys.executable, "-m", "tests.openapi.service", "0", *faults]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@dataclass(frozen=True)
class Explored:
    """What an exploration left."""

    folder: Path
    result: Exploration

    @property
    def codes(self) -> set[tuple[str, str]]:
        """Gate and code of every finding."""
        return {(one.gate, one.code) for gate in self.result.gates.values() for one in gate.findings}

    def commands(self, code: str) -> list[str]:
        """The commands that show findings of a code again."""
        return [one.reproduce for gate in self.result.gates.values() for one in gate.findings if one.code == code]

    @property
    def page(self) -> str:
        """What people read."""
        return (self.folder / "api.md").read_text(encoding="utf-8")


def plan(folder: Path, candidate: str, baseline: str | None, more: dict[str, Any]) -> dict[str, Any]:
    """A plan as the controller makes it."""
    made: dict[str, Any] = {
        "run_id": "r",
        "folder": str(folder),
        "run": str(folder),
        "environment": "test",
        "project": str(folder),
        "wanted": list(EXPLORED),
        "seed": 1,
        "read_only": False,
        "verify": True,
        "ca": None,
        "candidate": {"url": candidate, "headers": {}, "shown": {}},
        "baseline": None if baseline is None else {"url": baseline, "headers": {}, "shown": {}},
        "secrets": [],
        "redact": [],
    }
    return made | more


def explored(folder: Path, candidate: str, baseline: str | None = None, **api: Any) -> Explored:
    """Explore and return what was found. ``api``: as in the policy's model; ``plan``: further keys of the plan."""
    more = api.pop("plan", {})
    settings = Api(**{"requests": 150, "timeout_s": 2.0, "time_s": 120.0, **api})
    explore.run(plan(folder, candidate, baseline, more), settings, lambda *_: None, threading.Event())
    return Explored(folder, read(folder, "r"))


def stored(folder: Path) -> str:
    """Everything that lies in a folder, as one text."""
    return "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())


def as_json(folder: Path) -> dict[str, Any]:
    """api.json."""
    content: dict[str, Any] = json.loads((folder / "api.json").read_text(encoding="utf-8"))
    return content
