"""Statements that make a revision wrong wherever they stand: rows lost, a schema weakened, the version before broken.

The first half is for the shop's history, by the tables that it has; the second for the table of all types of the
synthetic one. ``{t}`` stands for the table and ``{c}`` for a column.
"""

from __future__ import annotations

DAMAGE: tuple[tuple[str, str, str, str], ...] = (
    ("upper-case", "text", "UPDATE {t} SET {c} = upper({c})", "every value in upper case"),
    ("cut", "text", "UPDATE {t} SET {c} = left({c}, 3)", "three characters stay"),
    ("trim-end", "text", "UPDATE {t} SET {c} = left({c}, -1) WHERE length({c}) > 8", "long values lose a character"),
    ("blank", "text", "UPDATE {t} SET {c} = {c} || ' ' WHERE length({c}) < 30", "a blank at the end of short values"),
    (
        "one-value",
        "text",
        "UPDATE {t} SET {c} = 'x' WHERE {k} = (SELECT max({k}) FROM {t})",
        "one row gets another value",
    ),
    ("null-to-empty", "nullable", "UPDATE {t} SET {c} = '' WHERE {c} IS NULL", "NULL becomes an empty text"),
    ("to-null", "nullable", "UPDATE {t} SET {c} = NULL", "every value becomes NULL"),
    (
        "recreate",
        "nullable",
        "ALTER TABLE {t} DROP COLUMN {c}; ALTER TABLE {t} ADD COLUMN {c} {d}",
        "dropped, made anew",
    ),
    (
        "swap",
        "text",
        (
            "UPDATE {t} SET {c} = (SELECT o.{c} FROM {t} AS o WHERE o.{k} <> {t}.{k} AND o.{k} IN"
            " (SELECT {k} FROM {t} ORDER BY {k} LIMIT 2)) WHERE {k} IN (SELECT {k} FROM {t} ORDER BY {k} LIMIT 2)"
        ),
        "two rows swap their values",
    ),
    ("halve", "number", "UPDATE {t} SET {c} = {c} / 10 * 10", "the last digit is gone"),
    ("sign", "number", "UPDATE {t} SET {c} = -{c} WHERE {c} > -2147483648", "the sign is turned"),
    ("add", "number", "UPDATE {t} SET {c} = {c} + 1 WHERE {c} < 2000000000", "one more"),
    ("delete-one", "key", "DELETE FROM {t} WHERE {k} = (SELECT max({k}) FROM {t})", "the last row is deleted"),
    ("delete-some", "key", "DELETE FROM {t} WHERE ascii(right({k}::text, 1)) % 2 = 0", "some rows are deleted"),
    ("truncate", "key", "TRUNCATE {t} CASCADE", "all rows are gone"),
)
"""(operator, what it needs, SQL, what it does)."""

TEXTS = (
    ("0001", "products", "name", "id"),
    ("0001", "products", "description", "id"),
    ("0001", "orders", "address", "ref"),
    ("0001", "orders", "name", "ref"),
    ("0001", "order_lines", "name", "id"),
    ("0001", "accounts", "password", "email"),
    ("0003", "addresses", "street", "id"),
    ("0003", "addresses", "city", "id"),
    ("0004", "stock_movements", "reason", "id"),
    ("0007", "categories", "name", "id"),
)
NULLABLES = (
    ("0001", "products", "page", "id", "varchar(200)"),
    ("0009", "accounts", "country", "email", "country_code"),
)
NUMBERS = (
    ("0001", "products", "price_cents", "id"),
    ("0001", "orders", "total_cents", "ref"),
    ("0001", "order_lines", "quantity", "id"),
    ("0002", "coupons", "value_cents", "code"),
    ("0002", "coupons", "uses_left", "code"),
)
KEYS = (
    ("0001", "order_lines", "", "id"),
    ("0002", "coupons", "", "code"),
    ("0003", "addresses", "", "id"),
    ("0004", "stock_movements", "", "id"),
    ("0001", "orders", "", "ref"),
    ("0007", "categories", "", "id"),
)
COLUMNS = {"text": TEXTS, "nullable": NULLABLES, "number": NUMBERS, "key": KEYS}
"""What the shop has: (the revision that brings it, table, column, key), with the type for those that may be NULL."""

CHILDREN = (
    ("children-moved", "0001", "UPDATE order_lines SET ref = (SELECT min(ref) FROM orders)", "all lines to one order"),
    (
        "children-forgotten",
        "0003",
        "DELETE FROM addresses WHERE email = (SELECT min(email) FROM addresses)",
        "the addresses of one account are deleted",
    ),
    (
        "rows-added",
        "0007",
        "INSERT INTO categories (id, name) VALUES (987654, 'Made up')",
        "a category that nobody entered",
    ),
    (
        "orphans",
        "0007",
        (
            "SET LOCAL session_replication_role = replica; DELETE FROM products WHERE id = (SELECT min(product_id) FROM"
            " stock_movements); SET LOCAL session_replication_role = origin"
        ),
        "a product is deleted, what refers to it stays",
    ),
    ("sequence-behind", "0001", "SELECT setval('products_id_seq', 1, false)", "ids start again at one"),
)

LEDGER = (
    ("time-zone", ("ALTER TABLE ledger ALTER COLUMN at TYPE timestamp USING at AT TIME ZONE 'Asia/Tokyo',"
     " ALTER COLUMN at TYPE timestamptz USING at"), None),
    ("time-zone", "UPDATE ledger SET at = at AT TIME ZONE 'Asia/Tokyo'", "read in another time zone"),
    ("time-shift", "UPDATE ledger SET at = at + interval '1 hour'", "an hour later"),
    ("time-cut", "UPDATE ledger SET at = date_trunc('second', at)", "without fractions of a second"),
    ("time-cut", "UPDATE ledger SET at = date_trunc('day', at)", "without the time of day"),
    ("round", "UPDATE ledger SET amount = round(amount, 2)", "amounts rounded to two places"),
    ("round", "UPDATE ledger SET amount = trunc(amount)", "amounts without places"),
    ("round", "UPDATE ledger SET amount = amount::real::numeric(12, 4)", "amounts by way of real"),
    ("round", "UPDATE ledger SET ratio = ratio::real", "ratios by way of real"),
    ("date", "UPDATE ledger SET day = day + 1", "a day later"),
    ("interval", "UPDATE ledger SET duration = duration * 2", "twice as long"),
    ("array", ("UPDATE ledger SET tags = (SELECT array_agg(x ORDER BY n DESC) FROM unnest(tags) WITH ORDINALITY"
     " AS u (x, n))"), "tags in the other order"),
    ("array", "UPDATE ledger SET tags = tags[1:1]", "only the first tag"),
    ("array", "UPDATE ledger SET tags = '{}' WHERE tags IS NULL", "no tags instead of NULL"),
    ("document", "UPDATE ledger SET document = '{}' WHERE document IS NOT NULL", "documents emptied"),
    ("document", "UPDATE ledger SET document = to_jsonb(document::text)", "documents packed as text"),
    ("document", "UPDATE ledger SET document = 'null' WHERE document IS NULL", "NULL becomes JSON's null"),
    ("bytes", "UPDATE ledger SET file = substr(file, 1, 1)", "files cut"),
    ("bytes", "UPDATE ledger SET file = '' WHERE file IS NULL", "empty files instead of NULL"),
    ("boolean", "UPDATE ledger SET done = NOT done", "turned around"),
    ("boolean", "UPDATE ledger SET done = false WHERE done IS NULL", "unknown becomes false"),
    ("uuid", "UPDATE ledger SET token = NULL", "tokens are gone"),
    ("uuid", "UPDATE ledger SET token = '00000000-0000-0000-0000-000000000000' WHERE token IS NULL", "NULL filled"),
    ("char", "UPDATE ledger SET code = lower(code)", "codes in lower case"),
    ("parent", "UPDATE ledger SET owner_id = (SELECT min(id) FROM owners)", "everything belongs to one owner"),
    ("parent", "DELETE FROM owners WHERE id = (SELECT max(id) FROM owners)", "an owner goes with all that is his"),
    ("alias", "UPDATE owners SET alias = name WHERE alias IS NULL", "names instead of NULL"),
    ("alias", "UPDATE owners SET alias = NULL WHERE alias = ''", "NULL instead of an empty text"),
    ("alias", "UPDATE owners SET name = initcap(name)", "names with capitals"),
    ("alias", "UPDATE owners SET name = trim(name)", "names without blanks at their ends"),
    ("alias", "UPDATE owners SET name = normalize(name, NFD)", "names in another normal form"),
)  # fmt: skip
"""(operator, SQL, what it does) for the synthetic table of all types."""

WEAKENS = (
    ("0001", "not-null", "ALTER TABLE orders ALTER COLUMN address DROP NOT NULL"),
    ("0001", "not-null", "ALTER TABLE products ALTER COLUMN price_cents DROP NOT NULL"),
    ("0001", "unique", "ALTER TABLE products DROP CONSTRAINT products_sku_key"),
    ("0001", "index", "DROP INDEX ix_orders_email"),
    ("0001", "index", "DROP INDEX ix_order_lines_ref"),
    ("0001", "foreign-key", "ALTER TABLE order_lines DROP CONSTRAINT order_lines_ref_fkey"),
    ("0001", "primary-key", "ALTER TABLE schema_info DROP CONSTRAINT schema_info_pkey"),
    ("0002", "default", "ALTER TABLE coupons ALTER COLUMN kind DROP DEFAULT"),
    ("0003", "identity", "ALTER TABLE addresses ALTER COLUMN id SET GENERATED BY DEFAULT"),
    ("0003", "expression", "ALTER TABLE addresses ALTER COLUMN street_key DROP EXPRESSION"),
    ("0003", "row-security", "ALTER TABLE addresses ENABLE ROW LEVEL SECURITY"),
    ("0005", "trigger", "ALTER TABLE products DISABLE TRIGGER products_fill_slug"),
    ("0005", "trigger", "ALTER TABLE products DISABLE TRIGGER ALL"),
    ("0007", "rename", "ALTER TABLE categories RENAME CONSTRAINT categories_name_key TO categories_name"),
    ("0009", "type", "ALTER TABLE accounts ALTER COLUMN country TYPE varchar(2)"),
    ("0014", "comment", "COMMENT ON TABLE orders IS 'Orders'"),
    ("0001", "privilege", "GRANT SELECT ON accounts TO PUBLIC"),
    ("0001", "options", "ALTER TABLE orders SET (autovacuum_enabled = false)"),
    ("0001", "statistics", "ALTER TABLE orders ALTER COLUMN status SET STATISTICS 0"),
    ("0001", "replica", "ALTER TABLE orders REPLICA IDENTITY NOTHING"),
    ("0001", "persistence", "ALTER TABLE schema_info SET UNLOGGED"),
    ("0001", "left-over", "CREATE TABLE backup_orders AS SELECT * FROM orders"),
    ("0001", "left-over", "CREATE SEQUENCE left_over"),
    ("0001", "left-over", "CREATE TYPE left_over AS ENUM ('a')"),
    ("0001", "left-over", "CREATE EXTENSION IF NOT EXISTS vector"),
    ("0001", "left-over", "CREATE SCHEMA left_over"),
    ("0001", "left-over", "CREATE VIEW left_over AS SELECT ref FROM orders"),
    ("0001", "left-over", "CREATE INDEX left_over ON orders (name)"),
    ("0001", "left-over", "CREATE RULE left_over AS ON DELETE TO schema_info DO INSTEAD NOTHING"),
    ("0001", "column-order", "ALTER TABLE schema_info ADD COLUMN at date; ALTER TABLE schema_info DROP COLUMN version"),
)
"""(the revision that brings the object, operator, SQL) for the end of a way of the shop's history."""

ROLLOUT = (
    ("drops-read", "0001", ("ALTER TABLE orders DROP COLUMN address",),
     ("ALTER TABLE orders ADD COLUMN address text DEFAULT '' NOT NULL",)),
    ("drops-read", "0003", ("ALTER TABLE addresses DROP COLUMN city",),
     ("ALTER TABLE addresses ADD COLUMN city varchar(80) COLLATE \"C\" DEFAULT '' NOT NULL",)),
    ("drops-read", "0001", ("ALTER TABLE accounts DROP COLUMN role",),
     ("ALTER TABLE accounts ADD COLUMN role varchar(20) DEFAULT 'user' NOT NULL",)),
    ("drops-table", "0004", ("DROP TABLE stock_movements CASCADE",), ()),
    ("renames-column", "0001", ("ALTER TABLE orders RENAME COLUMN name TO customer",),
     ("ALTER TABLE orders RENAME COLUMN customer TO name",)),
    ("renames-column", "0002", ("ALTER TABLE coupons RENAME COLUMN expires TO until",),
     ("ALTER TABLE coupons RENAME COLUMN until TO expires",)),
    ("renames-table", "0002", ("ALTER TABLE coupons RENAME TO vouchers",), ("ALTER TABLE vouchers RENAME TO coupons",)),
    ("renames-schema", "0001", ("CREATE SCHEMA shop", "ALTER TABLE schema_info SET SCHEMA shop"),
     ("ALTER TABLE shop.schema_info SET SCHEMA public", "DROP SCHEMA shop")),
    ("requires", "0002", ("UPDATE coupons SET expires = '2030-01-01' WHERE expires IS NULL",
                          "ALTER TABLE coupons ALTER COLUMN expires SET NOT NULL"),
     ("ALTER TABLE coupons ALTER COLUMN expires DROP NOT NULL",)),
    ("requires", "0009", ("ALTER TABLE accounts ALTER COLUMN country SET NOT NULL",),
     ("ALTER TABLE accounts ALTER COLUMN country DROP NOT NULL",)),
    ("adds-required", "0001", ("ALTER TABLE orders ADD COLUMN channel text DEFAULT 'web' NOT NULL",
                               "ALTER TABLE orders ALTER COLUMN channel DROP DEFAULT"),
     ("ALTER TABLE orders DROP COLUMN channel",)),
    ("adds-required", "0002", ("ALTER TABLE coupons ADD COLUMN campaign text NOT NULL",),
     ("ALTER TABLE coupons DROP COLUMN campaign",)),
    ("narrows", "0001", ("ALTER TABLE order_lines ALTER COLUMN name TYPE varchar(4) USING left(name, 4)",),
     ("ALTER TABLE order_lines ALTER COLUMN name TYPE varchar(120)",)),
    ("narrows", "0001", ("ALTER TABLE orders ALTER COLUMN status TYPE integer USING length(status)",),
     ("ALTER TABLE orders ALTER COLUMN status TYPE varchar(20)",)),
    ("narrows", "0002", (("ALTER TABLE coupons ALTER COLUMN value_cents TYPE smallint"
                         " USING greatest(-30000, least(30000, value_cents))"),),
     ("ALTER TABLE coupons ALTER COLUMN value_cents TYPE integer",)),
    ("refuses", "0001", ("ALTER TABLE orders ADD CONSTRAINT short CHECK (length(address) < 4) NOT VALID",),
     ("ALTER TABLE orders DROP CONSTRAINT short",)),
    ("refuses", "0004", (("ALTER TABLE stock_movements ADD CONSTRAINT why CHECK (reason IN ('sold', 'bought'))"
                         " NOT VALID"),), ("ALTER TABLE stock_movements DROP CONSTRAINT why",)),
    ("refuses", "0001", (("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                         " $$BEGIN RAISE EXCEPTION 'closed'; END$$"),
                         "CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION refuse()"),
     ("DROP TRIGGER refuse ON orders", "DROP FUNCTION refuse()")),
    ("refuses", "0007", ("ALTER TABLE categories ADD CONSTRAINT reserved CHECK (id < 100) NOT VALID",),
     ("ALTER TABLE categories DROP CONSTRAINT reserved",)),
    ("view-instead", "0002", ("ALTER TABLE coupons RENAME TO coupon_rows",
                              "CREATE VIEW coupons AS SELECT DISTINCT * FROM coupon_rows"),
     ("DROP VIEW coupons", "ALTER TABLE coupon_rows RENAME TO coupons")),
)  # fmt: skip
"""(operator, the revision that brings the table, upgrade, its exact inverse): what the version before cannot live with."""

LOCKING = (
    ("index-not-concurrent", "0001", ("CREATE INDEX ix_name ON orders (name)",), ("DROP INDEX ix_name",)),
    ("index-not-concurrent", "0004", ("CREATE INDEX ix_reason ON stock_movements USING hash (reason)",),
     ("DROP INDEX ix_reason",)),
    ("unique-at-once", "0001", ("ALTER TABLE order_lines ADD CONSTRAINT u UNIQUE (id, name)",),
     ("ALTER TABLE order_lines DROP CONSTRAINT u",)),
    ("foreign-key-at-once", "0009", ("ALTER TABLE orders ADD COLUMN coupon varchar(20) REFERENCES coupons (code)",
                                     "ALTER TABLE orders ADD COLUMN account varchar(200)",
                                     "ALTER TABLE orders ADD FOREIGN KEY (account) REFERENCES accounts (email)"),
     ("ALTER TABLE orders DROP COLUMN account", "ALTER TABLE orders DROP COLUMN coupon")),
    ("check-at-once", "0001", ("ALTER TABLE orders ADD CONSTRAINT long CHECK (length(ref) <= 40)",),
     ("ALTER TABLE orders DROP CONSTRAINT long",)),
    ("rewrite", "0001", ("ALTER TABLE products ALTER COLUMN price_cents TYPE bigint",),
     ("ALTER TABLE products ALTER COLUMN price_cents TYPE integer",)),
    ("rewrite", "0001", ("ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid()",),
     ("ALTER TABLE orders DROP COLUMN token",)),
    ("rewrite", "0001", ("ALTER TABLE orders ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY",),
     ("ALTER TABLE orders DROP COLUMN number",)),
    ("rewrite", "0001", ("ALTER TABLE orders SET UNLOGGED",), ("ALTER TABLE orders SET LOGGED",)),
)  # fmt: skip
"""What others have to wait for."""

TWICE = (
    ("0002", "UPDATE coupons SET value_cents = value_cents + 1 WHERE value_cents BETWEEN 0 AND 10000",
     "UPDATE coupons SET value_cents = value_cents - 1 WHERE value_cents BETWEEN 1 AND 10001"),
    ("0001", "UPDATE orders SET address = address || '!'", "UPDATE orders SET address = left(address, -1)"),
    ("0001", "UPDATE products SET description = '<' || description || '>'",
     "UPDATE products SET description = substr(description, 2, length(description) - 2)"),
    ("0002", "UPDATE coupons SET uses_left = -uses_left WHERE uses_left > -2147483648",
     "UPDATE coupons SET uses_left = -uses_left WHERE uses_left > -2147483648"),
    ("0001", "UPDATE order_lines SET name = reverse(name)", "UPDATE order_lines SET name = reverse(name)"),
)  # fmt: skip
"""(the revision that brings the table, update, its inverse): sent twice, it changes rows twice."""

AT_ONCE = (
    ("0001", "UPDATE products SET description = '# ' || description WHERE description NOT LIKE '# %'",
     "UPDATE products SET description = substr(description, 3) WHERE description LIKE '# %'"),
    ("0001", "UPDATE orders SET address = '# ' || address WHERE address NOT LIKE '# %'",
     "UPDATE orders SET address = substr(address, 3) WHERE address LIKE '# %'"),
    ("0004", ("UPDATE stock_movements SET reason = left(reason, 38) || ' #' WHERE reason NOT LIKE '%#'"
     " AND length(reason) < 39"), "UPDATE stock_movements SET reason = left(reason, -2) WHERE reason LIKE '% #'"),
)  # fmt: skip
"""The same, but idempotent: one statement for all rows."""
