"""Our own static rules: each on a revision that breaks it, and on one that looks alike and does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.migrate.static import Reading, read
from relgate.migrate.static_rules import RULES
from relgate.ports.migrations import Declared, Engine, Revision, Statement
from relgate.values import Finding

TIMEOUT = "SET LOCAL lock_timeout = '5s'"


def reading(*sql: str, id_: str = "a", transaction: int = 1, source: str | None = None) -> Reading:
    """A revision that sends these statements in one transaction, each on a line of its own from line 10."""
    path = f"versions/{id_}.py"
    statements = tuple(Statement(one, one, transaction, path=path, line=10 + n) for n, one in enumerate(sql))
    return Reading(Revision(id_, (), path=path), statements, source)


def found(*sql: str, engine: Engine = "postgresql", transaction: int = 1) -> list[Finding]:
    """What the statements show, behind a lock timeout."""
    return list(read([reading(TIMEOUT, *sql, transaction=transaction)], engine))


def codes(*sql: str, engine: Engine = "postgresql", transaction: int = 1) -> list[str]:
    """The codes of what the statements show."""
    return [one.code for one in found(*sql, engine=engine, transaction=transaction)]


BROKEN: list[tuple[str, tuple[str, ...]]] = [
    ("no-where", ("UPDATE orders SET total = 0",)),
    ("no-where", ("DELETE FROM orders",)),
    ("no-where", ('update only public."Orders" as o set total = (select 1 from x where x.id = o.id)',)),
    ("no-where", ("UPDATE orders SET note = 'where' -- where id = 1",)),
    ("no-where", ("TRUNCATE orders",)),
    ("no-where", ("DO $$ BEGIN UPDATE orders SET total = 0; END $$",)),
    ("no-where", ("CREATE TABLE other (a int)", "UPDATE orders SET total = 0")),
    ("unbounded-backfill", ("UPDATE orders SET total = 0 WHERE total IS NULL",)),
    ("unbounded-backfill", ("UPDATE orders o SET total = l.sum FROM lines l WHERE l.order_id = o.id",)),
    ("drop-cascade", ("DROP TABLE orders CASCADE",)),
    ("drop-cascade", ("DROP TYPE state CASCADE",)),
    ("drop-cascade", ("ALTER TABLE orders DROP COLUMN total CASCADE",)),
    ("hides-drift", ("CREATE TABLE IF NOT EXISTS orders (id int)",)),
    ("hides-drift", ("DROP VIEW IF EXISTS sums",)),
    ("hides-drift", ("ALTER TABLE orders ADD COLUMN IF NOT EXISTS total int",)),
    ("hides-drift", ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON orders (total)",)),
    ("volatile-default", ("ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid() NOT NULL",)),
    ("volatile-default", ("ALTER TABLE orders ADD nr bigserial",)),
    ("volatile-default", ("ALTER TABLE orders ADD COLUMN a int, ADD COLUMN b float DEFAULT random()",)),
    ("volatile-default", ("ALTER TABLE orders ADD COLUMN at timestamptz DEFAULT now()",)),
    ("volatile-default", ("ALTER TABLE orders ADD COLUMN at timestamptz DEFAULT CURRENT_TIMESTAMP",)),
    ("unique-on-existing", ("CREATE UNIQUE INDEX CONCURRENTLY u ON orders (number)",)),
    ("unique-on-existing", ("ALTER TABLE orders ADD CONSTRAINT u UNIQUE (number)",)),
    ("unique-on-existing", ("ALTER TABLE orders ADD PRIMARY KEY (number)",)),
    ("not-null-on-existing", ("ALTER TABLE orders ALTER COLUMN total SET NOT NULL",)),
    ("not-null-on-existing", ("ALTER TABLE orders ADD COLUMN x int", "ALTER TABLE orders ALTER x SET NOT NULL")),
    ("not-null-on-existing", ("UPDATE orders SET other = 1 WHERE id < 5", "ALTER TABLE orders ALTER x SET NOT NULL")),
]

SOUND: list[tuple[str, ...]] = [
    ("UPDATE orders SET total = 0 WHERE id BETWEEN 1 AND 1000",),
    ("UPDATE orders SET total = 0 WHERE id = %(id)s",),
    ("UPDATE orders SET total = 0 WHERE id IN (SELECT id FROM orders WHERE total IS NULL LIMIT 1000)",),
    ("WITH b AS (SELECT id FROM orders LIMIT 100) UPDATE orders SET total = 0 FROM b WHERE b.id = orders.id",),
    ("DELETE FROM orders WHERE id > 5 AND id <= 10",),
    ("INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 0",),
    ("SELECT 1 FROM orders FOR UPDATE",),
    ("CREATE TABLE orders (id int)", "UPDATE orders SET id = 0", "CREATE UNIQUE INDEX u ON orders (id)"),
    ("CREATE MATERIALIZED VIEW sums AS SELECT 1 AS a", "CREATE UNIQUE INDEX u ON sums (a)"),
    ("CREATE TABLE public.orders (id int)", "ALTER TABLE ORDERS ALTER id SET NOT NULL"),
    ("DO $$ BEGIN LOOP UPDATE orders SET total = 0; COMMIT; EXIT; END LOOP; END $$",),
    ("CREATE TRIGGER t AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()",),
    ("DROP TABLE orders",),
    ("ALTER TABLE lines DROP CONSTRAINT f, ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES o ON DELETE CASCADE",),
    ("COMMENT ON TABLE orders IS 'drop cascade if exists'",),
    ("CREATE EXTENSION IF NOT EXISTS citext",),
    ("DROP INDEX CONCURRENTLY IF EXISTS i",),
    ("CREATE TABLE orders (token uuid DEFAULT gen_random_uuid())",),
    ("ALTER TABLE orders ADD COLUMN note text DEFAULT 'random() now()' NOT NULL",),
    ("ALTER TABLE orders ADD COLUMN note text DEFAULT NULL",),
    ("ALTER TABLE orders ALTER COLUMN token SET DEFAULT gen_random_uuid()",),
    ("DELETE FROM orders WHERE id IN (SELECT 1)", "CREATE UNIQUE INDEX u ON orders (number)"),
    ("ALTER TABLE orders ADD COLUMN slug text", "CREATE UNIQUE INDEX u ON orders (slug)"),
    ("ALTER TABLE orders ADD CONSTRAINT u UNIQUE USING INDEX u",),
    ("CREATE INDEX i ON orders (number)",),
    ("UPDATE orders SET a = 1, total = 0 WHERE id < 5", "ALTER TABLE orders ALTER COLUMN total SET NOT NULL"),
    ("ALTER TABLE orders ADD COLUMN x int DEFAULT 1", "ALTER TABLE orders ALTER x SET NOT NULL"),
    ("ALTER TABLE o ADD CONSTRAINT c CHECK (x IS NOT NULL) NOT VALID", "ALTER TABLE o ALTER x SET NOT NULL"),
    ("ALTER TABLE orders ALTER COLUMN total DROP NOT NULL",),
]


@pytest.mark.parametrize(("code", "sql"), BROKEN)
def test_a_fault_in_the_sql_is_found_at_its_statement(code: str, sql: tuple[str, ...]) -> None:
    """With the line and the statement; outside of a transaction, so that nothing else is wrong."""
    faults = [one for one in found(*sql, transaction=0) if one.code == code]

    assert [(one.line, one.sql) for one in faults] == [(10 + len(sql), sql[-1])]
    assert (faults[0].gate, faults[0].revision, faults[0].path) == ("migration-static", "a", "versions/a.py")


@pytest.mark.parametrize("sql", SOUND)
def test_sql_that_only_looks_like_a_fault_has_none(sql: tuple[str, ...]) -> None:
    """Not even a warning."""
    assert codes(*sql) == []


def test_a_default_of_the_moment_warns_and_one_per_row_blocks() -> None:
    """now() rewrites nothing."""
    (moment,) = found("ALTER TABLE orders ADD COLUMN at timestamptz DEFAULT now()")
    (random,) = found("ALTER TABLE orders ADD COLUMN at float DEFAULT random()")

    assert (moment.blocks, random.blocks) == (False, True)


def test_a_backfill_in_the_transaction_of_a_schema_change_is_a_fault() -> None:
    """PostgreSQL holds the lock of the change meanwhile; elsewhere it does not arise."""
    both = ("ALTER TABLE orders ADD COLUMN x int", "UPDATE orders SET x = 1 WHERE x IS NULL")

    assert codes(*both) == ["unbounded-backfill", "backfill-with-ddl"]
    assert codes(*both, transaction=0) == ["unbounded-backfill"]
    assert codes(*both, engine="mysql") == ["no-lock-timeout", "unbounded-backfill"]
    assert codes("CREATE TABLE log (a int)", both[1]) == ["unbounded-backfill"]
    apart = reading(TIMEOUT, both[0]), reading(both[1], id_="b")
    assert [one.code for one in read(apart, "postgresql")] == ["unbounded-backfill"]


def test_waiting_for_a_strong_lock_without_end_is_one_warning_per_revision() -> None:
    """At its first statement that waits."""
    steps = [
        reading("CREATE TABLE x (a int)", "ALTER TABLE orders ADD y int", "DROP TABLE old"),
        reading("DROP TABLE z", id_="b"),
    ]
    faults = read(steps, "postgresql")

    assert [(one.code, one.revision, one.line, one.blocks) for one in faults] == [
        ("no-lock-timeout", "a", 11, False),
        ("no-lock-timeout", "b", 10, False),
    ]
    assert read(steps, "postgresql", timeout_set=True) == ()
    assert read(steps, "sqlite") == ()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX CONCURRENTLY i ON orders (a)",
        "ALTER TABLE orders VALIDATE CONSTRAINT c",
        "SELECT set_config('lock_timeout', '5s', true)",
        "SELECT 1",
    ],
)
def test_what_needs_no_strong_lock_needs_no_timeout(sql: str) -> None:
    """Reading, writing and CONCURRENTLY."""
    assert read([reading(sql)], "postgresql") == ()


def test_mysql_has_a_timeout_of_its_own() -> None:
    """And its own way to write a required column, whose text cannot tell old from new."""
    (fault,) = read([reading("SET SESSION lock_wait_timeout = 5", "ALTER TABLE o MODIFY `x` int NOT NULL")], "mysql")

    assert (fault.code, fault.blocks) == ("not-null-on-existing", False)


def test_a_column_that_an_earlier_revision_filled_may_become_required() -> None:
    """Expand, fill, contract in three revisions; the shortcut does not pass."""
    expand = reading(TIMEOUT, "ALTER TABLE orders ADD COLUMN x int", id_="a")
    fill = reading("UPDATE orders SET x = 1 WHERE id < 1000", id_="b")
    contract = reading(TIMEOUT, "ALTER TABLE orders ALTER COLUMN x SET NOT NULL", id_="c")

    assert read([expand, fill, contract], "postgresql") == ()
    assert read([expand, fill, contract], "postgresql", only={"c"}) == ()
    assert [one.code for one in read([expand, contract], "postgresql")] == ["not-null-on-existing"]


def test_history_is_read_and_not_judged() -> None:
    """Only the revisions that the release brings have findings."""
    steps = [reading("DELETE FROM a", id_="old"), reading("DELETE FROM b", id_="new")]

    assert [one.revision for one in read(steps, "postgresql", only={"new"})] == ["new"]


def test_the_tools_own_books_are_left_alone() -> None:
    """A tool may empty its own table."""
    books = Statement("DELETE FROM alembic_version", "", 1, books=True)

    assert read([Reading(Revision("a", ()), (books,))], "postgresql") == ()


def python(
    body: str, *, head: str = "", down: str = "op.drop_table('x')", declared: Declared | None = None
) -> list[str]:
    """The codes of a revision with this body."""
    indented = body.replace("\n", "\n    ")
    source = f"{head}\n\ndef upgrade():\n    {indented}\n\ndef downgrade():\n    {down}\n"
    one = Reading(Revision("a", (), path="a.py", declared=declared), (), source)
    return [fault.code for fault in read([one], "postgresql", application={"shop"})]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("from shop.models import Order", ["imports-models"]),
        ("import shop.models.order", ["imports-models"]),
        ("from shop import models", ["imports-models"]),
        ("from ..models import Order", ["imports-models"]),
        ("from . import models", ["imports-models"]),
        ("from shop.types import Guid", ["imports-application"]),
        ("import requests", ["network-import"]),
        ("from urllib import request", ["network-import"]),
        ("import urllib.request", ["network-import"]),
        ("from google.cloud import storage", ["network-import"]),
        ("import boto3.session as s", ["network-import"]),
        ("from urllib.parse import quote", []),
        ("import sqlalchemy as sa\nfrom alembic import op", []),
        ("from django.db import migrations, models", []),
        ("from .helpers import x", []),
        ("import requests_like", []),
        ("import shopping", []),
    ],
)
def test_imports_that_reach_beyond_the_revision_are_found(head: str, expected: list[str]) -> None:
    """The network, the application's models, the application; libraries are fine."""
    assert python("op.create_table('x')", head=head) == expected


def test_an_import_inside_of_a_function_counts_too() -> None:
    """That is where they hide."""
    assert python("from shop.models import Order\nop.create_table('x')") == ["imports-models"]


@pytest.mark.parametrize(
    "body",
    [
        "for row in conn.execute(q):\n    op.execute(f\"UPDATE t SET a = '{row.a}'\")",
        "rows = conn.execute(q).all()\nfor a, b in rows:\n    c = a.strip()\n    op.execute('UPDATE t SET a = %s' % c)",
        "name = conn.scalar(q)\nconn.execute(sa.text('UPDATE ' + name))",
        "name = conn.scalar(q)\nsql = f'UPDATE {name}'\nop.execute(sql)",
        "[op.execute('UPDATE {}'.format(r[0])) for r in session.query(T).all()]",
    ],
)
def test_sql_put_together_from_rows_is_found(body: str) -> None:
    """By f-string, %, + and format, with a name in between, and in a comprehension."""
    assert python(body) == ["sql-from-data"]


@pytest.mark.parametrize(
    "body",
    [
        "for table in ('a', 'b'):\n    op.execute(f'UPDATE {table} SET x = 1')",
        "for row in conn.execute(q):\n    conn.execute(sa.text('UPDATE t SET a = :a'), {'a': row.a})",
        "op.execute(f'ALTER TABLE {TABLE} ADD x int')",
        "rows = conn.execute(q)\nprint(f'{rows}')\nop.execute('SELECT 1')",
    ],
)
def test_sql_put_together_from_the_revision_itself_is_none(body: str) -> None:
    """Constants, bound parameters and messages."""
    assert python(body) == []


@pytest.mark.parametrize("down", ["pass", "...", "return", "return None", '"""Nothing."""', "print('no')"])
def test_a_downgrade_that_does_nothing_is_found(down: str) -> None:
    """Unless the upgrade does nothing either (a merge), or the revision is declared irreversible."""
    assert python("op.create_table('x')", down=down) == ["empty-downgrade"]
    assert python("pass", down=down) == []
    assert python("op.create_table('x')", down=down, declared=Declared("legal", "dump")) == []


def test_a_downgrade_that_raises_is_no_empty_one() -> None:
    """It does not pretend."""
    assert python("op.create_table('x')", down="raise NotImplementedError") == []


def test_a_file_that_cannot_be_parsed_is_a_fault() -> None:
    """What cannot be read was not checked."""
    (fault,) = read([reading(source="def upgrade(:\n")], "postgresql")

    assert (fault.code, fault.line, fault.blocks) == ("unreadable-source", 1, True)


def test_each_rule_has_a_test() -> None:
    """A rule that nothing breaks is no rule."""
    elsewhere = {"backfill-with-ddl", "no-lock-timeout", "sql-from-data", "imports-models", "imports-application"}
    elsewhere |= {"network-import", "empty-downgrade", "unreadable-source"}

    assert {code for code, _ in BROKEN} | elsewhere == set(RULES)


@given(
    st.lists(st.text("UPDATE SET WHERE ab=();'\"$,-\n", max_size=60), max_size=3),
    st.sampled_from(["postgresql", "mysql", "sqlite"]),
)
def test_no_text_makes_reading_fail(sql: list[str], engine: Engine) -> None:
    """Whatever a tool sent."""
    read([reading(*sql, source="\n".join(sql))], engine)
