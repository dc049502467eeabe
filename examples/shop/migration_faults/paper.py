"""Bad releases that reading shows: their text, their SQL, their models, and what they leave in the catalog."""

from __future__ import annotations

from .parts import Fault, column, revision

STATIC = "migration-static"
INTEGRITY = "migration-integrity"
_VIEW = "CREATE VIEW queued_orders AS SELECT ref, created FROM orders WHERE status = 'queued'"
_NO_VIEW = "DROP VIEW queued_orders"
_INDEX = ("CREATE INDEX ix_orders_name ON orders (name)",)
_NO_INDEX = ("DROP INDEX ix_orders_name",)
_INDEX_MODELS = 'sa.Index("ix_orders_name", tables["orders"].c.name)\n'
_LABEL = column("categories", '"label", sa.Text')

FAULTS: dict[str, Fault] = {
    "offline-fails": Fault(
        "asks the database in the middle of the upgrade, so it cannot be written as SQL for review",
        ("migration-rollback-sql", "offline-fails"),
        revision(
            """
            if op.get_bind().scalar(sa.text("SELECT count(*) FROM orders")) >= 0:
                op.execute("COMMENT ON VIEW order_overview IS 'Orders with their lines.'")
            """,
            ("COMMENT ON VIEW order_overview IS NULL",),
        ),
    ),
    "data-dependent-rollback": Fault(
        "the downgrade asks for rows in Python and writes them back one by one: its SQL is made for these rows only",
        ("migration-rollback-sql", "data-dependent"),
        revision(
            (_VIEW,),
            """
            connection = op.get_bind()
            for email in connection.scalars(sa.text("SELECT email FROM accounts")).all():
                connection.execute(sa.text("UPDATE accounts SET role = role WHERE email = :email"), {"email": email})
            op.execute("DROP VIEW queued_orders")
            """,
        ),
    ),
    "models-drift": Fault(
        "the models do not know the column that the migration adds",
        ("migration-models", "drift"),
        revision(
            ("ALTER TABLE coupons ADD COLUMN campaign varchar(40)",), ("ALTER TABLE coupons DROP COLUMN campaign",)
        ),
    ),
    "expired-waiver": Fault(
        "what excused an index that blocks writes ended years ago",
        (STATIC, "expired-waiver"),
        revision(
            _INDEX,
            _NO_INDEX,
            head='# relgate: allow blocks-writes until 2020-01-31 by ada reason="orders were few"\n',
        ),
        models=_INDEX_MODELS,
    ),
    "waiver-without-end": Fault(
        "an excuse that names nobody and never ends",
        (STATIC, "bad-waiver"),
        revision(_INDEX, _NO_INDEX, head="# relgate: allow blocks-writes\n"),
        models=_INDEX_MODELS,
    ),
    "unused-waiver": Fault(
        "an excuse for something that is not there",
        (STATIC, "unused-waiver"),
        revision((_VIEW,), (_NO_VIEW,), head='# relgate: allow rewrite until 2199-12-31 by ada reason="few rows"\n'),
    ),
    "drop-cascade": Fault(
        "drops whatever depends on a function, and puts back what it remembers",
        (STATIC, "drop-cascade"),
        revision(
            ("DROP FUNCTION audit_order_status() CASCADE",),
            (
                (
                    "CREATE FUNCTION audit_order_status() RETURNS trigger LANGUAGE plpgsql AS $$\n"
                    "BEGIN\n"
                    "    INSERT INTO audit_log (ref, what) VALUES (NEW.ref, OLD.status || ' -> ' || NEW.status);\n"
                    "    RETURN NULL;\n"
                    "END\n"
                    "$$\n"
                ),
                (
                    "CREATE TRIGGER orders_status_audited AFTER UPDATE OF status ON orders"
                    " FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION audit_order_status()"
                ),
            ),
        ),
    ),
    "backfill-with-ddl": Fault(
        "adds a column and fills it in one transaction",
        (STATIC, "backfill-with-ddl"),
        revision(
            (
                "ALTER TABLE categories ADD COLUMN label text",
                "UPDATE categories SET label = 'Category ' || name",
            ),
            ("ALTER TABLE categories DROP COLUMN label",),
        ),
        models=_LABEL,
    ),
    "update-without-where": Fault(
        "changes every row, also those that are right already",
        (STATIC, "no-where"),
        revision(("UPDATE accounts SET role = role",), ("SELECT 1",)),
    ),
    "hides-drift": Fault(
        "passes whatever is there under that name",
        (STATIC, "hides-drift"),
        revision(
            ("ALTER TABLE categories ADD COLUMN IF NOT EXISTS label text",),
            ("ALTER TABLE categories DROP COLUMN label",),
        ),
        models=_LABEL,
    ),
    "sql-from-data": Fault(
        "puts values of rows into the text of SQL",
        (STATIC, "sql-from-data"),
        revision(
            """
            connection = op.get_bind()
            for email in connection.scalars(sa.text("SELECT email FROM accounts WHERE role = 'no such role'")).all():
                op.execute(f"UPDATE accounts SET role = 'customer' WHERE email = '{email}'")
            """,
            ("SELECT 1",),
        ),
    ),
    "imports-application": Fault(
        "takes a table from the models, which will be another one next year",
        (STATIC, "imports-application"),
        revision(
            """
            from shop.tables import coupons
            op.execute(f"COMMENT ON COLUMN {coupons.c.expires} IS 'The last day.'")
            """,
            ("COMMENT ON COLUMN coupons.expires IS NULL",),
        ),
        models='tables["coupons"].c.expires.comment = "The last day."\n',
    ),
    "network-import": Fault(
        "can reach out of the database",
        (STATIC, "network-import"),
        revision(
            """
            import urllib.request
            op.execute("COMMENT ON VIEW order_overview IS 'Orders with their lines.'")
            """,
            ("COMMENT ON VIEW order_overview IS NULL",),
        ),
    ),
    "unique-on-existing": Fault(
        "demands that rows which are there already are unique",
        (STATIC, "unique-on-existing"),
        revision(
            (
                "ALTER TABLE coupons ADD COLUMN campaign varchar(40)",
                "CREATE UNIQUE INDEX uq_product_sales_sold ON product_sales (product_id, sold)",
            ),
            ("DROP INDEX uq_product_sales_sold", "ALTER TABLE coupons DROP COLUMN campaign"),
        ),
        models=column("coupons", '"campaign", sa.String(40)'),
    ),
    "never-validated": Fault(
        "a check stays NOT VALID: rows that break it may be there",
        (INTEGRITY, "constraint-not-valid"),
        revision(
            ("ALTER TABLE coupons ADD CONSTRAINT ck_coupons_code CHECK (length(code) <= 20) NOT VALID",),
            ("ALTER TABLE coupons DROP CONSTRAINT ck_coupons_code",),
        ),
    ),
    "sequence-behind": Fault(
        "inserts a row with an id of its own, and the sequence will come to it",
        (INTEGRITY, "sequence-behind"),
        revision(
            ("INSERT INTO categories (id, name) SELECT max(id) + 50, 'Gifts' FROM categories HAVING count(*) > 0",),
            ("DELETE FROM categories WHERE name = 'Gifts'",),
        ),
    ),
}
"""Name -> what is wrong, and what must find it."""
