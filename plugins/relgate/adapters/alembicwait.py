"""An ``env.py`` that is started once and waits between steps, as it does between two revisions of ``upgrade head``.

Half of a small step is its start: the engine, the connection, the questions that SQLAlchemy and Alembic ask of each.
``Waiting`` lets ``env.py`` call ``run_migrations`` in a greenlet, commits each step as a start of its own would, and
comes back to its caller with the connection at rest.

A step in a session that is not new may see what an earlier one has left there. So an ``env.py`` waits only after steps
that leave nothing (``leaves_nothing``: plain changes of schema and rows, no setting, no question, no temporary table),
and takes another step only where the session, the settings of database and role, and Alembic's table are as it left
them. Only psycopg's connections, only where greenlet is installed (SQLAlchemy brings it along for asyncio), and only an
``env.py`` that leaves all statements to its revisions: what it would do before or after them is not done in between.
"""

from __future__ import annotations

import ast
import contextlib
import contextvars
import itertools
import os
import re
from typing import TYPE_CHECKING, Any

from relgate.adapters.sqldriver import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from relgate.adapters.sqlguard import Guard
    from relgate.ports.migrations import Scratch, Statement

OLDEST = 150000
"""``server_version_num`` from which a session can be told to report its scans now, as the end of one does."""

_PLAIN = re.compile(
    r"\s*(?:create|alter|drop|comment\s+on|insert\s+into|update|delete\s+from)\b"
    r"(?!\s+(?:(?:or\s+replace|local|global)\s+)*temp)(?!\s+(?:role|user|database|system)\b)",
    re.IGNORECASE,
)
_SPECIAL = re.compile(r";\s*\S|\breturning\b|\b(?:set_config|pg_temp|currval|lastval)\b|advisory", re.IGNORECASE)
"""A second statement, an answer that the driver might prepare, a function whose trace stays in a session."""
_OWN = frozenset(
    {
        *("execute", "executemany", "exec_driver_sql", "scalar", "scalars", "create_all", "raw_connection", "cursor"),
        *("commit", "rollback", "autocommit_block", "execution_options", "isolation_level"),
        *("listen", "listens_for", "on_version_apply", "asyncio", "run_sync"),
    }
)
"""Names that say that an ``env.py`` does more at a start than to connect and to run its revisions."""
_SET = b"""SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_settings WHERE source = 'session')
  + (current_user <> session_user)::int + (pg_catalog.pg_my_temp_schema() <> 0)::int
  + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
  + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_listening_channels())"""
"""How much of a session was set since it began."""
_number = itertools.count()
_STATE = b"""SELECT pg_catalog.concat_ws('|',
  (SELECT pg_catalog.string_agg(version_num, ',' ORDER BY version_num) FROM %s),
  (SELECT pg_catalog.string_agg(s::text, ' ' ORDER BY setdatabase, setrole) FROM pg_catalog.pg_db_role_setting s),
  pg_catalog.current_schema(), pg_catalog.to_regtype('hstore')::oid)"""
"""What is applied, what a new session would be, and what SQLAlchemy asks of one that a step may change."""


def may_wait(env: str) -> bool:
    """Say whether an ``env.py`` of this text, and this installation, are such that it could wait."""
    with contextlib.suppress(Exception):
        load("greenlet")
        return _OWN.isdisjoint(_names(ast.parse(env)))
    return False


def leaves_nothing(statements: Iterable[Statement]) -> bool:
    """Say whether these statements leave nothing in the session that sent them; Alembic's own do."""
    return all(one.books or (_PLAIN.match(one.sql) and not _SPECIAL.search(one.sql)) for one in statements)


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for name in ("id", "attr", "arg", "name", "module"):
            value = getattr(node, name, None)
            if isinstance(value, str):
                yield value


class Waiting:
    """One start of ``env.py`` on one scratch database.

    Args:
        scratch: where it is led to.
        guard: which leads it there; closed by ``end``.
        run: starts ``env.py`` with what its ``run_migrations`` is to call.

    """

    def __init__(self, scratch: Scratch, guard: Guard, run: Callable[[Callable[..., Any]], None]) -> None:
        greenlet = load("greenlet")
        self.scratch, self.guard = scratch, guard
        self.called = 0
        self._run = run
        self._caller = greenlet.getcurrent()
        self._env = greenlet.greenlet(self._life)
        self._env.gr_context = contextvars.copy_context()  # A greenlet's own is empty.
        self._asked: Any = None
        self._raw: Any = None
        self._state = b""
        self._left: bytes | None = None

    def step(self, step: Any, calm: Callable[[], bool]) -> None:
        """Take a step, an Alembic ``RevisionStep``; return when it is committed. Raises what ``env.py`` raises.

        ``calm``: asked afterwards whether ``env.py`` may wait for another one.
        """
        self._env.switch((step, calm))

    @property
    def waits(self) -> bool:
        """Whether it has been started and has not ended."""
        return bool(self._env)

    @property
    def ready(self) -> bool:
        """Whether it waits, and a step here would be as one in a start of its own."""
        if not self.waits:
            return False
        with contextlib.suppress(Exception):
            return _ask(self._raw, self._state) == self._left
        return False

    def end(self) -> None:
        """Let ``env.py`` go on to its end, and close its connections. What has been committed stays."""
        try:
            with contextlib.suppress(Exception, SystemExit):
                if self.waits:
                    with self.guard.standing():
                        self._env.switch(None)
        finally:
            self.guard.close()

    def _life(self, first: Any) -> None:
        self._asked = first
        self._run(self._work)

    def _work(self, _heads: tuple[str, ...], context: Any) -> Iterator[Any]:
        """Give Alembic its steps, one at a time."""
        self.called += 1
        may = _restable(context) and _untouched(_raw(context))
        while self._asked is not None:
            step, calm = self._asked
            yield step
            if not (may and calm() and self._rests(context)):
                return
            # What env.py has set for its revisions is theirs; its caller puts its own back after each step.
            variables, folder = dict(os.environ), os.getcwd()  # noqa: PTH109
            self._asked = self._caller.switch()
            if self._asked is not None:
                os.environ.update(variables)
                os.chdir(folder)

    def _rests(self, context: Any) -> bool:
        """Commit what the step did, as the end of ``env.py`` would; whether the session is as a new one then."""
        connection, raw = context.connection, _raw(context)
        if len(self.guard.opened) != 1 or not _restable(context):
            return False  # A second connection is closed at the end of a start, and only there.
        if context._transaction is not None:  # noqa: SLF001 - one for all revisions: as ``autocommit_block`` parts it
            if context._transaction is not connection.get_transaction():  # noqa: SLF001
                return False  # A revision has ended it by itself.
            context._transaction.commit()  # noqa: SLF001
        if connection.in_transaction() or raw.autocommit or raw.info.transaction_status != 0:
            return False
        books = connection.dialect.identifier_preparer.format_table(context._version)  # noqa: SLF001
        self._raw, self._state = raw, _STATE.replace(b"%s", books.encode())
        with contextlib.suppress(Exception):
            _as_new(raw)
            self._left = _ask(raw, self._state)
            if context._transaction is not None:  # noqa: SLF001
                context._transaction = connection.begin()  # noqa: SLF001
            return True
        return False


def _raw(context: Any) -> Any:
    return context.connection.connection.driver_connection


def _restable(context: Any) -> bool:
    """Say whether ``env.py`` leaves transactions to Alembic, on a connection that can be made as new."""
    if context._in_external_transaction:  # noqa: SLF001 - there is no other way to ask
        return False
    raw = _raw(context)
    kind = type(raw)
    return (kind.__module__, kind.__name__) == ("psycopg", "Connection") and raw.info.server_version >= OLDEST


def _untouched(raw: Any) -> bool:
    """Say whether nothing was set in a session since it began: what ``_as_new`` undoes would be missed."""
    with contextlib.suppress(Exception):
        return _ask(raw, _SET) == b"0"
    return False


def _as_new(raw: Any) -> None:
    """Undo what a session leaves on the server and in the driver, and have it report its scans."""
    raw.autocommit = True
    try:
        raw.execute("SELECT pg_catalog.pg_stat_force_next_flush()", prepare=False)
        # The driver forgets its prepared statements when it sees this, and looks only at a text that is new to it.
        raw.execute(f"DISCARD ALL -- {next(_number)}", prepare=False)
    finally:
        raw.autocommit = False


def _ask(raw: Any, sql: bytes) -> bytes | None:
    """Send a statement past the driver's transactions and settings; return the first value.

    Raises:
        RuntimeError: the server refuses it.

    """
    result = raw.pgconn.exec_(sql)
    if result.error_message:
        raise RuntimeError(result.error_message.decode(errors="replace"))
    return result.get_value(0, 0) if result.ntuples else None
