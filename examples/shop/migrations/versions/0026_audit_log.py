"""An audit log in partitions by year, numbered by a sequence that belongs to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
release = "1.5"


def upgrade() -> None:
    """Create the table, its partitions, one for whatever fits none, and the sequence."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "audit_log",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("id", sa.BigInteger, nullable=False),
        sa.Column("ref", sa.String(40), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("at", "id"),
        postgresql_partition_by="RANGE (at)",
    )
    for year in (2026, 2027):
        op.execute(
            f"CREATE TABLE audit_log_{year} PARTITION OF audit_log"
            f" FOR VALUES FROM ('{year}-01-01 00:00+00') TO ('{year + 1}-01-01 00:00+00')"
        )
    op.execute("CREATE TABLE audit_log_other PARTITION OF audit_log DEFAULT")
    op.execute("CREATE SEQUENCE audit_log_ids OWNED BY audit_log.id")
    op.execute("ALTER TABLE audit_log ALTER COLUMN id SET DEFAULT nextval('audit_log_ids')")


def downgrade() -> None:
    """Drop the table; partitions and sequence go with it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_table("audit_log")
