"""Changes of an order's status are written down."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
release = "1.5"


FUNCTION = """
CREATE FUNCTION audit_order_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_log (ref, what) VALUES (NEW.ref, OLD.status || ' -> ' || NEW.status);
    RETURN NULL;
END
$$
"""
TRIGGER = """
CREATE TRIGGER orders_status_audited AFTER UPDATE OF status ON orders
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION audit_order_status()
"""


def upgrade() -> None:
    """Create function and trigger."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute(FUNCTION)
    op.execute(TRIGGER)


def downgrade() -> None:
    """Drop both; what was written down stays."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("DROP TRIGGER orders_status_audited ON orders")
    op.execute("DROP FUNCTION audit_order_status()")
