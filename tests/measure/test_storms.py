"""How long storms of failed requests last: from surpluses of sides that are equal, and told from what is no storm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.backtest.noise import Pauses, Pausing
from relgate.measure.drift import USUAL_BURST_S
from relgate.measure.storms import LONGEST_STORM_S, storm_length, surpluses
from relgate.values import Series
from tests.bakes import due, requests

if TYPE_CHECKING:
    from relgate.values import Floats

BAKES, SECONDS, BASE = 10, 600, 0.001


def _stormy(seed: int, rate: int, last_s: float, share: float) -> list[Floats]:
    """Surplus of failed requests in each second of each bake; each side has memoryless storms by itself."""
    rng = np.random.default_rng(seed)
    storms = Pausing(rng, Pauses(last_s=last_s, every_s=60.0), (2, BAKES))
    shares = [rng.binomial(rate, np.where(storms.step(), share, BASE)) / rate for _ in range(SECONDS)]
    own, other = np.array(shares).transpose(1, 2, 0)
    return list(own - other)


@pytest.mark.parametrize("share", [0.1, 1.0])
@pytest.mark.parametrize("rate", [10, 100])
@pytest.mark.parametrize("last_s", [4.0, 8.0])
def test_the_length_of_storms_is_measured(last_s: float, rate: int, share: float) -> None:
    """However many of their requests fail: the median of some services is near the truth, on the careful side."""
    found = [storm_length(_stormy(seed, rate, last_s, share)) for seed in range(5)]

    assert last_s * 0.8 <= np.median(found) <= last_s * 1.8


def test_storms_of_one_length_are_not_taken_for_short_ones() -> None:
    """Ten seconds sharp: what matters is for how long one storm may go on."""
    rng = np.random.default_rng(1)
    begins = [rng.choice(np.arange(0, SECONDS - 10, 30), 4, replace=False) for _ in range(2 * BAKES)]
    sides = np.zeros((2 * BAKES, SECONDS))
    for side, at in zip(sides, begins, strict=True):
        for begin in at:
            side[begin : begin + 10] = 0.3

    assert 5.0 <= storm_length(list(sides[:BAKES] - sides[BAKES:])) <= 12.0


@pytest.mark.parametrize("share", [0.0, 0.001, 0.05, 0.5])
@pytest.mark.parametrize("rate", [1, 10, 100])
def test_independent_errors_are_no_storms(rate: int, share: float) -> None:
    """Nor is a second in which many of them come together."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(20):
        sides = rng.binomial(rate, share, (2, BAKES, SECONDS)) / rate
        sides[:, :, ::97] = 0.4
        found.append(storm_length(list(sides[0] - sides[1])))

    assert set(found) == {USUAL_BURST_S}


def test_what_fails_on_both_sides_alike_is_no_storm() -> None:
    """A common backend is gone for twenty seconds, again and again: that sets no two sides apart."""
    rng = np.random.default_rng(3)
    share = np.where(np.arange(SECONDS) % 200 < 20, 0.5, BASE)
    series = [(rng.binomial(50, share) - rng.binomial(50, share)) / 50 for _ in range(BAKES)]

    assert storm_length(series) == USUAL_BURST_S


def test_no_storm_is_believed_to_last_forever() -> None:
    """Five minutes in which half of the requests fail on one side."""
    side = np.where(np.arange(SECONDS) < 300, 0.5, 0.0)

    assert storm_length([side, -side]) == LONGEST_STORM_S


@given(
    st.lists(
        st.lists(st.floats(-1, 1) | st.just(math.nan), max_size=120).map(np.array).map(lambda one: one.astype(float)),
        max_size=4,
    )
)
def test_whatever_was_recorded_gives_a_length_that_makes_sense(series: list[Floats]) -> None:
    """None at all, seconds without requests, constants: never shorter than a service without any storm yet."""
    found = storm_length(series)

    assert USUAL_BURST_S <= found <= LONGEST_STORM_S
    assert storm_length([-one for one in series]) == found


def test_the_surplus_is_what_more_fails_in_each_second() -> None:
    """Shares, so that more requests are not more errors; nothing is said of a second without requests."""
    own = requests(due(3.0, 2), failed=np.array([True, False, True, True, False, False]))
    other = requests(due(1.0, 4), failed=np.array([False, False, False, True]))
    found = surpluses(own, other, 0.0, 4.0)

    assert found == pytest.approx([0.25, math.nan, math.nan, math.nan], nan_ok=True)
    assert surpluses(own, own, 1.0, 3.0) == pytest.approx([0.0, 0.0])
    with pytest.raises(ValueError, match="Requests"):
        surpluses(Series(np.zeros(1), np.zeros(1)), own, 0.0, 1.0)
