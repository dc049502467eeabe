"""What a database's rows break of what its schema promises, asked of real databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlite import SqliteServer
from relgate.migrate.integrity import TEXTS, check
from relgate.ports.migrations import Server, Session
from relgate.values import Findings

TABLES = [
    "CREATE TABLE parents (a int, b int, id integer PRIMARY KEY, UNIQUE (a, b))",
    """CREATE TABLE "Children" (id integer PRIMARY KEY, parent int, a int, b int,
    CONSTRAINT single FOREIGN KEY (parent) REFERENCES parents (id),
    CONSTRAINT pair FOREIGN KEY (a, b) REFERENCES parents (a, b))""",
    "INSERT INTO parents VALUES (1, 2, 3)",
    'INSERT INTO "Children" VALUES (1, 3, 1, 2), (2, NULL, 7, NULL)',
]


def scratch(server: Server) -> Iterator[Session]:
    """A scratch database with the tables, dropped afterwards."""
    made = server.create()
    with server.open(made) as session:
        for sql in TABLES:
            session.run(sql)
        yield session
    server.drop(made)


@pytest.fixture
def sqlite() -> Iterator[Session]:
    """SQLite."""
    with SqliteServer() as server:
        yield from scratch(server)


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresServer]:
    """A private PostgreSQL."""
    with PostgresServer.private("system") as server:
        yield server


@pytest.fixture
def postgres(cluster: PostgresServer) -> Iterator[Session]:
    """PostgreSQL."""
    yield from scratch(cluster)


def shown(findings: Findings) -> list[tuple[str, str]]:
    """Code and sentence of each finding, once every question was answered."""
    assert findings.problems == ()
    assert findings.checked == findings.expected > 0
    return [(one.code, one.what) for one in findings.findings]


def asked(session: Session, *sql: str) -> list[tuple[str, str]]:
    """What PostgreSQL's integrity check shows after some statements."""
    for one in sql:
        session.run(one)
    return shown(check(session, "postgresql"))


def test_sound_rows_have_no_finding(sqlite: Session) -> None:
    """A foreign key with a NULL in it leads nowhere on purpose."""
    assert shown(check(sqlite, "sqlite")) == []


def test_sqlite_rows_without_parent_are_counted(sqlite: Session) -> None:
    """SQLite lets them in unless each connection says otherwise."""
    sqlite.run("PRAGMA foreign_keys = OFF")
    sqlite.run('INSERT INTO "Children" VALUES (5, 99, NULL, NULL), (6, 98, 9, 9)')

    ((code, what),) = shown(check(sqlite, "sqlite"))
    assert code == "orphans"
    assert what.startswith("3 rows of Children refer to rows of parents")


def test_sqlite_rows_that_break_a_check_are_damage(sqlite: Session) -> None:
    """Its own check reads every row."""
    sqlite.run("CREATE TABLE few (n int NOT NULL CHECK (n < 5))")
    sqlite.run("PRAGMA ignore_check_constraints = ON")
    sqlite.run("INSERT INTO few VALUES (9)")

    sqlite.run("PRAGMA ignore_check_constraints = OFF")
    ((code, what),) = shown(check(sqlite, "sqlite"))
    assert code == "damaged"
    assert "few" in what


def test_a_sqlite_counter_behind_its_rows_is_found(sqlite: Session) -> None:
    """It would give out numbers again; one that is ahead is fine."""
    sqlite.run("CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    sqlite.run("INSERT INTO counted VALUES (7)")
    assert shown(check(sqlite, "sqlite")) == []

    sqlite.run("UPDATE sqlite_sequence SET seq = 3")
    ((code, what),) = shown(check(sqlite, "sqlite"))
    assert (code, what) == ("sequence-behind", "The counter of counted is at 3, and a row has 7 already.")


def test_values_that_are_to_be_unique_and_are_not_are_counted(sqlite: Session) -> None:
    """Values and rows; NULLs are never equal."""
    sqlite.run("CREATE TABLE users (mail text, tenant int)")
    sqlite.run("INSERT INTO users VALUES ('a', 1), ('a', 1), ('a', 1), ('a', 2), ('b', 1), (NULL, 1), (NULL, 1)")

    found = check(sqlite, "sqlite", {'"users"': [["mail"], ["mail", "tenant"], ["tenant"]]})
    assert [what.split(" are")[0] for code, what in shown(found)] == [
        "1 values of (mail)",
        "1 values of (mail, tenant)",
        "1 values of (tenant)",
    ]
    assert "(4 rows in all)" in shown(found)[0][1]
    assert "(3 rows in all)" in shown(found)[1][1]


def test_a_question_that_is_refused_is_a_problem_and_never_a_pass(sqlite: Session) -> None:
    """The other questions are asked all the same."""
    found = check(sqlite, "sqlite", {"gone": [["a"]]})

    assert (found.checked, found.expected) == (3, 4)
    assert found.problems[0].startswith("duplicates of gone: the database refused")


def test_sound_rows_in_postgresql_have_no_finding(postgres: Session) -> None:
    """Every question is answered."""
    assert (
        asked(postgres, "CREATE TABLE numbered (id bigserial PRIMARY KEY)", "INSERT INTO numbered DEFAULT VALUES") == []
    )


def test_postgresql_rows_without_parent_are_counted_per_foreign_key(postgres: Session) -> None:
    """They came in before a NOT VALID constraint, which is a warning by itself."""
    found = asked(
        postgres,
        'ALTER TABLE "Children" DROP CONSTRAINT pair, DROP CONSTRAINT single',
        'INSERT INTO "Children" VALUES (5, 99, 3, 3), (6, 98, NULL, 1)',
        'ALTER TABLE "Children" ADD CONSTRAINT p FOREIGN KEY (a, b) REFERENCES parents (a, b) NOT VALID',
        'ALTER TABLE "Children" ADD CONSTRAINT s FOREIGN KEY (parent) REFERENCES parents NOT VALID',
    )

    assert [code for code, _ in found] == ["orphans", "orphans", "constraint-not-valid", "constraint-not-valid"]
    assert sorted(what.partition(" to rows")[0] for code, what in found if code == "orphans") == [
        '1 rows of public."Children" refer by a, b',
        '2 rows of public."Children" refer by parent',
    ]
    assert not TEXTS["constraint-not-valid"].blocks


def test_a_foreign_key_that_is_switched_off_is_found(postgres: Session) -> None:
    """The schema still shows it as if it held."""
    found = asked(postgres, 'ALTER TABLE "Children" DISABLE TRIGGER ALL')

    assert found
    assert {code for code, _ in found} == {"not-enforced"}


def test_an_index_that_was_broken_off_is_found(postgres: Session) -> None:
    """CREATE UNIQUE INDEX CONCURRENTLY over duplicates leaves one behind."""
    postgres.run("CREATE TABLE twice (a int)")
    postgres.run("INSERT INTO twice VALUES (1), (1)")
    with pytest.raises(Exception, match="duplicat|unique"):
        postgres.run("CREATE UNIQUE INDEX CONCURRENTLY broken ON twice (a)")

    ((code, what),) = shown(check(postgres, "postgresql"))
    assert (code, what) == ("invalid-index", "The index public.broken of twice is INVALID.")


@pytest.mark.parametrize(
    ("column", "insert", "behind"),
    [
        ("id bigserial", "INSERT INTO n VALUES (5)", True),
        ("id bigserial", "INSERT INTO n VALUES (1)", True),
        ("id bigserial", "INSERT INTO n DEFAULT VALUES", False),
        ("id int GENERATED BY DEFAULT AS IDENTITY", "INSERT INTO n VALUES (2)", True),
        ("id int GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1)", "INSERT INTO n VALUES (-4)", True),
        ("id int GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1)", "INSERT INTO n VALUES (4)", False),
        ("id int DEFAULT nextval('shared')", "INSERT INTO n VALUES (9)", True),
        ("id text DEFAULT 'x' || nextval('shared')", "INSERT INTO n VALUES ('y')", False),
        ("id bigserial", "SELECT 1", False),
    ],
)
def test_a_sequence_behind_its_column_is_found(postgres: Session, column: str, insert: str, *, behind: bool) -> None:
    """Owned, of identity, by default only; also counting down."""
    found = asked(postgres, "CREATE SEQUENCE shared", f"CREATE TABLE n ({column})", insert)

    assert [code for code, _ in found] == (["sequence-behind"] if behind else [])
