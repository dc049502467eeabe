"""Expand: quantity beside change, first and last name beside contact."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
release = "1.2"


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
NAMES = """
CREATE FUNCTION addresses_sync() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND coalesce(NEW.first_name, NEW.last_name) IS NULL
        OR TG_OP = 'UPDATE' AND NEW.contact <> OLD.contact THEN
        NEW.first_name := split_part(NEW.contact, ' ', 1);
        NEW.last_name := substring(NEW.contact FROM '^[^ ]* (.*)$');
    ELSIF coalesce(NEW.first_name, NEW.last_name) IS NOT NULL THEN
        NEW.contact := concat_ws(' ', NEW.first_name, NEW.last_name);
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
    """Add the columns, and keep new and old ones in step whoever writes.

    Quantities must fit into the old column as long as it is there, hence the check. ``filled`` will tell which rows the
    next revision filled; no insert can claim that.
    """
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE stock_movements ADD COLUMN quantity bigint")
    op.execute(
        "ALTER TABLE stock_movements ADD CONSTRAINT ck_stock_movements_quantity"
        " CHECK (quantity BETWEEN -2147483648 AND 2147483647) NOT VALID"
    )
    op.execute("ALTER TABLE addresses ADD COLUMN first_name text, ADD COLUMN last_name text")
    for definition in (QUANTITY, NAMES, FILLED):
        op.execute(definition)
    for table in ("stock_movements", "addresses"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN filled boolean DEFAULT false NOT NULL")
        op.execute(TRIGGER.format(table))
        op.execute(FILLED_TRIGGER.format(table))


def downgrade() -> None:
    """Drop all of it: the old columns have every value."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    for table in ("addresses", "stock_movements"):
        op.execute(f"DROP TRIGGER {table}_filled ON {table}")
        op.execute(f"DROP TRIGGER {table}_sync ON {table}")
        op.execute(f"DROP FUNCTION {table}_sync()")
        op.drop_column(table, "filled")
    op.execute("DROP FUNCTION not_filled()")
    op.drop_column("addresses", "last_name")
    op.drop_column("addresses", "first_name")
    op.drop_column("stock_movements", "quantity")
