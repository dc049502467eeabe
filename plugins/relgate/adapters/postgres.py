"""Scratch databases on PostgreSQL 13 and later: on a private server, or on one that the user names.

What this module creates carries three marks: a name with a random token, a comment with the same token, and an unusual
connection limit, set in the same instant as the database is created. Nothing without them is ever dropped or opened. An
advisory lock that is named by the token says that its owner lives; the server frees it when the owner's connection
ends, however that happens. ``at`` first drops what dead owners left; what a living one uses it cannot take for dead,
because locks of all databases are visible in each.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

from relgate.adapters import postgres_cluster
from relgate.adapters.postgres_session import SETTINGS, PostgresSession, driver
from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import Engine, Scratch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from relgate.adapters.postgres_binaries import Binaries, Kind

OLDEST = 130000
"""``server_version_num`` of the oldest version that DROP DATABASE WITH (FORCE) and the catalog's columns allow."""

_NAME = re.compile(r"relgate_([0-9a-f]{16})_\d+")
_LIMIT = 9973
"""Connection limit of a scratch database: no limit in practice, and a mark that exists before the comment does."""

_SCRATCH = f"""
SELECT d.datname::text, shobj_description(d.oid, 'pg_database'), d.datconnlimit = {_LIMIT} FROM pg_database d
WHERE starts_with(d.datname::text, 'relgate_')
"""  # noqa: S608 - of a number
_MAY = "SELECT rolname::text, rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"


class PostgresServer:
    """Fills the port ``Server``. Made by ``private`` or ``at``."""

    engine: Engine = "postgresql"
    transactional = True

    def __init__(
        self, conninfo: Mapping[str, str], where: str, cluster: postgres_cluster.Cluster | None = None
    ) -> None:
        """Connect to the server that a DSN leads to; ``cluster`` is stopped in the end.

        Raises:
            SourceError: it cannot be reached.
            UsageError: it is too old, or its user may not create databases.

        """
        self._cluster = cluster
        self._conninfo = dict(conninfo)
        self._token = secrets.token_hex(8)
        self._made = 0
        self._psycopg = driver()
        self._connection = self._connect(self._conninfo)
        try:
            self._check()
            self._ask("SELECT pg_advisory_lock(%s)", [_key(self._token)])
        except BaseException:
            self._connection.close()
            raise
        version = self._connection.info.parameter_status("server_version") or "?"
        self.description = f"PostgreSQL {version.split()[0]} ({where})"

    @classmethod
    def private(cls, kind: Kind = "auto", major: int | None = None) -> Self:
        """Start a server of our own, after removing what killed runs left.

        Raises:
            UsageError: there is no PostgreSQL of that kind, or no psycopg.
            SourceError: it does not start.

        """
        driver()
        postgres_cluster.sweep()
        cluster = postgres_cluster.Cluster(kind, major)
        place = {"host": str(cluster.socket), "port": str(postgres_cluster.PORT), "user": postgres_cluster.USER}
        try:
            return cls({**place, "dbname": "postgres"}, cluster.binaries.kind, cluster)
        except BaseException:
            cluster.stop()
            raise

    @classmethod
    def at(cls, url: str) -> Self:
        """Use a server of the user's for scratch databases, after dropping what killed runs left there.

        ``url``: SQLAlchemy's or libpq's; the database in it is connected to and never changed.

        Raises:
            UsageError: the URL cannot be read, the server is too old, or the user may not create databases.
            SourceError: it cannot be reached.

        """
        conninfo = read_url(url)
        server = cls(conninfo, f"server at {conninfo.get('host') or conninfo.get('hostaddr') or 'its default'}")
        server._sweep()
        return server

    @property
    def binaries(self) -> Binaries | None:
        """The programs that fit a private server (pg_dump, ...); None for a server of the user's."""
        return self._cluster.binaries if self._cluster is not None else None

    def create(self, template: Scratch | None = None) -> Scratch:
        """Create a database, empty or a copy of another scratch database that nobody is connected to.

        Raises:
            SourceError: it cannot be created.
            UsageError: the template is not a database of this server's.

        """
        if template is not None:
            self._must_be_ours(template, "copied")
        self._made += 1
        name = f"relgate_{self._token}_{self._made}"
        source = template.name if template is not None else "template0"
        strategy = " STRATEGY wal_log" if self._connection.info.server_version >= 150000 else ""
        self._ask(f"CREATE DATABASE {name} TEMPLATE {source}{strategy} CONNECTION LIMIT {_LIMIT}")
        self._ask(f"COMMENT ON DATABASE {name} IS '{_comment(self._token)}'")
        return Scratch("postgresql", name, self._url(name), self._environment(name))

    def drop(self, scratch: Scratch) -> None:
        """Drop a scratch database and everything that is connected to it. Gone already is no error.

        Raises:
            UsageError: it is not a database that this server made.
            SourceError: the server refuses.

        """
        self._must_be_ours(scratch, "dropped")
        found = {name: comment for name, comment, _ in self._ask(_SCRATCH)}
        if scratch.name not in found:
            return
        if found[scratch.name] != _comment(self._token):
            raise UsageError(f"{scratch.name} is not dropped: its comment does not say {_comment(self._token)!r}")
        self._ask(f"DROP DATABASE IF EXISTS {scratch.name} WITH (FORCE)")

    def open(self, scratch: Scratch) -> PostgresSession:
        """Connect.

        Raises:
            UsageError: it is not a database that this server made.
            SourceError: it cannot be reached.

        """
        self._must_be_ours(scratch, "opened")
        return PostgresSession(self._connect({**self._conninfo, "dbname": scratch.name}))

    def close(self) -> None:
        """Drop every scratch database that this server made, and stop it where it was started for this run."""
        try:
            if self._cluster is None and not self._connection.closed:
                for name, comment, limited in self._ask(_SCRATCH):
                    if _token_of(name, comment, limited=limited) == self._token:
                        self._ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        finally:
            self._connection.close()
            if self._cluster is not None:
                self._cluster.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _must_be_ours(self, scratch: Scratch, what: str) -> None:
        found = _NAME.fullmatch(scratch.name)
        if scratch.engine != "postgresql" or found is None or found.group(1) != self._token:
            raise UsageError(
                f"{scratch.name} is not {what}: only databases that this run created are (relgate_{self._token}_*)"
            )

    def _check(self) -> None:
        version = self._connection.info.server_version
        if version < OLDEST:
            raise UsageError(f"PostgreSQL {OLDEST // 10000} or later is needed, the server is {version // 10000}")
        user, may = self._ask(_MAY)[0]
        if not may:
            raise UsageError(
                f"the user {user} may not create scratch databases on this server: ALTER ROLE {user} CREATEDB, "
                "or give the URL of another server, or none for one of relgate's own"
            )

    def _sweep(self) -> None:
        """Drop what owners left that live no more: all marks there, and nobody holds the lock of its token."""
        rows = self._ask("SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory'")
        living = {key for (key,) in rows}
        for name, comment, limited in self._ask(_SCRATCH):
            token = _token_of(name, comment, limited=limited)
            if token is not None and _key(token) not in living:
                with contextlib.suppress(SourceError):  # Another user's, or another sweep was quicker.
                    self._ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _connect(self, conninfo: Mapping[str, str]) -> psycopg.Connection[tuple[Any, ...]]:
        options = f"{conninfo.get('options', '')} {SETTINGS}".strip()
        given = {"connect_timeout": "10", "application_name": "relgate", **conninfo, "options": options}
        try:
            connection: psycopg.Connection[tuple[Any, ...]] = self._psycopg.connect(autocommit=True, **given)
        except self._psycopg.Error as error:
            where, text = conninfo.get("host", "its default place"), " ".join(str(error).split())
            raise SourceError(f"PostgreSQL at {where} cannot be reached: {text}") from None
        return connection

    def _ask(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        try:
            cursor = self._connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []
        except self._psycopg.Error as error:
            raise SourceError(f"{sql.strip().splitlines()[0]}: {' '.join(str(error).split())}") from None

    def _place(self) -> dict[str, str]:
        """The DSN with what the environment and libpq's defaults had added to it."""
        info = self._connection.info
        known = {"host": info.host, "port": str(info.port), "user": info.user, "password": info.password}
        return {**{key: value for key, value in known.items() if value}, **self._conninfo}

    def _url(self, name: str) -> str:
        return "postgresql+psycopg" + _address(self._place(), name)

    def _environment(self, name: str) -> tuple[tuple[str, str], ...]:
        """Each part of the DSN as libpq's variable for it, and as the one URL that many programs read."""
        place = {**self._place(), "dbname": name}
        variables = {"PGHOSTADDR": "", "DATABASE_URL": "postgresql" + _address(place, name)}
        for option in self._psycopg.pq.Conninfo.get_defaults():
            keyword = option.keyword.decode()
            if option.envvar and keyword in place:
                variables[option.envvar.decode()] = place[keyword]
        return tuple(sorted(variables.items()))


def read_url(url: str) -> dict[str, str]:
    """Return a URL of SQLAlchemy or libpq, or a libpq DSN, as libpq's keywords.

    Raises:
        UsageError: it is none of these.

    """
    psycopg = driver()
    plain = re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", url.strip())
    if "://" in plain and not re.match(r"postgres(ql)?://", plain):
        raise UsageError(f"a PostgreSQL URL begins with postgresql://, this one with {plain.split('://', 1)[0]}://")
    try:
        given = psycopg.conninfo.conninfo_to_dict(plain)
    except psycopg.Error as error:
        # Without the text of the URL: it may have a password.
        reason = re.sub(r'"[^"]*"', '"..."', " ".join(str(error).split()))
        raise UsageError(
            f"the PostgreSQL URL cannot be read: {reason}; postgresql://user@host:5432/db is one"
        ) from None
    return {key: str(value) for key, value in given.items() if value is not None}


def _address(place: Mapping[str, str], name: str) -> str:
    """``://user:password@host:port/name?...``; hosts that a URL has no form for (sockets, lists) become parameters."""
    more = {key: value for key, value in place.items() if key not in ("user", "password", "host", "port", "dbname")}
    host, port = place.get("host", ""), place.get("port", "")
    if host.startswith("/") or "," in host or "," in port:
        more |= {"host": host, "port": port} if port else {"host": host}
        host = port = ""
    elif ":" in host:
        host = f"[{host}]"
    user = quote(place.get("user", ""), safe="")
    if place.get("password"):
        user += ":" + quote(place["password"], safe="")
    query = f"?{urlencode(more, quote_via=quote)}" if more else ""
    return f"://{user}{'@' if user else ''}{host}{':' if port else ''}{port}/{name}{query}"


def _comment(token: str) -> str:
    return f"relgate scratch {token}"


def _token_of(name: str, comment: str | None, *, limited: bool) -> str | None:
    """The token of a database that relgate made, None for any other: its comment, or before that its limit, says so."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    marked = comment == _comment(found.group(1)) or (comment is None and limited)
    return found.group(1) if marked else None


def _key(token: str) -> int:
    """The advisory lock of a token: 64 bits with a sign."""
    return int.from_bytes(hashlib.sha256(token.encode()).digest()[:8], signed=True)
