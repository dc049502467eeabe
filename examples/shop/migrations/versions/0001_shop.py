"""The shop: products, accounts, orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
release = "1.0"


def upgrade() -> None:
    """Create the tables, those that others refer to first."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table("schema_info", sa.Column("version", sa.Integer, primary_key=True))
    op.create_table(
        "products",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sku", sa.String(40), nullable=False, unique=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("category", sa.String(60), nullable=False),
        sa.Column("price_cents", sa.Integer, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("page", sa.String(200)),
    )
    op.create_table(
        "accounts",
        sa.Column("email", sa.String(200), primary_key=True),
        sa.Column("password", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
    )
    op.create_table(
        "orders",
        sa.Column("ref", sa.String(40), primary_key=True),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("email", sa.String(200), nullable=False, index=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("total_cents", sa.Integer, nullable=False),
        sa.Column("status", sa.String(20), nullable=False, index=True),
    )
    op.create_table(
        "order_lines",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ref", sa.String(40), sa.ForeignKey("orders.ref"), nullable=False, index=True),
        sa.Column("product_id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("price_cents", sa.Integer, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Drop them, in the opposite order."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    for table in ("order_lines", "orders", "accounts", "products", "schema_info"):
        op.drop_table(table)
