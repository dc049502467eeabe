"""The end of a warm-up, found by the data."""

from __future__ import annotations

import math

import numpy as np
import pytest

from relgate.measure.seconds import Second
from relgate.measure.warmup import WINDOW, WarmUp, falling

BLOCK_S = 3


def _over(
    factor_of: dict[float, float] | None = None, *, n: int = 20, longest_s: float = 120.0, seed: int = 1
) -> float:
    """Seconds that do not count for a candidate that is ``1 + size * exp(-t / tau)`` times as slow (tau: size)."""
    rng = np.random.default_rng(seed)
    found = WarmUp(BLOCK_S, longest_s)
    for t_s in range(600):
        excess = sum(size * math.exp(-t_s / tau) for tau, size in (factor_of or {}).items())
        own, other = 0.05 * np.exp(0.3 * rng.standard_normal((2, 1, n)))
        none = np.zeros((1, n), dtype=np.bool_)
        over_s = found.see(Second(own * (1 + excess), other, none, none))
        if over_s is not None:
            assert t_s < longest_s + (WINDOW + 1) * BLOCK_S, "known too late"
            assert found.see(Second(own, other, none, none)) == over_s
            return over_s
    raise AssertionError("the warm-up never ended")


@pytest.mark.parametrize("seed", range(10))
def test_a_cold_start_is_left_out(seed: int) -> None:
    """Twice as slow at first, gone in 20 s: at least until less than half of the excess is left, never for long."""
    assert 15 <= _over({20.0: 1.0}, seed=seed) <= 75


def test_a_steady_release_loses_little() -> None:
    """Most lose nothing; a slow one is not taken for a cold one."""
    steady = [_over(seed=seed) for seed in range(20)]
    slow = [_over({math.inf: 0.5}, seed=seed) for seed in range(20)]

    assert np.median(steady) == np.median(slow) == 0
    assert max(*steady, *slow) <= 6 * BLOCK_S


def test_a_warm_up_ends_whatever_the_data_say() -> None:
    """One that goes on and on is cut off."""
    assert _over({200.0: 1.0}, n=400, longest_s=60.0) == 60.0


def test_nothing_is_known_before_a_window_is_full() -> None:
    """And nothing is left out where nothing was seen: there is no warm-up to find."""
    found, empty = WarmUp(BLOCK_S, 120.0), np.zeros((1, 0))
    nothing = Second(empty, empty, empty.astype(np.bool_), empty.astype(np.bool_))
    said = [found.see(nothing) for _ in range(WINDOW * BLOCK_S)]

    assert said == [None] * (WINDOW * BLOCK_S - 1) + [0.0]


def test_one_side_that_is_silent_ends_the_search() -> None:
    """A block of one side cannot be compared; no warning of numpy either."""
    found, empty = WarmUp(BLOCK_S, 120.0), np.zeros((1, 0))
    own = np.full((1, 5), 0.05)
    second = Second(own, empty, own > 1, empty.astype(np.bool_))

    assert [found.see(second) for _ in range(WINDOW * BLOCK_S)][-1] == 0.0


def test_falling_is_a_slope_beyond_its_error() -> None:
    """Not its sign alone, and not what is constant or rises."""
    x = np.arange(8.0)
    assert falling(-x + 0.1 * (-1) ** x)
    assert not falling(x)
    assert not falling(np.zeros(8))
    assert not falling(-0.01 * x + (-1) ** x)
