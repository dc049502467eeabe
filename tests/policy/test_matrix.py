"""The decision matrix as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy import load
from relgate.policy.matrix import GRAVITIES, parse_reach
from relgate.policy.model import Severity
from tests.policy.samples import SMALLEST, faults_of

MATRIX = """\
matrix:
  - {severity: [blocker, critical], users: "> 50%", action: roll back at once, within: 5m, who: on call}
  - {severity: normal, users: 10%-50%, action: fix forward, within: 1h}
  - {action: plan a fix}
"""


def test_rows_are_read() -> None:
    """Severities, users and time each may be left out."""
    first, second, third = load(SMALLEST + MATRIX).matrix

    assert (first.severities, first.action, first.within_s, first.who) == (
        ("blocker", "critical"),
        "roll back at once",
        300.0,
        "on call",
    )
    assert second.severities == ("normal",)
    assert (third.severities, third.users, third.within_s, third.who) == ((), None, None, None)
    assert load(SMALLEST).matrix == ()


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("> 50%", (0.51, 1.0), (0.5, 0.0)),
        (">= 50%", (0.5, 1.0), (0.49,)),
        ("< 10%", (0.0, 0.09), (0.1,)),
        ("<=10%", (0.1,), (0.11,)),
        ("10%-50%", (0.1, 0.5), (0.09, 0.51)),
        ("10% - 50%", (0.3,), (0.6,)),
    ],
)
def test_ranges_of_users(text: str, inside: tuple[float, ...], outside: tuple[float, ...]) -> None:
    """Both ends of a range belong to it."""
    reach = parse_reach(text)

    assert all(reach.holds(share) for share in inside)
    assert not any(reach.holds(share) for share in outside)


@pytest.mark.parametrize("text", ["50%", "many", "50%-10%", "> 100%", "< 0%", "> 120%", 0.5, "", "10-50%", "> 50"])
def test_what_is_no_range_is_refused(text: object) -> None:
    """And what no share lies in."""
    with pytest.raises(ValueError, match="expected"):
        parse_reach(text)


@given(st.integers(0, 100), st.integers(0, 100), st.floats(0, 1))
def test_a_range_holds_what_lies_between_its_ends(low: int, high: int, share: float) -> None:
    """For all shares."""
    if low <= high:
        assert parse_reach(f"{low}%-{high}%").holds(share) == (low / 100 <= share <= high / 100)


def test_faults_are_named_with_their_place() -> None:
    """As everywhere in a policy."""
    faults = " | ".join(map(str, faults_of(SMALLEST + 'matrix: [{severity: grave, users: "50%"}]\n')))

    assert "matrix[0].severity" in faults
    assert "matrix[0].users" in faults
    assert "action" in faults


def test_severities_are_those_of_gates() -> None:
    """One list."""
    from typing import get_args

    assert get_args(Severity) == GRAVITIES
