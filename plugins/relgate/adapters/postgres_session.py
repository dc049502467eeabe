"""A connection to a scratch database: runs statements, reads the schema, rows and locks.

Everything is read with settings of its own (UTC, ISO dates), so that the same database gives the same text. Statements
without parameters are sent as they are: a ``%`` in them is a ``%``. Parameters become literals of unknown type, which
the server casts to what the column has.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from relgate.adapters import postgres_tables
from relgate.adapters.postgres_look import Look
from relgate.errors import UsageError, first_line
from relgate.ports.migrations import Catalog, Lock, Row, SqlError, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from relgate.adapters.postgres_look import Ask

SETTINGS = (
    "-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=iso_8601 -c bytea_output=hex -c client_min_messages=warning"
    " -c jit=off"
)

# One snapshot for all that a look asks; a few relations are found by the catalogs' indexes, however many there are.
_BEGIN = (
    b"BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL search_path = ''; SET LOCAL enable_nestloop = on; "
    b"SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL plan_cache_mode = force_generic_plan"
)
# Planned once, often for an empty schema, and used for large ones: a nested loop would be cheap there and endless here.
_ALL = b"SET LOCAL enable_nestloop = off; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
_SET = "SELECT set_config('search_path', %s, false), set_config('enable_nestloop', %s, false)"
_SET_OWN = (
    "SELECT current_setting('search_path'), current_setting('enable_nestloop'), "
    "set_config('search_path', '', false), set_config('enable_nestloop', 'off', false)"
)
_LOCKS = """
SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(c.relname), l.mode
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = %s AND l.locktype = 'relation' AND l.granted AND c.relkind IN ('r', 'p', 'm', 'i', 'I', 'f', 'v', 'S')
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2
"""
_FILES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), pg_relation_filenode(c.oid)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'i') AND c.oid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
# Python has no value for an infinite date, one before Christ, or an interval in ISO's style: psycopg refuses those.
_AS_TEXT = ("date", "timestamp", "timestamptz", "interval")
# `could not open extension control file "/.../citext.control"` was the wording until PostgreSQL 15.
_MISSING = re.compile(r'extension "([^"]+)" is not available|control file "[^"]*?([^"/]+)\.control"')


def driver() -> Any:
    """Return the module psycopg.

    Raises:
        UsageError: it is not installed.

    """
    try:
        import psycopg
    except ImportError as error:
        raise UsageError(f"PostgreSQL needs psycopg ({error}): pip install 'relgate[migrations]'") from None
    return psycopg


def extension_advice(error_text: str) -> str | None:
    """Return one line on how to get an extension that a server does not have; None for errors about another thing."""
    found = _MISSING.search(error_text)
    if found is None:
        return None
    return (
        f"the extension {found.group(1) or found.group(2)} is not in this PostgreSQL (the embedded one has plpgsql and "
        "vector only); three ways out: choose the system's server after apt-get install postgresql and the extension's "
        "package; the URL of a container that has it; or the URL of another scratch server that has it"
    )


class PostgresSession:
    """Fills the ports ``Session`` and ``Watching``."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        """Take over a connection in autocommit mode, made with ``SETTINGS``."""
        self._connection = connection
        self._psycopg = driver()
        self._literals = self._psycopg.ClientCursor(connection)
        self._literals.adapters.register_dumper(dict, self._psycopg.types.json.JsonDumper)
        for name in _AS_TEXT:
            self._literals.adapters.register_loader(name, self._psycopg.types.string.TextLoader)
        self._look = Look(connection.info.server_version)

    @property
    def backend(self) -> int:
        """The server's process of this connection, as ``locks`` wants it."""
        return self._connection.info.backend_pid

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows, in psycopg's types; dates, times and intervals as text.

        Raises:
            SqlError: the database refuses it.

        """
        with self._told():
            if parameters:
                self._literals.execute(sql, list(parameters))
            else:
                self._literals.execute(sql)
            return self._literals.fetchall() if self._literals.description else []

    def begin(self) -> None:
        """Start a transaction."""
        self.run("BEGIN")

    def commit(self) -> None:
        """End the transaction.

        Raises:
            SqlError: a statement in it failed, so that it is undone instead; or a deferred constraint fails.

        """
        if self._connection.info.transaction_status == self._psycopg.pq.TransactionStatus.INERROR:
            self.rollback()
            raise SqlError("nothing was committed: a statement of this transaction had failed", "25P02")
        self.run("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction; nothing to undo is no error."""
        if self._connection.info.transaction_status != self._psycopg.pq.TransactionStatus.IDLE:
            self.run("ROLLBACK")

    def catalog(self) -> Catalog:
        """Return the schema."""
        with self._told(), self._connection.cursor() as cursor:

            def ask(sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
                return cursor.execute(sql, parameters or None, prepare=True).fetchall()

            if self._connection.info.transaction_status == self._psycopg.pq.TransactionStatus.IDLE:
                return self._in_its_own_transaction(ask)
            own = cursor.execute(_SET_OWN).fetchall()[0][:2]
            try:
                return self._look.whole(ask)
            finally:
                if self._connection.info.transaction_status != self._psycopg.pq.TransactionStatus.INERROR:
                    cursor.execute(_SET, own)

    def _in_its_own_transaction(self, ask: Ask) -> Catalog:
        """Read it with settings that end with the transaction; sent past the driver, which would ask twice as often."""
        connection = self._connection.pgconn

        def fitting(sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
            if not parameters:
                connection.exec_(_ALL)
            return ask(sql, parameters)

        connection.exec_(_BEGIN)
        try:
            return self._look.read(fitting)
        finally:
            connection.exec_(b"ROLLBACK")

    def tables(self) -> tuple[Table, ...]:
        """Return the tables that rows can be written to, those that others refer to first where there is an order."""
        return postgres_tables.tables(self.run)

    def rows(self, tables: Sequence[str] | None = None) -> dict[str, list[Row]]:
        r"""Return all rows of tables (None: of all), in no order.

        Integers and floats are numbers, all other types the server's text: decimals, JSON, arrays ``{1,2}``, bytes
        ``\x6162``; that text can be written back. Times are ISO 8601. A partitioned table has the rows of its
        partitions, which have them too.
        """
        names, sql = postgres_tables.rows_sql(self.run, tables)
        found: dict[str, list[Row]] = {name: [] for name in names}
        for place, text in self.run(sql) if sql else ():
            found[names[place]].append(json.loads(text))
        return found

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has; a partitioned one those of its partitions."""
        names, sql = postgres_tables.counts_sql(self.run)
        return {names[place]: count for place, count in (self.run(sql) if sql else ())}

    def set_sequences(self) -> None:
        """Move every sequence behind the largest value of the column that it feeds; no sequence goes backwards."""
        for statement in postgres_tables.sequences_sql(self.run):
            self.run(statement)

    def locks(self, backend: int) -> tuple[Lock, ...]:
        """Return the locks that a backend holds on tables, their indexes, views and sequences at this moment.

        Relations that the backend created and has not committed are not among them: nobody else can wait for those.
        """
        return tuple(Lock(table, mode) for table, mode in self.run(_LOCKS, [backend]))

    def files(self) -> dict[str, int]:
        """Return table or index -> the number of the file that it is stored in; a rewrite changes it."""
        return {name: number for name, number in self.run(_FILES) if number is not None}

    def close(self) -> None:
        """Close the connection; an open transaction is undone."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the driver's errors into the port's."""
        try:
            yield
        except self._psycopg.Error as error:
            text = error.diag.message_primary or first_line(error)
            if error.diag.message_detail:
                text = f"{text} ({error.diag.message_detail})"
            raise SqlError(text, error.sqlstate or "") from None
