"""Squawk reads what a revision sends to PostgreSQL: a program of its own, fed through stdin, one revision at a time.

One revision at a time because squawk says nothing about tables that the same text creates: of a whole history it
would report nothing. A ``.squawk.toml`` of the project is not read, so that rules are switched off here or by a
waiver, where it is seen; ``-- squawk-ignore`` in the SQL counts. What squawk cannot parse is reported, never passed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters.squawk_rules import OFF, RULES, SquawkRule
from relgate.errors import SourceError, UsageError
from relgate.values import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.ports.migrations import Revision, Statement

GATE = "migration-static"
TIMEOUT_S = 120.0

_TRANSACTION = re.compile(r"^\s*(?:BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK)\b[^;]*;?\s*$", re.IGNORECASE)
_SYNTAX = SquawkRule(
    blocks=False,
    why="Squawk could not read this statement, so none of its rules was applied to it.",
    do="Read it by eye; a newer squawk may know it.",
)


@dataclass(slots=True)
class _Text:
    """A text for squawk, and which statement each of its lines comes from (None: a BEGIN or COMMIT of ours)."""

    lines: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    sources: list[Statement | None] = field(default_factory=list)

    def add(self, sql: str, source: Statement | None) -> None:
        """Append a statement, which begins on a line of its own."""
        self.starts.append(len(self.lines))
        self.sources.append(source)
        # The semicolon has a line of its own: the statement may end in a comment.
        self.lines += [*sql.rstrip().rstrip(";").split("\n"), ";"]

    def at(self, line: int) -> tuple[Statement | None, int]:
        """Return the statement at a line (from 0), and the line within it."""
        index = bisect_right(self.starts, line) - 1
        return self.sources[index], line - self.starts[index]


class Squawk:
    """Squawk as a program. ``pg_version``: of production, ``15`` or ``15.4``; None lets squawk assume its default.

    Raises:
        UsageError: it is not installed.

    """

    def __init__(self, pg_version: str | None = None, program: str | None = None) -> None:
        self._program = program or _installed()
        self._version = [] if pg_version is None else ["--pg-version", _version(pg_version)]

    def read(self, revision: Revision, statements: Sequence[Statement]) -> tuple[Finding, ...]:
        """Return what squawk says of the statements of one revision, at the lines of the revision's file.

        Raises:
            SourceError: squawk failed, or answered what is no answer.

        """
        sent = [one for one in statements if not one.books and not _TRANSACTION.match(_sql(one))]
        if not sent:
            return ()
        text = _text(sent)
        said = self._run(text)
        unread: list[Statement] = []
        if any(_rule(one) == "syntax-error" for one in said):
            # One statement that it cannot read may swallow the next: find them one by one, and read the others again.
            unread = [one for one in sent if not self._parses(one)]
            text = _text([one for one in sent if not any(one is bad for bad in unread)])
            said = [one for one in self._run(text) if text.lines]
        found = [_finding(revision, "syntax-error", "Squawk cannot read it.", _SYNTAX, one, 0) for one in unread]
        return tuple(found + [self._found(revision, text, one) for one in said])

    def _found(self, revision: Revision, text: _Text, said: dict[str, Any]) -> Finding:
        rule, line, message = _rule(said), said.get("line"), said.get("message")
        if not isinstance(line, int) or not isinstance(message, str):
            raise SourceError(f"squawk: expected a message with a line for each violation, got {said!r}")
        # A rule that appeared after this table was written warns with squawk's own words.
        meaning = RULES.get(rule) or SquawkRule(
            blocks=False, why=message, do=str(said.get("help") or "See squawk's docs.")
        )
        statement, offset = text.at(line)
        return _finding(revision, rule, message, meaning, statement, offset)

    def _parses(self, statement: Statement) -> bool:
        return not any(_rule(one) == "syntax-error" for one in self._run(_text([statement])))

    def _run(self, text: _Text) -> list[dict[str, Any]]:
        command = [self._program, "--reporter", "json", "--no-error-on-unmatched-pattern", *self._version]
        command += ["--exclude", ",".join(sorted(OFF))]
        with tempfile.TemporaryDirectory(prefix="relgate-squawk-") as empty:
            try:
                done = subprocess.run(
                    command,
                    cwd=empty,  # Squawk looks for its configuration where it runs.
                    input="\n".join(text.lines).encode(),
                    capture_output=True,
                    timeout=TIMEOUT_S,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise SourceError(f"squawk ({self._program}) did not answer: {error}") from error
        return _answer(done)


def _installed() -> str:
    """Return squawk's path: the one beside this Python before any other."""
    beside = Path(sys.executable).parent / "squawk"
    program = str(beside) if beside.is_file() else shutil.which("squawk")
    if program is None:
        raise UsageError("squawk is not installed: pip install 'relgate[migrations]', or take squawk out of the policy")
    return program


def _version(text: str) -> str:
    match = re.match(r"(\d+)(?:\.(\d+))?", text)
    if match is None:
        raise UsageError(f"squawk: expected a version of PostgreSQL like 15 or 15.4, got {text!r}")
    return f"{match[1]}.{match[2] or 0}"


def _answer(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    """Read what squawk said: JSON, and an exit code that agrees with it (1: it found something)."""
    said = done.stderr.decode(errors="replace").strip()[:500]
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        got = done.stdout[:200].decode(errors="replace")
        raise SourceError(f"squawk: expected JSON, got {got!r} (exit code {done.returncode}; {said})") from error
    if not isinstance(answer, list) or done.returncode != (1 if answer else 0):
        raise SourceError(
            f"squawk: expected a list, exit code 1 with violations, 0 without; got {done.returncode}; {said}"
        )
    return answer


def _text(statements: Sequence[Statement]) -> _Text:
    """Join statements, those of one transaction between BEGIN and COMMIT."""
    text = _Text()
    within = 0
    for statement in statements:
        if within and statement.transaction != within:
            text.add("COMMIT", None)
        if statement.transaction and statement.transaction != within:
            text.add("BEGIN", None)
        within = statement.transaction
        text.add(_sql(statement), statement)
    if within:
        text.add("COMMIT", None)
    return text


def _sql(statement: Statement) -> str:
    """Return the statement as it can be sent: placeholders are no SQL."""
    return statement.literal or statement.sql


def _rule(said: dict[str, Any]) -> str:
    rule = said.get("rule_name")
    if not isinstance(rule, str):
        raise SourceError(f"squawk: expected a rule_name for each violation, got {said!r}")
    return rule


def _finding(
    revision: Revision, rule: str, what: str, meaning: SquawkRule, statement: Statement | None, offset: int
) -> Finding:
    if statement is None:
        place: tuple[str, int, str | None] = (revision.path, revision.line, None)
    else:
        # SQL that a Python file makes has lines of its own; only an SQL file's are the file's.
        inner = offset if statement.line and statement.path.endswith(".sql") else 0
        place = (statement.path or revision.path, statement.line + inner, statement.sql)
    path, line, sql = place
    code, do = f"squawk/{rule}", meaning.do
    return Finding(GATE, code, what, meaning.why, do, meaning.blocks, revision.id, path, line, sql)
