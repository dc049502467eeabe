"""A partial index for orders that wait, one on an expression for logging in."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
release = "1.4"


WAITING = "CREATE INDEX CONCURRENTLY ix_orders_waiting ON orders (created) WHERE status = 'queued'"
LOGIN = "CREATE INDEX CONCURRENTLY ix_accounts_email_lower ON accounts (lower(email))"


def upgrade() -> None:
    """Build both without blocking writes."""
    # A build that was killed leaves an invalid index behind, hence the DROP.
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_waiting")
        op.execute(WAITING)
    # A build that was killed leaves an invalid index behind, hence the DROP.
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_accounts_email_lower")
        op.execute(LOGIN)


def downgrade() -> None:
    """Drop both."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_accounts_email_lower")
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_waiting")
