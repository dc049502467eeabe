"""Scratch databases on MariaDB, beside what every server must do (test_servers_contract.py)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.adapters import mariadb_process
from relgate.adapters.mariadb import MariadbServer, MariadbSession
from relgate.adapters.mariadb_connect import Address, Connection, address_of
from relgate.adapters.mariadb_production import MariadbProduction
from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import ForeignKey, Scratch, SqlError
from tests.adapters.owners import owner_of


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    """A private server; some tests use it as a user's, through its URL."""
    with MariadbServer.private() as started:
        yield started


@pytest.fixture
def url(server: MariadbServer) -> str:
    """Its URL, as a user would give it."""
    return server._address.url("")


@pytest.fixture
def scratch(server: MariadbServer) -> Iterator[Scratch]:
    """An empty database."""
    made = server.create()
    yield made
    server.drop(made)


@pytest.fixture
def session(server: MariadbServer, scratch: Scratch) -> Iterator[MariadbSession]:
    """A connection to it."""
    with server.open(scratch) as opened:
        yield opened


def _databases(server: MariadbServer) -> set[str]:
    return {str(name) for (name,) in server._keeper.run("SHOW DATABASES")}


_OWNER = """
from relgate.adapters.mariadb import MariadbServer
server = MariadbServer.at({url!r})
server._comments = {comments}
made = server.create()
with server.open(made) as session:
    session.run("CREATE TABLE t (id INT)")
    session.run("ALTER DATABASE COLLATE utf8mb4_bin")
print(made.name, flush=True)
import time
time.sleep(600)
"""


@pytest.mark.parametrize("comments", [True, False])
def test_on_a_users_server_a_killed_owners_databases_are_dropped(
    server: MariadbServer, url: str, comments: bool
) -> None:
    """Marked by a comment, or by a procedure where databases have none; a living owner's stay, and those of others."""
    server._keeper.run("CREATE DATABASE relgate_0123456789ab_1")
    server._keeper.run("CREATE DATABASE relgate_mine")
    with owner_of(_OWNER.format(url=url, comments=comments)) as owner:
        assert owner.stdout is not None
        name = owner.stdout.readline().strip()
        with MariadbServer.at(url):
            assert name in _databases(server)
        number = server._keeper.run("SELECT IS_USED_LOCK(%s)", (f"relgate_{name.split('_')[1]}",))[0][0]
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    while server._keeper.run("SELECT 1 FROM information_schema.processlist WHERE id = %s", (number,)):
        pass  # The server notices that its client is gone.
    with MariadbServer.at(url):
        assert name not in _databases(server)
    assert {"relgate_0123456789ab_1", "relgate_mine"} <= _databases(server)
    server._keeper.run("DROP DATABASE relgate_0123456789ab_1")
    server._keeper.run("DROP DATABASE relgate_mine")


def test_on_a_users_server_nothing_is_left_and_nothing_else_touched(server: MariadbServer, url: str) -> None:
    """Its user needs no more than all privileges on relgate's own names."""
    server._keeper.run("CREATE DATABASE app")
    server._keeper.run("CREATE USER tester@localhost IDENTIFIED BY 'p@ss:/wörd'")
    server._keeper.run("GRANT ALL ON `relgate\\_%`.* TO tester@localhost WITH GRANT OPTION")
    before = _databases(server)
    address = Address("localhost", 3306, "tester", "p@ss:/wörd", "app", address_of(url).options)
    with MariadbServer.at(address.url("app")) as limited:
        made = limited.create()
        with limited.open(made) as session:
            session.run("CREATE TABLE t (id INT PRIMARY KEY)")
            session.run("INSERT INTO t VALUES (1)")
        with limited.open(limited.create(made)) as session:
            assert session.rows() == {"t": [{"id": 1}]}
            assert session.run("SELECT CURRENT_USER()") == [("tester@localhost",)]
        assert len(_databases(server)) == len(before) + 2
    assert _databases(server) == before
    server._keeper.run("DROP USER tester@localhost")
    server._keeper.run("DROP DATABASE app")


def test_grants_go_with_their_database(server: MariadbServer) -> None:
    """The server would keep them, for whoever uses the name again. A copy has them too."""
    made = server.create()
    with server.open(made) as session:
        session.run("CREATE TABLE t (id INT, secret INT)")
        session.run("CREATE USER reader@localhost")
        session.run("GRANT SELECT, INSERT ON * TO reader@localhost WITH GRANT OPTION")
        session.run("GRANT UPDATE ON t TO reader@localhost")
        session.run("GRANT DELETE, UPDATE (id) ON t TO reader@localhost")
        catalog = session.catalog()
    copy = server.create(made)
    with server.open(copy) as session:
        assert session.catalog() == catalog
        assert sum(kind == "privilege" for kind, _ in catalog) == 5
    server.drop(copy)
    server.drop(made)
    for table in ("db", "tables_priv", "columns_priv"):
        assert server._keeper.run(f"SELECT * FROM mysql.{table} WHERE user = 'reader'") == []  # noqa: S608
    server._keeper.run("DROP USER reader@localhost")


def test_a_user_who_may_not_create_databases_is_told_what_it_needs(server: MariadbServer, url: str) -> None:
    """With the words that a person can act on."""
    server._keeper.run("CREATE USER nobody@localhost")
    address = Address("localhost", 3306, "nobody", "", options=address_of(url).options)
    with MariadbServer.at(address.url("")) as limited, pytest.raises(SourceError, match=r"privileges on relgate\\_%"):
        limited.create()
    server._keeper.run("DROP USER nobody@localhost")


def test_without_a_server_on_the_machine_the_ways_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install, or that a URL will do."""
    monkeypatch.setattr(mariadb_process, "_PLACES", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match=r"apt-get install mariadb-server.*mysql\+pymysql://"):
        MariadbServer.private()


def test_a_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the lines of its log, and no folder is left."""
    monkeypatch.setattr(mariadb_process, "_SETTINGS", (*mariadb_process._SETTINGS, "--no-such-option"))
    with pytest.raises(SourceError, match="no-such-option"):
        MariadbServer.private()


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    """A password must not get into a report."""
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:1, user me") as refused:
        MariadbServer.at("mysql+pymysql://me:secret@127.0.0.1:1/")
    assert "secret" not in str(refused.value)


_WORDS = st.text(alphabet="aZ0 @:/?#%&=ä_-.'", min_size=1, max_size=12)


@given(_WORDS, st.one_of(st.just(""), _WORDS), st.one_of(st.just(""), _WORDS), st.integers(1, 65535))
def test_an_address_survives_its_url(user: str, password: str, database: str, port: int) -> None:
    """Whatever characters its parts have."""
    address = Address("db.example", port, user, password, database, (("unix_socket", "/tmp/a b&c=d"),))  # noqa: S108
    assert address_of(address.url(database)) == address


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("postgresql://h/", "expected mysql"),
        ("h/db", "expected mysql"),
        ("mysql://h:port/", "not readable"),
        ("mysql://h/?ssl=maybe", "expected options among"),
    ],
)
def test_a_url_that_is_none_is_refused(wrong: str, why: str) -> None:
    """An option that would be ignored silently (ssl) is refused too."""
    with pytest.raises(UsageError, match=why):
        address_of(wrong)


def test_a_connection_that_is_lost_says_so(server: MariadbServer, session: MariadbSession) -> None:
    """Its state is that of a lost connection, not that of a statement."""
    number = session.run("SELECT CONNECTION_ID()")[0][0]
    server._keeper.run(f"KILL {number}")
    with pytest.raises(SqlError) as lost:
        session.run("SELECT 1")
    assert lost.value.state == "08S01"


def test_a_row_that_does_not_fit_is_refused_with_the_servers_state(session: MariadbSession) -> None:
    """Sessions are strict: nothing is cut off silently."""
    session.run("CREATE TABLE t (a VARCHAR(2), b TINYINT UNSIGNED)")
    for sql, state in (("INSERT INTO t VALUES ('abc', 1)", "22001"), ("INSERT INTO t VALUES ('a', -1)", "22003")):
        with pytest.raises(SqlError) as refused:
            session.run(sql)
        assert refused.value.state == state


def test_awkward_names_and_texts_are_read_from_what_the_server_shows(server: MariadbServer, scratch: Scratch) -> None:
    """Backticks in names; line breaks, commas and quotes in comments and expressions; copied as they are."""
    with server.open(scratch) as session:
        session.run("CREATE TABLE `or``der` (`key` INT PRIMARY KEY COMMENT 'a\\n),`b` ''c''', KEY `k ``x` (`key`))")
        session.run(
            "CREATE TABLE line (o INT DEFAULT 7 CHECK (o <> 3), t VARCHAR(9) DEFAULT 'it''s,', UNIQUE (t),"
            " UNIQUE (t(3)),"
            " CONSTRAINT `f k` FOREIGN KEY (o) REFERENCES `or``der` (`key`) ON DELETE CASCADE,"
            " CONSTRAINT c CHECK (t <> ') AUTO_INCREMENT=5\\n'), e ENUM('a,b', 'it''s'), u INT UNSIGNED)"
        )
        session.run("INSERT INTO `or``der` VALUES (7)")
        session.run("INSERT INTO line (e) VALUES ('it''s')")
        catalog, rows = session.catalog(), session.rows()
        tables = {table.name: table for table in session.tables()}
        assert list(tables) == ["`or``der`", "line"]
        line = tables["line"]
        assert line.foreign_keys == (ForeignKey("f k", ("o",), "`or``der`", ("key",)),)
        assert line.uniques == (("t",),)
        assert len(line.checks) == 2
        columns = {column.name: column for column in line.columns}
        assert columns["e"].enum == ("a,b", "it's")
        assert columns["u"].declared == "int(10) unsigned"
        assert columns["t"].length == 9
        assert ("constraint", "`or``der`.PRIMARY") in {
            (kind, name.replace("`PRIMARY`", "PRIMARY")) for kind, name in catalog
        }
    copy = server.create(scratch)
    with server.open(copy) as session:
        assert session.catalog() == catalog
        assert session.rows() == rows
    server.drop(copy)


def test_the_books_of_tools_and_the_marker_are_not_in_the_schema(session: MariadbSession) -> None:
    """Neither compared nor seeded."""
    before = session.catalog()
    session.run("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY CHECK (version_num <> ''))")
    session.run("CREATE TRIGGER booked BEFORE INSERT ON alembic_version FOR EACH ROW SET NEW.version_num = 'x'")
    session.run("CREATE PROCEDURE relgate_scratch () SELECT 1")
    assert session.catalog() == before
    assert session.tables() == ()


def test_an_auto_increment_value_is_no_schema(session: MariadbSession) -> None:
    """It moves with rows, and nobody takes it back."""
    session.run("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY)")
    before = session.catalog()
    session.run("INSERT INTO t VALUES (41)")
    session.run("ALTER TABLE t AUTO_INCREMENT = 100")
    assert session.catalog() == before


def test_a_copy_of_a_sequence_goes_on_and_rows_with_zero_stay(server: MariadbServer, scratch: Scratch) -> None:
    """Zero in an AUTO_INCREMENT column and dates of zeros are values too."""
    with server.open(scratch) as session:
        session.run("CREATE SEQUENCE s START WITH 5 CACHE 1")
        session.run("SELECT NEXTVAL(s)")
        session.run("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
        session.run("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, d DATE NOT NULL)")
        session.run("INSERT INTO t VALUES (0, '0000-00-00')")
    copy = server.create(scratch)
    with server.open(copy) as session:
        assert session.run("SELECT NEXTVAL(s)") == [(6,)]
        assert session.rows() == {"t": [{"id": 0, "d": "0000-00-00"}]}
    server.drop(copy)


def test_production_is_read_and_cannot_be_written(session: MariadbSession, scratch: Scratch) -> None:
    """The server itself refuses: the session is read-only, DDL and what would begin anew included."""
    session.run("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    session.run("INSERT INTO alembic_version VALUES ('b'), ('a')")
    session.run("CREATE TABLE t (a INT)")
    session.run("INSERT INTO t VALUES (1), (2), (3)")
    session.run("ANALYZE TABLE t")
    before = session.catalog()
    with MariadbProduction(scratch.url) as production:
        assert production.applied() == ("a", "b")
        assert production.applied("missing") == ()
        assert production.row_counts()["t"] == 3
        assert production.statements() == ()
        for sql in ("INSERT INTO t VALUES (4)", "DROP TABLE t", "CREATE TABLE u (a INT)"):
            with pytest.raises(SourceError, match="READ ONLY"):
                production._ask(sql)
    assert session.catalog() == before
    assert session.counts() == {"t": 3}


def test_production_needs_a_databases_name(url: str) -> None:
    """Without one there is nothing to read."""
    with pytest.raises(UsageError, match="database's name"):
        MariadbProduction(url)


def test_a_scratch_databases_environment_leads_to_it_alone(scratch: Scratch, url: str) -> None:
    """A tool that reads its server from the environment must not find another one there."""
    environment = dict(scratch.environment)
    assert environment["MYSQL_UNIX_PORT"] == dict(address_of(url).options)["unix_socket"]
    assert environment["DATABASE_URL"].startswith("mysql://")
    connection = Connection(address_of(environment["DATABASE_URL"]), address_of(environment["DATABASE_URL"]).database)
    assert connection.run("SELECT DATABASE()") == [(scratch.name,)]
    connection.close()
