"""Error gates: how many requests fail, and how many are served."""

import pytest

pytestmark = pytest.mark.canary


def test_error_rate(gate, observation):
    """The share of failed requests stays within its limits, absolute and against the baseline."""
    gate.judge("error-rate", observation.errors)


def test_throughput(gate, observation):
    """The candidate serves as much as it is asked for."""
    gate.judge("throughput", observation.throughput)
