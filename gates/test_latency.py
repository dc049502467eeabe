"""Latency gates: how long answers take, counted from the moment at which the request was due."""

import pytest

pytestmark = pytest.mark.canary


def test_latency_p50(gate, observation):
    """The median response time stays within its limits."""
    gate.judge("latency-p50", observation.latency)


def test_latency_p95(gate, observation):
    """The 95th percentile of response time stays within its limits."""
    gate.judge("latency-p95", observation.latency)


def test_latency_p99(gate, observation):
    """The 99th percentile of response time stays within its limits."""
    gate.judge("latency-p99", observation.latency)
