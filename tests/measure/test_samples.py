"""From raw samples to arrays: what counts, and whether the whole window was watched."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure import samples
from relgate.values import Answer, Answers, Ids, Requests, Series


def requests(n: int, *, failed: int = 0, unusable: int = 0) -> Requests:
    """One request a second; the last ``failed`` have failed, the first ``unusable`` were spoiled by the recorder."""
    order = np.arange(n)
    return Requests(
        intended_s=order.astype(np.float64),
        latency_s=np.full(n, 0.1),
        lag_s=np.zeros(n),
        status=np.full(n, 200, dtype=np.int64),
        failed=order >= n - failed,
        usable=order >= unusable,
        path=np.zeros(n, dtype=np.int64),
    )


def test_a_slice_ends_before_its_end() -> None:
    """[begin, end): neighbouring slices share no sample and lose none."""
    one = requests(10)

    assert samples.failures(one, 0, 5) == samples.failures(one, 5, 10) == (0, 5)
    assert samples.failures(one, 0, math.inf) == (0, 10)


def test_failed_requests_have_no_latency() -> None:
    """A failure counts as slower than anything, an unusable sample not at all."""
    latencies = samples.latencies(requests(10, failed=2, unusable=3), 0, math.inf)

    assert latencies.tolist() == [0.1] * 5 + [math.inf] * 2
    assert samples.served(requests(10, failed=2, unusable=3), 0, math.inf) == (5, 7)


def test_a_poll_without_an_answer_waits_for_ever() -> None:
    """A timeout is no answer of five seconds, and a code beside an error is none either."""
    polls = (
        Answer(0.0, 0.0, 0.2, 503, ""),
        Answer(1.0, 1.0, 5.0, None, "", error="timed out"),
        Answer(2.0, 2.0, 0.1, 200, "", error="cut off"),
        Answer(3.0, 3.0, 0.3, 200, ""),
    )

    assert samples.waits(Answers(polls, 1.0), 0, 3).tolist() == [0.2, math.inf, math.inf]


def test_the_schedule_tells_the_offered_rate() -> None:
    """Ten requests a second apart are offered at 1/s, whatever the window; fewer than two moments at none."""
    assert samples.offered_per_s(requests(10), 0, math.inf) == 1.0
    assert samples.offered_per_s(requests(10), 5, math.inf) == 1.0
    assert samples.offered_per_s(requests(1), 0, math.inf) is None
    assert samples.offered_per_s(requests(0), 0, math.inf) is None


def test_unusable_share_starts_after_the_warm_up() -> None:
    """What the recorder spoiled during the warm-up does not matter."""
    assert samples.unusable_share(requests(100, unusable=5), 0) == 0.05
    assert samples.unusable_share(requests(100, unusable=5), 5) == 0
    assert samples.unusable_share(requests(0), 0) == 0
    assert samples.unusable_share(Ids(()), 0) == 0


def test_lost_observations_are_told() -> None:
    """Values without a number from the warm-up on, and faults that left no value, with the first reason."""
    value = np.array([math.nan, 1.0, math.nan, 2.0])
    t_s = np.array([0.0, 1.0, 2.0, 3.0])

    assert samples.lost(Series(t_s, value), 0) == "2 of 4 observations gave no number"
    assert samples.lost(Series(t_s, value, ("NaN", "NaN")), 1) == "1 of 4 observations gave no number: NaN"
    assert samples.lost(Series(t_s, value, ("NaN", "NaN")), 3) is None
    assert samples.lost(Series(t_s, value, ("refused",) * 3), 3) == "1 of 5 observations gave no number: refused"
    assert samples.lost(requests(3), 0) is None


@pytest.mark.parametrize(
    ("first_s", "last_s", "every_s", "expected"),
    [
        (0, 600, None, None),
        (50, 550, None, None),
        (70, 600, None, "nothing was observed before 70 s"),
        (0, 530, None, "nothing was observed after 530 s"),
        (0, 460, 60, None),
        (0, 440, 60, "nothing was observed after 440 s"),
    ],
)
def test_both_ends_of_the_window_are_watched(
    first_s: float, last_s: float, every_s: float | None, expected: str | None
) -> None:
    """A tenth of the window, or two and a half spacings, may be unobserved at an end."""
    t_s = np.linspace(first_s, last_s, 100)

    found = samples.unseen(Series(t_s, np.ones(100)), 0, 600, every_s)

    assert (found is None) if expected is None else (found or "").startswith(expected)


def test_missing_values_watch_nothing() -> None:
    """An observation without a number at the end of the window is none."""
    value = np.where(np.arange(100) < 50, 1.0, math.nan)

    assert samples.unseen(Series(np.arange(100.0), value), 0, 100) is not None
    assert samples.unseen(Ids(()), 0, 100) is None


@given(st.floats(0, 100), st.floats(1, 1000), st.floats(1, 300))
def test_slides_cover_and_stay_inside(begin_s: float, length_s: float, for_s: float) -> None:
    """Stretches begin at the begin, have their length, end within the window, and reach its end but for one step."""
    found = samples.slides(begin_s, begin_s + length_s, for_s)

    assert bool(found) == (length_s >= for_s * (1 - 1e-9)) or math.isclose(length_s, for_s, rel_tol=1e-6)
    if found:
        assert found[0][0] == begin_s
        assert all(math.isclose(end - begin, for_s, rel_tol=1e-6) for begin, end in found)
        assert begin_s + length_s - for_s / 5 - 1e-6 <= found[-1][1] <= begin_s + length_s + 1e-6


def test_parts_are_equal() -> None:
    """Five parts of ten seconds are two seconds each."""
    assert samples.parts_of(10, 20) == [(10, 12), (12, 14), (14, 16), (16, 18), (18, 20)]


@pytest.mark.parametrize(("hole_s", "said"), [(9, False), (12, True), (90, True)])
def test_a_hole_in_the_middle_is_a_part_that_nobody_watched(hole_s: int, said: bool) -> None:
    """As long as what may be missing at the ends: a tenth of the window."""
    whole = requests(100)
    seen = (whole.intended_s < 5) | (whole.intended_s >= 4 + hole_s)
    arrays = ("intended_s", "latency_s", "lag_s", "status", "failed", "usable", "path")
    rest = Requests(**{name: getattr(whole, name)[seen][::-1] for name in arrays})

    found = samples.unseen(rest, 0, 100)
    assert (found is not None) is said
    assert found is None or found.startswith(f"nothing was observed from 4 s to {4 + hole_s} s")
