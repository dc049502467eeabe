"""A connection that outlives its step: as a new one would be, without the server's work for a new one.

A third of a step is the server's: a process, its caches, the questions that SQLAlchemy asks of every connection. What
may be kept is kept between two steps on the same database: only psycopg's, only what the project's engine closed by
itself, only after ``DISCARD ALL``, and never where the settings of the database or of a role have changed since it was
opened: a new connection would have them. Whoever copies the database closes it first.

What SQLAlchemy asks of a server at an engine's first connection is asked once for each kept connection: the answers are
facts about the server and the session. Those that a step can change are looked at before the connection is lent again.
What an engine has compiled is handed on too, to engines that are made alike in every respect that is known here, and to
no other.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from relgate.adapters.sqldriver import load

if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST = 150000
"""``server_version_num`` from which a session can be told to report its scans now, as the end of one does."""

_SESSION = b"""SELECT pg_catalog.concat_ws('|',
  (SELECT pg_catalog.string_agg(s::text, ' ' ORDER BY setdatabase, setrole) FROM pg_catalog.pg_db_role_setting s),
  pg_catalog.current_schema(), pg_catalog.to_regtype('hstore')::oid)"""
"""What a new session would be, and what SQLAlchemy asks that a step may change: the default schema, the type hstore."""

_number = itertools.count()
_PLAIN = (str, int, float, tuple, type(None))
_PARTS = ("identifier_preparer", "type_compiler", "type_compiler_instance")
_OF_PARTS = frozenset({"dialect", "_strings"})
"""What those have beside settings: whose they are, and names that they have quoted."""
_OWN = ("initialize", "_psycopg_adapters_map")
"""What a dialect has that changes nothing of what it compiles; the first is ours."""


@dataclass(eq=False)
class _Entry:
    """A connection, for whom it was opened, what its session was, and what SQLAlchemy learned: (asker, answers)."""

    key: object
    connection: Any
    session: bytes | None
    learned: list[tuple[object, dict[str, Any]]] = field(default_factory=list)
    compiled: list[tuple[object, Any]] = field(default_factory=list)


class Warm:
    """Keeps at most one connection."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: _Entry | None = None
        self._lent: _Entry | None = None

    def connect(self, key: object, connect: Callable[[], Any]) -> Any:
        """Return the kept connection if it was opened for an equal ``key``, else a new one to be kept."""
        if self._lent is not None:
            return connect()
        entry = self._take(key)
        if entry is None:
            connection = connect()
            if not _keepable(connection):
                return connection
            entry = _Entry(key, connection, _ask(connection, _SESSION))
        self._lent = entry
        entry.connection.close = self._returned
        return entry.connection

    def introduce(self, dialect: Any, connection: Any) -> None:
        """Let a new engine's dialect know what an equal one has learned from this connection."""
        entry = self._lent
        if entry is None or entry.connection is not connection:
            return
        ask = dialect.initialize

        def initialize(first: Any) -> None:
            asker = (type(dialect), _plain(dialect))
            known = next((answers for one, answers in entry.learned if one == asker), None)
            if known is not None:
                vars(dialect).update(known)
                return
            before = dict(vars(dialect))
            ask(first)
            answers = _answers(dialect, before)
            if answers is not None:
                entry.learned.append((asker, answers))

        dialect.initialize = initialize

    def share(self, engine: Any, connection: Any) -> None:
        """Let an engine use what an equal one has compiled on this connection; the first one of its kind begins."""
        entry = self._lent
        if entry is None or entry.connection is not connection:
            return
        cache, made = engine._compiled_cache, _made(engine.dialect)  # noqa: SLF001 - there is no other way to it
        if made is None or type(cache) is not load("sqlalchemy.util").LRUCache:
            return
        asker = (made, cache.capacity, cache.threshold)
        shared = next((compiled for one, compiled in entry.compiled if one == asker), None)
        if shared is None:
            shared = _compiled(cache)
            entry.compiled.append((asker, shared))
        engine._compiled_cache = shared  # noqa: SLF001

    def keeps(self, connection: Any) -> bool:
        """Say whether a connection is kept; one that is still lent, its pool holding on to it, is not from now on."""
        if self._lent is not None and self._lent.connection is connection:
            self._lent = None
            del connection.close
        return self._kept is not None and self._kept.connection is connection

    def close(self) -> None:
        """Close what is kept."""
        if self._kept is not None:
            with contextlib.suppress(Exception):
                self._kept.connection.close()
        self._kept = None

    def _take(self, key: object) -> _Entry | None:
        kept = self._kept
        if kept is None:
            return None
        if kept.key == key:
            with contextlib.suppress(Exception):
                if _ask(kept.connection, _SESSION) == kept.session:
                    self._kept = None
                    return kept
        self.close()
        return None

    def _returned(self) -> None:
        """Take the place of the connection's ``close``."""
        if self._lent is None:
            return
        entry, self._lent = self._lent, None
        connection = entry.connection
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
    connection.execute("SELECT pg_catalog.pg_stat_force_next_flush()", prepare=False)
    # The driver forgets its prepared statements when it sees this, and looks only at a text that is new to it.
    connection.execute(f"DISCARD ALL -- {next(_number)}", prepare=False)
    connection.autocommit = False


def _plain(dialect: Any) -> dict[str, Any]:
    """Return what a dialect was made with, as far as it can be compared."""
    return {name: value for name, value in vars(dialect).items() if isinstance(value, _PLAIN)}


def _made(dialect: Any) -> object | None:
    """Return all that a dialect was made with and has learned, its parts' settings among them.

    None where that cannot be compared, or where it has not asked the server yet.
    """
    if "default_schema_name" not in vars(dialect):
        return None
    parts: list[object] = [type(dialect)]
    for name, value in sorted(vars(dialect).items()):
        if isinstance(value, _PLAIN) or name == "dbapi":
            parts.append((name, value))
        elif name in _PARTS and vars(value).keys() - _plain(value).keys() <= _OF_PARTS:
            parts.append((name, type(value), _plain(value)))
        elif name not in _OWN and not _is_lazy(inspect.getattr_static(type(dialect), name, None)):
            return None
    return parts


def _compiled(cache: Any) -> Any:
    """Return a cache like this one whose keys do not say for which dialect: all that use it have equal ones."""

    class Compiled(type(cache)):  # type: ignore[misc]
        def get(self, key: Any, default: Any = None) -> Any:
            return super().get(key[1:], default)

        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(key[1:], value)

    return Compiled(cache.capacity, cache.threshold)


def _answers(dialect: Any, before: dict[str, Any]) -> dict[str, Any] | None:
    """Return what asking has changed in a dialect; None where that cannot be handed to another one."""
    if getattr(dialect, "_has_native_hstore", False):
        return None  # Its adapters hang on the engine.
    changed = {name: value for name, value in vars(dialect).items() if before.get(name, dialect) is not value}
    lazy = {name for name in changed if _is_lazy(inspect.getattr_static(type(dialect), name, None))}
    facts = {name: value for name, value in changed.items() if name not in lazy and name != "initialize"}
    return facts if all(isinstance(value, _PLAIN) for value in facts.values()) else None


def _is_lazy(attribute: object) -> bool:
    """Whether an attribute makes its own value at the first use."""
    return hasattr(attribute, "__get__") and not hasattr(attribute, "__set__") and not callable(attribute)


def _ask(connection: Any, sql: bytes) -> bytes | None:
    """Send a statement past the driver's transactions and settings; return the first value.

    Raises:
        RuntimeError: the server refuses it.

    """
    result = connection.pgconn.exec_(sql)
    if result.error_message:
        raise RuntimeError(result.error_message.decode(errors="replace"))
    return result.get_value(0, 0) if result.ntuples else None
