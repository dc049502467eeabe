"""Searches values for one row of a table, so that its checks hold, its uniques stay unique and its parents exist.

What we cannot evaluate is taken for granted here: the database judges, and ``preferences`` of another ``mood`` give it
another row to judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from relgate.migrate import candidates, hints
from relgate.migrate.checks import Check, understand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from relgate.ports.migrations import Column, Engine, Row, Table

Mood = Literal["varied", "plain", "bare", "shifted"]
"""``varied``: at the limits of types, some NULL; ``plain``: neither; ``bare``: NULL wherever it is allowed."""

_STEPS = 3_000
"""Tries at most for the columns of a row that depend on one another."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Columns whose values are chosen together, and the choices, the best first."""

    columns: tuple[str, ...]
    options: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that has to hold for columns of a row; ``key``: a unique one, which is never given up."""

    columns: frozenset[str]
    holds: Callable[[Row], bool | None]
    key: bool


@dataclass
class Shape:
    """What a table asks of its rows, read once.

    ``taken``: unique set -> values -> the row's number that has them (-1: a row that was there before). ``written``:
    columns that an INSERT names. ``referred``: columns that other tables' rows refer to.
    """

    table: Table
    engine: Engine
    referred: frozenset[str]
    extremes: bool = True
    columns: dict[str, Column] = field(init=False)
    written: tuple[str, ...] = field(init=False)
    checks: tuple[Check, ...] = field(init=False)
    keys: tuple[tuple[str, ...], ...] = field(init=False)
    taken: dict[tuple[str, ...], dict[tuple[str, ...], int]] = field(init=False)

    _limits: dict[str, list[Any]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.columns = {column.name: column for column in self.table.columns}
        parents = {name for key in self.table.foreign_keys for name in key.columns}
        self.written = tuple(
            column.name
            for column in self.table.columns
            if not column.generated and (column.name in parents or self._known(column) or column.default is None)
        )
        names = tuple(self.columns)
        own = [understand(text, names) for text in self.table.checks]
        domains = [
            understand(text, (column.name,), column.name) for column in self.table.columns for text in column.checks
        ]
        self.checks = tuple(own + domains)
        self.keys = tuple(dict.fromkeys(key for key in (self.table.primary_key, *self.table.uniques) if key))
        self.taken = {key: {} for key in self.keys}

    def _known(self, column: Column) -> bool:
        return candidates.plain(column, self.engine, 0) is not None

    def limits(self, column: Column) -> list[Any]:
        """Return the values at the limits of a column's type, none where they are not wanted."""
        if column.name not in self._limits:
            found = candidates.limits(column, self.engine) if self.extremes else ()
            self._limits[column.name] = list(found)
        return self._limits[column.name]

    def hopeless(self) -> str | None:
        """Say why no row can be written at all, None if one may be."""
        parents = {name for key in self.table.foreign_keys for name in key.columns}
        for name in self.written:
            column = self.columns[name]
            if not column.nullable and name not in parents and not self._known(column):
                return f"no value is known for {column.declared}, the type of its required column {name}"
        return None

    def take(self, row: Row, number: int) -> None:
        """Remember a row's unique values."""
        for key in self.keys:
            values = tuple(str(row.get(name)) for name in key)
            if all(row.get(name) is not None for name in key):
                self.taken[key].setdefault(values, number)

    def rules(self, number: int) -> list[Rule]:
        """Return what has to hold for the row of a number."""
        available = frozenset(self.written)
        checks = [Rule(check.columns, check.holds, key=False) for check in self.checks if check.columns <= available]
        return checks + [
            Rule(frozenset(key), self._free(key, number), key=True) for key in self.keys if available >= set(key)
        ]

    def _free(self, key: tuple[str, ...], number: int) -> Callable[[Row], bool]:
        taken = self.taken[key]

        def free(row: Row) -> bool:
            values = [row.get(name) for name in key]
            return None in values or taken.get(tuple(map(str, values)), number) == number

        return free


@dataclass(frozen=True, slots=True)
class Place:
    """Which row is meant: ``k`` is its number for values, ``i`` its place among ``rows`` that are seeded together."""

    k: int
    i: int
    rows: int

    def is_null(self, index: int, column: Column) -> bool:
        """Whether the column at this index is NULL in this row: one row of each seeding, never the first two."""
        return self.i == self._null(index, column)

    def turn(self, index: int, column: Column) -> int:
        """Return the place among the values at the limits: the row with NULL takes none of them away."""
        null = self._null(index, column)
        return self.i - 1 - (null is not None and self.i > null)

    def _null(self, index: int, column: Column) -> int | None:
        if not column.nullable or self.rows < 2:
            return None
        if column.enum:
            return self.rows - 1 if self.rows > len(column.enum) else None
        return 1 if self.rows == 2 else 2 + index % (self.rows - 2)


def slot(shape: Shape, name: str, place: Place, mood: Mood, fresh: Sequence[Any] = (), shift: int = 0) -> Slot:
    """Return the choices for one column; ``fresh``: values to be seen first."""
    column = shape.columns[name]
    values = _values(shape, column, place, mood)
    if mood == "shifted":
        values = _turned(values, shift)
    if mood == "varied" and place.i < len(fresh):
        values = [fresh[place.i], *values]
    index = shape.written.index(name)
    null_first = mood == "bare" or (mood == "varied" and place.is_null(index, column) and place.i >= len(fresh))
    if column.nullable and name not in shape.referred:
        values = [None, *values] if null_first else [*values, None]
    return Slot((name,), tuple((value,) for value in _distinct(values)))


def _distinct(values: list[Any]) -> list[Any]:
    """Drop what occurs again; True is not 1 here."""
    return list({(type(value), value): value for value in values}.values())


def _values(shape: Shape, column: Column, place: Place, mood: Mood) -> list[Any]:
    engine = shape.engine
    own = [candidates.plain(column, engine, place.k)]
    if own[0] is None:
        return []
    near = [
        value
        for check in shape.checks
        if column.name in check.columns
        for value in hints.suggestions(check, column, engine, place.k)
    ]
    if any(column.name in key for key in (*shape.keys, tuple(shape.referred))):
        first = [candidates.padded(column, engine, place.k)] if _may_be_long(shape, column, place, mood) else []
        own += [candidates.plain(column, engine, place.k + place.rows * step) for step in (1, 2, 3)]
        return [*first, *own, *near, *_labels(column, place.i)]
    if column.enum and not column.array:
        return _labels(column, place.i)
    limits = shape.limits(column)
    if mood != "varied" or place.i == 0 or column.type.lower() in {"boolean", "bool"}:
        return [own[0], *near, *limits]
    # What the column's own checks refuse goes to the end, and every row begins with another of the rest.
    alone = [check for check in shape.checks if check.columns == {column.name}]
    fit = [value for value in limits + near if all(check.holds({column.name: value}) is not False for check in alone)]
    return [*_turned(fit, place.turn(shape.written.index(column.name), column)), own[0], *near]


def _may_be_long(shape: Shape, column: Column, place: Place, mood: Mood) -> bool:
    return shape.extremes and mood == "varied" and place.i == 1 and column.name not in shape.referred


def _labels(column: Column, i: int) -> list[str]:
    return _turned(list(column.enum), i)


def _turned(values: list[Any], i: int) -> list[Any]:
    turn = i % len(values) if values else 0
    return values[turn:] + values[:turn]


def solve(slots: Sequence[Slot], rules: Sequence[Rule], *, insist: bool = False) -> Row | None:
    """Choose an option of each slot so that no rule is broken; None where uniques cannot be kept.

    Checks that cannot be kept within some thousand tries are left to the database; ``insist``: not those of which every
    choice was tried.
    """
    row: Row = {}
    for group in _groups(slots, rules):
        names = {name for one in group for name in one.columns}
        own = [rule for rule in rules if rule.columns & names]
        search = _Search(group, own)
        found = search.run()
        if found is None and not (insist and search.exhausted):
            found = _Search(group, [rule for rule in own if rule.key]).run()
        if found is None:
            return None
        row |= found
    return row


def _groups(slots: Sequence[Slot], rules: Sequence[Rule]) -> list[list[Slot]]:
    """Put slots together that a rule or a shared column ties."""
    groups: list[tuple[set[str], list[Slot]]] = [(set(one.columns), [one]) for one in slots]
    for tie in [rule.columns for rule in rules] + [frozenset(one.columns) for one in slots]:
        tied = [group for group in groups if group[0] & tie]
        if len(tied) > 1:
            rest = [group for group in groups if not group[0] & tie]
            merged = (set[str]().union(*(names for names, _ in tied)), [one for _, members in tied for one in members])
            groups = [*rest, merged]
    return [members for _, members in groups]


class _Search:
    """Depth first, one slot after the other, each rule asked as soon as its columns are there."""

    def __init__(self, slots: Sequence[Slot], rules: Sequence[Rule]) -> None:
        self._slots = slots
        self._rules = rules
        self._steps = _STEPS

    @property
    def exhausted(self) -> bool:
        """Whether every choice was tried."""
        return self._steps >= 0

    def run(self) -> Row | None:
        return self._place(0, {})

    def _place(self, at: int, row: Row) -> Row | None:
        if at == len(self._slots):
            return row
        names = self._slots[at].columns
        for option in self._slots[at].options:
            self._steps -= 1
            if self._steps < 0:
                return None
            tried = self._fits(names, option, row)
            found = self._place(at + 1, tried) if tried is not None else None
            if found is not None:
                return found
        return None

    def _fits(self, names: tuple[str, ...], option: tuple[Any, ...], row: Row) -> Row | None:
        """Return the row with this option in it, None where that breaks something."""
        new = dict(zip(names, option, strict=True))
        if any(name in row and row[name] != value for name, value in new.items()):
            return None
        tried = {**row, **new}
        ready = (rule for rule in self._rules if rule.columns <= tried.keys() and rule.columns & new.keys())
        return None if any(rule.holds(tried) is False for rule in ready) else tried
