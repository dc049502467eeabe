"""What the version before would send to the database, made from the schema that it knows: as its models would.

An ORM names every column: one that is gone breaks every read of its table. Pure: ``Probe`` is a statement with its
values; somebody else sends it, within a transaction that is undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.migrate.inserts import insert_sql, percent, quoted
from relgate.migrate.seed import seed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from relgate.ports.migrations import Engine, Row, Table

_START = 5_000
"""Number of the row that is inserted: no seeding goes so far."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One statement. ``verb``: select, insert, update, delete, query. ``parameters``: for each %s of ``sql``."""

    table: str
    verb: str
    sql: str
    parameters: tuple[Any, ...] = ()


def statements_of(
    tables: Sequence[Table], engine: Engine, rows: Mapping[str, Sequence[Row]] | None = None
) -> tuple[Probe, ...]:
    """Return what models of these tables would send.

    Args:
        tables: as the version before knows them.
        engine: whose quotes are meant.
        rows: what is in the tables, for foreign keys and for the row that is updated; without, the rows that seeding
            from 0 makes are taken to be there.

    """
    known = rows if rows is not None else _seeded(tables, engine)
    probes: list[Probe] = []
    for table in tables:
        probes.append(_select(table, engine))
        made = (
            ()
            if table.partitioned
            else seed([table], engine, rows=1, start=_START, known=known, extremes=False).inserts
        )
        for insert in made:
            row = dict(zip(insert.columns, insert.values, strict=True))
            probes += _writes(table, engine, row, known.get(table.name, ()))
    return tuple(probes)


def _seeded(tables: Sequence[Table], engine: Engine) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for insert in seed(tables, engine).inserts:
        rows.setdefault(insert.table, []).append(dict(zip(insert.columns, insert.values, strict=True)))
    return rows


def _select(table: Table, engine: Engine) -> Probe:
    # Without parameters, a statement goes as it is: percent signs are not doubled.
    names = ", ".join(quoted(column.name, engine).replace("%%", "%") for column in table.columns) or "1"
    return Probe(table.name, "select", f"SELECT {names} FROM {table.name} LIMIT 1")  # noqa: S608  quoted names


def _writes(table: Table, engine: Engine, row: Row, there: Sequence[Row]) -> list[Probe]:
    columns = {column.name: column for column in table.columns}
    # A value is generated for an identity unless somebody insists, and models do not.
    sent = {name: value for name, value in row.items() if columns[name].identity != "always"}
    needed = {
        name: value for name, value in sent.items() if not columns[name].nullable and columns[name].default is None
    }
    probes = [_insert(table, engine, sent)]
    if len(needed) < len(sent):
        probes.append(_insert(table, engine, needed))
    changes = {name: value for name, value in sent.items() if name not in table.primary_key}
    if changes:
        probes.append(_update(table, engine, changes, there[0] if there else row))
    if table.primary_key:
        where, values = _where(table, engine, row)
        sql = f"DELETE FROM {percent(table.name)} WHERE {where}"  # noqa: S608  quoted names
        probes.append(Probe(table.name, "delete", sql, values))
    return probes


def _insert(table: Table, engine: Engine, row: Row) -> Probe:
    return Probe(table.name, "insert", insert_sql(table, tuple(row), engine), tuple(row.values()))


def _update(table: Table, engine: Engine, changes: Row, target: Row) -> Probe:
    sets = ", ".join(f"{quoted(name, engine)} = %s" for name in changes)
    where, values = _where(table, engine, target)
    sql = f"UPDATE {percent(table.name)} SET {sets} WHERE {where}"  # noqa: S608  quoted names
    return Probe(table.name, "update", sql, (*changes.values(), *values))


def _where(table: Table, engine: Engine, row: Row) -> tuple[str, tuple[Any, ...]]:
    """Return what finds a row by its primary key; without one, nothing: the columns are asked for all the same."""
    if not table.primary_key or any(name not in row for name in table.primary_key):
        return "1 = 0", ()
    parts = " AND ".join(f"{quoted(name, engine)} = %s" for name in table.primary_key)
    return parts, tuple(row[name] for name in table.primary_key)
