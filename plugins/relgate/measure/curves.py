"""Samples as curves to look at: what a statistic did over the window, and how values are distributed. Pure.

Nothing is judged by these: they show what was judged. A curve has a bounded number of points whatever the length of the
bake; where a pause, a fault or too few samples leave no number, it has NaN there and not a guess.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from relgate.values import Floats

MOST_POINTS = 160
_DENSE = 1.0 - np.geomspace(0.1, 1e-3, 50)
_GRID = np.concatenate([np.linspace(0.0, 0.9, 50)[:-1], _DENSE, [1.0]])
"""Shares at which a distribution is shown: denser where limits usually are."""


def edges(begin_s: float, end_s: float, most: int = MOST_POINTS) -> Floats:
    """Return the ends of at most ``most`` equal stretches of whole seconds that cover [begin, end)."""
    width = max(1, math.ceil((end_s - begin_s) / most))
    count = max(1, math.ceil((end_s - begin_s) / width))
    ends: Floats = begin_s + width * np.arange(count + 1.0)
    return ends


def over_time(t_s: Floats, values: Floats, ends: Floats, q: float) -> Floats:
    """Return quantile ``q`` of the values of each stretch; infinite where more failed than that, NaN without any."""
    order = np.argsort(t_s, kind="stable")
    cuts = np.searchsorted(t_s[order], ends, side="left")
    sorted_values = values[order]
    found = np.full(len(ends) - 1, np.nan)
    for place, (first, after) in enumerate(pairwise(cuts.tolist())):
        if after > first:
            found[place] = np.quantile(sorted_values[first:after], q, method="higher")
    return found


def share_over_time(t_s: Floats, events: NDArray[np.bool_], ends: Floats) -> Floats:
    """Return the share of events of each stretch; NaN where nothing was asked."""
    n, _ = np.histogram(t_s, ends)
    hits, _ = np.histogram(t_s, ends, weights=events.astype(np.float64))
    return np.where(n > 0, hits / np.maximum(n, 1), np.nan)


def rate_over_time(t_s: Floats, events: NDArray[np.bool_], ends: Floats) -> Floats:
    """Return events per second of each stretch."""
    hits, _ = np.histogram(t_s, ends, weights=events.astype(np.float64))
    rate: Floats = hits / np.diff(ends)
    return rate


def slopes(t_s: Floats, counter: Floats) -> tuple[Floats, Floats]:
    """Return a counter's increase per second between observations, and when; NaN where it was set back."""
    if len(t_s) < 2:
        return np.zeros(0), np.zeros(0)
    step_s, grown = np.diff(t_s), np.diff(counter)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where((step_s > 0) & (grown >= 0), grown / step_s, np.nan)
    return t_s[1:], rate


def thinned(t_s: Floats, values: Floats, most: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """Return at most ``most`` points that keep each stretch's smallest and largest value: no spike is smoothed away."""
    if len(t_s) <= most:
        return t_s, values
    kept: list[int] = []
    for places in np.array_split(np.arange(len(t_s)), most // 2):
        known = places[np.isfinite(values[places])]
        pair = {places[0]} if known.size == 0 else {known[np.argmin(values[known])], known[np.argmax(values[known])]}
        kept += sorted(int(place) for place in pair)
    return t_s[kept], values[kept]


def distribution(values: Floats) -> tuple[Floats, Floats]:
    """Return values and the share of all that is at most as large; what failed (infinite) keeps the share below 1."""
    known = np.sort(values[~np.isnan(values)])
    if known.size == 0:
        return np.zeros(0), np.zeros(0)
    places = np.minimum((_GRID * known.size).astype(np.int64), known.size - 1)
    at = np.unique(places)
    finite = at[np.isfinite(known[at])]
    return known[finite], (finite + 1) / known.size
