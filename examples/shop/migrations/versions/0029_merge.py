"""Two branches of work come together."""

from __future__ import annotations

revision = "0029"
down_revision = ("0027", "0028")
release = "1.5"


def upgrade() -> None:
    """Nothing: both branches are applied."""


def downgrade() -> None:
    """Nothing."""
