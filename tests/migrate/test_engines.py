"""The whole proof on every engine: a good history passes, a bad one is found, on a real server each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from relgate.adapters.command import CommandTool
from relgate.adapters.mariadb import MariadbServer
from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlfolder import SqlFolderTool
from relgate.adapters.sqlite import SqliteServer
from relgate.migrate.prove import GATES, Asked
from relgate.migrate.prove import prove as prove_all
from relgate.migrate.scale import Sizes
from relgate.policy.migrations import Migrations
from relgate.prove import examine
from tests.adapters.histories import command_script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from relgate.migrate.store import Proof
    from relgate.ports.migrations import Server

GOOD = {
    "0001_accounts": (
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, email VARCHAR(80) NOT NULL UNIQUE, note VARCHAR(200));",
        "DROP TABLE accounts;",
    ),
    "0002_orders": (
        """CREATE TABLE orders (id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts (id),
           total NUMERIC(10, 2) NOT NULL DEFAULT 0);""",
        "DROP TABLE orders;",
    ),
    "0003_paid": ("ALTER TABLE orders ADD COLUMN paid INTEGER;", "ALTER TABLE orders DROP COLUMN paid;"),
    "0004_view": ("CREATE VIEW due AS SELECT id, total FROM orders WHERE paid IS NULL;", "DROP VIEW due;"),
    "0005_index": ("CREATE INDEX ix_accounts_email ON accounts (email, id);", "DROP INDEX ix_accounts_email{on};"),
}
BAD = {
    "forgets its index": (
        ("CREATE INDEX ix_note ON accounts (note);", ""),
        "migration-round-trip",
        "down-does-nothing",
    ),
    "empties a column": (
        (
            "ALTER TABLE accounts DROP COLUMN note;",
            "ALTER TABLE accounts ADD COLUMN note VARCHAR(200);",
        ),
        "migration-data",
        "column-emptied",
    ),
    "drops what is read": (
        ("ALTER TABLE accounts DROP COLUMN note;", "ALTER TABLE accounts ADD COLUMN note VARCHAR(200);"),
        "migration-n-1",
        "read-breaks",
    ),
    "is required at once": (
        ("ALTER TABLE orders ADD COLUMN currency CHAR(3) NOT NULL;", "ALTER TABLE orders DROP COLUMN currency;"),
        "migration-round-trip",
        "up-fails-with-rows",
    ),
    "counts twice": (
        ("UPDATE orders SET total = total + 1;", "UPDATE orders SET total = total - 1;"),
        "migration-backfill",
        "not-idempotent",
    ),
    "deletes rows": (("DELETE FROM orders WHERE id > 2;", "SELECT 1;"), "migration-data", "rows-lost"),
    "does not go back": (
        ("CREATE TABLE extra (id INTEGER);", "DROP TABLE nothing;"),
        "migration-round-trip",
        "down-fails",
    ),
}
TEXT = ("migration-static", "migration-locks")
"""An index that blocks writes is a finding where there are such locks: it cannot be built otherwise on all engines."""
WITHOUT = {
    # MariaDB fills a new required column with an empty text, and keeps what it has.
    ("mysql", "is required at once"),
}


@pytest.fixture(
    scope="module",
    params=[SqliteServer, PostgresServer.private, MariadbServer.private],
    ids=["sqlite", "pg", "mariadb"],
)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each engine, for real."""
    with request.param() as made:
        yield made


def write(folder: Path, steps: dict[str, tuple[str, str]], server: Server) -> Path:
    """A folder as dbmate has it, one statement in each file: MariaDB commits after each."""
    folder.mkdir()
    on = " ON accounts" if server.engine == "mysql" else ""
    for name, (up, down) in steps.items():
        (folder / f"{name}.sql").write_text(f"-- migrate:up\n{up}\n-- migrate:down\n{down.replace('{on}', on)}\n")
    return folder


def prove(folder: Path, server: Server, *without: str, code_first: bool = False) -> Proof:
    """The proof of all gates."""
    tool = SqlFolderTool(folder, server.engine, folder)
    migrations = Migrations(
        kind="sql", source=str(folder), engine=server.engine, everything=True, code_first=code_first
    )
    gates = [gate for gate in GATES if gate not in without]
    plan = {"run_id": "run", "folder": str(folder), "wanted": gates, "today": "2026-11-21"}
    return examine(plan, migrations, tool, server, None)[0]


def test_a_good_history_has_no_finding_that_blocks(server: Server, tmp_path: Path) -> None:
    """Everything was examined, or does not apply here and says why."""
    proof = prove(write(tmp_path / "db", GOOD, server), server)

    assert [one for gate in proof.gates.values() for one in gate.findings if one.blocks and gate.gate not in TEXT] == []
    for found in proof.gates.values():
        assert found.problems == (), found
        assert found.does_not_apply or found.checked >= found.expected > 0, found


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_revision_is_found(name: str, server: Server, tmp_path: Path) -> None:
    """By its gate and code, whatever the engine."""
    if (server.engine, name) in WITHOUT:
        pytest.skip("this engine does something else: see WITHOUT")
    steps, gate, code = BAD[name]
    proof = prove(write(tmp_path / "db", {**GOOD, "0009_bad": steps}, server), server, "migration-scale")
    found = [(one.gate, one.code, one.revision) for gate in proof.gates.values() for one in gate.findings]

    assert (gate, code, "0009") in found, found


def test_code_that_goes_first_must_tolerate_the_schema_before(server: Server, tmp_path: Path) -> None:
    """It reads a column that is not there yet; where the migration goes first that is nobody's business."""
    folder = write(tmp_path / "db", GOOD, server)
    codes = [
        {
            (one.code, one.revision)
            for one in prove(folder, server, "migration-scale", code_first=first).gates[N_1].findings
        }
        for first in (True, False)
    ]

    assert ("new-query-breaks", "0003") in codes[0]
    assert codes[1] == set()


def test_a_step_whose_statements_nobody_sees_is_timed_on_every_table(tmp_path: Path) -> None:
    """What a foreign program sends is not known: no table may be left out, or nothing would be timed and pass."""
    call = command_script(tmp_path)
    tool = CommandTool(f"{call} up {{revision}}", f"{call} down {{revision}}", f"{call} list", cwd=tmp_path)
    scale = "migration-scale"
    with SqliteServer() as server:
        book, ordered = prove_all(server, tool, Asked(frozenset({scale}), sizes=Sizes(rows=(20, 40, 60))))

    assert scale in book.rows[ordered[1].id]["examined"]
    assert book.rows[ordered[1].id]["scale"]["rows"] or book.findings


N_1 = "migration-n-1"
