"""Rows multiplied in a real database: as many as asked for, keys and uniques kept, children beside their parents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from relgate.adapters.mariadb import MariadbServer
from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlite import SqliteServer
from relgate.migrate.filling import fill
from relgate.migrate.multiply import multiplication
from relgate.ports.migrations import Column, ForeignKey, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.ports.migrations import Server

SCHEMA = (
    "CREATE TABLE parents (id INTEGER PRIMARY KEY, code VARCHAR(40) NOT NULL UNIQUE, short VARCHAR(12) NOT NULL)",
    """CREATE TABLE children (parent INTEGER NOT NULL, number INTEGER NOT NULL, name VARCHAR(100) NOT NULL,
       price NUMERIC(8, 2) CHECK (price >= 0), PRIMARY KEY (parent, number), UNIQUE (name),
       FOREIGN KEY (parent) REFERENCES parents (id))""",
)


@pytest.fixture(params=[SqliteServer, PostgresServer.private, MariadbServer.private], ids=["sqlite", "pg", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each engine, for real."""
    with request.param() as made:
        yield made


def test_tables_are_filled_with_as_many_rows_as_asked_for(server: Server) -> None:
    """Again and again: copies of copies stay unique, and no child loses its parent."""
    with server.open(server.create()) as session:
        for sql in SCHEMA:
            session.run(sql)
        for n in (300, 1_000, 6_000):
            tables = session.tables()
            assert fill(session, tables, tables, server.engine, n)
            assert all(count >= n for count in session.counts().values()), session.counts()
        orphans = "SELECT count(*) FROM children c LEFT JOIN parents p ON p.id = c.parent WHERE p.id IS NULL"
        assert session.run(orphans) == [(0,)]


def test_a_key_that_is_only_a_reference_cannot_be_multiplied() -> None:
    """One child for each parent: more children need more parents first."""
    key = ForeignKey("fk", ("id",), "parents", ("id",))
    table = Table("children", (Column("id", "integer", "integer"),), primary_key=("id",), foreign_keys=(key,))

    assert multiplication(table, "postgresql", 3) is None


def test_generated_columns_are_left_to_the_database() -> None:
    """They cannot be written."""
    columns = (Column("id", "integer", "integer"), Column("twice", "integer", "integer", generated=True))
    sql = multiplication(Table("t", columns, primary_key=("id",)), "postgresql", 3)

    assert sql is not None
    assert "twice" not in sql
