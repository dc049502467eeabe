"""The shop's tables: what ``migrations/`` leads to on PostgreSQL, and what a new SQLite file gets.

What models cannot say (triggers, views, partitions, policies, privileges, sequences) is in the migrations. The tables
of ``desk`` stand beside that history, which is what migration gates are proven on: the shop makes them by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

metadata = sa.MetaData()
schema_info = sa.Table("schema_info", metadata, sa.Column("version", sa.Integer, primary_key=True))
categories = sa.Table(
    "categories",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(60), nullable=False, unique=True),
)
products = sa.Table(
    "products",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sku", sa.String(80), nullable=False, unique=True),
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("category", sa.String(60), nullable=False),
    sa.Column("price_cents", sa.Integer, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("category_id", sa.ForeignKey("categories.id", name="fk_products_category", ondelete="SET NULL")),
    sa.CheckConstraint("length(sku) <= 40", name="ck_products_sku"),
)
accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("email", sa.String(200), primary_key=True),
    sa.Column("password", sa.String(200), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column(
        "country",
        sa.String(2).with_variant(
            postgresql.DOMAIN("country_code", sa.String(2), collation="C", create_type=False), "postgresql"
        ),
    ),
)
sa.Index("ix_accounts_email_lower", sa.func.lower(accounts.c.email))
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("ref", sa.String(40), primary_key=True),
    sa.Column("created", sa.String(32), nullable=False, index=True),
    sa.Column("email", sa.String(200), nullable=False, index=True),
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("total_cents", sa.Integer, nullable=False, comment="Euro cents, VAT included."),
    sa.Column("status", sa.String(20), nullable=False, index=True),
    comment="One row per order; its goods are in order_lines.",
)
sa.Index("ix_orders_waiting", orders.c.created, postgresql_where=orders.c.status == "queued")
order_lines = sa.Table(
    "order_lines",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("ref", sa.ForeignKey("orders.ref"), nullable=False, index=True),
    sa.Column("product_id", sa.Integer, nullable=False),
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("price_cents", sa.Integer, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.UniqueConstraint("ref", "id", name="uq_order_lines_ref_id"),
)
COUPON_KIND = sa.Enum("percent", "amount", "shipping", name="coupon_kind")
coupons = sa.Table(
    "coupons",
    metadata,
    sa.Column("code", sa.String(20), primary_key=True),
    sa.Column("kind", COUPON_KIND, nullable=False, server_default="amount"),
    sa.Column("value_cents", sa.Integer, nullable=False),
    sa.Column("uses_left", sa.Integer, nullable=False, server_default="5"),
    sa.Column("expires", sa.Date),
    sa.CheckConstraint("CAST(kind AS text) <> 'shipping'", name="ck_coupons_kind"),
)
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""SQLite numbers rows by itself only where the type is INTEGER."""
addresses = sa.Table(
    "addresses",
    metadata,
    sa.Column("id", NUMBER, sa.Identity(always=True), primary_key=True),
    sa.Column("email", sa.ForeignKey("accounts.email", ondelete="CASCADE"), nullable=False),
    sa.Column("street", sa.Text, nullable=False),
    sa.Column("city", sa.String(80).with_variant(sa.String(80, collation="C"), "postgresql"), nullable=False),
    sa.Column("street_key", sa.Text, sa.Computed("lower(street)", persisted=True)),
    sa.Column("first_name", sa.Text),
    sa.Column("last_name", sa.Text),
)
stock_movements = sa.Table(
    "stock_movements",
    metadata,
    sa.Column("id", NUMBER, sa.Identity(), primary_key=True),
    sa.Column("product_id", sa.ForeignKey("products.id"), nullable=False, index=True),
    sa.Column("reason", sa.String(40), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
)
audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("id", sa.BigInteger, nullable=False),
    sa.Column("ref", sa.String(40), nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("at", "id"),
    postgresql_partition_by="RANGE (at)",
)

desk = sa.MetaData()
"""What customers keep at the shop. No keys into the tables of the history: it must not know of these."""
documents = sa.Table(
    "documents",
    desk,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("email", sa.String(200), nullable=False),
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("created", sa.String(32), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("rows", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="CSV while converting, then XLSX."),
)
webhooks = sa.Table(
    "webhooks",
    desk,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("email", sa.String(200), nullable=False),
    sa.Column("url", sa.String(500), nullable=False),
    sa.Column("event", sa.String(40), nullable=False),
    sa.Column("secret", sa.String(80), nullable=False),
    sa.Column("created", sa.String(32), nullable=False),
)
