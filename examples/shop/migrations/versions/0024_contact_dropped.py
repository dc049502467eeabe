"""Contract: the contact of an address, which first and last name make up, is dropped."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
release = "1.4"


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
TRIGGER = "CREATE TRIGGER {0}_sync BEFORE INSERT OR UPDATE ON {0} FOR EACH ROW EXECUTE FUNCTION {0}_sync()"


def upgrade() -> None:
    """Drop what kept the columns in step, and the column: nothing is lost, it can be put together again."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("DROP TRIGGER addresses_sync ON addresses")
    op.execute("DROP FUNCTION addresses_sync()")
    op.drop_column("addresses", "contact")


def downgrade() -> None:
    """Put it together again, before the names as it was: columns are only ever added at the end."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("addresses", "first_name", new_column_name="first_name_moved")
    op.alter_column("addresses", "last_name", new_column_name="last_name_moved")
    op.execute("ALTER TABLE addresses ADD COLUMN contact text, ADD COLUMN first_name text, ADD COLUMN last_name text")
    op.execute(
        "UPDATE addresses SET contact = concat_ws(' ', first_name_moved, last_name_moved),"
        " first_name = first_name_moved, last_name = last_name_moved"
    )
    op.execute("ALTER TABLE addresses ALTER COLUMN contact SET NOT NULL")
    op.execute("ALTER TABLE addresses DROP COLUMN first_name_moved, DROP COLUMN last_name_moved")
    op.execute(NAMES)
    op.execute(TRIGGER.format("addresses"))
