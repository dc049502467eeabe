"""CHECK constraints as the engines print them: what they allow, whom they speak of, and what we do not read."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.migrate.checks import understand
from relgate.migrate.patterns import base36, example, glob_example, like_example, matches
from relgate.ports.migrations import Row

COLUMNS = ("a", "b", "Code", "data", "status")


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("((a > (0)::numeric))", {"a": "0.01"}, {"a": "-1"}),
        ("((a >= 1) AND (a <= 5))", {"a": 5}, {"a": 6}),
        ("a BETWEEN 1 AND 5 OR a = 9", {"a": 9}, {"a": 8}),
        ("a NOT BETWEEN 1 AND 5", {"a": 0}, {"a": 3}),
        ("((status)::text = ANY ((ARRAY['x'::character varying, 'y''s'::character varying])::text[]))",
         {"status": "y's"}, {"status": "z"}),
        ("((status)::text <> ALL (ARRAY['x'::text, 'y'::text]))", {"status": "z"}, {"status": "x"}),
        ("(status = ANY ('{x,y}'::text[]))", {"status": "y"}, {"status": "z"}),
        ("`status` in (_utf8mb4'x',_utf8mb4'y')", {"status": "x"}, {"status": "z"}),
        ("status NOT IN ('x', 'y')", {"status": "z"}, {"status": "x"}),
        ('(char_length(("Code")::text) = 3)', {"Code": "abc"}, {"Code": "ab"}),
        ("((status)::text ~~ '%@%._'::text)", {"status": "a@b.c"}, {"status": "a"}),
        ("((status)::text !~~ 'a%'::text)", {"status": "b"}, {"status": "ab"}),
        ("((status)::text ~ '^[A-Z]{2}[0-9]+$'::text)", {"status": "AB1"}, {"status": "ab1"}),
        ("((status)::text ~* '^[a-z]+$'::text)", {"status": "AB"}, {"status": "1"}),
        ("status GLOB '[A-Z]*'", {"status": "Ab"}, {"status": "ab"}),
        ("lower((status)::text) = (status)::text", {"status": "a"}, {"status": "A"}),
        ("((a IS NOT NULL) OR (b IS NOT NULL))", {"a": None, "b": 1}, {"a": None, "b": None}),
        ("((a IS NULL) <> (b IS NULL))", {"a": 1, "b": None}, {"a": 1, "b": 1}),
        ("(num_nonnulls(a, b) = 1)", {"a": 1, "b": None}, {"a": 1, "b": 2}),
        ("(jsonb_typeof(data) = 'object'::text)", {"data": "{}"}, {"data": "[]"}),
        ("json_valid(data)", {"data": "{}"}, {"data": "{"}),
        ("(a < b)", {"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ("(a >= '2024-01-01'::date)", {"a": "2024-01-02"}, {"a": "2023-12-31"}),
        ("((a % 2) = 0 AND a * 2 < 10 + 1)", {"a": 4}, {"a": 6}),
        ("(NOT (a = 3))", {"a": 4}, {"a": 3}),
        ("a IS NOT TRUE", {"a": False}, {"a": True}),
        ("(a IS DISTINCT FROM b)", {"a": 1, "b": None}, {"a": None, "b": None}),
        ("CAST(a AS integer) > -5", {"a": 0}, {"a": -6}),
        ("(COALESCE(a, 0) > 0)", {"a": 1}, {"a": None}),
    ],
)  # fmt: skip
def test_forms_that_are_understood(text: str, good: Row, bad: Row) -> None:
    """Each lets the one row through and refuses the other."""
    check = understand(text, COLUMNS)
    assert check.understood
    assert check.holds(good) is True
    assert check.holds(bad) is False
    assert check.columns == good.keys()


@pytest.mark.parametrize(
    "text", ["a > now()", "my_function(a)", "a @> b", "CASE WHEN a THEN b END", "a >", "", "\x00", "a = (SELECT 1)"]
)
def test_what_is_not_understood_is_nobodys_verdict(text: str) -> None:
    """Neither true nor false, but the columns and constants are known all the same."""
    check = understand(text, COLUMNS)
    assert not check.understood
    assert check.holds({"a": 1, "b": 2}) is None
    assert check.columns == {name for name in ("a", "b") if name in text.split() or f"({name})" in text}


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever a project writes: understood or not, never an exception."""
    assert understand(text, COLUMNS).holds({"a": 1}) in {True, False, None}


NUMBERS = st.integers(-9, 9).map(str)
TERMS = st.recursive(
    st.one_of(
        st.builds(
            "{} {} {}".format, st.sampled_from("ab"), st.sampled_from(["<", "<=", "=", "<>", ">", ">="]), NUMBERS
        ),
        st.builds("{} BETWEEN {} AND {}".format, st.sampled_from("ab"), NUMBERS, NUMBERS),
        st.builds("{} IN ({}, {})".format, st.sampled_from("ab"), NUMBERS, NUMBERS),
        st.builds("{} + {} > b * {}".format, st.sampled_from("ab"), NUMBERS, NUMBERS),
        st.sampled_from(["a IS NULL", "b IS NOT NULL", "a < b", "NULL"]),
    ),
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("{} OR {}".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=6,
)


@given(TERMS, st.one_of(st.none(), st.integers(-9, 9)), st.one_of(st.none(), st.integers(-9, 9)))
def test_our_reading_is_the_databases(term: str, a: int | None, b: int | None) -> None:
    """Precedence and three-valued logic are what SQLite makes of the same text."""
    connection = sqlite3.connect(":memory:")
    ((expected,),) = connection.execute(f"SELECT {term} FROM (SELECT ? AS a, ? AS b)", (a, b)).fetchall()  # noqa: S608  generated here
    connection.close()
    assert understand(term, COLUMNS).holds({"a": a, "b": b}) is (None if expected is None else bool(expected))


@pytest.mark.parametrize(
    "expression",
    [
        r"^[A-Z]{2}\d{4}$",
        r"^(foo|bar)-[a-z]+$",
        r"^[^@]+@[^@]+\.[a-z]{2,}$",
        r"^#[0-9a-f]{6}$",
        r"^\+?[0-9 ]*$",
        "^a|b$",
    ],
)
def test_examples_match_their_expression(expression: str) -> None:
    """For many numbers, and other ones for other numbers where the expression has room."""
    texts = [example(expression, number) for number in range(30)]
    assert all(text is not None and matches(text, expression) for text in texts)


@given(st.text(alphabet="ab%_-@", max_size=8), st.integers(0, 5000))
def test_examples_are_like_their_pattern(pattern: str, number: int) -> None:
    """As SQLite reads LIKE and GLOB."""
    connection = sqlite3.connect(":memory:")
    text, other = like_example(pattern, number), glob_example(pattern.replace("%", "*").replace("_", "?"), number)
    row = connection.execute(
        "SELECT ? LIKE ?, ? GLOB ?", (text, pattern, other, pattern.replace("%", "*").replace("_", "?"))
    )
    assert row.fetchone() == (1, 1)
    connection.close()


@given(st.integers(0, 10**9))
def test_base_36_is_read_back(number: int) -> None:
    """As Python reads it."""
    assert int(base36(number), 36) == number
