"""Errors of a candidate beside a baseline, when errors come in clusters.

Hypothesis: the candidate's error rate is at most ``ratio`` times the baseline's, or its share at most the baseline's
plus ``points``. Independent errors are the exception: one retry storm is many errors and one piece of evidence. Two
e-processes share the wealth.

**Cells** (McNemar's test, sequential). A second in which a side had an error is a hit; only the first second of a
cluster counts, so a cell follows a second in which neither side was hit, or as many of them as a long storm may be
silent in its midst. With clusters that begin at random, the chances of a hit keep p_candidate <= ratio * p_baseline for
ratio >= 1 (1 - (1 - p)^r <= r p), whatever the common rate does, so that 1 + s (hit_candidate - ratio * hit_baseline)
has a mean of at most 1. The stake s = (t - 1) / (1 + ratio t) makes it the likelihood ratio of "t times the limit"
where exactly one side is hit (Lindon & Malek, NeurIPS 2022, for Poisson counts). Nothing is assumed about the size of a
cluster. Where the candidate has more requests, each of its hits counts for less, by as much (the chance of a hit grows
no faster than the requests). For a ratio below 1 a cell with two hits pays 1: then the odds of being the only one hit
keep the ratio.

**Blocks.** Under heavy traffic every second is hit and cells say nothing. At equal shares the difference of a block,
divided by its standard deviation, is symmetric about zero: it is bet on as an excess (with unequal numbers of requests
only where it has EVEN errors, from which it is near enough to symmetric). At any other limit ``Surplus`` bets.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.drift import FIRST, Excess, Noise
from relgate.measure.wealth import Wealth, average

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from relgate.values import Floats

    Counts = NDArray[np.int64]

_TIMES = ((2.0, 0.15), (4.0, 0.25), (10.0, 0.35), (40.0, 0.25))
"""How many times the limit the candidate's rate is bet to be, with weights."""

_CELLS = 0.7
"""Share of the wealth on cells; the rest is on blocks."""

_SCALE = 5.0
"""Standard deviations of a block in an excess of 1: the bets of ``drift`` then reach from 0.3 to 4.5 of them."""

EVEN = 20
"""Errors of both sides in a block from which unequal numbers of requests do not skew their difference any more."""

LEAST = 5
"""Errors of both sides that must have been seen before a surplus is bet on: its standard deviation is theirs."""

WORST = 10.0
"""Errors of the baseline in one block that a bet on a surplus survives from the begin; later twice the worst seen."""

_STAKES = ((0.04, 0.2), (0.1, 0.3), (0.2, 0.3), (0.3, 0.2))
"""Stakes on each standard deviation of a surplus, with weights."""

_LOST = -0.9
"""The most of a bet that one block can take."""

_BLOCKS_BELIEVED, _DISPERSION_BELIEVED = 4.0, 2.0


class Surplus:
    """E-process against "own share <= ratio * other share + points", from the counts of blocks.

    The surplus D = own share - ratio * other share - points has a mean of at most 0 given the past, and so has D over a
    standard deviation that is known before the block: it is the one of the past. So 1 + s D / sd has a mean of at most
    1 for every stake s, whatever the law of D (Waudby-Smith & Ramdas, JRSS B 86, 2024), as long as it is not negative.
    D is skewed (one storm of the baseline counts ratio times), so odd bets would not do; s is small enough that a block
    with twice the worst storm of the baseline so far is paid in full.
    """

    def __init__(self, runs: int, ratio: float, points: float, first: float = FIRST) -> None:
        self._ratio, self._points = ratio, points
        self._stakes = np.array([stake for stake, _ in _STAKES])
        self._weights = np.array([weight for _, weight in _STAKES])
        self._wealth = Wealth((runs, len(_STAKES)), first)
        self._past = np.zeros((4, runs))
        self._worst = np.full(runs, WORST)
        # Blocks, and their surpluses over what independent requests would show: count, sum, sum of squares.
        self._blocks, self._sum = np.zeros(runs), np.zeros(runs)
        self._squares = np.full(runs, _BLOCKS_BELIEVED * _DISPERSION_BELIEVED)

    def step(self, errors: tuple[Floats, Floats], n: tuple[Floats, Floats]) -> None:
        """Take errors and requests of one block, candidate and baseline, each of shape (runs,)."""
        (own, other), (mine, theirs) = errors, n
        past = self._past
        with np.errstate(divide="ignore", invalid="ignore"):
            surplus = own / mine - self._ratio * other / theirs - self._points
            share = (past[0] + past[1] + 1) / (past[2] + past[3] + 2)
            usual = np.sqrt(share * (1 - share) * (1 / mine + self._ratio**2 / theirs))
            sd = usual * np.sqrt(self._dispersion)
            stake = np.minimum(self._stakes, (sd / (self._ratio * self._worst / theirs + self._points))[:, None])
            bet = stake * (surplus / sd)[:, None]
        seen = np.isfinite(surplus)
        ready = seen & (past[0] + past[1] >= LEAST)
        self._wealth.pay(1.0 + np.where(ready[:, None], np.clip(bet, _LOST, 1.0), 0.0))
        told = np.where(seen, surplus, 0.0) / np.where(seen, usual, 1.0)
        self._blocks += seen
        self._sum += told
        self._squares += told * told
        self._past = past + np.where(seen, np.stack([own, other, mine, theirs]), 0.0)
        self._worst = np.maximum(self._worst, np.where(seen, 2 * other, 0.0))

    @property
    def _dispersion(self) -> Floats:
        """Variance of the past surpluses about their mean over that of independent requests; at least 1."""
        about = self._squares - self._sum**2 / np.maximum(self._blocks, 1.0)
        return np.maximum(1.0, about / (self._blocks + _BLOCKS_BELIEVED))

    @property
    def e_value(self) -> Floats:
        """E of each run."""
        return average(self._wealth.value, self._weights)


class MoreErrors:
    """E-process against "the candidate's error rate is at most ``ratio`` times the baseline's plus ``points``".

    Args:
        runs: independent runs (1 in a real bake).
        ratio: positive factor.
        points: share (0 to 1) added to the limit; with any, only blocks are used.
        bursts_s: how long a burst of errors lasts.
        first: share of the wealth that bets from the begin.

    """

    def __init__(
        self, runs: int, ratio: float = 1.0, points: float = 0.0, bursts_s: float = 2.0, first: float = FIRST
    ) -> None:
        noise = Noise(0.0, 0.0, bursts_s)
        self._ratio, self._points, self._block_s = ratio, points, noise.block_s
        times = np.array([factor for factor, _ in _TIMES])
        self._weights = np.array([weight for _, weight in _TIMES])
        self._stakes = (times - 1) / (1 + ratio * times)
        self._cells = Wealth((runs, len(times)), first)
        self._equal = ratio == 1 and points == 0
        self._excess = Excess((runs,), noise, first=first)
        self._surplus = Surplus(runs, ratio, points, first)
        # A memoryless storm that has been silent for about its usual length is over, or has begun anew.
        self._silent_s = max(1, math.ceil(bursts_s) - 1)
        self._since_s = np.full(runs, self._silent_s)
        self._sums = np.zeros((4, runs))
        self._seconds = 0

    def see(self, errors: tuple[Counts, Counts], n: tuple[Counts, Counts]) -> None:
        """Take errors and requests of one second, candidate and baseline, each of shape (runs,)."""
        hit, other = errors[0] > 0, errors[1] > 0
        comparable = (self._since_s >= self._silent_s) & (n[0] > 0) & (n[1] > 0)
        counts_for = np.minimum(1.0, n[1] / np.maximum(n[0], 1))
        excess = hit * counts_for - self._ratio * other
        if self._ratio < 1:
            excess = np.where(hit & other, np.minimum(excess, 0.0), excess)
        self._cells.pay(1.0 + np.where(comparable, excess, 0.0)[:, None] * self._stakes)
        self._since_s = np.where(hit | other, 0, self._since_s + 1)
        self._sums += np.stack([errors[0], errors[1], n[0], n[1]])
        self._seconds += 1
        if self._seconds % self._block_s == 0:
            self._close()

    def _close(self) -> None:
        own, other, n, m = self._sums
        self._sums = np.zeros_like(self._sums)
        if not self._equal:
            self._surplus.step((own, other), (n, m))
            return
        # Pooled, so that swapping the sides leaves the variance as it is.
        share = (own + other + 1) / (n + m + 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = (own / n - other / m) / np.sqrt(share * (1 - share) * (1 / n + 1 / m))
        told = np.isfinite(x) & (own + other > 0) & ((n == m) | (own + other >= EVEN))
        self._excess.step(np.where(told, x, 0.0) / _SCALE, np.where(told, 1 / _SCALE**2, np.inf))

    @property
    def e_value(self) -> Floats:
        """E of each run; 1 before the first second."""
        blocks = self._excess.e_value if self._equal else self._surplus.e_value
        if self._points:
            return blocks
        total: Floats = _CELLS * average(self._cells.value, self._weights) + (1 - _CELLS) * blocks
        return total
