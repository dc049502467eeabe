"""Where requests land: what a share explains and what it does not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relgate.measure.landed import CHANCE, Landed, bounds, doubt


def probability(n: int, share: float, low: int, high: int) -> float:
    """Of landing between two counts, by the definition of the binomial."""
    return math.fsum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(low, high + 1))


@settings(deadline=None)
@given(st.integers(20, 300), st.floats(0.01, 0.99))
def test_a_router_that_does_what_it_says_is_believed_nearly_always(n: int, share: float) -> None:
    """Outside of the bounds lies no more than the chance that was asked for; one count less would be too few."""
    low, high = bounds(n, share)
    assert probability(n, share, low, high) >= 1 - CHANCE - 1e-9
    assert probability(n, share, low + 1, high) < 1 - CHANCE / 2 + 1e-9


@pytest.mark.parametrize(("share", "candidate"), [(0.0, 0), (1.0, 100), (0.5, 50), (0.05, 0), (0.05, 14)])
def test_what_fits_is_believed(share: float, candidate: int) -> None:
    """Of 100: nothing exactly, all exactly, and about what a share says."""
    assert doubt(Landed(100, candidate, 100 - candidate), share) is None


@pytest.mark.parametrize(("share", "candidate"), [(0.0, 1), (1.0, 99), (0.5, 20), (0.05, 25)])
def test_what_does_not_fit_is_not(share: float, candidate: int) -> None:
    """One request at 0 % is one too many."""
    assert "landed on the candidate" in str(doubt(Landed(100, candidate, 100 - candidate), share))


def test_silent_requests_may_have_landed_on_either_side() -> None:
    """A few of them leave the doubt to others; many leave nothing to believe."""
    assert doubt(Landed(100, 97, 0, silent=3), 1.0) is None
    assert "not answered with a version" in str(doubt(Landed(100, 80, 0, silent=20), 1.0))
    assert "not answered" in str(doubt(Landed(0, 0, 0), 0.0))


def test_a_third_version_is_never_believed() -> None:
    """Somebody else deploys here."""
    assert "1.3.0 answered too" in str(doubt(Landed(100, 50, 49, others=("1.3.0",)), 0.5))
