"""A schema is read by what has changed: always the same as reading all of it, whatever has changed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from benchmarks.migrations.schema_kinds import KINDS
from relgate.adapters.postgres import PostgresServer
from relgate.adapters.postgres_look import Look
from relgate.adapters.postgres_session import PostgresSession
from relgate.ports.migrations import Scratch, SqlError
from tests.adapters.postgres_schema import CHANGES, EMBEDDED, EVERYTHING, LONG, server_of

STATEMENTS = [*CHANGES, *(sql for kind in KINDS for part in (kind.create, kind.change, kind.back) for sql in part)]


@pytest.fixture(scope="module")
def server() -> PostgresServer:
    """The embedded PostgreSQL."""
    return server_of(EMBEDDED)


@pytest.fixture(scope="module")
def base(server: PostgresServer) -> Scratch:
    """A database with everything in it."""
    scratch = server.create()
    with server.open(scratch) as session:
        session.run(EVERYTHING)
    return scratch


@pytest.fixture
def session(server: PostgresServer, base: Scratch) -> Iterator[PostgresSession]:
    """A connection to a copy of it that has looked twice: from now on it reads changes only."""
    scratch = server.create(base)
    with server.open(scratch) as opened:
        assert opened.catalog() == opened.catalog()
        yield opened
    server.drop(scratch)


def whole(session: PostgresSession) -> object:
    """The same database, all of it read."""
    kept = session._look
    session._look = Look(session._connection.info.server_version)
    try:
        return session.catalog()
    finally:
        session._look = kept


def partly(session: PostgresSession) -> list[object]:
    """What is read of it from now on, each time: relations, or None for everything."""
    seen: list[object] = []
    concerned = session._look._concerned

    def spy(*arguments: object) -> object:
        found = concerned(*arguments)  # type: ignore[arg-type]
        seen.append(found)
        return found

    session._look._concerned = spy  # type: ignore[method-assign, assignment]
    return seen


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_as_by_reading_everything(session: PostgresSession, change: str) -> None:
    """Of every kind that the tests of the catalog know; and nothing is read where nothing has changed."""
    session.run(change)
    assert session.catalog() == whole(session)
    seen = partly(session)
    assert session.catalog() == whole(session)
    assert seen == [set()]


@pytest.mark.parametrize("seed", range(6))
def test_many_changes_in_any_order_are_seen_as_by_reading_everything(session: PostgresSession, seed: int) -> None:
    """Several between two looks, some refused, some undone, names that change places."""
    chance = random.Random(seed)
    done = 0
    for _ in range(40):
        several = chance.sample(STATEMENTS, chance.choice((1, 1, 2, 3)))
        undone = chance.random() < 0.2
        session.begin()
        try:
            for sql in several:
                session.run(sql)
            if chance.random() < 0.3:
                session.catalog()  # In a transaction: it must not be taken for what stays.
            if not undone:
                session.commit()
                done += 1
        except SqlError:
            pass
        finally:
            session.rollback()
        assert session.catalog() == whole(session), several
    assert done > 2


RENAMES = (
    "ALTER TABLE customers RENAME TO clients",
    "ALTER TABLE customers RENAME COLUMN note TO remark",
    "ALTER TABLE orders RENAME TO a; ALTER TABLE scraps RENAME TO orders; ALTER TABLE a RENAME TO scraps",
    "ALTER SEQUENCE tickets RENAME TO numbers",
    "ALTER TABLE orders SET SCHEMA other",
    "ALTER SCHEMA other RENAME TO another",
    "ALTER TYPE mood RENAME TO temper",
    "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
    "ALTER FUNCTION touch RENAME TO touched",
    "ALTER VIEW rich RENAME TO poor",
    "ALTER INDEX orders_total RENAME TO by_total",
    "ALTER TABLE events RENAME TO happened",
    "ALTER TABLE scraps RENAME TO alembic_version_2",
    "DROP TABLE alembic_version; ALTER TABLE scraps RENAME TO alembic_version",
    "CREATE TABLE uses (c customers, d customers[]); ALTER TABLE customers RENAME TO clients",
    "CREATE TYPE wide AS (c scraps); ALTER TABLE scraps RENAME TO bits",
    "CREATE FUNCTION f(customers) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER TABLE customers RENAME TO clients",
    "CREATE FUNCTION g() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM scraps; END; ALTER TABLE scraps RENAME TO x",
    "CREATE VIEW v AS SELECT * FROM scraps JOIN child USING (a, b); ALTER TABLE scraps ADD COLUMN d int",
    "CREATE EXTENSION vector",
    "ALTER EXTENSION plpgsql ADD TABLE scraps",
    "ALTER SEQUENCE orders_id_seq OWNED BY NONE",
    "COMMENT ON TRIGGER touched ON customers IS 'x'",
    "COMMENT ON POLICY own ON customers IS 'x'; COMMENT ON RULE quiet ON scraps IS 'x'",
    "COMMENT ON INDEX orders_total IS 'x'; COMMENT ON TYPE mood IS 'x'; COMMENT ON DOMAIN email IS 'x'",
    "DROP TABLE customers CASCADE",
    "DROP SCHEMA other CASCADE",
    "TRUNCATE scraps",
    "VACUUM FULL orders",
    "ANALYZE",
)


@pytest.mark.parametrize("change", RENAMES)
def test_what_only_has_another_name_changes_those_that_refer_to_it(session: PostgresSession, change: str) -> None:
    """Their own rows stay as they are."""
    for sql in re.split(r"; (?=[A-Z]+ [A-Z])(?!END)", change):
        session.run(sql)
        assert session.catalog() == whole(session), sql


def test_only_what_a_change_concerns_is_read_again(session: PostgresSession) -> None:
    """A column more: its table and those that refer to it, not the whole schema."""
    seen = partly(session)
    session.run("ALTER TABLE orders ADD COLUMN c int")
    session.catalog()
    session.run(f"CREATE TABLE fresh (a int REFERENCES {LONG})")
    session.catalog()
    session.run("DROP TABLE fresh")
    session.catalog()
    session.run("ALTER TYPE mood ADD VALUE 'more'")
    session.catalog()

    assert [found is None for found in seen] == [False, False, False, True]
    assert all(len(found) < 15 for found in seen[:3])  # type: ignore[arg-type]


SWAPS = (
    ("CREATE INDEX one ON orders (total)", "DROP INDEX one; CREATE INDEX two ON scraps (a)"),
    ("CREATE TRIGGER one BEFORE UPDATE ON scraps FOR EACH ROW EXECUTE FUNCTION touch()",
     "DROP TRIGGER one ON scraps; CREATE TRIGGER two BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch()"),
    ("COMMENT ON TABLE scraps IS 'x'", "COMMENT ON TABLE scraps IS NULL; COMMENT ON COLUMN orders.total IS 'y'"),
    ("ALTER TABLE scraps ADD CONSTRAINT one CHECK (a > 0) NOT VALID",
     "ALTER TABLE scraps DROP CONSTRAINT one; ALTER TABLE orders ADD CONSTRAINT two CHECK (total > 1) NOT VALID"),
    ("CREATE POLICY one ON scraps", "DROP POLICY one ON scraps; CREATE POLICY two ON orders"),
    ("CREATE TABLE one (a int)", "DROP TABLE one; CREATE TABLE two (a int)"),
    ("CREATE COLLATION one (locale = 'C')", "DROP COLLATION one; CREATE COLLATION two (locale = 'C')"),
)  # fmt: skip


@pytest.mark.parametrize(("before", "swap"), SWAPS)
def test_what_goes_while_as_many_come_is_not_missed(session: PostgresSession, before: str, swap: str) -> None:
    """The number of rows says nothing then; which ones there were does."""
    session.run(before)
    session.catalog()
    session.run(swap)
    assert session.catalog() == whole(session)


def test_a_transaction_that_was_open_at_the_last_look_is_seen_once_it_has_ended(
    server: PostgresServer, session: PostgresSession
) -> None:
    """Others that began later have been looked at already."""
    name = session.run("SELECT current_database()")[0][0]
    other = PostgresSession(server._connect({**server._conninfo, "dbname": name}))
    other.begin()
    other.run("CREATE TABLE late (a int)")
    for k in range(3):
        session.run(f"CREATE TABLE early_{k} (a int)")
        assert ("table", "public.late") not in session.catalog()
    other.commit()
    other.close()
    assert ("table", "public.late") in session.catalog()
    assert session.catalog() == whole(session)


@pytest.mark.parametrize("at", ["_some", "_whole"])
def test_a_look_that_failed_half_way_has_not_seen_what_it_was_about(session: PostgresSession, at: str) -> None:
    """The next one reads everything."""
    session.run("ALTER TABLE orders ADD COLUMN c int" if at == "_some" else "ALTER TYPE mood ADD VALUE 'more'")
    kept = getattr(session._look, at)
    setattr(session._look, at, "SELECT 1 / 0 -- %s" if at == "_some" else "SELECT 1 / 0")
    with pytest.raises(SqlError, match="division by zero"):
        session.catalog()
    setattr(session._look, at, kept)
    assert session.catalog() == whole(session)


def test_who_looks_once_asks_once(server: PostgresServer, base: Scratch) -> None:
    """What a second look would need is not read at the first."""
    scratch = server.create(base)
    with server.open(scratch) as opened:
        opened.catalog()
        assert opened._look._rows is not None
        assert not opened._look._rows._counts
    server.drop(scratch)
