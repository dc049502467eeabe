"""Two samples of a block as one excess: how much slower the candidate is than the limit allows, in log units.

Latencies are counted in logarithmic bins around an anchor, the median of the first block of both sides together: the
answer is the same at any scale, and memory does not grow. A feature g maps a latency into [-1, 1] by what *both* sides
have shown so far, this block included; swapping the sides leaves g as it is, so that

    S_j = mean g(candidate) - mean g(limit of the baseline)

is symmetric about zero when candidate and limit are equal in law. The features: the mid-rank 2 F - 1, which sees a
shift of the whole distribution, and 1{beyond the pooled quantile q}, which sees only that quantile.

S_j / slope is the shift in log units that would have moved g so far, ``slope`` being the pooled distribution's own
change of mean g under a shift. Its variance under independent requests is Var(g) (1/n + 1/m) / slope^2; the drift
filter learns how much more it really is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from relgate.values import Floats

BINS = 640
WIDTH = 0.025
"""Log width of a bin: 2.5 %, well below what a limit asks."""

_LOW = -6.0 - WIDTH / 2
"""Log of the lowest bin below the anchor; the bins end at +10: from 1/400 of the usual latency to 22,000 times it.

The anchor lies in the middle of a bin, so that no rounding error moves the latencies that are equal to it.
"""

_STEP = 4
"""Bins to each side over which a slope is taken: +-10 %."""


class Bins:
    """Counts latencies of ``runs`` independent runs. The anchor is set by the first latencies seen."""

    def __init__(self, runs: int) -> None:
        self._runs = runs
        self._anchor: Floats | None = None
        self._row = (np.arange(runs) * BINS)[:, None]

    def count(self, latency_s: Floats) -> Floats:
        """Return counts, shape (runs, BINS), of latencies (runs, n); +infinity falls into the last bin.

        NaN is no latency, and neither is a negative number: the counts of such a run are NaN.
        """
        if latency_s.shape[1] == 0:
            return np.zeros((self._runs, BINS))
        if self._anchor is None:
            raise ValueError("bins: no anchor yet")
        with np.errstate(divide="ignore", invalid="ignore"):
            place = np.log(latency_s)
            place -= (self._anchor + _LOW)[:, None]
            place /= WIDTH
        missing = np.isnan(place.min(axis=1))
        np.fmin(np.fmax(place, 0, out=place), BINS - 1, out=place)
        index = place.astype(np.intp)
        index += self._row
        flat = np.bincount(index.ravel(), minlength=self._runs * BINS)
        counts = flat.reshape(self._runs, BINS).astype(np.float64)
        counts[missing] = np.nan
        return counts

    def anchor(self, *sides: Floats) -> bool:
        """Set the anchor if there is none and something was seen; whether there is one."""
        if self._anchor is None:
            both = np.concatenate(sides, axis=1)
            if both.shape[1]:
                middle = np.median(both, axis=1)
                self._anchor = np.log(np.where(np.isfinite(middle) & (middle > 0), middle, 1.0))
        return self._anchor is not None


class Contrast:
    """Turns the blocks of both sides into excesses of each feature, shape (runs, features).

    ``features``: quantiles (0 to 1), or None for the rank over the whole distribution.
    """

    def __init__(self, runs: int, features: tuple[float | None, ...]) -> None:
        self._features = features
        self._runs = np.arange(runs)
        self._pool = np.zeros((runs, BINS))

    def block(self, candidate: Floats, limit: Floats) -> tuple[Floats, Floats]:
        """Return excess and variance from the counts (runs, BINS) of a block.

        The variance of an empty side is infinite. Counts that are NaN make both NaN, and are forgotten.
        """
        both = candidate + limit
        both[np.isnan(both).any(axis=1)] = 0.0
        self._pool += both
        total = self._pool.sum(axis=1)
        n, m = candidate.sum(axis=1), limit.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            below = np.cumsum(self._pool, axis=1)
            excess, variance = [], []
            for q in self._features:
                g, slope = self._feature(q, below, total)
                weighed = self._pool * g
                mean = weighed.sum(axis=1) / total
                spread = np.maximum(_dot(weighed, g) / total - mean * mean, 1e-9)
                difference = _dot(candidate, g) / n - _dot(limit, g) / m
                excess.append(difference / slope)
                variance.append(spread * (1 / n + 1 / m) / slope**2)
        return np.stack(excess, axis=1), np.stack(variance, axis=1)

    def _feature(self, q: float | None, below: Floats, total: Floats) -> tuple[Floats, Floats]:
        """Return g, shape (runs, BINS), and its slope in the log of the latency, shape (runs,)."""
        if q is None:
            return self._rank(below, total)
        return self._beyond(q, below, total)

    def _rank(self, below: Floats, total: Floats) -> tuple[Floats, Floats]:
        g = (2 * below - self._pool) / total[:, None] - 1
        # What is shifted out of the bins has rank 1 above and -1 below.
        up = _dot(self._pool[:, :-_STEP], g[:, _STEP:]) + self._pool[:, -_STEP:].sum(axis=1)
        down = _dot(self._pool[:, _STEP:], g[:, :-_STEP]) - self._pool[:, :_STEP].sum(axis=1)
        slope = (up - down) / total / (2 * _STEP * WIDTH)
        return g, np.maximum(slope, 1e-3)

    def _beyond(self, q: float, below: Floats, total: Floats) -> tuple[Floats, Floats]:
        runs = self._runs
        at: NDArray[np.intp] = np.argmax(below >= q * total[:, None], axis=1)
        g = (np.arange(BINS) > at[:, None]).astype(np.float64)
        # The bin of the quantile counts with the part that makes the pooled share exactly 1 - q.
        beyond = 1 - below[runs, at] / total
        inside = self._pool[runs, at] / total
        g[runs, at] = np.clip((1 - q - beyond) / np.maximum(inside, 1e-12), 0, 1)
        low = below[runs, np.maximum(at - _STEP - 1, 0)]
        high = below[runs, np.minimum(at + _STEP, BINS - 1)]
        slope = (high - low) / total / ((2 * _STEP + 1) * WIDTH)
        return g, np.maximum(slope, 1e-3)


def _dot(one: Floats, other: Floats) -> Floats:
    """Return the sum of products of each row."""
    total: Floats = np.einsum("rb,rb->r", one, other)
    return total


class Block(NamedTuple):
    """One block: ``excess`` and ``variance`` as of ``Contrast.block``. ``empty``: no side had a request."""

    excess: Floats
    variance: Floats
    empty: bool


class Blocks:
    """Gathers the seconds of two sides into blocks of ``block_s``; ``features`` as of ``Contrast``."""

    def __init__(self, runs: int, features: tuple[float | None, ...], block_s: int) -> None:
        self._bins, self._contrast = Bins(runs), Contrast(runs, features)
        self._candidate: list[Floats] = []
        self._limit: list[Floats] = []
        self._block_s, self._seconds = block_s, 0

    def see(self, candidate_s: Floats, limit_s: Floats) -> Block | None:
        """Take the latencies, shape (runs, n), of one second; return the block that it ends, None within one."""
        self._candidate.append(candidate_s)
        self._limit.append(limit_s)
        anchored = self._bins.anchor(candidate_s, limit_s)
        self._seconds += 1
        if self._seconds % self._block_s:
            return None
        candidate = np.concatenate(self._candidate, axis=1)
        limit = np.concatenate(self._limit, axis=1)
        self._candidate, self._limit = [], []
        empty = not anchored or not (candidate.shape[1] or limit.shape[1])
        counts = (self._bins.count(candidate), self._bins.count(limit))
        return Block(*self._contrast.block(*counts), empty)
