"""The fingerprint of a schema: everything is in it, nothing else is, and each change shows as what it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from relgate.adapters.postgres import PostgresServer
from relgate.adapters.postgres_session import PostgresSession
from relgate.ports.migrations import Catalog, Scratch
from tests.adapters.postgres_schema import CHANGES, EVERYTHING, LONG, SERVERS, server_of


@pytest.fixture(scope="module", params=SERVERS, ids=str)
def server(request: pytest.FixtureRequest) -> PostgresServer:
    """Each PostgreSQL that there is."""
    return server_of(request.param)


@pytest.fixture(scope="module")
def base(server: PostgresServer) -> Scratch:
    """A database with everything in it."""
    scratch = server.create()
    with server.open(scratch) as session:
        session.run(EVERYTHING)
    return scratch


@pytest.fixture(scope="module")
def copy(server: PostgresServer, base: Scratch) -> Iterator[PostgresSession]:
    """A connection to a copy of it."""
    with server.open(server.create(base)) as session:
        yield session


@pytest.fixture(scope="module")
def before(copy: PostgresSession) -> Catalog:
    """The catalog of that copy."""
    return copy.catalog()


@pytest.fixture
def session(server: PostgresServer) -> Iterator[PostgresSession]:
    """A connection to an empty database of its own."""
    scratch = server.create()
    with server.open(scratch) as opened:
        yield opened
    server.drop(scratch)


def changed(old: Catalog, new: Catalog) -> set[tuple[str, str]]:
    """Return the entries that differ."""
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def test_a_copy_equals_its_original(server: PostgresServer, base: Scratch, before: Catalog) -> None:
    """Every kind of object survives CREATE DATABASE with the same definition."""
    with server.open(base) as session:
        assert session.catalog() == before
    assert {kind for kind, _ in before} >= {
        "table", "column", "constraint", "index", "sequence", "enum", "domain", "view", "materialised-view", "function",
        "trigger", "policy", "privilege", "extension", "partition", "comment", "schema", "type", "column-order",
    }  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_shows_as_what_it_is(copy: PostgresSession, before: Catalog, change: str) -> None:
    """One statement makes entries of exactly the expected kinds differ, and its rollback makes them equal again."""
    copy.begin()
    try:
        copy.run(change)
        after = copy.catalog()
    finally:
        copy.rollback()
    assert {kind for kind, _ in changed(before, after)} == CHANGES[change]
    assert copy.catalog() == before


def test_equal_schemas_by_different_ways_are_equal(session: PostgresSession) -> None:
    """A grant taken back, a NOT NULL under another name, options in another order and moved sequences leave nothing."""
    session.run("CREATE TABLE t (a int NOT NULL, b serial) WITH (fillfactor = 70, autovacuum_enabled = off)")
    before = session.catalog()
    session.run("GRANT SELECT ON t TO pg_monitor; REVOKE SELECT ON t FROM pg_monitor")
    session.run("INSERT INTO t SELECT 1 FROM generate_series(1, 9)")
    session.run("ALTER TABLE t RESET (fillfactor); ALTER TABLE t SET (fillfactor = 70)")
    session.run("ALTER TABLE t ALTER a DROP NOT NULL; ALTER TABLE t RENAME a TO c; ALTER TABLE t ALTER c SET NOT NULL")
    session.run("ALTER TABLE t RENAME c TO a")
    assert session.catalog() == before


def test_a_not_null_that_is_not_validated_is_another_one(session: PostgresSession) -> None:
    """PostgreSQL 18 knows NOT NULL constraints that old rows may break."""
    if session.run("SHOW server_version_num")[0][0] < "180000":
        pytest.skip("older than NOT NULL NOT VALID")
    session.run("CREATE TABLE t (a int)")
    session.run("ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID")
    assert session.catalog()["column", "public.t.a"] == "integer not null not valid"
    session.run("ALTER TABLE t VALIDATE CONSTRAINT n")
    assert session.catalog()["column", "public.t.a"] == "integer not null"


def test_what_is_not_the_projects_is_not_in_it(session: PostgresSession) -> None:
    """Tools' books with all that hangs on them, temporary tables and the settings of a session stay out."""
    session.run("CREATE TYPE mood AS ENUM (); CREATE TABLE t (a mood)")
    before = session.catalog()
    session.run("CREATE TABLE alembic_version (version_num varchar(32) CONSTRAINT alembic_pk PRIMARY KEY)")
    session.run("CREATE TABLE django_migrations (id int GENERATED ALWAYS AS IDENTITY, app text CHECK (app <> ''))")
    session.run("CREATE INDEX books ON django_migrations (app)")
    session.run("COMMENT ON CONSTRAINT alembic_pk ON alembic_version IS 'x'; COMMENT ON INDEX books IS 'x'")
    session.run("GRANT SELECT (app) ON django_migrations TO public; GRANT SELECT ON alembic_version TO public")
    session.run("CREATE TEMP TABLE mine (a int)")
    session.run("CREATE SCHEMA hidden; SET search_path = hidden")
    assert changed(before, session.catalog()) == {("schema", "hidden")}
    assert session.run("SHOW search_path") == [("hidden",)]


def test_what_an_extension_brought_is_its_business(session: PostgresSession) -> None:
    """An extension is one entry and its comment; its types, functions, operators and tables are none."""
    available = {name for (name,) in session.run("SELECT name FROM pg_available_extensions")}
    before = session.catalog()
    for name in sorted(available & {"vector", "citext", "hstore", "pg_trgm", "postgis"}):
        session.run(f"CREATE EXTENSION {name}")
        assert changed(before, session.catalog()) == {("extension", name), ("comment", f"extension {name}")}
        session.run(f"DROP EXTENSION {name}")
    assert available & {"vector", "citext"}


def test_a_password_of_a_user_mapping_is_not_in_it(before: Catalog) -> None:
    """Findings go into reports: of a mapping's options only the names are read."""
    mappings = [text for (kind, identity), text in before.items() if identity.startswith("user mapping for relgate")]
    assert ["with password" in text for text in mappings] == [True]
    assert "secret" not in str(before)


def test_names_at_the_limit_stay_apart(session: PostgresSession) -> None:
    """Identities beyond 63 characters are whole: two constraints that differ at the end are two entries."""
    session.run(
        f"CREATE TABLE {LONG} (a int CONSTRAINT {LONG[:-1]}x CHECK (a > 0) CONSTRAINT {LONG[:-1]}y CHECK (a < 9))"
    )
    found = [identity for kind, identity in session.catalog() if kind == "constraint"]
    assert sorted(found) == [f"public.{LONG}.{LONG[:-1]}x", f"public.{LONG}.{LONG[:-1]}y"]


def test_a_dot_in_a_name_is_no_separator(session: PostgresSession) -> None:
    """Tables and columns whose names concatenate to the same text are different entries."""
    session.run('CREATE TABLE "a.b" (c int); CREATE SCHEMA a; CREATE TABLE a.b (c text); CREATE TABLE a."b.c" (d int)')
    columns = {identity: text for (kind, identity), text in session.catalog().items() if kind == "column"}
    assert columns == {'public."a.b".c': "integer", "a.b.c": "text", 'a."b.c".d': "integer"}
