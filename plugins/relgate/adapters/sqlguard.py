"""The guard: whatever a project's code connects to through SQLAlchemy is the scratch database, or nothing.

A project's ``env.py`` may ignore every option that it is given and connect to what its settings say. So the connection
itself is taken over: SQLAlchemy asks before it connects (``do_connect``), for every engine of the process, those made
before and those with settings of their own. The answer is a connection to the scratch database, made with the
project's driver. What comes by another way (an engine's ``creator``) or wants another kind of database is refused, and
a connection that a pool kept from an earlier step is thrown away.
"""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from relgate.adapters.sqldriver import load
from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.ports.migrations import Scratch

# Settings of a session that a project may keep; all others say where to connect, as whom, or how to encrypt.
_KEPT = frozenset(
    {
        *("options", "server_settings", "application_name", "prepare_threshold", "autocommit", "row_factory"),
        *("check_same_thread", "timeout", "detect_types", "isolation_level", "cached_statements", "factory"),
        *("charset", "init_command", "sql_mode", "use_unicode", "conv", "cursorclass", "connect_timeout"),
        *("statement_cache_size", "prepared_statement_cache_size", "prepared_statement_name_func", "command_timeout"),
        *("client_encoding", "cursor_factory", "connection_factory"),
    }
)
_MARK = "relgate"


class GuardError(SourceError):
    """Something wanted to connect to a database that relgate did not create."""


@dataclass(slots=True, eq=False)
class Guard:
    """``scratch``: None refuses every connection. ``opened``: what this guard let through, to be closed with it."""

    scratch: Scratch | None
    opened: list[Any] = field(default_factory=list)
    refused: GuardError | None = None

    def refuse(self, text: str) -> GuardError:
        """Keep the refusal: code of the project may swallow it, the step must not."""
        self.refused = GuardError(text)
        return self.refused

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Lead every connection that is made within to the scratch database; what is opened stays open.

        Raises:
            GuardError: a connection was refused, even where the project's code went on without it.

        """
        _install()
        _now.append(self)
        try:
            yield
        finally:
            _now.remove(self)
        if self.refused is not None:
            raise self.refused

    def close(self) -> None:
        """Close what was let through; an open transaction is undone."""
        for connection in self.opened:
            _close(connection)
        self.opened.clear()


_now: list[Guard] = []
_installed: list[bool] = []


@contextlib.contextmanager
def only(scratch: Scratch | None) -> Iterator[Guard]:
    """Lead every connection that is made within to one scratch database, None: refuse every one.

    At the end the connections are closed, an open transaction is undone.

    Raises:
        GuardError: a connection was refused, even where the project's code went on without it.

    """
    guard = Guard(scratch)
    try:
        with guard.standing():
            yield guard
    finally:
        guard.close()


def _install() -> None:
    if _installed:
        return
    event = load("sqlalchemy").event
    event.listen(load("sqlalchemy.engine").Engine, "do_connect", _do_connect)
    event.listen(load("sqlalchemy.pool").Pool, "connect", _connected)
    event.listen(load("sqlalchemy.pool").Pool, "checkout", _checked_out)
    _installed.append(True)


def family(name: str) -> str:
    """Return the engine that a SQLAlchemy dialect's name belongs to."""
    return "mysql" if name == "mariadb" else name


def _do_connect(dialect: Any, record: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
    """Connect to the scratch database; returning the connection keeps others from having a say after us."""
    if not _now:
        return None
    guard = _now[-1]
    scratch = guard.scratch
    if scratch is None:
        message = (
            f"a {dialect.name} connection was opened where no database may be touched: move it out of module level"
        )
        raise guard.refuse(message)
    if family(dialect.name) != scratch.engine:
        message = (
            f"expected a {scratch.engine} connection, the project wants {dialect.name}: refused, "
            "only databases that relgate created are touched"
        )
        raise guard.refuse(message)
    arguments[:], ours = target(dialect, scratch)
    kept = {key: value for key, value in parameters.items() if key in _KEPT}
    connection = dialect.connect(*arguments, **(kept | ours))
    record.info[_MARK] = guard
    guard.opened.append(connection)
    return connection


def target(dialect: Any, scratch: Scratch) -> tuple[list[Any], dict[str, Any]]:
    """Return the driver's arguments that lead to a scratch database."""
    arguments, parameters = dialect.create_connect_args(_url(scratch.url))
    host = parameters.get("host", "")
    if dialect.driver == "pg8000" and str(host).startswith("/"):
        port = parameters.pop("port", 5432)
        parameters["unix_sock"] = f"{parameters.pop('host')}/.s.PGSQL.{port}"
    return list(arguments), dict(parameters)


@functools.lru_cache(maxsize=8)
def _url(text: str) -> Any:
    """Return a URL as SQLAlchemy reads it: a value that nobody can change."""
    return load("sqlalchemy").make_url(text)


def _connected(connection: Any, record: Any) -> None:
    if _now and record.info.get(_MARK) is not _now[-1]:
        _close(connection)
        message = "an engine with a creator or do_connect of its own made a connection: refused, it may lead anywhere"
        raise _now[-1].refuse(message)


def _checked_out(_connection: Any, record: Any, _proxy: Any) -> None:
    if _now and record.info.get(_MARK) is not _now[-1]:
        raise load("sqlalchemy").exc.DisconnectionError


def _close(connection: Any) -> None:
    """Close whatever kind of connection it is; an asynchronous one whose loop has ended is cut off."""
    driver = getattr(connection, "driver_connection", connection)
    for name in ("terminate", "stop", "close"):
        if driver is not connection and name == "close":
            return
        method = getattr(driver, name, None)
        if method is None:
            continue
        with contextlib.suppress(Exception):
            method()
            return
