"""All checks are validated."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
release = "1.3"


CHECKS = (
    ("coupons", "ck_coupons_kind", "CAST(kind AS text) <> 'shipping'"),
    ("products", "ck_products_sku", "length(sku) <= 40"),
    ("products", "ck_products_slug", "slug IS NOT NULL"),
    ("stock_movements", "ck_stock_movements_quantity", "quantity BETWEEN -2147483648 AND 2147483647"),
    ("stock_movements", "ck_stock_required", "quantity IS NOT NULL"),
)


def upgrade() -> None:
    """Look at every row, in a transaction of its own, under a lock that lets others read and write."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    for table, name, _ in CHECKS:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """Put the checks back to not validated, which takes new ones."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    for table, name, condition in CHECKS:
        op.drop_constraint(name, table)
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
