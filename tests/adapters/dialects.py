"""The database servers that the contract test runs on, and what their DDL looks like."""

from __future__ import annotations

from dataclasses import dataclass

Change = tuple[str, tuple[str, ...], tuple[str, ...]]
"""What changes, the statements for it, and those that take it back."""


@dataclass(frozen=True)
class Dialect:
    """A server, how it is started, and what its DDL looks like.

    ``base``: statements that make a schema with rows in it. ``changes``: (name, statements, statements that go back).
    ``exact``: column type -> (literal, what ``rows`` must say). ``start``: Python that starts one.
    """

    name: str
    start: str
    base: tuple[str, ...]
    changes: tuple[Change, ...]
    exact: tuple[tuple[str, str, object], ...]
    folders: str


_COMMON = (
    ("table", ("CREATE TABLE extra (id INT)",), ("DROP TABLE extra",)),
    ("index", ("CREATE INDEX extra ON orders (note)",), ("DROP INDEX extra{on_orders}",)),
    ("unique index", ("CREATE UNIQUE INDEX extra ON orders (id, total)",), ("DROP INDEX extra{on_orders}",)),
    ("view", ("CREATE VIEW extra AS SELECT id FROM orders",), ("DROP VIEW extra",)),
    (
        "view's text",
        ("DROP VIEW big", "CREATE VIEW big AS SELECT id FROM orders WHERE total > 11"),
        ("DROP VIEW big", "CREATE VIEW big AS SELECT id FROM orders WHERE total > 10"),
    ),
    ("column", ("ALTER TABLE orders ADD COLUMN extra INT",), ("ALTER TABLE orders DROP COLUMN extra",)),
    (
        "column's name",
        ("ALTER TABLE orders RENAME COLUMN amount TO number",),
        ("ALTER TABLE orders RENAME COLUMN number TO amount",),
    ),
    ("table's name", ("ALTER TABLE lone RENAME TO alone",), ("ALTER TABLE alone RENAME TO lone",)),
    (
        "order of columns",
        ("DROP TABLE lone", "CREATE TABLE lone (b INT, a INT)"),
        ("DROP TABLE lone", "CREATE TABLE lone (a INT, b INT)"),
    ),
)


def _common(on_orders: str) -> tuple[Change, ...]:
    return tuple((name, up, tuple(sql.format(on_orders=on_orders) for sql in back)) for name, up, back in _COMMON)


def _replaced(what: str, columns: str) -> Change:
    """Return a change of the table ``lone`` as another CREATE of it."""
    return (
        what,
        ("DROP TABLE lone", f"CREATE TABLE lone ({columns})"),
        ("DROP TABLE lone", "CREATE TABLE lone (a INT, b INT)"),
    )


_LONE = (
    _replaced("type", "a BIGINT, b INT"),
    _replaced("not null", "a INT NOT NULL, b INT"),
    _replaced("default", "a INT DEFAULT 1, b INT"),
    _replaced("primary key", "a INT PRIMARY KEY, b INT"),
    _replaced("unique", "a INT, b INT, UNIQUE (a, b)"),
    _replaced("check", "a INT, b INT, CONSTRAINT fine CHECK (a > 0)"),
    _replaced("check at a column", "a INT CHECK (a > 0), b INT"),
    _replaced("foreign key", "a INT, b INT, CONSTRAINT who FOREIGN KEY (a) REFERENCES customers (id)"),
    _replaced("generated", "a INT, b INT GENERATED ALWAYS AS (a + 1) STORED"),
)

_ROWS = (
    "INSERT INTO customers (id, name) VALUES (1, 'Ada'), (2, 'O''Neil % ä')",
    "INSERT INTO orders (id, customer, amount, total, note) VALUES (7, 1, 3, 10.50, 'x'), (8, 2, 4, 0.10, NULL)",
)


def _tables(text: str, big: str) -> tuple[str, ...]:
    return (
        f"CREATE TABLE customers (id {big}, name {text} NOT NULL)",
        "CREATE TABLE lone (a INT, b INT)",
        (
            f"CREATE TABLE orders (id {big}, customer INT NOT NULL REFERENCES customers (id), amount INT DEFAULT 1,"
            f" total DECIMAL(10, 2), note {text}, CONSTRAINT positive CHECK (amount > 0))"
        ),
        "CREATE VIEW big AS SELECT id FROM orders WHERE total > 10",
    )


SQLITE = Dialect(
    name="sqlite",
    start="from relgate.adapters.sqlite import SqliteServer; server = SqliteServer()",
    base=(
        *_tables("TEXT", "INTEGER PRIMARY KEY AUTOINCREMENT"),
        "CREATE INDEX by_total ON orders (total DESC) WHERE total > 1",
        "CREATE TRIGGER stamp AFTER INSERT ON orders BEGIN UPDATE orders SET note = note; END",
        *_ROWS,
    ),
    changes=(
        *_common(""),
        *_LONE,
        (
            "trigger",
            ("DROP TRIGGER stamp",),
            (("CREATE TRIGGER stamp AFTER INSERT ON orders BEGIN UPDATE orders SET note = note; END"),),
        ),
        _replaced("collation", "a INT COLLATE NOCASE, b INT"),
        _replaced("foreign key's rule", "a INT REFERENCES customers (id) ON DELETE CASCADE, b INT"),
        (
            "index's predicate",
            ("DROP INDEX by_total", "CREATE INDEX by_total ON orders (total DESC) WHERE total > 2"),
            ("DROP INDEX by_total", "CREATE INDEX by_total ON orders (total DESC) WHERE total > 1"),
        ),
        (
            "index's direction",
            ("DROP INDEX by_total", "CREATE INDEX by_total ON orders (total) WHERE total > 1"),
            ("DROP INDEX by_total", "CREATE INDEX by_total ON orders (total DESC) WHERE total > 1"),
        ),
        (
            "strict",
            ("DROP TABLE lone", "CREATE TABLE lone (a INT, b INT) STRICT"),
            ("DROP TABLE lone", "CREATE TABLE lone (a INT, b INT)"),
        ),
    ),
    exact=(
        ("INTEGER", "9223372036854775807", 2**63 - 1),
        ("REAL", "0.1", 0.1),
        ("TEXT", "'a''b % ä \U0001f600'", "a'b % ä \U0001f600"),
        ("BLOB", "x'00ff41'", "00ff41"),
        ("DATETIME", "'2024-02-29 12:00:00.123456'", "2024-02-29 12:00:00.123456"),
        ("BOOLEAN", "1", 1),
        ("INTEGER", "NULL", None),
        ("TEXT", "x'41'", {"blob": "41"}),
        ("BLOB", "'41'", {"text": "41"}),
        ("TEXT", "CAST(x'ff' AS TEXT)", {"text": "ff"}),
        ("REAL", "9e999", {"real": "inf"}),
    ),
    folders="relgate-sqlite-*",
)

MARIADB = Dialect(
    name="mariadb",
    start="from relgate.adapters.mariadb import MariadbServer; server = MariadbServer.private()",
    base=(
        *_tables("VARCHAR(50)", "INT AUTO_INCREMENT PRIMARY KEY"),
        "CREATE INDEX by_note ON orders (note(10))",
        "CREATE TRIGGER stamp BEFORE INSERT ON orders FOR EACH ROW SET NEW.note = COALESCE(NEW.note, 'none')",
        "CREATE FUNCTION twice (n INT) RETURNS INT DETERMINISTIC RETURN n * 2",
        "CREATE PROCEDURE clean (IN n INT) DELETE FROM orders WHERE id = n",
        "CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY DO DELETE FROM lone",
        "CREATE SEQUENCE tickets START WITH 5",
        "CREATE TABLE ticket (id BIGINT DEFAULT (NEXT VALUE FOR tickets) PRIMARY KEY, half INT AS (id DIV 2) STORED)",
        "INSERT INTO ticket () VALUES (), ()",
        (
            "CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (10),"
            " PARTITION high VALUES LESS THAN MAXVALUE)"
        ),
        "INSERT INTO parts VALUES (1), (100)",
        "CREATE VIEW above AS SELECT id FROM big",
        "CREATE VIEW `a view` AS SELECT * FROM above",
        *_ROWS,
        "DROP TRIGGER stamp",
        "CREATE TRIGGER stamp BEFORE INSERT ON orders FOR EACH ROW SET NEW.note = COALESCE(NEW.note, 'none')",
    ),
    changes=(
        *_common(" ON orders"),
        *_LONE,
        _replaced("unsigned", "a INT UNSIGNED, b INT"),
        _replaced("comment", "a INT COMMENT 'how many', b INT"),
        _replaced("on update", "a INT, b INT, c TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP"),
        _replaced("foreign key's rule", "a INT, b INT, FOREIGN KEY (a) REFERENCES customers (id) ON DELETE CASCADE"),
        _replaced("enum", "a ENUM('x', 'y'), b INT"),
        (
            "labels' order",
            ("ALTER TABLE customers ADD COLUMN e ENUM('x', 'y')",),
            ("ALTER TABLE customers DROP COLUMN e",),
        ),
        ("engine", ("ALTER TABLE lone ENGINE = MyISAM",), ("ALTER TABLE lone ENGINE = InnoDB",)),
        (
            "table's collation",
            ("ALTER TABLE lone COLLATE utf8mb4_bin",),
            ("ALTER TABLE lone COLLATE utf8mb4_general_ci",),
        ),
        (
            "column's collation",
            ("ALTER TABLE orders MODIFY note VARCHAR(50) COLLATE utf8mb4_bin",),
            ("ALTER TABLE orders MODIFY note VARCHAR(50)",),
        ),
        ("table's comment", ("ALTER TABLE lone COMMENT 'alone'",), ("ALTER TABLE lone COMMENT ''",)),
        ("row format", ("ALTER TABLE lone ROW_FORMAT = COMPACT",), ("ALTER TABLE lone ROW_FORMAT = DEFAULT",)),
        (
            "index's prefix",
            ("ALTER TABLE orders DROP INDEX by_note, ADD INDEX by_note (note(9))",),
            ("ALTER TABLE orders DROP INDEX by_note, ADD INDEX by_note (note(10))",),
        ),
        (
            "ignored index",
            ("ALTER TABLE orders ALTER INDEX by_note IGNORED",),
            ("ALTER TABLE orders ALTER INDEX by_note NOT IGNORED",),
        ),
        ("fulltext index", ("CREATE FULLTEXT INDEX words ON orders (note)",), ("DROP INDEX words ON orders",)),
        ("invisible column", ("ALTER TABLE lone MODIFY b INT INVISIBLE",), ("ALTER TABLE lone MODIFY b INT",)),
        (
            "partition",
            (
                (
                    "ALTER TABLE parts REORGANIZE PARTITION low INTO (PARTITION low VALUES LESS THAN (5),"
                    " PARTITION middle VALUES LESS THAN (10))"
                ),
            ),
            ("ALTER TABLE parts REORGANIZE PARTITION low, middle INTO (PARTITION low VALUES LESS THAN (10))",),
        ),
        (
            "function",
            ("DROP FUNCTION twice",),
            ("CREATE FUNCTION twice (n INT) RETURNS INT DETERMINISTIC RETURN n * 2",),
        ),
        (
            "procedure's text",
            ("DROP PROCEDURE clean", "CREATE PROCEDURE clean (IN n INT) DELETE FROM lone WHERE a = n"),
            ("DROP PROCEDURE clean", "CREATE PROCEDURE clean (IN n INT) DELETE FROM orders WHERE id = n"),
        ),
        (
            "trigger",
            ("DROP TRIGGER stamp",),
            (("CREATE TRIGGER stamp BEFORE INSERT ON orders FOR EACH ROW SET NEW.note = COALESCE(NEW.note, 'none')"),),
        ),
        ("event", ("ALTER EVENT tidy ON SCHEDULE EVERY 2 DAY",), ("ALTER EVENT tidy ON SCHEDULE EVERY 1 DAY",)),
        ("sequence", ("ALTER SEQUENCE tickets INCREMENT BY 2",), ("ALTER SEQUENCE tickets INCREMENT BY 1",)),
        (
            "database's collation",
            ("ALTER DATABASE COLLATE utf8mb4_bin",),
            ("ALTER DATABASE COLLATE utf8mb4_general_ci",),
        ),
        (
            "system versioning",
            ("ALTER TABLE lone ADD SYSTEM VERSIONING",),
            ("ALTER TABLE lone DROP SYSTEM VERSIONING",),
        ),
        (
            "privilege",
            ("CREATE USER IF NOT EXISTS someone", "GRANT SELECT ON orders TO someone"),
            ("REVOKE SELECT ON orders FROM someone",),
        ),
    ),
    exact=(
        ("BIGINT", "-9223372036854775808", -(2**63)),
        ("BIGINT UNSIGNED", "18446744073709551615", 2**64 - 1),
        ("DECIMAL(30, 10)", "12345678901234567890.0123456789", "12345678901234567890.0123456789"),
        ("FLOAT", "16777217", 16777216.0),
        ("FLOAT", "1.2345678", 1.2345677614212036),
        ("DOUBLE", "0.1", 0.1),
        ("DOUBLE", "1.7976931348623157e308", 1.7976931348623157e308),
        ("VARCHAR(50)", "'a''b % ä \U0001f600'", "a'b % ä \U0001f600"),
        ("VARCHAR(50) CHARACTER SET latin1", "'ä'", "ä"),
        ("BLOB", "x'00ff41'", "00ff41"),
        ("BINARY(3)", "x'0041'", "004100"),
        ("BIT(10)", "b'1000000001'", 513),
        ("DATE", "'2024-02-29'", "2024-02-29"),
        ("DATETIME(6)", "'2024-02-29 12:00:00.123456'", "2024-02-29T12:00:00.123456"),
        ("TIMESTAMP", "'2024-02-29 12:00:00'", "2024-02-29T12:00:00+00:00"),
        ("TIME(3)", "'-838:59:58.123'", "-838:59:58.123"),
        ("YEAR", "2024", 2024),
        ("ENUM('a', 'b')", "'b'", "b"),
        ("SET('a', 'b')", "'a,b'", "a,b"),
        ("JSON", """'{"a": 1.10}'""", '{"a": 1.10}'),
        ("UUID", "'123e4567-e89b-12d3-a456-426655440000'", "123e4567-e89b-12d3-a456-426655440000"),
        ("INET6", "'::1'", "::1"),
        ("BOOLEAN", "TRUE", 1),
        ("INT", "NULL", None),
    ),
    folders="relgate-mariadb-*",
)

POSTGRES = Dialect(
    name="postgres",
    start="from relgate.adapters.postgres import PostgresServer; server = PostgresServer.private('auto')",
    base=(*_tables("VARCHAR(50)", "SERIAL PRIMARY KEY"), *_ROWS),
    changes=(*_common(""), *_LONE),
    exact=(
        ("BIGINT", "-9223372036854775808", -(2**63)),
        ("NUMERIC(30, 10)", "12345678901234567890.0123456789", "12345678901234567890.0123456789"),
        ("DOUBLE PRECISION", "0.1", 0.1),
        ("TEXT", "'a''b % ä \U0001f600'", "a'b % ä \U0001f600"),
        ("DATE", "'2024-02-29'", "2024-02-29"),
        ("INT", "NULL", None),
    ),
    folders="relgate-postgres-*",
)

DIALECTS = {dialect.name: dialect for dialect in (SQLITE, MARIADB, POSTGRES)}
