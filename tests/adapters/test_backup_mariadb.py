"""MariaDB's dump program on a real server: a good backup, and those that are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from relgate.adapters.backup import found
from relgate.adapters.backup_mariadb import MariadbBackup
from relgate.adapters.mariadb import MariadbServer
from relgate.errors import UsageError
from relgate.migrate.backups import Proof, check, prove
from relgate.migrate.integrity import check as integrity
from relgate.migrate.portrait import Portrait, portray
from relgate.ports.backups import BackupMade
from relgate.ports.migrations import Scratch, SqlError

SCHEMA = [
    "CREATE TABLE alembic_version (version_num varchar(32))",
    """CREATE TABLE customers (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(50), born datetime(6), photo blob,
    weight double, total decimal(12, 3), more json) CHARACTER SET utf8mb4""",
    "CREATE TABLE `my orders` (id int PRIMARY KEY, customer bigint, FOREIGN KEY (customer) REFERENCES customers (id))",
    "CREATE VIEW names AS SELECT name FROM customers",
    "CREATE TRIGGER t BEFORE INSERT ON customers FOR EACH ROW SET NEW.name = trim(NEW.name)",
    "INSERT INTO alembic_version VALUES ('abc')",
    """INSERT INTO customers (name, born, photo, weight, total, more) VALUES
    ('Büşra 😀', '2026-01-02 03:04:05.678901', x'00ff27', 1 / 7, 1.125, '{"a": null}'),
    ('b''c\\\\d', NULL, x'', -0.5, 2, '[]')""",
    "INSERT INTO `my orders` VALUES (1, 1), (2, 2), (3, NULL)",
]


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    """A private server."""
    with MariadbServer.private() as running:
        yield running


@pytest.fixture
def live(server: MariadbServer) -> Iterator[Scratch]:
    """What stands for production: only its URL is used."""
    made = server.create()
    change(server, made, *SCHEMA)
    yield made
    server.drop(made)


def change(server: MariadbServer, live: Scratch, *sql: str) -> None:
    """Change what stands for production."""
    with server.open(live) as session:
        for one in sql:
            session.run(one)


def taken(live: Scratch, folder: Path) -> tuple[BackupMade, Portrait]:
    """A backup and what it should hold."""
    backup = MariadbBackup()
    with backup.reading(live.url) as source:
        return backup.take(live.url, folder, source), portray(source, "mysql")


def codes(proof: Proof) -> list[str]:
    """The codes of what was found; a problem counts."""
    return [one.code for one in proof.findings.findings] + list(proof.findings.problems)


def test_a_dump_restores_to_the_same_database(server: MariadbServer, live: Scratch, tmp_path: Path) -> None:
    """Texts, bytes, times, floats, views and triggers."""
    proof = prove(MariadbBackup(), live.url, tmp_path, server)

    assert [one.what for one in proof.findings.findings] == []
    assert codes(proof) == []
    assert proof.rows == 6
    assert proof.made is not None
    assert MariadbBackup().listed(proof.made) == ("alembic_version", "customers", "my orders")


@pytest.mark.parametrize(
    ("sql", "code", "figures"),
    [
        ("UPDATE customers SET weight = weight + 1e-9 WHERE id = 1", "rows-differ", "weight"),
        ("UPDATE customers SET total = 1.126 WHERE id = 1", "rows-differ", "total"),
        ("UPDATE customers SET photo = NULL WHERE id = 2", "rows-differ", "photo"),
        ("DELETE FROM `my orders` WHERE id = 3", "rows-differ", "has 2 rows, not 3"),
        ("DELETE FROM alembic_version", "rows-differ", "has 0 rows, not 1"),
        ("DROP VIEW names", "schema-differs", "names"),
    ],
)
def test_each_difference_after_a_restore_is_found(
    server: MariadbServer, live: Scratch, tmp_path: Path, sql: str, code: str, figures: str
) -> None:
    """The dump is of a database that was changed after the figures were taken."""
    expected = taken(live, tmp_path)[1]
    change(server, live, sql)
    proof = check(MariadbBackup(), taken(live, tmp_path)[0], server, expected)

    (finding,) = proof.findings.findings
    assert finding.code == code
    assert figures in finding.what


def test_a_dump_that_was_cut_is_found(server: MariadbServer, live: Scratch, tmp_path: Path) -> None:
    """SQL text that ends early restores without an error: its last line is what is missing."""
    made, expected = taken(live, tmp_path)
    path = Path(made.path)
    path.write_bytes(path.read_bytes().rpartition(b"-- Dump completed")[0])

    assert "not-restorable" in codes(check(MariadbBackup(), found(path), server, expected))


def test_nothing_can_be_written_through_a_backups_session(live: Scratch) -> None:
    """The server itself refuses; and a URL without a database is none."""
    with MariadbBackup().reading(live.url) as source, pytest.raises(SqlError, match="READ ONLY"):
        source.run("DELETE FROM customers")
    with pytest.raises(UsageError, match="database"):
        MariadbBackup().reading("mysql://root@localhost")


def test_orphans_and_sound_tables_are_told_apart(server: MariadbServer, live: Scratch) -> None:
    """MariaDB's own table check, and a join for each foreign key."""
    with server.open(live) as session:
        sound = integrity(session, "mysql")
        session.run("SET SESSION foreign_key_checks = 0")
        session.run("INSERT INTO `my orders` VALUES (9, 99)")
        broken = integrity(session, "mysql")

    assert (sound.findings, sound.problems) == ((), ())
    assert [one.code for one in broken.findings] == ["orphans"]
    assert "1 rows of" in broken.findings[0].what
