"""Contract: the page of a product, which its slug replaces, is dropped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
release = "1.4"
irreversible = {
    "reason": "pages that editors named by hand cannot be computed from anything",
    "backup": "pg_dump --table=products, taken before the release, kept for 90 days",
}


def upgrade() -> None:
    """Drop the column: release 1.3 neither reads nor writes it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_column("products", "page")


def downgrade() -> None:
    """Add it again, empty: what it had is in the backup."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("products", sa.Column("page", sa.String(200)))
