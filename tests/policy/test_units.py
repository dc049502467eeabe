"""Quantities: what people write, and what it is in SI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy import units
from relgate.policy.units import Quantity, parse_quantity

if TYPE_CHECKING:
    from relgate.values import Dimension


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("30s", 30.0, "time"),
        ("10m", 600.0, "time"),
        ("1h30m", 5400.0, "time"),
        ("1 h 30 m", 5400.0, "time"),
        ("500ms", 0.5, "time"),
        ("250us", 0.00025, "time"),
        ("24h", 86400.0, "time"),
        ("7d", 604800.0, "time"),
        ("2 weeks", 1209600.0, "time"),
        ("5 minutes", 300.0, "time"),
        ("3 milliseconds", 0.003, "time"),
        ("95%", 0.95, "share"),
        ("0.5 %", 0.005, "share"),
        ("500MB", 500e6, "bytes"),
        ("500MiB", 524288000.0, "bytes"),
        ("1 GB", 1e9, "bytes"),
        ("12kB", 12e3, "bytes"),
        ("20/s", 20.0, "rate"),
        ("20 rps", 20.0, "rate"),
        ("30 requests/min", 0.5, "rate"),
        ("36 per hour", 0.01, "rate"),
        ("18/h", 0.005, "rate"),
        ("3MB/min", 50e3, "byterate"),
        ("1KiB/s", 1024.0, "byterate"),
        ("1000", 1000.0, "count"),
        ("0.25", 0.25, "count"),
    ],
)
def test_units_mean_what_people_mean(text: str, value: float, dimension: Dimension) -> None:
    """A quantity becomes SI, and its unit says what it measures."""
    assert parse_quantity(text) == Quantity(value, dimension)


@pytest.mark.parametrize(
    ("parse", "raw", "message"),
    [
        (units.parse_share, 0.95, "expected a share such as 95% or 0.5%, got 0.95: write 95%"),
        (units.parse_share, 95, "expected a share such as 95% or 0.5%, got 95: write 95%"),
        (units.parse_share, "0.95", 'expected a share such as 95% or 0.5%, got "0.95": write 95%'),
        (units.parse_share, "101%", 'expected a share of at most 100%, got "101%"'),
        (
            units.parse_duration,
            10,
            "expected a duration such as 30s, 10m, 1h30m or 500ms, got 10: say the unit, for example 10s",
        ),
        (units.parse_duration, "9999d", 'expected a duration of at most 366d, got "9999d"'),
        (
            units.parse_duration,
            "-5s",
            'expected a duration such as 30s, 10m, 1h30m or 500ms, got "-5s": it must not be negative',
        ),
        (
            units.parse_size,
            "5Mb",
            'expected a size such as 500MB or 512MiB, got "5Mb": sizes are in bytes, B and not b',
        ),
        (units.parse_rate, 20, "expected a rate such as 20/s, 10/min or 5/h, got 20: say the unit, for example 20/s"),
        (units.parse_rate, None, "expected a rate such as 20/s, 10/min or 5/h, got nothing"),
        (
            units.parse_number,
            "1,000",
            'expected a number such as 1000, got "1,000": write the number without separators',
        ),
    ],
)
def test_refusals_say_expected_got_and_example(parse: units.Parser, raw: object, message: str) -> None:
    """A refusal names what was expected, what came, and what was probably meant."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse(raw)


ODD: list[object] = [
    float("nan"),
    float("inf"),
    float("-inf"),
    -1,
    True,
    [],
    {},
    "",
    "s",
    "nan",
    "inf%",
    "1e9s",
    "30s\n",
]


@pytest.mark.parametrize("raw", [*ODD, 10**5000], ids=[f"odd{index}" for index in range(len(ODD) + 1)])
def test_nothing_odd_is_a_quantity(raw: object) -> None:
    """NaN, infinity, negative numbers, containers and near misses are refused by every parser."""
    for parse in (
        units.parse_duration,
        units.parse_share,
        units.parse_size,
        units.parse_rate,
        units.parse_byte_rate,
        units.parse_number,
    ):
        with pytest.raises(ValueError, match=r"^expected a"):
            parse(raw)


def test_a_share_of_something_may_be_more_than_all_of_it() -> None:
    """Where the caller says so: 300 % of the baseline; beyond its bound the message says that bound."""
    assert units.parse_share("300%", most=10.0) == 3.0
    with pytest.raises(ValueError, match=r'^expected a share of at most 1000%, got "1001%"$'):
        units.parse_share("1001%", most=10.0)


@given(st.integers(0, 10**9), st.sampled_from(sorted(units.MOST)))
def test_what_is_written_is_read_back(number: int, dimension: Dimension) -> None:
    """``written`` gives a text that is read as the same quantity."""
    value = number / 1e9 * min(units.MOST[dimension], 1e6)
    value = float(f"{value:.6g}")
    again = parse_quantity(units.written(value, dimension))
    assert again.dimension == dimension
    assert again.value == pytest.approx(value, rel=1e-9, abs=1e-8)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_durations_add_up(hours: int, minutes: int, seconds: int) -> None:
    """The parts of a duration are added."""
    assert units.parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@given(st.text())
def test_any_text_is_a_quantity_or_a_valueerror(text: str) -> None:
    """No text ends in anything but a finite, non-negative quantity or a ValueError."""
    try:
        quantity = parse_quantity(text)
    except ValueError:
        return
    assert 0 <= quantity.value <= units.MOST[quantity.dimension]


def test_messages_stay_short_and_on_one_line() -> None:
    """What came is cut and escaped, so that a message is one line whatever came."""
    shown = units.shown("a\n\x00" * 100)
    assert len(shown) < 70
    assert shown.isprintable()
