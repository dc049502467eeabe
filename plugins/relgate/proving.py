"""The proof of the migrations as the controller sees it: start its process, show progress, wait for its end.

The process is one of its own: a project's env.py may import anything and change anything in its process, and what is
killed takes its databases with it. It gets its plan through a pipe, since the plan may hold the URL of a server.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.child import Child
from relgate.errors import SourceError
from relgate.policy.migrations import PROVEN
from relgate.references import is_secret, resolve

if TYPE_CHECKING:
    from collections.abc import Collection

    from relgate.child import Screen
    from relgate.settings import Run


class Proving:
    """The proof of one run.

    Args:
        run: the frozen run.
        gates: ids of the gates that will judge; only what they need is proven.
        screen: where progress goes, None for nowhere.

    """

    def __init__(self, run: Run, gates: Collection[str], screen: Screen | None) -> None:
        self._run = run
        self._wanted = sorted(id_ for id_ in run.gates if id_ in gates and id_ in PROVEN)
        self._screen = screen

    def prove(self) -> None:
        """Prove until the end; nothing to do where no gate wants it.

        Raises:
            SourceError: the process cannot be started, or ended without a proof.

        """
        if not self._wanted:
            return
        policy = self._run.policy.migrations
        source = policy.source if policy is not None else "nothing"
        self._say(f"proving the migrations of {source} ({len(self._wanted)} gates)")
        with Child("relgate.prove", json.dumps(self._plan()), "the prover") as child:
            said = child.follow(
                self._say,
                "migration",
                "the prover ended before its proof was written",
                "the migrations could not be proven",
            )
            self._say(f"proven: {said}")

    def _plan(self) -> dict[str, Any]:
        migrations = self._run.policy.migrations
        if migrations is None:
            raise SourceError("the policy has migration gates and no migrations")
        plain = migrations.model_dump()
        for name in ("scratch", "production"):
            if plain[name] is not None and is_secret(plain[name]):
                plain[name] = resolve(plain[name])
        return {
            "run_id": self._run.id,
            "folder": str(self._run.path / "evidence"),
            "project": str(Path(self._run.policy_name).absolute().parent),
            "wanted": self._wanted,
            "today": datetime.fromtimestamp(self._run.started_s, tz=UTC).date().isoformat(),
            "migrations": plain,
            "secrets": [*self._run.secrets],
            "redact": list(self._run.policy.redact),
        }

    def _say(self, text: str) -> None:
        if self._screen is not None:
            self._screen.write_line(f"relgate: {self._run.redactor.text(text)}")
