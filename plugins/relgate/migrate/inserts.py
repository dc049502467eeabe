"""Statements that write rows: as values, with %s for each parameter. Nothing here sends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from relgate.ports.migrations import Engine, Table


def none() -> tuple[Insert, ...]:
    """Return no alternatives."""
    return ()


@dataclass(frozen=True, slots=True)
class Insert:
    """One row to be inserted. ``number``: of the row. ``values``: of ``columns``, for each %s of ``sql``."""

    table: str
    number: int
    columns: tuple[str, ...]
    values: tuple[Any, ...]
    sql: str
    more: Callable[[], tuple[Insert, ...]] = field(default=none, repr=False, compare=False)

    @property
    def alternatives(self) -> tuple[Insert, ...]:
        """The same row with other values, in the order in which to try them when the database refuses these."""
        return self.more()


@dataclass(frozen=True, slots=True)
class Update:
    """Points a row at a parent that could only be inserted after it."""

    table: str
    sql: str
    values: tuple[Any, ...]


def quoted(name: str, engine: Engine) -> str:
    """Return a column's name as SQL text with parameters has it: quoted, percent signs doubled."""
    # SQLite takes a name in double quotes that no column has for a text: a missing column would go unnoticed.
    mark = '"' if engine == "postgresql" else "`"
    return percent(f"{mark}{name.replace(mark, mark * 2)}{mark}")


def percent(name: str) -> str:
    """Double the percent signs of a name, for SQL text with parameters."""
    return name.replace("%", "%%")


def insert_sql(table: Table, columns: Sequence[str], engine: Engine) -> str:
    """Return an INSERT of these columns with %s for each value."""
    if not columns:
        return f"INSERT INTO {table.name} {'() VALUES ()' if engine == 'mysql' else 'DEFAULT VALUES'}"  # noqa: S608
    always = {column.name for column in table.columns if column.identity == "always"}
    # Children refer to a row by its key: an identity has to be what the children expect.
    over = " OVERRIDING SYSTEM VALUE" if always & set(columns) and engine == "postgresql" else ""
    names = ", ".join(quoted(name, engine) for name in columns)
    places = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {percent(table.name)} ({names}){over} VALUES ({places})"  # noqa: S608  quoted names
