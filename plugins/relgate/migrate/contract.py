"""What a new schema takes away from, or asks of, a version that knows only the schema before: expand and contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.migrate.candidates import family, whole_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.ports.migrations import Column, Table


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that can break the version before.

    ``kind``: table-dropped, column-dropped, column-renamed (suspected: one of the same type came as another went),
    made-required (no NULL any more, or a new column without default), narrowed, label-removed, unique-added,
    check-added, foreign-key-added, default-dropped.
    """

    kind: str
    table: str
    column: str | None
    text: str


def expand_contract(before: Sequence[Table], after: Sequence[Table]) -> tuple[Fact, ...]:
    """Return what the version before loses or is asked for, table by table."""
    now = {table.name: table for table in after}
    facts: list[Fact] = []
    for table in before:
        if table.name not in now:
            facts.append(Fact("table-dropped", table.name, None, f"table {table.name} is dropped"))
            continue
        facts += _columns(table, now[table.name])
        facts += _constraints(table, now[table.name])
    return tuple(facts)


def _columns(old: Table, new: Table) -> list[Fact]:
    then = {column.name: column for column in old.columns}
    now = {column.name: column for column in new.columns}
    added = [column for column in new.columns if column.name not in then]
    facts: list[Fact] = []
    for column in old.columns:
        known = now.get(column.name)
        if known is not None:
            facts += _column(new.name, column, known)
            continue
        twin = next((one for one in added if one.declared == column.declared), None)
        if twin is not None:
            text = f"column {column.name} seems to be renamed to {twin.name} ({column.declared})"
            facts.append(Fact("column-renamed", new.name, column.name, text))
        else:
            facts.append(Fact("column-dropped", new.name, column.name, f"column {column.name} is dropped"))
    for column in added:
        if not column.nullable and column.default is None and not column.identity and not column.generated:
            text = f"new column {column.name} is required and has no default"
            facts.append(Fact("made-required", new.name, column.name, text))
    return facts


def _column(table: str, old: Column, new: Column) -> list[Fact]:
    facts = []
    if old.nullable and not new.nullable:
        facts.append(Fact("made-required", table, new.name, f"column {new.name} takes no NULL any more"))
    if old.default is not None and new.default is None and not new.generated and not new.identity:
        text = f"column {new.name} loses its default {old.default}"
        facts.append(Fact("default-dropped", table, new.name, text))
    if old.enum and new.enum and not set(old.enum) <= set(new.enum):
        labels = ", ".join(label for label in old.enum if label not in new.enum)
        facts.append(Fact("label-removed", table, new.name, f"column {new.name} takes {labels} no more"))
    elif _is_narrower(old, new):
        text = f"column {new.name} is narrowed from {old.declared} to {new.declared}"
        facts.append(Fact("narrowed", table, new.name, text))
    if set(new.checks) - set(old.checks):
        facts.append(Fact("check-added", table, new.name, f"the domain of column {new.name} has a new check"))
    return facts


def _is_narrower(old: Column, new: Column) -> bool:
    """Whether there are values that the old type takes and the new one refuses or cuts, as far as types tell."""
    kinds = family(old, "postgresql"), family(new, "postgresql")
    if kinds == ("integer", "integer"):
        (low, high), (least, most) = whole_range(old), whole_range(new)
        return least > low or most < high
    if kinds == ("text", "text"):
        return new.length is not None and (old.length is None or new.length < old.length)
    if kinds == ("numeric", "numeric"):
        if new.precision is None:
            return False
        whole = (old.precision or 1000) - (old.scale or 0), new.precision - (new.scale or 0)
        return whole[1] < whole[0] or (new.scale or 0) < (old.scale or 0)
    if kinds[0] == kinds[1]:
        return False
    wider = {("integer", "numeric"), ("integer", "text"), ("numeric", "text"), ("enum", "text"), ("date", "timestamp")}
    return not (kinds in wider and new.length is None and new.precision is None)


def _constraints(old: Table, new: Table) -> list[Fact]:
    keys_then = {frozenset(key) for key in (*old.uniques, old.primary_key)}
    facts = [
        Fact("unique-added", new.name, None, f"({', '.join(key)}) has to be unique now")
        for key in (*new.uniques, new.primary_key)
        if key and frozenset(key) not in keys_then
    ]
    facts += [
        Fact("check-added", new.name, None, f"rows are checked for {text}")
        for text in new.checks
        if text not in old.checks
    ]
    known = {(key.columns, key.table, key.referred) for key in old.foreign_keys}
    return facts + [
        Fact("foreign-key-added", new.name, ", ".join(key.columns), f"{', '.join(key.columns)} must be in {key.table}")
        for key in new.foreign_keys
        if (key.columns, key.table, key.referred) not in known
    ]
