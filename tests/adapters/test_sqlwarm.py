"""A connection kept between steps is as good as a new one, and is not kept where it would not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, literal, pool, select, text
from sqlalchemy.dialects.postgresql.psycopg import PGIdentifierPreparer_psycopg

from relgate.adapters import sqlguard
from relgate.adapters.alembic import AlembicTool
from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlwarm import Warm
from tests.adapters.histories import alembic_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from relgate.ports.migrations import Scratch


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this module's own."""
    with PostgresServer.private("auto") as private:
        yield private


def asked(warm: Warm, scratch: Scratch, *statements: str, commit: bool = False) -> list[object]:
    """Send statements in a step of their own, as a project's engine does; the first value of each answer."""
    with sqlguard.only(scratch, warm):
        engine = create_engine("postgresql+psycopg://nobody@production.invalid/live", poolclass=pool.NullPool)
        with engine.connect() as connection:
            results = [connection.execute(text(sql)) for sql in statements]
            values = [result.scalar() if result.returns_rows else None for result in results]
            if commit:
                connection.commit()
            return values


BACKEND = "SELECT pg_backend_pid()"


def test_one_connection_serves_the_steps_of_one_database(server: PostgresServer) -> None:
    """Two steps on one database share it, a step on another database has its own."""
    warm, one, other = Warm(), server.create(), server.create()
    first, second = asked(warm, one, BACKEND), asked(warm, one, BACKEND)
    assert first == second
    assert asked(warm, other, "SELECT current_database()") == [other.name]
    warm.close()


def test_nothing_of_a_step_is_left_for_the_next(server: PostgresServer) -> None:
    """Settings, temporary tables, locks, prepared statements, and a transaction that nobody ended are gone."""
    warm, scratch = Warm(), server.create()
    asked(
        warm, scratch, *["SELECT 1"] * 9, "SET search_path = pg_catalog", "SET lock_timeout = '1s'",
        "CREATE TEMP TABLE mine (a int)", "SELECT pg_advisory_lock(7)", "CREATE TABLE public.lost (a int)",
    )  # fmt: skip
    left = (
        "SHOW search_path", "SHOW lock_timeout", "SELECT to_regclass('pg_temp.mine')::text",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
        "SELECT to_regclass('public.lost')::text", "SELECT count(*) FROM pg_prepared_statements",
    )  # fmt: skip
    assert asked(warm, scratch, *left) == ['"$user", public', "0", None, 0, None, 0]
    warm.close()


@pytest.mark.parametrize("commit", [True, False])
def test_what_the_driver_prepares_by_itself_lasts_no_longer_than_its_step(server: PostgresServer, commit: bool) -> None:
    """A statement that comes often is prepared: in one step after the fifth time, and over many steps."""
    warm, scratch = Warm(), server.create()
    for times in (1, 1, 1, 1, 1, 1, 2, 7, 7, 1, 2):
        assert asked(warm, scratch, *["SELECT 7"] * times, commit=commit) == [7] * times
    warm.close()


def test_an_engine_is_told_what_an_equal_one_has_asked_and_no_other(server: PostgresServer) -> None:
    """The same answers as with a new connection; another kind of engine asks for itself."""
    warm, scratch = Warm(), server.create()
    seen: list[list[dict[str, object]]] = []
    for keeper in (None, warm):
        seen.append([])
        for options in ({}, {}, {"label_length": 20}, {"use_native_hstore": False}, {}):
            with sqlguard.only(scratch, keeper):
                engine = create_engine("postgresql+psycopg://a@b.invalid/c", poolclass=pool.NullPool, **options)
                with engine.connect() as connection:
                    connection.execute(text("SELECT 1"))
            plain: dict[str, object] = {
                name: value for name, value in vars(engine.dialect).items() if isinstance(value, str | int | tuple)
            }
            seen[-1].append(plain)
    assert seen[0] == seen[1]
    assert seen[0][0]["default_schema_name"] == "public"
    warm.close()


def test_a_default_schema_of_its_own_is_seen_by_the_next_step(server: PostgresServer) -> None:
    """A step that makes a schema named like the user changes where the next one's tables go."""
    warm, scratch = Warm(), server.create()
    names = []
    for sql in ("SELECT 1", "SELECT 2"):
        with sqlguard.only(scratch, warm):
            engine = create_engine("postgresql+psycopg://a@b.invalid/c", poolclass=pool.NullPool)
            with engine.begin() as connection:
                connection.execute(text(sql))
                connection.execute(text("CREATE SCHEMA IF NOT EXISTS AUTHORIZATION CURRENT_USER"))
            names.append(engine.dialect.default_schema_name)
    user = asked(warm, scratch, "SELECT current_user")
    assert names == ["public", *user]
    warm.close()


def test_settings_of_the_database_take_effect_in_the_next_step(server: PostgresServer) -> None:
    """A step that sets the database's search_path is followed by one that has it, as with a new connection."""
    warm, scratch = Warm(), server.create()
    with server.open(scratch) as session:
        asked(warm, scratch, BACKEND)
        session.run(f"ALTER DATABASE {scratch.name} SET search_path = pg_catalog")
    assert asked(warm, scratch, "SHOW search_path") == ["pg_catalog"]
    warm.close()


def test_a_connection_that_was_ended_is_replaced(server: PostgresServer) -> None:
    """The server ended it between two steps: the next one has a new one."""
    warm, scratch = Warm(), server.create()
    (backend,) = asked(warm, scratch, BACKEND)
    with server.open(scratch) as session:
        session.run(f"SELECT pg_terminate_backend({backend}, 5000)")
    assert asked(warm, scratch, BACKEND) != [backend]
    warm.close()


def test_what_a_pool_holds_on_to_is_closed_with_its_step(server: PostgresServer) -> None:
    """A connection that an engine of the project keeps in its pool is not lent to a second engine."""
    warm, scratch = Warm(), server.create()
    with sqlguard.only(scratch, warm):
        pooled = create_engine("postgresql+psycopg://nobody@production.invalid/live")
        with pooled.connect() as connection:
            backend = connection.execute(text(BACKEND)).scalar()
    assert asked(warm, scratch, BACKEND) != [backend]
    pooled.dispose()
    assert asked(warm, scratch, "SELECT 1") == [1]
    warm.close()


def test_a_warm_tool_moves_as_a_cold_one(tmp_path: Path, server: PostgresServer) -> None:
    """Up, down and up again give the statements and the schema that a tool without a kept connection gives."""
    ini = alembic_history(tmp_path)
    seen = []
    for tool in (AlembicTool(ini), AlembicTool(ini, warm=True)):
        scratch = server.create()
        moves = [tool.move(scratch, "r1", way) for way in ("up", "down", "up")]
        tool.close()
        copy = server.create(scratch)  # Refused if anybody were connected.
        with server.open(copy) as session:
            sent = [[(one.sql, one.transaction, one.books) for one in ran.statements] for ran in moves]
            seen.append((sent, [ran.failure for ran in moves], session.catalog()))
    assert seen[0] == seen[1]
    assert seen[0][1] == [None, None, None]


def compiled(warm: Warm, scratch: Scratch, **options: Any) -> tuple[object, str]:
    """What an engine in a step of its own keeps its compiled statements in, and one of those."""
    prepare = options.pop("prepare", None)
    with sqlguard.only(scratch, warm):
        engine = create_engine("postgresql+psycopg://a@b.invalid/c", poolclass=pool.NullPool, **options)
        if prepare is not None:
            prepare(engine)
        with engine.connect() as connection:
            statement = select(literal("it's").label("a long name for a column"))
            result = connection.execute(statement)
            assert result.all() == [("it's",)]
            return getattr(engine._compiled_cache, "_data", None), str(result.context.statement)


def test_engines_that_are_made_alike_share_what_they_have_compiled(server: PostgresServer) -> None:
    """The first of them too, which has asked the server itself; nothing is compiled twice."""
    warm, scratch = Warm(), server.create()
    caches = [compiled(warm, scratch)[0] for _ in range(3)]
    assert isinstance(caches[0], dict)
    assert caches[0] is caches[1] is caches[2]
    assert len(caches[0]) == 1
    warm.close()


def test_an_engine_that_is_made_otherwise_compiles_for_itself(server: PostgresServer) -> None:
    """Its options, its own code, its dialect changed after it was made, no cache at all."""

    class Loud(PGIdentifierPreparer_psycopg):
        def quote(self, ident: str) -> str:
            return super().quote(ident.upper())

    def loud(engine: Any) -> None:
        engine.dialect.identifier_preparer = Loud(engine.dialect)

    def other_quotes(engine: Any) -> None:
        engine.dialect.identifier_preparer.omit_schema = True

    warm, scratch = Warm(), server.create()
    plain, text_ = compiled(warm, scratch)
    for options in (
        {"label_length": 10}, {"json_serializer": str}, {"query_cache_size": 7}, {"query_cache_size": 0},
        {"prepare": loud}, {"prepare": other_quotes}, {"use_native_hstore": False},
    ):  # fmt: skip
        cache, said = compiled(warm, scratch, **options)
        assert cache is not plain, options
        assert (said == text_) == ("label_length" not in options and options.get("prepare") is not loud), options
    assert compiled(warm, scratch)[0] is plain
    warm.close()


def test_what_was_compiled_for_one_database_is_not_used_for_another(server: PostgresServer) -> None:
    """Nor where the database's settings have changed since."""
    warm, scratch = Warm(), server.create()
    first = compiled(warm, scratch)[0]
    with server.open(scratch) as session:
        session.run(f"ALTER DATABASE {scratch.name} SET standard_conforming_strings = off")
    later = compiled(warm, scratch)[0]
    other = compiled(warm, server.create())[0]
    assert len({id(one) for one in (first, later, other)}) == 3
    warm.close()
