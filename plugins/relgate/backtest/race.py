"""Several deciders watch the same simulated releases; who rolled back how many of them, and when.

Memory is bounded: runs come in batches, and a batch holds one second of traffic beside what deciders keep.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from relgate.backtest.protocol import Decider, Flags, Tick, Verdicts, Watcher
    from relgate.backtest.worlds import World

CONFIDENCE = 0.95
_REQUESTS_A_MINUTE = 3_000_000  # of one side and all runs of a batch: deciders keep about a minute of them
_RUNS_AT_MOST = 1000
_RUNS_OF_A_LANE = 64  # what a decider keeps of them stays in a processor's cache: half the time of 500 at once


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one decider fared in one world.

    ``rollbacks``: second since the begin of the bake -> number of runs first rolled back then. ``promoted`` and
    ``undecidable``: runs that stood so at the last look and had not been rolled back; the rest is undecided.
    """

    decider: str
    look_every_s: int
    runs: int
    rollbacks: Mapping[int, int]
    promoted: int
    undecidable: int

    @property
    def rolled_back(self) -> int:
        """Runs that were rolled back."""
        return sum(self.rollbacks.values())

    @property
    def share(self) -> float:
        """Share of runs that were rolled back; NaN without runs."""
        return self.rolled_back / self.runs if self.runs else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's 95 % interval of the share."""
        return clopper_pearson(self.rolled_back, self.runs, CONFIDENCE)

    def seconds(self, quantile: float) -> float:
        """When this share of all runs had been rolled back, seconds; infinite when so many never were."""
        needed, seen = max(math.ceil(quantile * self.runs), 1), 0
        for at_s, count in sorted(self.rollbacks.items()):
            seen += count
            if seen >= needed:
                return float(at_s)
        return math.inf

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``rollbacks`` is what the rest can be computed from, infinite seconds are null."""
        low, high = self.interval
        median_s, p90_s = self.seconds(0.5), self.seconds(0.9)
        return {
            "decider": self.decider,
            "look_every_s": self.look_every_s,
            "runs": self.runs,
            "rolled_back": self.rolled_back,
            "share": self.share,
            "low": low,
            "high": high,
            "median_s": median_s if math.isfinite(median_s) else None,
            "p90_s": p90_s if math.isfinite(p90_s) else None,
            "promoted": self.promoted,
            "undecidable": self.undecidable,
            "rollbacks": {str(at_s): count for at_s, count in sorted(self.rollbacks.items())},
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Outcome:
        """The inverse of ``to_json``; reads only what cannot be computed."""
        return cls(
            plain["decider"],
            plain["look_every_s"],
            plain["runs"],
            {int(at_s): count for at_s, count in plain["rollbacks"].items()},
            plain["promoted"],
            plain["undecidable"],
        )


def race(
    world: World,
    deciders: Sequence[Decider],
    runs: int,
    seed: int,
    batch: int | None = None,
    tell: Callable[[float], None] | None = None,
) -> list[Outcome]:
    """Let all deciders watch the same ``runs`` releases of a world.

    The same arguments give the same outcome; ``batch``, the number of runs at once, is one of them. ``tell``: called
    now and then with the share that is done.
    """
    size = batch or batch_size(world, runs)
    tallies = [_Tally(decider) for decider in deciders]
    for number, first in enumerate(range(0, runs, size)):
        now = min(size, runs - first)

        def done(t_s: int, first: int = first, now: int = now) -> None:
            if tell is not None:
                tell((first + now * t_s / world.horizon_s) / runs)

        _run_batch(world, tallies, now, np.random.SeedSequence([seed, number]), done)
    return [tally.outcome() for tally in tallies]


def batch_size(world: World, runs: int) -> int:
    """How many runs at once keep memory in bounds: some 100 MB for a decider that keeps a minute of requests."""
    return max(1, min(runs, _RUNS_AT_MOST, int(_REQUESTS_A_MINUTE / (60 * world.rate))))


def clopper_pearson(hits: int, runs: int, confidence: float) -> tuple[float, float]:
    """The exact two-sided interval of a share (Clopper & Pearson 1934); (0, 1) without runs."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, runs - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, runs - hits, 1 - tail)) if hits < runs else 1.0
    return low, high


@dataclass(slots=True)
class _Tally:
    """What is counted of one decider over all batches."""

    decider: Decider
    runs: int = 0
    rollbacks: Counter[int] = field(default_factory=Counter)
    promoted: int = 0
    undecidable: int = 0

    def outcome(self) -> Outcome:
        """What came of it."""
        decider = self.decider
        return Outcome(
            decider.name, decider.look_every_s, self.runs, dict(self.rollbacks), self.promoted, self.undecidable
        )


class _Lane:
    """One decider on some runs of a batch."""

    def __init__(self, tally: _Tally, runs: slice) -> None:
        self._tally = tally
        self._runs = runs
        count = runs.stop - runs.start
        self._watcher: Watcher = tally.decider.start(count)
        self._gone: Flags = np.zeros(count, dtype=np.bool_)
        self._last: Verdicts | None = None
        tally.runs += count

    @property
    def over(self) -> bool:
        """Whether every run has been rolled back: there is nothing left to see."""
        return bool(self._gone.all())

    def look(self, t_s: int) -> None:
        """Ask for verdicts, if it is time."""
        if t_s % self._tally.decider.look_every_s:
            return
        self._last = self._watcher.look(t_s)
        new = self._last.rolled_back & ~self._gone
        if new.any():
            self._tally.rollbacks[t_s] += int(new.sum())
            self._gone |= new

    def see(self, tick: Tick) -> None:
        """Show one second of the batch."""
        self._watcher.see(tick.of(self._runs))

    def close(self) -> None:
        """Count how the rest ended."""
        if self._last is not None:
            self._tally.promoted += int((self._last.promoted & ~self._gone).sum())
            self._tally.undecidable += int((self._last.undecidable & ~self._last.promoted & ~self._gone).sum())


def _run_batch(
    world: World, tallies: Sequence[_Tally], runs: int, seed: np.random.SeedSequence, done: Callable[[int], None]
) -> None:
    parts = [slice(first, min(first + _RUNS_OF_A_LANE, runs)) for first in range(0, runs, _RUNS_OF_A_LANE)]
    lanes = [_Lane(tally, part) for tally in tallies for part in parts]
    for tick in world.start(runs, seed):
        watching = [lane for lane in lanes if not lane.over]
        if not watching:
            break
        for lane in watching:
            lane.see(tick)
            lane.look(tick.t_s + 1)
        done(tick.t_s + 1)
    for lane in lanes:
        lane.close()
