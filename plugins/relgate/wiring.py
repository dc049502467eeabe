"""From a policy's ``migrations`` to the adapters that prove them: which server, which tool, which live database.

The one place that knows all adapters of migrations; each is imported when it is needed.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from relgate.errors import SourceError, UsageError
from relgate.migrate.graph import ancestors
from relgate.migrate.querylog import explainable, read_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.adapters.postgres_binaries import Kind
    from relgate.policy.migrations import Migrations
    from relgate.ports.backups import Backup
    from relgate.ports.migrations import Engine, Production, Revision, Server, Tool


def make_server(engine: Engine, scratch: str) -> Server:
    """Start, or connect to, the server on which scratch databases are made.

    Raises:
        RelgateError: there is none; the message names what to do.

    """
    named = scratch in ("auto", "embedded", "system")
    if engine == "postgresql":
        from relgate.adapters.postgres import PostgresServer

        kinds: dict[str, Kind] = {"auto": "auto", "embedded": "embedded", "system": "system"}
        return PostgresServer.private(kinds[scratch]) if scratch in kinds else PostgresServer.at(scratch)
    if engine == "mysql":
        from relgate.adapters.mariadb import MariadbServer

        return MariadbServer.private() if named else MariadbServer.at(scratch)
    from relgate.adapters.sqlite import SqliteServer

    return SqliteServer()


def make_tool(migrations: Migrations) -> Tool:
    """Return the adapter of a project's migration tool.

    Raises:
        RelgateError: the project cannot be read.

    """
    if migrations.kind == "alembic":
        from relgate.adapters.alembic import AlembicTool

        return AlembicTool(Path(migrations.source), waits=True)
    if migrations.kind == "django":
        from relgate.adapters.django import DjangoTool

        return DjangoTool(Path(migrations.source))
    if migrations.kind == "sql":
        from relgate.adapters.sqlfolder import SqlFolderTool

        return SqlFolderTool(Path(migrations.source), migrations.engine or "postgresql", Path.cwd())
    from relgate.adapters.command import CommandTool

    if migrations.list is None:
        raise UsageError("migrations: a command needs `list`: a command that prints the revisions as JSON lines")
    return CommandTool(migrations.source, migrations.down, migrations.list, migrations.applied, Path.cwd())


def make_production(migrations: Migrations) -> Production | None:
    """Return what reads the live database, and only reads."""
    url = migrations.production
    if url is None:
        return None
    kind = url.partition(":")[0].partition("+")[0]
    if kind.startswith("postgres"):
        from relgate.adapters.postgres_production import Production as PostgresProduction

        return PostgresProduction(url)
    if kind in ("mysql", "mariadb"):
        from relgate.adapters.mariadb_production import MariadbProduction

        return MariadbProduction(url)
    from relgate.adapters.sqlite import SqliteProduction

    return SqliteProduction(url)


_BOOKS: dict[str, tuple[tuple[str, tuple[int, ...]], ...]] = {
    "alembic": (("alembic_version", (0,)),),
    "django": (("django_migrations", (1, 2)),),
    "sql": (("schema_migrations", (0,)), ("goose_db_version", (1,)), ("flyway_schema_history", (1,))),
}
"""Kind of tool -> the tables in which it keeps its books, and the columns that name a revision."""


def applied(migrations: Migrations, production: Production, revisions: Sequence[Revision]) -> tuple[str, ...]:
    """Return the heads of what production has applied; empty for an empty database.

    Raises:
        UsageError: nobody knows where this tool's books are.

    """
    books = _BOOKS.get(migrations.kind)
    if books is None:
        text = f"what production has applied cannot be read with {migrations.kind}: name a git ref, `since:`, instead"
        raise UsageError(f"migrations: {text}")
    found = next((rows for table, of in books if (rows := production.applied(table, of))), ())
    known = {one.id: one for one in revisions}
    by_number = {str(int(id_)): id_ for id_ in known if id_.isdigit()}
    names = [one if one in known else by_number.get(one.lstrip("0"), one) for one in found if one != "0"]
    # Some tools list all that is applied, others only where they are.
    parents = {parent for name in names if name in known for parent in ancestors(known, known[name].down)}
    return tuple(name for name in dict.fromkeys(names) if name not in parents)


def queries(migrations: Migrations, production: Production | None, engine: Engine) -> tuple[str, ...]:
    """Return what the running version sends: from the policy's file or log, and from what production remembers.

    Raises:
        SourceError: the file cannot be read, or holds no query.

    """
    from relgate.adapters.sqlsplit import split

    found: tuple[str, ...] = ()
    if migrations.queries is not None:
        path = Path(migrations.queries)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path}: the recorded queries cannot be read ({error})") from error
        found = read_log(text, engine, lambda whole: (piece.sql for piece in split(whole, engine)))
        if not found:
            raise SourceError(f"{path}: expected recorded queries, SQL or a log of {engine}; found none")
    if production is not None:
        remembered = (explainable(one) if engine == "postgresql" else None for one in production.statements())
        found += tuple(one for one in remembered if one is not None)
    return found


def sample(migrations: Migrations, engine: Engine) -> tuple[str, ...]:
    """Return the statements of the policy's sample of rows; none without one.

    Raises:
        SourceError: the file cannot be read.

    """
    from relgate.adapters.sqlsplit import split

    if migrations.sample is None:
        return ()
    path = Path(migrations.sample)
    try:
        return tuple(piece.sql for piece in split(path.read_text(encoding="utf-8"), engine))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: the sample of rows cannot be read ({error})") from error


def make_backup(migrations: Migrations, engine: Engine) -> Backup:
    """Return how the policy's backups are taken and restored.

    Raises:
        UsageError: a command is missing.

    """
    own = _own_backup(engine)
    backup = migrations.backup
    if backup is None or (backup.take is None and backup.restore is None):
        return own
    from relgate.adapters.backup import CommandBackup

    if backup.restore is None or (backup.take is None and backup.folder is None):
        raise UsageError(
            "migrations.backup: expected `restore` beside `take` or `folder`: what is not restored proves nothing"
        )
    return CommandBackup(engine, tuple(shlex.split(backup.take or "")), tuple(shlex.split(backup.restore)), own)


def _own_backup(engine: Engine) -> Backup:
    if engine == "postgresql":
        from relgate.adapters.backup_postgres import PostgresBackup

        return PostgresBackup()
    if engine == "mysql":
        from relgate.adapters.backup_mariadb import MariadbBackup

        return MariadbBackup()
    from relgate.adapters.backup import SqliteBackup

    return SqliteBackup()
