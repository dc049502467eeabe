"""The whole proof: from a server, a tool and what is asked, to what every migration gate found.

The history before the scope is only upgraded; what is in the scope is proven revision by revision. A chain that does
not hold together is reported and not walked. Whatever stops the walk leaves its gates with fewer revisions examined
than expected, and those never pass.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError
from relgate.migrate import chain, integrity
from relgate.migrate.faults import (
    BACKFILL,
    CRASH,
    DATA,
    LOCKS,
    MODELS,
    ROLLBACK_SQL,
    ROUND_TRIP,
    SCALE,
)
from relgate.migrate.notebook import Notebook
from relgate.migrate.probing import Earlier
from relgate.migrate.scale import Sizes, plans
from relgate.migrate.shadow import Shadow, Stuck
from relgate.migrate.state import look
from relgate.migrate.step import GATES as PER_REVISION
from relgate.migrate.step import Options, Step
from relgate.ports.migrations import SqlError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from relgate.ports.migrations import Engine, Revision, Server, Tool
    from relgate.values import Finding

CHAIN = chain.GATE
DECLARED = chain.DECLARED
STATIC = "migration-static"
INTEGRITY = "migration-integrity"
BACKUP = "migration-backup"
GATES = (CHAIN, DECLARED, STATIC, *PER_REVISION, MODELS, INTEGRITY)
"""Every gate that a policy with ``migrations:`` has; ``migration-backup`` is one more where it names a backup."""


@dataclass(frozen=True)
class Asked:
    """What is to be proven.

    ``scope``: ids of the revisions to prove, None for all. ``production``: heads that production runs, None where
    nobody knows. ``rows``: production's row counts by table, None where nobody knows. ``queries``: recorded ones of the
    running version. ``sample``: statements that insert rows at the beginning of the scope. ``plans``: queries that must
    use an index. ``alone``: each revision without a release's name is a release of its own. ``sizes``: of timing.
    ``code_first``: the new version runs before the migration.
    """

    wanted: frozenset[str]
    scope: frozenset[str] | None = None
    production: tuple[str, ...] | None = None
    rows: Mapping[str, int] | None = None
    large: int = 10_000
    queries: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    alone: bool = True
    code_first: bool = False
    sizes: Sizes = field(default_factory=Sizes)


def prove(
    server: Server, tool: Tool, asked: Asked, progress: Callable[[int, int, str], None] | None = None
) -> tuple[Notebook, tuple[Revision, ...]]:
    """Prove a project's migrations; return everything that was found, and the history in order.

    Raises:
        SourceError: the project cannot be read, or the server fails.

    """
    book = Notebook(asked.wanted)
    revisions = tool.revisions()
    found = _chain(book, revisions, asked)
    try:
        ordered = chain.order(revisions)
        reason = _broken(found)
    except ValueError as error:
        ordered = ()
        reason = f"the chain cannot be walked: {error}"
    scope = [one for one in ordered if _in(one, asked)]
    for gate in (*PER_REVISION, DECLARED, STATIC):
        book.expect(gate, len(scope))
    book.expect(MODELS, 1, "schemas")
    book.expect(INTEGRITY, 1, "databases")
    _absent(book, server, tool)
    if reason is not None:
        for gate in asked.wanted - {CHAIN}:
            book.problem(gate, reason)
        return book, ordered
    if book.wants(DECLARED):
        book.findings += chain.check_declared(scope)
        for one in scope:
            book.examined(DECLARED, one)
    _walk(server, tool, asked, book, ordered, progress)
    return book, ordered


def _in(revision: Revision, asked: Asked) -> bool:
    return asked.scope is None or revision.id in asked.scope


def _chain(book: Notebook, revisions: Sequence[Revision], asked: Asked) -> tuple[Finding, ...]:
    """Check the chain, and return what was found: it matters to every gate, also where the chain's own is left out."""
    book.expect(CHAIN, max(1, len(revisions)))
    book.checked[CHAIN] = len(revisions)
    found = chain.check(revisions, production=asked.production)
    book.findings += found if book.wants(CHAIN) else ()
    if asked.production is None:
        book.note(CHAIN, "what production runs is not known: name its database in `migrations: {production: ...}`")
    return found


def _broken(found: Sequence[Finding]) -> str | None:
    """Say why a chain that can be ordered must not be walked; several heads can be."""
    fatal = {"missing-parent", "duplicate-id", "cycle", "empty-chain", "orphan"}
    return next((f"the chain is broken: {one.what}" for one in found if one.code in fatal), None)


def _absent(book: Notebook, server: Server, tool: Tool) -> None:
    """Note what has no meaning with this engine or this tool."""
    if server.engine != "postgresql":
        book.does_not_apply(LOCKS, f"locks are read on PostgreSQL only, this is {server.description}")
    if not tool.watches:
        for gate in (LOCKS, CRASH, BACKFILL, ROLLBACK_SQL, STATIC):
            check = gate.removeprefix("migration-")
            book.doubt(gate, f"the statements of {tool.name} cannot be watched; leave it out: `without: [{check}]`")
    if not tool.has_models:
        book.does_not_apply(MODELS, f"{tool.name} has no models to compare with")


def _walk(
    server: Server,
    tool: Tool,
    asked: Asked,
    book: Notebook,
    ordered: Sequence[Revision],
    progress: Callable[[int, int, str], None] | None,
) -> None:
    large = None
    if asked.rows is not None:
        large = frozenset(table for table, n in asked.rows.items() if n >= asked.large)
    sizes = replace(asked.sizes, production=asked.rows)
    options = Options(server.engine, server.transactional, tool.watches, large, sizes, asked.code_first)
    retired = {name for one in ordered if not _in(one, asked) for name in one.retired}
    earlier = Earlier(server.engine, asked.queries, retired, alone=asked.alone)
    scope = [k for k, one in enumerate(ordered) if _in(one, asked)]
    with Shadow(server, tool, ordered) as shadow:
        try:
            _steps(shadow, scope, asked, book, options, earlier, progress)
            if book.wants(MODELS) and tool.has_models:
                _models(shadow, book)
            if book.wants(INTEGRITY):
                _integrity(shadow, book, server.engine)
            if book.wants(SCALE) and asked.plans:
                plans(shadow, book, asked.plans, asked.sizes)
        except Stuck as stuck:
            failure = stuck.failure
            book.add(
                ROUND_TRIP,
                "up-fails",
                failure.text,
                stuck.revision,
                sql=failure.sql,
                line=failure.line or None,
                path=failure.path or None,
            )
            for gate in book.wanted - {CHAIN, DECLARED}:
                book.problem(gate, f"{stuck.revision.id} cannot be applied, and nothing after it: {failure.text}")
        book.rows["copies"] = {"n": shadow.copies}


def _steps(
    shadow: Shadow,
    scope: Sequence[int],
    asked: Asked,
    book: Notebook,
    options: Options,
    earlier: Earlier,
    progress: Callable[[int, int, str], None] | None,
) -> None:
    rows = book.wants(DATA, BACKFILL)
    if not scope:
        shadow.restart(len(shadow.revisions))
        return
    at = scope[0]
    shadow.restart(at)
    for sql in asked.sample:
        try:
            shadow.session.run(sql)
        except SqlError as error:
            book.doubt(DATA, f"the sample does not fit the schema that the release begins with: {error} ({sql[:80]})")
    state = look(shadow.session, rows=rows)
    for done, index in enumerate(scope):
        if index != at:  # A revision of the other branch lies between: it is applied, not proven.
            shadow.restart(index)
            state = look(shadow.session, rows=rows)
        revision = shadow.revisions[index]
        if progress is not None:
            progress(done, len(scope), revision.id)
        started_s = time.monotonic()
        state = Step(shadow, index, book, options, earlier).prove(state)
        book.rows.setdefault(revision.id, {})["proof_s"] = round(time.monotonic() - started_s, 4)
        at = index + 1
    if at < len(shadow.revisions):
        shadow.restart(len(shadow.revisions))


def _integrity(shadow: Shadow, book: Notebook, engine: Engine) -> None:
    found = integrity.check(shadow.session, engine)
    book.findings += found.findings
    book.checked[INTEGRITY] = found.checked
    book.expect(INTEGRITY, found.expected, found.what)
    for problem in found.problems:
        book.problem(INTEGRITY, problem)


def _models(shadow: Shadow, book: Notebook) -> None:
    try:
        lines = shadow.tool.drift(shadow.work)
    except SourceError as error:
        book.problem(MODELS, str(error))
        return
    book.checked[MODELS] += 1
    head = shadow.revisions[-1] if shadow.revisions else None
    for line in lines:
        book.add(MODELS, "drift", line, head)


def table_of(book: Notebook, ordered: Sequence[Revision]) -> tuple[dict[str, Any], ...]:
    """Return one entry a revision for the report, in order."""
    return tuple(
        {
            "id": one.id,
            "down": list(one.down),
            "message": one.message,
            "path": one.path,
            "release": one.release,
            "irreversible": one.declared.reason if one.declared is not None else None,
            **book.rows.get(one.id, {}),
        }
        for one in ordered
    )
