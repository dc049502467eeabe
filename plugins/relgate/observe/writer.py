"""Writes a recording while it happens: files that only grow, a manifest at the end.

While the recorder runs, ``observation.part.json`` names the growing files, so that others can peek. At the end every
file is fsynced and renamed to its SHA-256, and only then ``observation.json`` appears, at once and complete: a recorder
that was killed or ran out of disk leaves none. Every text is redacted before it reaches a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from relgate.codec import canonical, sha256
from relgate.observe.format import FAULTS, MANIFEST, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from relgate.report.redact import Redactor

PART = "observation.part.json"
_BODY_CHARACTERS = 65_536
_FAULT = {name: index for index, name in enumerate(FAULTS)}
# format.REQUEST, packed: one call a record does not hold the interpreter as long as a whole array would.
_ROW = struct.Struct("<qqqqHBHHI")
_U32 = 0xFFFF_FFFF


class StreamFile:
    """One growing file of a recording: ``role`` says of what, ``records`` how many there are."""

    def __init__(self, folder: Path, stream: str, side: str, role: str) -> None:
        self.stream = stream
        self.side = side
        self.role = role
        self.records = 0
        self._digest = hashlib.sha256()
        # Names of streams are the policy's: they must not reach out of the folder.
        safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in stream)
        self._path = folder / f"live-{safe}-{sha256(stream.encode())[:8]}.{side}.{role}"
        self._size = 0
        self._file: BinaryIO = self._path.open("xb")

    def append(self, data: bytes, records: int) -> None:
        """Append whole records.

        Raises:
            OSError: the disk is full, or the file is too large.

        """
        self._file.write(data)
        self._digest.update(data)
        self.records += records
        self._size += len(data)

    def flush(self) -> None:
        """Hand what was appended to the operating system, so that others can read it."""
        self._file.flush()

    def seal(self) -> dict[str, Any]:
        """Fsync, close, rename to the SHA-256, and return the manifest's entry."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        digest = self._digest.hexdigest()
        # Two empty files have one name; the second simply replaces the first.
        self._path.replace(self._path.with_name(digest))
        return {**self.entry(), "file": digest, "bytes": self._size, "records": self.records}

    def entry(self) -> dict[str, Any]:
        """Return what the unfinished manifest says about this file."""
        return {"stream": self.stream, "side": self.side, "role": self.role, "file": self._path.name}

    def close(self) -> None:
        """Close without sealing."""
        self._file.close()


class Writer:
    """A recording that is being made.

    Args:
        folder: made if missing; must not hold a recording yet.
        redactor: takes secrets out of every text.
        head: the manifest's constant part: run, start, streams.

    Raises:
        OSError: the folder cannot be made, holds a recording already, or the disk is full.

    """

    def __init__(self, folder: Path, redactor: Redactor, head: dict[str, Any]) -> None:
        self._folder = folder
        self._redactor = redactor
        self._head = {"schema": SCHEMA, **redactor.json(head)}
        self._files: dict[tuple[str, str, str], StreamFile] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / MANIFEST).exists() or (folder / PART).exists():
            raise FileExistsError(17, "it holds a recording already", str(folder))

    def open(self, stream: str, side: str, role: str) -> None:
        """Add a file to the recording; all are opened before the first record."""
        self._files[stream, side, role] = StreamFile(self._folder, stream, side, role)

    def begin(self) -> None:
        """Write the unfinished manifest."""
        self.mark("running", "")

    def mark(self, ended: str, reason: str) -> None:
        """Say in the unfinished manifest how things stand."""
        files = [file.entry() for file in self._files.values()]
        document = {**self._head, "ended": ended, "reason": self._redactor.text(reason), "files": files}
        _write_atomically(self._folder / PART, canonical(document))

    def requests(self, stream: str, side: str, rows: Iterable[tuple[int, ...]]) -> None:
        """Append request records; each row has the fields of ``format.REQUEST`` in order."""
        records = [_ROW.pack(*row) for row in rows]
        self._files[stream, side, "requests"].append(b"".join(records), len(records))

    def lines(self, name: tuple[str, str, str], documents: Iterable[dict[str, Any]], *, clean: bool = False) -> None:
        """Append JSON lines to the file of this stream, side and role, redacted unless they are ``clean`` already."""
        safe = documents if clean else (_cut(self._redactor.json(document)) for document in documents)
        texts = [json.dumps(document, allow_nan=False, ensure_ascii=True) for document in safe]
        self._files[name].append("".join(f"{text}\n" for text in texts).encode(), len(texts))

    def flush(self) -> None:
        """Make everything readable for others."""
        for file in self._files.values():
            file.flush()

    def finish(self, tail: dict[str, Any]) -> Path:
        """Seal all files and write the manifest; returns its path.

        ``seal`` in it is the SHA-256 of its canonical JSON without ``seal``: a changed digit does not go unseen.
        """
        files = [file.seal() for file in self._files.values()]
        document = {**self._head, **self._redactor.json(tail), "files": files}
        document["seal"] = sha256(canonical(document))
        path = self._folder / MANIFEST
        _write_atomically(path, canonical(document))
        (self._folder / PART).unlink(missing_ok=True)
        return path

    def close(self) -> None:
        """Close the files without finishing."""
        for file in self._files.values():
            try:
                file.close()
            except OSError:
                # A full disk refuses the last buffer too; there is nothing left to save.
                continue


def fault_number(name: str) -> int:
    """Return the stored number of a fault; an unknown one is a ``protocol`` fault, never ``none``."""
    return _FAULT.get(name, _FAULT["protocol"])


def size_field(size: int) -> int:
    """Return a body's size as it is stored: 4 GiB and more are one number."""
    return min(max(size, 0), _U32)


def _cut(document: dict[str, Any]) -> dict[str, Any]:
    # After redacting: half a secret at the end of a cut text would not be recognised any more.
    return {name: value[:_BODY_CHARACTERS] if isinstance(value, str) else value for name, value in document.items()}


def _write_atomically(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.tmp")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
