"""What the statements of a database cost: pg_stat_statements of a PostgreSQL, or what a command prints.

Both count since some moment before the bake; a look says what was added since the first look. A count that falls was
reset or thrown out meanwhile, and what it had cost is lost: a fault, which stays one. Only statements that read or
change rows are kept: the texts of others are stored as they were sent, with passwords in them.
"""

from __future__ import annotations

import json
import math
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters import process
from relgate.errors import RelgateError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import psycopg

Rows = list[tuple[str, float, float]]
"""Statement, calls, seconds in all of them."""

_OF_ROWS = re.compile(r"(?is)(?:\s|/\*.*?\*/|--[^\n]*\n)*(?:select|insert|update|delete|merge|with|values|call)\b")
_LONGEST = 1_000
_COSTS = """
SELECT s.query, sum(s.calls)::float8, sum(s.total_exec_time)::float8 / 1000
FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() AND s.query NOT LIKE '%pg_stat_statements%' GROUP BY s.query
"""
_LOST = "SELECT dealloc::text || ' ' || stats_reset::text FROM pg_stat_statements_info"
_HIDDEN = "<insufficient privilege>"
_NO_EXTENSION = (
    "pg_stat_statements cannot be read: put it into shared_preload_libraries and CREATE EXTENSION pg_stat_statements"
)


class Statements:
    """What was added since the first look. Fills the port ``Source``.

    Args:
        rows: what everything has cost by now. Raises RelgateError for what went wrong.
        close: ends whatever ``rows`` uses.

    """

    def __init__(self, rows: Callable[[], Rows], close: Callable[[], None] = lambda: None) -> None:
        self._rows = rows
        self._close = close
        self._first: dict[str, tuple[float, float]] | None = None
        self._last: dict[str, tuple[float, float]] = {}
        self._fault: str | None = None

    def read(self) -> dict[str, Any]:
        """Return ``costs`` (statement, calls, seconds since the first look) of what changed, or a ``fault``."""
        if self._fault is None:
            try:
                return self._look()
            except RelgateError as error:
                self._fault = f"statements: {error}"
        return {"costs": [], "value": None, "fault": self._fault}

    def close(self) -> None:
        """Let go of the database."""
        self._close()

    def _look(self) -> dict[str, Any]:
        now: dict[str, tuple[float, float]] = {}
        for statement, calls, total_s in self._rows():
            if _OF_ROWS.match(statement):
                name = " ".join(statement.split())[:_LONGEST]
                known = now.get(name, (0.0, 0.0))
                now[name] = (known[0] + calls, known[1] + total_s)
        if self._first is None:
            self._first = now
        lost = next((name for name, (calls, _) in self._last.items() if now.get(name, (0, 0))[0] < calls), None)
        if lost is not None:
            raise RelgateError(f"the counts were reset or thrown out during the bake: {lost[:100]!r}")
        changed = [name for name, cost in now.items() if cost != self._last.get(name, self._first.get(name))]
        self._last = now
        costs = [[name, *(b - a for a, b in zip(self._of_first(name), now[name], strict=True))] for name in changed]
        return {"costs": costs, "value": len(costs), "fault": None}

    def _of_first(self, name: str) -> tuple[float, float]:
        return (self._first or {}).get(name, (0.0, 0.0))


class _Database:
    """pg_stat_statements of one database, over a connection that only reads."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = re.sub(r"^(postgres(?:ql)?)\+\w+:", r"\1:", url)
        self._timeout_s = timeout_s
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._lost: str | None = None

    def rows(self) -> Rows:
        from relgate.adapters.postgres_session import driver

        psycopg = driver()
        try:
            if self._connection is None:
                wait_ms = round(self._timeout_s * 1e3)
                options = f"-c statement_timeout={wait_ms} -c default_transaction_read_only=on"
                self._connection = psycopg.connect(
                    self._url, autocommit=True, connect_timeout=round(self._timeout_s), options=options
                )
            return self._read(self._connection)
        except psycopg.Error as error:
            state = getattr(error, "sqlstate", None)
            why = _NO_EXTENSION if state in ("42P01", "55000") else first_line(error)
            raise RelgateError(why) from None

    def _read(self, connection: psycopg.Connection[tuple[Any, ...]]) -> Rows:
        lost = None
        if connection.info.server_version >= 140_000:
            found = connection.execute(_LOST).fetchone()
            lost = None if found is None else str(found[0])
        if self._lost is not None and lost != self._lost:
            raise RelgateError("pg_stat_statements was reset, or threw statements out: raise pg_stat_statements.max")
        self._lost = lost
        rows = [(str(row[0]), float(row[1]), float(row[2])) for row in connection.execute(_COSTS).fetchall()]
        if any(statement == _HIDDEN for statement, _, _ in rows):
            raise RelgateError("statements of others are hidden from this user: GRANT pg_read_all_stats")
        return rows

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def of_database(url: str, timeout_s: float) -> Statements:
    """Return what the statements of a PostgreSQL database cost, by pg_stat_statements."""
    database = _Database(url, timeout_s)
    return Statements(database.rows, database.close)


def of_command(command: str, variables: Mapping[str, str], timeout_s: float) -> Statements:
    """Return what a command prints: JSON lines with ``statement``, ``calls`` and ``total_ms``."""

    def rows() -> Rows:
        # The recorder's threads have real-time priority, and a command would inherit it.
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        output = process.run(command, Path.cwd(), variables, timeout_s)
        if output.fault is not None or output.code != 0 or output.cut:
            why = output.fault or ("it printed too much" if output.cut else f"it ended with code {output.code}")
            raise RelgateError(f"{command!r}: {why} {' '.join(output.err.split())[:200]}".rstrip())
        return [_row(line) for line in output.out.splitlines() if line.strip()]

    return Statements(rows)


def _row(line: str) -> tuple[str, float, float]:
    try:
        entry = json.loads(line)
        statement, calls, total_ms = entry["statement"], float(entry["calls"]), float(entry["total_ms"])
    except (ValueError, TypeError, KeyError, RecursionError):
        statement, calls, total_ms = None, math.nan, math.nan
    if not isinstance(statement, str) or not (math.isfinite(calls + total_ms) and calls >= 0 and total_ms >= 0):
        shape = '{"statement": "select ...", "calls": 12, "total_ms": 34.5}'
        raise RelgateError(f"expected a line such as {shape}, got {line[:100]!r}")
    return statement, calls, total_ms / 1e3
