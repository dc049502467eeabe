"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure.describe import apart, describe, interval, more
from relgate.values import Dimension


@pytest.mark.parametrize(
    ("value", "dimension", "expected"),
    [
        (0.312, "time", "312 ms"),
        (0.0005, "time", "500 us"),
        (2.0, "time", "2 s"),
        (90.0, "time", "90 s"),
        (900.0, "time", "15 min"),
        (7200.0, "time", "2 h"),
        (0.0, "time", "0 s"),
        (0.012, "share", "1.2 %"),
        (0.00004, "share", "0.004 %"),
        (0.0, "share", "0 %"),
        (512e6, "bytes", "512 MB"),
        (999.0, "bytes", "999 B"),
        (-3e6, "bytes", "-3 MB"),
        (10 / 60, "rate", "10/min"),
        (20.0, "rate", "20/s"),
        (5 / 3600, "rate", "5/h"),
        (138888.9, "byterate", "139 kB/s"),
        (1234567.0, "count", "1234567"),
        (2.5, "count", "2.5"),
        (None, "time", "nothing"),
        (float("inf"), "time", "no answer"),
    ],
)
def test_units(value: float | None, dimension: Dimension, expected: str) -> None:
    """Each dimension has its own words."""
    assert describe(value, dimension) == expected


@pytest.mark.parametrize(
    ("low", "high", "dimension", "expected"),
    [
        (0.301, 0.324, "time", "301-324 ms"),
        (0.9, 1.2, "time", "0.9-1.2 s"),
        (None, 0.324, "time", "below 324 ms"),
        (0.301, None, "time", "above 301 ms"),
        (0.301, float("inf"), "time", "above 301 ms"),
        (None, None, "time", "open at both ends"),
        (-0.03, 0.03, "share", "-3 to 3 %"),
        (2.1, 7.7, "count", "2.1-7.7"),
    ],
)
def test_intervals(low: float | None, high: float | None, dimension: Dimension, expected: str) -> None:
    """Both ends in one unit; an open end is said."""
    assert interval(low, high, dimension) == expected


@given(
    st.floats(1e-4, 1e4), st.floats(1 - 1e-9, 1 + 1e-9), st.sampled_from(["time", "share", "bytes", "rate", "count"])
)
def test_different_numbers_look_different(value: float, factor: float, dimension: Dimension) -> None:
    """Never "75 < 75": as many digits as it takes."""
    texts = apart(value, value * factor, dimension)

    assert (texts[0] != texts[1]) or abs(factor - 1) < 1e-14


@given(st.floats(-1e12, 1e12), st.sampled_from(["time", "share", "bytes", "rate", "byterate", "count"]))
def test_every_number_has_a_short_text(value: float, dimension: Dimension) -> None:
    """No number raises or fills a line."""
    assert 0 < len(describe(value, dimension)) < 24


def test_more() -> None:
    """What would decide is said, or that nobody knows."""
    assert more(40, 59) == "needs about 19 more samples or a longer bake"
    assert more(40, None) == "a longer bake may decide it"
