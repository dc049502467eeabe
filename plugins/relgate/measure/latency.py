"""Sequential comparison of latencies: slower than the limit, or faster than what is too slow.

Two hypotheses for one gate. Harm: "the candidate is no slower than the limit of the baseline" is given up when its
e-value reaches 1/alpha. Health: "the candidate is slower than what must not be promoted" is given up at 1/beta. Both
are judged on blocks of requests that were due at the same time on both sides; a request that failed is infinitely slow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.contrast import Blocks
from relgate.measure.drift import FIRST, Excess, Noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from relgate.values import Floats

WHOLE: tuple[tuple[float | None, float], ...] = ((None, 0.8), (0.95, 0.1), (0.99, 0.1))
"""Features of a gate over the whole distribution, with their weights: a general slow-down is the usual one."""

Change = Callable[["Floats"], "Floats"]
"""Makes the limit of a baseline's latencies: ``b * 1.25`` or ``b + 0.05``."""


def even(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Thin the larger of two sides, shape (runs, n) and (runs, m), to the size of the smaller one, evenly in time.

    Swapping the sides may change nothing when both are equal in law. That holds for equal numbers only: the mean of few
    requests is more skewed than that of many.
    """
    n, m = one.shape[1], other.shape[1]
    if n == m:
        return one, other
    if n > m:
        return one[:, _spread(n, m)], other
    return one, other[:, _spread(m, n)]


def _spread(n: int, k: int) -> NDArray[np.intp]:
    return (np.arange(k) * n) // max(k, 1)


class Slower:
    """E-process against "the candidate is no slower than the changed baseline", for many runs at once.

    Args:
        runs: independent runs (1 in a real bake).
        change: what the limit makes of a baseline's latencies in seconds.
        noise: what two equal sides differ by.
        instances: of candidate and baseline.
        quantile: that the limit is about; None for the whole distribution.
        turned: test the opposite hypothesis, "the candidate is no faster".
        first: share of the wealth that bets from the begin.
        only: with quantile None, the rank alone instead of all that shows a slow-down.

    """

    def __init__(
        self,
        runs: int,
        change: Change,
        noise: Noise,
        instances: tuple[int, int] = (1, 1),
        quantile: float | None = None,
        *,
        turned: bool = False,
        first: float = FIRST,
        only: bool = False,
    ) -> None:
        features = WHOLE if quantile is None and not only else ((quantile, 1.0),)
        self._change = change
        self._sign = -1.0 if turned else 1.0
        self._gathered = Blocks(runs, tuple(q for q, _ in features), noise.block_s)
        self._weights = np.array([weight for _, weight in features])
        self._excess = Excess((runs, len(features)), noise, instances, first)
        self._precision, self._blocks = 0.0, 0

    def see(self, candidate_s: Floats, baseline_s: Floats) -> None:
        """Take the latencies, shape (runs, n), of the requests that were due within one second."""
        candidate_s, baseline_s = even(candidate_s, baseline_s)
        block = self._gathered.see(candidate_s, self._change(baseline_s))
        if block is not None and not block.empty:
            self._excess.step(self._sign * block.excess, block.variance)
            self._blocks += 1
            self._precision += float(1.0 / block.variance[0, 0])

    @property
    def blocks(self) -> int:
        """Blocks in which something was seen."""
        return self._blocks

    @property
    def block_variance(self) -> float:
        """Usual variance of a block's own noise (first feature and run), with what the filter learned; inf without."""
        if self._precision <= 0:
            return math.inf
        return self._blocks / self._precision * float(self._excess.inflation.flat[0])

    @property
    def e_value(self) -> Floats:
        """E of each run after the last full block; 1 before the first."""
        total: Floats = (self._excess.e_value * self._weights).sum(axis=-1)
        return total
