"""N-1: what the version before sends is sent to the new schema, and must work there as it did before.

While a release rolls out, and after its code was rolled back without its database, both versions use one schema. The
statements are those that the previous version's models would send (every column by name), and the recorded ones of the
policy. Only what worked on its own schema counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from relgate.migrate.earlier import Probe, statements_of
from relgate.migrate.faults import EARLIER
from relgate.ports.migrations import SqlError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from relgate.migrate.notebook import Notebook
    from relgate.migrate.state import State
    from relgate.ports.migrations import Engine, Revision, Session, Table


class Earlier:
    """The statements of the version before, and whether they still work.

    Args:
        engine: of the server.
        queries: recorded queries of the running version.
        retired: columns that the running version does not use any more.
        alone: each revision is a release of its own where none says its name; otherwise all are one release.

    """

    def __init__(
        self, engine: Engine, queries: Sequence[str] = (), retired: Iterable[str] = (), *, alone: bool = True
    ) -> None:
        self._engine: Engine = engine
        self._alone = alone
        self._queries = tuple(Probe("", "query", query, ()) for query in queries)
        self._works: tuple[Probe, ...] = ()
        self._release: str | None = None
        self._begun = False
        self._retired = set(retired)

    def begin(self, session: Session, book: Notebook, revision: Revision, start: State) -> None:
        """Take the schema before a release as that of the version before; revisions of one release share it."""
        if not book.wants(EARLIER):
            return
        same = revision.release is not None and revision.release == self._release
        if self._begun and (same or (revision.release is None and self._release is None and not self._alone)):
            return
        self._begun, self._release = True, revision.release
        known = [_without(table, self._retired) for table in start.tables]
        asked = (*statements_of(known, self._engine, start.rows or None), *self._queries)
        self._works = tuple(probe for probe, error in ask(session, asked) if error is None)

    def check(self, session: Session, book: Notebook, revision: Revision) -> None:
        """Send the statements to the schema after a revision and write down which do not work any more."""
        self._retired.update(revision.retired)  # Of this release: the next one's version before does not use them.
        book.examined(EARLIER, revision)
        broken: dict[tuple[str, str], tuple[Probe, list[str], str]] = {}
        for probe, error in ask(session, self._works):
            if error is None:
                continue
            code = {"select": "read-breaks", "query": "query-breaks"}.get(probe.verb.lower(), "write-breaks")
            entry = broken.setdefault((probe.table, code), (probe, [], error))
            entry[1].append(probe.verb.upper())
        for (table, code), (probe, verbs, error) in broken.items():
            subject = (
                f"{table}: {', '.join(dict.fromkeys(verbs))} of the version before" if table else "a recorded query"
            )
            book.add(EARLIER, code, f"{subject} fails: {error}", revision, sql=probe.sql)

    def check_next(self, session: Session, book: Notebook, revision: Revision, after: State) -> None:
        """Send what models of the schema after a revision would send to the schema before it: code goes first here."""
        known = [_without(table, self._retired) for table in after.tables]
        broken: dict[str, tuple[Probe, str]] = {}
        for probe, error in ask(session, statements_of(known, self._engine, after.rows or None)):
            if error is not None:
                broken.setdefault(probe.table, (probe, error))
        for table, (probe, error) in broken.items():
            text = f"{table}: {probe.verb.upper()} of the new version fails on the schema before: {error}"
            book.add(EARLIER, "new-query-breaks", text, revision, sql=probe.sql)


def _without(table: Table, retired: Collection[str]) -> Table:
    """Return a table as the code knows it: without the columns that it does not use any more."""
    bare = table.name.rpartition(".")[2].strip('"`')
    kept = tuple(
        column
        for column in table.columns
        if f"{bare}.{column.name}" not in retired and f"{table.name}.{column.name}" not in retired
    )
    return table if len(kept) == len(table.columns) else replace(table, columns=kept)


def ask(session: Session, probes: Iterable[Probe]) -> list[tuple[Probe, str | None]]:
    """Send each statement and take it back; with the error of each that the database refuses."""
    found: list[tuple[Probe, str | None]] = []
    session.begin()
    try:
        session.run("SAVEPOINT relgate_probe")  # Going back to it leaves it there.
        for probe in probes:
            error = None
            try:
                session.run(probe.sql, probe.parameters)
                if probe.sql.startswith("PREPARE "):  # Its name outlives the transaction.
                    session.run(f"DEALLOCATE {probe.sql.split()[1]}")
            except SqlError as refused:
                error = str(refused)
            session.run("ROLLBACK TO SAVEPOINT relgate_probe")
            found.append((probe, error))
    finally:
        session.rollback()
    return found
