"""Differences of catalogs: complete, by cause, with a class, and as text that a person reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlite import SqliteServer
from relgate.migrate.schema import Difference, ddl, differences
from relgate.ports.migrations import Catalog, Server

KINDS = (
    "table",
    "column",
    "constraint",
    "index",
    "sequence",
    "enum",
    "view",
    "comment",
    "privilege",
    "column-order",
    "new",
)
NAMES = st.lists(st.sampled_from(["public", "a", "b", '"x.y"', "id"]), min_size=1, max_size=3).map(".".join)
TEXTS = st.sampled_from(
    ["", "integer", "integer not null", "UNIQUE (a)", "CREATE INDEX a ON public.a (id)", "owned by a.b"]
)
CATALOGS = st.dictionaries(st.tuples(st.sampled_from(KINDS), NAMES), TEXTS, max_size=12)


@given(CATALOGS, CATALOGS)
def test_there_is_a_difference_if_and_only_if_catalogs_differ(a: Catalog, b: Catalog) -> None:
    """Grouping by cause may put things together but drops nothing; every difference can be shown."""
    found = differences(a, b)
    assert (found == ()) is (a == b)
    assert all(ddl(one) and one.text for one in found)
    named = {(one.object, one.identity) for one in found} | {key for one in found for key in one.children}
    named |= {(one.object, one.other) for one in found if one.other}
    assert named >= {key for key in a.keys() | b.keys() if a.get(key) != b.get(key)}


@given(CATALOGS)
def test_a_catalog_equals_itself(a: Catalog) -> None:
    """In whatever order it was read."""
    assert differences(a, dict(reversed(a.items()))) == ()


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    """Real servers of two engines."""
    with SqliteServer() as sqlite, PostgresServer.private("auto") as postgres:
        yield {"sqlite": sqlite, "postgresql": postgres}


BASE = (
    "CREATE TABLE customer (id integer PRIMARY KEY, name varchar(20) NOT NULL, email varchar(99), note text)",
    """CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL, total numeric(9,2) DEFAULT 0,
    CONSTRAINT total_positive CHECK (total >= 0),
    CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customer (id) ON DELETE CASCADE)""",
    "CREATE UNIQUE INDEX ux_email ON customer (email)",
    "CREATE INDEX ix_total ON orders (total)",
    "CREATE VIEW big AS SELECT id FROM orders WHERE total > 100",
)
POSTGRES = (
    *BASE,
    "CREATE TYPE mood AS ENUM ('a', 'b')",
    "ALTER TABLE customer ADD COLUMN mood mood",
    "CREATE SEQUENCE numbers OWNED BY orders.total",
    "COMMENT ON COLUMN orders.total IS 'in euros'",
    "ALTER TABLE customer ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY own ON customer USING (name = current_user)",
    "GRANT SELECT ON customer TO PUBLIC",
)


def change(server: Server, base: tuple[str, ...], *statements: str) -> tuple[Difference, ...]:
    """Return what statements change in a real catalog."""
    scratch = server.create()
    with server.open(scratch) as session:
        for statement in base:
            session.run(statement)
        before = session.catalog()
        for statement in statements:
            session.run(statement)
        after = session.catalog()
    server.drop(scratch)
    return differences(before, after)


CHANGES = {
    "DROP INDEX ix_total": [("lost", "index")],
    "DROP INDEX ux_email": [("weakened", "index")],
    "DROP VIEW big": [("lost", "view")],
    "DROP TABLE orders CASCADE": [("lost", "table"), ("lost", "view")],
    "CREATE TABLE extra (id integer PRIMARY KEY, u text UNIQUE)": [("left-over", "table")],
    "CREATE INDEX ix_note ON customer (note)": [("left-over", "index")],
    "ALTER INDEX ix_total RENAME TO ix_other": [("renamed", "index")],
    "ALTER TABLE orders RENAME CONSTRAINT total_positive TO other": [("renamed", "constraint")],
    "ALTER TABLE customer DROP COLUMN note": [("lost", "column")],
    "ALTER TABLE customer DROP COLUMN email": [("lost", "column")],
    "ALTER TABLE orders DROP COLUMN total CASCADE": [("lost", "view"), ("lost", "column")],
    "ALTER TABLE customer ADD COLUMN more text": [("left-over", "column")],
    "ALTER TABLE customer ALTER name DROP NOT NULL": [("weakened", "column")],
    "ALTER TABLE customer ALTER note SET NOT NULL": [("changed", "column")],
    "ALTER TABLE orders ALTER total DROP DEFAULT": [("changed", "column")],
    "ALTER TABLE customer ALTER email TYPE text": [("changed", "column")],
    "ALTER TABLE orders DROP CONSTRAINT total_positive": [("weakened", "constraint")],
    "ALTER TABLE customer DISABLE ROW LEVEL SECURITY": [("weakened", "table")],
    "DROP POLICY own ON customer": [("weakened", "policy")],
    "REVOKE SELECT ON customer FROM PUBLIC": [("weakened", "privilege")],
    "ALTER TYPE mood ADD VALUE 'c'": [("changed", "enum")],
    "ALTER TYPE mood ADD VALUE 'c' BEFORE 'a'": [("changed", "enum")],
    "COMMENT ON COLUMN orders.total IS NULL": [("lost", "comment")],
    "ALTER TABLE orders DROP CONSTRAINT orders_customer, ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) "
    "REFERENCES customer (id)": [("weakened", "constraint")],
    "ALTER TABLE orders DROP CONSTRAINT total_positive, ADD CONSTRAINT total_positive CHECK (total >= 0) NOT VALID": [
        ("weakened", "constraint")
    ],
}
SQLITE = [statement for statement in CHANGES if statement.startswith(("DROP INDEX", "DROP VIEW", "CREATE"))]


@pytest.mark.parametrize("statement", CHANGES)
def test_a_change_of_postgresql_is_one_cause_with_its_class(servers: dict[str, Server], statement: str) -> None:
    """What only follows from it is not said a second time, views excepted: they are written down by hand."""
    found = change(servers["postgresql"], POSTGRES, statement)
    assert sorted((one.kind, one.object) for one in found) == sorted(CHANGES[statement])


def test_another_column_order_is_that_and_no_more(servers: dict[str, Server]) -> None:
    """A column dropped and added again is where it was not: a difference that only SELECT * sees."""
    base = (*BASE[:1], "ALTER TABLE customer ADD COLUMN last text")
    steps = ("ALTER TABLE customer DROP COLUMN name", "ALTER TABLE customer ADD COLUMN name varchar(20) NOT NULL")
    (one,) = change(servers["postgresql"], base, *steps)
    assert (one.kind, one.object) == ("order", "column-order")


@pytest.mark.parametrize("statement", SQLITE)
def test_a_change_of_sqlite_is_one_cause_with_its_class(servers: dict[str, Server], statement: str) -> None:
    """The same classes from another engine's catalog."""
    found = change(servers["sqlite"], BASE, statement)
    assert sorted((one.kind, one.object) for one in found) == sorted(CHANGES[statement])


def test_a_lost_table_counts_what_went_with_it(servers: dict[str, Server]) -> None:
    """Columns, constraints, indexes, the sequence and the comment are named under it, the view stands beside it."""
    found = change(servers["postgresql"], POSTGRES, "DROP TABLE orders CASCADE")
    (table,) = [one for one in found if one.object == "table"]
    assert {kind for kind, _ in table.children} == {
        "column", "constraint", "index", "sequence", "comment", "column-order",
    }  # fmt: skip
    assert "3 columns" in table.text
    assert "1 index" in table.text


def test_a_difference_reads_like_ddl() -> None:
    """Expected behind a minus, found behind a plus, and a rename shows both names."""
    index = "CREATE INDEX ix ON public.t USING btree (a)"
    (lost,) = differences({("index", "public.ix"): index}, {})
    assert ddl(lost) == f"- {index};"
    (renamed,) = differences({("index", "public.ix"): index}, {("index", "public.iy"): index.replace("ix", "iy")})
    assert ddl(renamed).splitlines() == [f"- {index};", f"+ {index.replace('ix', 'iy')};"]
    assert renamed.text == "index public.ix is called public.iy now"
    (column,) = differences({("column", "public.t.a"): "integer not null"}, {("column", "public.t.a"): "integer"})
    assert ddl(column) == (
        "- ALTER TABLE public.t ADD COLUMN a integer not null;\n+ ALTER TABLE public.t ADD COLUMN a integer;"
    )
    assert column.text == "column public.t.a is weaker"


def test_what_follows_is_under_its_cause() -> None:
    """An index goes with its table or its constraint; a privilege that shrinks is a weakening of its own."""
    index = "CREATE UNIQUE INDEX k ON public.t USING btree (lower('x'))"
    with_table = {("table", "public.t"): "table", ("index", "public.k"): index}
    (one,) = differences(with_table, {})
    assert (one.object, one.children) == ("table", (("index", "public.k"),))
    with_constraint = {("constraint", "public.t.k"): "UNIQUE (a)", ("index", "public.k"): index}
    (one,) = differences(with_constraint, {})
    assert (one.object, one.children) == ("constraint", (("index", "public.k"),))
    key = ("privilege", "table public.t to alice")
    (one,) = differences({key: "+select, +update"}, {key: "+select"})
    assert one.kind == "weakened"
