"""One limit against one estimate: sustained limits, and limits of single observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from relgate.measure.interval import Basis, Estimator
from relgate.measure.rates import SharePair
from relgate.measure.series import Held
from relgate.measure.trial import Make, Subject, held, reached, throughout

SHARE = Subject("error rate", "share", 0.95, 30)
QUEUE = Subject("value", "count", 0.95, 3)


@dataclass(frozen=True)
class Above:
    """``> value``, absolute."""

    value: float
    text: str = "> limit"
    op: Literal[">"] = ">"
    basis: Basis = "absolute"

    def boundary(self, baseline: float | None) -> float | None:
        """The limit itself: it knows no baseline."""
        return self.value if baseline is None or baseline >= 0 else None

    def broken_by(self, value: float, boundary: float) -> bool:
        """Above is bad."""
        return value > boundary


def every_second(bad: dict[tuple[int, int], float], per_s: int = 20) -> Make:
    """Requests at an even rate over ten minutes; in [begin, end) such a share of each second's requests fails."""

    def events(second: int) -> float:
        return next((share * per_s for (begin, end), share in bad.items() if begin <= second < end), 0.0)

    def make(begin_s: float, end_s: float) -> Estimator:
        seconds = [s for s in range(600) if begin_s <= s < end_s]
        return SharePair(round(sum(map(events, seconds))), len(seconds) * per_s)

    return make


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ({(0, 600): 0.05}, "bad"),
        ({(120, 480): 0.05}, "bad"),
        ({(120, 240): 0.5}, "good"),
        ({(0, 600): 0.0}, "good"),
        ({(0, 600): 0.006}, "open"),
        # 40 of 6000 are surely beyond 0.5 % at 95 %, but not in one of six stretches that were looked at.
        ({(0, 600): 40 / 6000}, "open"),
    ],
)
def test_a_burst_is_not_sustained(bad: dict[tuple[int, int], float], expected: str) -> None:
    """Five percent for six minutes break "> 0.5% for 5m", half of all requests for two minutes do not."""
    assert throughout(Above(0.005), every_second(bad), (0, 600), 300, SHARE).side == expected


def test_a_short_window_cannot_show_a_long_breach() -> None:
    """In ten minutes nothing is seen to last fifteen: kept as a whole, or open."""
    calm, bad = every_second({}), every_second({(0, 600): 0.05})

    assert throughout(Above(0.005), calm, (0, 600), 900, SHARE).side == "good"
    found = throughout(Above(0.005), bad, (0, 600), 900, SHARE)
    assert found.side == "open"
    assert found.text.startswith("the window is shorter than 15 min: ")


def test_too_few_requests_in_a_stretch_leave_it_open() -> None:
    """Twenty requests in five minutes decide nothing."""

    def make(begin_s: float, end_s: float) -> Estimator:
        return SharePair(0, int((min(end_s, 600) - begin_s) / 15))

    assert throughout(Above(0.005), make, (0, 600), 300, SHARE).side == "open"


@pytest.mark.parametrize(
    ("found", "seen_s", "expected"),
    [
        (Held(300, 11, 300, 11), 600, "bad"),
        (Held(270, 10, 270, 10), 600, "touched"),
        (Held(270, 10, 330, 12), 600, "open"),
        (Held(0, 0, 0, 0), 600, "good"),
        (Held(0, 0, 0, 0), 60, "good"),
        (Held(60, 3, 60, 3), 60, "open"),
        (Held(0, 0, 300, 11), 600, "open"),
    ],
)
def test_sustained_observations(found: Held, seen_s: float, expected: str) -> None:
    """Long enough is bad, hidden is open, short is touched, never is good."""
    assert held(Above(1000), 1000, found, seen_s, QUEUE, (300, None)).side == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Held(30, 3, 30, 3), "bad"),
        (Held(15, 2, 15, 2), "touched"),
        (Held(15, 2, 30, 3), "open"),
        (Held(0, 0, 0, 0), "good"),
    ],
)
def test_observations_in_a_row(found: Held, expected: str) -> None:
    """Three in a row are bad, two are touched, two beside an unseen one are open."""
    assert held(Above(1000), 1000, found, 600, QUEUE, (None, 3)).side == expected


def test_reached() -> None:
    """A duration to the last digit, a number in a row, or a single observation."""
    assert reached(120 * (1 - 1e-12), 5, (120, None))
    assert not reached(119, 5, (120, None))
    assert not reached(0, 0, (0, None))
    assert reached(0, 1, (None, None))
    assert not reached(0, 0, (None, None))
