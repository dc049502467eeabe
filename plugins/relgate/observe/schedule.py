"""When which request is due. Pure arithmetic: an open-loop schedule that never waits for an answer.

Tick ``k`` of a probe is due at ``start + offset + k / rate``; at each tick every side gets the same request, side by
side, and the side that goes first alternates. The instances of a side are asked in turn. Probes are offset against
each other so that their ticks do not coincide.
"""

from __future__ import annotations

import heapq
import math
from typing import NamedTuple

_SECOND_NS = 1_000_000_000
# The fraction of the golden ratio in units of 2**-64: it is the hardest to come near with whole numbers.
_GOLDEN, _HALF = 0x9E3779B97F4A7C15, 1 << 63


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
    """Return the sides in the order in which they are asked at a tick.

    Whoever goes first alternates by the multiples of the golden ratio (Weyl's equidistribution): simply taking turns,
    one of two instances, or of two requests, would always come first; so every n-th tick is shared equally.
    """
    return sides[::-1] if number * _GOLDEN & _HALF else sides


def turn(number: int, requests: int, instances: int) -> tuple[int, int]:
    """Return which of ``requests`` is sent to which of ``instances`` at a tick.

    The request does not depend on the instances: sides with different numbers of them get the same one. Every instance
    gets every request equally often: both counts run through all pairs only if they have no common divisor, so the
    instances shift by one after each round of the pairs that they do meet.
    """
    common = math.gcd(requests, instances)
    rounds = number // math.lcm(requests, instances)
    return number % requests, (number + rounds % common) % instances
