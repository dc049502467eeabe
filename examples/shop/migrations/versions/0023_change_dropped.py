"""Contract: the narrow column of stock movements is dropped, and the marks of the backfill."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
release = "1.4"
irreversible = {
    "reason": "from here on quantities may be larger than the old column can hold",
    "backup": "pg_dump --table=stock_movements, taken before the release, kept for 90 days",
}


QUANTITY = """
CREATE FUNCTION stock_movements_sync() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.quantity IS NULL OR TG_OP = 'UPDATE' AND NEW.change <> OLD.change THEN
        NEW.quantity := NEW.change;
    ELSIF NEW.quantity IS NOT NULL THEN
        NEW.change := NEW.quantity;
    END IF;
    RETURN NEW;
END
$$
"""
FILLED = """
CREATE FUNCTION not_filled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.filled := false;
    RETURN NEW;
END
$$
"""
TRIGGER = "CREATE TRIGGER {0}_sync BEFORE INSERT OR UPDATE ON {0} FOR EACH ROW EXECUTE FUNCTION {0}_sync()"
FILLED_TRIGGER = "CREATE TRIGGER {0}_filled BEFORE INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION not_filled()"


def upgrade() -> None:
    """Drop what kept the columns in step, the check that kept quantities small, and the columns."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("DROP TRIGGER stock_movements_sync ON stock_movements")
    op.execute("DROP FUNCTION stock_movements_sync()")
    for table in ("stock_movements", "addresses"):
        op.execute(f"DROP TRIGGER {table}_filled ON {table}")
        op.drop_column(table, "filled")
    op.execute("DROP FUNCTION not_filled()")
    op.drop_constraint("ck_stock_movements_quantity", "stock_movements")
    op.drop_column("stock_movements", "change")


def downgrade() -> None:
    """Add them again, filled as far as the narrow type goes; nobody knows any more what the backfill filled."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("UPDATE stock_movements SET quantity = greatest(-2147483648, least(2147483647, quantity))")
    op.add_column("stock_movements", sa.Column("change", sa.Integer))
    op.execute("UPDATE stock_movements SET change = quantity")
    op.alter_column("stock_movements", "change", existing_type=sa.Integer(), nullable=False)
    op.create_check_constraint(
        "ck_stock_movements_quantity", "stock_movements", "quantity BETWEEN -2147483648 AND 2147483647"
    )
    op.execute(FILLED)
    for table in ("stock_movements", "addresses"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN filled boolean DEFAULT false NOT NULL")
        op.execute(FILLED_TRIGGER.format(table))
    op.execute(QUANTITY)
    op.execute(TRIGGER.format("stock_movements"))
