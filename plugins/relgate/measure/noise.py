"""How much two equal sides differ: estimated from sides that are known to be equal, never assumed to be small.

Sources are stored bakes of releases that were good (candidate beside baseline), and two instances of one side in the
same bake. Their excesses E_j are what ``contrast`` computes. The model is that of ``drift``: mean + AR(1) + white noise
whose variance is a multiple of what sampling within a block shows. Its likelihood comes from a Kalman filter; the mean
is integrated out (REML: Patterson & Thompson, Biometrika 58, 1971), since what a bake is about must not count as noise.

What is returned is no best guess but the most careful noise that the data do not contradict: of all (standard
deviation, correlation time) whose log likelihood is within CONTRADICTED of the best, the one that leaves the least
information about an effect at the end of a bake. Short series contradict little, so they say little.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.contrast import Blocks
from relgate.measure.drift import Noise, information
from relgate.measure.seconds import between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.values import Floats, Samples

CONTRADICTED = 4.6
"""Half the 99 % quantile of chi-square with two degrees of freedom: the drift's size and its correlation time."""

SAFETY = 1.15
"""Factor on both, for what the model leaves out: drift is no AR(1) process, and what fills a part of a block is in it.

Measured in bursty worlds (`benchmarks/decisions`): false rollbacks at the limit itself stay below 5 % with it.
"""

LEAST_BLOCKS = 40
"""Blocks below which a series says nothing about drift."""

ASSUMED = Noise(host_drift=0.08, over_s=200.0, source="assumed")
"""Where nothing was declared or measured: a third more than the 6 % of a badly shared host, and as slow."""

LEAST_BURSTS = 5
"""Bursts below which their usual length is not known."""

LONGEST_BURST_S = 10.0
"""What lasts longer is no burst: judging would wait for half a minute of blocks."""

CALM = 0.0
"""Length of bursts where none were seen: blocks of one second, and none that goes on in the next."""

LEAST_CALM_S = 1200
"""Seconds of stored bakes that show calm; one outlying second in so many is chance."""

A_PAUSE = 3.0
"""How many times longer than usual requests of a pause take; smaller ones are drift, or hide in the noise."""

_SD = (0.0, 0.004, 0.008, 0.012, 0.016, 0.02, 0.025, 0.03, 0.036, 0.043, 0.052, 0.063, 0.075, 0.09, 0.11, 0.15)
_TAU_S = (10.0, 20.0, 40.0, 60.0, 90.0, 140.0, 200.0, 300.0, 500.0)
_WHITE = (1.0, 1.4, 2.0, 3.0, 5.0, 8.0)
_OUTLIER = 4.0
_TRIMS = (4.0, 3.0)
"""Deviations beyond which a block is no sign of drift. A pause that fills a part of a block lies between both: taken
for drift it makes that look short, and left out it may take some of the drift along. The more careful answer counts."""
_AVERAGED_S = (1, 2, 3, 4, 5, 7, 10)
_STANDS_OUT = 0.5
"""A pause to A_PAUSE times moves the excess by as much or more, unless latencies are all alike: a rank has an end."""
_HIDING = 2.0
"""Where longer averages show so many times as many bursts, most of them hide in the shorter ones."""


def estimate(series: Sequence[tuple[Floats, Floats]], block_s: int, bake_s: float) -> Noise | None:
    """Return the most careful noise that ``series`` do not contradict; None when they are too short to say anything.

    ``series``: of each pair of equal sides the excess and its sampling variance of each block (log units and their
    square), as one instance against one. ``block_s``: seconds of a block. ``bake_s``: how long bakes will be.
    """
    long = [one for one in series if np.isfinite(one[1]).sum() >= LEAST_BLOCKS]
    if not long:
        return None
    found = [_most_careful([_ordinary(*one, trim) for one in long], block_s, bake_s) for trim in _TRIMS]
    sd, tau, _ = min(found, key=lambda one: one[2])
    return Noise(SAFETY * sd, SAFETY * tau, source="measured")


def _most_careful(series: Sequence[tuple[Floats, Floats]], block_s: int, bake_s: float) -> tuple[float, float, float]:
    """Return standard deviation and correlation time of one instance, and what a bake would say about an effect."""
    sd, tau, white = (axis.ravel() for axis in np.meshgrid(_SD, _TAU_S, _WHITE, indexing="ij"))
    likelihood = np.sum([_log_likelihood(*one, sd, tau, white, block_s) for one in series], axis=0)
    possible = np.flatnonzero(likelihood >= likelihood.max() - CONTRADICTED)
    usual = float(np.median(np.concatenate([variance[np.isfinite(variance)] for _, variance in series])))
    blocks = max(1, int(bake_s / block_s))
    told = [information(2 * sd[i] ** 2, tau[i], block_s, np.full(blocks, usual * white[i]))[-1] for i in possible]
    least = int(np.argmin(told))
    return float(sd[possible[least]]), float(tau[possible[least]]), float(told[least])


def burst_length(series: Sequence[tuple[Floats, Floats]]) -> float:
    """Return how long bursts last, in seconds: what stored bakes show, never less than they could have shown.

    ``series``: as for ``estimate``, in blocks of one second. A burst is a row of seconds that all lie more than
    _OUTLIER usual deviations to the same side. The answer is their mean length, the correlation time of memoryless
    ones, at least ASSUMED.bursts_s and at most LONGEST_BURST_S; CALM where bakes of LEAST_CALM_S had next to none, and
    a pause to A_PAUSE times the usual latency would have stood out.

    Where few requests a second let a pause hide, seconds are averaged, k at once, until it cannot. What is shorter than
    those averages is not seen, so nothing is called calm by them; but a burst that goes on in the next one with chance
    p lasts -k / log(p) seconds in the mean, whatever its first average needed to stand out.
    """
    kept = [one for one in series if (np.isfinite(one[0]) & np.isfinite(one[1])).sum() >= LEAST_BLOCKS]
    scales = [(k, *_bursts([_averages(*one, k) for one in kept])) for k in _AVERAGED_S]
    _, lengths, seconds, widest = scales[0]
    calm = sum(lengths) * LEAST_CALM_S <= seconds and seconds >= LEAST_CALM_S and widest <= math.log(A_PAUSE)
    if calm and all(len(found) < LEAST_BURSTS for _, found, _, _ in scales):
        return CALM
    usual_s = 0.0
    for (k, lengths, count, widest), (_, more, _, _) in pairwise([*scales, (0, [], 0, 0.0)]):
        if len(lengths) >= LEAST_BURSTS:
            lasting = 1.0 - len(lengths) / sum(lengths)
            usual_s = 1.0 / (1.0 - lasting) if k == 1 else k / -math.log(lasting) if lasting > 0 else 0.0
        hiding = len(more) >= LEAST_BURSTS and len(more) > _HIDING * len(lengths)
        if widest <= _STANDS_OUT and count >= LEAST_BLOCKS and not hiding:
            break
    return min(max(usual_s, ASSUMED.bursts_s), LONGEST_BURST_S)


def _averages(excess: Floats, variance: Floats, k: int) -> Floats:
    """Return the means of each ``k`` seconds, NaN where more than half of them show nothing."""
    seen = np.isfinite(variance) & np.isfinite(excess)
    whole = len(seen) // k * k
    n = seen[:whole].reshape(-1, k).sum(axis=1)
    total = np.where(seen, excess, 0.0)[:whole].reshape(-1, k).sum(axis=1)
    return np.where(2 * n >= k, total / np.maximum(n, 1), np.nan)


def _bursts(series: Sequence[Floats]) -> tuple[list[int], int, float]:
    """Return the lengths of all bursts, how many values there are, and the largest deviation that is none yet."""
    lengths: list[int] = []
    count, widest = 0, 0.0
    for excess in series:
        seen = np.isfinite(excess)
        if not seen.any():
            continue
        away = np.where(seen, excess - np.median(excess[seen]), 0.0)
        usual = 1.4826 * float(np.median(np.abs(away[seen])))
        side = np.where(np.abs(away) > _OUTLIER * max(usual, 1e-12), np.sign(away), 0.0)
        edges = np.flatnonzero(np.diff(side, prepend=0.0, append=0.0))
        lengths += [int(end - begin) for begin, end in pairwise(edges) if side[begin]]
        count, widest = count + int(seen.sum()), max(widest, _OUTLIER * usual)
    return lengths, count, widest


def excesses(
    candidate: Samples, baseline: Samples, begin_s: float, end_s: float, block_s: int
) -> tuple[Floats, Floats]:
    """Return excess and sampling variance of each block of two sides in [begin_s, end_s): what ``estimate`` takes."""
    blocks, seconds = Blocks(1, (None,), block_s), between(candidate, baseline, begin_s, end_s)
    ended = (blocks.see(second.candidate_s, second.baseline_s) for second in seconds)
    found = [(float(one.excess[0, 0]), float(one.variance[0, 0])) for one in ended if one is not None]
    both = np.array(found).reshape(-1, 2)
    seen = np.isfinite(both).all(axis=1)
    return np.where(seen, both[:, 0], 0.0), np.where(seen, both[:, 1], np.inf)


def _ordinary(excess: Floats, variance: Floats, trim: float) -> tuple[Floats, Floats]:
    """Hide what lies more than ``trim`` usual deviations away: the filter of a bake learns no drift from it either."""
    seen = np.isfinite(variance) & np.isfinite(excess)
    middle = float(np.median(excess[seen]))
    usual = 1.4826 * float(np.median(np.abs(excess[seen] - middle)))
    seen &= np.abs(excess - middle) <= trim * max(usual, math.sqrt(float(np.median(variance[seen]))))
    return np.where(seen, excess, 0.0), np.where(seen, variance, np.inf)


def _log_likelihood(excess: Floats, variance: Floats, sd: Floats, tau: Floats, white: Floats, block_s: int) -> Floats:
    """Restricted log likelihood of every (sd, tau, white), shape as theirs."""
    drift = 2 * sd**2
    phi = np.exp(-block_s / tau)
    mean, ones, spread = np.zeros_like(sd), np.zeros_like(sd), drift.copy()
    squares, cross, weight, logs = (np.zeros_like(sd) for _ in range(4))
    for value, own in zip(excess, variance, strict=True):
        mean, ones = phi * mean, phi * ones
        spread = phi**2 * spread + drift * (1 - phi**2)
        if not math.isfinite(own):
            continue
        total = spread + white * own
        gain = spread / total
        left, sees = value - mean, 1.0 - ones
        squares += left * left / total
        cross += left * sees / total
        weight += sees * sees / total
        logs += np.log(total)
        mean, ones, spread = mean + gain * left, ones + gain * sees, (1 - gain) * spread
    found: Floats = -0.5 * (squares - cross**2 / weight + logs + np.log(weight))
    return found
