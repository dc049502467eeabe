"""Whether requests land where the weights say: a binomial test of one share, with silent requests on either side.

A router that draws a side for each request gives binomial counts; one that takes turns scatters less, so that the
bounds hold for it all the more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

CHANCE = 1e-4
"""The chance that a router which does what it says is not believed, each time it is asked."""

MOST_SILENT = 0.1


@dataclass(frozen=True, slots=True)
class Landed:
    """Where ``n`` requests landed. ``others``: versions of neither side. ``silent``: no version was named."""

    n: int
    candidate: int
    baseline: int
    silent: int = 0
    others: tuple[str, ...] = ()


def bounds(n: int, share: float, chance: float = CHANCE) -> tuple[int, int]:
    """Return the least and the most of ``n`` requests that a share explains, but for ``chance`` (two-sided)."""
    if share in (0.0, 1.0):
        return round(n * share), round(n * share)
    tail = 0.0
    low = 0
    while (tail := tail + _probability(n, low, share)) < chance / 2:
        low += 1
    tail = 0.0
    high = n
    while (tail := tail + _probability(n, high, share)) <= chance / 2:
        high -= 1
    return low, high


def _probability(n: int, count: int, share: float) -> float:
    """Return the binomial probability of a count. By logarithms: scipy would take seconds to load in a way back."""
    ways = math.lgamma(n + 1) - math.lgamma(count + 1) - math.lgamma(n - count + 1)
    return math.exp(ways + count * math.log(share) + (n - count) * math.log1p(-share))


def doubt(landed: Landed, share: float, chance: float = CHANCE) -> str | None:
    """Return why requests do not land as a share says, None when they may.

    A silent request may have landed on either side; with more than a tenth of them nothing is known.
    """
    if landed.others:
        return f"{', '.join(landed.others)} answered too, which is neither side"
    if landed.n == 0 or landed.silent > MOST_SILENT * landed.n:
        return f"{landed.silent} of {landed.n} requests were not answered with a version"
    low, high = bounds(landed.n, share, chance)
    if landed.candidate + landed.silent < low or landed.candidate > high:
        expected = f"{low}" if low == high else f"{low} to {high}"
        return f"{landed.candidate} of {landed.n} requests landed on the candidate: {share:.4g} explains {expected}"
    return None
