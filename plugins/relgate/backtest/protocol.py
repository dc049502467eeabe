"""What a world shows and what a decider answers: the only thing both sides of a race know of each other.

All arrays are about many independent runs at once; the first axis is always the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Side:
    """The requests of one side that were due within one second, oldest first.

    ``latency_s``: float32, shape (runs, n), seconds. ``failed``: bool, shape (runs, n). ``instance``: int, shape (n,),
    which instance answered, from 0. n may be 0, and may differ between ticks; the sides of a tick have the same n.
    """

    latency_s: Floats
    failed: Flags
    instance: Ints

    def of(self, runs: slice) -> Side:
        """Return what these runs saw."""
        return Side(self.latency_s[runs], self.failed[runs], self.instance)


@dataclass(frozen=True, slots=True)
class Tick:
    """One second of all runs: the requests due in [t_s, t_s + 1), ``t_s`` counted from the begin of the bake."""

    t_s: int
    candidate: Side
    baseline: Side

    def of(self, runs: slice) -> Tick:
        """Return what these runs saw."""
        return Tick(self.t_s, self.candidate.of(runs), self.baseline.of(runs))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a decider says at one look, of each run: three bool arrays, shape (runs,).

    A run may be none of the three: more evidence is needed. The race keeps the first roll-back; ``promoted`` and
    ``undecidable`` count as they stand at the last look of the bake.
    """

    rolled_back: Flags
    promoted: Flags
    undecidable: Flags


class Watcher(Protocol):
    """A decider at work on one batch of runs."""

    def see(self, tick: Tick) -> None:
        """Take one second of all runs. The arrays are the watcher's to keep, not to change."""

    def look(self, t_s: int) -> Verdicts:
        """Judge what was seen in [0, t_s); called when t_s is a multiple of the decider's ``look_every_s``."""


class Decider(Protocol):
    """A rule that decides on releases. It has to pickle: races run in several processes."""

    @property
    def name(self) -> str:
        """What tables call it; unique within a race."""

    @property
    def look_every_s(self) -> int:
        """Seconds between looks, at least 1."""

    def start(self, runs: int) -> Watcher:
        """Begin to watch ``runs`` independent releases."""
