"""Correlation gates: every answer can be traced, errors included."""

import pytest

pytestmark = pytest.mark.canary


def test_correlation_ids(gate, observation):
    """Every answer carries a well-formed id of its own; the id that was sent comes back where the policy wants it."""
    gate.judge("correlation-ids", observation.ids)


def test_correlation_in_logs(gate, observation):
    """The id of a request finds it in the service's log."""
    gate.judge("correlation-in-logs", observation.logged)
