"""Sessions that prove migrations: a user's folder of SQL files, a real database, and the decision at the end."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from tests.plugin.conftest import Ended, Project

POLICY = """
relgate: 1
service: demo
environments:
  test: {candidate: {url: "http://127.0.0.1:9"}}
migrations: {sql: db/migrations, engine: sqlite%s}
gates:
  alpha: {signal: null, fail: "> 10"}
stages:
  - {name: migrate, run: migration, require: [migration]}
  - {name: canary-5, run: canary, require: [alpha]}
"""
GATES = ("--pyargs", "relgate_suites.gates.test_migrations", "-m", "migration", "--gate-stage", "migrate")
RELEASE = ("--gate-release", "version=1.1")

ONE = """-- migrate:up
CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT NOT NULL, note TEXT);
-- migrate:down
DROP TABLE orders;
"""
COUNT = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 300000000) SELECT count(*) FROM c;\n"
SLOW = ONE.replace("CREATE TABLE", f"{COUNT}CREATE TABLE")
TWO = """-- migrate:up
CREATE INDEX ix_orders_email ON orders (email);
-- migrate:down
DROP INDEX ix_orders_email;
"""
FORGETFUL = """-- migrate:up
CREATE INDEX ix_orders_email ON orders (email);
CREATE INDEX ix_orders_note ON orders (note);
-- migrate:down
DROP INDEX ix_orders_email;
"""
DECLARED = """-- relgate: irreversible reason="notes are gone" backup="nightly dump"
-- migrate:up
DELETE FROM orders WHERE note = 'old';
-- migrate:down
"""


@pytest.fixture
def history(project: Project) -> Project:
    """A project with two good migrations."""
    project.write("relgate.yaml", POLICY % "")
    project.write("db/migrations/0001_orders.sql", ONE)
    project.write("db/migrations/0002_index.sql", TWO)
    return project


def messages(ended: Ended) -> dict[str, str]:
    """Gate id -> message."""
    return {gate["id"]: gate["message"] for gate in ended.document["gates"]}


def production(project: Project, *applied: str) -> Path:
    """A live database that has applied some migrations, as dbmate would have."""
    path = project.folder / "live.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(ONE.split("-- migrate:down")[0])
        connection.execute("CREATE TABLE schema_migrations (version TEXT PRIMARY KEY)")
        connection.executemany("INSERT INTO schema_migrations VALUES (?)", [(one,) for one in applied])
    project.environment["LIVE"] = f"sqlite:///{path}"
    project.write("relgate.yaml", POLICY % ", production: env:LIVE")
    return path


def test_a_good_history_is_promoted_and_leaves_its_proof(history: Project) -> None:
    """Every gate has examined every revision; the SQL of each step is evidence."""
    ended = history.run(*GATES, *RELEASE)

    assert ended.decision == "promote", ended.out
    assert ended.code == 0
    assert "proving the migrations of db/migrations" in ended.out
    proof = json.loads((ended.runs[-1] / "evidence" / "migrations.json").read_text())
    assert [one["id"] for one in proof["revisions"]] == ["0001", "0002"]
    assert proof["gates"]["migration-round-trip"]["checked"] == 2
    assert "DROP INDEX" in (ended.runs[-1] / "evidence" / "migrations" / "0002.down.sql").read_text()


def test_a_downgrade_that_forgets_is_found_with_its_place(history: Project) -> None:
    """Revision, file, what is left over: what a person needs to mend it."""
    history.write("db/migrations/0002_index.sql", FORGETFUL)
    ended = history.run(*GATES, *RELEASE)

    assert ended.decision == "rollback", ended.out
    assert ended.code == 20
    said = messages(ended)["migration-round-trip"]
    for part in ("0002", "left-over", "ix_orders_note", "0002_index.sql"):
        assert part in said


def test_a_migration_that_cannot_be_read_holds(history: Project) -> None:
    """What is not proven is not promoted."""
    (history.folder / "db/migrations/0001_orders.sql").unlink()
    (history.folder / "db/migrations/0002_index.sql").unlink()
    ended = history.run(*GATES, *RELEASE)

    assert ended.decision in ("hold", "rollback"), ended.out
    assert ended.code in (10, 20)


def test_a_prover_that_is_killed_holds(history: Project) -> None:
    """Half a proof is none."""
    history.write("db/migrations/0001_orders.sql", SLOW)
    process = history.start("--gate-policy", "relgate.yaml", *GATES, *RELEASE)
    kill(prover_of(process.pid))
    ended = history.end(process)

    assert ended.decision == "hold", ended.out
    assert "prover" in ended.reasons


def test_a_controller_that_is_killed_leaves_nothing(history: Project) -> None:
    """No process, and after the next start no scratch database; the ledger shows the gap."""
    history.environment["TMPDIR"] = str(history.folder / "tmp")
    (history.folder / "tmp").mkdir()
    history.write("db/migrations/0001_orders.sql", SLOW)
    process = history.start("--gate-policy", "relgate.yaml", *GATES, *RELEASE)
    prover = prover_of(process.pid)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    for _ in range(200):
        if not Path(f"/proc/{prover}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{prover}").exists()

    history.write("db/migrations/0001_orders.sql", ONE)
    ended = history.run(*GATES, *RELEASE)
    assert ended.decision == "promote", ended.out
    assert ended.kinds == ["run-started", "run-started", "gate-decision"]
    assert not list((history.folder / "tmp").glob("relgate-sqlite-*"))


def test_only_what_production_lacks_is_proven(history: Project) -> None:
    """A broken downgrade of last year does not block this release; its own would."""
    history.write("db/migrations/0001_orders.sql", ONE.replace("DROP TABLE orders;", "DROP TABLE IF EXISTS nothing;"))
    path = production(history, "0001")
    before = path.read_bytes()
    ended = history.run(*GATES, *RELEASE)

    assert ended.decision == "promote", ended.out
    assert "1 revisions that production has not applied" in ended.out
    assert path.read_bytes() == before


def test_a_rollback_after_an_irreversible_migration_holds(history: Project) -> None:
    """The migration stage let it through; a canary that fails later must not send the old version to the new schema."""
    history.write("db/migrations/0003_gone.sql", DECLARED)
    production(history, "0001", "0002")
    first = history.run(*GATES, *RELEASE)
    assert first.decision == "promote", first.out
    assert first.document["irreversible"] == ["0003 cannot be taken back: notes are gone"]

    history.gates(alpha='@pytest.mark.canary\ndef test_alpha(gate):\n    gate.judge("alpha", value(11.0))\n')
    failed = history.run("--gate-stage", "canary-5", *RELEASE, "-k", "alpha")
    assert failed.decision == "hold", failed.out
    assert failed.code == 10
    assert "rollback unsafe: 0003 cannot be taken back: notes are gone" in failed.reasons

    other = history.run("--gate-stage", "canary-5", "--gate-release", "version=1.2", "-k", "alpha")
    assert other.decision == "rollback", other.out


def test_a_proof_that_was_taken_away_holds(history: Project) -> None:
    """The gates judge this run's proof or nothing."""
    history.write(
        "conftest.py",
        "import pathlib, pytest\n"
        "@pytest.fixture(autouse=True)\n"
        "def gone():\n"
        "    for path in pathlib.Path('reports').glob('2*/evidence/migrations.json'):\n"
        "        path.unlink(missing_ok=True)\n",
    )
    history.write(
        "test_own.py",
        "import pytest\n@pytest.mark.migration\ndef test_migration_chain(gate, migrations):\n"
        "    gate.judge('migration-chain', migrations.chain)\n",
    )
    ended = history.run("-m", "migration", "--gate-stage", "migrate", *RELEASE)

    assert ended.decision == "hold", ended.out
    assert "not proven" in messages(ended)["migration-chain"]


def prover_of(pid: int) -> int:
    """The pid of the prover that a session started, once it is at work."""
    for _ in range(400):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().split(b"\0")
                parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if b"relgate.prove" in command and parent == pid:
                time.sleep(1.0)
                return int(path.parent.name)
        time.sleep(0.05)
    raise TimeoutError("no prover")


def kill(pid: int) -> None:
    """End a process as the kernel would that is out of memory."""
    os.kill(pid, signal.SIGKILL)
