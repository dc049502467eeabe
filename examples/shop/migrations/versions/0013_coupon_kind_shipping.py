"""Expand: coupons for free shipping, which nobody may hand out yet."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
release = "1.2"


def upgrade() -> None:
    """Add the value to the type; the check keeps a way back to a type without it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TYPE coupon_kind ADD VALUE 'shipping' AFTER 'amount'")
    # As text: PostgreSQL takes no new value in the transaction that adds it.
    op.execute("ALTER TABLE coupons ADD CONSTRAINT ck_coupons_kind CHECK (CAST(kind AS text) <> 'shipping') NOT VALID")


def downgrade() -> None:
    """Build the type anew without the value: no type can lose one."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_constraint("ck_coupons_kind", "coupons")
    op.execute("ALTER TYPE coupon_kind RENAME TO coupon_kind_wider")
    op.execute("CREATE TYPE coupon_kind AS ENUM ('percent', 'amount')")
    op.execute("ALTER TABLE coupons ALTER COLUMN kind DROP DEFAULT")
    op.execute("ALTER TABLE coupons ALTER COLUMN kind TYPE coupon_kind USING kind::text::coupon_kind")
    op.execute("ALTER TABLE coupons ALTER COLUMN kind SET DEFAULT 'amount'")
    op.execute("DROP TYPE coupon_kind_wider")
