"""Which of two limits is stricter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy.limits import NumberLimit, parse_limit
from relgate.policy.tighten import Order, compare, tightened


@pytest.mark.parametrize(
    ("new", "old", "order"),
    [
        ("> 1s", "> 2s", "tighter"),
        ("> 2s", "> 2s", "tighter"),
        ("> 3s", "> 2s", "looser"),
        (">= 2s", "> 2s", "tighter"),
        ("> 2s", ">= 2s", "looser"),
        ("< 99%", "< 95%", "tighter"),
        ("< 90%", "< 95%", "looser"),
        ("> 2s", "> 2s for 5m", "tighter"),
        ("> 2s for 5m", "> 2s", "looser"),
        ("> 2s for 1m", "> 3s for 5m", "tighter"),
        ("> 1s for 5m", "> 2s", None),
        ("> 5, 3 in a row", "> 5 for 1m", None),
        ("> 5, 2 in a row", "> 5, 3 in a row", "tighter"),
        ("> 2s", "> 2x baseline", None),
        ("> 2s", "< 1s", None),
        ("> baseline + 10%", "> 2x baseline", "tighter"),
        ("any", "> 1%", "tighter"),
        ("> 1%", "any", "looser"),
        ("any", "down", None),
        ("failing", "down", "tighter"),
        ("down", "failing", "looser"),
        ("down or stale", "degraded", None),
        ("failing 2 in a row", "3 in a row", "tighter"),
        ("down", "> 5", None),
    ],
)
def test_limits_are_compared_only_where_that_makes_sense(new: str, old: str, order: Order | None) -> None:
    """Stricter, looser, or not comparable - never a guess."""
    assert compare(parse_limit(new), parse_limit(old)) == order


LIMITS = st.builds("{} {}".format, st.sampled_from([">", ">=", "<", "<="]), st.integers(0, 6))


@given(st.lists(LIMITS, min_size=1, max_size=3), st.lists(LIMITS, min_size=1, max_size=3), st.floats(0, 7))
def test_a_phase_never_lets_pass_what_broke_the_gate(new: list[str], old: list[str], value: float) -> None:
    """Whatever a phase says, what broke the gate outside of it breaks it inside as well."""
    merged, _ = tightened(tuple(map(parse_limit, new)), tuple(map(parse_limit, old)))

    def broken(limits: tuple[object, ...]) -> bool:
        return any(isinstance(limit, NumberLimit) and limit.broken_by(value, limit.value) for limit in limits)

    assert broken(merged) or not broken(tuple(map(parse_limit, old)))
