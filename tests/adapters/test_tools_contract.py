"""What every migration tool's adapter keeps to: the same history, in each tool's own format, on real databases."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from relgate.adapters.mariadb import MariadbServer
from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlite import SqliteServer
from tests.adapters.histories import TOOLS, CrashAt, History

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from relgate.ports.migrations import Catalog, Scratch, Server


STATES = {"postgresql": "42P01", "mysql": "42S02", "sqlite": ""}


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of each kind."""
    servers: dict[str, Callable[[], Server]] = {
        "sqlite": SqliteServer,
        "postgresql": lambda: PostgresServer.private("auto"),
        "mysql": MariadbServer.private,
    }
    with servers[request.param]() as started:
        yield started


@pytest.fixture(params=sorted(TOOLS))
def history(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Iterator[History]:
    """The history in each tool's format."""
    made = TOOLS[request.param](tmp_path, server.engine)
    yield made
    made.tool.close()


@pytest.fixture
def scratch(server: Server) -> Iterator[Scratch]:
    """An empty database."""
    made = server.create()
    yield made
    server.drop(made)


def schema(server: Server, scratch: Scratch) -> Catalog:
    """What the catalog knows."""
    with server.open(scratch) as session:
        return session.catalog()


def ask(server: Server, scratch: Scratch, sql: str) -> list[tuple[object, ...]]:
    """The rows of a query."""
    with server.open(scratch) as session:
        return session.run(sql)


def close_kept(history: History) -> None:
    """Let a neutral run give its connection back."""
    if getattr(history.tool, "neutral", False) is True:
        history.tool.close()


def test_revisions_are_a_chain(history: History) -> None:
    """Each revision builds on the one before, has a way back and knows its file."""
    revisions = {revision.id: revision for revision in history.tool.revisions()}
    chain = [revisions[id_] for id_ in history.ids]
    assert len(revisions) == 4
    assert [revision.down for revision in chain] == [(), *((id_,) for id_ in history.ids[:3])]
    assert all(revision.way_back and revision.path for revision in chain)


def test_there_and_back(history: History, server: Server, scratch: Scratch) -> None:
    """Up changes the schema, down restores it, the books follow, and rows are what the history says."""
    seen = [schema(server, scratch)]
    for number, id_ in enumerate(history.ids[:3]):
        ran = history.tool.move(scratch, id_, "up")
        assert ran.failure is None
        assert history.tool.applied(scratch) == (history.ids[number],)
        seen.append(schema(server, scratch))
    assert ask(server, scratch, "SELECT id, total FROM orders ORDER BY id") == [(1, 10), (2, 20)]
    assert all(before != after for before, after in itertools.pairwise(seen))
    for number in (2, 1, 0):
        assert history.tool.move(scratch, history.ids[number], "down").failure is None
        assert history.tool.applied(scratch) == history.ids[max(0, number - 1) : number]
        assert schema(server, scratch) == seen[number]


def test_statements_have_their_line(history: History, scratch: Scratch) -> None:
    """What was sent is told in order, with the file and the line that sent it; the tool's books are marked."""
    if not history.tool.watches:
        pytest.skip("a foreign program's statements are not seen")
    watch = CrashAt(-1)
    ran = history.tool.move(scratch, history.ids[0], "up", watch)
    (insert,) = [statement for statement in ran.statements if statement.sql.startswith("INSERT INTO orders")]
    assert (insert.path, insert.line) == history.insert
    assert insert.rows == 2
    assert (insert.backend is None) == (scratch.engine == "sqlite")
    assert any(statement.books for statement in ran.statements)
    assert not insert.books


def test_transactions_are_told(history: History, server: Server, scratch: Scratch) -> None:
    """On a database that can roll DDL back, what belongs together has one number."""
    if not history.tool.watches or server.engine != "postgresql":
        pytest.skip("PostgreSQL, where statements are seen")
    ran = history.tool.move(scratch, history.ids[0], "up")
    own = [statement for statement in ran.statements if "orders" in statement.sql and not statement.books]
    assert len(own) >= 2
    assert len({statement.transaction for statement in own}) == 1
    assert own[0].transaction > 0


def test_a_refused_statement_is_a_failure(history: History, server: Server, scratch: Scratch) -> None:
    """The failure names the statement; what the tool's transactions undo is undone; the books say: not applied."""
    for id_ in history.ids[:3]:
        history.tool.move(scratch, id_, "up")
    before = schema(server, scratch)
    ran = history.tool.move(scratch, history.ids[3], "up")
    assert ran.failure is not None
    assert "nowhere" in ran.failure.text
    assert history.tool.applied(scratch) == (history.ids[2],)
    assert (schema(server, scratch) == before) == history.atomic
    if history.tool.watches:
        assert "nowhere" in str(ran.failure.sql)
        assert ran.statements[-1].sql == ran.failure.sql
        assert ran.failure.line == ran.statements[-1].line > 0
        assert ran.failure.state == STATES[server.engine]


def test_a_crash_ends_the_step(history: History, server: Server, scratch: Scratch) -> None:
    """Before each statement in turn: nothing more is sent, and until the books are written all is undone."""
    if not history.tool.watches:
        pytest.skip("a foreign program's statements are not seen")
    history.tool.move(scratch, history.ids[0], "up")
    close_kept(history)
    before, whole = schema(server, scratch), server.create(scratch)
    statements = history.tool.move(whole, history.ids[1], "up").statements
    books = next(number for number, statement in enumerate(statements) if statement.books)
    assert books >= 2
    for number in range(len(statements)):
        close_kept(history)
        copy = server.create(scratch)
        ran = history.tool.move(copy, history.ids[1], "up", CrashAt(number))
        assert ran.failure is not None
        assert ran.failure.text == f"crashed before statement {number}"
        assert [statement.sql for statement in ran.statements] == [statement.sql for statement in statements[:number]]
        if history.atomic and number < books:
            assert schema(server, copy) == before
            assert history.tool.applied(copy) == (history.ids[0],)


def test_nothing_stays_connected(history: History, server: Server, scratch: Scratch) -> None:
    """After a step a database can be copied; a neutral run keeps its connection until ``close``."""
    history.tool.move(scratch, history.ids[0], "up")
    close_kept(history)
    copy = server.create(scratch)
    assert schema(server, copy) == schema(server, scratch)
    server.drop(copy)


def test_an_unknown_revision_is_a_failure(history: History, scratch: Scratch) -> None:
    """A step never raises."""
    ran = history.tool.move(scratch, "none-such", "up")
    assert ran.failure is not None
    assert ran.statements == ()
