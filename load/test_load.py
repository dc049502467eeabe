"""Load gates: both sides under the same load at once. The signal is a `load` of the policy, and so are all figures."""

import pytest

pytestmark = pytest.mark.load


def test_load_p95(gate, observation):
    """The 95th percentile of response time stays within its limit under load."""
    gate.judge("load-p95", observation.latency)


def test_load_errors(gate, observation):
    """The share of failed requests stays within its limit under load."""
    gate.judge("load-errors", observation.errors)


def test_load_throughput(gate, observation):
    """The candidate serves at least as much as the baseline does under the same load."""
    gate.judge("load-throughput", observation.throughput)


def test_load_capacity(gate, observation):
    """The candidate reaches its end no earlier than the baseline."""
    gate.judge("load-capacity", observation.capacity)
