"""SQL text of SQLite's, taken apart and written in one way."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.adapters.sqlite_catalog import Schema
from relgate.adapters.sqlite_text import index_parts, normal, read_table, tokens_of
from relgate.ports.migrations import Catalog

_SPACE = st.sampled_from([" ", "\n", "\t ", " /* x, ( */ ", " -- y ) '\n"])
_CASE = st.sampled_from([str.lower, str.upper, str.title])
_QUOTES = st.sampled_from(["{}", '"{}"', "`{}`", "[{}]"])
_TABLE = [
    "CREATE", "TABLE", "|t", "(",
    "|id", "INTEGER", "PRIMARY", "KEY", "AUTOINCREMENT", ",",
    "|name", "VARCHAR", "(", "20", ")", "NOT", "NULL", "DEFAULT", "'It''s, (X)'", "COLLATE", "NOCASE", "UNIQUE", ",",
    "|owner", "INT", "CONSTRAINT", "|ours", "REFERENCES", "|p", "(", "|id", ")", "ON", "DELETE", "SET", "NULL", ",",
    "|twice", "INT", "GENERATED", "ALWAYS", "AS", "(", "|id", "*", "2", ")", "STORED", ",",
    "|n", "INT", "DEFAULT", "(", "1", "+", "1", ")", "CHECK", "(", "|n", "IN", "(", "1", ",", "2", ")", ")", ",",
    "CONSTRAINT", "|fine", "CHECK", "(", "|n", ">", "0", "AND", "|name", "<>", "')'", ")", ",",
    "UNIQUE", "(", "|n", ",", "|owner", ")", ",",
    "FOREIGN", "KEY", "(", "|n", ")", "REFERENCES", "|p", "DEFERRABLE", "INITIALLY", "DEFERRED", ")",
]  # fmt: skip
"""Words of a table; a ``|`` marks names, which may be quoted."""


def _catalog(*statements: str) -> Catalog:
    with closing(sqlite3.connect(":memory:")) as connection:
        for sql in statements:
            connection.execute(sql)
        return Schema(lambda sql: connection.execute(sql).fetchall()).catalog()


@given(st.data())
def test_how_a_text_is_written_makes_no_difference(data: st.DataObject) -> None:
    """Spaces, comments, case of keywords and quotes around names: SQLite takes all for one schema, so do we."""
    words = []
    for word in _TABLE:
        if word.startswith("|"):
            words.append(data.draw(_QUOTES).format(word[1:]))
        else:
            words.append(word if word.startswith("'") else data.draw(_CASE)(word))
        words.append(data.draw(_SPACE))
    plain = " ".join(word.removeprefix("|") for word in _TABLE)
    assert _catalog("CREATE TABLE p (id INTEGER PRIMARY KEY)", "".join(words)) == _catalog(
        "CREATE TABLE p (id INTEGER PRIMARY KEY)", plain
    )


@given(st.text(alphabet="ab'\"`[]()%., \n-/*xX01_é", max_size=40))
def test_tokens_are_the_text_without_spaces_and_comments(text: str) -> None:
    """Each is where it says, in order, and nothing else is left out."""
    tokens = tokens_of(text)
    assert all(text[token.start : token.end] == token.text for token in tokens)
    places = [0, *(place for token in tokens for place in (token.start, token.end)), len(text)]
    assert places == sorted(places)
    between = [text[start:end] for start, end in zip(places[::2], places[1::2], strict=True)]
    assert all(not part.strip() or part.strip().startswith(("--", "/*")) for part in between)


@given(
    st.lists(st.sampled_from(["a", "B", "'x Y'", '"a"', '"Zz"', "[q r]", "1.5E3", "(", ")", ",", "<=", "||", "SELECT"]))
)
def test_writing_twice_changes_nothing(words: list[str]) -> None:
    """The one way stays the one way."""
    once = normal(" ".join(words), {"a", "b"})
    assert normal(once, {"a", "b"}) == once


@given(st.text(alphabet="ab' ,()-CHEKUNIQtabledefault\"`", max_size=60))
def test_garbage_is_refused_or_read_and_never_breaks(text: str) -> None:
    """The only error is the one that its caller expects."""
    for read in (read_table, index_parts):
        try:
            read(f"CREATE TABLE t ({text})")
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a INT CHECK (a > 0)", "a INT, CHECK (a > 0)"),
        ("a INT CHECK (a > 0)", "a INT CHECK ((a > 0))"),
        ("a INT UNIQUE", "a INT, UNIQUE (a)"),
        ("a INT PRIMARY KEY", "a INT, PRIMARY KEY (a)"),
        ("a INT REFERENCES t (a)", "a INT, FOREIGN KEY (a) REFERENCES t (a) ON DELETE NO ACTION"),
        ("a INT PRIMARY KEY, b INT REFERENCES t", "a INT PRIMARY KEY, b INT REFERENCES t (a)"),
        ("a INT CONSTRAINT needed NOT NULL", "a INT NOT NULL"),
        ("a INT DEFAULT (1)", "a INT DEFAULT 1"),
        ("a INT DEFAULT NULL", "a INT"),
        ('a TEXT DEFAULT "x"', "a TEXT DEFAULT 'x'"),
        ("a varchar (10)", "a VARCHAR(10)"),
        ("a INT NOT NULL ON CONFLICT ABORT", "a INT NOT NULL"),
        ("a TEXT COLLATE BINARY", "a TEXT"),
        ("a INT, b INT AS (a + 1)", "a INT, b INT GENERATED ALWAYS AS (a+1) VIRTUAL"),
    ],
)  # fmt: skip
def test_what_sqlite_treats_alike_is_equal(one: str, other: str) -> None:
    """At the column or at the table, written out or implied."""
    assert _catalog(f"CREATE TABLE t ({one})") == _catalog(f"CREATE TABLE t ({other})")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a TEXT DEFAULT 'X'", "a TEXT DEFAULT 'x'"),
        ("a TEXT CHECK (a <> 'X')", "a TEXT CHECK (a <> 'x')"),
        ("a TEXT CHECK (a <> 'a  b')", "a TEXT CHECK (a <> 'a b')"),
        ("a INT CONSTRAINT one CHECK (a > 0)", "a INT CONSTRAINT two CHECK (a > 0)"),
        ("a INT CHECK (a > 0)", "a INT CHECK (a > 0) CHECK (a > 0)"),
        ("a INT UNIQUE ON CONFLICT IGNORE", "a INT UNIQUE"),
        ("a INT NOT NULL ON CONFLICT REPLACE", "a INT NOT NULL"),
        ("a INTEGER PRIMARY KEY AUTOINCREMENT", "a INTEGER PRIMARY KEY"),
        ("a INTEGER PRIMARY KEY DESC", "a INTEGER PRIMARY KEY"),
        ("a INT, b INT, PRIMARY KEY (a, b)", "a INT, b INT, PRIMARY KEY (b, a)"),
        ("a TEXT, UNIQUE (a COLLATE NOCASE)", "a TEXT, UNIQUE (a)"),
        ("a INT REFERENCES t (a) ON UPDATE CASCADE", "a INT REFERENCES t (a) ON DELETE CASCADE"),
        ("a INT REFERENCES t (a) DEFERRABLE INITIALLY DEFERRED", "a INT REFERENCES t (a)"),
        ("a INT, b INT AS (a + 1) STORED", "a INT, b INT AS (a + 1)"),
        ("a INT, b INT AS (a + 1)", "a INT, b INT AS (a + 2)"),
        ("a INT, A2 INT", "a INT, a2 INT"),
    ],
)
def test_what_differs_is_told_apart(one: str, other: str) -> None:
    """Literals keep their case and spaces; rules that no pragma tells are read from the text."""
    assert _catalog(f"CREATE TABLE t ({one})") != _catalog(f"CREATE TABLE t ({other})")


def test_a_table_that_cannot_be_taken_apart_is_compared_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing passes unseen only because this module does not know a form."""

    def refuse(_: str) -> None:
        raise ValueError("unknown")

    monkeypatch.setattr("relgate.adapters.sqlite_text.read_table", refuse)
    checked = _catalog("CREATE TABLE t (a INT CHECK (a > 0))")
    assert checked["table", "t"] == "(a int check (a > 0))".removeprefix("(").removesuffix(")")
    assert checked != _catalog("CREATE TABLE t (a INT)")
    assert checked == _catalog('CREATE TABLE "t" ( a  INT CHECK (a>0))')
