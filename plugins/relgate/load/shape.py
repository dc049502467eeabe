"""How much load is asked for at which moment, and when each request of an open loop is due. Pure arithmetic.

A shape is a function from time to a share of the full amount (requests per second, or clients):

| shape | share of the full amount |
|---|---|
| ``constant`` | all of it, from the first moment to the last |
| ``steady`` | rises evenly over ``ramp``, then all of it |
| ``soak`` | rises over ``ramp``, all of it, falls over ``ramp`` at the end |
| ``step`` | 1/steps, 2/steps, ... for ``each`` seconds each, then all of it |
| ``spike`` | a fifth; all of it in the middle fifth of the time |

Request number i of an open loop is due when the area under the curve reaches i + 1/2. So the schedule depends on
nothing that happens, is the same on both sides, and worker k of n takes every n-th: together they are one schedule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["constant", "steady", "step", "spike", "soak"]
BASE = 0.2
"""Share of the full amount outside of a spike; and of the time that a spike lasts."""


@dataclass(frozen=True, slots=True)
class Shape:
    """``amount``: of the full load, requests per second or clients. ``ramp_s``, ``each_s``: seconds. ``end_s``: all."""

    kind: Kind
    amount: float
    end_s: float
    ramp_s: float = 0.0
    steps: int = 1
    each_s: float = 1.0

    def pieces(self) -> list[tuple[float, float, float, float]]:
        """Return begin, end (seconds), and the amount at either: a straight line between both. Without gaps."""
        full, end_s = self.amount, self.end_s
        ramp_s = min(self.ramp_s, end_s / 2 if self.kind == "soak" else end_s)
        if self.kind == "step":
            found = [
                (k * self.each_s, (k + 1) * self.each_s, full * (k + 1) / self.steps, full * (k + 1) / self.steps)
                for k in range(self.steps)
            ]
            found.append((self.steps * self.each_s, end_s, full, full))
        elif self.kind == "spike":
            low, at, to = BASE * full, (1 - BASE) / 2 * end_s, (1 + BASE) / 2 * end_s
            found = [(0.0, at, low, low), (at, to, full, full), (to, end_s, low, low)]
        elif self.kind == "soak":
            found = [(0.0, ramp_s, 0.0, full), (ramp_s, end_s - ramp_s, full, full), (end_s - ramp_s, end_s, full, 0.0)]
        else:
            ramp_s = 0.0 if self.kind == "constant" else ramp_s
            found = [(0.0, ramp_s, 0.0, full), (ramp_s, end_s, full, full)]
        return [(a, min(b, end_s), y, z) for a, b, y, z in found if min(b, end_s) > a]

    def at(self, t_s: float) -> float:
        """Return the amount at a moment; 0 outside of the load's time."""
        for begin_s, end_s, low, high in self.pieces():
            if begin_s <= t_s < end_s:
                return low + (high - low) * (t_s - begin_s) / (end_s - begin_s)
        return 0.0

    def planned(self, until_s: float) -> int:
        """Return how many requests of an open loop are due before a moment."""
        area = 0.0
        for begin_s, end_s, low, high in self.pieces():
            part = min(max(until_s - begin_s, 0.0), end_s - begin_s)
            area += part * (low + (high - low) * part / (end_s - begin_s) / 2)
        return max(0, math.ceil(area - 0.5 - 1e-9))

    def due_s(self, index: int = 0, of: int = 1) -> Iterator[float]:
        """Yield when the requests of worker ``index`` of ``of`` are due, seconds since the load began, in order."""
        number, before = index, 0.0
        for begin_s, end_s, low, high in self.pieces():
            long_s = end_s - begin_s
            area = before + long_s * (low + high) / 2
            while number + 0.5 <= area - 1e-12:
                yield begin_s + _reached(number + 0.5 - before, low, (high - low) / long_s)
                number += of
            before = area


def _reached(area: float, low: float, slope: float) -> float:
    """Return the time at which the area under ``low + slope * t`` reaches ``area``."""
    if abs(slope) < 1e-12:
        return area / low
    return 2 * area / (low + math.sqrt(max(0.0, low * low + 2 * slope * area)))
