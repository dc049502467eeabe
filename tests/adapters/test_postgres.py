"""Scratch databases on real servers: made, copied, read to the value, and nothing else ever touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from relgate.adapters.postgres import PostgresServer, read_url
from relgate.adapters.postgres_cluster import Cluster
from relgate.adapters.postgres_session import PostgresSession, extension_advice
from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import ForeignKey, Lock, Scratch, Server, Session, SqlError, Watching
from tests.adapters.postgres_schema import EMBEDDED, EVERYTHING, SERVERS, server_of

OWNER = """
import sys, time
from relgate.adapters.postgres import PostgresServer
server = PostgresServer.at(sys.argv[1])
first = server.create()
with server.open(first) as session:
    session.run("CREATE TABLE t (a int)")
second = server.create(first)
held = server.open(second)
print(first.name, second.name, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module", params=SERVERS, ids=str)
def server(request: pytest.FixtureRequest) -> PostgresServer:
    """Each PostgreSQL that there is."""
    return server_of(request.param)


@pytest.fixture
def session(server: PostgresServer) -> Iterator[PostgresSession]:
    """A connection to an empty database of its own."""
    scratch = server.create()
    with server.open(scratch) as opened:
        yield opened
    server.drop(scratch)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server as a user has one: relgate did not make what is on it."""
    with Cluster(*EMBEDDED) as started:  # type: ignore[arg-type] # a kind and a major version
        yield started


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> str:
    """The URL of it, as SQLAlchemy writes it."""
    return f"postgresql+psycopg://relgate@/postgres?host={cluster.socket}&port=5432"


@pytest.fixture
def admin(cluster: Cluster) -> Iterator[psycopg.Connection]:
    """The user's own connection to it."""
    with psycopg.connect(
        host=str(cluster.socket), port=5432, user="relgate", dbname="postgres", autocommit=True
    ) as connection:
        yield connection


def databases(admin: psycopg.Connection) -> set[str]:
    """Return the names of all databases that are not the server's own."""
    rows = admin.execute("SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')")
    return {name for (name,) in rows}


def wait_for(admin: psycopg.Connection, connections: int) -> None:
    """Wait until so many connections of relgate are left."""
    until = time.monotonic() + 20
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'relgate'"
    while admin.execute(count).fetchone() != (connections,):
        assert time.monotonic() < until
        time.sleep(0.01)


# --- servers


def test_a_copy_has_schema_and_rows_of_its_template(server: PostgresServer) -> None:
    """A template is copied as it is; an empty database is empty."""
    first = server.create()
    with server.open(first) as session:
        assert session.tables() == ()
        session.run("CREATE TABLE t (a int)")
        session.run("INSERT INTO t VALUES (7)")
    with server.open(server.create(first)) as session:
        assert session.rows() == {"public.t": [{"a": 7}]}


def test_a_scratch_database_is_reached_by_url_and_by_environment(server: PostgresServer) -> None:
    """Both lead any libpq program there, whatever the process's own PGDATABASE says."""
    scratch = server.create()
    ask = "import psycopg, sys; print(psycopg.connect(sys.argv[1]).execute('SELECT current_database()').fetchone()[0])"
    plain = scratch.url.replace("postgresql+psycopg:", "postgresql:")
    for given, variables in ((plain, {}), ("", dict(scratch.environment))):
        environment = {**os.environ, "PGDATABASE": "production", "PGHOSTADDR": "", **variables}
        ran = subprocess.run([sys.executable, "-c", ask, given], env=environment, capture_output=True, text=True)
        assert ran.stdout.strip() == scratch.name, ran.stderr
    assert dict(scratch.environment)["DATABASE_URL"] == plain


def test_dropping_ends_connections_and_happens_once(server: PostgresServer) -> None:
    """An open transaction does not keep a database; dropping it again is no error."""
    scratch = server.create()
    with server.open(scratch) as session:
        session.begin()
        server.drop(scratch)
        server.drop(scratch)
        with pytest.raises(SqlError):
            session.run("SELECT 1")
    with pytest.raises(SourceError, match="does not exist"):
        server.open(scratch)


@pytest.mark.parametrize("name", ["postgres", "relgate_foo", "relgate_0123456789abcdef_1", 'x"; DROP DATABASE y; --'])
def test_only_own_databases_are_dropped_opened_or_copied(server: PostgresServer, name: str) -> None:
    """A name that this run did not give is refused before anything is sent."""
    foreign = Scratch("postgresql", name, "")
    for act in (server.drop, server.open, server.create):
        with pytest.raises(UsageError, match="only databases that this run created"):
            act(foreign)


def test_a_database_without_the_comment_is_not_dropped(url: str, admin: psycopg.Connection) -> None:
    """Even under a name of ours: somebody else may have put it in this place."""
    with PostgresServer.at(url) as server:
        scratch = server.create()
        admin.execute(f"COMMENT ON DATABASE {scratch.name} IS 'mine now'")
        with pytest.raises(UsageError, match="its comment does not say"):
            server.drop(scratch)
    assert scratch.name in databases(admin)
    admin.execute(f"DROP DATABASE {scratch.name}")


def test_a_killed_run_is_cleaned_up_and_a_living_one_left_alone(url: str, admin: psycopg.Connection) -> None:
    """SIGKILL of an owner: the next start drops its databases, whichever database of the server it connects to."""
    admin.execute("CREATE DATABASE relgate_foo")
    admin.execute("CREATE DATABASE relgate_0123456789abcdef_1")
    admin.execute("COMMENT ON DATABASE relgate_0123456789abcdef_1 IS 'relgate scratch of somebody'")
    with PostgresServer.at(url.replace("/postgres?", "/template1?")) as living:
        kept = living.create()
        owner = subprocess.Popen([sys.executable, "-c", OWNER, url], stdout=subprocess.PIPE, text=True)
        assert owner.stdout is not None
        left = set(owner.stdout.readline().split())
        assert len(left) == 2
        with PostgresServer.at(url):
            assert databases(admin) >= {kept.name, *left}
        owner.send_signal(signal.SIGKILL)
        owner.communicate()
        # Its server process notices when it next reads; until then its lock is not free.
        wait_for(admin, connections=1)
        with PostgresServer.at(url):
            assert databases(admin) == {kept.name, "relgate_foo", "relgate_0123456789abcdef_1"}
        with living.open(kept) as session:
            assert session.run("SELECT 1") == [(1,)]
    assert databases(admin) == {"relgate_foo", "relgate_0123456789abcdef_1"}
    for name in databases(admin):
        admin.execute(f"DROP DATABASE {name}")


def test_a_run_killed_before_the_comment_leaves_nothing(url: str, admin: psycopg.Connection) -> None:
    """Between CREATE DATABASE and COMMENT the connection limit is the mark."""
    admin.execute("CREATE DATABASE relgate_0123456789abcdef_1 CONNECTION LIMIT 9973")
    admin.execute("CREATE DATABASE relgate_0123456789abcdef_2 CONNECTION LIMIT 9")
    with PostgresServer.at(url):
        assert databases(admin) == {"relgate_0123456789abcdef_2"}
    admin.execute("DROP DATABASE relgate_0123456789abcdef_2")


def test_a_user_without_the_right_to_create_databases_is_told_so(url: str, admin: psycopg.Connection) -> None:
    """One line with the statement that mends it; with that right, an ordinary user is enough."""
    admin.execute("CREATE ROLE plain LOGIN")
    with pytest.raises(UsageError, match="ALTER ROLE plain CREATEDB"):
        PostgresServer.at(url.replace("//relgate@", "//plain@"))
    admin.execute("ALTER ROLE plain CREATEDB")
    with PostgresServer.at(url.replace("//relgate@", "//plain@")) as server:
        first = server.create()
        with server.open(first) as session:
            session.run("CREATE TABLE t (a int)")
            before = session.catalog()
        with server.open(server.create(first)) as session:
            assert session.catalog() == before
    assert databases(admin) == set()
    admin.execute("DROP ROLE plain")


def test_a_server_that_cannot_be_reached_is_an_error_with_its_place(tmp_path: Path) -> None:
    """Not a traceback of the driver."""
    with pytest.raises(SourceError, match=str(tmp_path)):
        PostgresServer.at(f"postgresql://relgate@/postgres?host={tmp_path}")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            "postgresql+asyncpg://u:p%40w@h:1/d",
            {"user": "u", "password": "p@w", "host": "h", "port": "1", "dbname": "d"},
        ),
        ("postgres://h/d?sslmode=require", {"host": "h", "dbname": "d", "sslmode": "require"}),
        ("host=/run/pg dbname=d", {"host": "/run/pg", "dbname": "d"}),
    ],
)
def test_urls_of_sqlalchemy_and_libpq_are_read(given: str, expected: dict[str, str]) -> None:
    """A driver's name in the URL is not libpq's business."""
    assert read_url(given) == expected


@pytest.mark.parametrize("given", ["mysql://h/d", "postgresql://h:secret@/d?nonsense=1", "secret"])
def test_other_urls_are_refused_without_repeating_them(given: str) -> None:
    """A password in a URL stays out of the message."""
    with pytest.raises(UsageError) as caught:
        read_url(given)
    assert "secret" not in str(caught.value)


# --- sessions


def fills_the_ports(server: PostgresServer, session: PostgresSession) -> tuple[Server, Session, Watching]:
    """Checked by mypy: the adapters fit the protocols."""
    return server, session, session


def test_statements_without_parameters_are_sent_as_they_are(session: PostgresSession) -> None:
    """A per cent sign is one, and no rows are an empty list."""
    assert session.run("SELECT 5 % 3, 'a%s'") == [(2, "a%s")]
    assert session.run("CREATE TABLE t (a int)") == []


def test_parameters_take_the_type_of_their_column(session: PostgresSession) -> None:
    """What ``rows`` gave can be written back, whatever the column's type."""
    session.run(
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (a numeric, b mood[], c jsonb, d bytea, e date, f int[])"
    )
    given = [Decimal("1.50"), ["sad"], {"x": [1, None]}, "\\x6162", "2026-11-21", [1, 2]]
    session.run("INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s)", given)
    row = session.rows()["public.t"][0]
    session.run("INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s)", list(row.values()))
    assert session.rows()["public.t"] == [row, row]


def test_errors_carry_text_detail_and_state(session: PostgresSession) -> None:
    """The port's error, not the driver's."""
    session.run("CREATE TABLE t (a int PRIMARY KEY)")
    session.run("INSERT INTO t VALUES (1)")
    with pytest.raises(SqlError, match=r"duplicate key .* \(Key \(a\)=\(1\) already exists\.\)") as caught:
        session.run("INSERT INTO t VALUES (1)")
    assert caught.value.state == "23505"


def test_transactions_end_as_they_are_told(session: PostgresSession) -> None:
    """Rollback undoes, commit keeps, and a commit that cannot keep anything says so."""
    session.rollback()
    session.run("CREATE TABLE t (a int)")
    session.begin()
    session.run("INSERT INTO t VALUES (1)")
    session.rollback()
    session.begin()
    session.run("INSERT INTO t VALUES (2)")
    session.commit()
    session.begin()
    session.run("INSERT INTO t VALUES (3)")
    with pytest.raises(SqlError):
        session.run("SELECT 1 / 0")
    with pytest.raises(SqlError, match="nothing was committed"):
        session.commit()
    assert session.rows()["public.t"] == [{"a": 2}]


def test_rows_are_exact(session: PostgresSession) -> None:
    """No digit, no sign and no microsecond is lost, nor is a number in JSON confused with its text."""
    session.run("""CREATE TABLE t (i bigint, n numeric, f float8, g float4, b bytea, j jsonb, k json, at timestamptz,
      d date, v interval, a int[], o bool, u uuid, x text, "A b" "char", s tstzrange, nan numeric)""")
    session.run(r"""INSERT INTO t VALUES (9223372036854775807, 12345678901234567890.1234567890, 0.1, 'NaN', '\x00ff',
      '{"a": 1.50}', '{"a":  "1.50"}', '2026-11-21 12:00:00.000001+02', '-infinity', '1 day 2 hours', '{1,NULL}', true,
      '00000000-0000-0000-0000-000000000001', E'%\n"', 'q', '[2026-01-01,)', 'NaN')""")
    assert session.rows()["public.t"] == [
        {
            "i": 9223372036854775807, "n": "12345678901234567890.1234567890", "f": 0.1, "g": "NaN", "b": "\\x00ff",
            "j": '{"a": 1.50}', "k": '{"a":  "1.50"}', "at": "2026-11-21T10:00:00.000001+00:00", "d": "-infinity",
            "v": "P1DT2H", "a": "{1,NULL}", "o": True, "u": "00000000-0000-0000-0000-000000000001", "x": '%\n"',
            "A b": "q", "s": '["2026-01-01 00:00:00+00",)', "nan": "NaN",
        }
    ]  # fmt: skip


def test_times_that_python_has_no_value_for_are_read_too(session: PostgresSession) -> None:
    """An interval in ISO's style, an infinite date, a time before Christ: the server's text."""
    sql = "SELECT interval '1 hour', date 'infinity', timestamp '0044-03-15 12:00 BC', timestamptz '2026-11-21 12:00Z'"
    assert session.run(sql) == [("PT1H", "infinity", "0044-03-15 12:00:00 BC", "2026-11-21 12:00:00+00")]


def test_rows_and_counts_belong_to_their_own_table(session: PostgresSession) -> None:
    """Inheriting tables do not show in their parent, partitions do; some tables can be asked for alone."""
    session.run("CREATE TABLE p (a int); CREATE TABLE c () INHERITS (p); CREATE TABLE bare ()")
    session.run("CREATE TABLE q (a int) PARTITION BY LIST (a); CREATE TABLE q1 PARTITION OF q DEFAULT")
    session.run(
        "INSERT INTO p VALUES (1); INSERT INTO c VALUES (2); INSERT INTO q VALUES (3); INSERT INTO bare DEFAULT VALUES"
    )
    assert session.rows() == {
        "public.p": [{"a": 1}], "public.c": [{"a": 2}], "public.q": [{"a": 3}], "public.q1": [{"a": 3}],
        "public.bare": [{}],
    }  # fmt: skip
    assert session.counts() == dict.fromkeys(["public.p", "public.c", "public.q", "public.q1", "public.bare"], 1)
    assert session.rows(["public.c"]) == {"public.c": [{"a": 2}]}


def test_an_empty_database_has_no_rows_and_no_counts(session: PostgresSession) -> None:
    """Nothing is asked of nothing."""
    assert (session.rows(), session.counts(), session.tables()) == ({}, {}, ())


def test_tables_say_what_seeding_needs(session: PostgresSession) -> None:
    """Types with their limits, keys, checks, partitions, triggers; books are no tables."""
    session.run(EVERYTHING)
    found = {table.name: table for table in session.tables()}
    assert not {"public.alembic_version", "public.django_migrations", "public.far"} & found.keys()
    columns = {column.name: column for column in found["public.customers"].columns}
    assert columns["id"].identity == "default"
    assert (columns["email"].type, columns["email"].declared, columns["email"].length) == (
        "character varying",
        "email",
        80,
    )
    assert columns["email"].checks == ("((VALUE)::text ~~ '%@%'::text)",)
    assert columns["email"].default == "'x@y'::character varying"
    assert (columns["feeling"].type, columns["feeling"].enum) == ("enum", ("sad", "ok"))
    assert (columns["twice"].generated, columns["twice"].default) == (True, None)
    orders = found["public.orders"]
    total = next(column for column in orders.columns if column.name == "total")
    assert (total.type, total.precision, total.scale, total.nullable, total.default) == ("numeric", 10, 2, False, "0")
    assert orders.primary_key == ("id",)
    assert orders.uniques == (("code",),)
    assert orders.foreign_keys == (ForeignKey("orders_customer", ("customer_id",), "public.customers", ("id",)),)
    assert orders.checks == ("(total >= (0)::numeric)",)
    assert (found["public.customers"].triggers, orders.triggers) == (True, False)
    assert found["public.customers"].uniques == ()
    assert (found["public.events"].partitioned, found["public.events_2026"].partition_of) == (True, "public.events")
    assert found["public.events_2026"].foreign_keys[0].table == "public.customers"
    assert [column.name for column in found['other."Odd Name.x"'].columns] == ["a.b", "%"]


def test_types_behind_domains_and_arrays_are_seen_through(session: PostgresSession) -> None:
    """A domain of a domain has the base type, both checks and the nearest limits; arrays have their elements' type."""
    session.run(
        "CREATE DOMAIN low AS numeric(6,-2) CHECK (VALUE < 900); CREATE DOMAIN mid AS low NOT NULL CHECK (VALUE > 0)"
    )
    session.run(
        "CREATE TYPE mood AS ENUM ('b', 'a'); CREATE TABLE t (a mid, b varchar(3)[], c mood[], d bit(5), e char(2))"
    )
    a, b, c, d, e = session.tables()[0].columns
    assert (a.type, a.precision, a.scale, a.nullable) == ("numeric", 6, -2, False)
    assert sorted(a.checks) == ["((VALUE)::numeric > (0)::numeric)", "(VALUE < (900)::numeric)"]
    assert (b.type, b.array, b.length, b.declared) == ("character varying", True, 3, "character varying(3)[]")
    assert (c.type, c.array, c.enum) == ("enum", True, ("b", "a"))
    assert (d.length, e.length, e.type) == (5, 2, "character")


def test_referred_tables_come_first(session: PostgresSession) -> None:
    """Against the alphabet, through a cycle and from partitions to their parents."""
    session.run("CREATE TABLE z (id int PRIMARY KEY); CREATE TABLE y (id int PRIMARY KEY, z int REFERENCES z)")
    session.run("CREATE TABLE b (id int PRIMARY KEY, y int REFERENCES y); ALTER TABLE y ADD b int REFERENCES b")
    session.run("CREATE TABLE a (b int REFERENCES b, a int REFERENCES z) PARTITION BY LIST (a)")
    session.run("CREATE TABLE a0 PARTITION OF a DEFAULT")
    session.run("CREATE TABLE v (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE v0 PARTITION OF v DEFAULT")
    session.run("CREATE TABLE u (v int REFERENCES v)")
    found = {table.name: table for table in session.tables()}
    assert found["public.u"].foreign_keys == (ForeignKey("u_v_fkey", ("v",), "public.v", ("id",)),)
    names = [name.removeprefix("public.") for name in found]
    assert names.index("v") < names.index("u")
    assert names.index("z") < names.index("y")
    assert max(names.index("b"), names.index("y")) < names.index("a") < names.index("a0")


def test_sequences_move_behind_their_columns(session: PostgresSession) -> None:
    """Serial, identity, a shared default and a descending one; none goes backwards, empty tables change none."""
    session.run("CREATE SEQUENCE shared; CREATE SEQUENCE down INCREMENT -1")
    session.run("""CREATE TABLE t (a serial, b int GENERATED ALWAYS AS IDENTITY, c int DEFAULT nextval('shared'),
      d int DEFAULT nextval('down'), e text DEFAULT 'x' || nextval('shared'))""")
    session.run("CREATE TABLE \"E 2\" (a serial, c smallint DEFAULT nextval('shared'), behind serial)")
    session.run("INSERT INTO t (a, b, c, d) OVERRIDING SYSTEM VALUE VALUES (5, 6, 7, -8)")
    session.run('INSERT INTO "E 2" (c, behind) VALUES (9, 2)')
    session.run("""SELECT setval('"E 2_behind_seq"', 50)""")
    session.set_sequences()
    session.run("INSERT INTO t DEFAULT VALUES")
    session.run('INSERT INTO "E 2" DEFAULT VALUES')
    newest = session.rows()["public.t"][-1]
    assert (newest["a"], newest["b"], newest["c"], newest["d"]) == (6, 7, 10, -9)
    assert session.rows()['public."E 2"'][-1] == {"a": 2, "c": 12, "behind": 51}


def test_locks_and_rewrites_of_another_connection_are_seen(server: PostgresServer) -> None:
    """While its transaction is open: tables and indexes with the mode; afterwards: new files for what was rewritten."""
    scratch = server.create()
    with server.open(scratch) as worker, server.open(scratch) as watcher:
        worker.run("CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE u (a int)")
        before = watcher.files()
        worker.begin()
        worker.run("ALTER TABLE t ALTER a TYPE bigint")
        assert Lock("public.t", "AccessExclusiveLock") in watcher.locks(worker.backend)
        assert Lock("public.t_pkey", "AccessExclusiveLock") in watcher.locks(worker.backend)
        assert watcher.locks(watcher.backend) == ()
        worker.commit()
        assert watcher.locks(worker.backend) == ()
        after = watcher.files()
    assert {name for name in before if before[name] != after[name]} == {"public.t", "public.t_pkey"}


def test_a_missing_extension_is_one_line_with_the_ways_out(server: PostgresServer) -> None:
    """In the words of each version of PostgreSQL; other errors get no advice."""
    with server.open(server.create()) as session, pytest.raises(SqlError) as caught:
        session.run("CREATE EXTENSION nowhere_to_be_found")
    advice = extension_advice(str(caught.value))
    assert advice is not None
    assert "\n" not in advice
    for words in ("nowhere_to_be_found", "apt-get install postgresql", "container", "URL"):
        assert words in advice
    old = 'could not open extension control file "/usr/share/postgresql/15/extension/pg_trgm.control": No such file'
    assert "pg_trgm" in (extension_advice(old) or "")
    assert extension_advice('relation "citext" does not exist') is None


def test_another_engines_scratch_is_refused(server: PostgresServer) -> None:
    """A database of ours by name, but not of this engine."""
    with pytest.raises(UsageError):
        server.drop(replace(server.create(), engine="sqlite"))
