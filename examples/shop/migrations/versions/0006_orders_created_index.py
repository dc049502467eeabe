"""An index on the time of orders, built while they are taken."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
release = "1.1"


def upgrade() -> None:
    """Build it without blocking writes."""
    # A build that was killed leaves an invalid index behind, hence the DROP.
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_created")
        op.execute("CREATE INDEX CONCURRENTLY ix_orders_created ON orders (created)")


def downgrade() -> None:
    """Drop it the same way."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_created")
