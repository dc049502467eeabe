"""Categories, and a foreign key to them that is not validated yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
release = "1.1"


def upgrade() -> None:
    """Create the table, then column and key. NOT VALID: no row is looked at while both tables are locked."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "categories",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(60), nullable=False, unique=True),
    )
    op.add_column("products", sa.Column("category_id", sa.Integer))
    op.create_foreign_key(
        "fk_products_category",
        "products",
        "categories",
        ["category_id"],
        ["id"],
        ondelete="SET NULL",
        postgresql_not_valid=True,
    )


def downgrade() -> None:
    """Drop the column, its key with it, then the table."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_column("products", "category_id")
    op.drop_table("categories")
