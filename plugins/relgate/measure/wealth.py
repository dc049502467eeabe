"""Wealth that bets against a hypothesis gather: the evidence of every sequential test here.

Hypothesis: the one that the payoffs belong to. Each payoff must be nonnegative and have a mean of at most 1 under the
hypothesis, given everything before it. Then the wealth E is a nonnegative supermartingale that begins at 1, and by
Ville's inequality P(E >= 1/alpha at any time) <= alpha, however often somebody looks (Shafer, JRSS A 184, 2021;
Waudby-Smith & Ramdas, JRSS B 86, 2024).

A release may go wrong late. One that only begins to bet at block s has the same guarantee, and so has a mixture over
all s: a share ``first`` of the wealth bets from the begin, the rest comes in at block s = 1, 2, ... with weights
1 / (s (s + 1)), which sum to 1. What has not come in yet is cash. Constant memory: all that came in bets together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from relgate.values import Floats

MOST = 1e200
"""Where wealth stops growing: nobody needs to be surer, and a float must not overflow."""


class Wealth:
    """Wealth of many bets at once. ``shape``: of the payoffs. ``first``: share (0 to 1] that bets from the begin."""

    def __init__(self, shape: tuple[int, ...], first: float) -> None:
        self._late = 1.0 - first
        self._betting = np.full(shape, first)
        self._cash = self._late
        self._blocks = 0

    def pay(self, payoff: Floats) -> None:
        """Take the payoffs of one block."""
        if self._blocks:
            enters = self._late / (self._blocks * (self._blocks + 1))
            self._betting += enters
            self._cash -= enters
        self._blocks += 1
        self._betting *= payoff
        np.minimum(self._betting, MOST, out=self._betting)

    @property
    def value(self) -> Floats:
        """E of each bet, in the shape of the payoffs."""
        return self._betting + max(0.0, self._cash)


def average(wealth: Floats, weights: Floats) -> Floats:
    """Weighted mean over the last axis: a mean of e-processes is one, whatever their dependence."""
    total: Floats = (wealth * weights).sum(axis=-1) / weights.sum()
    return total


def closed(e_values: dict[str, float], weights: dict[str, float], alpha: float) -> tuple[str, ...]:
    """Name the hypotheses that the joint evidence rejects one by one, at family-wise level ``alpha``.

    Closed testing with the weighted sum: hypothesis k is rejected when the sum of w E over every set that contains k
    is at least 1/alpha; weights are shares of alpha that sum up to at most 1. All E are >= 0, so the set {k} alone is
    the hardest: w_k E_k >= 1/alpha. Without a common threshold that is Bonferroni on e-values; sets help only where
    weights are renormalised within a set, which is what is done here: over a set S the mean is sum(w E) / sum(w) and
    must reach 1/alpha for every S that contains k. The hardest S adds all others whose E is below 1/alpha, while the
    mean stays below (Vovk & Wang, Annals of Statistics 49, 2021, section 5).
    """
    need = 1.0 / alpha
    e_values = {name: 0.0 if math.isnan(e) else e for name, e in e_values.items()}
    low = [(e, weights[name]) for name, e in e_values.items() if e < need]
    named = []
    for name, e in e_values.items():
        deficit = sum(w * (need - other) for other, w in low)
        if e >= need and weights[name] * (e - need) >= deficit:
            named.append(name)
    return tuple(named)
