"""Addresses: an identity column, a column that is computed, one with its own collation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
release = "1.0"


def upgrade() -> None:
    """Create the table."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "addresses",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("email", sa.String(200), sa.ForeignKey("accounts.email", ondelete="CASCADE"), nullable=False),
        sa.Column("street", sa.Text, nullable=False),
        sa.Column("city", sa.String(80, collation="C"), nullable=False),
        sa.Column("street_key", sa.Text, sa.Computed("lower(street)", persisted=True)),
        sa.Column("contact", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_table("addresses")
