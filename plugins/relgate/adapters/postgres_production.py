"""A database that relgate did not create: read, a little, and never changed.

Three fences, each enough by itself: the connection's transactions are read-only by default, every question is asked
inside a transaction that is read-only by its own word, and the questions are the constants below. Nothing waits: a
question ends after 10 s, waiting for a lock after 1 s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from relgate.adapters.postgres import read_url
from relgate.adapters.postgres_session import driver
from relgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

_FENCES = "-c default_transaction_read_only=on -c statement_timeout=10s -c lock_timeout=1s"

_COUNTS = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), CASE c.relkind WHEN 'r' THEN c.reltuples ELSE
  (SELECT sum(l.reltuples) FILTER (WHERE l.reltuples >= 0)
   FROM pg_partition_tree(c.oid) p JOIN pg_class l ON l.oid = p.relid WHERE p.isleaf) END::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
_WHERE_STATEMENTS = """
SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'
"""
_STATEMENTS = """
SELECT query FROM {schema}.pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND query <> '<insufficient privilege>' GROUP BY query ORDER BY sum(calls) DESC, query
"""
_NOT_LOADED = "55000"
"""The extension is created, but the server does not load its library: it has collected nothing."""
_NO_TABLE = "42P01"


class Production:
    """A read-only connection. Every method raises SourceError where the database does not answer."""

    def __init__(self, url: str) -> None:
        """Connect; ``url`` is SQLAlchemy's or libpq's.

        Raises:
            UsageError: the URL cannot be read.
            SourceError: the database cannot be reached.

        """
        self._psycopg = driver()
        conninfo = read_url(url)
        options: Mapping[str, str] = {"connect_timeout": "10", "application_name": "relgate (read only)", **conninfo}
        fenced = {**options, "options": f"{conninfo.get('options', '')} {_FENCES}".strip()}
        try:
            self._connection: psycopg.Connection[tuple[Any, ...]] = self._psycopg.connect(autocommit=True, **fenced)
        except self._psycopg.Error as error:
            raise SourceError(f"the database cannot be reached: {' '.join(str(error).split())}") from None

    def applied(self, table: str = "alembic_version", of: tuple[int, ...] = (0,)) -> tuple[str, ...]:
        """Return the revisions that a table of books lists; none where there is no such table.

        ``table``: may have a schema before it. ``of``: the positions of the columns whose values, joined by a point,
        are a revision.
        """
        parts = table.split(".")
        if not all(parts):
            raise UsageError(f"a table is named schema.table or table, not {table!r}")
        name = self._psycopg.sql.Identifier(*parts)
        rows = self._ask(self._psycopg.sql.SQL("SELECT * FROM {}").format(name), silent=_NO_TABLE)
        return tuple(sorted(".".join(str(row[k]) for k in of) for row in rows))

    def row_counts(self) -> dict[str, int]:
        """Return how many rows the server believes each table to have; tables never analysed are not in it.

        A partitioned table has the rows of its partitions.
        """
        return {name: count for name, count in self._ask(_COUNTS) if count is not None and count >= 0}

    def statements(self) -> tuple[str, ...]:
        """Return what pg_stat_statements has seen in this database, most called first; none without it."""
        found = self._ask(_WHERE_STATEMENTS)
        if not found:
            return ()
        return tuple(text for (text,) in self._ask(_STATEMENTS.format(schema=found[0][0]), silent=_NOT_LOADED))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, sql: Any, silent: str = "") -> list[tuple[Any, ...]]:
        """Ask inside a read-only transaction that is always undone; an error of the state ``silent`` is no rows."""
        try:
            self._connection.execute("BEGIN READ ONLY")
            try:
                return self._connection.cursor().execute(sql, prepare=True).fetchall()
            finally:
                self._connection.execute("ROLLBACK")
        except self._psycopg.Error as error:
            if silent and error.sqlstate == silent:
                return []
            text = error.diag.message_primary or " ".join(str(error).split())
            raise SourceError(f"the database refused to be read: {text}") from None
