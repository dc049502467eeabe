"""A rollout may be killed at any moment: gone on with, it never has traffic that nobody owns or no gate has earned."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.rollout.kills import STAGES, span_s, trial

if TYPE_CHECKING:
    from tests.rollout.field import Field

TRIALS = 8


def test_killed_rollouts_are_gone_on_with(field: Field) -> None:
    """Eight of them; ``python -m benchmarks.rollouts.kills`` kills two hundred."""
    field.write(stages=STAGES, bake="1s")
    within_s = span_s(field)
    seen: Counter[str] = Counter()
    for number in range(TRIALS):
        seen += trial(field, number, within_s, seed=1)
    assert seen["kills"] >= TRIALS // 2
    assert seen["complete"] + seen["restored"] == TRIALS
    assert seen["restored"] > 0
