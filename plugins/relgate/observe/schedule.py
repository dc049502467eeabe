"""When which request is due. Pure arithmetic: an open-loop schedule that never waits for an answer.

Tick ``k`` of a probe is due at ``start + offset + k / rate``; at each tick every side gets the same request, side by
side, and the side that goes first alternates. Probes are offset against each other so that their ticks do not
coincide.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

_SECOND_NS = 1_000_000_000


class Tick(NamedTuple):
    """One moment at which a probe's next request is due. ``number`` counts from 0."""

    due_ns: int
    probe: int
    number: int


class Schedule:
    """The ticks of all probes in time order, those with ``start_ns <= due < end_ns``.

    Args:
        rates_per_s: one positive rate for each probe.
        start_ns: moment of the first tick of the first probe.
        end_ns: no tick is due at or after this.

    """

    def __init__(self, rates_per_s: tuple[float, ...], start_ns: int, end_ns: int) -> None:
        self._rates = rates_per_s
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._heap = [self._tick(probe, 0) for probe in range(len(rates_per_s))]
        heapq.heapify(self._heap)

    def _tick(self, probe: int, number: int) -> Tick:
        # From the number and not by adding up: a period that is no whole nanosecond must not drift.
        offset = probe / len(self._rates)
        return Tick(self._start_ns + round((number + offset) * _SECOND_NS / self._rates[probe]), probe, number)

    def peek(self) -> Tick | None:
        """Return the next tick, None when there is none any more."""
        return self._heap[0] if self._heap and self._heap[0].due_ns < self._end_ns else None

    def advance(self) -> None:
        """Go on to the tick after the one that ``peek`` shows."""
        tick = self._heap[0]
        heapq.heapreplace(self._heap, self._tick(tick.probe, tick.number + 1))


def order(sides: tuple[str, ...], number: int) -> tuple[str, ...]:
    """Return the sides in the order in which they are asked at a tick: whoever goes first alternates."""
    return sides if number % 2 == 0 else sides[::-1]
