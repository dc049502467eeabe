"""Backups of real SQLite files, taken, restored and compared; and every way in which one can be worthless."""

from __future__ import annotations

import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from relgate.adapters.backup import CommandBackup, SqliteBackup, found
from relgate.adapters.sqlite import SqliteServer
from relgate.errors import SourceError, UsageError
from relgate.migrate.backups import Proof, check, prove
from relgate.migrate.portrait import Portrait, portray
from relgate.ports.backups import BackupMade

SCHEMA = """
CREATE TABLE alembic_version (version_num TEXT);
CREATE TABLE customers (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, photo BLOB);
CREATE TABLE "my orders" (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), total NUMERIC);
CREATE TABLE pairs (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE INDEX by_customer ON "my orders" (customer);
INSERT INTO alembic_version VALUES ('abc');
INSERT INTO customers (name, photo) VALUES ('Anna', x'00ff'), ('Büşra', NULL), ('%s', x'');
INSERT INTO "my orders" VALUES (1, 1, 9.5), (2, 2, 1e300), (3, 1, '12');
INSERT INTO pairs VALUES ('x', 'y'), ('p', 'q');
DELETE FROM customers WHERE id = 3;
"""


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """Production's database, in the journal mode that services use."""
    path = tmp_path / "live data.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
    return path


@pytest.fixture
def server() -> Iterator[SqliteServer]:
    """Where backups are restored."""
    with SqliteServer() as running:
        yield running


def codes(proof: Proof) -> list[str]:
    """The codes of what was found; a problem counts."""
    return [one.code for one in proof.findings.findings] + list(proof.findings.problems)


def taken(live: Path) -> tuple[BackupMade, Portrait]:
    """A backup and what it should hold."""
    backup = SqliteBackup()
    with backup.reading(f"sqlite:///{live}") as source:
        return backup.take(f"sqlite:///{live}", live.parent / "backups", source), portray(source, "sqlite")


def changed(made: BackupMade, change: Callable[[Path], None]) -> BackupMade:
    """The same backup after its file was changed, as a job that works wrongly would have written it."""
    change(Path(made.path))
    return replace(found(Path(made.path)), tool=made.tool)


def script(sql: str) -> Callable[[Path], None]:
    """A change that SQL makes."""

    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as database:
            database.executescript(sql)

    return change


def test_a_backup_restores_to_the_same_database(live: Path, server: SqliteServer, tmp_path: Path) -> None:
    """Schema, rows, sequences and books; with its size and both durations in figures."""
    proof = prove(SqliteBackup(), f"sqlite:///{live}", tmp_path / "backups", server)

    assert codes(proof) == []
    assert (proof.findings.checked, proof.findings.expected) == (1, 1)
    assert (proof.tables, proof.rows) == (4, 8)
    assert proof.made is not None
    assert proof.took_s is not None
    assert "8 rows" in proof.findings.notes[0]
    assert "SQLite" in proof.made.tool


def test_a_backup_is_its_owners_alone_and_has_a_name_of_its_own(live: Path) -> None:
    """Two at the same time do not overwrite each other, and nothing half-written is left."""
    first, second = taken(live)[0], taken(live)[0]

    assert {Path(first.path), Path(second.path)} == set((live.parent / "backups").iterdir())
    assert stat.S_IMODE(Path(first.path).stat().st_mode) == 0o600
    assert SqliteBackup().listed(first) == ("alembic_version", "customers", "my orders", "pairs")


def test_writes_during_the_backup_are_not_in_it_and_do_not_make_it_differ(live: Path, server: SqliteServer) -> None:
    """The session that is portrayed and the copy see the same moment."""
    backup = SqliteBackup()
    with backup.reading(str(live)) as source:
        script("INSERT INTO customers (name) VALUES ('late'); DELETE FROM pairs")(live)
        expected = portray(source, "sqlite")
        made = backup.take(str(live), live.parent / "backups", source)

    assert expected.tables["customers"].n == 2
    assert codes(check(backup, made, server, expected)) == []


@pytest.mark.parametrize(
    ("sql", "code", "figures"),
    [
        (
            "UPDATE customers SET name = 'Ann' WHERE id = 1",
            "rows-differ",
            "customers has other values in name (2 rows)",
        ),
        ("UPDATE customers SET photo = '00ff' WHERE id = 1", "rows-differ", "other values in photo"),
        ("UPDATE customers SET photo = x'' WHERE id = 2", "rows-differ", "other values in photo"),
        ("DELETE FROM customers WHERE id = 2", "rows-differ", "customers has 1 rows, not 2"),
        ("DELETE FROM alembic_version", "rows-differ", '"alembic_version" has 0 rows, not 1'),
        ("UPDATE alembic_version SET version_num = 'b'", "rows-differ", '"alembic_version" has other values'),
        (
            "DELETE FROM pairs; INSERT INTO pairs VALUES ('x', 'q'), ('p', 'y')",
            "rows-differ",
            "pairs has its values in",
        ),
        ("DROP INDEX by_customer", "schema-differs", "index"),
        ("CREATE TABLE more (a INT)", "schema-differs", "in addition"),
        ("DELETE FROM sqlite_sequence", "sequences-behind", "customers is at 0, not 3"),
    ],
)
def test_each_difference_after_a_restore_is_found_with_figures(
    live: Path, server: SqliteServer, sql: str, code: str, figures: str
) -> None:
    """One change in the file, one finding."""
    made, expected = taken(live)
    proof = check(SqliteBackup(), changed(made, script(sql)), server, expected)

    (finding,) = proof.findings.findings
    assert (finding.code, finding.gate, finding.blocks) == (code, "migration-backup", True)
    assert figures in finding.what


def test_a_backup_without_a_table_lacks_its_schema_and_its_rows(live: Path, server: SqliteServer) -> None:
    """Both are said."""
    made, expected = taken(live)
    proof = check(SqliteBackup(), changed(made, script("DROP TABLE pairs")), server, expected)

    assert codes(proof) == ["schema-differs", "rows-differ"]
    assert "pairs is missing with 2 rows" in proof.findings.findings[1].what


def test_a_backup_of_the_wrong_database_is_found(live: Path, server: SqliteServer, tmp_path: Path) -> None:
    """It restores well, and is another one."""
    script("CREATE TABLE visits (a INT); INSERT INTO visits VALUES (1)")(tmp_path / "other.db")
    made = SqliteBackup().take(str(tmp_path / "other.db"), tmp_path / "backups")

    assert codes(check(SqliteBackup(), made, server, taken(live)[1])) == [
        "schema-differs",
        "rows-differ",
        "sequences-behind",
    ]


def cut(path: Path) -> None:
    """Leave half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite(path: Path) -> None:
    """Destroy a page in the middle."""
    data = bytearray(path.read_bytes())
    data[8192:12288] = b"\xff" * 4096
    path.write_bytes(data)


@pytest.mark.parametrize("change", [cut, overwrite, lambda path: path.write_bytes(b"no database " * 99)])
def test_a_damaged_backup_is_found_though_its_checksum_fits(
    live: Path, server: SqliteServer, change: Callable[[Path], None]
) -> None:
    """The job itself wrote it that way, so its checksum is of the damage."""
    made, expected = taken(live)
    proof = check(SqliteBackup(), changed(made, change), server, expected)

    assert "not-restorable" in codes(proof)
    assert proof.took_s is None


@pytest.mark.parametrize("change", [cut, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_backup_that_changed_after_it_was_taken_is_never_restored(
    live: Path, server: SqliteServer, change: Callable[[Path], None]
) -> None:
    """Its checksum does not fit."""
    made, expected = taken(live)
    change(Path(made.path))

    assert "not-restorable" in codes(check(SqliteBackup(), made, server, expected))


def test_a_backup_that_was_swapped_for_another_sound_one_is_never_restored(live: Path, server: SqliteServer) -> None:
    """Only the checksum tells."""
    made = taken(live)[0]
    script("CREATE TABLE more (a INT)")(Path(made.path))

    assert codes(check(SqliteBackup(), made, server)) == ["not-restorable"]


def test_rows_that_sqlites_own_check_refuses_make_a_backup_worthless(
    live: Path, server: SqliteServer, tmp_path: Path
) -> None:
    """It copies well, and every page can be read."""
    script("CREATE TABLE few (n INT CHECK (n < 5)); PRAGMA ignore_check_constraints = ON; INSERT INTO few VALUES (9)")(
        live
    )
    proof = prove(SqliteBackup(), str(live), tmp_path / "backups", server)

    assert codes(proof) == ["not-restorable"]
    assert "few" in proof.findings.findings[0].what


def test_an_empty_backup_is_found(live: Path, server: SqliteServer, tmp_path: Path) -> None:
    """No table at all, and with nothing to compare with, no row."""
    script("CREATE TABLE t (a INT); DROP TABLE t")(tmp_path / "nothing.db")
    nothing = SqliteBackup().take(str(tmp_path / "nothing.db"), tmp_path / "backups")
    script("CREATE TABLE t (a INT)")(tmp_path / "rowless.db")
    rowless = SqliteBackup().take(str(tmp_path / "rowless.db"), tmp_path / "backups")

    assert "empty" in codes(check(SqliteBackup(), nothing, server, taken(live)[1]))
    assert codes(check(SqliteBackup(), rowless, server)) == ["empty"]
    assert codes(prove(SqliteBackup(), str(tmp_path / "rowless.db"), tmp_path / "backups", server)) == []


def test_a_backup_that_others_took_is_restored_and_its_age_is_judged(live: Path, server: SqliteServer) -> None:
    """Its rows cannot be compared, which a note says."""
    made = found(Path(taken(live)[0].path))

    fresh = check(SqliteBackup(), made, server, now_s=made.taken_s + 3600, oldest_s=3600)
    old = check(SqliteBackup(), made, server, now_s=made.taken_s + 7200, oldest_s=3600)
    assert codes(fresh) == []
    assert "not compared" in fresh.findings.notes[-1]
    assert codes(old) == ["too-old"]
    assert "2.0 h old, the limit is 1.0 h" in old.findings.findings[0].what


def test_a_database_that_is_not_there_is_a_backup_that_was_not_taken(server: SqliteServer, tmp_path: Path) -> None:
    """Nothing is created in its place, and no file is left."""
    proof = prove(SqliteBackup(), f"sqlite:///{tmp_path}/gone.db", tmp_path / "backups", server)

    assert codes(proof) == ["not-taken"]
    assert (proof.findings.checked, proof.findings.expected) == (0, 1)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_a_backup_that_was_not_taken(server: SqliteServer, tmp_path: Path) -> None:
    """A wrong path in the policy."""
    (tmp_path / "text.db").write_text("hello " * 500)

    assert codes(prove(SqliteBackup(), str(tmp_path / "text.db"), tmp_path / "backups", server)) == ["not-taken"]


def test_production_cannot_be_written_through_a_backups_session(live: Path) -> None:
    """Whatever asks."""
    with SqliteBackup().reading(str(live)) as source, pytest.raises(Exception, match=r"readonly|query_only|read-only"):
        source.run("DELETE FROM customers")


def test_another_databases_url_is_refused(tmp_path: Path) -> None:
    """One clear line."""
    with pytest.raises(UsageError, match="sqlite:///path"):
        SqliteBackup().take("postgresql://db/app", tmp_path)


COPY = "import os, shutil, sys; shutil.copy(sys.argv[1], os.environ['RELGATE_BACKUP'])"
RESTORE = (
    "import os, shutil; shutil.copy(os.environ['RELGATE_BACKUP'], os.environ['DATABASE_URL'].partition(':///')[2])"
)


def by_command(live: Path, *, taking: str = COPY, restoring: str = RESTORE) -> CommandBackup:
    """A project's own way: copying the file."""
    commands = (sys.executable, "-c", taking, str(live)), (sys.executable, "-c", restoring)
    return CommandBackup("sqlite", *commands, SqliteBackup())


def test_a_projects_own_commands_are_proven_in_the_same_way(live: Path, server: SqliteServer, tmp_path: Path) -> None:
    """Taken, restored, compared."""
    with closing(sqlite3.connect(live)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert codes(prove(by_command(live), str(live), tmp_path / "backups", server)) == []


@pytest.mark.parametrize(
    ("taking", "restoring", "code"),
    [
        ("raise SystemExit('disk full')", RESTORE, "not-taken"),
        (COPY, "raise SystemExit('no rights')", "not-restorable"),
        (COPY, "pass", "empty"),
        ("pass", RESTORE, "empty"),
    ],
)
def test_a_command_that_fails_or_does_nothing_is_found(
    live: Path, server: SqliteServer, tmp_path: Path, taking: str, restoring: str, code: str
) -> None:
    """Also one that ends well."""
    proof = prove(by_command(live, taking=taking, restoring=restoring), str(live), tmp_path / "backups", server)

    assert code in codes(proof)
    assert proof.findings.findings[0].blocks


def test_a_command_that_is_not_there_is_a_source_error(live: Path, tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(SourceError, match="no-such-program"):
        CommandBackup("sqlite", ("no-such-program",), (), SqliteBackup()).take(str(live), tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []
