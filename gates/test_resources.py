"""Resource gates: what the candidate uses while it serves."""

import pytest

pytestmark = pytest.mark.canary


def test_memory_growth(gate, observation):
    """Memory does not grow beyond its limit within the window."""
    gate.judge("memory-growth", observation.growth)


def test_memory_trend(gate, observation):
    """Memory does not grow steadily faster than its limit."""
    gate.judge("memory-trend", observation.trend)
