"""pg_dump and pg_restore on a real PostgreSQL: a good backup, and every kind that is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from relgate.adapters.backup import found, run
from relgate.adapters.backup_postgres import PostgresBackup
from relgate.adapters.postgres import PostgresServer
from relgate.errors import SourceError, UsageError
from relgate.migrate.backups import Proof, check, prove
from relgate.migrate.portrait import Portrait, portray
from relgate.ports.backups import BackupMade
from relgate.ports.migrations import Scratch, SqlError

SCHEMA = [
    "CREATE TYPE state AS ENUM ('new', 'paid')",
    "CREATE TABLE alembic_version (version_num text)",
    'CREATE SCHEMA "Odd schema"',
    "CREATE TABLE customers (id bigserial PRIMARY KEY, name text, born timestamptz, photo bytea, weight float8)",
    """CREATE TABLE "Odd schema"."Orders" (id int GENERATED ALWAYS AS IDENTITY, customer bigint REFERENCES customers,
    state state DEFAULT 'new', total numeric(12, 2), more jsonb, tags text[], PRIMARY KEY (id, state))
    PARTITION BY LIST (state)""",
    """CREATE TABLE "Odd schema".paid PARTITION OF "Odd schema"."Orders" FOR VALUES IN ('paid')""",
    """CREATE TABLE "Odd schema".fresh PARTITION OF "Odd schema"."Orders" FOR VALUES IN ('new')""",
    "CREATE VIEW names AS SELECT name FROM customers",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER t BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION f()",
    "GRANT SELECT ON customers TO PUBLIC",
    "INSERT INTO alembic_version VALUES ('abc')",
    """INSERT INTO customers (name, born, photo, weight)
    SELECT 'n' || i, now() - i * interval '1 day', '\\x00ff', i / 7.0 FROM generate_series(1, 50) i""",
    """INSERT INTO "Odd schema"."Orders" (customer, state, total, more, tags)
    SELECT i, 'paid', i, '{"a": null}', ARRAY['x', NULL] FROM generate_series(1, 20) i""",
]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A private cluster."""
    with PostgresServer.private("system") as running:
        yield running


@pytest.fixture
def live(server: PostgresServer) -> Iterator[Scratch]:
    """What stands for production: only its URL is used."""
    made = server.create()
    with server.open(made) as session:
        for sql in SCHEMA:
            session.run(sql)
    yield made
    server.drop(made)


def change(server: PostgresServer, live: Scratch, *sql: str) -> None:
    """Change what stands for production."""
    with server.open(live) as session:
        for one in sql:
            session.run(one)


def taken(live: Scratch, folder: Path) -> tuple[BackupMade, Portrait]:
    """A backup and what it should hold."""
    backup = PostgresBackup()
    with backup.reading(live.url) as source:
        expected = portray(source, "postgresql")
        return backup.take(live.url, folder, source), expected


def codes(proof: Proof) -> list[str]:
    """The codes of what was found; a problem counts."""
    return [one.code for one in proof.findings.findings] + list(proof.findings.problems)


def test_a_dump_restores_to_the_same_database(server: PostgresServer, live: Scratch, tmp_path: Path) -> None:
    """Types, partitions, sequences, triggers, views and the books; owners and privileges are left out, and said."""
    proof = prove(PostgresBackup(), live.url, tmp_path, server)

    assert codes(proof) == []
    assert proof.rows == 71
    assert proof.made is not None
    assert "pg_dump" in proof.made.tool
    assert "privilege" in proof.findings.notes[1]
    assert PostgresBackup().listed(proof.made) == (
        "Odd schema.fresh",
        "Odd schema.paid",
        "public.alembic_version",
        "public.customers",
    )


def test_the_dump_holds_what_the_session_saw(server: PostgresServer, live: Scratch, tmp_path: Path) -> None:
    """However much is written between the figures and the dump."""
    backup = PostgresBackup()
    with backup.reading(live.url) as source:
        expected = portray(source, "postgresql")
        change(
            server, live, "INSERT INTO customers (name) VALUES ('late')", "UPDATE alembic_version SET version_num = 'z'"
        )
        made = backup.take(live.url, tmp_path, source)

    assert codes(check(backup, made, server, expected)) == []


@pytest.mark.parametrize(
    ("sql", "code", "figures"),
    [
        (
            "UPDATE customers SET weight = weight + 1e-12 WHERE id = 7",
            "rows-differ",
            "other values in weight (50 rows)",
        ),
        ("UPDATE customers SET name = NULL WHERE id = 7", "rows-differ", "public.customers has other values in name"),
        (
            "UPDATE customers c SET name = o.name FROM customers o WHERE c.id + o.id = 9 AND c.id IN (4, 5)",
            *("rows-differ", "customers has its values in other rows"),
        ),
        ("DELETE FROM customers WHERE id > 48", "rows-differ", "customers has 48 rows, not 50"),
        ("DELETE FROM alembic_version", "rows-differ", "has 0 rows, not 1"),
        ("DROP VIEW names", "schema-differs", "view public.names is missing"),
        ("ALTER TYPE state ADD VALUE 'gone'", "schema-differs", "state"),
        ("SELECT setval('customers_id_seq', 3)", "sequences-behind", "public.customers_id_seq is at 3, not 50"),
    ],
)
def test_each_difference_after_a_restore_is_found_with_figures(
    server: PostgresServer, live: Scratch, tmp_path: Path, sql: str, code: str, figures: str
) -> None:
    """The dump is of a database that was changed after the figures were taken."""
    _, expected = taken(live, tmp_path)
    change(server, live, sql)
    proof = check(PostgresBackup(), taken(live, tmp_path)[0], server, expected)

    (finding,) = proof.findings.findings
    assert (finding.code, finding.blocks) == (code, True)
    assert figures in finding.what


def test_a_dump_of_another_database_is_found(server: PostgresServer, live: Scratch, tmp_path: Path) -> None:
    """It restores well, and is another one; an empty one is called empty."""
    other, nothing = server.create(), server.create()
    change(server, other, "CREATE TABLE visits AS SELECT 1 AS a")
    expected = taken(live, tmp_path)[1]

    assert codes(check(PostgresBackup(), taken(other, tmp_path)[0], server, expected))[:2] == [
        "schema-differs",
        "rows-differ",
    ]
    assert codes(check(PostgresBackup(), taken(nothing, tmp_path)[0], server, expected)) == ["empty"]
    server.drop(other)
    server.drop(nothing)


@pytest.mark.parametrize(
    ("option", "expected", "figures"),
    [
        (
            '--exclude-table-data="Odd schema".*',
            ["rows-differ", "sequences-behind"],
            '"Odd schema"."Orders" has 0 rows, not 20',
        ),
        (
            '--exclude-schema="Odd schema"',
            ["schema-differs", "rows-differ", "sequences-behind"],
            "is missing with 20 rows",
        ),
        ("--exclude-table=alembic_version", ["rows-differ"], '"alembic_version" is missing with 1 rows'),
        ("--exclude-table-data=customers", ["not-restorable"], "foreign key"),
        ("--schema-only", ["empty", "rows-differ", "sequences-behind"], "holds no table's rows"),
    ],
)
def test_a_dump_that_leaves_something_out_is_found(
    server: PostgresServer, live: Scratch, tmp_path: Path, option: str, expected: list[str], figures: str
) -> None:
    """Somebody excluded it from the job, and the job ends well every night."""
    portrait = taken(live, tmp_path)[1]
    less = tmp_path / "less.dump"
    run(["pg_dump", "-Fc", option, f"--file={less}"], {"PATH": "/usr/bin:/bin", **dict(live.environment)}, "dump")
    proof = check(PostgresBackup(), found(less), server, portrait)

    assert codes(proof) == expected
    assert any(figures in one.what for one in proof.findings.findings)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_dump_that_was_cut_is_found(server: PostgresServer, live: Scratch, tmp_path: Path, keep: float) -> None:
    """With a checksum that does not fit, and with one that was made after the cut."""
    made, expected = taken(live, tmp_path)
    path = Path(made.path)
    path.write_bytes(path.read_bytes()[: int(made.bytes * keep)])

    assert "not-restorable" in codes(check(PostgresBackup(), made, server, expected))
    assert "not-restorable" in codes(check(PostgresBackup(), found(path), server, expected))


def test_a_dump_that_somebody_changed_is_never_restored(server: PostgresServer, live: Scratch, tmp_path: Path) -> None:
    """One byte is enough."""
    made, expected = taken(live, tmp_path)

    assert "not-restorable" in codes(check(PostgresBackup(), replace(made, sha256="0" * 64), server, expected))


def test_nothing_can_be_written_through_a_backups_session(live: Scratch) -> None:
    """The server itself refuses."""
    with PostgresBackup().reading(live.url) as source, pytest.raises(SqlError, match="read-only"):
        source.run("DELETE FROM customers")


def test_a_database_that_does_not_answer_is_a_backup_that_was_not_taken(server: PostgresServer, tmp_path: Path) -> None:
    """And no file is left; a URL that cannot be is the caller's fault."""
    proof = prove(PostgresBackup(), "postgresql://u:secret@127.0.0.1:1/app", tmp_path / "b", server)

    assert codes(proof) == ["not-taken"]
    assert "secret" not in proof.findings.findings[0].what
    assert not (tmp_path / "b").exists()
    with pytest.raises((UsageError, SourceError)):
        PostgresBackup().reading("mysql://x/y")


def test_no_password_is_on_a_command_line(live: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody on the machine can read those."""
    seen: list[str] = []

    def watched(command: list[str], environment: dict[str, str], what: str) -> bytes:
        seen.extend(command)
        assert environment["PATH"]
        return run(command, environment, what)

    monkeypatch.setattr("relgate.adapters.backup_postgres.run", watched)
    url = live.url.replace("postgresql+psycopg://", "postgresql://")
    PostgresBackup().take(f"{url}{'&' if '?' in url else '?'}password=hunter2-hunter2", tmp_path)

    assert any("pg_dump" in one for one in seen)
    assert not any("hunter2" in one for one in seen)
