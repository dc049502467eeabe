"""Observations of several series, told apart by a label, as one value: every instance at every moment.

An instance that was seen once and has no series at another moment was not observed there: that is a hole with its
fault, never a moment that was not due. A pod that comes late or goes early therefore has holes; whoever judges decides
what they prove.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from relgate.errors import SourceError
from relgate.values import Series

if TYPE_CHECKING:
    from collections.abc import Sequence


def by_label(lines: Sequence[dict[str, Any]], t_s: Sequence[float]) -> Series:
    """Return the series of all instances, ordered by time and then by name.

    Args:
        lines: stored facts; ``values`` are pairs of name and number or None, missing where an answer was unusable.
        t_s: when each was observed, ascending.

    Raises:
        SourceError: a line has two numbers for one instance.

    """
    seen = [_numbers(line) for line in lines]
    names = sorted(set().union(*seen))
    if not names:
        # Nothing ever named an instance: holes, as of one series.
        faults = tuple(f"{t:.0f} s: {line.get('fault') or 'no series'}" for line, t in zip(lines, t_s, strict=True))
        return Series(np.array(t_s, dtype=np.float64), np.full(len(lines), np.nan), faults)
    rows = [[_or_nan(numbers.get(name)) for name in names] for numbers in seen]
    faults = tuple(
        f"{t:.0f} s: {_why(line, numbers, name)} ({name})"
        for line, numbers, t, row in zip(lines, seen, t_s, rows, strict=True)
        for name, value in zip(names, row, strict=True)
        if np.isnan(value)
    )
    return Series(
        t_s=np.repeat(np.array(t_s, dtype=np.float64), len(names)),
        value=np.array(rows, dtype=np.float64).reshape(-1),
        faults=faults,
        instance=np.tile(np.arange(len(names)), len(lines)),
        instances=tuple(names),
    )


def _numbers(line: dict[str, Any]) -> dict[str, float | None]:
    pairs = line.get("values") or []
    numbers = {str(name): None if value is None or not math.isfinite(value) else float(value) for name, value in pairs}
    if len(numbers) != len(pairs):
        raise SourceError("an observation has two numbers for one instance")
    return numbers


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _why(line: dict[str, Any], numbers: dict[str, float | None], name: str) -> str:
    if numbers and name not in numbers:
        return "no series"
    return str(line.get("fault") or "no number")
