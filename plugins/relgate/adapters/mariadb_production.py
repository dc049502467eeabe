"""A MariaDB or MySQL database that relgate did not create: read, a little, and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from relgate.adapters.mariadb_catalog import BASE, quoted
from relgate.adapters.mariadb_connect import Connection, address_of, name_of
from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import SqlError

if TYPE_CHECKING:
    from collections.abc import Sequence


class MariadbProduction:
    """Production, read in one read-only transaction: the server refuses whatever would write.

    Raises:
        UsageError: the URL is none, or names no database.
        SourceError: the server cannot be reached.

    """

    def __init__(self, url: str) -> None:
        address = address_of(url)
        if not address.database:
            raise UsageError("MariaDB's URL of production: expected a database's name behind the host, got none")
        self._connection = Connection(address, address.database)
        self._ask("SET SESSION TRANSACTION READ ONLY")
        self._ask("START TRANSACTION READ ONLY")

    def applied(self, table: str = "alembic_version", of: tuple[int, ...] = (0,)) -> tuple[str, ...]:
        """Return what the tool's books say, the columns ``of`` joined by a point; none where there are no books."""
        there = "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s"
        if not self._ask(there, (table,)):
            return ()
        rows = self._ask(f"SELECT * FROM {name_of(table)}")  # noqa: S608  quoted
        return tuple(sorted(".".join(str(row[k]) for k in of) for row in rows))

    def row_counts(self) -> dict[str, int]:
        """Return about how many rows each table has, as the server estimates; nothing is counted."""
        sql = (
            "SELECT table_name, table_rows FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_type IN (%s, %s)"
        )
        return {quoted(name): int(rows or 0) for name, rows in self._ask(sql, BASE)}

    def statements(self) -> tuple[str, ...]:
        """Return what performance_schema remembers of this database's statements, most frequent first.

        A sample with its values where the server keeps one (MySQL 8), else the text with ``?`` for values; none where
        performance_schema is off.
        """
        sql = (
            "SELECT * FROM performance_schema.events_statements_summary_by_digest "
            "WHERE schema_name = DATABASE() ORDER BY count_star DESC"
        )
        try:
            rows = self._connection.named(sql)
        except SqlError:
            return ()
        texts = (row.get("query_sample_text") or row.get("digest_text") for row in rows)
        return tuple(dict.fromkeys(str(text) for text in texts if text))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.run(sql, parameters)
        except SqlError as error:
            raise SourceError(f"MariaDB, production: {error}") from error
