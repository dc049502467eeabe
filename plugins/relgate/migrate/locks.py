"""What a step locks, rewrites and scans, read from a second connection after each statement. PostgreSQL.

A lock hurts by how long it is held, and that grows with the rows only where a statement rewrites, scans or indexes a
table while the lock is held. All three can be seen on a small database: a rewrite changes the number of the table's
file, a scan is counted, an index build holds ShareLock. Only tables that were there before the step count.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from relgate.migrate.faults import LOCKS
from relgate.ports.migrations import Lock

if TYPE_CHECKING:
    from collections.abc import Collection

    from relgate.migrate.notebook import Notebook
    from relgate.ports.migrations import Revision, Session, Statement, Watching

STRENGTH = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
"""PostgreSQL's table locks, from weak to strong (PostgreSQL manual, 13.3.1)."""
BLOCKS_WRITES = STRENGTH.index("ShareLock")
BLOCKS_ALL = STRENGTH.index("AccessExclusiveLock")
_PATIENCE_S = 2.0
_NAME = r"((?:\"(?:[^\"]|\"\")+\"|[\w$.])+)"
_ON = rf"\bon\s+(?:only\s+)?{_NAME}"
_FLAGS = re.IGNORECASE | re.DOTALL
_INDEX = re.compile(rf"\s*create\s+(?:unique\s+)?index\s+(?!concurrently\b).*?{_ON}", _FLAGS)
_TABLE = rf"(?:if\s+exists\s+)?(?:only\s+)?{_NAME}"
_ALTER = re.compile(rf"\s*alter\s+table\s+{_TABLE}(?!.*\bvalidate\s+constraint)", _FLAGS)
_ALTER = re.compile(
    rf"\s*alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?{_NAME}(?!.*\bvalidate\s+constraint)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass
class Held:
    """A lock on one table: its strongest mode, the statement that took it, and how long it was held in the end."""

    mode: str
    number: int
    since_s: float = 0.0
    held_s: float = 0.0


@dataclass
class LockWatch:
    """Reads locks after every statement of a step.

    ``tables``: those that were there before. ``locks``: (transaction, table) -> the strongest lock; statements that
    commit by themselves have negative numbers here, one each.
    """

    session: Session
    tables: Collection[str]
    locks: dict[tuple[int, str], Held] = field(default_factory=dict)
    sent: list[Statement] = field(default_factory=list)
    _clock_s: float = 0.0

    def before(self, number: int, sql: str, backend: int | None) -> None:
        """Nothing to see yet."""

    def after(self, number: int, statement: Statement) -> None:
        """Read what the statement's transaction holds now; it is still open."""
        self.sent.append(statement)
        started_s, self._clock_s = self._clock_s, self._clock_s + statement.took_s
        transaction = statement.transaction or -1 - number
        if statement.backend is None:
            return
        watching = cast("Watching", self.session)
        # Nothing is left to be read of a statement that commits by itself: its text says what it had to take.
        locks = watching.locks(statement.backend) if statement.transaction else committed(statement.sql, self.tables)
        for lock in locks:
            if lock.table not in self.tables or lock.mode not in STRENGTH:
                continue
            held = self.locks.setdefault((transaction, lock.table), Held(lock.mode, number, started_s))
            if STRENGTH.index(lock.mode) > STRENGTH.index(held.mode):
                held.mode, held.number = lock.mode, number
        for (owner, _), held in self.locks.items():
            if owner == transaction:
                held.held_s = self._clock_s - held.since_s

    def strongest(self) -> dict[str, Held]:
        """Return table -> its strongest lock over all transactions of the step."""
        found: dict[str, Held] = {}
        for (_, table), held in self.locks.items():
            if table not in found or STRENGTH.index(held.mode) > STRENGTH.index(found[table].mode):
                found[table] = held
        return found


def committed(sql: str, tables: Collection[str]) -> tuple[Lock, ...]:
    """Return the lock that a statement took which commits by itself, as far as its text tells (manual, 13.3.1)."""
    for pattern, mode in ((_INDEX, "ShareLock"), (_ALTER, "AccessExclusiveLock")):
        found = pattern.match(sql)
        if found is not None:
            name = found[1]
            return tuple(Lock(table, mode) for table in tables if name in (table, table.rpartition(".")[2]))
    return ()


def scans(session: Session) -> dict[str, int]:
    """Return table -> how many sequential scans there were so far.

    A connection counts at its end, and this one now: otherwise it would bring its own scans in a second later.
    """
    session.run("SELECT pg_stat_force_next_flush()")
    session.run("SELECT pg_stat_clear_snapshot()")
    name = "quote_ident(schemaname) || '.' || quote_ident(relname)"
    rows = session.run(f"SELECT {name}, coalesce(seq_scan, 0) FROM pg_stat_user_tables")  # noqa: S608  # a constant
    return {str(table): int(count) for table, count in rows}


@dataclass(frozen=True)
class Before:
    """What a session says before a step, to be compared with what it says after it."""

    files: dict[str, int]
    scans: dict[str, int]

    @classmethod
    def of(cls, session: Session) -> Before:
        """Read it."""
        return cls(cast("Watching", session).files(), scans(session))


def judge_locks(
    book: Notebook, revision: Revision, watch: LockWatch, before: Before, large: Collection[str] | None
) -> None:
    """Write down what a step did to tables that were there. ``large``: the tables that count; None: all of them."""
    book.examined(LOCKS, revision)
    _await_end(watch)
    now = Before.of(watch.session)
    strongest = {name: held for name, held in watch.strongest().items() if large is None or name in large}
    book.rows.setdefault(revision.id, {})["locks"] = [
        {"table": name, "mode": held.mode, "from_s": round(held.since_s, 6), "held_s": round(held.held_s, 6)}
        for name, held in sorted(watch.strongest().items())
    ]
    exclusive = False
    for table, held in sorted(strongest.items()):
        statement = _statement(watch, held.number)
        strength = STRENGTH.index(held.mode)
        exclusive = exclusive or strength >= BLOCKS_ALL
        rewritten = table in before.files and now.files.get(table, before.files[table]) != before.files[table]
        scanned = now.scans.get(table, 0) > before.scans.get(table, 0)
        code = _code(strength, statement, rewritten=rewritten, scanned=scanned)
        if code is not None:
            text = f"{table}: {_said(code)} while {held.mode} is held"
            culprit = _culprit(watch, code) or statement
            book.add(LOCKS, code, text, revision, sql=culprit.sql if culprit else None, line=_line(culprit))
    if exclusive and not any("lock_timeout" in statement.sql.lower() for statement in watch.sent):
        taken = min((held for held in strongest.values() if held.mode == STRENGTH[BLOCKS_ALL]), key=lambda h: h.number)
        statement = _statement(watch, taken.number)
        tables = ", ".join(name for name, held in sorted(strongest.items()) if held.mode == STRENGTH[BLOCKS_ALL])
        text = f"AccessExclusiveLock on {tables} without a lock_timeout"
        book.add(
            LOCKS, "no-lock-timeout", text, revision, sql=statement.sql if statement else None, line=_line(statement)
        )


def _await_end(watch: LockWatch) -> None:
    """Wait until the step's connections are gone from the server: then what they scanned is counted."""
    backends = sorted({one.backend for one in watch.sent if one.backend is not None})
    deadline_s = time.monotonic() + _PATIENCE_S
    while backends and time.monotonic() < deadline_s:
        sql = f"SELECT 1 FROM pg_stat_activity WHERE pid IN ({', '.join(map(str, backends))})"  # noqa: S608  # integers
        if not watch.session.run(sql):
            return
        time.sleep(0.001)


def _code(strength: int, statement: Statement | None, *, rewritten: bool, scanned: bool) -> str | None:
    """Return the kind of fault, None where the lock is short or weak whatever the size of the table."""
    if rewritten and strength >= BLOCKS_ALL:
        return "rewrite"
    sql = " ".join(statement.sql.lower().split()) if statement is not None else ""
    if strength == BLOCKS_WRITES and "index" in sql:
        return "blocks-writes"
    if scanned and strength >= BLOCKS_WRITES:
        return "validates-while-locked"
    return None


def _said(code: str) -> str:
    return {"rewrite": "rewritten", "blocks-writes": "an index is built"}.get(code, "all rows are read")


_WORDS = {
    "rewrite": ("alter table", "cluster", "vacuum full"),
    "blocks-writes": ("create index", "create unique index", "reindex"),
    "validates-while-locked": ("validate", "add constraint", "not null", "update", "delete", "insert", "select"),
}


def _culprit(watch: LockWatch, code: str) -> Statement | None:
    """Return the first statement that reads like the cause."""
    for word in _WORDS[code]:
        for statement in watch.sent:
            if word in " ".join(statement.sql.lower().split()) and not statement.books:
                return statement
    return None


def _statement(watch: LockWatch, number: int) -> Statement | None:
    return watch.sent[number] if 0 <= number < len(watch.sent) else None


def _line(statement: Statement | None) -> int | None:
    return statement.line if statement is not None and statement.line else None
