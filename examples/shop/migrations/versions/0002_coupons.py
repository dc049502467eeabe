"""Coupons, whose kind is an enum type."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
release = "1.0"


KIND = postgresql.ENUM("percent", "amount", name="coupon_kind", create_type=False)


def upgrade() -> None:
    """Create the type, then the table that uses it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    KIND.create(op.get_bind(), checkfirst=False)
    op.create_table(
        "coupons",
        sa.Column("code", sa.String(20), primary_key=True),
        sa.Column("kind", KIND, nullable=False, server_default="amount"),
        sa.Column("value_cents", sa.Integer, nullable=False),
        sa.Column("uses_left", sa.Integer, nullable=False, server_default="1"),
        sa.Column("expires", sa.Date),
    )


def downgrade() -> None:
    """Drop both: a type that stays behind makes the next way up fail."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_table("coupons")
    KIND.drop(op.get_bind(), checkfirst=False)
