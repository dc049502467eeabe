"""What a database holds at one moment: its catalog, its tables as seeding sees them, its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.ports.migrations import Catalog, Row, Session, Table


@dataclass(frozen=True)
class State:
    """``rows``: table -> all its rows; empty where rows are not looked at."""

    catalog: Catalog
    tables: tuple[Table, ...] = ()
    rows: dict[str, list[Row]] = field(default_factory=dict)


def look(session: Session, *, rows: bool, tables: bool = True, like: Sequence[State] = ()) -> State:
    """Read the state of a database now.

    ``tables``: whether they are needed where rows are not. ``like``: states that this one may equal; where the catalog
    is the same, the tables are too, and are not read again.
    """
    catalog = session.catalog()
    if not (tables or rows):
        return State(catalog)
    known = next((state.tables for state in like if state.catalog == catalog), None)
    found = session.tables() if known is None else known
    return State(catalog, found, rows_of(session, found) if rows else {})


def rows_of(session: Session, tables: Sequence[Table]) -> dict[str, list[Row]]:
    """Read all rows, each once: a partitioned table shows those of its partitions."""
    return session.rows([table.name for table in tables if not table.partitioned])
