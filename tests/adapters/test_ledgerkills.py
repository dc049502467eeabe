"""Writers of the ledger that are killed: between any two system calls, and at any time, eight at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from relgate.adapters import ledger

KILLED_AT = """
import builtins, fcntl, os, pathlib, signal, sys
calls = 0
def counted(real):
    def call(*arguments, **named):
        global calls
        calls += 1
        if calls == limit:
            if real is os_write and partly:
                os_write(arguments[0], arguments[1][: len(arguments[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return call
limit, partly, folder = int(sys.argv[1]), sys.argv[2] == "partly", pathlib.Path(sys.argv[3])
from relgate.adapters import ledger
os_write = os.write
for name in ("open", "write", "fsync", "ftruncate", "close", "pread", "lseek", "replace", "mkdir", "fstat"):
    setattr(os, name, counted(getattr(os, name)))
fcntl.flock = counted(fcntl.flock)
pathlib.Path.replace = counted(pathlib.Path.replace)
pathlib.Path.open = counted(pathlib.Path.open)
head = ledger.append(folder, "gate-decision", 2.0, {"run_id": "killed"})
os_write(1, f"{head.sequence} {head.sha256}".encode())
"""


def killed_at(limit: int, how: str, folder: Path) -> tuple[int, bytes]:
    """Append a record and be killed before the system call of that number; exit status and acknowledgement."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT, str(limit), how, str(folder)], stdout=subprocess.PIPE, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("torn", [b"", b'{"half":'])
@pytest.mark.parametrize("how", ["before", "partly"])
def test_a_kill_between_any_two_system_calls_loses_nothing(tmp_path: Path, how: str, torn: bytes) -> None:
    """For every call of an append, also of one that finds a torn tail; then the next writer comes."""
    limit = 0
    while True:
        limit += 1
        folder = tmp_path / str(limit)
        before = ledger.append(folder, "run-started", 1.0, {"run_id": "before"})
        with (folder / ledger.NAME).open("ab") as file:
            file.write(torn)
        status, said = killed_at(limit, how, folder)
        after = ledger.append(folder, "run-started", 3.0, {"run_id": "after"})

        chain = ledger.read(folder)
        assert chain.fault is None, limit
        assert chain.torn == b""
        assert chain.holds(before)
        assert chain.holds(after)
        kept = {record.body["kept_as"]: record for record in chain.records if record.kind == "recovery"}
        aside = [path.name for path in folder.glob("torn/*") if not path.name.startswith(".")]
        assert sorted(kept) == sorted(f"torn/{name}" for name in aside), limit
        if torn:
            assert torn in [(folder / name).read_bytes() for name in kept], limit
        if status == 0:
            sequence, digest = said.split()
            assert chain.holds(ledger.Head(int(sequence), digest.decode()))
            break
        assert status == -signal.SIGKILL
        assert limit < 100
    assert limit > 8


WRITER = """
import os, sys
from pathlib import Path
from relgate.adapters import ledger
number, PAD = 0, "x" * 3000
while True:
    number += 1
    head = ledger.append(Path(sys.argv[1]), "run-started", 0.0, {"writer": sys.argv[2], "number": number, "pad": PAD})
    os.write(1, f"{head.sequence} {head.sha256}\\n".encode())
"""


def kill_writers(folder: Path, kills: int, seed: int) -> tuple[int, list[str]]:
    """Run eight writers, kill one at a random moment and start another, ``kills`` times.

    Returns:
        How many records were acknowledged, and what is wrong afterwards.

    """
    rng = random.Random(seed)
    folder.mkdir(exist_ok=True)
    outputs: list[Path] = []

    def start(name: int) -> subprocess.Popen[bytes]:
        outputs.append(folder / f"acknowledged-{name}")
        with outputs[-1].open("wb") as file:
            return subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(name)], stdout=file)

    writers = [start(number) for number in range(8)]
    try:
        for number in range(8, 8 + kills):
            time.sleep(rng.uniform(0.0, 0.02) if number % 8 else 1.0)
            victim = rng.randrange(8)
            os.kill(writers[victim].pid, signal.SIGKILL)
            writers[victim].wait()
            writers[victim] = start(number)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    ledger.append(folder, "run-started", 0.0, {"run_id": "last"})
    chain = ledger.read(folder)
    wrong = [] if chain.fault is None else [chain.fault]
    said = [line for path in outputs for line in path.read_text().splitlines() if line.count(" ") == 1]
    for line in said:
        sequence, digest = line.split()
        if len(digest) == 64 and not chain.holds(ledger.Head(int(sequence), digest)):
            wrong.append(f"record {sequence} was acknowledged and is gone")
    return len(said), wrong


def test_nothing_acknowledged_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    """Forty kills here; ``benchmarks/ledger/run.py --kills 1000`` for more."""
    acknowledged, wrong = kill_writers(tmp_path / "book", kills=40, seed=1)

    assert wrong == []
    assert acknowledged > 40
