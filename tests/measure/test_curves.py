"""Curves to look at: bounded, without guesses, and no spike smoothed away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from relgate.measure.curves import (
    MOST_POINTS,
    distribution,
    edges,
    over_time,
    rate_over_time,
    share_over_time,
    slopes,
    thinned,
)

if TYPE_CHECKING:
    from relgate.values import Floats

VALUES = arrays.arrays(np.float64, st.integers(1, 900), elements=st.floats(-1e6, 1e6) | st.just(np.nan))


@given(st.floats(0, 100), st.floats(0.5, 1e6), st.integers(2, 300))
def test_stretches_cover_the_window_and_are_few(begin_s: float, length_s: float, most: int) -> None:
    """Whole seconds, equal, at most as many as asked for."""
    ends = edges(begin_s, begin_s + length_s, most)

    assert ends[0] == begin_s
    assert ends[-1] >= (begin_s + length_s) * (1 - 1e-12)
    assert 1 <= len(ends) - 1 <= most
    assert np.allclose(np.diff(ends), ends[1] - ends[0])


@given(VALUES)
def test_thinning_keeps_the_largest_and_the_smallest_value(values: Floats) -> None:
    """In order, and no more points than are drawn."""
    t_s, kept = thinned(np.arange(len(values), dtype=np.float64), values)

    assert len(kept) <= max(MOST_POINTS, 1)
    assert (np.diff(t_s) > 0).all()
    if np.isfinite(values).any():
        assert np.nanmax(kept) == np.nanmax(values)
        assert np.nanmin(kept) == np.nanmin(values)


@given(VALUES, st.integers(0, 20))
def test_a_distribution_rises_to_the_share_that_was_answered(values: Floats, failed: int) -> None:
    """Requests without an answer keep it below one."""
    x, y = distribution(np.concatenate([values, np.full(failed, np.inf)]))
    known = int(np.isfinite(values).sum())

    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) > 0).all()
    assert (y <= known / max(1, known + failed) + 1e-12).all()
    if known and not failed:
        assert (x[0], x[-1], y[-1]) == (np.nanmin(values), np.nanmax(values), 1.0)


def test_a_stretch_has_its_own_quantile() -> None:
    """An empty one has none, one in which more failed than that is infinite; the order of requests does not matter."""
    t_s = np.array([2.5, 0.1, 0.2, 0.3, 2.6])
    values = np.array([np.inf, 3.0, 1.0, 2.0, 5.0])
    found = over_time(t_s, values, np.arange(5.0), 0.95)

    assert found[0] == 3.0
    assert np.isnan(found[1])
    assert found[2] == np.inf
    assert np.isnan(found[3])


def test_shares_and_rates_are_of_each_stretch() -> None:
    """Where nothing was asked there is no share, and a rate of zero."""
    t_s, failed = np.array([0.1, 0.2, 2.1, 2.2]), np.array([True, False, True, True])

    assert share_over_time(t_s, failed, np.arange(4.0)).tolist()[::2] == [0.5, 1.0]
    assert np.isnan(share_over_time(t_s, failed, np.arange(4.0))[1])
    assert rate_over_time(t_s, failed, np.arange(4.0)).tolist() == [1.0, 0.0, 2.0]


def test_a_counter_that_was_set_back_has_a_gap() -> None:
    """A restart is no negative rate."""
    t_s, rate = slopes(np.array([0.0, 1.0, 3.0, 4.0]), np.array([0.0, 5.0, 1.0, 2.0]))

    assert t_s.tolist() == [1.0, 3.0, 4.0]
    assert rate[0] == 5.0
    assert np.isnan(rate[1])
    assert rate[2] == 1.0
