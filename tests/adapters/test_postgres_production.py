"""A database that relgate did not create: read, never written, whatever is tried."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from relgate.adapters.postgres_cluster import Cluster
from relgate.adapters.postgres_production import Production
from relgate.errors import SourceError, UsageError
from tests.adapters.postgres_schema import EMBEDDED, SERVERS

SETUP = """
CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 50);
CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1), (2), (3);
CREATE TABLE unknown (a int);
CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('b'), ('a');
CREATE SCHEMA app; CREATE TABLE app."My Books" (v int); INSERT INTO app."My Books" VALUES (7);
CREATE SEQUENCE s;
CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (99) RETURNING a';
CREATE VIEW writing AS SELECT sneak() AS version;
ANALYZE t; ANALYZE p1; ANALYZE p2;
"""
WRITES = [
    "INSERT INTO t VALUES (1)",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "TRUNCATE t",
    "DROP TABLE t",
    "CREATE TABLE u (a int)",
    "CREATE TABLE u AS SELECT 1",
    "ALTER TABLE t ADD b int",
    "SELECT nextval('s')",
    "SELECT setval('s', 5)",
    "SELECT sneak()",
    "SELECT * FROM t FOR UPDATE",
    "COMMENT ON TABLE t IS 'x'",
    "GRANT SELECT ON t TO public",
    "DO $$ BEGIN PERFORM set_config('transaction_read_only', 'off', true); DELETE FROM t; END $$",
    "COMMIT; DELETE FROM t",
    "VACUUM t",
]


@pytest.fixture(scope="module", params=[EMBEDDED, SERVERS[2]], ids=str)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A server that stands for production; the system's has contrib, and loads pg_stat_statements."""
    kind, major = request.param
    more = {"shared_preload_libraries": "pg_stat_statements"} if kind == "system" else {}
    with Cluster(kind, major, more) as started:
        with psycopg.connect(_url(started), autocommit=True) as connection:
            connection.execute(SETUP)
        yield started


@pytest.fixture
def production(cluster: Cluster) -> Iterator[Production]:
    """The connection under test, as a superuser: nothing but relgate's own fences holds."""
    with Production(_url(cluster)) as connected:
        yield connected


def _url(cluster: Cluster) -> str:
    return f"postgresql://relgate@/postgres?host={cluster.socket}&port=5432"


def _content(cluster: Cluster) -> object:
    with psycopg.connect(_url(cluster)) as connection:
        tables = connection.execute(
            "SELECT relname, relacl::text FROM pg_class WHERE oid >= 16384 ORDER BY 1"
        ).fetchall()
        rows = connection.execute("SELECT count(*), sum(a), (SELECT last_value FROM s) FROM t").fetchall()
        return tables, rows, connection.execute("SELECT obj_description('t'::regclass)").fetchall()


@pytest.mark.parametrize("sql", WRITES)
def test_nothing_can_be_written(production: Production, cluster: Cluster, sql: str) -> None:
    """Through the one door that every question takes, each way to write is refused and changes nothing."""
    before = _content(cluster)
    with pytest.raises(SourceError):
        production._ask(sql)
    assert _content(cluster) == before


def test_a_question_that_writes_in_disguise_is_refused(production: Production, cluster: Cluster) -> None:
    """Books may be a view with a function behind it."""
    before = _content(cluster)
    with pytest.raises(SourceError, match="read-only transaction"):
        production.applied("writing")
    assert _content(cluster) == before


def test_the_connection_is_read_only_outside_of_a_transaction_as_well(production: Production) -> None:
    """The second fence holds without the first."""
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        production._connection.execute("DELETE FROM t")


def test_applied_revisions_are_read_from_any_tools_books(production: Production) -> None:
    """First column, sorted; no such table is no revision; a name is a name and never SQL."""
    assert production.applied() == ("a", "b")
    assert production.applied("app.My Books") == ("7",)
    assert production.applied("schema_migrations") == ()
    assert production.applied('t"; DROP TABLE t; --') == ()
    with pytest.raises(UsageError):
        production.applied("a..b")


def test_row_counts_are_the_servers_estimates(production: Production) -> None:
    """Partitions add up; a table that was never analysed has no count rather than a wrong one."""
    counts = production.row_counts()
    assert (counts["public.t"], counts["public.p"], counts["public.p1"]) == (50, 3, 1)
    assert "public.unknown" not in counts


def test_statements_are_those_that_were_seen(cluster: Cluster) -> None:
    """Most called first where pg_stat_statements collects; none, and no error, where it does not."""
    with Production(_url(cluster)) as production, psycopg.connect(_url(cluster), autocommit=True) as connection:
        assert production.statements() == ()
        there = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'").fetchone()
        if cluster.binaries.kind == "embedded":
            assert there is None
            return
        connection.execute('CREATE SCHEMA "St at"; CREATE EXTENSION pg_stat_statements SCHEMA "St at"')
        for number in range(9):
            connection.execute(f"SELECT a FROM t WHERE a = {number}")  # noqa: S608 - a number
        connection.execute("SELECT max(a) FROM t")
        seen = production.statements()
        assert seen.index("SELECT a FROM t WHERE a = $1") < seen.index("SELECT max(a) FROM t")


def test_an_unreachable_database_is_one_line() -> None:
    """The driver's several lines become one."""
    with pytest.raises(SourceError) as caught:
        Production("postgresql://relgate@/postgres?host=/nowhere")
    assert "\n" not in str(caught.value)
