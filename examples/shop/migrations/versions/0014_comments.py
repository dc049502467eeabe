"""Comments for whoever reads the orders without the shop."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
release = "1.2"


def upgrade() -> None:
    """Say what the table holds and in which unit."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table_comment("orders", "One row per order; its goods are in order_lines.")
    op.alter_column("orders", "total_cents", existing_type=sa.Integer(), comment="Euro cents, VAT included.")


def downgrade() -> None:
    """Take both out."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("orders", "total_cents", existing_type=sa.Integer(), comment=None)
    op.drop_table_comment("orders")
