"""What paths create, written down before it exists: a process that dies leaves the list of what has to be removed.

One file for each test, a JSON line for each fact, every line on the disk (fsync) before the path goes on. The file is
locked (flock) while its owner lives, so that nobody undoes what a path still needs. No secret stands in it: an account
is a name of the policy.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path("smoke") / "created"
GONE = frozenset({404, 410})
"""Answers that say: there is nothing (any more) to remove."""


@dataclass(frozen=True, slots=True)
class Undo:
    """A request that removes one thing. ``account``: whose name in the policy sends it, None for nobody's."""

    number: int
    method: str
    path: str
    account: str | None = None
    json: Any = None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose journal it is: where the things were created, by what."""

    run_id: str
    gate: str
    environment: str
    url: str


class Journal:
    """The journal of one test. Nothing is written until something is to be created."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        self._path = folder / FOLDER / f"{owner.gate}-{os.getpid()}-{os.urandom(4).hex()}.jsonl"
        self._owner = owner
        self._file: int | None = None
        self._open: list[Undo] = []
        self._n = 0

    @property
    def left(self) -> tuple[Undo, ...]:
        """What has not been undone, in the order in which it was written down."""
        return tuple(self._open)

    def add(self, method: str, path: str, account: str | None = None, json: Any = None) -> Undo:
        """Write down how something is removed, before it is created.

        Raises:
            OSError: it cannot be written; nothing may be created then.

        """
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            self._write({"owner": asdict(self._owner)})
            folder = os.open(self._path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        self._n += 1
        undo = Undo(self._n, method, path, account, json)
        self._write({"undo": asdict(undo)})
        self._open.append(undo)
        return undo

    def done(self, undo: Undo) -> None:
        """Write down that it is removed."""
        self._write({"done": undo.number})
        self._open.remove(undo)

    def close(self) -> None:
        """Give the file up; one with nothing left to undo is removed."""
        if self._file is None:
            return
        if not self._open:
            self._path.unlink(missing_ok=True)
        os.close(self._file)
        self._file = None

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            os.write(self._file, json.dumps(line).encode() + b"\n")
            os.fsync(self._file)


@dataclass(frozen=True, slots=True)
class Left:
    """What the journal of a test that is over still lists, newest first. ``fault``: why it cannot be read, or None."""

    path: Path
    owner: Owner | None
    undos: tuple[Undo, ...]
    fault: str | None = None


def sweep(reports: Path, undo: Callable[[Left], tuple[int, ...]]) -> tuple[Path, ...]:
    """Go through the journals of all runs whose owners are gone.

    Args:
        reports: the folder of all runs.
        undo: given what a journal still lists; returns the numbers of what it removed.

    Returns:
        The journals that were left alone, since their owners live.

    """
    alive = []
    for path in sorted(p for p in reports.glob(f"*/{FOLDER}/*.jsonl") if not p.parents[2].is_symlink()):
        with suppress(FileNotFoundError):
            file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                alive.append(path)
                os.close(file)
                continue
            try:
                _sweep_one(path, file, undo)
            finally:
                os.close(file)
    return tuple(alive)


def _sweep_one(path: Path, file: int, undo: Callable[[Left], tuple[int, ...]]) -> None:
    left = read(path)
    done = undo(left) if left.undos or left.fault else ()
    # A line that was cut short would make one with what is written behind it.
    os.ftruncate(file, path.read_bytes().rfind(b"\n") + 1)
    for number in done:
        os.write(file, json.dumps({"done": number}).encode() + b"\n")
    os.fsync(file)
    # An owner that has only just made its file has said nothing in it yet.
    if left.owner is not None and left.fault is None and {one.number for one in left.undos} <= set(done):
        path.unlink(missing_ok=True)


def read(path: Path) -> Left:
    """Return what a journal still lists. A last line that was cut short belongs to what was never created."""
    owner: Owner | None = None
    undos: dict[int, Undo] = {}
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
        for line in lines:
            fact = json.loads(line)
            if "owner" in fact:
                owner = Owner(**fact["owner"])
            elif "undo" in fact:
                undos[int(fact["undo"]["number"])] = Undo(**fact["undo"])
            else:
                undos.pop(int(fact["done"]), None)
    except (OSError, ValueError, TypeError, KeyError) as error:
        return Left(path, owner, tuple(undos.values())[::-1], f"{path}: the journal cannot be read ({error!r})")
    if owner is None and undos:
        return Left(path, None, tuple(undos.values())[::-1], f"{path}: the journal does not say whose it is")
    return Left(path, owner, tuple(undos.values())[::-1])


def tag(run_id: str, gate: str) -> str:
    """Return a word that is this gate's in this run alone, fit for e-mail addresses: ``rg-1a2b3c4d5e``.

    It begins with the end of the run's id, so that whoever finds it can tell the run.
    """
    return f"rg-{run_id.rpartition('-')[2][:8]}{hashlib.sha256(gate.encode()).hexdigest()[:6]}"
