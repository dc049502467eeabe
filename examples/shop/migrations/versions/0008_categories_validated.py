"""The foreign key to categories is validated."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
release = "1.1"


def upgrade() -> None:
    """Look at every row, in a transaction of its own, under a lock that lets others read and write."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE products VALIDATE CONSTRAINT fk_products_category")


def downgrade() -> None:
    """Put the key back to not validated, which takes a new one."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_constraint("fk_products_category", "products")
    op.create_foreign_key(
        "fk_products_category",
        "products",
        "categories",
        ["category_id"],
        ["id"],
        ondelete="SET NULL",
        postgresql_not_valid=True,
    )
