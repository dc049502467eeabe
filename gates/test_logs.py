"""Log gates: what the candidate writes down, and what its database is asked, beside the baseline."""

import pytest

pytestmark = pytest.mark.canary


def test_new_errors(gate, observation):
    """No pattern of errors comes more often in the candidate's log than in the baseline's."""
    gate.judge("new-errors", observation.patterns)


def test_auth_failures(gate, observation):
    """Refused logins and expired tokens stay below their limit."""
    gate.judge("auth-failures", observation.rate)


def test_slow_queries(gate, observation):
    """No statement of the database is slow, or much slower than at the baseline."""
    gate.judge("slow-queries", observation.mean)
