"""What every database server must do for proving migrations, on real servers: SQLite, MariaDB, PostgreSQL."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from relgate.errors import UsageError
from relgate.ports.migrations import Scratch, Server, Session, SqlError
from tests.adapters.dialects import DIALECTS, Dialect
from tests.adapters.owners import owner_of


def _started(name: str) -> Server:
    """Start a server. One that is missing on this machine fails the test: nothing may pass unseen."""
    found: dict[str, Server] = {}
    exec(DIALECTS[name].start, found)  # noqa: S102  the same text that a process of its own runs below
    return found["server"]


@pytest.fixture(scope="module", params=list(DIALECTS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server for all tests: only its databases differ."""
    with _started(request.param) as started:
        yield started


@pytest.fixture
def dialect(request: pytest.FixtureRequest, server: Server) -> Dialect:  # noqa: ARG001  the server's parameter is meant
    """What belongs to the server."""
    return DIALECTS[str(request.node.callspec.params["server"])]


@pytest.fixture
def scratch(server: Server, dialect: Dialect) -> Iterator[Scratch]:
    """A database with a schema and rows of every kind."""
    made = server.create()
    with server.open(made) as session:
        for sql in dialect.base:
            session.run(sql)
    yield made
    server.drop(made)


@pytest.fixture
def session(server: Server, scratch: Scratch) -> Iterator[Session]:
    """A connection to it."""
    with server.open(scratch) as opened:
        yield opened


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    """Wait until something holds; a minute is only for giving up."""

    def wait(holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < end, "it never came to hold"
            time.sleep(0.02)

    return wait


def _sorted(rows: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    return {name: sorted(found, key=repr) for name, found in rows.items()}


def test_a_new_database_is_empty(server: Server) -> None:
    """What a step starts from has no tables, whatever other databases there are."""
    made = server.create()
    try:
        with server.open(made) as session:
            assert session.tables() == ()
            assert session.rows() == {}
            assert session.counts() == {}
            assert {kind for kind, _ in session.catalog()} <= {"schema", "extension", "privilege", "comment"}
    finally:
        server.drop(made)


def test_a_copy_equals_its_template_in_schema_and_rows(server: Server, scratch: Scratch) -> None:
    """Nothing gets lost on the way, and the two are different databases."""
    copy = server.create(scratch)
    try:
        assert copy.name != scratch.name
        assert copy.url != scratch.url
        with server.open(scratch) as one, server.open(copy) as other:
            assert other.catalog() == one.catalog()
            assert _sorted(other.rows()) == _sorted(one.rows())
            assert other.tables() == one.tables()
            assert other.counts()[next(name for name in other.counts() if name.endswith("orders"))] == 2
            other.run("DELETE FROM orders")
            other.run("DROP VIEW big")
            assert _sorted(other.rows()) != _sorted(one.rows())
            assert other.catalog() != one.catalog()
    finally:
        server.drop(copy)


def test_a_copy_goes_on_counting_where_its_template_stands(server: Server, scratch: Scratch) -> None:
    """A row without a number gets the next one, in a copy too."""
    copy = server.create(scratch)
    try:
        with server.open(copy) as session:
            session.set_sequences()
            session.run("INSERT INTO orders (customer, amount) VALUES (1, 5)")
            assert session.run("SELECT id FROM orders WHERE amount = 5") == [(9,)]
    finally:
        server.drop(copy)


def test_the_catalog_is_the_same_each_time(server: Server, scratch: Scratch, session: Session) -> None:
    """Two looks at one schema are equal, through another connection too, and rows are no schema."""
    first = session.catalog()
    session.run("INSERT INTO orders (customer, amount) VALUES (1, 5)")
    with server.open(scratch) as other:
        assert other.catalog() == session.catalog() == first


def test_every_change_of_the_schema_is_seen_and_its_way_back_too(session: Session, dialect: Dialect) -> None:
    """Each kind of change makes the catalog another one; taking it back makes it the same again."""
    before = session.catalog()
    unseen, lasting = [], []
    for name, up, back in dialect.changes:
        for sql in up:
            session.run(sql)
        if session.catalog() == before:
            unseen.append(name)
        for sql in back:
            session.run(sql)
        if session.catalog() != before:
            lasting.append((name, _difference(before, session.catalog())))
            before = session.catalog()
    assert unseen == []
    assert lasting == []


def _difference(one: dict[tuple[str, str], str], other: dict[tuple[str, str], str]) -> dict[tuple[str, str], object]:
    return {key: (one.get(key), other.get(key)) for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def test_tables_come_behind_those_that_they_refer_to(session: Session) -> None:
    """Seeding can go from front to back, and has what it needs of each table."""
    tables = {table.name.rpartition(".")[2]: table for table in session.tables()}
    assert list(tables).index("customers") < list(tables).index("orders")
    orders = tables["orders"]
    columns = {column.name: column for column in orders.columns}
    assert list(columns) == ["id", "customer", "amount", "total", "note"]
    assert orders.primary_key == ("id",)
    assert [(key.columns, key.table.rpartition(".")[2], key.referred) for key in orders.foreign_keys] == [
        (("customer",), "customers", ("id",))
    ]
    assert len(orders.checks) == 1
    assert "amount" in orders.checks[0]
    assert (columns["total"].precision, columns["total"].scale) == (10, 2)
    assert columns["total"].nullable
    assert not columns["customer"].nullable
    assert columns["amount"].default == "1"


def test_rows_are_exact(session: Session, dialect: Dialect) -> None:
    """What is in a column comes out to the last digit, in JSON's types."""
    wrong = {}
    for number, (kind, literal, expected) in enumerate(dialect.exact):
        session.run(f"CREATE TABLE exact{number} (v {kind})")
        session.run(f"INSERT INTO exact{number} VALUES ({literal})")  # noqa: S608  constants of the dialect
        name = next(table.name for table in session.tables() if table.name.endswith(f"exact{number}"))
        rows = session.rows([name])[name]
        if repr(rows) != repr([{"v": expected}]):
            wrong[kind, literal] = rows
    assert wrong == {}


def test_rows_and_counts_agree(session: Session) -> None:
    """Both look at the same tables."""
    rows = session.rows()
    assert session.counts() == {name: len(found) for name, found in rows.items()}
    assert set(rows) == {table.name for table in session.tables()}
    name = next(name for name in rows if name.endswith("customers"))
    assert session.rows([name]) == {name: rows[name]}


def test_rows_of_a_table_that_is_not_there_are_an_error(session: Session) -> None:
    """A name that is wrong must not look like a table without rows."""
    with pytest.raises(SqlError):
        session.rows(["missing"])


def test_parameters_are_values(session: Session) -> None:
    """Quotes and percent signs in a parameter stay what they are; without parameters a text goes as it is."""
    awkward = "100 % of '%s' \"?\" `x` \\ ä"
    session.run("INSERT INTO customers (id, name) VALUES (%s, %s)", (10, awkward))
    assert session.run("SELECT name FROM customers WHERE id = %s AND name LIKE '%%of%%'", (10,)) == [(awkward,)]
    assert session.run("SELECT id FROM customers WHERE name LIKE '100 %'") == [(10,)]


def test_a_transaction_that_is_undone_leaves_nothing(server: Server, session: Session) -> None:
    """Rows come back everywhere; the schema where the server says that it can."""
    rows, catalog = _sorted(session.rows()), session.catalog()
    session.begin()
    session.run("UPDATE customers SET name = 'x'")
    if server.transactional:
        session.run("CREATE TABLE extra (id INT)")
        session.run("ALTER TABLE orders ADD COLUMN extra INT")
        assert session.catalog() != catalog
    session.rollback()
    session.rollback()
    assert _sorted(session.rows()) == rows
    assert session.catalog() == catalog


def test_a_transaction_that_is_committed_stays(server: Server, scratch: Scratch, session: Session) -> None:
    """Nobody sees it before, everybody after."""
    with server.open(scratch) as other:
        session.begin()
        session.run("UPDATE customers SET name = 'x' WHERE id = 1")
        assert other.run("SELECT name FROM customers WHERE id = 1") == [("Ada",)]
        session.commit()
        assert other.run("SELECT name FROM customers WHERE id = 1") == [("x",)]


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("INSERT INTO customers (id, name) VALUES (1, 'again')", "23"),
        ("INSERT INTO orders (id, customer) VALUES (99, 99)", "23"),
        ("INSERT INTO orders (id, customer) VALUES (99, NULL)", "23"),
        ("INSERT INTO orders (id, customer, amount) VALUES (99, 1, 0)", "23"),
        ("SELECT * FROM missing", "42"),
        ("SELECT missing FROM orders", "42"),
        ("SELEKT 1", "42"),
        ("CREATE TABLE orders (id INT)", "42"),
    ],
)
def test_a_refusal_carries_its_state(session: Session, sql: str, state: str) -> None:
    """Its class tells rows that do not fit (23) from names that are not there (42); the connection goes on."""
    with pytest.raises(SqlError) as refused:
        session.run(sql)
    assert refused.value.state.startswith(state)
    if state == "23" and "customer, amount" in sql:
        assert "positive" in str(refused.value)
    assert session.run("SELECT 1") == [(1,)]


def test_a_database_that_is_dropped_is_gone(server: Server) -> None:
    """Even while somebody is connected to it; dropping it again is no error."""
    made = server.create()
    lingering = server.open(made)
    server.drop(made)
    server.drop(made)
    with pytest.raises(Exception, match=made.name):
        server.open(made)
    lingering.close()


def test_what_this_server_did_not_create_is_refused(server: Server, tmp_path: Path) -> None:
    """Neither dropped, nor opened, nor copied: a name of our kind or our address alone is not enough."""
    made = server.create()
    foreign = tmp_path / "theirs.db"
    foreign.write_bytes(b"precious")
    others = [
        Scratch(server.engine, "production", made.url),
        Scratch(server.engine, "relgate_0123456789ab_1", made.url),
        Scratch("sqlite", "theirs", f"sqlite:///{foreign}"),
        Scratch("sqlite", "relgate_1", f"sqlite:///{foreign}"),
    ]
    for other in others:
        for refused in (server.drop, server.open, server.create):
            with pytest.raises(UsageError, match="not"):
                refused(other)
    assert foreign.read_bytes() == b"precious"
    server.drop(made)


def test_a_description_names_the_server(server: Server) -> None:
    """A reader of a report sees what it was proven on."""
    assert any(character.isdigit() for character in server.description)


def _folders(pattern: str) -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(pattern)) | set(Path("/dev/shm").glob(pattern))  # noqa: S108


def _folder_of(text: str) -> Path:
    """The folder of a server's own in a URL or in variables: others start servers at the same time."""
    found = re.search(r"(/(?:dev/shm|tmp|var/tmp)/(?:[^ '?&]*?/)?relgate-[a-z]+-[^ /'?&]+)", unquote(text))
    assert found is not None, text
    return Path(found[1])


def _processes(word: str) -> set[str]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes():
                found.add(path.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("name", list(DIALECTS))
def test_a_server_that_is_closed_leaves_nothing(name: str) -> None:
    """No folder, no process, with databases that nobody dropped."""
    with _started(name) as server:
        made = server.create()
        mine = {_folder_of(f"{made.url} {dict(made.environment)}")}
        assert mine <= _folders(DIALECTS[name].folders)
        with server.open(made) as session:
            session.run("CREATE TABLE t (id INT)")
    assert not mine & _folders(DIALECTS[name].folders)
    assert not [process for folder in mine for process in _processes(str(folder))]


_OWNER = """
{start}
made = server.create()
with server.open(made) as session:
    session.run("CREATE TABLE t (id INT)")
print(made.url, dict(made.environment), flush=True)
import time
time.sleep(600)
"""


@pytest.mark.parametrize("name", list(DIALECTS))
def test_a_killed_owner_leaves_nothing_after_the_next_start(name: str, wait_for: Callable[..., None]) -> None:
    """Its server dies with it, its folder is removed by whoever starts next; those of living owners stay."""
    dialect = DIALECTS[name]
    with _started(name) as living:
        database = living.create()
        with owner_of(_OWNER.format(start=dialect.start)) as owner:
            assert owner.stdout is not None
            left = {_folder_of(owner.stdout.readline())}
            assert left <= _folders(dialect.folders)
            os.kill(owner.pid, signal.SIGKILL)
            owner.wait()
        wait_for(lambda: not [process for folder in left for process in _processes(str(folder))])
        with _started(name):
            assert not left & _folders(dialect.folders)
            with living.open(database) as session:
                assert session.run("SELECT 1") == [(1,)]
