"""Gauges and counters: one number from many observations, and how long a condition held.

A value that is not finite was not observed. Nothing here guesses it: aggregates of such series are None, a run over
it is broken, and ``hides`` tells whether a longer run could lie behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from relgate.measure.samples import HOLE, spacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from relgate.values import Floats

    Mask = NDArray[np.bool_]

Over = Literal["max", "min", "mean", "median", "last"]


def missing(values: Floats) -> int:
    """How many observations gave no finite number."""
    return int((~np.isfinite(values)).sum())


def aggregate(values: Floats, over: Over) -> float | None:
    """Max, min, mean, median or last of the observations, in their unit; None when one is missing or there is none."""
    if values.size == 0 or missing(values):
        return None
    if over == "last":
        return float(values[-1])
    if over in ("max", "min"):
        return float(values.max() if over == "max" else values.min())
    return float(np.median(values) if over == "median" else values.mean())


def runs(mask: Mask) -> list[tuple[int, int]]:
    """First and last index of every run of True, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(first), int(after) - 1) for first, after in zip(edges[::2], edges[1::2], strict=True)]


def longest(mask: Mask) -> int:
    """Return the most observations in a row for which ``mask`` is True."""
    return max((last - first + 1 for first, last in runs(mask)), default=0)


@dataclass(frozen=True, slots=True)
class Held:
    """How long a condition held without a hole in the observations: ``longest_s`` seconds, ``in_a_row`` observations.

    ``hides_s``, ``hides_in_a_row``: the same if it had held in every hole and at every missing observation too. Only
    when these are short as well is it known that it did not hold longer. ``at``: index at which the longest began.
    """

    longest_s: float
    in_a_row: int
    hides_s: float
    hides_in_a_row: int
    at: int | None = None


def held(t_s: Floats, beyond: Mask, known: Mask, every_s: float | None = None) -> Held:
    """Return runs of ``beyond`` over observations in time order; ``known`` is False where nothing was observed.

    The duration of a run is the time from its first to its last observation. ``every_s``: the schedule, the median
    spacing where it is not known; a pause longer than HOLE of them breaks a run.
    """
    step = every_s if every_s is not None else spacing(t_s)
    if t_s.size == 0 or step is None:
        count = int((beyond & known).sum())
        return Held(0.0, count, 0.0, int((beyond | ~known).sum()), 0 if count else None)
    certain, possible = beyond & known, beyond | ~known
    pieces = _without_holes(t_s, certain, HOLE * step)
    holes = [(t_s[a], t_s[b]) for a, b in runs(possible)]
    return Held(
        longest_s=max((float(t_s[b] - t_s[a]) for a, b in pieces), default=0.0),
        in_a_row=max((b - a + 1 for a, b in pieces), default=0),
        hides_s=max((float(b - a) for a, b in holes), default=0.0),
        hides_in_a_row=longest(possible) + _unobserved(t_s, step),
        at=max(pieces, key=lambda piece: piece[1] - piece[0])[0] if pieces else None,
    )


@dataclass(frozen=True, slots=True)
class Increase:
    """What a counter counted in ``seconds``; ``resets``: how often it started again from zero."""

    events: float
    seconds: float
    resets: int

    @property
    def per_second(self) -> float:
        """The mean increase per second."""
        return self.events / self.seconds


def increase(t_s: Floats, values: Floats) -> Increase | None:
    """Return what a counter counted from its first to its last observation, in time order.

    After a fall the new value is all that is known to have happened since (as Prometheus counts). None when a value is
    missing or negative, when there are fewer than two, or when no time has passed.
    """
    if values.size < 2 or missing(values) or (values < 0).any() or not t_s[-1] > t_s[0]:
        return None
    steps = np.diff(values)
    resets = steps < 0
    events = float(np.where(resets, values[1:], steps).sum())
    return Increase(events, float(t_s[-1] - t_s[0]), int(resets.sum()))


def _without_holes(t_s: Floats, mask: Mask, most_s: float) -> list[tuple[int, int]]:
    """Return runs of ``mask``, cut where two observations lie more than ``most_s`` apart."""
    pieces = []
    for first, last in runs(mask):
        cuts = [first + int(i) for i in np.flatnonzero(np.diff(t_s[first : last + 1]) > most_s)]
        starts, ends = [first, *(c + 1 for c in cuts)], [*cuts, last]
        pieces += list(zip(starts, ends, strict=True))
    return pieces


def _unobserved(t_s: Floats, step: float) -> int:
    """About how many observations are missing in the largest hole; 0 without a hole."""
    widest = float(np.diff(t_s).max())
    return round(widest / step) - 1 if widest > HOLE * step else 0
