"""What statements cost: of a real PostgreSQL with pg_stat_statements, and of a command."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from relgate.adapters.postgres_cluster import USER, Cluster
from relgate.adapters.statements import Statements, of_command, of_database


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of the system that counts statements."""
    with Cluster("system", more={"shared_preload_libraries": "pg_stat_statements"}) as running:
        yield running


def url(cluster: Cluster, database: str = "postgres") -> str:
    """How it is reached: through its socket."""
    return f"postgresql://{USER}@/{database}?host={cluster.socket}"


@pytest.fixture
def connection(cluster: Cluster) -> Iterator[psycopg.Connection]:
    """A service's connection, its counts at zero."""
    with psycopg.connect(url(cluster), autocommit=True) as connected:
        connected.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connected.execute("SELECT pg_stat_statements_reset()")
        yield connected


def test_what_was_added_since_the_first_look_counts(cluster: Cluster, connection: psycopg.Connection) -> None:
    """By statement, whatever its constants were; what is no query is left out, as it may hold a password."""
    connection.execute("SELECT 1 + 1")
    source = of_database(url(cluster), 5.0)
    first = source.read()
    for number in range(7):
        connection.execute(f"SELECT {number} + 1")
    connection.execute("SELECT pg_sleep(0.05)")
    connection.execute("CREATE ROLE ann PASSWORD 'sesame-open'")
    second = source.read()
    third = source.read()
    connection.execute("DROP ROLE ann")
    source.close()

    assert first == {"costs": [], "value": 0, "fault": None}
    costs = {statement: (calls, total_s) for statement, calls, total_s in second["costs"]}
    assert costs["SELECT $1 + $2"][0] == 7
    assert costs["SELECT pg_sleep($1)"][0] == 1
    assert costs["SELECT pg_sleep($1)"][1] >= 0.05
    assert "sesame" not in json.dumps(second)
    assert third["costs"] == []


def test_a_reset_during_the_bake_is_a_fault_for_good(cluster: Cluster, connection: psycopg.Connection) -> None:
    """What was counted until then is lost."""
    source = of_database(url(cluster), 5.0)
    source.read()
    connection.execute("SELECT pg_stat_statements_reset()")
    fault = source.read()["fault"]

    assert "reset" in fault
    assert source.read()["fault"] == fault
    source.close()


def test_a_server_that_does_not_count_says_how_it_would(cluster: Cluster) -> None:
    """The extension is made in each database."""
    with psycopg.connect(url(cluster), autocommit=True) as connected:
        connected.execute("DROP DATABASE IF EXISTS plain")
        connected.execute("CREATE DATABASE plain")
    source = of_database(url(cluster, "plain"), 5.0)

    assert "CREATE EXTENSION pg_stat_statements" in source.read()["fault"]
    source.close()


def test_a_user_who_may_not_see_statements_of_others_is_a_fault(
    cluster: Cluster, connection: psycopg.Connection
) -> None:
    """Slow ones could be among them."""
    connection.execute("SELECT 1 + 1")
    connection.execute("CREATE ROLE guest LOGIN")
    source = of_database(url(cluster).replace(f"{USER}@", "guest@"), 5.0)
    fault = source.read()["fault"]
    source.close()
    connection.execute("DROP ROLE guest")

    assert "pg_read_all_stats" in fault


def test_a_database_that_is_not_there_is_a_fault() -> None:
    """Not one without slow statements; its password is not repeated."""
    fault = of_database("postgresql://u:hidden-pw@127.0.0.1:1/x", 2.0).read()["fault"]

    assert fault.startswith("statements: ")
    assert "hidden-pw" not in fault


def printing(path: Path) -> str:
    """A command that prints a file."""
    return f'{sys.executable} -c \'import pathlib,os; print(pathlib.Path("{path}").read_text(), end="")\''


def test_a_command_says_what_its_database_costs(tmp_path: Path) -> None:
    """As JSON lines that count from whenever they like."""
    path = tmp_path / "costs"
    path.write_text('{"statement": "select a", "calls": 100, "total_ms": 5000}\n')
    source = of_command(printing(path), {"RELGATE_SIDE": "candidate"}, 20.0)
    assert source.read()["costs"] == []
    more = '{"statement": "update b", "calls": 1, "total_ms": 9}'
    path.write_text(f'{{"statement": "select a", "calls": 110, "total_ms": 5500}}\n{more}\n')

    assert source.read()["costs"] == [["select a", 10.0, 0.5], ["update b", 1.0, 0.009]]


@pytest.mark.parametrize(
    "line", ["not json", "[]", '{"statement": "select a", "calls": -1, "total_ms": 1}', '{"a": 1}']
)
def test_a_line_that_cannot_be_read_is_a_fault(tmp_path: Path, line: str) -> None:
    """A statement must not be passed over."""
    (tmp_path / "costs").write_text(line)

    assert "expected a line such as" in of_command(printing(tmp_path / "costs"), {}, 20.0).read()["fault"]


def test_a_command_that_fails_is_a_fault() -> None:
    """With what it said."""
    failing = f"{sys.executable} -c 'import sys; sys.exit(\"no database\")'"

    assert "ended with code 1 no database" in of_command(failing, {}, 20.0).read()["fault"]


def test_a_statement_that_vanishes_is_a_fault() -> None:
    """It was thrown out of the counts, and what it had cost with it."""
    answers = [[("select a", 1.0, 1.0)], [("select a", 9.0, 9.0)], [("select b", 1.0, 1.0)]]
    source = Statements(lambda: answers.pop(0))

    assert [source.read()["fault"] is None for _ in range(3)] == [True, True, False]
