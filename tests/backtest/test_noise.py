"""What disturbs response times has the size and the duration that it says."""

import math

import numpy as np
import pytest

from relgate.backtest.noise import Pauses, Pausing, Wander, Wandering, WarmUp

RUNS = 4000


def rng() -> np.random.Generator:
    """One seed for all tests here."""
    return np.random.default_rng(11)


def test_wander_is_stationary_with_its_size_and_correlation() -> None:
    """From the first second on the spread is ``sd``, and a lag of tau leaves 1/e of it."""
    wandering = Wandering(rng(), Wander(sd=0.06, tau_s=20.0), (RUNS,))
    path = np.array([wandering.step() for _ in range(41)])
    assert path[0].std() == pytest.approx(0.06, rel=0.05)
    assert path[40].std() == pytest.approx(0.06, rel=0.05)
    assert np.corrcoef(path[0], path[20])[0, 1] == pytest.approx(math.exp(-1), abs=0.05)
    assert np.corrcoef(path[0], path[40])[0, 1] == pytest.approx(math.exp(-2), abs=0.05)


def test_pauses_are_as_long_and_as_frequent_as_they_say() -> None:
    """The share of paused seconds is stationary, and a pause lasts its mean time."""
    pauses = Pauses(factor=3.0, last_s=4.0, every_s=36.0)
    pausing = Pausing(rng(), pauses, (RUNS,))
    path = np.array([pausing.step() for _ in range(100)])
    assert path[0].mean() == pytest.approx(0.1, abs=0.015)
    assert path[99].mean() == pytest.approx(0.1, abs=0.015)
    begins = (~path[:-1] & path[1:]).sum()
    assert path[1:].sum() / begins == pytest.approx(4.0, rel=0.05)


def test_a_cold_start_fades() -> None:
    """Twice as slow at first, and half of the rest of it gone after tau log 2."""
    warm_up = WarmUp(factor=2.0, tau_s=20.0)
    assert math.exp(warm_up.log_factor(0)) == pytest.approx(2.0)
    assert math.exp(warm_up.log_factor(20)) == pytest.approx(1 + 1 / math.e)
    assert math.exp(warm_up.log_factor(400)) == pytest.approx(1.0, abs=1e-6)
