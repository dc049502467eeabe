"""The ledger in a real PostgreSQL: the same chain, a table that only grows."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from relgate.adapters import ledger
from relgate.adapters.ledger import Ledger
from relgate.adapters.ledgersql import SqlStore
from relgate.adapters.postgres_cluster import USER, Cluster
from relgate.cli import main
from relgate.errors import SourceError, UsageError
from tests.audit.runs import Team, unpack


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server for this module."""
    server = Cluster("embedded")
    yield server
    server.stop()


@pytest.fixture
def book(cluster: Cluster, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger in a database of its own."""
    admin = sa.create_engine(url(cluster, "postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS book"))
        connection.execute(sa.text("CREATE DATABASE book"))
    return_value = Ledger(SqlStore(url(cluster, "book")), tmp_path)
    yield return_value
    admin.dispose()


def url(cluster: Cluster, database: str) -> str:
    """A database of the server, by its socket."""
    return f"postgresql://{USER}@/{database}?host={cluster.socket}"


def test_a_table_has_the_same_lines_as_a_file(book: Ledger, tmp_path: Path) -> None:
    """Copied into a file, they verify there."""
    first = book.append("run-started", 0.0, {"run_id": "a"})
    book.append("run-started", 0.0, {"run_id": "b"})
    book.append("gate-decision", 1.0, {"run_id": "a"}, after=first)

    chain = book.read()
    assert chain.fault is None
    assert [record.kind for record in chain.records] == ["run-started", "run-started", "gate-decision"]
    assert [record.sequence for record in book.newest()] == [3, 2, 1]
    (tmp_path / ledger.NAME).write_bytes(b"".join(line + b"\n" for _, line in book.store.lines()))
    assert ledger.read(tmp_path).head == chain.head


def test_a_database_without_the_table_is_an_empty_ledger(book: Ledger) -> None:
    """Reading makes nothing."""
    assert book.read().records == ()
    assert list(book.newest()) == []


def test_writers_at_the_same_time_lose_nothing_in_a_table(book: Ledger) -> None:
    """One at a time, also while the table is made."""

    def write(name: int) -> None:
        for number in range(10):
            book.append("run-started", 0.0, {"writer": name, "number": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    chain = book.read()
    assert chain.fault is None
    assert len(chain.records) == 40


@pytest.mark.parametrize(
    "statement", ["UPDATE relgate_ledger SET line = 'x'", "DELETE FROM relgate_ledger", "TRUNCATE relgate_ledger"]
)
def test_a_line_in_a_table_can_neither_be_changed_nor_removed(book: Ledger, cluster: Cluster, statement: str) -> None:
    """The trigger says so, whoever asks."""
    book.append("run-started", 0.0, {"run_id": "a"})
    engine = sa.create_engine(url(cluster, "book").replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)

    with pytest.raises(sa.exc.DBAPIError, match="only grows"), engine.begin() as connection:
        connection.execute(sa.text(statement))
    assert len(book.read().records) == 1


def test_a_start_that_is_gone_takes_no_decision_in_a_table(book: Ledger, cluster: Cluster) -> None:
    """Somebody dropped the table between start and decision."""
    started = book.append("run-started", 0.0, {"run_id": "a"})
    engine = sa.create_engine(url(cluster, "book").replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE relgate_ledger; DROP FUNCTION relgate_ledger_only_grows"))

    with pytest.raises(SourceError, match="record 1 of this run is gone"):
        book.append("gate-decision", 0.0, {"run_id": "a"}, after=started)


def test_a_database_that_does_not_answer_is_an_error_of_the_world(tmp_path: Path) -> None:
    """Without the URL, which has a password in it."""
    book = Ledger(SqlStore("postgresql://me:hunter22@127.0.0.1:1/x"), tmp_path)

    with pytest.raises(SourceError) as raised:
        book.append("run-started", 0.0, {})
    assert "hunter22" not in str(raised.value)
    with pytest.raises(UsageError, match="PostgreSQL"):
        Ledger(SqlStore("mysql://x"), tmp_path).append("run-started", 0.0, {})


def test_a_run_is_recorded_in_a_table_and_verified_from_there(
    cluster: Cluster,
    book: Ledger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Signed, decided, read back, exported: as from a file; keys and evidence lie in the reports folder."""
    assert book.read().records == ()
    monkeypatch.setenv("LEDGER_URL", url(cluster, "book"))
    (tmp_path / "team").mkdir()
    team = Team(tmp_path / "team", anchors="store: env:LEDGER_URL")
    run, done = team.judge(version="1")
    assert done.exit_code == 0, done
    assert done.head is not None
    assert not (team.reports / ledger.NAME).exists()

    place = ("--reports", str(team.reports), "--ledger", "env:LEDGER_URL")
    assert main(["decision", run.id, *place]) == 0
    assert main(["decision", run.id, "--reports", str(team.reports)]) == 30
    assert main(["audit", "verify", *place, "--head", f"{done.head.sequence}:{done.head.sha256}"]) == 0
    assert "table relgate_ledger: whole, 2 records" in capsys.readouterr().out
    policy = ("--reports", str(team.reports), "--policy", str(team.policy))
    assert main(["audit", "verify", *policy]) == 31
    archive = tmp_path / "team.tar.gz"
    period = ("--from", "2020-01-01", "--to", "2099-12-31", "--output", str(archive))
    assert main(["audit", "export", *policy, *period]) == 0
    unpack(archive, tmp_path / "unpacked")
    script = tmp_path / "unpacked" / "team" / "verify.sh"
    assert subprocess.run(["sh", str(script)], capture_output=True, check=False).returncode == 3
