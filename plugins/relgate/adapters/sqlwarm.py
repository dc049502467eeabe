"""A connection that outlives its step: as a new one would be, without the server's work for a new one.

A third of a step is the server's: a process, its caches, the questions that SQLAlchemy asks of every connection. What
may be kept is kept between two steps on the same database: only psycopg's, only what the project's engine closed by
itself, only after ``DISCARD ALL``, and never where the settings of the database or of a role have changed since it was
opened: a new connection would have them. Whoever copies the database closes it first.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST = 150000
"""``server_version_num`` from which a session can be told to report its scans now, as the end of one does."""

_SETTINGS = b"SELECT string_agg(s::text, ' ' ORDER BY setdatabase, setrole) FROM pg_catalog.pg_db_role_setting s"


class Warm:
    """Keeps at most one connection."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: tuple[object, Any, bytes | None] | None = None
        self._lent: tuple[object, Any, bytes | None] | None = None

    def connect(self, key: object, connect: Callable[[], Any]) -> Any:
        """Return the kept connection if it was opened for an equal ``key``, else a new one to be kept."""
        if self._lent is not None:
            return connect()
        entry = self._take(key)
        if entry is None:
            connection = connect()
            if not _keepable(connection):
                return connection
            entry = (key, connection, _ask(connection, _SETTINGS))
        self._lent = entry
        entry[1].close = self._returned
        return entry[1]

    def keeps(self, connection: Any) -> bool:
        """Say whether a connection is kept; one that is still lent, its pool holding on to it, is not from now on."""
        if self._lent is not None and self._lent[1] is connection:
            self._lent = None
            del connection.close
        return self._kept is not None and self._kept[1] is connection

    def close(self) -> None:
        """Close what is kept."""
        if self._kept is not None:
            with contextlib.suppress(Exception):
                self._kept[1].close()
        self._kept = None

    def _take(self, key: object) -> tuple[object, Any, bytes | None] | None:
        kept = self._kept
        if kept is None:
            return None
        if kept[0] == key:
            with contextlib.suppress(Exception):
                if _ask(kept[1], _SETTINGS) == kept[2]:
                    self._kept = None
                    return kept
        self.close()
        return None

    def _returned(self) -> None:
        """Take the place of the connection's ``close``."""
        if self._lent is None:
            return
        entry, self._lent = self._lent, None
        connection = entry[1]
        del connection.close
        try:
            _as_new(connection)
        except Exception:  # noqa: BLE001 - whatever is wrong with it: it is closed, as it was meant to be
            connection.close()
            return
        self.close()
        self._kept = entry


def _keepable(connection: Any) -> bool:
    return type(connection).__module__.partition(".")[0] == "psycopg" and connection.info.server_version >= OLDEST


def _as_new(connection: Any) -> None:
    """Undo what a session leaves on the server and in the driver."""
    connection.rollback()
    connection.isolation_level = connection.read_only = connection.deferrable = None
    connection.autocommit = True
    connection.execute("DISCARD ALL", prepare=False)  # Sent by the driver: it forgets its prepared statements too.
    connection.execute("SELECT pg_stat_force_next_flush()", prepare=False)
    connection.autocommit = False


def _ask(connection: Any, sql: bytes) -> bytes | None:
    """Send a statement past the driver's transactions and settings; return the first value.

    Raises:
        RuntimeError: the server refuses it.

    """
    result = connection.pgconn.exec_(sql)
    if result.error_message:
        raise RuntimeError(result.error_message.decode(errors="replace"))
    return result.get_value(0, 0) if result.ntuples else None
