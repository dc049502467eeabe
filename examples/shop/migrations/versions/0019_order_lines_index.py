"""An index on what will tell lines apart, built while orders are taken."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
release = "1.3"


INDEX = "CREATE UNIQUE INDEX CONCURRENTLY uq_order_lines_ref_id ON order_lines (ref, id)"


def upgrade() -> None:
    """Build it without blocking writes."""
    # A build that was killed leaves an invalid index behind, hence the DROP.
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS uq_order_lines_ref_id")
        # relgate: allow unique-on-existing until 2099-12-31 by shop reason="id alone is unique: it is the primary key"
        op.execute(INDEX)


def downgrade() -> None:
    """Drop it the same way."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS uq_order_lines_ref_id")
