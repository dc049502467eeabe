"""Requests as seconds: each second once, in order, whatever the order in which requests arrive."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure.seconds import Second, Seconds
from relgate.values import Answer, Answers, Ids
from tests.bakes import due, part, requests


def _counts(seconds: list[Second]) -> list[tuple[int, int]]:
    return [(one.candidate_s.shape[1], one.baseline_s.shape[1]) for one in seconds]


def test_a_second_holds_what_both_sides_were_asked_in_it() -> None:
    """A request that is due at its very end belongs to the next one; what was due before the window to none."""
    seconds = Seconds(1.0)
    seconds.add("candidate", requests(np.array([0.5, 1.0, 1.5, 2.0, 2.9])))
    seconds.add("baseline", requests(np.array([1.9])))

    assert _counts(list(seconds.until(3.0))) == [(2, 1), (2, 0)]


def test_only_whole_seconds_that_are_settled_are_given() -> None:
    """The rest comes later, once."""
    seconds = Seconds(0.0)
    seconds.add("candidate", requests(due(5.0)))

    assert len(list(seconds.until(2.9))) == 2
    assert list(seconds.until(2.9)) == []
    assert _counts(list(seconds.until(5.0))) == [(10, 0)] * 3


def test_what_comes_too_late_is_left_out() -> None:
    """A second that was given out does not change any more."""
    seconds = Seconds(0.0)
    assert _counts(list(seconds.until(2.0))) == [(0, 0)] * 2
    seconds.add("candidate", requests(np.array([0.5, 2.5])))

    assert _counts(list(seconds.until(4.0))) == [(1, 0), (0, 0)]


def test_a_failed_request_is_infinitely_slow_and_a_spoiled_one_is_none() -> None:
    """Quick errors are not fast; what the recorder spoiled says nothing."""
    seconds = Seconds(0.0)
    marks = np.array([True, False, False])
    seconds.add("candidate", requests(np.array([0.1, 0.2, 0.3]), 0.05, marks, ~np.roll(marks, 1)))
    (second,) = seconds.until(1.0)

    assert second.candidate_s.tolist() == [[math.inf, 0.05]]
    assert second.candidate_failed.tolist() == [[True, False]]
    assert second.baseline_s.shape == second.baseline_failed.shape == (1, 0)


def test_polls_are_requests_too() -> None:
    """One without an answer took infinitely long."""
    seconds = Seconds(0.0)
    good, none = Answer(0.2, 0.0, 0.03, 500, ""), Answer(0.4, 0.0, 5.0, None, "", error="timed out")
    seconds.add("candidate", Answers((good, none), 1.0))
    (second,) = seconds.until(1.0)

    assert second.candidate_s.tolist() == [[0.03, math.inf]]


@pytest.mark.parametrize(("latency_s", "why"), [(math.nan, "NaN"), (-0.001, "clock")])
def test_what_is_no_latency_is_refused(latency_s: float, why: str) -> None:
    """Not left out: somebody has to know."""
    with pytest.raises(ValueError, match=why):
        Seconds(0.0).add("candidate", requests(np.array([0.1, 0.2]), np.array([0.05, latency_s])))


def test_other_samples_are_refused() -> None:
    """Ids have no time."""
    with pytest.raises(ValueError, match="got Ids"):
        Seconds(0.0).add("candidate", Ids(()))


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 60), max_size=4))
def test_the_order_of_arrival_changes_nothing(seed: int, cuts: list[int]) -> None:
    """Shuffled, in chunks of any size, or all at once: the same seconds with the same requests in the same order."""
    rng = np.random.default_rng(seed)
    whole = requests(np.sort(rng.uniform(0, 6, 60)), rng.uniform(0, 1, 60), rng.random(60) < 0.2)
    shuffled = rng.permutation(60)
    one, other = Seconds(0.0), Seconds(0.0)
    one.add("candidate", whole)
    for chunk in np.split(shuffled, sorted(cuts)):
        other.add("candidate", part(whole, chunk))

    for a, b in zip(one.until(6.0), other.until(6.0), strict=True):
        assert np.array_equal(a.candidate_s, b.candidate_s)
        assert np.array_equal(a.candidate_failed, b.candidate_failed)
