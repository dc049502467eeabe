"""Tests of versions and commits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.shop.config import previous_version


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.5.0", "1.4.0"), ("1.5.3", "1.5.2"), ("2.0.0", "1.0.0"), ("v10", "v9"), ("0.0.0", "0"), ("next", "0")],
)
def test_previous_version_lowers_the_last_number_above_zero(version: str, expected: str) -> None:
    """The version before differs in one number."""
    assert previous_version(version) == expected


@given(st.tuples(*[st.integers(0, 999)] * 3))
def test_previous_version_is_never_the_same(parts: tuple[int, int, int]) -> None:
    """A release that reports the previous version never reports its own."""
    version = ".".join(map(str, parts))
    assert previous_version(version) != version
