"""Health gates: the candidate says that it is well, in status code and body, and means it."""

import pytest

pytestmark = pytest.mark.canary


def test_health(gate, observation):
    """The service and its components are healthy; degraded is a warning."""
    gate.judge("health", observation.status)


def test_readiness(gate, observation):
    """The candidate is ready to take traffic."""
    gate.judge("readiness", observation.status)


def test_liveness(gate, observation):
    """The candidate's process is alive."""
    gate.judge("liveness", observation.status)
