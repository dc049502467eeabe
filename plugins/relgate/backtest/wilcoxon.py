"""The two-sample rank sum test of Wilcoxon, Mann and Whitney, with the interval of the shift, as R's ``wilcox.test``.

Follows the documented method of R (``?wilcox.test``; Bauer 1972, Hollander & Wolfe 1973): exact for fewer than 50
values a side without ties, else the normal approximation with corrections for ties and continuity. R finds the ends
of the approximate interval by a root search to 1e-4, in the data's unit; here they are the differences at which the
statistic crosses, to which that search converges, so that a change of unit changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from relgate.backtest.windows import Doubles

EXACT_BELOW = 50


@dataclass(frozen=True, slots=True)
class RankSum:
    """Result of one two-sided test of x against y.

    ``statistic``: pairs with x > y, ties half. ``p``: two-sided. ``low``, ``high``: interval of the shift x - y;
    ``estimate``: Hodges and Lehmann's. All are NaN where a sample is empty or not finite; ``p``, ``low`` and ``high``
    also where all values are equal.
    """

    statistic: float
    p: float
    low: float
    high: float
    estimate: float


def rank_sum(x: ArrayLike, y: ArrayLike, confidence: float = 0.95, *, exact: bool | None = None) -> RankSum:
    """Test two samples, 1-d each, as ``wilcox.test(x, y, conf.int = TRUE)``; ``exact`` None chooses as R does."""
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not len(first) or not len(second) or not (np.isfinite(first).all() and np.isfinite(second).all()):
        return RankSum(*[math.nan] * 5)
    ties = len(np.unique(np.concatenate([first, second]))) < len(first) + len(second)
    if exact is None:
        exact = len(first) < EXACT_BELOW and len(second) < EXACT_BELOW
    if exact and not ties:
        return _exact(first, second, confidence)
    statistic = float(statistics(first[None], second[None])[0])
    low, high, estimate = shift(first[None], second[None], confidence)
    return RankSum(
        statistic, float(p_value(first[None], second[None])[0]), float(low[0]), float(high[0]), float(estimate[0])
    )


def statistics(x: Doubles, y: Doubles) -> Doubles:
    """Pairs with x > y, ties half, of each row; x of shape (runs, n), y of shape (runs, m); result (runs,)."""
    difference = x[:, :, None] - y[:, None, :]
    count = np.count_nonzero(difference > 0, axis=(1, 2)) + 0.5 * np.count_nonzero(difference == 0, axis=(1, 2))
    return np.asarray(count, dtype=np.float64)


def p_value(x: Doubles, y: Doubles) -> Doubles:
    """Two-sided p of each row, normal approximation with both corrections; NaN where all values are equal."""
    from scipy.special import ndtr

    centred = statistics(x, y) - x.shape[1] * y.shape[1] / 2
    sigma = _sigma(x.shape[1], y.shape[1], _tied(np.concatenate([x, y], axis=1)))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (np.abs(centred) - 0.5 * (centred != 0)) / sigma
    return np.where(sigma > 0, np.minimum(2 * ndtr(-z), 1), np.nan)


def shift(x: Doubles, y: Doubles, confidence: float) -> tuple[Doubles, Doubles, Doubles]:
    """Interval and estimate of the shift x - y of each row, normal approximation: (low, high, estimate), each (runs,).

    The interval holds the shifts d at which the test of x - d against y does not reject. The statistic falls by one
    where d passes a difference x_i - y_j, so both ends are such differences. NaN where all values of a row are equal.
    """
    from scipy.special import ndtri

    runs, pairs = x.shape[0], x.shape[1] * y.shape[1]
    differences = np.sort((x[:, :, None] - y[:, None, :]).reshape(runs, pairs), axis=1)
    sigma = _sigma(x.shape[1], y.shape[1], _tied(x) + _tied(y))
    apart = np.maximum(x.max(axis=1), y.max(axis=1)) > np.minimum(x.min(axis=1), y.min(axis=1))
    z = float(ndtri((1 + confidence) / 2))
    passed = np.arange(1, pairs + 1)  # after the k-th difference, pairs - k are greater
    centred = pairs / 2 - passed
    corrected = centred - 0.5 * np.sign(centred)
    ends = []
    for quantile in (z, -z):
        below = corrected[None, :] < quantile * sigma[:, None]
        at = np.where(below.any(axis=1), below.argmax(axis=1), pairs - 1)
        ends.append(np.where(apart, differences[np.arange(runs), at], np.nan))
    return ends[0], ends[1], np.median(differences, axis=1)


def _exact(x: Doubles, y: Doubles, confidence: float) -> RankSum:
    cumulative = np.cumsum(_counts(len(x), len(y))) / math.comb(len(x) + len(y), len(x))
    pairs = len(x) * len(y)
    statistic = int(statistics(x[None], y[None])[0])
    tail = cumulative[min(statistic, pairs - statistic)]
    differences = np.sort((x[:, None] - y[None, :]).ravel())
    k = max(int(np.searchsorted(cumulative, (1 - confidence) / 2 * (1 - 1e-12))), 1)
    return RankSum(
        statistic,
        float(min(2 * tail, 1)),
        float(differences[k - 1]),
        float(differences[pairs - k]),
        float(np.median(differences)),
    )


def _counts(n: int, m: int) -> Doubles:
    """Number of orders of n and m values without ties that have each statistic 0 .. n m / 2 (Mann & Whitney 1947).

    The other half mirrors it. Coefficients of the Gaussian binomial: the product over i of (1 - q^(m+i)) / (1 - q^i).
    """
    counts = np.zeros(n * m // 2 + 1)
    counts[0] = 1
    for i in range(1, n + 1):
        counts[m + i :] -= counts[: -(m + i)].copy()
        for at in range(min(i, len(counts))):
            counts[at::i] = np.cumsum(counts[at::i])
    return counts


def _sigma(n: int, m: int, tied: Doubles) -> Doubles:
    total = n + m
    if total < 2:
        return np.zeros_like(tied)
    return np.sqrt(n * m / 12 * np.maximum(total + 1 - tied / (total * (total - 1)), 0))


def _tied(values: Doubles) -> Doubles:
    """Sum of t^3 - t over the groups of t equal values of each row: the j-th value of a group adds 3 j (j - 1)."""
    ordered = np.sort(values, axis=1)
    place: NDArray[np.int64] = np.ones(values.shape[0], dtype=np.int64)
    total = np.zeros(values.shape[0])
    for column in range(1, values.shape[1]):
        place = np.where(ordered[:, column] == ordered[:, column - 1], place + 1, 1)
        total += 3.0 * place * (place - 1)
    return total
