"""Scratch databases in SQLite, beside what every server must do (test_servers_contract.py)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from relgate.adapters.sqlite import SqliteProduction, SqliteServer, SqliteSession
from relgate.adapters.sqlite_catalog import Schema
from relgate.errors import SourceError
from relgate.ports.migrations import ForeignKey, Scratch, SqlError


@pytest.fixture
def server() -> Iterator[SqliteServer]:
    """A server of this test's own."""
    with SqliteServer() as started:
        yield started


@pytest.fixture
def scratch(server: SqliteServer) -> Scratch:
    """An empty database."""
    return server.create()


@pytest.fixture
def session(server: SqliteServer, scratch: Scratch) -> Iterator[SqliteSession]:
    """A connection to it."""
    with server.open(scratch) as opened:
        yield opened


def test_a_column_that_alter_adds_equals_one_that_create_made(server: SqliteServer, session: SqliteSession) -> None:
    """Both ways write different texts into sqlite_master."""
    session.run("CREATE TABLE t (a INT, CHECK (a > 0))")
    session.run("ALTER TABLE t ADD COLUMN b TEXT NOT NULL DEFAULT 'x' COLLATE NOCASE")
    session.run("ALTER TABLE t ADD COLUMN c INT CONSTRAINT small CHECK (c < 9) REFERENCES t (a)")
    with server.open(server.create()) as other:
        other.run(
            "CREATE TABLE IF NOT EXISTS \"t\" (a INT CHECK (a>0), b TEXT COLLATE NOCASE DEFAULT 'x' NOT NULL, c INT,"
            " FOREIGN KEY (c) REFERENCES t(a), CONSTRAINT small CHECK (c < 9))"
        )
        assert session.catalog() == other.catalog()


def test_a_renamed_column_equals_one_that_was_always_called_so(server: SqliteServer, session: SqliteSession) -> None:
    """SQLite rewrites texts with quotes; a name in quotes is the same name."""
    session.run("CREATE TABLE t (a INT CHECK (a > 0), old INT CHECK (old > a), UNIQUE (a, old))")
    session.run("CREATE INDEX i ON t (old DESC, lower(old)) WHERE old > 1")
    session.run("CREATE VIEW v AS SELECT old FROM t WHERE old = 'old'")
    session.run("CREATE TRIGGER g AFTER UPDATE OF old ON t BEGIN DELETE FROM t WHERE old = NEW.old; END")
    session.run('ALTER TABLE t RENAME COLUMN old TO "new one"')
    with server.open(server.create()) as other:
        other.run('CREATE TABLE t (a INT CHECK (a > 0), "new one" INT CHECK ("new one" > a), UNIQUE (a, "new one"))')
        other.run('CREATE INDEX i ON t ("new one" DESC, lower("new one")) WHERE "new one" > 1')
        other.run("CREATE VIEW v AS SELECT [new one] FROM t WHERE `new one` = 'old'")
        other.run(
            'CREATE TRIGGER g AFTER UPDATE OF "new one" ON t BEGIN DELETE FROM t WHERE "new one" = NEW."new one"; END'
        )
        assert session.catalog() == other.catalog()


def test_a_table_that_alembic_rebuilds_is_the_same_table(server: SqliteServer, scratch: Scratch) -> None:
    """Batch mode copies into _alembic_tmp_t and renames it: to and fro, nothing has changed, rows neither."""
    import sqlalchemy
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    with server.open(scratch) as session:
        session.run("CREATE TABLE p (id INTEGER NOT NULL PRIMARY KEY)")
        session.run(
            "CREATE TABLE t (id INTEGER NOT NULL, p_id INTEGER REFERENCES p, n VARCHAR(20) DEFAULT 'x' NOT NULL,"
            " CONSTRAINT pk_t PRIMARY KEY (id), CONSTRAINT uq_t UNIQUE (n), CONSTRAINT ck_t CHECK (n <> ''))"
        )
        session.run("CREATE INDEX ix_n ON t (n)")
        session.run("INSERT INTO p VALUES (1)")
        session.run("INSERT INTO t VALUES (1, 1, 'a'), (2, NULL, 'b')")
        before, rows = session.catalog(), session.rows()
        engine = sqlalchemy.create_engine(scratch.url)
        with engine.begin() as connection:
            operations = Operations(MigrationContext.configure(connection))
            for nullable in (True, False):
                with operations.batch_alter_table("t", recreate="always") as batch:
                    batch.alter_column("n", existing_type=sqlalchemy.String(20), nullable=nullable)
                now = Schema(lambda sql: [tuple(row) for row in connection.exec_driver_sql(sql)]).catalog()
                assert (now == before) is not nullable
        engine.dispose()
        assert session.catalog() == before
        assert session.rows() == rows


def test_the_books_of_tools_are_not_in_the_schema(session: SqliteSession) -> None:
    """Neither tables nor what hangs on them."""
    session.run("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
    session.run("CREATE INDEX books ON alembic_version (version_num)")
    session.run("CREATE TRIGGER booked AFTER INSERT ON alembic_version BEGIN SELECT 1; END")
    assert session.catalog() == {}
    assert session.tables() == ()


def test_a_copy_has_what_lies_in_the_log_and_its_mode(server: SqliteServer, scratch: Scratch) -> None:
    """A database in WAL mode is copied with what no checkpoint has written yet."""
    with server.open(scratch) as session:
        session.run("PRAGMA journal_mode = WAL")
        session.run("PRAGMA wal_autocheckpoint = 0")
        session.run("CREATE TABLE t (a INT)")
        session.run("INSERT INTO t VALUES (1)")
        with server.open(server.create(scratch)) as copy:
            assert copy.rows() == {"t": [{"a": 1}]}
            assert copy.run("PRAGMA journal_mode") == [("wal",)]


def test_dropping_removes_the_files_beside_it(server: SqliteServer, scratch: Scratch) -> None:
    """The log of a database that is gone would be taken for the next one's."""
    path = Path(scratch.url.removeprefix("sqlite:///"))
    with server.open(scratch) as session:
        session.run("PRAGMA journal_mode = WAL")
        session.run("CREATE TABLE t (a INT)")
        assert len(list(path.parent.glob(f"{path.name}*"))) == 3
        server.drop(scratch)
    assert list(path.parent.glob(f"{path.name}*")) == []


def test_sequences_go_behind_the_largest_number_and_never_back(session: SqliteSession) -> None:
    """AUTOINCREMENT never gives a number twice; a rebuilt table has forgotten what it gave."""
    session.run("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    session.set_sequences()
    session.run("INSERT INTO t VALUES (7)")
    session.run("DELETE FROM sqlite_sequence")
    session.set_sequences()
    assert session.run("SELECT * FROM sqlite_sequence") == [("t", 7)]
    session.run("UPDATE sqlite_sequence SET seq = 9")
    session.set_sequences()
    assert session.run("SELECT * FROM sqlite_sequence") == [("t", 9)]


def test_seeding_sees_columns_keys_and_checks(session: SqliteSession) -> None:
    """Names as the tables write them, though the text of a key may use another case."""
    session.run('CREATE TABLE "Order" (Id INTEGER PRIMARY KEY, "select" NUMERIC(8, 2), t VARCHAR(5) NOT NULL)')
    session.run("CREATE TABLE line (id INT PRIMARY KEY, o INT REFERENCES [order], twice INT AS (id * 2), a, b BLOB)")
    session.run('CREATE UNIQUE INDEX u ON "Order" ("select", t)')
    session.run('CREATE UNIQUE INDEX partial ON "Order" (t) WHERE t > 1')
    session.run('CREATE UNIQUE INDEX computed ON "Order" (lower(t))')
    session.run('CREATE TRIGGER g AFTER INSERT ON "Order" BEGIN SELECT 1; END')
    order, line = session.tables()
    assert (order.name, order.uniques, order.triggers) == ('"Order"', (("select", "t"),), True)
    assert line.foreign_keys == (ForeignKey("", ("o",), '"Order"', ("Id",)),)
    columns = {column.name: column for column in (*order.columns, *line.columns)}
    assert (columns["Id"].identity, columns["Id"].nullable) == ("default", False)
    assert (columns["id"].identity, columns["id"].nullable) == ("", False)
    assert (columns["select"].type, columns["select"].precision, columns["select"].scale) == ("numeric", 8, 2)
    assert (columns["t"].type, columns["t"].length, columns["t"].declared) == ("varchar", 5, "VARCHAR(5)")
    assert columns["twice"].generated
    assert columns["a"].type == ""
    assert session.rows() == {'"Order"': [], "line": []}


def test_virtual_tables_are_compared_but_not_seeded(session: SqliteSession) -> None:
    """Their shadow tables are theirs."""
    session.run("CREATE VIRTUAL TABLE f USING fts5 (body, tokenize = 'porter')")
    before = session.catalog()
    assert {identity for kind, identity in before if kind == "table"} == {"f"}
    assert session.tables() == ()
    session.run("DROP TABLE f")
    session.run("CREATE VIRTUAL TABLE f USING fts5 (body)")
    assert session.catalog() != before


def test_a_commit_that_sqlite_has_undone_by_itself_is_an_error(session: SqliteSession) -> None:
    """ON CONFLICT ROLLBACK ends the transaction: saying that it was committed would be a lie."""
    session.run("CREATE TABLE t (a INT UNIQUE ON CONFLICT ROLLBACK)")
    session.begin()
    session.run("INSERT INTO t VALUES (1)")
    with pytest.raises(SqlError):
        session.run("INSERT INTO t VALUES (1)")
    with pytest.raises(SqlError, match="no transaction"):
        session.commit()
    assert session.counts() == {"t": 0}


def _production(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for sql in statements:
            connection.execute(sql)
        connection.commit()
    return path


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_production_is_read_and_cannot_be_written(tmp_path: Path, mode: str) -> None:
    """SQLite itself refuses, whatever the statement; the file stays what it is to the byte."""
    path = _production(
        tmp_path / "live ä%41?.db",
        f"PRAGMA journal_mode = {mode}",
        "CREATE TABLE alembic_version (version_num TEXT)",
        "CREATE TABLE t (a INT)",
        "INSERT INTO t VALUES (1), (2)",
        "INSERT INTO alembic_version VALUES ('b'), ('a')",
    )
    before = path.read_bytes()
    with SqliteProduction(path) as production:
        assert production.applied() == ("a", "b")
        assert production.applied("missing") == ()
        assert production.row_counts() == {"t": 2}
        assert production.statements() == ()
        for sql in ("INSERT INTO t VALUES (3)", "DROP TABLE t", "PRAGMA user_version = 7", "CREATE TABLE u (a INT)"):
            with pytest.raises(SourceError, match="readonly"):
                production._run(sql)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [None, b"this is no database, but long enough to have a header" * 40])
def test_production_that_is_missing_or_no_database_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """And a missing file is not made."""
    path = tmp_path / "live.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=r"live\.db.*cannot be read"):
        SqliteProduction(path)
    assert path.exists() == (content is not None)
