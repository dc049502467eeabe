"""N-1: what models of the version before send works on their own schema, and breaks where the new one breaks them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlite import SqliteServer
from relgate.migrate.earlier import Probe, statements_of
from relgate.migrate.faults import EARLIER
from relgate.migrate.notebook import Notebook
from relgate.migrate.probing import Earlier, ask
from relgate.migrate.seed import seed
from relgate.migrate.state import look
from relgate.ports.migrations import Engine, Revision, Server, Session

DDL = (
    "CREATE TABLE parent (id integer PRIMARY KEY, name varchar(20) NOT NULL UNIQUE, note text DEFAULT 'x')",
    "CREATE TABLE child (id integer PRIMARY KEY, parent_id int NOT NULL REFERENCES parent (id), n integer NOT NULL)",
    'CREATE TABLE odd ("a%b" integer, "Select" text)',
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A real server of each engine."""
    with SqliteServer() if request.param == "sqlite" else PostgresServer.private("auto") as one:
        yield one


@pytest.fixture
def session(server: Server) -> Iterator[Session]:
    """A seeded database of three tables."""
    scratch = server.create()
    with server.open(scratch) as one:
        for statement in DDL:
            one.run(statement)
        for insert in seed(one.tables(), server.engine).inserts:
            one.run(insert.sql, insert.values)
        yield one
    server.drop(scratch)


def broken(worked: set[Probe], results: list[tuple[Probe, str | None]]) -> tuple[tuple[Probe, str], ...]:
    """The statements that worked before and fail now."""
    return tuple((probe, error) for probe, error in results if error is not None and probe in worked)


@pytest.mark.parametrize("rows", [True, False], ids=["rows known", "rows supposed"])
def test_every_statement_works_on_its_own_schema(server: Server, session: Session, rows: bool) -> None:
    """Each table is read, written, changed and deleted from, and nothing of it is refused."""
    probes = statements_of(session.tables(), server.engine, session.rows() if rows else None)
    assert [(probe.sql, error) for probe, error in ask(session, probes) if error] == []
    verbs = [(probe.table.rpartition(".")[2], probe.verb) for probe in probes]
    assert {verb for table, verb in verbs if table == "parent"} == {"select", "insert", "update", "delete"}
    assert verbs.count(("parent", "insert")) == 2, "a full row, and one with the required columns only"
    assert ("odd", "update") in verbs


@pytest.mark.parametrize(
    ("change", "verbs"),
    [
        ("ALTER TABLE child DROP COLUMN n", {"select", "insert", "update"}),
        ("ALTER TABLE child RENAME COLUMN n TO m", {"select", "insert", "update"}),
        ("ALTER TABLE child ADD COLUMN extra text", set()),
        ("DROP TABLE child", {"select", "insert", "update", "delete"}),
        ("CREATE UNIQUE INDEX ux ON child (n, parent_id)", set()),
    ],
)
def test_what_the_new_schema_breaks_is_found(server: Server, session: Session, change: str, verbs: set[str]) -> None:
    """A column that is gone breaks whatever names it; one that is new breaks nobody."""
    probes = statements_of(session.tables(), server.engine)
    worked = {probe for probe, error in ask(session, probes) if error is None}
    session.run(change)
    found = broken(worked, ask(session, probes))
    assert {probe.verb for probe, _ in found} == verbs
    assert all(probe.table.endswith("child") and error for probe, error in found)


def test_a_new_required_column_breaks_inserts(server: Server, session: Session) -> None:
    """The version before does not know it and sends nothing for it."""
    probes = statements_of(session.tables(), server.engine)
    worked = {probe for probe, error in ask(session, probes) if error is None}
    session.run("ALTER TABLE child ADD COLUMN must integer NOT NULL DEFAULT 1")
    assert broken(worked, ask(session, probes)) == ()
    if server.engine == "postgresql":
        session.run("ALTER TABLE child ALTER must DROP DEFAULT")
        assert {probe.verb for probe, _ in broken(worked, ask(session, probes))} == {"insert"}


def test_what_never_worked_is_not_broken(server: Server, session: Session) -> None:
    """A recorded query that the old schema refused too is no fault of the new one; one that it took is."""
    book = Notebook(frozenset({EARLIER}))
    revision = Revision("0002", ("0001",), path="0002.sql")
    queries = ("SELECT nothing FROM child", "SELECT n FROM child WHERE n > 1")
    earlier = Earlier(server.engine, queries)
    earlier.begin(session, book, revision, look(session, rows=True))
    session.run("ALTER TABLE child DROP COLUMN n")
    earlier.check(session, book, revision)

    assert [one.sql for one in book.findings if one.code == "query-breaks"] == [queries[1]]


def test_an_engine_gets_its_own_quotes() -> None:
    """MySQL's names stand in backticks."""
    engine: Engine = "mysql"
    server = SqliteServer()
    with server, server.open(server.create()) as session:
        session.run("CREATE TABLE t (id integer PRIMARY KEY)")
        assert statements_of(session.tables(), engine)[0].sql == "SELECT `id` FROM t LIMIT 1"
