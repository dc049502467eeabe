"""A share of requests against a fixed limit: errors, or requests slower than a service level.

Hypothesis: the share is at most ``limit`` given the past; "P95 at most 2 s" is "at most 5 % of requests take longer
than 2 s". The wealth against it is the mixture likelihood ratio of Bernoulli trials over shares above the limit,

    E = mean_k (t_k / limit)^S ((1 - t_k) / (1 - limit))^(n - S),   S events of n,

a supermartingale for every share <= limit (Robbins 1970; Howard et al., Annals of Statistics 49, 2021). It assumes
independent requests. Events that come in clusters are one piece of evidence each; each block's log ratio is divided by
the dispersion of the blocks *before* it (the variance of their counts over that of independent requests, at least 1):
a power below 1 of an e-value has a mean of at most 1 (Jensen), and clusters of about that size count as one event.
Before there are blocks to learn from, events are taken to come in clusters of CLUSTER. No block pays more than
MOST_OF_A_BLOCK times what was staked: one long pause, however many requests wait in it, proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.drift import FIRST
from relgate.measure.wealth import Wealth, average

if TYPE_CHECKING:
    from relgate.values import Floats

_ODDS = ((1.5, 0.2), (2.5, 0.2), (5.0, 0.25), (12.0, 0.2), (50.0, 0.15))
"""Odds of an event that are bet on, as multiples of the odds at the limit, with weights."""

MOST_OF_A_BLOCK = 5.0
"""Largest payoff of one block; cutting payoffs off only makes the test more careful."""

CLUSTER = 4.0
"""Dispersion that is believed before there is any: a burst in the first block of a bake must not decide it."""

_BELIEF = 1.0
"""Events that this belief counts as."""


class Dispersion:
    """Variance of event counts per block over what independent requests would show; never below 1.

    From differences of successive blocks (von Neumann, Annals of Mathematical Statistics 12, 1941), so that a share
    that changes is no dispersion: sum w (S_j / n_j - S_i / n_i)^2 over sum p (1 - p), where w = n_i n_j / (n_i + n_j)
    and p is the share of both, each term counted by its requests. ``believed``: when nothing is known yet.
    """

    def __init__(self, runs: int, believed: float = 1.0) -> None:
        self._last = np.zeros((2, runs))
        self._seen = np.full(runs, _BELIEF * believed)
        self._expected = np.full(runs, _BELIEF)

    def see(self, events: Floats, n: Floats) -> None:
        """Take events and requests of one block, shape (runs,)."""
        before, m = self._last
        pair = (n > 0) & (m > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            w = n * m / (n + m)
            p = (events + before) / (n + m)
            self._seen += np.where(pair, 2 * w * w * (events / n - before / m) ** 2, 0.0)
            self._expected += np.where(pair, 2 * w * p * (1 - p), 0.0)
        self._last = np.where(n > 0, np.stack([events, n]), self._last)

    @property
    def factor(self) -> Floats:
        """The dispersion of each run, shape (runs,); ``believed`` before two blocks and an event were seen."""
        found: Floats = np.maximum(1.0, self._seen / self._expected)
        return found


class Beyond:
    """E-process against "the share of events is at most ``limit``" for many runs at once.

    Args:
        runs: independent runs (1 in a real bake).
        limit: share, 0 < limit < 1.
        block_s: seconds of a block.
        first: share of the wealth that bets from the begin.

    """

    def __init__(self, runs: int, limit: float, block_s: int = 3, first: float = FIRST) -> None:
        if not 0 < limit < 1:
            raise ValueError(f"share: expected a limit between 0 and 1, got {limit!r}")
        odds = limit / (1 - limit) * np.array([factor for factor, _ in _ODDS])
        bet = odds / (1 + odds)
        self._weights = np.array([weight for _, weight in _ODDS])
        self._event, self._none = np.log(bet / limit), np.log((1 - bet) / (1 - limit))
        self._wealth = Wealth((runs, len(_ODDS)), first)
        self._dispersion = Dispersion(runs, CLUSTER)
        self._block_s = block_s
        self._sums = np.zeros((2, runs))
        self._seconds = 0

    def see(self, events: Floats, n: Floats) -> None:
        """Take events and requests of one second, each of shape (runs,)."""
        self._sums += np.stack([events, n])
        self._seconds += 1
        if self._seconds % self._block_s == 0:
            self._close()

    def _close(self) -> None:
        events, n = self._sums
        self._sums = np.zeros_like(self._sums)
        log_ratio = events[:, None] * self._event + (n - events)[:, None] * self._none
        before = self._dispersion.factor
        self._dispersion.see(events, n)
        # A gain is divided by the dispersion with this block's own burst in it: that only makes it smaller.
        factor = np.where(log_ratio > 0, np.maximum(before, self._dispersion.factor)[:, None], before[:, None])
        log_ratio = log_ratio / factor
        self._wealth.pay(np.exp(np.clip(log_ratio, -400.0, np.log(MOST_OF_A_BLOCK))))

    @property
    def e_value(self) -> Floats:
        """E of each run after the last full block; 1 before the first."""
        return average(self._wealth.value, self._weights)
