"""Bad releases that hurt while they roll out: the version before, other sessions, large tables, a kill."""

from __future__ import annotations

from .parts import Fault, column, revision, without, without_index

EARLIER = "migration-n-1"
LOCKS = "migration-locks"
SCALE = "migration-scale"
CRASH = "migration-crash"
_PROMISE = '{"reason": "nobody ships abroad any more", "backup": "pg_dump --table=accounts before the release"}'

SHORTCUT = (
    revision(
        ("ALTER TABLE categories ADD COLUMN label text",),
        ("ALTER TABLE categories DROP COLUMN label",),
        name="label",
    )
    | revision(
        """
        batch = "SELECT id FROM categories WHERE label IS NULL LIMIT 1000"
        change = sa.text(f"UPDATE categories SET label = 'Category ' || name WHERE id IN ({batch})")
        with op.get_context().autocommit_block():
            while op.get_bind().execute(change).rowcount:
                pass
        """,
        ("UPDATE categories SET label = NULL WHERE label = 'Category ' || name",),
        number="0032",
        on="0031",
        name="filled",
    )
    | revision(
        ("ALTER TABLE categories ADD CONSTRAINT ck_categories_label CHECK (label IS NOT NULL) NOT VALID",),
        ("ALTER TABLE categories DROP CONSTRAINT ck_categories_label",),
        number="0033",
        on="0032",
        name="wanted",
    )
    | revision(
        ("ALTER TABLE categories VALIDATE CONSTRAINT ck_categories_label",),
        (
            "ALTER TABLE categories DROP CONSTRAINT ck_categories_label",
            "ALTER TABLE categories ADD CONSTRAINT ck_categories_label CHECK (label IS NOT NULL) NOT VALID",
        ),
        number="0034",
        on="0033",
        name="validated",
    )
)

BEFORE: dict[str, Fault] = {
    "renamed-column": Fault(
        "a column gets another name in one release",
        (EARLIER, "read-breaks"),
        revision(
            ("ALTER TABLE coupons RENAME COLUMN value_cents TO amount_cents",),
            ("ALTER TABLE coupons RENAME COLUMN amount_cents TO value_cents",),
        ),
        models=without("coupons", "value_cents") + column("coupons", '"amount_cents", sa.Integer, nullable=False'),
    ),
    "dropped-with-its-code": Fault(
        "a column is dropped in the release whose code stops using it; declared, and too early all the same",
        (EARLIER, "read-breaks"),
        revision(
            ("ALTER TABLE accounts DROP COLUMN country",),
            ("ALTER TABLE accounts ADD COLUMN country country_code",),
            declared=_PROMISE,
        ),
        models=without("accounts", "country"),
    ),
    "three-releases-in-one": Fault(
        "added, filled and required in a single release: the version before leaves the column out",
        (EARLIER, "write-breaks"),
        SHORTCUT,
        models=column("categories", '"label", sa.Text'),
    ),
    "narrowed-type": Fault(
        "a text becomes an enum type: what the version before writes is refused",
        (EARLIER, "write-breaks"),
        revision(
            (
                "CREATE TYPE stock_reason AS ENUM ('bought', 'sold', 'lost')",
                "ALTER TABLE stock_movements ALTER COLUMN reason TYPE stock_reason USING 'sold'",
            ),
            ("ALTER TABLE stock_movements ALTER COLUMN reason TYPE varchar(40)", "DROP TYPE stock_reason"),
        ),
        models='tables["stock_movements"].c.reason.type = sa.Enum("bought", "sold", "lost", name="stock_reason")\n',
    ),
    "new-check": Fault(
        "a new check refuses what the version before may write",
        (EARLIER, "write-breaks"),
        revision(
            ("ALTER TABLE coupons ADD CONSTRAINT ck_coupons_value CHECK (value_cents <= 2000) NOT VALID",),
            ("ALTER TABLE coupons DROP CONSTRAINT ck_coupons_value",),
        ),
    ),
}
"""What the version before cannot live with."""

LOCKED: dict[str, Fault] = {
    "index-not-concurrent": Fault(
        "an index is built while nobody can write",
        (LOCKS, "blocks-writes"),
        revision(("CREATE INDEX ix_orders_name ON orders (name)",), ("DROP INDEX ix_orders_name",)),
        models='sa.Index("ix_orders_name", tables["orders"].c.name)\n',
    ),
    "set-not-null-scan": Fault(
        "a column becomes required, and every row is read for that while nobody can read or write",
        (LOCKS, "validates-while-locked"),
        revision(
            ("ALTER TABLE addresses ALTER COLUMN street_key SET NOT NULL",),
            ("ALTER TABLE addresses ALTER COLUMN street_key DROP NOT NULL",),
        ),
        models='tables["addresses"].c.street_key.nullable = False\n',
    ),
    "foreign-key-at-once": Fault(
        "a foreign key is checked for every row while both tables are locked",
        (LOCKS, "validates-while-locked"),
        revision(
            (
                "ALTER TABLE orders ADD COLUMN coupon varchar(20)",
                "ALTER TABLE orders ADD CONSTRAINT fk_orders_coupon FOREIGN KEY (coupon) REFERENCES coupons (code)",
            ),
            ("ALTER TABLE orders DROP COLUMN coupon",),
        ),
        models=column("orders", '"coupon", sa.ForeignKey("coupons.code", name="fk_orders_coupon")'),
    ),
    "check-at-once": Fault(
        "a check is added and validated in one statement",
        (LOCKS, "validates-while-locked"),
        revision(
            ("ALTER TABLE coupons ADD CONSTRAINT ck_coupons_code CHECK (length(code) <= 20)",),
            ("ALTER TABLE coupons DROP CONSTRAINT ck_coupons_code",),
        ),
    ),
    "type-change-rewrites": Fault(
        "a wider number type: the table is written anew while nobody can read or write",
        (LOCKS, "rewrite"),
        revision(
            ("ALTER TABLE coupons ALTER COLUMN value_cents TYPE bigint",),
            ("ALTER TABLE coupons ALTER COLUMN value_cents TYPE integer",),
        ),
        models='tables["coupons"].c.value_cents.type = sa.BigInteger()\n',
    ),
    "volatile-default-rewrites": Fault(
        "a default that differs by row: the table is written anew while nobody can read or write",
        (LOCKS, "rewrite"),
        revision(
            ("ALTER TABLE coupons ADD COLUMN token uuid DEFAULT gen_random_uuid() NOT NULL",),
            ("ALTER TABLE coupons DROP COLUMN token",),
        ),
        models=column("coupons", '"token", sa.Uuid, nullable=False, server_default=sa.func.gen_random_uuid()'),
    ),
    "no-lock-timeout": Fault(
        "whoever waits behind it waits as long as it does",
        (LOCKS, "no-lock-timeout"),
        revision(
            ("ALTER TABLE coupons ADD COLUMN campaign varchar(40)",),
            ("ALTER TABLE coupons DROP COLUMN campaign",),
            timeout=False,
        ),
        models=column("coupons", '"campaign", sa.String(40)'),
    ),
    "long-lock": Fault(
        "works on while it holds the strongest lock",
        (LOCKS, "strong-lock"),
        revision(
            ("ALTER TABLE coupons ADD COLUMN campaign varchar(40)", "SELECT pg_sleep(2)"),
            ("ALTER TABLE coupons DROP COLUMN campaign",),
        ),
        models=column("coupons", '"campaign", sa.String(40)'),
    ),
}
"""What others wait for."""

_DROP_EMAIL = """
with op.get_context().autocommit_block():
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_orders_email")
"""
_EMAIL = '    op.execute("CREATE INDEX CONCURRENTLY ix_orders_email ON orders (email)")'

LARGE: dict[str, Fault] = {
    "quadratic-update": Fault(
        "counts the orders of the same name for each order, without an index on names",
        (SCALE, "superlinear"),
        revision(
            (
                (
                    "UPDATE orders SET address = address || ' #' || (SELECT count(*) FROM orders AS other"
                    " WHERE other.name = orders.name) WHERE address !~ ' #[0-9]+$'"
                ),
            ),
            ("UPDATE orders SET address = regexp_replace(address, ' #[0-9]+$', '') WHERE address ~ ' #[0-9]+$'",),
        ),
    ),
    "too-slow": Fault(
        "takes a fraction of a millisecond a row: too long with production's rows, where the policy knows them",
        (SCALE, "too-slow"),
        revision(
            (
                (
                    "UPDATE products SET description = '# ' || description"
                    " WHERE description NOT LIKE '# %' AND pg_sleep(0.0002) IS NOT NULL"
                ),
            ),
            ("UPDATE products SET description = substr(description, 3) WHERE description LIKE '# %'",),
        ),
    ),
    "drops-needed-index": Fault(
        "drops the index of a customer's orders; found where the policy names SELECT ... FROM orders WHERE email = ...",
        (SCALE, "no-index"),
        revision(_DROP_EMAIL, _DROP_EMAIL + _EMAIL),
        models=without_index("orders", "ix_orders_email"),
    ),
}
"""What grows with the rows."""

_INDEX = """
with op.get_context().autocommit_block():
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_coupons_campaign")
    op.execute("CREATE INDEX CONCURRENTLY ix_coupons_campaign ON coupons (campaign)")
"""
_CAMPAIGN = column("coupons", '"campaign", sa.String(40), index=True')
_TIMEOUT = "op.execute(\"SET LOCAL lock_timeout = '2s'\")\n"

KILLED: dict[str, Fault] = {
    "not-atomic": Fault(
        "a column and its index in one revision: killed between them only the column is there, and it can go on",
        (CRASH, "not-atomic"),
        revision(
            _TIMEOUT + 'op.execute("ALTER TABLE coupons ADD COLUMN IF NOT EXISTS campaign varchar(40)")' + _INDEX,
            ("ALTER TABLE coupons DROP COLUMN campaign",),
        ),
        models=_CAMPAIGN,
    ),
    "stuck-after-crash": Fault(
        "a column and its index in one revision: killed between them, the next try finds the column there and fails",
        (CRASH, "stuck-after-crash"),
        revision(
            _TIMEOUT + 'op.execute("ALTER TABLE coupons ADD COLUMN campaign varchar(40)")' + _INDEX,
            ("ALTER TABLE coupons DROP COLUMN campaign",),
        ),
        models=_CAMPAIGN,
    ),
}
"""What a kill in the middle leaves."""

FAULTS = BEFORE | LOCKED | LARGE | KILLED
