"""Growth of memory: floors of time blocks, because garbage collection draws saw teeth that a trend must not see.

The window is cut into blocks of equal duration; the floor of a block is its smallest observation (what is left after a
collection). Blocks should be longer than a collection period, and the first one should begin after the warm-up.
Bytes in, bytes or bytes per second out; any other unit works the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.interval import Basis, Interval, by_width, compare, mover_difference, mover_ratio

if TYPE_CHECKING:
    from relgate.values import Floats

BLOCKS = 10
"""Blocks of a window; fewer when there are few observations."""

PER_BLOCK = 3
"""Observations that a block needs, or its smallest one is no floor."""

LEAST_GROWTH = 4 * PER_BLOCK
"""Observations below which growth cannot be told: a first block, two in a row above it, and one to spare."""

LEAST_TREND = 8 * PER_BLOCK
"""Observations below which a trend cannot be told: with 5 blocks no interval at 99 % exists, 8 leave some room."""


def floors(t_s: Floats, values: Floats, least: int) -> tuple[Floats, Floats] | None:
    """Middle of each block in seconds and its floor; None if there are fewer than ``least`` observations.

    None too when a value is missing or a block is nearly empty: its floor could lie anywhere.
    """
    if values.size < least or not np.isfinite(values).all() or not t_s.max() > t_s.min():
        return None
    blocks = min(BLOCKS, values.size // PER_BLOCK)
    edges = np.linspace(t_s.min(), t_s.max(), blocks + 1)
    block = np.minimum(np.searchsorted(edges, t_s, side="right") - 1, blocks - 1)
    # One fewer than planned is fine: an observation on the edge belongs to the next block.
    if np.bincount(block, minlength=blocks).min() < PER_BLOCK - 1:
        return None
    lowest = np.array([values[block == i].min() for i in range(blocks)])
    return (edges[:-1] + edges[1:]) / 2, lowest


def growth(t_s: Floats, values: Floats) -> float | None:
    """How far the floor rose above the first block's, on two blocks in a row; negative when it only fell.

    Deterministic: the largest, over all pairs of neighbouring later blocks, of the lower floor of the pair minus the
    first floor. A single high block (a cache being rebuilt) does not count.
    """
    found = floors(t_s, values, LEAST_GROWTH)
    if found is None:
        return None
    _, lowest = found
    return float(np.minimum(lowest[1:-1], lowest[2:]).max() - lowest[0])


def trend(t_s: Floats, values: Floats, confidence: float) -> Interval | None:
    """Units per second: Theil-Sen slope through the floors with Sen's bounds, each at ``confidence``.

    None with fewer than LEAST_TREND observations. scipy's interval is two-sided and by normal approximation; with the
    floors of 8 to 10 blocks it is a little wide or narrow by one rank.
    """
    from scipy import stats

    found = floors(t_s, values, LEAST_TREND)
    if found is None:
        return None
    middle, lowest = found
    fit = stats.theilslopes(lowest, middle, alpha=1 - 2 * (1 - confidence))
    slope = float(fit.slope)
    return Interval(slope, min(float(fit.low_slope), slope), max(float(fit.high_slope), slope))


@dataclass(frozen=True, slots=True, eq=False)
class TrendPair:
    """The trends of a candidate and a baseline: each side as (times in seconds, values)."""

    candidate: tuple[Floats, Floats]
    other: tuple[Floats, Floats] | None = None

    @property
    def n(self) -> int:
        """Observations of the candidate."""
        return int(self.candidate[1].size)

    @property
    def baseline_n(self) -> int | None:
        """Observations of the baseline."""
        return None if self.other is None else int(self.other[1].size)

    @property
    def baseline(self) -> float | None:
        """The baseline's slope in units per second."""
        found = self._other(0.95)
        return None if found is None else found.value

    @property
    def events_seen(self) -> float | None:
        """None: no events are counted."""
        return None

    def own(self, confidence: float) -> Interval | None:
        """Return the candidate's slope."""
        return trend(*self.candidate, confidence)

    def ratio(self, confidence: float) -> Interval | None:
        """Candidate / baseline; None unless both surely rise: a ratio of noise means nothing."""
        a, b = self.own(confidence), self._other(confidence)
        if a is None or b is None or b.low is None or b.low <= 0 or a.value <= 0:
            return None
        return mover_ratio(a, b)

    def difference(self, confidence: float) -> Interval | None:
        """Candidate - baseline in units per second."""
        a, b = self.own(confidence), self._other(confidence)
        return None if a is None or b is None else mover_difference(a, b)

    def needed(self, basis: Basis, boundary: float, confidence: float) -> int | None:
        """About how many observations would decide ``boundary``."""
        return by_width(self.n, compare(self, basis, confidence), boundary, LEAST_TREND)

    def _other(self, confidence: float) -> Interval | None:
        return None if self.other is None else trend(*self.other, confidence)
