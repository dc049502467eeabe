"""What only the newer of two schemas can hold: the values that a way back may lose.

Longer texts, larger and finer numbers, NULL where it was refused, new labels, values that a dropped check or unique
kept out. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.migrate import candidates, hints
from relgate.migrate.checks import understand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.ports.migrations import Column, Engine, Table

Fresh = dict[str, dict[str, tuple[Any, ...]]]
"""table -> column -> values to be seen first. A column without values: whatever it holds is new."""

_NUMBER = 1_000
"""Number of the row that values for dropped checks are made with."""


def whats_new(before: Sequence[Table], after: Sequence[Table], engine: Engine) -> Fresh:
    """Return the tables and columns in which something is new, with the values to show it."""
    then = {table.name: table for table in before}
    found: Fresh = {}
    for table in after:
        old = then.get(table.name)
        columns = {column.name: () for column in table.columns} if old is None else _columns(old, table, engine)
        if columns:
            found[table.name] = columns
    return found


def _columns(old: Table, new: Table, engine: Engine) -> dict[str, tuple[Any, ...]]:
    before = {column.name: column for column in old.columns}
    found: dict[str, tuple[Any, ...]] = {}
    for column in new.columns:
        if column.generated:
            continue
        known = before.get(column.name)
        if known is None:
            found[column.name] = ()
        elif known != column:
            found[column.name] = _values(known, column, engine)
    for name, values in (_unchecked(old, new, engine) | _repeated(old, new, engine)).items():
        found[name] = (*found.get(name, ()), *values)
    return found


def _values(old: Column, new: Column, engine: Engine) -> tuple[Any, ...]:
    """Return the values that a changed column takes now, those first that it refused."""
    labels = tuple(label for label in new.enum if label not in old.enum)
    if labels or new.enum:
        return (*labels, *([None] if new.nullable and not old.nullable else []))
    values: list[Any] = []
    if (old.type, old.declared, old.array) != (new.type, new.declared, new.array):
        refused = set(map(repr, candidates.limits(old, engine)))
        values += [value for value in candidates.limits(new, engine)[:3] if repr(value) not in refused]
    if new.nullable and not old.nullable:
        values.append(None)
    return tuple(values)


def _unchecked(old: Table, new: Table, engine: Engine) -> dict[str, tuple[Any, ...]]:
    """Return values of single columns that a check kept out which is gone now."""
    found: dict[str, tuple[Any, ...]] = {}
    columns = {column.name: column for column in new.columns}
    for text in old.checks:
        check = understand(text, tuple(columns))
        if text in new.checks or len(check.columns) != 1:
            continue
        column = columns[next(iter(check.columns))]
        # Also numbers that lie further out than those beside the check's own.
        tried = (*hints.suggestions(check, column, engine, _NUMBER), *candidates.limits(column, engine))
        refused = [value for value in tried if check.holds({column.name: value}) is False]
        found[column.name] = tuple(refused[:2])
    return found


def _repeated(old: Table, new: Table, engine: Engine) -> dict[str, tuple[Any, ...]]:
    """Return the same value twice for columns that need not be unique any more."""
    found: dict[str, tuple[Any, ...]] = {}
    columns = {column.name: column for column in new.columns}
    kept = {name for key in (*new.uniques, new.primary_key) for name in key}
    for key in old.uniques:
        if key in new.uniques:
            continue
        for name in key:
            value = candidates.plain(columns[name], engine, _NUMBER) if name in columns and name not in kept else None
            if value is not None:
                found[name] = (value, value)
    return found
