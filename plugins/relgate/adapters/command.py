"""Any other migration tool, by command: Prisma, EF Core, Sqitch, a script of the project.

What a foreign program sends is not seen: no statements, no watch. It gets a database only by its environment, so which
one it opens is the program's business; the variables lead to the scratch database and to no other.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters import sqlbooks, sqldriver
from relgate.adapters.inproject import declared_of, retired_of
from relgate.errors import SourceError
from relgate.ports.migrations import Failure, Ran, Revision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.ports.migrations import Direction, Engine, Scratch, Watch

_TEXTS = ("message", "path", "release")
_LISTS = ("down", "after", "labels")


class CommandTool:
    """A project whose migrations are moved by commands. Fills the port ``Tool``.

    ``up``, ``down``: move by one revision, ``{revision}`` is its name. ``list_``: prints a line of JSON for each
    revision: ``{"id": "2", "down": ["1"], "message": "...", "path": "..."}``. ``applied``: prints the applied ones, one
    a line; without it relgate keeps books of its own. No shell: pipes and variables belong into a script.

    Each gets DATABASE_URL (``postgresql://...``, without a driver), RELGATE_SQLALCHEMY_URL (with one),
    RELGATE_DATABASE (its name, SQLite: its file), RELGATE_REVISION, RELGATE_DIRECTION and the server's own variables.
    """

    name = "command"
    watches = False
    has_models = False

    def __init__(
        self,
        up: str,
        down: str | None,
        list_: str,
        applied: str | None = None,
        cwd: Path | None = None,
        timeout_s: float = 300,
    ) -> None:
        self._ways: dict[Direction, str | None] = {"up": up, "down": down}
        self._list = list_
        self._applied = applied
        self.project = (cwd or Path.cwd()).resolve()
        self._timeout_s = timeout_s

    def revisions(self) -> tuple[Revision, ...]:
        """Return what the command ``list`` prints.

        Raises:
            SourceError: it fails, or prints something else than lines of JSON.

        """
        lines = self._output(self._list, {}).splitlines()
        return tuple(self._revision(line) for line in lines if line.strip())

    def engine(self) -> Engine | None:
        """Nobody says."""
        return None

    def move(self, scratch: Scratch, revision: str, direction: Direction, watch: Watch | None = None) -> Ran:  # noqa: ARG002
        """Run a command. Never raises."""
        since = time.perf_counter()
        command = self._ways[direction]
        if command is None:
            return Ran((), Failure(f"expected a command that leads {direction}, none is given"))
        output = ""
        failure: Failure | None = None
        try:
            output = self._output(command, _variables(scratch, revision, direction), revision)
            if self._applied is None:
                sqlbooks.note(scratch, revision, direction)
        except _EndedError as error:
            output, failure = error.output, Failure(str(error))
        except Exception as error:  # noqa: BLE001 - the port: never raises
            failure = Failure(f"{type(error).__name__}: {error}")
        return Ran((), failure, time.perf_counter() - since, output)

    def applied(self, scratch: Scratch) -> tuple[str, ...]:
        """Return the heads of what the command ``applied`` prints, else of relgate's own books.

        Raises:
            SourceError: the command fails.

        """
        if self._applied is None:
            return sqlbooks.heads(sqlbooks.noted(scratch), self.revisions())
        printed = self._output(self._applied, _variables(scratch, "", "up")).splitlines()
        return sqlbooks.heads([line.strip() for line in printed if line.strip()], self.revisions())

    def offline(self, revision: str, direction: Direction, engine: Engine) -> str:
        """Nobody knows.

        Raises:
            SourceError: always.

        """
        message = f"what a command would send for {revision} {direction} on {engine} is known to nobody"
        raise SourceError(message)

    def drift(self, scratch: Scratch) -> tuple[str, ...]:  # noqa: ARG002 - the port's signature
        """There are no models.

        Raises:
            SourceError: always.

        """
        message = "a command has no models to compare with"
        raise SourceError(message)

    def close(self) -> None:
        """Nothing is kept."""

    def _output(self, command: str, variables: Mapping[str, str], revision: str = "") -> str:
        words = [word.replace("{revision}", revision) for word in shlex.split(command)]
        try:
            process = subprocess.Popen(
                words,
                cwd=self.project,
                env=os.environ | dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            message = f"{words[0]} cannot be started: {error}"
            raise _EndedError(message) from error
        try:
            output, errors = process.communicate(timeout=self._timeout_s)
        except subprocess.TimeoutExpired as error:
            message = f"{words[0]} was not done after {self._timeout_s:g} s and was killed"
            raise _EndedError(message, _end(process)) from error
        except BaseException:
            _end(process)
            raise
        if process.returncode != 0:
            # Of those with words in them: a caret below a statement says nothing alone.
            said = [line.strip() for line in (errors or output).splitlines() if re.search(r"\w", line)]
            last = said[-1] if said else "it said nothing"
            message = f"{words[0]} ended with {process.returncode}: {last}"
            raise _EndedError(message, output + errors)
        return output

    def _revision(self, line: str) -> Revision:
        try:
            fields: Any = json.loads(line)
        except json.JSONDecodeError as error:
            message = f'{self._list}: expected {{"id": ..., "down": [...]}} on each line, found {line!r}'
            raise SourceError(message) from error
        wrong = _wrong_with(fields)
        if wrong:
            message = f"{self._list}: {wrong} in {line!r}"
            raise SourceError(message)
        return Revision(
            id=fields["id"],
            down=tuple(fields.get("down", ())),
            message=fields.get("message", ""),
            path=fields.get("path", ""),
            after=tuple(fields.get("after", ())),
            labels=tuple(fields.get("labels", ())),
            way_back=self._ways["down"] is not None and fields.get("way_back") is not False,
            declared=declared_of(fields.get("irreversible"), f"{self._list}: {fields['id']}"),
            release=fields.get("release"),
            retired=retired_of(fields.get("retired", ()), f"{self._list}: {fields['id']}"),
        )


class _EndedError(SourceError):
    """A command did not do what it was started for. ``output``: what it had printed."""

    def __init__(self, text: str, output: str = "") -> None:
        self.output = output
        super().__init__(text)


def _wrong_with(fields: Any) -> str:
    if not isinstance(fields, dict) or not isinstance(fields.get("id"), str) or not fields["id"]:
        return "expected an object with an id"
    for name in _LISTS:
        value = fields.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return f"expected {name} to be a list of ids"
    for name in _TEXTS:
        if not isinstance(fields.get(name, ""), str):
            return f"expected {name} to be text"
    return ""


def _variables(scratch: Scratch, revision: str, direction: Direction) -> dict[str, str]:
    url = sqldriver.load("sqlalchemy").make_url(scratch.url)
    plain = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)
    return dict(scratch.environment) | {
        "DATABASE_URL": plain,
        "RELGATE_SQLALCHEMY_URL": scratch.url,
        "RELGATE_DATABASE": url.database or "",
        "RELGATE_REVISION": revision,
        "RELGATE_DIRECTION": direction,
    }


def _end(process: subprocess.Popen[str]) -> str:
    """Kill a command and whatever it started; return what it had printed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    output, errors = process.communicate()
    return output + errors
