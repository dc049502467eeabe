"""How fast any decider can be: Wald's bound on the requests that a test needs to tell a bad release from a good one.

A test that rolls back at most a share alpha of good releases and all bad ones needs log(1 / alpha) / I requests on
average, I the information that one request brings (Wald 1945). A candidate beside an unknown baseline brings, with each
pair of requests, twice the Jensen-Shannon divergence of the two laws: what is left when the baseline's law is the worst
there is. For independent requests as ``worlds`` makes them without noise; noise only adds to it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from relgate.backtest.worlds import MEDIAN_S, SIGMA, TAIL_FROM_S, TAIL_SHARE, TIMEOUT_S, Effect

if TYPE_CHECKING:
    from relgate.backtest.windows import Doubles


def latency(effect: Effect, alpha: float = 0.05) -> float:
    """Requests to each side that telling this effect from none takes: divide by the rate for seconds.

    Infinite for no effect. NaN for stalls: requests of one stall belong together, and no such bound holds.
    """
    if effect.stall_s:
        return math.nan
    good, bad = probabilities(Effect()), probabilities(effect)
    return _requests(_divergence(good, (good + bad) / 2) + _divergence(bad, (good + bad) / 2), alpha)


def latency_of_known_baseline(effect: Effect, alpha: float = 0.05) -> float:
    """As ``latency``, for a decider that knows the baseline's law and needs no baseline beside the candidate."""
    return math.nan if effect.stall_s else _requests(_divergence(probabilities(effect), probabilities(Effect())), alpha)


def errors(baseline: float, candidate: float, alpha: float = 0.05, exposure: float = 1.0) -> float:
    """Requests to the candidate that telling its share of failures from the baseline's takes.

    ``exposure``: requests to the baseline for each one to the candidate. Of tests that see failures, and whose they are
    (the conditional test of two Poisson rates); one that counts successes too gains less than 1 % for rare failures.
    """
    own, other = candidate, exposure * baseline
    if own <= 0 or other <= 0:
        return math.nan
    share, null = own / (own + other), 1 / (1 + exposure)
    information = share * math.log(share / null) + (1 - share) * math.log((1 - share) / (1 - null))
    return _requests((own + other) * information, alpha)


def errors_of_known_baseline(baseline: float, candidate: float, alpha: float = 0.05) -> float:
    """As ``errors``, for a decider that knows the baseline's share."""
    shares = np.array([candidate, 1 - candidate]), np.array([baseline, 1 - baseline])
    return _requests(_divergence(*shares), alpha)


def probabilities(effect: Effect, bins: int = 40_000) -> Doubles:
    """The law of one response time under an effect: probabilities of narrow bins on a log scale, shape (bins,)."""
    x = np.exp(np.linspace(math.log(1e-4), math.log(TIMEOUT_S), bins))
    slow = _below(x / (effect.factor * effect.tail_factor))
    below = (1 - effect.tail_share) * _below(x / effect.factor) + effect.tail_share * slow
    below[-1] = 1.0  # what takes longer is timed out then
    return np.diff(below, prepend=0.0)


def _below(x: Doubles) -> Doubles:
    """The distribution function of response times without noise and timeout, seconds."""
    from scipy.special import ndtr

    body: Doubles = ndtr(np.log(x / MEDIAN_S) / SIGMA)
    tail = np.maximum(1 - TAIL_FROM_S / x, 0)
    return (1 - TAIL_SHARE) * body + TAIL_SHARE * tail


def _divergence(of: Doubles, against: Doubles) -> float:
    """Kullback and Leibler's, nats."""
    held = of > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(of[held] * np.log(of[held] / against[held])))


def _requests(information: float, alpha: float) -> float:
    return math.log(1 / alpha) / information if information > 1e-12 else math.inf
