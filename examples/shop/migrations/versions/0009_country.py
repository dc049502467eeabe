"""A domain for countries, and the country of an account."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
release = "1.1"


def upgrade() -> None:
    """Create the domain, then a nullable column of it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute('CREATE DOMAIN country_code AS varchar(2) COLLATE "C"')
    op.execute("ALTER TABLE accounts ADD COLUMN country country_code")


def downgrade() -> None:
    """Drop both, the column first."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_column("accounts", "country")
    op.execute("DROP DOMAIN country_code")
