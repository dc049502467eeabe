"""What becomes of rows: seeded before a step, written by the new version, followed there, back, and there again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from relgate.migrate.faults import BACKFILL, DATA, ROUND_TRIP
from relgate.migrate.rows import compare, orphans, subtract
from relgate.migrate.seed import fresh_for, seed
from relgate.migrate.state import State, look, rows_of
from relgate.ports.migrations import SqlError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from relgate.migrate.inserts import Insert
    from relgate.migrate.notebook import Notebook
    from relgate.migrate.rows import Loss
    from relgate.migrate.seed import Seeding
    from relgate.migrate.shadow import Shadow
    from relgate.ports.migrations import Engine, Ran, Revision, Row, Session, Table

ROWS = 5
"""Rows that every table gets: enough for NULL and not NULL, long and short, every label of most enums."""


def seeded(
    session: Session, state: State, book: Notebook, revision: Revision, engine: Engine, *, extremes: bool = True
) -> State:
    """Fill tables that have fewer than ``ROWS`` rows, and return the state with them."""
    if not book.wants(DATA, BACKFILL):
        return state
    have = {table: len(rows) for table, rows in state.rows.items()}
    poor = [table for table in state.tables if have.get(table.name, 0) < ROWS]
    if not poor:
        return state
    plan = seed(state.tables, engine, rows=ROWS, have=have, known=state.rows, extremes=extremes)
    left = dict(plan.unseedable) | write(session, plan)
    session.set_sequences()
    rows = rows_of(session, state.tables)
    holding = {table.name for table in state.tables if not table.partitioned}
    for table, reason in left.items():
        if table in holding and not rows.get(table) and table not in book.bare:
            book.bare.add(table)
            book.add(DATA, "not-seeded", f"{table}: no rows could be made ({reason})", revision)
    return replace(state, rows=rows)


def write(session: Session, plan: Seeding) -> dict[str, str]:
    """Write a seeding; return table -> why a row of it was refused."""
    refused = insert_all(session, plan.inserts)
    for update in plan.updates:
        with suppress(SqlError):  # It only points a row at a parent: without it there is one NULL more.
            session.run(update.sql, update.values)
    return refused


def insert_all(session: Session, inserts: Iterable[Insert]) -> dict[str, str]:
    """Insert rows, each with its alternatives until one is taken; return table -> why a row of it was refused by all.

    One transaction with savepoints: hundreds of rows cost one commit.
    """
    refused: dict[str, str] = {}
    session.begin()
    try:
        for insert in inserts:
            reason = _insert(session, insert)
            if reason is not None:
                refused.setdefault(insert.table, reason)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    return refused


def _insert(session: Session, insert: Insert) -> str | None:
    reason = None
    for attempt in (insert, *insert.alternatives):
        session.run("SAVEPOINT relgate_row")
        try:
            session.run(attempt.sql, attempt.values)
        except SqlError as error:
            session.run("ROLLBACK TO SAVEPOINT relgate_row")
            reason = reason or str(error)
            continue
        session.run("RELEASE SAVEPOINT relgate_row")
        return None
    return reason


def fresh(session: Session, before: State, after: State, engine: Engine) -> State:
    """Write rows as only the new version would, and return the state with them; the same state where nothing is new."""
    inserts = fresh_for(before.tables, after.tables, engine, known=after.rows)
    if not inserts:
        return after
    insert_all(session, inserts)
    session.set_sequences()
    return replace(after, rows=rows_of(session, after.tables))


def forward(book: Notebook, revision: Revision, start: State, after: State) -> None:
    """Look at what an upgrade does to rows that were there: rows that vanish from a table that stays, orphans."""
    if not book.wants(DATA):
        return
    kept = {table.name for table in after.tables}
    for loss in compare(start.rows, after.rows, start.tables, after.tables, forward=True):
        if loss.kind == "rows-lost" and loss.table in kept and revision.declared is None:
            book.add(DATA, "rows-lost-forward", f"{loss.text}, after the upgrade", revision)
    for loss in new_orphans(start, after):
        book.add(DATA, "orphaned", f"{loss.text}, after the upgrade", revision)
    if not (revision.way_back and revision.declared is None):
        book.examined(DATA, revision)


def new_orphans(start: State, after: State) -> list[Loss]:
    """Return references without a target that were not without one before."""
    known = {(loss.table, loss.column) for loss in orphans(start.rows, start.tables)}
    return [loss for loss in orphans(after.rows, after.tables) if (loss.table, loss.column) not in known]


def way_back(book: Notebook, revision: Revision, start: State, after: State, new: State, back: State) -> bool:
    """Compare rows before the upgrade, and those written after it, with what is there after the downgrade."""
    book.examined(DATA, revision)
    grown = {name for name, rows in new.rows.items() if len(rows) > len(after.rows.get(name, ()))}
    if any(name not in back.rows for name in grown):  # Renamed: what was written comes back under the old name.
        grown |= {name for name in back.rows if name not in new.rows}
    found = 0
    for loss in compare(start.rows, back.rows, start.tables, back.tables):
        if loss.kind == "rows-added" and loss.table in grown:
            continue
        found += 1
        book.add(DATA, loss.kind, f"{loss.text}, after up and down", revision)
    for loss in new_orphans(start, back):
        found += 1
        book.add(DATA, "orphaned", f"{loss.text}, after up and down", revision)
    for loss in _new_rows(start, after, new, back):
        found += 1
        code = "new-rows-lost" if loss.kind in ("rows-lost", "table-lost") else "new-value-changed"
        text = f"{loss.text} of the rows written after the upgrade"
        book.add(DATA, code, text, revision, line=revision.down_line)
    return not found


def _new_rows(start: State, after: State, new: State, back: State) -> list[Loss]:
    """Compare rows of the new version with what is left of them, in tables and columns that both versions have."""
    old = {table.name: {column.name for column in table.columns} for table in start.tables}
    written: dict[str, list[Row]] = {}
    for name, rows in new.rows.items():
        if name not in old:
            continue
        before = list(after.rows.get(name, ()))
        for row in rows:
            if row in before:
                before.remove(row)
            else:
                written.setdefault(name, []).append({key: row[key] for key in row if key in old[name]})
    if not written:
        return []
    left = {name: back.rows.get(name, []) for name in written}
    known = {name: old[name] for name in written}
    ignored = {"rows-added", "column-lost", "order-lost"}
    losses = compare(written, left, _only(new.tables, known), _only(back.tables, known))
    return [loss for loss in losses if loss.kind not in ignored]


def _only(tables: Iterable[Table], known: Mapping[str, Collection[str]]) -> tuple[Table, ...]:
    """Return the tables that are known, with their known columns; a key that has another one is none there."""
    return tuple(
        replace(
            table,
            columns=tuple(column for column in table.columns if column.name in known[table.name]),
            primary_key=table.primary_key if set(table.primary_key) <= set(known[table.name]) else (),
        )
        for table in tables
        if table.name in known
    )


def again(shadow: Shadow, index: int, book: Notebook, after: State, end: State) -> None:
    """Compare the rows of the first upgrade with those of the second; a control run tells chance from a fault."""
    if not book.wants(DATA) or not after.rows:
        return
    found = [loss for loss in compare(after.rows, end.rows, after.tables, end.tables) if loss.kind != "rows-added"]
    if not found:
        return
    revision = shadow.revisions[index]
    real, random = subtract(found, _control(shadow, index))
    for loss in real:
        book.add(ROUND_TRIP, "up-again-differs", f"{loss.text}, after up, down and up again", revision)
    for loss in random:
        book.add(ROUND_TRIP, "not-deterministic", f"{loss.text}, in two straight upgrades of the same rows", revision)


def _control(shadow: Shadow, index: int) -> tuple[Loss, ...]:
    """Upgrade two copies of the same rows and return what differs between them."""
    revision = shadow.revisions[index]
    if shadow.move(index, "down").failure is not None:
        return ()
    with shadow.copy_of_work() as twin:
        shadow.tool.move(twin, revision.id, "up")
        shadow.move(index, "up")
        with shadow.server.open(twin) as session:
            other = look(session, rows=True)
    mine = look(shadow.session, rows=True)
    return tuple(compare(mine.rows, other.rows, mine.tables, other.tables))


def repeated(session: Session, book: Notebook, revision: Revision, up: Ran, after: State) -> None:
    """Send the upgrade's own changes of rows once more, look, and undo it: done rows must be left alone."""
    book.examined(BACKFILL, revision)
    changing = [one for one in up.statements if not one.books and _changes_rows(one.sql)]
    for statement in changing:
        session.begin()
        try:
            session.run(statement.literal)
            rows = rows_of(session, after.tables)
        except SqlError:
            continue  # What it worked on is gone by now: it cannot be repeated, nor do harm.
        finally:
            session.rollback()
        for loss in compare(after.rows, rows, after.tables, after.tables):
            text = f"{loss.text} when the statement is sent twice"
            book.add(BACKFILL, "not-idempotent", text, revision, sql=statement.literal, line=statement.line or None)


def _changes_rows(sql: str) -> bool:
    words = sql.strip().lower().split(None, 1)
    return bool(words) and (words[0] in ("update", "insert", "delete", "merge", "replace", "with"))
