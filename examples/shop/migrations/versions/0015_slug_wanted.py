"""Contract: slug and quantity are required of new rows."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
release = "1.3"


def upgrade() -> None:
    """Add checks that look at no row yet. The release before fills both columns, by its code or by triggers."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE products ADD CONSTRAINT ck_products_slug CHECK (slug IS NOT NULL) NOT VALID")
    op.execute("ALTER TABLE stock_movements ADD CONSTRAINT ck_stock_required CHECK (quantity IS NOT NULL) NOT VALID")


def downgrade() -> None:
    """Drop both."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_constraint("ck_stock_required", "stock_movements")
    op.drop_constraint("ck_products_slug", "products")
