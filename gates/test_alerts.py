"""Alert gate: nobody is being paged about the candidate."""

import pytest

pytestmark = pytest.mark.canary


def test_critical_alerts(gate, observation):
    """No alert fires that the policy calls critical."""
    gate.judge("critical-alerts", observation.count)
