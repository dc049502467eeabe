"""A view of orders with their lines, and sales per product as a materialised one."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0026"
release = "1.5"


OVERVIEW = """
CREATE VIEW order_overview AS
SELECT orders.ref, orders.created, orders.status, count(order_lines.id) AS lines,
    sum(order_lines.price_cents::bigint * order_lines.quantity) AS sum_cents
FROM orders LEFT JOIN order_lines ON order_lines.ref = orders.ref
GROUP BY orders.ref
"""
SALES = """
CREATE MATERIALIZED VIEW product_sales AS
SELECT product_id, sum(quantity::bigint) AS sold, sum(price_cents::bigint * quantity) AS sum_cents
FROM order_lines
GROUP BY product_id
"""


def upgrade() -> None:
    """Create both, and the index that refreshing beside readers needs."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute(OVERVIEW)
    op.execute(SALES)
    op.create_index("uq_product_sales_product_id", "product_sales", ["product_id"], unique=True)


def downgrade() -> None:
    """Drop both; the index goes with its view."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("DROP MATERIALIZED VIEW product_sales")
    op.execute("DROP VIEW order_overview")
