"""Seeding: rows that real databases take at the first try, that agree with their parents, and that show what is new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlite import SqliteServer
from relgate.migrate.rows import orphans
from relgate.migrate.seed import Seeding, fresh_for, seed
from relgate.ports.migrations import Column, Engine, ForeignKey, Row, Server, Session, SqlError, Table
from tests.migrate.schemas import POSTGRES, PRELUDE, Drawn, schemas


@pytest.fixture(scope="module")
def sqlite() -> Iterator[SqliteServer]:
    """A folder for SQLite files."""
    with SqliteServer() as server:
        yield server


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL."""
    with PostgresServer.private("auto") as server:
        yield server


def send(session: Session, plan: Seeding) -> None:
    """Insert every row, without any second try."""
    for insert in plan.inserts:
        session.run(insert.sql, insert.values)
    for update in plan.updates:
        session.run(update.sql, update.values)


def seeded(session: Session, ddl: Sequence[str], engine: Engine, n: int = 5) -> dict[str, list[Row]]:
    """Make tables, seed them, and return their rows."""
    for statement in ddl:
        session.run(statement)
    tables = session.tables()
    plan = seed(tables, engine, rows=n)
    assert plan.unseedable == ()
    send(session, plan)
    rows = session.rows()
    assert not orphans(rows, tables)
    assert all(rows[table.name] for table in tables)
    return rows


def in_a_database(server: Server, ddl: Sequence[str], engine: Engine) -> tuple[tuple[Table, ...], dict[str, list[Row]]]:
    """Return the tables and rows that seeding a new database ends with."""
    scratch = server.create()
    try:
        with server.open(scratch) as session:
            rows = seeded(session, ddl, engine)
            return session.tables(), rows
    finally:
        server.drop(scratch)


@given(schemas())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sqlite_takes_every_row(sqlite: SqliteServer, drawn: Drawn) -> None:
    """Whatever the tables ask for, SQLite takes the first choice of each row, and no reference hangs in the air."""
    in_a_database(sqlite, drawn.ddl, "sqlite")


@given(drawn=schemas(POSTGRES))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_postgresql_takes_every_row(postgres: PostgresServer, drawn: Drawn) -> None:
    """So does PostgreSQL, with types, enums and domains of its own."""
    scratch = postgres.create()
    with postgres.open(scratch) as session:
        seeded(session, (*PRELUDE, *drawn.ddl), "postgresql")
    postgres.drop(scratch)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_every_nullable_column_is_null_once_and_filled_once(engine: Engine, request: pytest.FixtureRequest) -> None:
    """A migration that forgets NULL, or that forgets everything else, meets both in every column."""
    server = request.getfixturevalue("postgres" if engine == "postgresql" else "sqlite")
    types = ("integer", "varchar(5)", "text", "boolean", "date", "timestamp", "numeric(6,2)", "bigint")
    columns = ", ".join(f"c{at} {kind}" for at, kind in enumerate(types))
    ddl = ["CREATE TABLE a (id integer PRIMARY KEY)", f"CREATE TABLE b ({columns}, a_id integer REFERENCES a (id))"]
    _, rows = in_a_database(server, ddl, engine)
    (name,) = [name for name in rows if name.endswith("b")]
    for column in rows[name][0]:
        assert {row[column] is None for row in rows[name]} == {True, False}, column


def table(*columns: Column, name: str = "t", **more: Any) -> Table:
    """A table with a key and these columns."""
    return replace(Table(name, (Column("id", "integer", "integer", nullable=False), *columns), ("id",)), **more)


def column_of(plan: Seeding, name: str, of: str = "t") -> list[object]:
    """The values of a column, row by row."""
    return [one.values[one.columns.index(name)] for one in plan.inserts if one.table == of]


def test_types_are_filled_to_their_limits() -> None:
    """As long as allowed, one less, the largest and the smallest number, microseconds, quotes and percent signs."""
    plan = seed(
        [
            table(
                Column("v", "character varying", "varchar(20)", nullable=False, length=20),
                Column("i", "smallint", "smallint", nullable=False),
                Column("n", "numeric", "numeric(5,2)", nullable=False, precision=5, scale=2),
                Column("t", "timestamp with time zone", "timestamptz", nullable=False),
                Column("b", "boolean", "boolean", nullable=False),
            )
        ],
        "postgresql",
    )
    texts = [str(value) for value in column_of(plan, "v")]
    assert {20, 19} <= set(map(len, texts))
    assert any(not text.isascii() for text in texts)
    assert any("'" in text and "\\" in text and "%" in text for text in texts)
    assert {32767, -32768, 0} <= set(column_of(plan, "i"))
    assert {"999.99", "-999.99"} <= set(column_of(plan, "n"))
    assert any(".999999" in str(value) for value in column_of(plan, "t"))
    assert {True, False} == set(column_of(plan, "b"))


def test_null_and_the_empty_text_are_both_there() -> None:
    """Whichever row has NULL in a column: five rows also have the longest text, quotes, and no text at all."""
    columns = [Column(f"c{k}", "character varying", "varchar(20)", length=20) for k in range(5)]
    plan = seed([table(*columns)], "postgresql")
    for column in columns:
        texts = column_of(plan, column.name)
        assert {None, ""} <= set(texts)
        assert 20 in {len(str(text)) for text in texts if text is not None}
        assert any("'" in str(text) for text in texts)


def test_every_label_is_used_while_rows_last() -> None:
    """Five rows show five labels, also where a check names them."""
    labels = ("a", "b", "c", "d", "e")
    required = Column("e", "enum", "mood", nullable=False, enum=labels)
    assert set(column_of(seed([table(required)], "postgresql"), "e")) == set(labels)
    nullable = replace(required, nullable=True, enum=labels[:4])
    assert set(column_of(seed([table(nullable)], "postgresql"), "e")) == {*labels[:4], None}
    checked = Column("s", "text", "text", nullable=False)
    text = "((s)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying, 'z'::character varying])::text[]))"
    assert set(column_of(seed([table(checked, checks=(text,))], "postgresql"), "s")) == {"x", "y", "z"}


def test_the_same_schema_gets_the_same_rows() -> None:
    """Values depend on type and row number, not on a clock or on chance."""
    tables = [table(Column("u", "uuid", "uuid"), Column("t", "timestamp without time zone", "timestamp"))]
    assert seed(tables, "postgresql") == seed(tables, "postgresql")


def test_generated_columns_are_left_to_the_database() -> None:
    """An identity that insists is overridden, so that children know it; a generated column is not written at all."""
    identity = Table(
        "t", (Column("id", "bigint", "bigint", nullable=False, identity="always"),
              Column("twice", "integer", "integer", generated=True)), ("id",),
    )  # fmt: skip
    (first, *_) = seed([identity], "postgresql").inserts
    assert first.columns == ("id",)
    assert "OVERRIDING SYSTEM VALUE" in first.sql


def test_a_circle_of_references_is_closed_afterwards(sqlite: SqliteServer) -> None:
    """Where one of the references may be NULL, it is NULL first; an UPDATE sets it when both rows are there."""
    ddl = (
        "CREATE TABLE a (id integer PRIMARY KEY, b_id integer REFERENCES b (id))",
        "CREATE TABLE b (id integer PRIMARY KEY, a_id integer NOT NULL REFERENCES a (id))",
    )
    _, rows = in_a_database(sqlite, ddl, "sqlite")
    assert all(row["b_id"] is not None for row in rows["a"])


def test_a_required_circle_is_said_to_be_impossible() -> None:
    """No row can be the first one: that is a reason, not a crash; whoever refers to such a table has the same fate."""
    key = ForeignKey("f", ("o",), "b", ("id",))
    column = Column("o", "integer", "integer", nullable=False)
    a = table(column, name="a", foreign_keys=(key,))
    b = table(column, name="b", foreign_keys=(replace(key, table="a"),))
    c = table(column, name="c", foreign_keys=(replace(key, table="a"),))
    assert [name for name, _ in seed([a, b, c], "postgresql").unseedable] == ["a", "b", "c"]


def test_an_unknown_type_is_null_or_a_reason() -> None:
    """A type that we have no value for stays NULL where it may, and is named where it may not."""
    strange = Column("g", "geometry", "geometry(Point)")
    assert set(column_of(seed([table(strange)], "postgresql"), "g")) == {None}
    ((_, reason),) = seed([table(replace(strange, nullable=False))], "postgresql").unseedable
    assert "geometry(Point)" in reason


def test_tables_that_have_rows_are_not_filled_again(sqlite: SqliteServer) -> None:
    """Only the missing rows are made, and they refer to parents that are there."""
    scratch = sqlite.create()
    with sqlite.open(scratch) as session:
        rows = seeded(session, ["CREATE TABLE a (id integer PRIMARY KEY, u varchar(9) UNIQUE)"], "sqlite", n=3)
        session.run("CREATE TABLE b (id integer PRIMARY KEY, a_id integer NOT NULL REFERENCES a (id))")
        have = {"a": 3}
        for plan in (
            seed(session.tables(), "sqlite", have=have, known=rows),
            seed(session.tables(), "sqlite", have=have),
        ):
            assert [one.table for one in plan.inserts].count("a") == 2
            session.begin()
            send(session, plan)
            assert session.counts() == {"a": 5, "b": 5}
            session.rollback()


def test_alternatives_help_where_a_rule_cannot_be_read(sqlite: SqliteServer) -> None:
    """A check that we do not understand is tried: another value of the same row is taken by the database."""
    scratch = sqlite.create()
    with sqlite.open(scratch) as session:
        session.run("CREATE TABLE t (id integer PRIMARY KEY, c text NOT NULL CHECK (hex(c) NOT LIKE '%27%'))")
        refused = 0
        for insert in seed(session.tables(), "sqlite", rows=5).inserts:
            for attempt in (insert, *insert.alternatives):
                try:
                    session.run(attempt.sql, attempt.values)
                    break
                except SqlError:
                    refused += 1
        assert refused
        assert session.counts() == {"t": 5}


def test_partitions_are_filled_within_their_bounds() -> None:
    """A partition whose bounds are among its checks gets rows, its parent none; without bounds it is said so."""
    day = Column("d", "date", "date", nullable=False)
    parent = table(day, name="p", partitioned=True)
    bound = "((d IS NOT NULL) AND (d >= '2030-01-01'::date) AND (d < '2030-02-01'::date))"
    leaf = table(day, name="p1", partition_of="p", checks=(bound,))
    plan = seed([parent, leaf], "postgresql")
    assert {one.table for one in plan.inserts} == {"p1"}
    assert all(str(value).startswith("2030-01") for value in column_of(plan, "d", "p1"))
    names = [name for name, _ in seed([parent, replace(leaf, checks=())], "postgresql").unseedable]
    assert names == ["p", "p1"]


@given(st.integers(0, 2000), st.integers(1, 40))
def test_keys_are_distinct(start: int, n: int) -> None:
    """Two rows never share a key, whatever its type."""
    for kind in ("integer", "uuid", "text", "date", "inet", "timestamp without time zone"):
        plan = seed([Table("t", (Column("k", kind, kind, nullable=False),), ("k",))], "postgresql", rows=n, start=start)
        assert len(set(column_of(plan, "k"))) == n


def test_what_is_new_is_written_first() -> None:
    """A new label, a longer text, a larger number, NULL, what a dropped check kept out, a repeated value."""
    old = table(
        Column("e", "enum", "mood", nullable=False, enum=("a", "b")),
        Column("v", "character varying", "varchar(5)", nullable=False, length=5),
        Column("i", "integer", "integer", nullable=False),
        Column("r", "text", "text", nullable=False),
        Column("c", "integer", "integer", nullable=False),
        Column("u", "text", "text", nullable=False),
        checks=("c > 0",),
        uniques=(("u",),),
    )
    by_name = {column.name: column for column in old.columns}
    new = table(
        replace(by_name["e"], enum=("a", "b", "new")),
        replace(by_name["v"], declared="varchar(50)", length=50),
        replace(by_name["i"], type="bigint", declared="bigint"),
        replace(by_name["r"], nullable=True),
        by_name["c"],
        by_name["u"],
    )
    first, second, *_ = fresh_for([old], [new], "postgresql")
    row = dict(zip(first.columns, first.values, strict=True))
    assert row["e"] == "new"
    assert len(row["v"]) == 50
    assert row["i"] == 2**63 - 1
    assert row["r"] is None
    assert row["c"] <= 0
    assert row["u"] == dict(zip(second.columns, second.values, strict=True))["u"]
    assert first.number >= 1000
    assert fresh_for([new], [new], "postgresql") == ()


def test_fresh_rows_bring_their_parents_along() -> None:
    """A child with something new refers to a parent's new row; a table that has nothing to do with it stays alone."""
    parent, stranger = table(name="p"), table(name="s")
    old = table(Column("p_id", "integer", "integer", nullable=False), name="c",
                foreign_keys=(ForeignKey("f", ("p_id",), "p", ("id",)),))  # fmt: skip
    new = replace(old, columns=(*old.columns, Column("n", "text", "text")))
    inserts = fresh_for([parent, stranger, old], [parent, stranger, new], "postgresql")
    assert {one.table for one in inserts} == {"p", "c"}
