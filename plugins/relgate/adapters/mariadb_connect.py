"""Connections to MariaDB and MySQL through pymysql: addresses from URLs, and errors with the server's SQLSTATE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import SqlError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCHEMES = ("mysql", "mariadb")
_TEXT_OPTIONS = ("unix_socket", "charset", "ssl_ca", "ssl_cert", "ssl_key")
_TRUE_OPTIONS = ("ssl_verify_cert", "ssl_verify_identity", "ssl_disabled")
_CONNECT_S = 10
_LOST = "08S01"
_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
"""What a server has without settings of its own; ANSI_QUOTES and the like would change what SHOW CREATE writes."""


@dataclass(frozen=True, slots=True)
class Address:
    """A server, as a URL names it. ``options``: of the query. ``database`` is empty where the URL has none."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def url(self, database: str) -> str:
        """SQLAlchemy's URL for a database of this server."""
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = f"?{urlencode(self.options)}" if self.options else ""
        return (
            f"mysql+pymysql://{quote(self.user, safe='')}{secret}@{host}:{self.port}/{quote(database, safe='')}{query}"
        )

    def environment(self) -> tuple[tuple[str, str], ...]:
        """Return the variables that MySQL's own programs take the server from."""
        socket = dict(self.options).get("unix_socket")
        found = [("MYSQL_HOST", self.host), ("MYSQL_TCP_PORT", str(self.port)), ("MYSQL_PWD", self.password)]
        return (*found, *([("MYSQL_UNIX_PORT", socket)] if socket else []))


def address_of(url: str) -> Address:
    """Read ``mysql+pymysql://user:password@host:port/database?unix_socket=...``.

    Raises:
        UsageError: it is none, or has an option that is not known here.

    """
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError as error:
        raise UsageError(f"MariaDB's URL: not readable ({error})") from error
    if parts.scheme.partition("+")[0] not in _SCHEMES:
        raise UsageError(f"MariaDB's URL: expected mysql+pymysql://..., got {parts.scheme or 'no scheme'}://...")
    options = tuple(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted({name for name, _ in options} - {*_TEXT_OPTIONS, *_TRUE_OPTIONS})
    if unknown:
        known = ", ".join((*_TEXT_OPTIONS, *_TRUE_OPTIONS))
        raise UsageError(f"MariaDB's URL: expected options among {known}; got {', '.join(unknown)}")
    return Address(
        host=parts.hostname or "localhost",
        port=port,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.removeprefix("/")),
        options=options,
    )


class Connection:
    """One connection, every statement committing by itself.

    ``variables``: ``SET SESSION`` assignments beside those that make results the same everywhere (UTC, strict).

    Raises:
        UsageError: pymysql is missing.
        SourceError: the server cannot be reached.

    """

    def __init__(self, address: Address, database: str | None = None, variables: Sequence[str] = ()) -> None:
        try:
            import pymysql
        except ImportError as error:
            raise UsageError("MariaDB needs pymysql: pip install 'relgate[migrations]'") from error
        self._errors = pymysql.Error
        options: dict[str, Any] = {"charset": "utf8mb4"}
        for name, value in address.options:
            options[name] = value if name in _TEXT_OPTIONS else value.lower() in ("1", "true", "yes")
        try:
            self._raw = pymysql.connect(
                host=address.host,
                port=address.port,
                user=address.user,
                password=address.password.encode(),  # A text would be sent in latin1.
                database=database,
                autocommit=True,
                connect_timeout=_CONNECT_S,
                **options,
            )
        except (pymysql.Error, OSError) as error:
            where = dict(address.options).get("unix_socket", f"{address.host}:{address.port}")
            raise SourceError(f"MariaDB at {where}, user {address.user}: cannot connect ({_text(error)})") from error
        try:
            for setting in (f"sql_mode = '{_MODE}'", "time_zone = '+00:00'", "sql_quote_show_create = 1", *variables):
                self.run(f"SET SESSION {setting}")
        except SqlError as error:
            self.close()
            raise SourceError(f"MariaDB at {address.host}: {error}") from error

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; with parameters, ``%s`` stands for each and ``%%`` for a percent sign.

        Raises:
            SqlError: the server refuses it; ``state`` is its SQLSTATE, 08S01 where the connection was lost.

        """
        try:
            with self._raw.cursor() as cursor:
                cursor.execute(sql, tuple(parameters) or None)
                return list(cursor.fetchall())
        except self._errors as error:
            raise SqlError(_text(error), self._state(error)) from error
        except (TypeError, ValueError) as error:  # The text and its parameters do not match.
            raise SqlError(f"{error}: {len(parameters)} parameters for {sql}", "07001") from error

    def named(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """``run``, rows as dictionaries by column name in lower case: servers differ in the columns that they have."""
        try:
            with self._raw.cursor() as cursor:
                cursor.execute(sql, tuple(parameters) or None)
                names = [str(column[0]).lower() for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except self._errors as error:
            raise SqlError(_text(error), self._state(error)) from error

    def close(self) -> None:
        """Close it; an open transaction is undone."""
        if self._raw.open:
            self._raw.close()

    def _state(self, error: Exception) -> str:
        """Return an error's SQLSTATE; drivers before 1.2 drop it, then the server is asked, which still knows."""
        told = getattr(error, "sqlstate", None)
        if told:
            return str(told)
        try:
            with self._raw.cursor() as cursor:
                cursor.execute("GET DIAGNOSTICS CONDITION 1 @relgate_state = RETURNED_SQLSTATE")
                cursor.execute("SELECT @relgate_state")
                row = cursor.fetchone()
        except self._errors:
            return _LOST
        return str(row[0] or "HY000") if row else "HY000"


def name_of(name: str) -> str:
    """Return a name in the quotes of this engine."""
    return "`" + name.replace("`", "``") + "`"


def _text(error: BaseException) -> str:
    """``1062: Duplicate entry ...`` in one line."""
    return ": ".join(str(part) for part in error.args) or repr(error)
