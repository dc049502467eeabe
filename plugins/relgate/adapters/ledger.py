"""The ledger as a file: one writer at a time (flock), and nothing is acknowledged before fsync."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from relgate.audit import chain
from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

NAME = "ledger.jsonl"


def append(
    folder: Path, kind: chain.Kind, now_s: float, body: dict[str, Any], after: chain.Head | None = None
) -> chain.Head:
    """Append one record to ``folder``/ledger.jsonl and return the head after it, once it is on disk.

    A torn last line (power loss in the middle of a write) is moved aside and noted by a ``recovery`` record; it was
    never acknowledged, so nothing is lost. ``after``: an earlier head that must still be in the ledger.

    Raises:
        SourceError: the file cannot be written, or what it holds does not verify; nothing was appended.

    """
    path = folder / NAME
    try:
        with _locked(path) as file:
            found = chain.read(file.read())
            if found.fault is not None:
                raise SourceError(f"{path}: {found.fault}. Nothing was appended; keep the file and start a new folder")
            if after is not None and not found.holds(after):
                raise SourceError(f"{path}: record {after.sequence} of this run is gone: the file was replaced or cut")
            head = found.head
            if found.torn:
                head = _recover(file, found, path, now_s)
            data, head = chain.line(head, kind, now_s, body)
            _write(file, data)
            return head
    except OSError as error:
        raise SourceError(f"{path}: cannot be written ({error.strerror or error})") from error


def read(folder: Path) -> chain.Chain:
    """Read and verify ``folder``/ledger.jsonl; an absent file is an empty chain.

    Raises:
        SourceError: the file is there but cannot be read.

    """
    path = folder / NAME
    try:
        return chain.read(path.read_bytes())
    except FileNotFoundError:
        return chain.read(b"")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error


@contextmanager
def _locked(path: Path) -> Iterator[FileIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        yield file
        # Closing the file releases the lock.


def _write(file: FileIO, data: bytes) -> None:
    """Write all of ``data`` or nothing: a partial line is taken back, so that a full disk does not tear the chain."""
    start = file.seek(0, os.SEEK_END)
    try:
        written = 0
        while written < len(data):
            written += file.write(data[written:])
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), start)
        raise


def _recover(file: FileIO, found: chain.Chain, path: Path, now_s: float) -> chain.Head:
    aside = path.with_name(f"{path.name}.torn-{found.head.sequence}")
    aside.write_bytes(found.torn)
    size = file.seek(0, os.SEEK_END)
    os.ftruncate(file.fileno(), size - len(found.torn))
    body = {"torn_bytes": len(found.torn), "kept_as": aside.name}
    data, head = chain.line(found.head, "recovery", now_s, body)
    _write(file, data)
    return head
