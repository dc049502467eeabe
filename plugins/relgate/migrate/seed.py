"""Rows for every table of a schema, so that a migration has something to lose. Pure: makes statements, sends none.

A value depends on the type of its column and on the number of its row, so row k of a child refers to row k of its
parent and the same schema gets the same rows. Types are filled to their limits, every nullable column is NULL once,
every label of an enum occurs while rows last. A database may know better than we do (a trigger, a check that we cannot
read): each ``Insert`` has alternatives, to be tried one by one, each behind a savepoint. They agree in the columns that
other tables refer to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.migrate.fresh import Fresh, whats_new
from relgate.migrate.inserts import Insert, Update, insert_sql, percent, quoted
from relgate.migrate.order import in_order, is_required
from relgate.migrate.search import Mood, Place, Shape, Slot, slot, solve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from relgate.ports.migrations import Engine, ForeignKey, Row, Table

_SHIFTS = 6
"""Further alternatives for a table with rules that we cannot read."""

_POOL = 8
"""Parents at most that a row is tried with."""


@dataclass(frozen=True, slots=True)
class Seeding:
    """``inserts`` in order, then ``updates``. ``unseedable``: (table, why no row can be made)."""

    inserts: tuple[Insert, ...]
    unseedable: tuple[tuple[str, str], ...]
    updates: tuple[Update, ...] = ()


def seed(
    tables: Sequence[Table],
    engine: Engine,
    *,
    rows: int = 5,
    start: int = 0,
    have: Mapping[str, int] | None = None,
    known: Mapping[str, Sequence[Row]] | None = None,
    fresh: Fresh | None = None,
    extremes: bool = True,
) -> Seeding:
    """Return rows for tables.

    Args:
        tables: all tables, in any order.
        engine: whose types and quotes are meant.
        rows: how many rows each table gets; fewer where its uniques have no room.
        start: number of the first row.
        have: table -> how many rows are in it; only the rest is made. Without ``known``, these are taken to be the
            first rows that a seeding from 0 makes.
        known: table -> rows that are in it, as ``Session.rows`` returns them. Their unique values are avoided, and
            children refer to them where their table gets no rows of this seeding.
        fresh: values to be seen first, of ``fresh_for``.
        extremes: whether values at the limits of the types are used.

    """
    maker = _Maker(tables, engine, rows, start, fresh or {}, extremes)
    maker.know(known or {})
    order, circles = in_order(tables)
    maker.refused.update(circles)
    have = have or {}
    maker.ask([table for table in tables if have.get(table.name, 0) < rows])
    for table in order:
        maker.fill(table, have.get(table.name, 0))
    return Seeding(tuple(maker.inserts), tuple(sorted(maker.refused.items())), tuple(maker.updates()))


class _Maker:
    """Makes rows table by table and remembers them for their children."""

    def __init__(
        self,
        tables: Sequence[Table],
        engine: Engine,
        rows: int,
        start: int,
        fresh: Fresh,
        extremes: bool,  # noqa: FBT001
    ) -> None:
        self._tables = {table.name: table for table in tables}
        self._engine = engine
        self._rows = rows
        self._start = start
        self._fresh = fresh
        referred: dict[str, set[str]] = {}
        for key in (key for table in tables for key in table.foreign_keys):
            referred.setdefault(key.table, set()).update(key.referred)
        self._shapes = {
            table.name: Shape(table, engine, frozenset(referred.get(table.name, ())), extremes) for table in tables
        }
        self._made: dict[str, dict[int, Row]] = {}
        self._known: dict[str, Sequence[Row]] = {}
        self._listed: dict[str, list[Row]] = {}
        self._late: list[tuple[Table, ForeignKey]] = []
        self._asked: set[str] = set()
        self.inserts: list[Insert] = []
        self.refused: dict[str, str] = {}

    def know(self, known: Mapping[str, Sequence[Row]]) -> None:
        """Take notice of rows that are there."""
        self._known = dict(known)
        for name in self._known.keys() & self._shapes.keys():
            for row in self._known[name]:
                self._shapes[name].take(row, -1)

    def ask(self, poor: Sequence[Table]) -> None:
        """Take notice of the tables that get rows: only they and those above them have to be known."""
        waiting = list(poor)
        while waiting:
            table = waiting.pop()
            if table.name not in self._asked:
                self._asked.add(table.name)
                waiting += [self._tables[key.table] for key in table.foreign_keys if key.table in self._tables]
                waiting += [
                    one for one in self._tables.values() if table.partitioned and one.partition_of == table.name
                ]

    def fill(self, table: Table, have: int) -> None:
        """Make the rows of a table."""
        if table.partitioned:
            self._gather(table)
            return
        if table.name not in self._asked:
            return
        reason = self._why_not(table)
        if reason is not None:
            self.refused[table.name] = reason
            return
        self._late += [
            (table, key) for key in table.foreign_keys if key.table != table.name and not self._pool(key, table, 0)
        ]
        if have and table.name not in self._known and table.name in self._asked:
            self._suppose(table, min(have, _POOL))
        made = self._made.setdefault(table.name, {})
        for i in range(have, self._rows):
            row = self._row(table, self._place(i), "varied")
            if row is None:
                continue
            made[i] = row
            self._listed.setdefault(table.name, []).append(row)
            self._shapes[table.name].take(row, self._start + i)
            self.inserts.append(self._insert(table, i, row))
        if not made and not self._known.get(table.name):
            self.refused[table.name] = "its uniques and foreign keys leave no room for a row"

    def _place(self, i: int) -> Place:
        return Place(self._start + i, i, self._rows)

    def _suppose(self, table: Table, have: int) -> None:
        """Take the rows that are there for the first ones that a seeding from 0 makes."""
        made = [self._row(table, Place(i, i, self._rows), "varied") for i in range(have)]
        self._known[table.name] = rows = [row for row in made if row is not None]
        for row in rows:
            self._shapes[table.name].take(row, -1)

    def _gather(self, table: Table) -> None:
        """Take the rows of its partitions for those of a partitioned table."""
        leaves = [one.name for one in self._tables.values() if one.partition_of == table.name]
        rows = [row for name in leaves for row in self._made.get(name, {}).values()]
        self._made[table.name] = dict(enumerate(rows))
        self._listed[table.name] = rows
        if not rows:
            self.refused[table.name] = "it has no partition that a row could go to"

    def _why_not(self, table: Table) -> str | None:
        if table.partition_of is not None and not table.checks:
            return "the bounds of this partition are not known"
        for key in table.foreign_keys:
            if key.table != table.name and is_required(table, key) and not self._pool(key, table, 0):
                return f"it refers to {key.table}, which has no rows"
        return self._shapes[table.name].hopeless()

    def _pool(self, key: ForeignKey, table: Table, i: int) -> list[Row]:
        """Return the rows that row ``i`` may refer to, the best first."""
        made, listed = self._made.get(key.table, {}), self._listed.get(key.table, [])
        known = self._known.get(key.table, ())
        if key.table == table.name:
            rows = [*reversed(listed[-_POOL:]), *known[:_POOL]]
        else:
            first = [made[i]] if i in made else []
            rows = [*first, *_turned(listed, i), *_turned(known, i)]
        # A row with a NULL in what is referred to is nobody's parent.
        return [row for row in rows if all(row.get(name) is not None for name in key.referred)][:_POOL]

    def _row(
        self, table: Table, place: Place, mood: Mood, shift: int = 0, fixed: Mapping[str, Any] | None = None
    ) -> Row | None:
        shape = self._shapes[table.name]
        slots = [Slot((name,), ((value,),)) for name, value in (fixed or {}).items()]
        keys = [key for key in table.foreign_keys if set(key.columns) <= set(shape.written)]
        own = [key for key in keys if key.table == table.name and is_required(table, key)]
        roots = [key for key in own if not self._pool(key, table, place.i)]
        slots += [self._reference(shape, key, place, mood) for key in keys if key not in roots]
        done = {name for key in keys for name in key.columns} | set(fixed or {})
        fresh = self._fresh.get(table.name, {})
        slots += [
            slot(shape, name, place, mood, fresh.get(name, ()), shift) for name in shape.written if name not in done
        ]
        # Once the checks let a row through they are read well: what they refuse then, the database would too.
        row = solve(slots, shape.rules(place.k), insist=bool(self._made.get(table.name)))
        if row is not None:
            for key in roots:  # The first row of all is its own parent.
                row |= {name: row[to] for name, to in zip(key.columns, key.referred, strict=True) if to in row}
        return row

    def _reference(self, shape: Shape, key: ForeignKey, place: Place, mood: Mood) -> Slot:
        options = [tuple(row[to] for to in key.referred) for row in self._pool(key, shape.table, place.i)]
        columns = [shape.columns[name] for name in key.columns]
        inner = shape.table.primary_key
        nullable = [column.nullable and column.name not in inner for column in columns]
        if any(nullable):
            some = options[0] if options else (None,) * len(columns)
            none = tuple(None if null else value for null, value in zip(nullable, some, strict=True))
            null_first = mood == "bare" or (
                mood == "varied" and place.is_null(shape.written.index(key.columns[0]), columns[0])
            )
            options = [none, *options] if null_first else [*options, none]
        return Slot(key.columns, tuple(dict.fromkeys(options)))

    def _insert(self, table: Table, i: int, row: Row) -> Insert:
        shape = self._shapes[table.name]
        columns = tuple(name for name in shape.written if name in row)
        values = tuple(row[name] for name in columns)
        sql = insert_sql(table, columns, self._engine)

        def more() -> tuple[Insert, ...]:
            fixed = {name: row[name] for name in columns if name in shape.referred}
            moods: list[tuple[Mood, int]] = [("plain", 0), ("bare", 0)]
            if table.triggers or table.partition_of or any(not check.understood for check in shape.checks):
                moods += [("shifted", shift) for shift in range(1, _SHIFTS + 1)]
            others = (self._row(table, self._place(i), mood, shift, fixed) for mood, shift in moods)
            tuples = (tuple(other.get(name) for name in columns) for other in others if other is not None)
            unlike = {repr(one): one for one in tuples if repr(one) != repr(values)}.values()
            return tuple(Insert(table.name, self._start + i, columns, one, sql) for one in unlike)

        return Insert(table.name, self._start + i, columns, values, sql, more)

    def updates(self) -> Iterable[Update]:
        """Return what points rows at parents that came after them."""
        for table, key in self._late:
            for i, row in self._made.get(table.name, {}).items():
                pool = self._pool(key, table, i)
                if not pool or not table.primary_key or any(name in table.primary_key for name in key.columns):
                    continue
                sets = ", ".join(f"{quoted(name, self._engine)} = %s" for name in key.columns)
                where = " AND ".join(f"{quoted(name, self._engine)} = %s" for name in table.primary_key)
                values = [pool[0][to] for to in key.referred] + [row[name] for name in table.primary_key]
                sql = f"UPDATE {percent(table.name)} SET {sets} WHERE {where}"  # noqa: S608  quoted names
                yield Update(table.name, sql, tuple(values))


def _turned(rows: Sequence[Row], i: int) -> list[Row]:
    """Return some rows, beginning with the ``i``-th, round and round."""
    return [rows[(i + step) % len(rows)] for step in range(min(len(rows), _POOL))]


def fresh_for(
    before: Sequence[Table],
    after: Sequence[Table],
    engine: Engine,
    *,
    rows: int = 5,
    start: int = 1_000,
    known: Mapping[str, Sequence[Row]] | None = None,
) -> tuple[Insert, ...]:
    """Return rows as only the newer of two schemas takes them, and their parents; none if nothing is new."""
    fresh = whats_new(before, after, engine)
    tables = {table.name: table for table in after}
    wanted = list(fresh)
    for name in wanted:  # Grows while it is walked: parents of parents.
        parents = {key.table for key in tables[name].foreign_keys}
        leaves = {table.name for table in after if table.partition_of == name}
        wanted += sorted((parents | leaves) & tables.keys() - set(wanted))
    chosen = [table for table in after if table.name in set(wanted)]
    return seed(chosen, engine, rows=rows, start=start, known=known, fresh=fresh).inserts
