"""Version gate: the build that answered is the release under judgment."""

import pytest

pytestmark = pytest.mark.canary


def test_version(gate, observation):
    """Every answer names the release under judgment; a cached or older one is seen."""
    gate.judge("version", observation.version)
