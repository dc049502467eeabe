"""The ledger file: concurrent writers, torn tails, full disks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from relgate.adapters import ledger
from relgate.audit.chain import EMPTY, line
from relgate.errors import SourceError

WRITER = """
import sys
from pathlib import Path
from relgate.adapters import ledger
for number in range(25):
    ledger.append(Path(sys.argv[1]), "run-started", 0.0, {"writer": sys.argv[2], "number": number})
"""


def test_records_follow_one_another(tmp_path: Path) -> None:
    """Each append returns the head that a reader finds."""
    first = ledger.append(tmp_path, "run-started", 0.0, {"run_id": "a"})
    second = ledger.append(tmp_path, "gate-decision", 1.0, {"run_id": "a"})

    chain = ledger.read(tmp_path)
    assert (first.sequence, second.sequence) == (1, 2)
    assert chain.head == second
    assert chain.fault is None


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Four processes, a hundred records, one unbroken chain."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(name)]) for name in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4

    chain = ledger.read(tmp_path)
    assert chain.fault is None
    assert len(chain.records) == 100
    for name in range(4):
        mine = [record["body"]["number"] for record in chain.records if record["body"]["writer"] == str(name)]
        assert mine == list(range(25))


def test_a_torn_tail_is_kept_aside_and_noted(tmp_path: Path) -> None:
    """Power loss in the middle of a write: found, recorded, never silently cut."""
    whole, _ = line(EMPTY, "run-started", 0.0, {"run_id": "a"})
    (tmp_path / ledger.NAME).write_bytes(whole + b'{"half":')

    ledger.append(tmp_path, "run-started", 1.0, {"run_id": "b"})

    chain = ledger.read(tmp_path)
    assert chain.fault is None
    assert [record["kind"] for record in chain.records] == ["run-started", "recovery", "run-started"]
    assert (tmp_path / chain.records[1]["body"]["kept_as"]).read_bytes() == b'{"half":'


def test_a_broken_chain_is_not_continued(tmp_path: Path) -> None:
    """Appending to a forged ledger would make it look sound."""
    path = tmp_path / ledger.NAME
    ledger.append(tmp_path, "run-started", 0.0, {"run_id": "a"})
    forged = path.read_bytes().replace(b'"run_id":"a"', b'"run_id":"b"') * 2
    path.write_bytes(forged)

    with pytest.raises(SourceError, match="ledger line 2"):
        ledger.append(tmp_path, "run-started", 1.0, {"run_id": "c"})
    assert path.read_bytes() == forged


def test_a_full_disk_leaves_the_chain_whole(tmp_path: Path) -> None:
    """A write that does not fit is taken back and said to have failed."""
    ledger.append(tmp_path, "run-started", 0.0, {"run_id": "a"})
    before = (tmp_path / ledger.NAME).read_bytes()
    code = (
        "import resource, signal, sys; from pathlib import Path; from relgate.adapters import ledger\n"
        "from relgate.errors import SourceError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 40},) * 2)\n"
        "try: ledger.append(Path(sys.argv[1]), 'gate-decision', 1.0, {'run_id': 'a'})\n"
        "except SourceError as error: print(error); sys.exit(7)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)

    assert ended.returncode == 7, ended.stderr
    assert "cannot be written" in ended.stdout
    assert (tmp_path / ledger.NAME).read_bytes() == before


def test_a_folder_that_is_a_file_is_an_error_of_the_world(tmp_path: Path) -> None:
    """No traceback for a path that cannot be."""
    (tmp_path / "reports").write_text("")

    with pytest.raises(SourceError, match="cannot be written"):
        ledger.append(tmp_path / "reports", "run-started", 0.0, {})
