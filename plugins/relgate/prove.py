"""``python -m relgate.prove``: the process that proves migrations.

It reads its plan, one JSON line, from its standard input. The end of the input means that whoever started it is gone:
it ends at once, and the servers that it started end with it; what is left of their folders the next start sweeps away.
It prints a JSON line for each revision, and last ``{"finished": true, "said": TEXT}`` or
``{"finished": false, "error": TEXT}``.

Exit code: 0 finished, 1 not finished, 3 the plan cannot be used.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from relgate.errors import RelgateError, SourceError, UsageError
from relgate.migrate import chain
from relgate.migrate.faults import DATA, ROUND_TRIP
from relgate.migrate.graph import ancestors
from relgate.migrate.prove import GATES, STATIC, Asked, prove, table_of
from relgate.migrate.rollback import script
from relgate.migrate.scale import Sizes
from relgate.migrate.store import NAME, Proof, encode
from relgate.policy.migrations import Migrations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.migrate.notebook import Notebook
    from relgate.migrate.static import Reading
    from relgate.ports.migrations import Engine, Production, Revision, Server, Tool
    from relgate.values import Finding


def main() -> int:
    """Prove; see the module for input, output and exit codes."""
    # What migrations print goes to the standard error output: the other one carries this process's own lines.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    line = sys.stdin.readline()
    try:
        plan = json.loads(line)
        migrations = Migrations(**plan["migrations"])
    except (ValueError, KeyError, TypeError) as error:
        _show(out, {"finished": False, "error": f"the prover cannot read its plan: {error}"})
        return 3
    threading.Thread(target=_end_with_the_input, name="input", daemon=True).start()
    try:
        said = run(plan, migrations, lambda done, of, at: _show(out, {"done": done, "of": of, "at": at}))
    except RelgateError as error:
        _show(out, {"finished": False, "error": str(error)})
        return 1
    except Exception as error:  # noqa: BLE001 - the project's own code runs in here: any of its faults ends in a hold
        traceback.print_exc()
        _show(out, {"finished": False, "error": f"{type(error).__name__}: {error}"})
        return 1
    _show(out, {"finished": True, "said": said})
    return 0


def _end_with_the_input() -> None:
    while sys.stdin.read(1):
        pass
    os._exit(1)


def _show(out: TextIO, document: dict[str, Any]) -> None:
    try:
        out.write(json.dumps(document) + "\n")
    except OSError:
        os._exit(1)


def run(plan: dict[str, Any], migrations: Migrations, progress: Any) -> str:
    """Prove what a plan asks for, write the proof into its folder, and return a sentence about it.

    Raises:
        RelgateError: the project, a server or a file is at fault.

    """
    started_s = time.monotonic()
    os.chdir(plan["project"])
    tool = make_tool(migrations)
    try:
        engine = migrations.engine or tool.engine() or "postgresql"
        production = _production(migrations)
        with make_server(engine, migrations.scratch) as server:
            asked, scope = _asked(plan, migrations, tool, production)
            book, ordered = prove(server, tool, asked, progress)
            folder = Path(plan["folder"])
            _read_texts(book, ordered, asked, engine, tool.project, plan)
            files = _write_sql(folder, book)
            irreversible = _no_way_back(ordered, asked, book)
            # Where nobody knows what production has applied, what the release brings counts as applied.
            done = {one.id for one in ordered}
            if asked.production is not None:
                done -= {one.id for one in chain.new_since(ordered, asked.production)}
            proof = Proof(
                run_id=plan["run_id"],
                gates={one.gate: one for one in book.results()},
                server=server.description,
                tool=f"{tool.name}, {migrations.source}",
                scope=scope,
                revisions=table_of(book, ordered),
                irreversible=tuple(irreversible.values()),
                unsafe=tuple(text for id_, text in irreversible.items() if id_ in done),
                files=files,
                took_s=round(time.monotonic() - started_s, 3),
            )
    finally:
        tool.close()
    _write(folder / NAME, encode(proof))
    return f"{scope}, on {proof.server}, {proof.took_s:.1f} s"


def make_server(engine: Engine, scratch: str) -> Server:
    """Start, or connect to, the server on which scratch databases are made.

    Raises:
        RelgateError: there is none; the message names what to do.

    """
    named = scratch in ("auto", "embedded", "system")
    if engine == "postgresql":
        from relgate.adapters.postgres import PostgresServer

        if scratch == "auto" or scratch == "embedded" or scratch == "system":  # mypy reads it so
            return PostgresServer.private(scratch)
        return PostgresServer.at(scratch)
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

        return AlembicTool(Path(migrations.source))
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


def _production(migrations: Migrations) -> Production | None:
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


def _asked(
    plan: dict[str, Any], migrations: Migrations, tool: Tool, production: Production | None
) -> tuple[Asked, str]:
    """Return what is to be proven, and the scope as a sentence."""
    revisions = tool.revisions()
    applied = _applied(migrations, production, revisions) if production is not None else None
    rows = production.row_counts() if production is not None else None
    queries = _queries(migrations, production)
    scope: frozenset[str] | None = None
    said = f"the whole history, {len(revisions)} revisions"
    if not migrations.everything and migrations.since is not None:
        from relgate.adapters.git import files_at

        new = chain.new_files(revisions, files_at(migrations.since, tool.project))
        scope, said = frozenset(one.id for one in new), f"{len(new)} revisions that {migrations.since} does not have"
    elif not migrations.everything and applied is not None:
        known = {one.id for one in revisions}
        new = chain.new_since(revisions, [one for one in applied if one in known])
        scope, said = frozenset(one.id for one in new), f"{len(new)} revisions that production has not applied"
    sizes = Sizes(production=rows, step_s=migrations.longest_s, lock_s=migrations.lock_s, batch=migrations.batch)
    asked = Asked(
        wanted=frozenset(plan["wanted"]) & {*GATES, "migration-backup"},
        scope=scope,
        production=applied,
        rows=rows,
        large=migrations.large,
        queries=queries,
        alone=scope is None,
        sizes=sizes,
    )
    return asked, said


_BOOKS: dict[str, tuple[tuple[str, tuple[int, ...]], ...]] = {
    "alembic": (("alembic_version", (0,)),),
    "django": (("django_migrations", (1, 2)),),
    "sql": (("schema_migrations", (0,)), ("goose_db_version", (1,)), ("flyway_schema_history", (1,))),
}
"""Kind of tool -> the tables in which it keeps its books, and the columns that name a revision."""


def _applied(migrations: Migrations, production: Production, revisions: Sequence[Revision]) -> tuple[str, ...]:
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


def _queries(migrations: Migrations, production: Production | None) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    if migrations.queries is not None:
        from relgate.adapters.sqlsplit import split

        path = Path(migrations.queries)
        try:
            found = tuple(piece.text for piece in split(path.read_text(encoding="utf-8"), "postgresql"))
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path}: the recorded queries cannot be read ({error})") from error
    return found + (production.statements() if production is not None else ())


def _read_texts(
    book: Notebook, ordered: tuple[Revision, ...], asked: Asked, engine: Engine, project: Path, plan: dict[str, Any]
) -> None:
    """Read the statements and files of the revisions, and apply the waivers that stand in them."""
    from relgate.migrate import static, waivers

    scope = [one for one in ordered if asked.scope is None or one.id in asked.scope]
    texts = {one.path: _text(project / one.path) for one in ordered if one.path}
    if book.wants(STATIC) and not book.problems.get(STATIC):
        readings = [
            static.Reading(one, book.sql.get((one.id, "up"), ()), texts.get(one.path) if _python(one) else None)
            for one in ordered
        ]
        ids = frozenset(one.id for one in scope)
        book.findings += static.read(readings, engine, only=ids)
        book.findings += _squawk(readings, ids, engine)
        book.checked[STATIC] += sum((one.id, "up") in book.sql for one in scope)
    mine = {one.path: texts[one.path] for one in scope if one.path}
    book.findings = list(waivers.apply(book.findings, mine, date.fromisoformat(plan["today"])))


def _squawk(readings: Sequence[Reading], ids: frozenset[str], engine: Engine) -> list[Finding]:
    if engine != "postgresql":
        return []
    from relgate.adapters.squawk import Squawk

    squawk = Squawk()
    return [
        one
        for reading in readings
        if reading.revision.id in ids and reading.statements
        for one in squawk.read(reading.revision, reading.statements)
    ]


def _python(revision: Revision) -> bool:
    return revision.path.endswith(".py")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: the revision cannot be read ({error})") from error


def _write_sql(folder: Path, book: Notebook) -> tuple[str, ...]:
    """Store what every step sent: the dry run's SQL, and the SQL of the way back."""
    written = []
    for (revision, direction), statements in sorted(book.sql.items()):
        if not statements:
            continue
        name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in revision)
        path = folder / "migrations" / f"{name}.{direction}.sql"
        _write(path, script(statements))
        written.append(f"migrations/{path.name}")
    return tuple(written)


def _no_way_back(ordered: tuple[Revision, ...], asked: Asked, book: Notebook) -> dict[str, str]:
    """Return the new revisions that cannot be taken back, declared or found out, each with the reason.

    Of a whole history nobody says what is new, so nothing is said about it.
    """
    if asked.scope is None:
        return {}
    found = {
        one.id: f"{one.id} cannot be taken back: {one.declared.reason if one.declared else 'it has no way back'}"
        for one in ordered
        if one.id in asked.scope and (one.declared is not None or not one.way_back)
    }
    for one in book.findings:
        if one.gate in (ROUND_TRIP, DATA) and one.blocks and one.waiver is None and one.revision in asked.scope:
            found.setdefault(str(one.revision), f"{one.revision} cannot be taken back: {one.what}")
    return found


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be written ({error.strerror})") from error


if __name__ == "__main__":
    sys.exit(main())
