"""Stored looks at logs and databases -> values. What could not be read was a fault, and stands apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from relgate.values import Cost, Lines, Look, Seen, Series, Statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Line = dict[str, Any]


def log_lines(lines: Sequence[Line], seconds: Callable[[Line], float], every_s: float) -> Lines:
    """Return the looks at a log that found out what had come, in time order."""
    looks = [
        Look(
            t_s=seconds(line),
            lines=int(line["lines"]),
            requests=None if line["requests"] is None else int(line["requests"]),
            seen=tuple(Seen(str(pattern), int(count), str(example)) for pattern, count, example in line["seen"]),
        )
        for line in lines
        if line.get("fault") is None
    ]
    return Lines(tuple(sorted(looks, key=lambda look: look.t_s)), every_s)


def counted(lines: Lines) -> Series:
    """Return how many lines that count had come by each look: a counter."""
    counts = [float(sum(seen.count for seen in look.seen)) for look in lines.looks]
    return Series(np.array([look.t_s for look in lines.looks]), np.cumsum(np.array(counts, dtype=np.float64)))


def statements(lines: Sequence[Line], seconds: Callable[[Line], float]) -> Statements:
    """Return what each statement had cost at each look."""
    costs: dict[str, list[Cost]] = {}
    read = sorted((line for line in lines if line.get("fault") is None), key=seconds)
    for line in read:
        for statement, calls, total_s in line["costs"]:
            costs.setdefault(str(statement), []).append(Cost(seconds(line), float(calls), float(total_s)))
    return Statements(tuple(map(seconds, read)), {name: tuple(found) for name, found in costs.items()})
