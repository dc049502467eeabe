"""The ledger as a file: one writer at a time (flock), and nothing is acknowledged before fsync.

Only the end of the file is read to append to it. What a crash left half written is moved to ``torn/`` before it is cut
from the file, and stays ``.pending`` there until a ``recovery`` record names it: a kill between any two of these steps
is made good by the next writer.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.adapters.durable import sync_folder, write_durably
from relgate.audit.chain import placed, split
from relgate.codec import sha256
from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "ledger.jsonl"
TORN = "torn"
_PENDING = ".pending"
_BLOCK = 1 << 14


@dataclass(frozen=True, slots=True)
class FileStore:
    """``folder``/ledger.jsonl."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / NAME

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.path)

    @contextmanager
    def writing(self) -> Iterator[FileWriter]:
        """Hold the ledger alone; what a crash left half written has been put aside.

        Raises:
            SourceError: the file cannot be written.

        """
        try:
            new = not self.path.exists()
            self.folder.mkdir(parents=True, exist_ok=True)
            number = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(number, fcntl.LOCK_EX)
                if new:
                    sync_folder(self.folder)
                writer = FileWriter(number, self.folder)
                writer.put_torn_aside()
                yield writer
            finally:
                os.close(number)  # Releases the lock.
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be written ({error.strerror or error})") from error

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield the whole lines, each with the byte where it begins; nothing for a file that is not there.

        Raises:
            SourceError: the file is there but cannot be read.

        """
        yield from split(self._read())[0]

    def torn(self) -> bytes:
        """Return what the last writer left half written."""
        return split(self._read())[1]

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read ({error.strerror or error})") from error

    def newest(self) -> Iterator[tuple[int, bytes]]:
        """Yield the whole lines from the last to the first, each with the byte where it begins, in blocks.

        Raises:
            SourceError: the file is there but cannot be read.

        """
        try:
            number = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read ({error.strerror or error})") from error
        try:
            yield from _backwards(number, os.fstat(number).st_size)
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read ({error.strerror or error})") from error
        finally:
            os.close(number)


@dataclass(slots=True)
class FileWriter:
    """The file while it is held alone."""

    number: int
    folder: Path

    def last(self, count: int) -> list[tuple[int, bytes]]:
        """Return the last ``count`` lines, or all where there are fewer, oldest first."""
        found = []
        for line in _backwards(self.number, os.fstat(self.number).st_size):
            found.append(line)
            if len(found) == count:
                break
        return found[::-1]

    def since(self, start: int) -> list[tuple[int, bytes]]:
        """Return the lines from the one that begins at ``start``."""
        return split(_read_at(self.number, start, os.fstat(self.number).st_size - start), start)[0]

    def add(self, data: bytes) -> int:
        """Write a line durably or not at all, and return where it begins.

        A partial line is taken back, so that a full disk does not tear the chain. Raises OSError.
        """
        start = os.lseek(self.number, 0, os.SEEK_END)
        try:
            written = 0
            while written < len(data):
                written += os.write(self.number, data[written:])
            os.fsync(self.number)
        except OSError:
            os.ftruncate(self.number, start)
            raise
        return start

    def put_torn_aside(self) -> None:
        """Move what a crash left half written to ``torn/``; it was never acknowledged."""
        size = os.fstat(self.number).st_size
        if size == 0:
            return
        begin = next((start + len(raw) + 1 for start, raw in _backwards(self.number, size)), 0)
        if begin == size:
            return
        torn = _read_at(self.number, begin, size - begin)
        folder = self.folder / TORN
        folder.mkdir(exist_ok=True)
        sync_folder(self.folder)
        write_durably(folder / f"{sha256(torn)}{_PENDING}", torn)
        os.ftruncate(self.number, begin)
        os.fsync(self.number)

    def pending(self) -> list[tuple[dict[str, Any], Path]]:
        """Return what no record names yet: the body of its recovery record, and the file to be settled after it."""
        try:
            paths = sorted(path for path in (self.folder / TORN).iterdir() if path.name.endswith(_PENDING))
        except FileNotFoundError:
            return []
        found: list[tuple[dict[str, Any], Path]] = []
        for path in paths:
            kept = f"{TORN}/{path.name.removesuffix(_PENDING)}"
            body = {"torn_bytes": path.stat().st_size, "torn_sha256": sha256(path.read_bytes()), "kept_as": kept}
            found.append((body, path))
        return found

    def settle(self, path: Path) -> None:
        """Note that a record names what was put aside. Raises OSError."""
        path.replace(path.with_name(path.name.removesuffix(_PENDING)))
        sync_folder(path.parent)


def _backwards(number: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield whole lines from the last to the first; what is torn at the end is left out."""
    data, begin, last = b"", size, True
    while begin > 0:
        block = min(begin, max(_BLOCK, len(data)))
        begin -= block
        data = _read_at(number, begin, block) + data
        # The first line in the block may have begun before it.
        cut = data.find(b"\n") + 1 if begin > 0 else 0
        if begin > 0 and cut == 0:
            continue
        lines = split(data[cut:], begin + cut)[0] if last else placed(data[cut:], begin + cut)
        if lines:
            yield from reversed(lines)
            data, last = data[:cut], False


def _read_at(number: int, start: int, count: int) -> bytes:
    parts = []
    while count > 0:
        part = os.pread(number, count, start)
        if not part:
            break
        parts.append(part)
        start, count = start + len(part), count - len(part)
    return b"".join(parts)
