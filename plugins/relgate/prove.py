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
import re
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import replace
from datetime import date
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from relgate.errors import RelgateError, SourceError, UsageError
from relgate.migrate import chain
from relgate.migrate.faults import DATA, EARLIER, LOCKS, ROUND_TRIP
from relgate.migrate.prove import GATES, STATIC, Asked, prove, table_of
from relgate.migrate.rollback import script
from relgate.migrate.scale import Sizes
from relgate.migrate.store import NAME, Proof, encode
from relgate.policy.migrations import BACKUP, Migrations
from relgate.report.migrations import pages
from relgate.report.redact import Redactor
from relgate.wiring import applied, make_backup, make_production, make_server, make_tool, queries, sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
        production = make_production(migrations)
        with make_server(engine, migrations.scratch) as server:
            proof, book = examine(plan, migrations, tool, server, production, progress)
    finally:
        tool.close()
    folder = Path(plan["folder"])
    clean = Redactor(tuple(plan["secrets"]), tuple(plan["redact"]))
    files = _write_sql(folder, book, clean)
    proof = replace(proof, files=files, took_s=round(time.monotonic() - started_s, 3))
    content = clean.json(json.loads(encode(proof)))
    _write(folder / NAME, json.dumps(content, indent=1))
    for name, page in pages(content).items():
        _write(folder / name, page)
    return f"{proof.scope}, on {proof.server}, {proof.took_s:.1f} s"


def examine(
    plan: dict[str, Any],
    migrations: Migrations,
    tool: Tool,
    server: Server,
    production: Production | None,
    progress: Any = None,
) -> tuple[Proof, Notebook]:
    """Do everything that the gates of a plan need.

    Raises:
        RelgateError: the project, a server or a file is at fault.

    """
    asked, scope = _asked(plan, migrations, tool, production, server.engine)
    book, ordered = prove(server, tool, asked, progress)
    if book.wants(BACKUP):
        _backup(book, migrations, server.engine, server)
    _read_texts(book, ordered, asked, server.engine, tool.project, plan)
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
    )
    return proof, book


def _asked(
    plan: dict[str, Any], migrations: Migrations, tool: Tool, production: Production | None, engine: Engine
) -> tuple[Asked, str]:
    """Return what is to be proven, and the scope as a sentence."""
    revisions = tool.revisions()
    heads = applied(migrations, production, revisions) if production is not None else None
    rows = production.row_counts() if production is not None else None
    scope: frozenset[str] | None = None
    said = f"the whole history, {len(revisions)} revisions"
    if not migrations.everything and migrations.since is not None:
        from relgate.adapters.git import files_at

        new = chain.new_files(revisions, files_at(migrations.since, tool.project))
        scope, said = frozenset(one.id for one in new), f"{len(new)} revisions that {migrations.since} does not have"
    elif not migrations.everything and heads is not None:
        known = {one.id for one in revisions}
        new = chain.new_since(revisions, [one for one in heads if one in known])
        scope, said = frozenset(one.id for one in new), f"{len(new)} revisions that production has not applied"
    sizes = Sizes(step_s=migrations.longest_s, lock_s=migrations.lock_s, batch=migrations.batch)
    asked = Asked(
        wanted=frozenset(plan["wanted"]) & {*GATES, BACKUP},
        scope=scope,
        production=heads,
        rows=rows,
        large=migrations.large,
        queries=queries(migrations, production, engine),
        sample=sample(migrations, engine),
        plans=migrations.plans,
        code_first=migrations.code_first,
        alone=scope is None,
        sizes=sizes,
    )
    return asked, said


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
        book.findings += static.read(readings, engine, only=ids, application=_application(project, texts.values()))
        book.findings += [one for one in _squawk(readings, ids, engine) if not _decided(one, book)]
        for one in scope:
            if (one.id, "up") in book.sql:
                book.examined(STATIC, one)
            else:
                book.unexamined(one, (STATIC,), "its upgrade fails, and has no statements to be read")
    mine = {one.path: texts[one.path] for one in scope if one.path}
    book.findings = list(waivers.apply(book.findings, mine, date.fromisoformat(plan["today"])))


def _backup(book: Notebook, migrations: Migrations, engine: Engine, server: Server) -> None:
    """Prove the newest backup of the policy's folder, or one that is taken now and thrown away afterwards."""
    from relgate.adapters.backup import found
    from relgate.migrate import backups

    settings = migrations.backup
    backup = make_backup(migrations, engine)
    if settings is not None and settings.folder is not None:
        files = [path for path in Path(settings.folder).glob("*") if path.is_file()]
        newest = max(files, key=lambda path: path.stat().st_mtime, default=None)
        if newest is None:
            raise SourceError(f"{settings.folder}: expected a backup, found none")
        proven = backups.check(backup, found(newest), server, now_s=time.time(), oldest_s=settings.max_age_s)
    elif migrations.production is None:
        raise UsageError("migrations.backup: expected `folder`, or `production` to take one from")
    else:
        # Production's rows: they never go into a run's evidence.
        with tempfile.TemporaryDirectory(prefix="relgate-backup-") as folder:
            proven = backups.prove(backup, migrations.production, Path(folder), server)
    result = proven.findings
    book.findings += result.findings
    book.checked[BACKUP] = result.checked
    book.expect(BACKUP, result.expected, result.what)
    for problem in result.problems:
        book.problem(BACKUP, problem)
    for note in result.notes:
        book.note(BACKUP, note)


_DECIDED = {
    "squawk/adding-field-with-default": LOCKS,
    "squawk/adding-foreign-key-constraint": LOCKS,
    "squawk/adding-not-nullable-field": LOCKS,
    "squawk/changing-column-type": LOCKS,
    "squawk/constraint-missing-not-valid": LOCKS,
    "squawk/disallowed-unique-constraint": LOCKS,
    "squawk/require-concurrent-index-creation": LOCKS,
    "squawk/require-concurrent-index-deletion": LOCKS,
    "squawk/require-concurrent-reindex": LOCKS,
    "squawk/adding-required-field": EARLIER,
    "squawk/ban-drop-column": EARLIER,
    "squawk/ban-drop-constraint": EARLIER,
    "squawk/ban-drop-function": EARLIER,
    "squawk/ban-drop-not-null": EARLIER,
    "squawk/ban-drop-table": EARLIER,
    "squawk/renaming-column": EARLIER,
    "squawk/renaming-table": EARLIER,
}
"""What squawk guesses from the text -> the gate that sees what happens; where that gate ran, the guess is left out."""


def _decided(finding: Finding, book: Notebook) -> bool:
    gate = _DECIDED.get(finding.code)
    return gate is not None and book.wants(gate) and not book.problems.get(gate) and gate not in book.absent


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


def _application(project: Path, sources: Iterable[str]) -> frozenset[str]:
    """Return the names of a project's own packages: what nobody installed and Python does not bring."""
    own = {path.stem for path in project.glob("*.py")} | {path.parent.name for path in project.glob("*/__init__.py")}
    own |= {path.parent.name for path in project.glob("src/*/__init__.py")}
    named = {name for text in sources for name in re.findall(r"^\s*(?:from|import)\s+(\w+)", text, re.MULTILINE)}
    return frozenset(own | (named - sys.stdlib_module_names - set(packages_distributions())))


def _python(revision: Revision) -> bool:
    return revision.path.endswith(".py")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: the revision cannot be read ({error})") from error


def _write_sql(folder: Path, book: Notebook, clean: Redactor) -> tuple[str, ...]:
    """Store what every step sent: the dry run's SQL, and the SQL of the way back."""
    written = []
    for (revision, direction), statements in sorted(book.sql.items()):
        if not statements:
            continue
        name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in revision)
        path = folder / "migrations" / f"{name}.{direction}.sql"
        _write(path, clean.text(script(statements)))
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
