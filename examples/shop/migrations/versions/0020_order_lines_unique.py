"""Lines can be referred to together with their order: a unique constraint from an index."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
release = "1.3"


INDEX = "CREATE UNIQUE INDEX CONCURRENTLY uq_order_lines_ref_id ON order_lines (ref, id)"


def upgrade() -> None:
    """Make the index a constraint, which takes a moment."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE order_lines ADD CONSTRAINT uq_order_lines_ref_id UNIQUE USING INDEX uq_order_lines_ref_id")


def downgrade() -> None:
    """Drop the constraint, its index with it, and build the index again."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE order_lines DROP CONSTRAINT IF EXISTS uq_order_lines_ref_id")
    # A build that was killed leaves an invalid index behind, hence the DROP.
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS uq_order_lines_ref_id")
        op.execute(INDEX)
