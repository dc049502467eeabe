"""The ledger in a PostgreSQL: one table that only grows, the same lines as in a file, one writer at a time.

A trigger refuses to change or remove a line, and an advisory lock lets one writer in at a time. A transaction is
written whole or not at all: nothing is ever torn here. The place of a line is its sequence number.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

TABLE = "relgate_ledger"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('relgate_ledger'))"
_THERE = "SELECT to_regclass('relgate_ledger') IS NOT NULL"
_MADE = (
    "CREATE TABLE relgate_ledger (place bigint PRIMARY KEY, line bytea NOT NULL)",
    """CREATE FUNCTION relgate_ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'relgate_ledger only grows: % is refused', TG_OP; END $$""",
    """CREATE TRIGGER relgate_ledger_rows BEFORE UPDATE OR DELETE ON relgate_ledger
    FOR EACH ROW EXECUTE FUNCTION relgate_ledger_only_grows()""",
    """CREATE TRIGGER relgate_ledger_table BEFORE TRUNCATE ON relgate_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION relgate_ledger_only_grows()""",
)
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class SqlStore:
    """The table ``relgate_ledger`` behind a URL (``postgresql://...``), which is a secret."""

    url: str

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"table {TABLE}"

    @contextmanager
    def writing(self) -> Iterator[SqlWriter]:
        """Hold the ledger alone, in one transaction; the table is made when it is not there.

        Raises:
            SourceError: the database does not answer, or the transaction did not end well: nothing was written.
            UsageError: SQLAlchemy or the driver is missing.

        """
        from sqlalchemy import text

        with self._connected() as connection, connection.begin():
            connection.execute(text("SET LOCAL synchronous_commit = on"))
            connection.execute(text(_LOCK))
            if not connection.execute(text(_THERE)).scalar_one():
                for statement in _MADE:
                    connection.execute(text(statement))
            yield SqlWriter(connection)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield all lines with their places. Raises SourceError."""
        yield from self._selected("ASC")

    def newest(self) -> Iterator[tuple[int, bytes]]:
        """Yield all lines from the last to the first. Raises SourceError."""
        yield from self._selected("DESC")

    def torn(self) -> bytes:
        """Return nothing: a transaction is written whole or not at all."""
        return b""

    def _selected(self, order: str) -> Iterator[tuple[int, bytes]]:
        from sqlalchemy import text

        with self._connected() as connection:
            if not connection.execute(text(_THERE)).scalar_one():
                return
            query = text(f"SELECT place, line FROM {TABLE} ORDER BY place {order}")  # noqa: S608 - words of ours
            for place, line in connection.execution_options(yield_per=_BATCH).execute(query):
                yield int(place), bytes(line)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        engine = self._engine()
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            # Its own text has the statement; the driver's has the reason.
            reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
            raise SourceError(f"{self.name}: {reason}") from None
        finally:
            engine.dispose()

    def _engine(self) -> Engine:
        try:
            from sqlalchemy import create_engine
            from sqlalchemy.exc import ArgumentError, NoSuchModuleError
            from sqlalchemy.pool import NullPool
        except ImportError as error:
            raise UsageError(
                "a ledger in a database needs the extra postgres: pip install 'relgate[postgres]'"
            ) from error
        url = self.url
        for plain in ("postgresql://", "postgres://"):
            if url.startswith(plain):
                url = f"postgresql+psycopg://{url.removeprefix(plain)}"
        try:
            if not url.startswith("postgresql+"):
                raise UsageError("ledger.store: expected the URL of a PostgreSQL (postgresql://...), got another kind")
            return create_engine(url, poolclass=NullPool)
        except (ArgumentError, NoSuchModuleError, ValueError):
            raise UsageError("ledger.store: expected the URL of a PostgreSQL (postgresql://...)") from None
        except ImportError as error:
            raise UsageError(
                f"a ledger in a database needs the extra postgres: pip install 'relgate[postgres]' ({error})"
            ) from error


@dataclass(slots=True)
class SqlWriter:
    """The table while it is held alone."""

    connection: Connection

    def last(self, count: int) -> list[tuple[int, bytes]]:
        """Return the last ``count`` lines, oldest first."""
        return self._rows(f"SELECT place, line FROM {TABLE} ORDER BY place DESC LIMIT :number", count)[::-1]  # noqa: S608

    def since(self, start: int) -> list[tuple[int, bytes]]:
        """Return the lines from a place on."""
        return self._rows(f"SELECT place, line FROM {TABLE} WHERE place >= :number ORDER BY place", start)  # noqa: S608

    def add(self, data: bytes) -> int:
        """Write a line; it is durable when the transaction has ended well. Return its place."""
        from sqlalchemy import text

        insert = f"INSERT INTO {TABLE} SELECT coalesce(max(place), 0) + 1, :line FROM {TABLE} RETURNING place"  # noqa: S608
        return int(self.connection.execute(text(insert), {"line": data.removesuffix(b"\n")}).scalar_one())

    def pending(self) -> list[tuple[dict[str, Any], Path]]:
        """Return nothing: nothing is ever torn."""
        return []

    def settle(self, path: Path) -> None:
        """Do nothing: nothing is ever torn."""

    def _rows(self, query: str, number: int) -> list[tuple[int, bytes]]:
        from sqlalchemy import text

        found = self.connection.execute(text(query), {"number": number})
        return [(int(place), bytes(line)) for place, line in found]
