"""Cutting SQL text into statements: quotes, bodies, delimiters and lines, for three engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.adapters.sqlsplit import split, statements

if TYPE_CHECKING:
    from relgate.ports.migrations import Engine

ENGINES = st.sampled_from(["postgresql", "mysql", "sqlite"])
FRAGMENTS = st.sampled_from(
    [
        *("'", '"', "`", "[", "]", ";", "\n", " ", "$$", "$a$", "--", "-- ", "#", "/*", "*/", "/*!", "\\", "(", ")"),
        *("E'", "BEGIN", "ATOMIC", "END", "CASE", "IF", "CREATE", "TRIGGER", "FUNCTION", "DELIMITER //\n", "//", "a1"),
    ]
)
QUOTED: dict[str, list[str]] = {
    "postgresql": ["'{}'", '"{}"', "$${}$$", "$tag${}$tag$", "/* {} */", "/* /* {} */ ; */", "-- {}\n", "(1 {})"],
    "mysql": ["'{}'", '"{}"', "`{}`", "/* {} */", "-- {}\n", "# {}\n", "/*! {} */"],
    "sqlite": ["'{}'", '"{}"', "`{}`", "[{}]", "/* {} */", "-- {}\n"],
}


def sqls(text: str, engine: Engine) -> list[str]:
    """The statements alone."""
    return [piece.sql for piece in statements(text, engine)]


@given(text=st.lists(FRAGMENTS | st.text(max_size=3)).map("".join), engine=ENGINES)
def test_nothing_is_lost(text: str, engine: Engine) -> None:
    """The pieces, joined, are the input, whatever it is."""
    assert "".join(piece.text for piece in split(text, engine)) == text


@given(text=st.lists(FRAGMENTS | st.text(max_size=3)).map("".join), engine=ENGINES)
def test_lines_are_those_of_the_statement(text: str, engine: Engine) -> None:
    """A statement's line is where its first words stand in the input."""
    lines = text.split("\n")
    for piece in statements(text, engine):
        assert lines[piece.line - 1].find(piece.sql.split("\n")[0]) >= 0


@given(inner=st.text(alphabet="ab;,. ", max_size=8), data=st.data(), engine=ENGINES)
def test_a_semicolon_in_quotes_or_comments_ends_nothing(inner: str, data: st.DataObject, engine: Engine) -> None:
    """One statement before, one after: whatever stands between quotes stays in its own."""
    frame = data.draw(st.sampled_from(QUOTED[engine]))
    assert len(sqls(f"SELECT {frame.format(inner)} + 1; SELECT 2;", engine)) == 2


@given(values=st.lists(st.text(alphabet="a;'\"$-/*\n", max_size=6), min_size=1, max_size=5), engine=ENGINES)
def test_quoted_values_survive(values: list[str], engine: Engine) -> None:
    """As many statements as were written, each with its value in it."""
    written = ["SELECT '" + value.replace("'", "''") + "'" for value in values]
    assert sqls(";\n".join(written) + ";", engine) == written


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ("postgresql", r"SELECT E'it\'s; fine'"),
        ("postgresql", "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN; RETURN 1; END $f$"),
        ("postgresql", "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC SELECT CASE WHEN 1 > 0 THEN 1 END; SELECT 2; END"),
        ("postgresql", "CREATE RULE r AS ON INSERT TO a DO (DELETE FROM b; DELETE FROM c)"),
        ("postgresql", "DO $$ BEGIN PERFORM 1; END $$"),
        ("sqlite", "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = CASE WHEN 1 THEN 2 END; SELECT 1; END"),
        ("sqlite", "CREATE TEMP TRIGGER IF NOT EXISTS t AFTER INSERT ON a BEGIN SELECT 1; END"),
        (
            "mysql",
            "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN IF 1 THEN SET @a = 1; END IF; SET @b = 2; END",
        ),
        ("mysql", "CREATE DEFINER=`a`@`b` PROCEDURE p() BEGIN CASE 1 WHEN 1 THEN SELECT 1; END CASE; END"),
        ("mysql", r"SELECT 'it\'s; fine'"),
        ("mysql", "/*!40101 SET NAMES utf8 */"),
    ],
)
def test_one_statement_stays_one(engine: Engine, text: str) -> None:
    """Bodies, escapes and conditional comments are no ends."""
    assert sqls(f"{text};\nSELECT 1;", engine) == [text, "SELECT 1"]


def test_mysql_changes_its_delimiter() -> None:
    """DELIMITER is the client's word: it is never sent, and neither is the delimiter."""
    text = "DELIMITER $$\nCREATE PROCEDURE p()\nBEGIN SELECT 1; END$$\nDELIMITER ;\nSELECT 2;"
    pieces = statements(text, "mysql")
    assert [(piece.sql, piece.line) for piece in pieces] == [
        ("CREATE PROCEDURE p()\nBEGIN SELECT 1; END", 2),
        ("SELECT 2", 5),
    ]


def test_a_column_named_end_is_no_end_of_a_table() -> None:
    """Words of bodies mean nothing outside of bodies."""
    assert len(sqls("CREATE TABLE a (begin int, x int); BEGIN; SELECT 1; END;", "postgresql")) == 4


def test_a_dollar_in_a_name_opens_no_quote() -> None:
    """``a$b$`` is a name, ``$1`` a parameter."""
    assert len(sqls("SELECT a$b$c; SELECT $1; SELECT 2;", "postgresql")) == 3


def test_comments_alone_are_no_statement() -> None:
    """The line is that of the statement behind the comments."""
    pieces = statements("-- why\n\n/* more */ SELECT 1;\n-- the end\n;", "sqlite")
    assert [(piece.sql, piece.line) for piece in pieces] == [("SELECT 1", 3)]
