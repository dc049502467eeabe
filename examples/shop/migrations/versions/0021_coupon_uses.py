"""Coupons can be used five times unless said otherwise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
release = "1.3"


def upgrade() -> None:
    """Change the default: rows that are there keep what they have, nothing is rewritten."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("coupons", "uses_left", existing_type=sa.Integer(), server_default="5")


def downgrade() -> None:
    """Put the old one back."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("coupons", "uses_left", existing_type=sa.Integer(), server_default="1")
