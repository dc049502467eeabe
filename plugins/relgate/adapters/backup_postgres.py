"""Backups of PostgreSQL by pg_dump and pg_restore, in the custom format.

The source is only read: pg_dump's transaction is read only, and so is every other by default. A session can share its
snapshot, so that the dump holds exactly what the session sees. Owners and privileges are left out, because a scratch
server does not have production's roles; a policy that names a role does not restore without it. Passwords travel in the
environment, never on a command line.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from relgate.adapters import postgres_binaries
from relgate.adapters.backup import finished, run, unchanged, writing
from relgate.adapters.postgres import read_url
from relgate.adapters.postgres_session import PostgresSession, driver
from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import Engine, Scratch, Session, SqlError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.ports.backups import BackupMade

_FENCES = "-c default_transaction_read_only=on -c idle_in_transaction_session_timeout=0"
_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "application_name": "PGAPPNAME",
}
"""libpq's keywords -> its variables, so that no password is on a command line."""

_DATA = re.compile(r"^\d+; \d+ \d+ TABLE DATA (?P<schema>.+?) (?P<name>\S+)(?: \S+)?$", re.MULTILINE)


class _Program(NamedTuple):
    path: str
    version: str


class PostgresBackup:
    """pg_dump's custom format. ``privileges``: restore them too, where the scratch server has production's roles."""

    engine: Engine = "postgresql"
    shares = True

    def __init__(self, *, privileges: bool = False) -> None:
        self.omits: frozenset[str] = frozenset() if privileges else frozenset({"privilege"})
        self._options = ["--no-owner"] if privileges else ["--no-owner", "--no-privileges"]

    def reading(self, url: str) -> PostgresSession:
        """Connect read only, in a transaction that sees one state."""
        psycopg = driver()
        given = read_url(url)
        fenced: dict[str, Any] = {**given, "options": f"{given.get('options', '')} {_FENCES}".strip()}
        fenced.setdefault("application_name", "relgate (read only)")
        try:
            session = PostgresSession(psycopg.connect(autocommit=True, **fenced))
        except psycopg.Error as error:
            raise SourceError(f"the database cannot be reached: {' '.join(str(error).split())}") from None
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        session.run("SELECT 1")  # Only the first query fixes the state.
        return session

    def take(self, url: str, folder: Path, source: Session | None = None) -> BackupMade:
        """Dump the whole database."""
        if source is None:
            with self.reading(url) as session:
                return self.take(url, folder, session)
        given = read_url(url)
        options = f"{given.get('options', '')} {_FENCES}".strip()
        program = _program("pg_dump", _major(source))
        command = [program.path, "--format=custom", "--no-password", f"--snapshot={_snapshot(source)}"]
        with writing(folder, given.get("dbname", "database"), ".dump") as file:
            run([*command, f"--file={file.part}"], _environment({**given, "options": options}), "backup")
            file.tool = program.version
        return finished(file)

    def listed(self, made: BackupMade) -> tuple[str, ...]:
        """Return the tables whose rows are in the dump, as ``schema.name``."""
        command = [_program("pg_restore", None).path, "--list", made.path]
        listed = run(command, _environment({}), f"backup {made.path}").decode(errors="replace")
        return tuple(sorted(f"{one['schema']}.{one['name']}" for one in _DATA.finditer(listed)))

    def restore(self, made: BackupMade, scratch: Scratch) -> float:
        """Restore the dump; the first error ends it."""
        path = unchanged(made)
        program = _program("pg_restore", _major_of(scratch))
        ticks = time.monotonic()
        command = [program.path, "--exit-on-error", "--no-password", *self._options, f"--dbname={scratch.name}"]
        run([*command, str(path)], _environment({}) | dict(scratch.environment), f"restore of {path}")
        return time.monotonic() - ticks


def _snapshot(session: Session) -> str:
    try:
        return str(session.run("SELECT pg_export_snapshot()")[0][0])
    except SqlError as error:
        why = "a session on a standby cannot, one on the primary can"
        raise SourceError(f"backup: the session's state cannot be shared ({error}); {why}") from error


def _major(session: Session) -> int:
    return int(session.run("SELECT current_setting('server_version_num')::int")[0][0]) // 10000


def _major_of(scratch: Scratch) -> int:
    psycopg = driver()
    try:
        with psycopg.connect(**read_url(scratch.url)) as connection:
            return int(connection.info.server_version) // 10000
    except psycopg.Error as error:
        raise SourceError(f"scratch database {scratch.name}: {' '.join(str(error).split())}") from None


def _program(name: str, major: int | None) -> _Program:
    """Return a program of the server's own major version where there is one: newer ones send what it does not know.

    Raises:
        UsageError: there is none, or only an older one, which refuses.

    """
    candidates = []
    try:
        candidates.append(postgres_binaries.find("auto", major).program(name))
    except UsageError:
        candidates += [path] if (path := shutil.which(name)) else []
        candidates += _others(name)
    for path in candidates:
        if not Path(path).is_file():
            continue
        version = run([path, "--version"], _environment({}), name).decode(errors="replace").strip()
        found = re.search(r"\s(\d+)", version)
        if found is not None and (major is None or int(found[1]) >= major):
            return _Program(path, version)
    wanted = "" if major is None else f" of version {major} or newer (the server's)"
    raise UsageError(f"expected {name}{wanted}, found none: apt-get install postgresql-client")


def _others(name: str) -> list[str]:
    try:
        return [postgres_binaries.find("auto").program(name)]
    except UsageError:
        return []


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment, leading to the given database and to no other.

    Raises:
        UsageError: the URL has a keyword that has no variable.

    """
    unknown = sorted(given.keys() - _VARIABLES.keys())
    if unknown:
        raise UsageError(
            f"backup: expected keywords of the URL among {', '.join(_VARIABLES)}; got {', '.join(unknown)}"
        )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {_VARIABLES[name]: value for name, value in given.items()} | {"LC_ALL": "C"}
