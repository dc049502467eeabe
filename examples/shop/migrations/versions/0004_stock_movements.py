"""Stock movements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
release = "1.0"


def upgrade() -> None:
    """Create the table and the index of its foreign key."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "stock_movements",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id"), nullable=False, index=True),
        sa.Column("change", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
    )


def downgrade() -> None:
    """Drop both."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_table("stock_movements")
