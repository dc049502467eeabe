"""Bad releases whose downgrade does not lead back to the schema that was there."""

from __future__ import annotations

from .parts import Fault, column, revision, without_index

ROUND_TRIP = "migration-round-trip"
_VIEW = "CREATE VIEW queued_orders AS SELECT ref, created FROM orders WHERE status = 'queued'"
_NO_VIEW = "DROP VIEW queued_orders"


def _concurrently(*statements: str) -> str:
    body = "\n".join(f"    op.execute({sql!r})" for sql in statements)
    return f"with op.get_context().autocommit_block():\n{body}"


FAILS: dict[str, Fault] = {
    "upgrade-fails": Fault(
        "adds a column that is there already",
        (ROUND_TRIP, "up-fails"),
        revision(("ALTER TABLE orders ADD COLUMN status varchar(20)",), ("ALTER TABLE orders DROP COLUMN status",)),
        stops="already exists",
    ),
    "upgrade-fails-with-rows": Fault(
        "adds a required column without default: an empty table takes it, one with rows does not",
        (ROUND_TRIP, "up-fails-with-rows"),
        revision(
            ("ALTER TABLE coupons ADD COLUMN campaign varchar(40) NOT NULL",),
            ("ALTER TABLE coupons DROP COLUMN campaign",),
        ),
        models=column("coupons", '"campaign", sa.String(40), nullable=False'),
    ),
    "downgrade-fails": Fault(
        "the downgrade drops a view by a name that it never had",
        (ROUND_TRIP, "down-fails"),
        revision((_VIEW,), ("DROP VIEW orders_queued",)),
    ),
    "downgrade-fails-with-rows": Fault(
        "the downgrade makes a column required that the new version leaves empty",
        (ROUND_TRIP, "down-fails-with-rows"),
        revision(
            ("ALTER TABLE coupons ALTER COLUMN value_cents DROP NOT NULL",),
            ("ALTER TABLE coupons ALTER COLUMN value_cents SET NOT NULL",),
        ),
        models='tables["coupons"].c.value_cents.nullable = True\n',
    ),
    "new-enum-value-blocks-way-back": Fault(
        "a new value of an enum type: the downgrade builds the old type, which refuses rows that have it",
        (ROUND_TRIP, "down-fails-with-rows"),
        revision(
            ("ALTER TYPE coupon_kind ADD VALUE 'gift' AFTER 'shipping'",),
            (
                "ALTER TYPE coupon_kind RENAME TO coupon_kind_wider",
                "CREATE TYPE coupon_kind AS ENUM ('percent', 'amount', 'shipping')",
                "ALTER TABLE coupons ALTER COLUMN kind DROP DEFAULT",
                "ALTER TABLE coupons ALTER COLUMN kind TYPE coupon_kind USING kind::text::coupon_kind",
                "ALTER TABLE coupons ALTER COLUMN kind SET DEFAULT 'amount'",
                "DROP TYPE coupon_kind_wider",
            ),
        ),
    ),
    "up-again-fails": Fault(
        "the downgrade forgets a sequence, so the next upgrade finds it there",
        (ROUND_TRIP, "up-again-fails"),
        revision(("CREATE SEQUENCE invoice_numbers", _VIEW), (_NO_VIEW,)),
    ),
    "up-again-differs": Fault(
        "writes the moment of the upgrade into a comment",
        (ROUND_TRIP, "up-again-differs"),
        revision(
            """
            from datetime import datetime, timezone
            op.execute(f"COMMENT ON VIEW order_overview IS 'since {datetime.now(timezone.utc).isoformat()}'")
            """,
            ("COMMENT ON VIEW order_overview IS NULL",),
        ),
    ),
    "random-values": Fault(
        "fills a column with random values: no two upgrades agree",
        (ROUND_TRIP, "not-deterministic"),
        revision(
            (
                "ALTER TABLE coupons ADD COLUMN token text",
                "UPDATE coupons SET token = md5(random()::text) WHERE token IS NULL",
            ),
            ("ALTER TABLE coupons DROP COLUMN token",),
        ),
        models=column("coupons", '"token", sa.Text'),
    ),
}
"""What fails, or goes another way each time."""

DIFFERS: dict[str, Fault] = {
    "downgrade-does-nothing": Fault(
        "the downgrade is empty", (ROUND_TRIP, "down-does-nothing"), revision((_VIEW,), "pass")
    ),
    "downgrade-forgets-index": Fault(
        "two indexes go there, one comes back",
        (ROUND_TRIP, "left-over"),
        revision(
            _concurrently(
                "DROP INDEX CONCURRENTLY IF EXISTS ix_coupons_expires",
                "CREATE INDEX CONCURRENTLY ix_coupons_expires ON coupons (expires)",
                "DROP INDEX CONCURRENTLY IF EXISTS ix_coupons_uses_left",
                "CREATE INDEX CONCURRENTLY ix_coupons_uses_left ON coupons (uses_left)",
            ),
            _concurrently("DROP INDEX CONCURRENTLY IF EXISTS ix_coupons_expires"),
        ),
        models='sa.Index("ix_coupons_expires", tables["coupons"].c.expires)\n'
        'sa.Index("ix_coupons_uses_left", tables["coupons"].c.uses_left)\n',
    ),
    "downgrade-loses-index": Fault(
        "the downgrade does not build the index again that the upgrade dropped",
        (ROUND_TRIP, "lost"),
        revision(
            _concurrently("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_waiting") + f"\nop.execute({_VIEW!r})",
            (_NO_VIEW,),
        ),
        models=without_index("orders", "ix_orders_waiting"),
    ),
    "downgrade-leaves-enum": Fault(
        "the downgrade drops the column and leaves its type",
        (ROUND_TRIP, "left-over"),
        revision(
            (
                "CREATE TYPE coupon_state AS ENUM ('active', 'withdrawn')",
                "ALTER TABLE coupons ADD COLUMN state coupon_state DEFAULT 'active' NOT NULL",
            ),
            ("ALTER TABLE coupons DROP COLUMN state",),
        ),
        models=column(
            "coupons",
            '"state", sa.Enum("active", "withdrawn", name="coupon_state"), nullable=False, server_default="active"',
        ),
    ),
    "downgrade-loses-default": Fault(
        "the downgrade drops a default instead of putting the old one back",
        (ROUND_TRIP, "changed"),
        revision(
            ("ALTER TABLE coupons ALTER COLUMN uses_left SET DEFAULT 10",),
            ("ALTER TABLE coupons ALTER COLUMN uses_left DROP DEFAULT",),
        ),
    ),
    "downgrade-changes-column-type": Fault(
        "a column of 120 characters comes back without a limit",
        (ROUND_TRIP, "changed"),
        revision(
            ("ALTER TABLE order_lines ALTER COLUMN name TYPE text",),
            ("ALTER TABLE order_lines ALTER COLUMN name TYPE varchar",),
        ),
        models='tables["order_lines"].c.name.type = sa.Text()\n',
    ),
    "downgrade-weakens-not-null": Fault(
        "a required column comes back as one that may be empty",
        (ROUND_TRIP, "weakened"),
        revision(
            (
                "ALTER TABLE coupons ALTER COLUMN value_cents DROP NOT NULL",
                "ALTER TABLE coupons ALTER COLUMN value_cents SET DEFAULT 0",
            ),
            ("ALTER TABLE coupons ALTER COLUMN value_cents DROP DEFAULT",),
        ),
        models='tables["coupons"].c.value_cents.nullable = True\n',
    ),
    "downgrade-loses-comment": Fault(
        "a comment is replaced, and taken out on the way back",
        (ROUND_TRIP, "lost"),
        revision(("COMMENT ON TABLE orders IS 'Orders.'",), ("COMMENT ON TABLE orders IS NULL",)),
        models='tables["orders"].comment = "Orders."\n',
    ),
    "downgrade-loses-privilege": Fault(
        "a privilege moves from one view to another, and only the second is taken back",
        (ROUND_TRIP, "weakened"),
        revision(
            ("REVOKE SELECT ON product_sales FROM PUBLIC", "GRANT SELECT ON order_overview TO PUBLIC"),
            ("REVOKE SELECT ON order_overview FROM PUBLIC",),
        ),
    ),
    "downgrade-loses-policy": Fault(
        "a policy is replaced, and not put back",
        (ROUND_TRIP, "weakened"),
        revision(
            (
                "DROP POLICY addresses_of_account ON addresses",
                "CREATE POLICY addresses_of_user ON addresses FOR SELECT USING (email = current_user)",
            ),
            ("DROP POLICY addresses_of_user ON addresses",),
        ),
    ),
    "downgrade-loses-trigger": Fault(
        "a trigger is replaced, and not put back",
        (ROUND_TRIP, "lost"),
        revision(
            (
                "DROP TRIGGER orders_status_audited ON orders",
                (
                    "CREATE TRIGGER orders_audited AFTER UPDATE ON orders FOR EACH ROW"
                    " WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION audit_order_status()"
                ),
            ),
            ("DROP TRIGGER orders_audited ON orders",),
        ),
    ),
    "downgrade-loses-check": Fault(
        "a check is dropped, and not put back",
        (ROUND_TRIP, "weakened"),
        revision(("ALTER TABLE products DROP CONSTRAINT ck_products_sku", _VIEW), (_NO_VIEW,)),
    ),
    "downgrade-loses-on-delete": Fault(
        "a foreign key gets a better name, and comes back without ON DELETE CASCADE",
        (ROUND_TRIP, "weakened"),
        revision(
            ("ALTER TABLE addresses RENAME CONSTRAINT addresses_email_fkey TO fk_addresses_account",),
            (
                "ALTER TABLE addresses DROP CONSTRAINT fk_addresses_account",
                (
                    "ALTER TABLE addresses ADD CONSTRAINT addresses_email_fkey"
                    " FOREIGN KEY (email) REFERENCES accounts (email)"
                ),
            ),
        ),
    ),
    "downgrade-loses-collation": Fault(
        "a column comes back with the database's collation instead of its own",
        (ROUND_TRIP, "changed"),
        revision(
            ('ALTER TABLE addresses ALTER COLUMN city TYPE varchar(80) COLLATE "POSIX"',),
            ("ALTER TABLE addresses ALTER COLUMN city TYPE varchar(80)",),
        ),
        models='tables["addresses"].c.city.type = sa.String(80, collation="POSIX")\n',
    ),
    "downgrade-loses-predicate": Fault(
        "a partial index comes back without its WHERE",
        (ROUND_TRIP, "changed"),
        revision(
            _concurrently("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_waiting"),
            _concurrently("CREATE INDEX CONCURRENTLY ix_orders_waiting ON orders (created)"),
        ),
        models=without_index("orders", "ix_orders_waiting"),
    ),
    "downgrade-loses-sequence-owner": Fault(
        "a sequence comes back without the column that it belongs to",
        (ROUND_TRIP, "changed"),
        revision(
            ("ALTER SEQUENCE audit_log_ids INCREMENT BY 10 OWNED BY NONE",),
            ("ALTER SEQUENCE audit_log_ids INCREMENT BY 1",),
        ),
    ),
    "downgrade-renames-index": Fault(
        "an index comes back under another name",
        (ROUND_TRIP, "renamed"),
        revision(
            _concurrently("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_created"),
            _concurrently("CREATE INDEX CONCURRENTLY orders_created_idx ON orders (created)"),
        ),
        models=without_index("orders", "ix_orders_created"),
    ),
    "downgrade-reorders-columns": Fault(
        "the downgrade builds a column anew: it is the last one now",
        (ROUND_TRIP, "order-changed"),
        revision(
            ("ALTER TABLE addresses ALTER COLUMN first_name SET DEFAULT ''",),
            (
                "ALTER TABLE addresses ADD COLUMN first_name_before text",
                "UPDATE addresses SET first_name_before = first_name",
                "ALTER TABLE addresses DROP COLUMN first_name",
                "ALTER TABLE addresses RENAME COLUMN first_name_before TO first_name",
            ),
        ),
    ),
}
"""What comes back different."""

FAULTS = FAILS | DIFFERS
