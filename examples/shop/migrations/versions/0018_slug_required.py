"""Contract: slug and quantity are required of all rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
release = "1.3"
retired = ("products.page", "stock_movements.change", "stock_movements.filled", "addresses.contact", "addresses.filled")
"""What the code of this release neither reads nor writes any more: a later release may drop it."""


def upgrade() -> None:
    """SET NOT NULL believes a check that was validated and scans nothing; then the check has done its work."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("products", "slug", existing_type=sa.Text(), nullable=False)
    op.alter_column("stock_movements", "quantity", existing_type=sa.BigInteger(), nullable=False)
    op.drop_constraint("ck_products_slug", "products")
    op.drop_constraint("ck_stock_required", "stock_movements")


def downgrade() -> None:
    """Put back the checks, validated as they were, before the columns may be empty again."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_check_constraint("ck_stock_required", "stock_movements", "quantity IS NOT NULL")
    op.create_check_constraint("ck_products_slug", "products", "slug IS NOT NULL")
    op.alter_column("stock_movements", "quantity", existing_type=sa.BigInteger(), nullable=True)
    op.alter_column("products", "slug", existing_type=sa.Text(), nullable=True)
