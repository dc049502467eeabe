"""Alembic: env.py files of every shape end in the scratch database; chains of every shape are read and moved."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from relgate.adapters.alembic import AlembicTool
from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlite import SqliteServer
from relgate.errors import SourceError
from tests.adapters.histories import ENV, CrashAt, alembic_history, alembic_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from relgate.ports.migrations import Engine

OWN_ENGINE = """
import os
from alembic import context
from sqlalchemy import create_engine
with create_engine(os.environ["APP_SETTING"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
ASYNC_ENGINE = """
import asyncio, os
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
async def main():
    engine = create_async_engine(os.environ["APP_SETTING"])
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()
asyncio.run(main())
"""
POOLED = """
import os, sys
from alembic import context
from sqlalchemy import create_engine
engine = sys.modules.setdefault("relgate_test_engine", create_engine(os.environ["APP_SETTING"]))
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
CREATOR = """
import os, sqlite3
from alembic import context
from sqlalchemy import create_engine
engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(os.environ["APP_FILE"]))
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
STEP = '''"""{id}"""
revision = "{id}"
down_revision = {down!r}
{more}
from alembic import op
import sqlalchemy as sa

def upgrade():
    {up}

def downgrade():
    {back}
'''


@pytest.fixture
def server() -> Iterator[SqliteServer]:
    """Scratch databases on SQLite."""
    with SqliteServer() as made:
        yield made


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    with PostgresServer.private("auto") as made:
        yield made


def add(
    ini: Path, id_: str, down: object = None, *, up: str = "pass", back: str = "pass", more: str = "", file: str = ""
) -> Path:
    """Write a revision."""
    path = ini.parent / "migrations" / "versions" / f"{file or id_}.py"
    path.write_text(STEP.format(id=id_, down=down, up=up, back=back, more=more), encoding="utf-8")
    return path


def tables(file: Path) -> list[str]:
    """The tables of a SQLite file; none where there is no file."""
    if not file.exists():
        return []
    connection = sqlite3.connect(file)
    try:
        return [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    finally:
        connection.close()


# --- where it connects to


@pytest.mark.parametrize("env", [OWN_ENGINE, ASYNC_ENGINE, POOLED])
@pytest.mark.parametrize("exists", [False, True])
def test_another_database_is_never_touched(
    env: str, exists: bool, tmp_path: Path, server: SqliteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An env.py that makes an engine of its own, of another file, moves the scratch databases all the same."""
    production = tmp_path / "production.db"
    if exists:
        sqlite3.connect(production).close()
    driver = "sqlite+aiosqlite" if env is ASYNC_ENGINE else "sqlite"
    monkeypatch.setenv("APP_SETTING", f"{driver}:///{production}")
    monkeypatch.delitem(__import__("sys").modules, "relgate_test_engine", raising=False)
    tool = AlembicTool(alembic_history(tmp_path, env))
    for _ in range(2):
        scratch = server.create()
        ran = tool.move(scratch, "r1", "up")
        assert ran.failure is None
        assert tool.applied(scratch) == ("r1",)
        with server.open(scratch) as session:
            assert session.run("SELECT id FROM orders") == [(1,), (2,)]
        assert [statement.line for statement in ran.statements if "INTO orders" in statement.sql] == [8]
    assert tables(production) == []
    assert production.exists() == exists


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg", "psycopg_async", "pg8000"])
def test_every_driver_is_led_to_the_scratch_database(
    driver: str, tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project's other database stays empty, whichever driver its env.py connects with."""
    production, scratch = postgres.create(), postgres.create()
    name = driver.removesuffix("_async")
    monkeypatch.setenv("APP_SETTING", production.url.replace("+psycopg", f"+{name}"))
    env = ASYNC_ENGINE if driver in {"asyncpg", "psycopg_async"} else OWN_ENGINE
    tool = AlembicTool(alembic_history(tmp_path, env))
    watch = CrashAt(-1)
    ran = tool.move(scratch, "r1", "up", watch)
    assert ran.failure is None
    with postgres.open(production) as session:
        assert session.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    with postgres.open(scratch) as session:
        assert session.run("SELECT count(*) FROM orders") == [(2,)]
    own = [statement for statement in ran.statements if "orders" in statement.sql]
    assert len({statement.transaction for statement in own}) == 1
    assert own[0].transaction > 0
    assert (own[0].backend is None) == (driver == "pg8000")
    assert len(watch.done) == len(ran.statements)
    postgres.drop(production)


def test_another_kind_of_database_is_refused(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear line, and nothing happens."""
    production = tmp_path / "production.db"
    monkeypatch.setenv("APP_SETTING", f"sqlite:///{production}")
    ran = AlembicTool(alembic_history(tmp_path, OWN_ENGINE)).move(postgres.create(), "r1", "up")
    assert ran.failure is not None
    assert "expected a postgresql connection, the project wants sqlite: refused" in ran.failure.text
    assert not production.exists()


def test_a_creator_is_refused(tmp_path: Path, server: SqliteServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that SQLAlchemy did not make may lead anywhere."""
    monkeypatch.setenv("APP_FILE", str(tmp_path / "production.db"))
    ran = AlembicTool(alembic_history(tmp_path, CREATOR)).move(server.create(), "r1", "up")
    assert ran.failure is not None
    assert "refused" in ran.failure.text
    assert tables(tmp_path / "production.db") == []


def test_nothing_may_connect_while_files_are_read(tmp_path: Path) -> None:
    """A revision that opens a database at its module level is an error with its line."""
    ini = alembic_project(tmp_path)
    add(ini, "a", more=f"import sqlalchemy\nsqlalchemy.create_engine('sqlite:///{tmp_path}/x.db').connect()")
    with pytest.raises(SourceError, match=r"versions/a\.py:5: a sqlite connection was opened"):
        AlembicTool(ini).revisions()
    assert not (tmp_path / "x.db").exists()


def test_the_environment_is_put_back(tmp_path: Path, server: SqliteServer) -> None:
    """Variables, folder and output are those of before."""
    before = dict(os.environ), os.getcwd()  # noqa: PTH109
    ini = alembic_project(tmp_path)
    add(ini, "a", up="import os; print(os.environ['DATABASE_URL'], os.getcwd())")
    scratch = server.create()
    ran = AlembicTool(ini).move(scratch, "a", "up")
    assert ran.output.split()[0].endswith(scratch.url.split(":", 1)[1])
    assert ran.output.split()[1] == str(tmp_path)
    assert (dict(os.environ), os.getcwd()) == before  # noqa: PTH109


# --- failures


@pytest.mark.parametrize(
    ("env", "text"),
    [
        ("import nowhere", "ModuleNotFoundError"),
        ("def (", "SyntaxError"),
        ("x = 1", "expected it to call context.run_migrations"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_a_broken_env_is_a_failure_with_its_line(env: str, text: str, tmp_path: Path, server: SqliteServer) -> None:
    """Never an exception: what went wrong, and where."""
    ran = AlembicTool(alembic_history(tmp_path, env)).move(server.create(), "r1", "up")
    assert ran.failure is not None
    assert text in ran.failure.text
    assert "migrations/env.py" in (ran.failure.path if "expected" not in text else ran.failure.text)


def test_an_error_of_python_has_its_line(tmp_path: Path, server: SqliteServer) -> None:
    """The revision's own line, and no SQL."""
    ini = alembic_project(tmp_path)
    add(ini, "a", up="1 / 0")
    ran = AlembicTool(ini).move(server.create(), "a", "up")
    assert ran.failure is not None
    assert (ran.failure.path, ran.failure.line, ran.failure.sql) == ("migrations/versions/a.py", 9, None)


def test_a_crash_cannot_be_swallowed(tmp_path: Path, server: SqliteServer) -> None:
    """A revision that catches everything still ends, and commits nothing."""
    ini = alembic_project(tmp_path)
    add(
        ini,
        "a",
        up="""
    try:
        op.execute("CREATE TABLE a (b INTEGER)")
    except BaseException:
        pass
    op.execute("CREATE TABLE c (d INTEGER)")""",
    )
    scratch = server.create()
    ran = AlembicTool(ini).move(scratch, "a", "up", CrashAt(1))
    assert ran.failure is not None
    assert ran.failure.text == "crashed before statement 1"
    with server.open(scratch) as session:
        assert session.counts() == {}


def test_an_env_that_swallows_a_crash_commits_nothing(tmp_path: Path, postgres: PostgresServer) -> None:
    """The transaction around it is refused its commit."""
    env = ENV.replace(
        "            context.run_migrations()\n",
        "            try: context.run_migrations()\n            except BaseException: pass\n",
    )
    scratch = postgres.create()
    ran = AlembicTool(alembic_history(tmp_path, env)).move(scratch, "r1", "up", CrashAt(2))
    assert ran.failure is not None
    assert ran.failure.text == "crashed before statement 2"
    with postgres.open(scratch) as session:
        assert session.counts() == {}


def test_a_pool_of_the_project_keeps_nothing_open(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that lives longer than the step does not keep the database from being copied."""
    monkeypatch.setenv("APP_SETTING", "postgresql+psycopg://production.invalid/production")
    monkeypatch.delitem(__import__("sys").modules, "relgate_test_engine", raising=False)
    tool, scratch = AlembicTool(alembic_history(tmp_path, POOLED)), postgres.create()
    assert tool.move(scratch, "r1", "up").failure is None
    assert tool.move(postgres.create(scratch), "r2", "up").failure is None


def test_autocommit_is_told(tmp_path: Path, postgres: PostgresServer) -> None:
    """What an autocommit block sends belongs to no transaction; before and after it are two."""
    ini = alembic_project(tmp_path)
    add(
        ini,
        "a",
        up="""
    op.execute("CREATE TABLE a (b INTEGER)")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY c ON a (b)")
    op.bulk_insert(sa.table("a", sa.column("b", sa.Integer)), [{"b": 1}, {"b": -2}])
    op.execute(sa.text("UPDATE a SET b = b -:x").bindparams(x=-1))""",
    )
    ran = AlembicTool(ini).move(postgres.create(), "a", "up")
    assert ran.failure is None
    own = [statement for statement in ran.statements if not statement.books]
    create, index, *_, update = own
    assert (index.transaction, index.line) == (0, 12)
    assert 0 < create.transaction < update.transaction
    assert update.parameters
    assert "%(" not in update.literal
    assert "-1" in update.literal
    assert update.rows == 2


# --- chains


def test_broken_chains_are_read(tmp_path: Path) -> None:
    """A missing parent, a cycle, two of one name and two heads are read as they stand."""
    ini = alembic_project(tmp_path)
    for id_, down, file in (("a", "gone", "1"), ("b", "c", "2"), ("c", "b", "3"), ("d", None, "4"), ("d", "a", "5")):
        add(ini, id_, down, file=file)
    revisions = AlembicTool(ini).revisions()
    assert sorted((item.id, item.down) for item in revisions) == [
        *(("a", ("gone",)), ("b", ("c",)), ("c", ("b",)), ("d", ()), ("d", ("a",)))
    ]


def test_a_broken_chain_is_a_failure(tmp_path: Path, server: SqliteServer) -> None:
    """Moving on it does not raise."""
    ini = alembic_project(tmp_path)
    add(ini, "a", "gone")
    ran = AlembicTool(ini).move(server.create(), "a", "up")
    assert ran.failure is not None
    assert "gone" in ran.failure.text


@pytest.mark.parametrize("neutral", [False, True])
def test_branches_merges_and_dependencies_move(neutral: bool, tmp_path: Path, server: SqliteServer) -> None:
    """Two bases, a dependency by label and a merge: each step alone, up and down again."""
    ini = alembic_project(tmp_path)
    add(ini, "a", more='branch_labels = ("first",)')
    add(ini, "b", "a")
    add(ini, "x", more='depends_on = "first"')
    add(ini, "y", "x")
    add(ini, "m", ("b", "y"))
    tool = AlembicTool(ini, neutral=neutral)
    after = {item.id: (item.after, item.labels) for item in tool.revisions()}
    assert after["x"] == (("a",), ())
    assert after["a"] == ((), ("first",))
    scratch, seen = server.create(), []
    for id_, heads in (("a", {"a"}), ("b", {"b"}), ("x", {"b", "x"}), ("y", {"b", "y"}), ("m", {"m"})):
        assert tool.move(scratch, id_, "up").failure is None
        assert set(tool.applied(scratch)) == heads
        seen.append((id_, heads))
    for (id_, _), (_, before) in zip(reversed(seen), reversed([("", set()), *seen[:-1]]), strict=True):
        assert tool.move(scratch, id_, "down").failure is None
        assert set(tool.applied(scratch)) == before
    tool.close()


def test_what_a_revision_says_of_itself(tmp_path: Path) -> None:
    """Its lines, its way back, what it declares, the release that brings it."""
    ini = alembic_project(tmp_path)
    raises = '"""Why."""\n    raise NotImplementedError'
    add(ini, "a", back=raises, more='irreversible = {"reason": "drops", "backup": "s3"}')
    add(ini, "b", "a", more='release = "1.4"')
    path = ini.parent / "migrations" / "versions" / "c.py"
    path.write_text('revision = "c"\ndown_revision = "b"\ndef upgrade():\n    pass\n', encoding="utf-8")
    found = {item.id: item for item in AlembicTool(ini).revisions()}
    assert [found[id_].way_back for id_ in "abc"] == [False, True, False]
    assert (found["a"].line, found["a"].down_line, found["c"].line) == (8, 11, 3)
    assert found["a"].declared is not None
    assert (found["a"].declared.reason, found["a"].declared.backup) == ("drops", "s3")
    assert found["b"].release == "1.4"


def test_a_declaration_without_a_reason_is_an_error(tmp_path: Path) -> None:
    """What cannot be read is no declaration."""
    ini = alembic_project(tmp_path)
    add(ini, "a", more="irreversible = True")
    with pytest.raises(SourceError, match=r"a\.py: expected irreversible ="):
        AlembicTool(ini).revisions()


def test_a_project_in_pyproject(tmp_path: Path, server: SqliteServer) -> None:
    """Newer Alembic keeps its options there."""
    alembic_history(tmp_path, ENV)
    (tmp_path / "alembic.ini").unlink()
    file = tmp_path / "pyproject.toml"
    file.write_text('[tool.alembic]\nscript_location = "%(here)s/migrations"\n', encoding="utf-8")
    tool = AlembicTool(file)
    assert len(tool.revisions()) == 4
    assert tool.move(server.create(), "r1", "up").failure is None


# --- models and SQL


@pytest.mark.parametrize("engine", ["postgresql", "sqlite", "mysql"])
@pytest.mark.parametrize("neutral", [False, True])
def test_offline_sql(engine: Engine, neutral: bool, tmp_path: Path) -> None:
    """Both directions, for any engine, without a database."""
    tool = AlembicTool(alembic_history(tmp_path), neutral=neutral)
    assert "ALTER TABLE orders ADD COLUMN total INTEGER" in tool.offline("r2", "up", engine)
    assert "ALTER TABLE orders DROP COLUMN total" in tool.offline("r2", "down", engine)
    assert "CREATE TABLE orders" not in tool.offline("r2", "up", engine)


def test_offline_needs_no_database(tmp_path: Path) -> None:
    """A revision that asks one says so, with its line."""
    ini = alembic_project(tmp_path)
    add(ini, "a", up="op.get_bind().execute(sa.text('SELECT 1')).scalar()")
    with pytest.raises(SourceError, match=r"a up has no offline SQL: migrations/versions/a\.py:9"):
        AlembicTool(ini).offline("a", "up", "postgresql")


MODELS = """
import sqlalchemy as sa
target_metadata = sa.MetaData()
sa.Table("orders", target_metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("note", sa.String(5)))
"""


@pytest.mark.parametrize("neutral", [False, True])
def test_drift_is_told(neutral: bool, tmp_path: Path, server: SqliteServer) -> None:
    """One line for each operation that autogenerate would write."""
    ini = alembic_project(tmp_path, ENV.replace("target_metadata = None", MODELS))
    columns = 'sa.Column("id", sa.Integer, primary_key=True), sa.Column("old", sa.Text)'
    add(ini, "a", up=f'op.create_table("orders", {columns})')
    tool, scratch = AlembicTool(ini, neutral=neutral), server.create()
    assert tool.has_models
    assert tool.move(scratch, "a", "up").failure is None
    assert tool.drift(scratch) == ("add column orders.note String(length=5)", "remove column orders.old TEXT()")
    tool.close()


def test_no_models(tmp_path: Path, server: SqliteServer) -> None:
    """Without target_metadata there is nothing to compare."""
    tool = AlembicTool(alembic_history(tmp_path))
    assert not tool.has_models
    with pytest.raises(SourceError, match="expected a target_metadata"):
        tool.drift(server.create())


@pytest.mark.parametrize(("url", "engine"), [("postgresql+asyncpg://h/d", "postgresql"), ("mariadb://h/d", "mysql")])
def test_the_engine_of_the_project(url: str, engine: str, tmp_path: Path) -> None:
    """As its sqlalchemy.url says."""
    assert AlembicTool(alembic_project(tmp_path, "pass", url)).engine() == engine


def test_a_neutral_run_survives_a_dropped_database(tmp_path: Path, postgres: PostgresServer) -> None:
    """Its connection belongs to one database; the next database gets another."""
    tool, first = AlembicTool(alembic_history(tmp_path), neutral=True), postgres.create()
    assert tool.move(first, "r1", "up").failure is None
    postgres.drop(first)
    assert tool.move(postgres.create(), "r1", "up").failure is None
    tool.close()
