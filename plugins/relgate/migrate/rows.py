"""What became of rows: those that were there before are there after, to the value, or it is said what was lost.

Rows are matched by primary key where both sides have the same one, else by how much of them is equal. Pure: it compares
what ``Session.rows`` returned before and after.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.migrate.change import Change, changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from relgate.ports.migrations import Column, Row, Table

    Rows = Mapping[str, Sequence[Row]]
    Pairs = list[tuple[Row, Row]]

_MOST_PAIRED = 300
"""Unequal rows of a table without key that are paired by likeness; beyond that they count as lost."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What happened to ``n`` of ``of`` rows of a table.

    ``kind``: table-lost, rows-lost, rows-added, column-lost, column-emptied (all NULL now), column-defaulted (all the
    same now), value-truncated, value-changed, order-lost (the same values, of other rows), null-filled, orphaned.
    ``example``: one of them. ``note``: what the change looks like, empty where nobody can say.
    """

    kind: str
    table: str
    column: str | None
    n: int
    of: int
    example: str
    note: str = ""

    @property
    def text(self) -> str:
        """One sentence for people."""
        where = self.table if self.column is None else f"{self.table}.{self.column}"
        note = f" ({self.note})" if self.note else ""
        return f"{where}: {self.kind}, {self.n} of {self.of} rows{note}, for example {self.example}"


def compare(
    before: Rows,
    after: Rows,
    tables_before: Sequence[Table],
    tables_after: Sequence[Table],
    *,
    forward: bool = False,
) -> tuple[Loss, ...]:
    """Return what was lost between two states.

    Args:
        before: table -> its rows then.
        after: table -> its rows now.
        tables_before: the tables then.
        tables_after: the tables now.
        forward: the way up, which may drop, add and fill on purpose. Only rows and values are asked for, in tables
            and columns that both states have.

    """
    then = {table.name: table for table in tables_before}
    now = {table.name: table for table in tables_after}
    losses: list[Loss] = []
    for name in sorted(before):
        rows = list(before[name])
        if name not in after or name not in now or name not in then:
            gone = bool(rows) and not forward and name not in after
            losses += [Loss("table-lost", name, None, len(rows), len(rows), _shown(rows[0]))] if gone else []
            continue
        losses += _table(then[name], now[name], rows, list(after[name]), forward=forward)
    if not forward:
        losses += [
            Loss("rows-added", name, None, len(after[name]), len(after[name]), _shown(after[name][0]))
            for name in sorted(after.keys() - before.keys())
            if after[name]
        ]
    return tuple(losses)


def _table(then: Table, now: Table, before: list[Row], after: list[Row], *, forward: bool) -> list[Loss]:
    kept = {column.name for column in now.columns}
    columns = [column for column in then.columns if column.name in kept]
    names = [column.name for column in columns]
    keyed = bool(then.primary_key) and then.primary_key == now.primary_key
    pairs, lost, added = _by_key(then.primary_key, before, after) if keyed else _by_likeness(names, before, after)
    losses = []
    if lost:
        losses.append(Loss("rows-lost", then.name, None, len(lost), len(before), _shown(lost[0])))
    if added and not forward:
        losses.append(Loss("rows-added", then.name, None, len(added), len(after), _shown(added[0])))
    if not forward:
        losses += _gone(then, kept, before)
    types = {column.name: column for column in now.columns}
    for column in columns:
        if not (keyed and column.name in then.primary_key):
            losses += _column(then, column, types[column.name], pairs, forward=forward)
    return losses


def _gone(table: Table, kept: set[str], before: list[Row]) -> list[Loss]:
    losses = []
    for column in table.columns:
        filled = [row for row in before if row.get(column.name) is not None]
        if column.name not in kept and filled:
            example = f"{_key(table, filled[0])}{column.name} = {filled[0][column.name]!r}"
            losses.append(Loss("column-lost", table.name, column.name, len(filled), len(before), example))
    return losses


def _by_key(key: tuple[str, ...], before: list[Row], after: list[Row]) -> tuple[Pairs, list[Row], list[Row]]:
    now = {tuple(str(row.get(name)) for name in key): row for row in after}
    then = {tuple(str(row.get(name)) for name in key): row for row in before}
    pairs = [(row, now[values]) for values, row in then.items() if values in now]
    lost = [row for values, row in then.items() if values not in now]
    return pairs, lost, [row for values, row in now.items() if values not in then]


def _by_likeness(names: list[str], before: list[Row], after: list[Row]) -> tuple[Pairs, list[Row], list[Row]]:
    """Pair equal rows, then the others by the number of equal columns; what shares nothing is lost or added."""
    waiting: dict[str, list[Row]] = defaultdict(list)
    for row in after:
        waiting[_print(row, names)].append(row)
    pairs: Pairs = []
    lost: list[Row] = []
    for row in before:
        same = waiting.get(_print(row, names))
        if same:
            pairs.append((row, same.pop()))
        else:
            lost.append(row)
    added = [row for rows in waiting.values() for row in rows]
    if max(len(lost), len(added)) > _MOST_PAIRED:
        return pairs, lost, added
    return _paired(names, pairs, lost, added)


def _paired(names: list[str], pairs: Pairs, lost: list[Row], added: list[Row]) -> tuple[Pairs, list[Row], list[Row]]:
    ranked = sorted(
        (-sum(one.get(name) == other.get(name) for name in names), i, j)
        for i, one in enumerate(lost)
        for j, other in enumerate(added)
    )
    left, right = set(range(len(lost))), set(range(len(added)))
    for rank, i, j in ranked:
        alone = len(names) == 1 or rank < 0
        if i in left and j in right and alone:
            pairs.append((lost[i], added[j]))
            left.discard(i)
            right.discard(j)
    return pairs, [lost[i] for i in sorted(left)], [added[j] for j in sorted(right)]


def _print(row: Row, names: Iterable[str]) -> str:
    return repr([row.get(name) for name in names])


def _column(table: Table, then: Column, now: Column, pairs: Pairs, *, forward: bool) -> list[Loss]:
    """Say what became of one column in rows that are there on both sides."""
    name = then.name
    values = [(one.get(name), other.get(name)) for one, other in pairs]
    changes = [
        (pair, change) for pair, value in zip(pairs, values, strict=True) if (change := changed(*value, then, now))
    ]
    if not changes:
        return []
    whole = _whole(values, [change for _, change in changes])
    grouped: dict[Change, list[tuple[Row, Row]]] = defaultdict(list)
    for pair, change in changes:
        grouped[change if whole is None or change.kind == "null-filled" else whole].append(pair)
    losses = []
    for change, changed_pairs in grouped.items():
        if forward and change.kind == "null-filled":
            continue
        one, other = changed_pairs[0]
        example = f"{_key(table, one)}{_cut(one.get(name))} became {_cut(other.get(name))}"
        losses.append(Loss(change.kind, table.name, name, len(changed_pairs), len(pairs), example, change.note))
    return losses


def _whole(values: list[tuple[Any, Any]], changes: list[Change]) -> Change | None:
    """Say what happened to a column as a whole, None where its rows have to be looked at one by one."""
    filled = [pair for pair in values if pair[0] is not None]
    if not filled or all(change.kind == "null-filled" for change in changes):
        return None
    now = {repr(after) for _, after in filled}
    if now == {"None"}:
        return Change("column-emptied")
    if len(now) == 1 and len({repr(one) for one, _ in filled}) > 1:
        return Change("column-defaulted")
    if Counter(repr(one) for one, _ in values) == Counter(repr(other) for _, other in values):
        return Change("order-lost")
    return None


def subtract(losses: Iterable[Loss], control: Iterable[Loss]) -> tuple[tuple[Loss, ...], tuple[Loss, ...]]:
    """Tell losses from what a control run of two equal upgrades of equal rows shows as well.

    Returns:
        What is a loss, and what is only not deterministic (``now()``, random ids).

    """
    losses = tuple(losses)
    noise = {(loss.table, loss.column) for loss in control}
    real = tuple(loss for loss in losses if (loss.table, loss.column) not in noise)
    return real, tuple(loss for loss in losses if (loss.table, loss.column) in noise)


def orphans(rows: Rows, tables: Sequence[Table]) -> tuple[Loss, ...]:
    """Return the foreign keys whose rows refer to parents that are not there."""
    losses = []
    for table in tables:
        for key in table.foreign_keys:
            parents = {_print(row, key.referred) for row in rows.get(key.table, ())}
            children = [
                row for row in rows.get(table.name, ()) if all(row.get(name) is not None for name in key.columns)
            ]
            lone = [row for row in children if _print(row, key.columns) not in parents]
            if lone:
                example = f"{_key(table, lone[0])}{', '.join(f'{name} = {lone[0][name]!r}' for name in key.columns)}"
                note = f"no such row in {key.table}"
                losses.append(
                    Loss("orphaned", table.name, ", ".join(key.columns), len(lone), len(children), example, note)
                )
    return tuple(losses)


def _key(table: Table, row: Row) -> str:
    key = ", ".join(f"{name} = {row.get(name)!r}" for name in table.primary_key)
    return f"{key}: " if key else ""


def _cut(value: Any, most: int = 60) -> str:
    text = "NULL" if value is None else repr(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def _shown(row: Row) -> str:
    return ", ".join(f"{name} = {_cut(value, 30)}" for name, value in list(row.items())[:4])
