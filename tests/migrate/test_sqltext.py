"""SQL as text: what is code in it, and where its statements are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.migrate.sqltext import bodies, mask, spans


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("a -- b; c\n;", "a       \n;"),
        ("a /* b\nc */ d", "a     \n     d"),
        ("x = 'it''s; ok';", "x = '          ';"),
        (r"x = E'\'; ';", "x = '     ';"),
        ("DO $x$ a; $$ b $x$;", "DO '             ';"),
        ('"a;b" = $1', '"a;b" = $1'),
    ],
)
def test_only_code_is_left_of_sql(sql: str, code: str) -> None:
    """Comments and strings are blank, and everything stays in its place."""
    assert len(mask(sql)) == len(sql)
    assert mask(sql).replace(" ", "") == code.replace(" ", "")
    assert mask(sql).count("\n") == sql.count("\n")


def test_statements_have_lines_and_nothing_else_has() -> None:
    """Quoted names, strings, dollar quotes and comments may hold semicolons."""
    sql = "-- a;\n\nSELECT \";\",\n';';  SELECT 2;\nDO $$\nx;\n$$;\n;\n/* ; */"

    assert list(spans(sql)) == [(3, 4), (4, 4), (5, 7)]


@given(st.text("ab;'\"$`-\n/*#\\ ", max_size=40))
def test_masking_never_moves_a_line(sql: str) -> None:
    """Whatever is closed or not."""
    for mysql in (False, True):
        masked = mask(sql, mysql=mysql)
        assert [len(line) for line in masked.split("\n")] == [len(line) for line in sql.split("\n")]
        list(spans(sql, mysql=mysql))


def test_a_backslash_escapes_in_mysql_only() -> None:
    """And a hash begins a comment there."""
    assert ";" in mask(r"'it\'; --", mysql=False)
    assert ";" not in mask(r"'it\'; ' # ;", mysql=True)


def test_the_code_between_dollar_quotes_is_what_blocks_hold() -> None:
    """With and without a tag."""
    assert bodies("DO $$ a; $$; DO $x$ $$ b $x$; SELECT $1") == (" a; ", " $$ b ")
