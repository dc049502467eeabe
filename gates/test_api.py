"""API gates: what a service's OpenAPI document promises, tried with generated requests beside the release before.

All of it is explored once, before the first of these tests; they judge what was found. ``relgate explain api-ids`` says
what a gate may find.
"""

import pytest

pytestmark = pytest.mark.smoke


def test_api_errors(gate, exploration):
    """No request that anybody can send makes the service fail, break off, or take too long."""
    gate.judge("api-errors", exploration.errors)


def test_api_schema(gate, exploration):
    """Statuses, content types, headers and bodies are as the document says."""
    gate.judge("api-schema", exploration.schema)


def test_api_ids(gate, exploration):
    """What was made can be read back, with the same id and content, and is gone when it was removed."""
    gate.judge("api-ids", exploration.ids)


def test_api_correlation(gate, exploration):
    """Every answer carries a correlation id of its own, errors above all."""
    gate.judge("api-correlation", exploration.correlation)


def test_api_differential(gate, exploration):
    """The same requests have the same outcome as on the release before: status, fields, types."""
    gate.judge("api-differential", exploration.differential)
