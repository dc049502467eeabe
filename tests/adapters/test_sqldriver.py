"""Statements with their values in them mean what the driver's own parameters mean."""

from __future__ import annotations

import contextlib
import sqlite3
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqldriver import formatted, literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = st.integers(-(2**62), 2**62) | st.floats(allow_nan=False)
VALUES = st.none() | NUMBERS | st.binary() | st.text(st.characters(exclude_categories=["Cs"]))


@given(values=st.lists(VALUES, min_size=1, max_size=4))
def test_sqlite_reads_what_was_filled_in(values: list[object]) -> None:
    """Question marks in quotes and comments stay, the others become the values."""
    sql = "SELECT " + ", ".join("?" for _ in values) + ", '?' /* ? */ -- ?"
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        text = literal(connection, sql, tuple(values), "sqlite")
        written, given_apart = connection.execute(text).fetchone(), connection.execute(sql, values).fetchone()
    for one, other in zip(written, given_apart, strict=True):
        # SQLite itself reads some numbers wrongly in their last digit.
        assert one == (pytest.approx(other, rel=1e-15, abs=0) if isinstance(other, float) else other)


@given(value=NUMBERS)
def test_a_negative_value_begins_no_comment(value: float) -> None:
    """``1-?`` is a difference."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        text = literal(connection, "SELECT 1-?", (value,), "sqlite")
        assert connection.execute(text).fetchone() == connection.execute("SELECT 1-?", (value,)).fetchone()


def test_names_are_filled_in() -> None:
    """SQLite's other style; a colon in quotes is none."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        assert literal(connection, "SELECT :a, ':a'", {"a": 1}, "sqlite") == "SELECT 1, ':a'"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    with PostgresServer.private("auto") as made:
        yield made


@pytest.mark.parametrize("value", [None, True, -3, Decimal("1.50"), "it's \\ %", b"\x00\xff", [1, 2], ["a'b"]])
def test_postgresql_reads_what_is_quoted(value: object, postgres: PostgresServer) -> None:
    """The server reads back the value that was written."""
    with postgres.open(postgres.create()) as session:
        assert session.run("SELECT " + quote(value, "postgresql")) == [(value,)]


def test_formats_fill_everywhere() -> None:
    """As those drivers do: a doubled percent sign is one."""
    assert formatted("SELECT %s, '100%%'", ("a'b",), "mysql") == "SELECT 'a''b', '100%'"
    assert formatted("SELECT %(x)s", {"x": "a\\"}, "mysql") == "SELECT 'a\\\\'"
