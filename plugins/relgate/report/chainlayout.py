"""Where the revisions of a history go in a picture: one column each, lanes for branches, no line through a box.

The order of the columns is that in which the revisions are applied. A line from a revision to one that builds on it
runs in the gaps between columns and along one lane, which it has for itself over the columns between both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_PARENTS = 16


@dataclass(frozen=True, slots=True)
class Line:
    """From column ``start`` to a later column ``end``, in between along ``lane``."""

    start: int
    end: int
    lane: int


@dataclass
class Layout:
    """``lanes``: column -> lane of its box. ``loose``: columns of revisions with a parent that is not to be seen."""

    lanes: list[int] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    loose: set[int] = field(default_factory=set)
    _taken: dict[int, set[int]] = field(default_factory=dict)

    def free(self, lane: int, first: int, end: int) -> bool:
        """Whether nothing lies in a lane from column ``first`` to before ``end``."""
        return self._taken.setdefault(lane, set()).isdisjoint(range(first, end))

    def take(self, lane: int, first: int, end: int) -> None:
        """Keep a lane from column ``first`` to before ``end``."""
        self._taken.setdefault(lane, set()).update(range(first, end))

    def lowest(self, first: int, end: int) -> int:
        """Return the first lane that is free there."""
        return next(lane for lane in range(len(self._taken) + 1) if self.free(lane, first, end))


def lay_out(revisions: Sequence[Mapping[str, Any]]) -> Layout:
    """Return the places of revisions (``id``, ``down``), parents before those that build on them.

    A parent that is missing, or comes later, is not to be seen: its line cannot be drawn.
    """
    layout = Layout()
    columns: dict[str, int] = {}
    for column, revision in enumerate(revisions):
        wanted = list(dict.fromkeys(revision["down"]))[:_MOST_PARENTS]
        parents = [columns[id_] for id_ in wanted if id_ in columns]
        if len(parents) < len(set(revision["down"])):
            layout.loose.add(column)
        lane = _lane(layout, column, parents)
        layout.lanes.append(lane)
        layout.take(lane, column, column + 1)
        for start in parents:
            track = _track(layout, start, column)
            layout.take(track, start + 1, column)
            layout.lines.append(Line(start, column, track))
        columns.setdefault(revision["id"], column)
    return layout


def _lane(layout: Layout, column: int, parents: Sequence[int]) -> int:
    """Return the lane of its first parent where the way there is free, else the lowest that is."""
    if not parents:
        return layout.lowest(column, column + 1)
    first = parents[0]
    mine = layout.lanes[first]
    return mine if layout.free(mine, first + 1, column + 1) else layout.lowest(first + 1, column + 1)


def _track(layout: Layout, start: int, end: int) -> int:
    for lane in (layout.lanes[end], layout.lanes[start]):
        if layout.free(lane, start + 1, end):
            return lane
    return layout.lowest(start + 1, end)
