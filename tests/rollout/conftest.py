"""A field of its own for each test: rollouts leave routers and ledgers behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.field import Field

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    """Where a rollout happens."""
    with Field(tmp_path) as made:
        yield made
