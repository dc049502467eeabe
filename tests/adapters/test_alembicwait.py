"""An env.py that waits takes its next step as one with a start of its own would, and starts anew where it could not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from relgate.adapters.alembic import AlembicTool
from relgate.adapters.alembicwait import leaves_nothing, may_wait
from relgate.adapters.postgres import PostgresServer
from relgate.ports.migrations import Statement
from tests.adapters.histories import ENV, REVISION, CrashAt, alembic_history, alembic_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from relgate.ports.migrations import Direction, Ran, Scratch

TOLD = ENV.replace("config = context.config\n", 'config = context.config\nprint("started")\n')
"""An env.py that says each time that it is started."""
EACH_ITS_OWN = TOLD.replace(
    "context.configure(connection=", "context.configure(transaction_per_migration=True, connection="
)
EXTERNAL = TOLD.replace(".connect() as connection:", ".begin() as connection:")
HELPED = TOLD.replace(
    "        with context.begin_transaction():\n            context.run_migrations()\n",
    "        with context.begin_transaction():\n            context.run_migrations()\n        afterwards(connection)\n",
).replace("from alembic import context\n", "from alembic import context\nfrom helper import afterwards\n")
HELPER = """
from sqlalchemy import text
def afterwards(connection):
    connection.execute(text("CREATE TABLE IF NOT EXISTS granted (a int)"))
    connection.commit()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this module's own."""
    with PostgresServer.private("auto") as private:
        yield private


def project(folder: Path, *ups: str, env: str = TOLD) -> AlembicTool:
    """A project whose revisions r1, r2, … send these statements, and DROP TABLE made_1, … on the way back."""
    ini = alembic_project(folder, env)
    for number, sql in enumerate(ups, start=1):
        body = "\n".join(f"    op.execute({one!r})" for one in sql.split("|"))
        down = f"    op.execute('DROP TABLE IF EXISTS made_{number}')"
        text = REVISION.format(
            name="made", id=f"r{number}", down=f"r{number - 1}" if number > 1 else None, up=body, down_body=down
        )
        (folder / "migrations" / "versions" / f"r{number}.py").write_text(text, encoding="utf-8")
    return AlembicTool(ini, waits=True)


def moved(tool: AlembicTool, scratch: Scratch, *steps: str) -> list[Ran]:
    """Take steps such as "r1" and "-r1"; none fails."""
    done = [tool.move(scratch, one.lstrip("-"), _way(one)) for one in steps]
    assert [ran.failure for ran in done] == [None] * len(steps)
    return done


def _way(step: str) -> Direction:
    return "down" if step.startswith("-") else "up"


def starts(done: list[Ran]) -> list[int]:
    """How often each step started env.py."""
    return [ran.output.count("started") for ran in done]


MAKE = "CREATE TABLE made_1 (id int PRIMARY KEY)|INSERT INTO made_1 VALUES (1)"
FOUR = ("r1", "-r1", "r1", "-r1")


@pytest.mark.parametrize("env", [TOLD, EACH_ITS_OWN], ids=["one transaction", "each its own"])
def test_the_first_step_is_looked_at_and_the_others_share_a_start(
    env: str, tmp_path: Path, server: PostgresServer
) -> None:
    """What the first step shows of env.py decides whether it may wait from then on."""
    tool, scratch = project(tmp_path, MAKE, env=env), server.create()
    assert starts(moved(tool, scratch, *FOUR)) == [1, 1, 0, 0]
    tool.close()
    assert starts(moved(tool, scratch, "r1")) == [1]
    assert tool.applied(scratch) == ("r1",)
    tool.close()


def test_it_moves_as_one_that_starts_for_each_step(tmp_path: Path, server: PostgresServer) -> None:
    """The same statements, transactions, failures and schemas; the fourth revision fails, and leaves nothing."""
    ini = alembic_history(tmp_path, engine="postgresql")
    steps = ("r1", "r2", "-r2", "r2", "r3", "r4", "-r3", "r3", "r4")
    seen: list[Any] = []
    for tool in (AlembicTool(ini), AlembicTool(ini, waits=True)):
        scratch = server.create()
        done = [tool.move(scratch, one.lstrip("-"), _way(one)) for one in steps]
        tool.close()
        copy = server.create(scratch)  # Refused if anybody were connected.
        with server.open(copy) as session:
            sent = [[(one.sql, one.transaction > 0, one.books, one.line) for one in ran.statements] for ran in done]
            seen.append((sent, [ran.failure for ran in done], session.catalog()))
    assert seen[0] == seen[1]
    assert [failure is None for failure in seen[0][1]] == [True, True, True, True, True, False, True, True, False]


def test_each_step_is_committed_before_the_next(tmp_path: Path, server: PostgresServer) -> None:
    """Another connection sees what a step did while env.py waits."""
    tool, scratch = project(tmp_path, MAKE, "CREATE TABLE made_2 (id int)"), server.create()
    with server.open(scratch) as session:
        for number in (1, 2):
            moved(tool, scratch, f"r{number}")
            assert f"made_{number}" in str(session.catalog())
    assert tool._waiting is not None
    tool.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SET lock_timeout = '7s'",
        "SELECT set_config('lock_timeout', '7s', false)",
        "CREATE TEMPORARY TABLE mine (a int)",
        "SELECT pg_advisory_lock(7)",
        "CREATE TABLE two (a int); SET lock_timeout = '7s'",
    ],
)
def test_what_a_step_leaves_in_its_session_is_not_there_for_the_next(
    sql: str, tmp_path: Path, server: PostgresServer
) -> None:
    """Settings, temporary tables and locks end with their step, as in two runs of alembic."""
    look = (
        "CREATE TABLE made_3 AS SELECT current_setting('lock_timeout') AS a, to_regclass('pg_temp.mine')::text AS b,"
        " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS c"
    )
    tool, scratch = project(tmp_path, MAKE, f"CREATE TABLE made_2 (id int)|{sql}", look), server.create()
    moved(tool, scratch, "r1", "-r1", "r1", "r2", "r3")
    tool.close()
    with server.open(scratch) as session:
        assert session.run("SELECT * FROM made_3") == [("0", None, 0)]


@pytest.mark.parametrize("sql", ["UPDATE alembic_version SET version_num = 'r2'", "DROP TABLE alembic_version"])
def test_books_that_somebody_else_wrote_are_read_anew(sql: str, tmp_path: Path, server: PostgresServer) -> None:
    """What Alembic keeps in memory of its table is true only as long as nobody else writes there."""
    tool, scratch = project(tmp_path, MAKE, "CREATE TABLE made_2 (id int)"), server.create()
    moved(tool, scratch, "r1", "-r1", "r1")
    with server.open(scratch) as session:
        session.run(sql)
    done = moved(tool, scratch, "-r2" if "r2" in sql else "r2")
    assert starts(done) == [1]
    tool.close()


def test_settings_of_the_database_take_effect_in_the_next_step(tmp_path: Path, server: PostgresServer) -> None:
    """A new session would have them."""
    tool, scratch = project(tmp_path, MAKE, "CREATE TABLE made_2 (id int)"), server.create()
    moved(tool, scratch, "r1", "-r1", "r1")
    with server.open(scratch) as session:
        session.run("CREATE SCHEMA elsewhere")
        session.run(f"ALTER DATABASE {scratch.name} SET search_path = elsewhere, public")
    assert starts(moved(tool, scratch, "r2")) == [1]
    tool.close()
    with server.open(scratch) as session:
        assert session.run("SELECT to_regclass('elsewhere.made_2')::text IS NOT NULL") == [(True,)]


@pytest.mark.parametrize("env", [EXTERNAL, HELPED], ids=["a transaction of its own", "statements of its own"])
def test_an_env_that_does_more_is_started_for_each_step(
    env: str, tmp_path: Path, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does before or after the revisions belongs to each step."""
    (tmp_path / "helper.py").write_text(HELPER, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    tool, scratch = project(tmp_path, MAKE, env=env), server.create()
    assert starts(moved(tool, scratch, *FOUR)) == [1, 1, 1, 1]
    tool.close()


def test_a_commit_that_fails_is_its_steps_failure(tmp_path: Path, server: PostgresServer) -> None:
    """A constraint that is checked at the end; the steps after it go on."""
    late = (
        "ALTER TABLE made_1 ADD CONSTRAINT late FOREIGN KEY (id) REFERENCES made_1 (id) DEFERRABLE INITIALLY DEFERRED"
    )
    broken = "INSERT INTO made_2 VALUES (9)"
    made = "CREATE TABLE made_2 (id int REFERENCES made_1 DEFERRABLE INITIALLY DEFERRED)"
    waits, scratch = project(tmp_path, MAKE, f"{late}|{made}", broken), server.create()
    moved(waits, scratch, "r1", "-r1", "r1", "r2")
    failure = waits.move(scratch, "r3", "up").failure
    assert failure is not None
    assert "violates foreign key" in failure.text
    alone = AlembicTool(tmp_path / "alembic.ini").move(scratch, "r3", "up").failure
    assert alone is not None
    assert (failure.text, failure.path, failure.state) == (alone.text, alone.path, alone.state)
    assert waits.applied(scratch) == ("r2",)
    assert starts(moved(waits, scratch, "-r2")) == [1]
    waits.close()


def test_a_step_that_is_watched_or_written_has_a_start_of_its_own(tmp_path: Path, server: PostgresServer) -> None:
    """A watch, offline SQL and a question about what is applied come between two steps, and disturb neither."""
    tool, scratch = project(tmp_path, MAKE, "CREATE TABLE made_2 (id int)"), server.create()
    moved(tool, scratch, "r1", "-r1", "r1")
    watch = CrashAt(99)
    ran = tool.move(scratch, "r2", "up", watch)
    assert (ran.failure, starts([ran]), len(watch.seen)) == (None, [1], 2)
    assert starts(moved(tool, scratch, "-r2", "r2")) == [1, 0]
    assert "made_2" in tool.offline("r2", "up", "postgresql")
    assert starts(moved(tool, scratch, "-r2", "r2")) == [1, 0]
    assert tool.applied(scratch) == ("r2",)
    tool.close()


def test_two_databases_and_one_that_is_gone(tmp_path: Path, server: PostgresServer) -> None:
    """It waits at one database at a time; a connection that the server ended is no failure of the next step."""
    tool = project(tmp_path, MAKE)
    one, other = server.create(), server.create()
    assert starts(moved(tool, one, "r1", "-r1", "r1")) == [1, 1, 0]
    assert starts(moved(tool, other, "r1", "-r1")) == [1, 0]
    with server.open(other) as session:
        session.run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid()")  # fmt: skip
    assert starts(moved(tool, other, "r1")) == [1]
    server.drop(other)
    assert starts(moved(tool, one, "-r1")) == [1]
    tool.close()


@pytest.mark.parametrize(
    ("sql", "nothing"),
    [
        ("CREATE TABLE a (b int)", True),
        ("create index concurrently c on a (b)", True),
        ("ALTER TABLE a ALTER b SET NOT NULL;\n", True),
        ("UPDATE a SET b = 1", True),
        ("COMMENT ON TABLE a IS 'b'", True),
        ("SELECT 1", False),
        ("SET LOCAL search_path = b", False),
        ("CREATE TEMP TABLE a (b int)", False),
        ("CREATE OR REPLACE TEMPORARY VIEW a AS SELECT 1", False),
        ("CREATE TABLE a (b int); SELECT 1", False),
        ("INSERT INTO a VALUES (1) RETURNING b", False),
        ("INSERT INTO a SELECT set_config('b', 'c', false)", False),
        ("ALTER ROLE a SET b = c", False),
        ("DO $$ BEGIN PERFORM 1; END $$", False),
        ("LISTEN a", False),
        ("", False),
    ],
)
def test_only_plain_changes_leave_nothing(sql: str, nothing: bool) -> None:
    """What is not known to leave nothing is taken to leave something."""
    statement = Statement(sql=sql, literal=sql, transaction=1, took_s=0.0)
    assert leaves_nothing([statement]) is nothing
    assert leaves_nothing([])


def test_only_an_env_without_statements_of_its_own_may_wait() -> None:
    """Words in a comment or a docstring count for nothing; a text that is no Python may not wait."""
    assert may_wait(ENV)
    assert may_wait('"""Calls to context.execute() emit SQL."""\n' + ENV + "# commit, listen\n")
    for line in (
        "connection.execute('SET ROLE a')",
        "from sqlalchemy.event import listens_for",
        "import asyncio",
        "if:",
    ):
        assert not may_wait(f"{ENV}\n{line}\n"), line
    assert not may_wait(ENV.replace("connection=connection,", "connection=connection, on_version_apply=told,"))


def test_what_a_step_scanned_is_known_when_it_is_done(tmp_path: Path, server: PostgresServer) -> None:
    """A session tells at its end; one that waits tells at once, or the next step would be blamed for it."""
    tool, scratch = project(tmp_path, MAKE, "UPDATE made_1 SET id = id"), server.create()
    moved(tool, scratch, "r1", "-r1", "r1")
    scans = "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'made_1'"
    with server.open(scratch) as session:
        before = session.run(scans)
    moved(tool, scratch, "r2")
    with server.open(scratch) as session:
        assert session.run(scans)[0][0] > before[0][0]
    assert tool._waiting is not None
    tool.close()


TENANTS = """
print("started")
from alembic import context
from sqlalchemy import create_engine, pool
for tenant in ("one", "two"):
    options = {"options": "-csearch_path=" + tenant}
    with create_engine(
        "postgresql+psycopg://nobody@production.invalid/live", connect_args=options, poolclass=pool.NullPool
    ).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""
SETTING = TOLD.replace(
    "config = context.config\n",
    'config = context.config\nimport os\nos.environ["COLUMN"] = "b"\nos.chdir("migrations")\n',
)
SECOND = (
    "import sqlalchemy; global kept; "
    "kept = sqlalchemy.create_engine('postgresql+psycopg://a@b.invalid/c', pool_reset_on_return=None).connect(); "
    "kept.exec_driver_sql('ALTER TABLE made_1 ALTER id SET NOT NULL')"
)
REMEMBERED = "import contextvars\nvariable = contextvars.ContextVar('variable')\nvariable.set('b')\n"


def test_an_env_that_runs_twice_is_started_for_each_step(tmp_path: Path, server: PostgresServer) -> None:
    """One run for each tenant: both get every revision."""
    tool, scratch = project(tmp_path, MAKE, "CREATE TABLE made_2 (id int)", env=TENANTS), server.create()
    with server.open(scratch) as session:
        session.run("CREATE SCHEMA one")
        session.run("CREATE SCHEMA two")
    assert starts(moved(tool, scratch, "r1", "-r1", "r1", "r2")) == [1, 1, 1, 1]
    tool.close()
    with server.open(scratch) as session:
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname IN ('one', 'two') AND tablename LIKE 'made_%'"
        assert session.run(tables) == [(4,)]


def test_what_env_sets_for_its_revisions_is_there_for_each(
    tmp_path: Path, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables of the environment and of the context, and the folder."""
    (tmp_path / "remembered.py").write_text(REMEMBERED, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    tool, scratch = (
        project(tmp_path, MAKE, "SELECT 1", "SELECT 1", env="import remembered\n" + SETTING),
        server.create(),
    )
    for number in (2, 3):
        file = tmp_path / "migrations" / "versions" / f"r{number}.py"
        asked = (
            f"    import os, pathlib, remembered\n    assert pathlib.Path('env.py').exists()\n"
            f"    op.execute('CREATE TABLE made_{number} (' + os.environ['COLUMN'] + ' int, a'\n"
            f"        + remembered.variable.get() + ' int)')"
        )
        file.write_text(file.read_text(encoding="utf-8").replace("    op.execute('SELECT 1')", asked), encoding="utf-8")
    assert starts(moved(tool, scratch, "r1", "-r1", "r1", "r2", "r3")) == [1, 1, 0, 0, 0]
    tool.close()


@pytest.mark.parametrize(
    "code",
    [
        "op.get_bind().connection.cursor().execute(\"SET session_replication_role = 'replica'\")",
        "op.get_bind().connection.cursor().execute('CREATE TEMP TABLE made_9 (id int)')",
        "op.get_bind().commit()",
        "op.get_bind().rollback()",
        SECOND,
    ],
    ids=["a setting past SQLAlchemy", "a table past SQLAlchemy", "a commit", "a rollback", "a second connection"],
)
def test_what_a_revision_does_by_itself_does_not_reach_the_next(
    code: str, tmp_path: Path, server: PostgresServer
) -> None:
    """The same outcomes and rows as with starts of their own, also where no statement tells what was done."""
    child = "CREATE TABLE made_2 (id int REFERENCES made_1)"
    wrong = "SET LOCAL lock_timeout = '2s'|INSERT INTO made_2 VALUES (7)"
    first = project(tmp_path, MAKE, child, "COMMENT ON TABLE made_2 IS 'a'", wrong)
    file = tmp_path / "migrations" / "versions" / "r3.py"
    file.write_text(file.read_text(encoding="utf-8").replace("def downgrade", f"    {code}\n\ndef downgrade"))
    seen = []
    for tool in (first, AlembicTool(tmp_path / "alembic.ini")):
        scratch = server.create()
        done = [tool.move(scratch, one.lstrip("-"), _way(one)) for one in ("r1", "-r1", "r1", "r2", "r3", "r4")]
        tool.close()
        with server.open(scratch) as session:
            seen.append(([ran.failure and ran.failure.state for ran in done], session.rows()))
    assert seen[0] == seen[1]
    assert seen[0][0][-1] == "23503"
