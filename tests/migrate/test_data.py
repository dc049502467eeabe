"""What becomes of rows on the way back: those that were there, and those that the new version wrote."""

from __future__ import annotations

from dataclasses import replace

from relgate.migrate.data import way_back
from relgate.migrate.faults import DATA
from relgate.migrate.notebook import Notebook
from relgate.migrate.state import State
from relgate.ports.migrations import Column, Revision, Row, Table

REVISION = Revision("r1", ())
ID = Column("id", "integer", "integer", nullable=False)
NAME = Column("name", "text", "text")
STEP = Column("step", "bigint", "bigint")
NOTES = Table("public.notes", (ID, NAME), ("id",))
WITH_STEP = replace(NOTES, columns=(ID, NAME, STEP), primary_key=("id", "step"))
MEMOS = replace(NOTES, name="public.memos")

ROWS: list[Row] = [{"id": 1, "name": "a"}, {"id": 2, "name": None}]
WRITTEN: list[Row] = [{"id": 3, "name": "c"}, {"id": 4, "name": None}]


def state(table: Table, *rows: Row) -> State:
    """A database with one table."""
    return State({}, (table,), {table.name: list(rows)})


def codes(start: State, after: State, new: State, back: State) -> list[str]:
    """The codes of what is found."""
    book = Notebook(frozenset({DATA}))
    found_nothing = way_back(book, REVISION, start, after, new, back)
    assert found_nothing == (not book.findings)
    return [one.code for one in book.findings]


def test_rows_written_to_a_renamed_table_come_back_under_the_old_name() -> None:
    """The upgrade renames the table, the new version writes to it, the downgrade renames it back: nothing is wrong."""
    start, back = state(NOTES, *ROWS), state(NOTES, *ROWS, *WRITTEN)

    assert codes(start, state(MEMOS, *ROWS), state(MEMOS, *ROWS, *WRITTEN), back) == []


def test_rows_that_nobody_wrote_are_found_where_no_table_was_renamed() -> None:
    """Rows that the way back leaves in a table are found when the new version wrote none."""
    start, after = state(NOTES, *ROWS), state(NOTES, *ROWS)

    assert codes(start, after, after, state(NOTES, *ROWS, *WRITTEN)) == ["rows-added"]


def test_a_new_column_that_the_way_back_leaves_is_no_change_of_a_value() -> None:
    """The downgrade does nothing: the round trip says so, the rows of the new version are all there, key or not."""
    old = [{**row, "step": 0} for row in ROWS]
    written = [{**row, "step": 7} for row in WRITTEN]
    new = state(WITH_STEP, *old, *written)

    assert codes(state(NOTES, *ROWS), state(WITH_STEP, *old), new, new) == []


def test_a_row_of_the_new_version_that_is_gone_or_changed_is_found_without_its_new_key() -> None:
    """The same with one written row missing, and with one whose value is another."""
    old = [{**row, "step": 0} for row in ROWS]
    written = [{**row, "step": 7} for row in WRITTEN]
    start, after, new = state(NOTES, *ROWS), state(WITH_STEP, *old), state(WITH_STEP, *old, *written)

    assert codes(start, after, new, state(WITH_STEP, *old, written[0])) != []
    changed = {**written[0], "name": "x"}
    assert codes(start, after, new, state(WITH_STEP, *old, changed, written[1])) == ["new-value-changed"]
