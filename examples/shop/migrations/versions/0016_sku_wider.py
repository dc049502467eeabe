"""Expand: room for longer SKUs, which nobody may use yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
release = "1.3"


def upgrade() -> None:
    """Widen the column, which rewrites nothing; the check keeps a way back to 40 characters."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("products", "sku", existing_type=sa.String(40), type_=sa.String(80))
    op.execute("ALTER TABLE products ADD CONSTRAINT ck_products_sku CHECK (length(sku) <= 40) NOT VALID")


def downgrade() -> None:
    """Narrow it again: thanks to the check every SKU fits."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_constraint("ck_products_sku", "products")
    op.alter_column("products", "sku", existing_type=sa.String(80), type_=sa.String(40))
