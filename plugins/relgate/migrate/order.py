"""The order in which tables get rows: parents before children, partitions before the table that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from relgate.ports.migrations import ForeignKey, Table


def in_order(tables: Sequence[Table]) -> tuple[list[Table], dict[str, str]]:
    """Put parents before children; say also which tables never get a first row, and why."""
    left = {table.name: table for table in tables}
    order: list[Table] = []
    circles: dict[str, str] = {}
    while left:
        free = next((one for one in left.values() if not _waits(one, left, required=False)), None)
        free = free or next((one for one in left.values() if not _waits(one, left, required=True)), None)
        if free is None:
            free = next(iter(left.values()))
            circles[free.name] = "its required foreign keys form a circle: no table of it can have the first row"
        else:
            order.append(free)
        del left[free.name]
    return order, circles


def _waits(table: Table, left: Mapping[str, Table], *, required: bool) -> bool:
    parents = {
        key.table for key in table.foreign_keys if key.table != table.name and (not required or is_required(table, key))
    }
    leaves = {one.name for one in left.values() if one.partition_of == table.name}
    return bool((parents | leaves) & left.keys())


def is_required(table: Table, key: ForeignKey) -> bool:
    """Whether every row must have the parent: with one NULL among the columns it need not."""
    nullable = {column.name for column in table.columns if column.nullable}
    return not nullable & set(key.columns)
