"""The physical limit, against figures computed independently."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.backtest import wald
from relgate.backtest.worlds import EFFECTS, Effect, World


@pytest.mark.parametrize(
    ("effect", "two_sided", "known"),
    [("+10%", 494, 247), ("+20%", 136, 68), ("+50%", 29, 14), ("2x", 11, 4.8), ("tail", 282, 120)],
)
def test_the_limit_for_latency_is_the_published_one(effect: str, two_sided: float, known: float) -> None:
    """Seconds at one request per second, as an earlier study computed them for the same law of response times."""
    assert wald.latency(EFFECTS[effect]) == pytest.approx(two_sided, abs=0.5)
    assert wald.latency_of_known_baseline(EFFECTS[effect]) == pytest.approx(known, abs=0.5)


@pytest.mark.parametrize(
    ("share", "known", "even", "tenfold"), [(0.005, 739, 2058, 882), (0.01, 213, 701, 271), (0.05, 20, 98, 32)]
)
def test_the_limit_for_errors_is_the_published_one(share: float, known: float, even: float, tenfold: float) -> None:
    """Requests until a tenth of a per cent of failures is told from more, as an earlier study computed them."""
    assert wald.errors_of_known_baseline(0.001, share) == pytest.approx(known, abs=0.5)
    assert wald.errors(0.001, share) == pytest.approx(even, abs=0.5)
    assert wald.errors(0.001, share, exposure=10) == pytest.approx(tenfold, abs=0.5)


def test_no_effect_is_never_seen() -> None:
    """Telling equal things apart takes for ever; a bound that does not exist is NaN, not a number to beat."""
    assert wald.latency(Effect()) == math.inf
    assert wald.errors(0.01, 0.01) == math.inf
    assert math.isnan(wald.latency(EFFECTS["stalls"]))
    assert math.isnan(wald.errors(0.0, 0.01))


@given(st.floats(1.01, 3), st.floats(1.01, 1.5))
def test_more_harm_is_seen_sooner(factor: float, more: float) -> None:
    """The limit falls with the size of the effect, and a known baseline only helps."""
    smaller, larger = Effect(factor=factor), Effect(factor=factor * more)
    assert wald.latency(larger) < wald.latency(smaller)
    assert wald.latency_of_known_baseline(smaller) < wald.latency(smaller)


@pytest.mark.parametrize("name", ["none", "2x", "tail"])
def test_the_law_is_the_one_that_worlds_draw_from(name: str) -> None:
    """The distribution in the bound is the one that the simulation has: their quantiles agree."""
    drawn = next(World(rate=2000.0, effect=EFFECTS[name]).start(100, seed=4)).candidate.latency_s
    below = np.cumsum(wald.probabilities(EFFECTS[name]))
    x = np.exp(np.linspace(math.log(1e-4), math.log(60), len(below)))
    assert below[-1] == pytest.approx(1.0, abs=1e-12)
    for quantile in (0.1, 0.5, 0.9, 0.95, 0.99, 0.995):
        assert (drawn <= x[int(np.searchsorted(below, quantile))]).mean() == pytest.approx(quantile, abs=0.003)
