"""Expand: products get a slug, which may be missing.

First of the steps of the slug: 0005 adds it, 0010 fills it, 0015 to 0018 require it, 0022 drops what it replaces.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
release = "1.1"


FILL = """
CREATE FUNCTION products_fill_slug() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.slug := lower(NEW.sku);
    RETURN NEW;
END
$$
"""
TRIGGER = """
CREATE TRIGGER products_fill_slug BEFORE INSERT ON products
FOR EACH ROW WHEN (NEW.slug IS NULL) EXECUTE FUNCTION products_fill_slug()
"""


def upgrade() -> None:
    """Add the column, nullable and without default: nothing is rewritten, old code need not know it.

    The trigger gives a slug to what old code inserts from now on, or that would leave new gaps behind the backfill.
    """
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("products", sa.Column("slug", sa.Text))
    op.execute(FILL)
    op.execute(TRIGGER)


def downgrade() -> None:
    """Drop all of it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("DROP TRIGGER products_fill_slug ON products")
    op.execute("DROP FUNCTION products_fill_slug()")
    op.drop_column("products", "slug")
