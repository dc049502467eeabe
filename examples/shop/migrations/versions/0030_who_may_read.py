"""Who may read: sales everybody, addresses only those of the account that is logged in."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
release = "1.5"


POLICY = """
CREATE POLICY addresses_of_account ON addresses FOR SELECT USING (email = current_setting('shop.email', true))
"""


def upgrade() -> None:
    """Create the policy, then switch row level security on; it does not bind the owner. Then grant."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute(POLICY)
    op.execute("ALTER TABLE addresses ENABLE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT ON product_sales TO PUBLIC")


def downgrade() -> None:
    """Take all of it back, in the opposite order."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("REVOKE SELECT ON product_sales FROM PUBLIC")
    op.execute("ALTER TABLE addresses DISABLE ROW LEVEL SECURITY")
    op.execute("DROP POLICY addresses_of_account ON addresses")
