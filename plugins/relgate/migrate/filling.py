"""Tables filled with many rows: some hundred that differ, the others their copies, made by the database itself."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from relgate.migrate.data import insert_all
from relgate.migrate.multiply import multiplication
from relgate.migrate.seed import seed
from relgate.ports.migrations import SqlError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from relgate.migrate.inserts import Insert
    from relgate.ports.migrations import Engine, Session, Table

DIFFERENT = 200
_CHUNK = 400
_MOST_MADE = 2_000
"""Rows that are made one by one where the database cannot copy them: each costs a third of a millisecond."""


def fill(session: Session, touched: Sequence[Table], tables: Sequence[Table], engine: Engine, n: int) -> bool:
    """Fill tables, and those that they refer to, up to ``n`` rows each. Whether the touched ones have rows for it."""
    chosen = _with_parents(touched, tables)
    _seed(session, chosen, engine, min(n, DIFFERENT))
    refused: set[str] = set()
    for table in chosen:
        have = session.counts().get(table.name, 0)
        # Twice as many as needed would do no harm; the copies of rows at the limits of a type are left out.
        sql = multiplication(table, engine, -(-(n - have) // max(have, 1)), have) if 0 < have < n else None
        if have >= n or table.partitioned:
            continue
        try:
            if sql is None:
                refused.add(table.name)
            else:
                session.run(sql)
        except SqlError:
            refused.add(table.name)
    if refused:
        _seed(session, chosen, engine, min(n, _MOST_MADE), only=refused)
    session.set_sequences()
    if engine == "postgresql":
        session.run("ANALYZE")
    counts = session.counts()
    return all(counts.get(table.name, 0) >= n // 2 for table in touched)


def _with_parents(touched: Sequence[Table], tables: Sequence[Table]) -> list[Table]:
    """Return tables with all that they refer to, in the order in which they can be filled."""
    needed = {table.name for table in touched}
    needed |= {table.name for table in tables if table.partition_of in needed}
    by_name = {table.name: table for table in tables}
    for _ in tables:
        needed |= {key.table for name in needed if name in by_name for key in by_name[name].foreign_keys}
    return [table for table in tables if table.name in needed]


def _seed(
    session: Session, tables: Sequence[Table], engine: Engine, n: int, *, only: Collection[str] | None = None
) -> None:
    have: Mapping[str, int] = session.counts()
    if all(have.get(table.name, 0) >= n for table in tables if only is None or table.name in only):
        return
    known = session.rows([table.name for table in tables if not table.partitioned])
    have = {table.name: have.get(table.name, 0) if only is None or table.name in only else n for table in tables}
    start = max(have.values(), default=0)
    plan = seed(tables, engine, rows=n, start=start, have=have, known=known, extremes=False)
    grouped: dict[tuple[str, str], list[Insert]] = {}
    for insert in plan.inserts:
        grouped.setdefault((insert.table, insert.sql), []).append(insert)
    for inserts in grouped.values():
        for k in range(0, len(inserts), _CHUNK):
            _chunk(session, inserts[k : k + _CHUNK])
    for update in plan.updates:
        with suppress(SqlError):  # It only points a row at a parent: without it there is one NULL more.
            session.run(update.sql, update.values)


def _chunk(session: Session, inserts: Sequence[Insert]) -> None:
    """Insert many rows by one statement, or one by one where the database refuses some."""
    head, _, values = inserts[0].sql.rpartition(" VALUES ")
    sql = f"{head} VALUES {', '.join([values] * len(inserts))}"
    session.begin()
    try:
        session.run(sql, [value for insert in inserts for value in insert.values])
        session.commit()
    except SqlError:
        session.rollback()
        insert_all(session, inserts)
