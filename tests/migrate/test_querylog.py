"""Recorded queries: out of each kind of log, with their values, each shape once, and nothing but queries."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.adapters.postgres import PostgresServer
from relgate.migrate.querylog import explainable, read_log

STDERR = """\
2026-01-01 10:00:00.000 UTC [11] LOG:  statement: SELECT id
\tFROM t
2026-01-01 10:00:00.001 UTC [12] LOG:  execute <unnamed>: INSERT INTO t (a, b, c) VALUES ($1, $2, '$1')
2026-01-01 10:00:00.001 UTC [11] LOG:  duration: 0.100 ms  statement: UPDATE t SET a = 1
2026-01-01 10:00:00.002 UTC [12] DETAIL:  parameters: $1 = 'it''s', $2 = NULL
2026-01-01 10:00:00.003 UTC [12] LOG:  statement: BEGIN
2026-01-01 10:00:00.003 UTC [12] LOG:  duration: 1 ms  execute S_1/C_2: SELECT * FROM t WHERE id = $1
2026-01-01 10:00:00.003 UTC [12] DETAIL:  Parameters: $1 = '7'
2026-01-01 10:00:00.004 UTC [12] LOG:  statement: DROP TABLE t
2026-01-01 10:00:00.005 UTC [13] ERROR:  syntax error at or near "x"
2026-01-01 10:00:00.005 UTC [13] STATEMENT:  SELECT x x x
2026-01-01 10:00:00.006 UTC [12] LOG:  statement: SELECT * FROM t WHERE id = 8
"""
EXPECTED = {
    "SELECT id\nFROM t",
    "INSERT INTO t (a, b, c) VALUES ('it''s', NULL, '$1')",
    "UPDATE t SET a = 1",
    "SELECT * FROM t WHERE id = '7'",
}
MESSAGES = [
    ("LOG", "statement: SELECT id\nFROM t", ""),
    ("LOG", "execute <unnamed>: INSERT INTO t (a, b, c) VALUES ($1, $2, '$1')", "parameters: $1 = 'it''s', $2 = NULL"),
    ("LOG", "duration: 0.100 ms  statement: UPDATE t SET a = 1", ""),
    ("ERROR", "statement: SELECT wrong", ""),
    ("LOG", "execute a: SELECT * FROM t WHERE id = $1", "Parameters: $1 = '7'"),
    ("LOG", "statement: SET x = 1", ""),
]


def halves(text: str) -> list[str]:
    """Take a file of simple statements apart."""
    return text.split(";")


def as_csv() -> str:
    """Write the messages as PostgreSQL's csvlog does."""
    out = io.StringIO()
    writer = csv.writer(out)
    for level, message, detail in MESSAGES:
        writer.writerow(["x"] * 11 + [level, "00000", message, detail] + [""] * 11)
    return out.getvalue()


def as_json() -> str:
    """Write the messages as PostgreSQL's jsonlog does, the last line unfinished."""
    lines = [json.dumps({"error_severity": a, "message": b, "detail": c}) for a, b, c in MESSAGES]
    return "\n".join([*lines, '{"error_sev'])


@pytest.mark.parametrize("text", [STDERR, as_csv(), as_json()], ids=["stderr", "csv", "json"])
def test_queries_come_out_of_every_log_format(text: str) -> None:
    """With their parameters in place; no settings, no DDL, nothing that failed, no shape twice."""
    assert set(read_log(text, "postgresql", halves)) == EXPECTED


def test_a_file_of_sql_is_split_by_whoever_can() -> None:
    """Statements that are no queries are left out there too; values do not make another query."""
    text = "SELECT a FROM t WHERE id IN (1, 2);\nselect a from t where id in (3);\nCREATE TABLE x (id int);\n(SELECT 1)"
    assert read_log(text, "sqlite", halves) == ("SELECT a FROM t WHERE id IN (1, 2)", "(SELECT 1)")


def test_a_general_log_of_mysql() -> None:
    """Queries and executions; connections are none."""
    text = (
        "2026-01-01T10:00:00.000000Z\t    8 Connect\troot@localhost on shop\n"
        "2026-01-01T10:00:00.000000Z\t    8 Query\tSELECT a\nFROM t\n"
        "\t\t    8 Query\tSET NAMES utf8\n"
        "260101 10:00:00\t    8 Execute\tDELETE FROM t WHERE id = 1\n"
    )
    assert read_log(text, "mysql", halves) == ("SELECT a\nFROM t", "DELETE FROM t WHERE id = 1")


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever a log holds, something is returned; only queries are."""
    for engine in ("postgresql", "mysql", "sqlite"):
        for query in read_log(text, engine, halves):
            assert query


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20))
def test_a_parameter_comes_back_as_it_was(value: str) -> None:
    """Quotes, placeholders and commas within a value are the value's."""
    literal = "'" + value.replace("'", "''") + "'"
    text = f"2026 [1] LOG:  execute a: SELECT $1, $2\n2026 [1] DETAIL:  parameters: $1 = {literal}, $2 = 'x'\n"
    assert read_log(text, "postgresql", halves) == (f"SELECT {literal}, 'x'",)


def test_a_query_without_values_can_be_prepared() -> None:
    """The database checks every name in it, and refuses one that is gone; DDL is not prepared."""
    assert explainable("DROP TABLE t") is None
    with PostgresServer.private("auto") as server, server.open(server.create()) as session:
        session.run("CREATE TABLE t (id integer, at timestamptz)")
        text = explainable("SELECT id FROM t WHERE at > now() - interval $1 AND id IN ($2 /*, ... */) LIMIT $3;")
        assert text is not None
        session.run(text)
        with pytest.raises(Exception, match="gone"):
            session.run(explainable("SELECT gone FROM t WHERE id = $1", "other") or "")
