"""How long storms of failed requests last: measured from sides that are known to be equal.

One instance loses its database for six seconds, and a tenth of its requests fails: many errors, one piece of evidence.
Tests count in blocks and cells that such a storm does not outlast (``drift.Noise.of_events``); this module measures it.

What is looked at is the surplus of each second, own share - other share of failed requests: what fails on both sides
alike (a common backend, a load that swings) cancels out and does no harm. Independent errors have no autocovariance,
C_k = 0 for lags of k >= 1 s. Storms that are memoryless and last L seconds in the mean have C_k ~ exp(-k / L), so that

    sum_{k >= 1} C_k / C_1 = 1 / (1 - exp(-1 / L))

The sum ends where C_k is within chance, at two standard errors C_0 / sqrt(n) (Bartlett, JRSS Suppl. 8, 1946). That
leaves out a part, and storms that all last equally long look shorter than they are: hence SAFETY. The size of storms
need not be known, nor whether a second is of one: with few requests most seconds of a storm show no failure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.drift import USUAL_BURST_S
from relgate.measure.seconds import between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.values import Floats, Samples

LONGEST_STORM_S = 30.0
"""No storm is taken to last longer: blocks grow with it, and eight of them are the least that decide."""

SAFETY = 1.5
"""Factor on what is measured: in ten bakes of ten minutes memoryless storms of 8 s look like 5 to 7, and ones of 5 s
sharp like 2. Storms taken to last half as long as they do break the promise, those taken for longer ones do not."""

_SURE = 4.0
"""Standard errors from which the autocovariance at a lag of one second is no chance."""
_CHANCE = 2.0
_LONGEST_LAG_S = 90


def storm_length(surpluses: Sequence[Floats]) -> float:
    """Return how long storms of errors last, in seconds, between USUAL_BURST_S and LONGEST_STORM_S.

    ``surpluses``: of each pair of equal sides the surplus of each second, NaN where a side had no requests. Where no
    storm shows it is USUAL_BURST_S: a service that had none yet may still have one.
    """
    covariance, error = _autocovariance(surpluses)
    if not covariance[0] > 0 or covariance[1] < _SURE * error[1]:
        return USUAL_BURST_S
    chance = np.flatnonzero(covariance[1:] < _CHANCE * error[1:])
    end = int(chance[0]) + 1 if len(chance) else len(covariance)
    goes_on = 1.0 - covariance[1] / covariance[1:end].sum()
    usual_s = 1.0 / -math.log(goes_on) if goes_on > 0 else 0.0
    return min(max(SAFETY * usual_s, USUAL_BURST_S), LONGEST_STORM_S)


def _autocovariance(series: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return C_k for k = 0, 1, ... seconds over all series, and the standard error of each if all were independent."""
    sums, pairs = np.zeros(_LONGEST_LAG_S + 1), np.zeros(_LONGEST_LAG_S + 1)
    for one in series:
        seen = np.isfinite(one)
        if not seen.any():
            continue
        away = np.where(seen, one - one[seen].mean(), 0.0)
        for k in range(min(_LONGEST_LAG_S + 1, len(away))):
            sums[k] += away[: len(away) - k] @ away[k:]
            pairs[k] += np.count_nonzero(seen[: len(seen) - k] & seen[k:])
    covariance: Floats = sums / np.maximum(pairs, 1.0)
    return covariance, covariance[0] / np.sqrt(np.maximum(pairs, 1.0))


def surpluses(candidate: Samples, baseline: Samples, begin_s: float, end_s: float) -> Floats:
    """Return the surplus of each second of two sides in [begin_s, end_s): what ``storm_length`` takes."""
    shares = [
        [one.mean() if one.size else math.nan for one in (second.candidate_failed, second.baseline_failed)]
        for second in between(candidate, baseline, begin_s, end_s)
    ]
    own, other = np.array(shares).reshape(-1, 2).T
    surplus: Floats = own - other
    return surplus
