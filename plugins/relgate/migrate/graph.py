"""The graph that revisions form by ``down`` and ``after``: what lies below, what applies in which order, circles."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from relgate.ports.migrations import Revision


def ancestors(known: Mapping[str, Revision], heads: Iterable[str]) -> set[str]:
    """Return the known heads and all that they build on or wait for."""
    found: set[str] = set()
    todo = [id_ for id_ in heads if id_ in known]
    while todo:
        id_ = todo.pop()
        if id_ not in found:
            found.add(id_)
            todo += [up for up in (*known[id_].down, *known[id_].after) if up in known]
    return found


def applicable(known: Mapping[str, Revision], *, strict: bool = False) -> list[str]:
    """Sort as far as it goes (Kahn 1962), the smallest id first; what is left out hangs on a cycle.

    ``strict``: a parent that is not there is never applied; otherwise it is taken for applied.
    """
    waits = {id_: {up for up in (*one.down, *one.after) if strict or up in known} for id_, one in known.items()}
    above: dict[str, list[str]] = {}
    for id_, parents in waits.items():
        for parent in parents:
            above.setdefault(parent, []).append(id_)
    ready = [id_ for id_, parents in waits.items() if not parents]
    heapq.heapify(ready)
    done: list[str] = []
    while ready:
        id_ = heapq.heappop(ready)
        done.append(id_)
        for next_ in above.get(id_, ()):
            waits[next_].discard(id_)
            if not waits[next_]:
                heapq.heappush(ready, next_)
    return done


def cycles(known: Mapping[str, Revision]) -> list[tuple[str, ...]]:
    """Return cycles, none sharing a revision with another, each from its smallest id along ``down`` and ``after``."""
    found: list[tuple[str, ...]] = []
    left = dict(known)
    while stuck := sorted(left.keys() - set(applicable(left))):
        walk = [stuck[0]]
        while True:  # What is stuck has a parent that is stuck, so the walk must come back to itself.
            parents = left[walk[-1]]
            next_ = min(up for up in (*parents.down, *parents.after) if up in stuck)
            if next_ in walk:
                break
            walk.append(next_)
        cycle = walk[walk.index(next_) :]
        first = cycle.index(min(cycle))
        found.append((*cycle[first:], *cycle[:first]))
        left = {id_: one for id_, one in left.items() if id_ not in cycle}
    return found
