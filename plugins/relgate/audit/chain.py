"""A hash chain of records, one a line.

Every line names the SHA-256 of the line before (without its LF). Changing, removing or inserting a line breaks the
chain at that place. A chain alone cannot see that its *last* lines were cut off: that needs an anchor outside of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from relgate.audit.record import EMPTY, Head, Record, RecordError, Tail, Verify, follows, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Chain:
    """A ledger that was read: its records in order, and the first thing that is wrong, if any.

    ``torn``: bytes after the last LF, the remains of a write that a crash cut short.
    """

    records: tuple[Record, ...]
    fault: str | None = None
    torn: bytes = b""

    @property
    def tail(self) -> Tail:
        """What the next record needs."""
        return self.records[-1].tail if self.records else EMPTY

    @property
    def head(self) -> Head:
        """The end of the chain."""
        return self.tail.head

    def holds(self, head: Head) -> bool:
        """Whether the record that an earlier head points to is still here, unchanged."""
        return 1 <= head.sequence <= len(self.records) and self.records[head.sequence - 1].head == head


def walk(lines: Iterable[tuple[int, bytes]], tail: Tail = EMPTY, verify: Verify | None = None) -> Iterator[Record]:
    """Yield the records of lines (where each begins, and its bytes without LF), each checked against the one before.

    Raises:
        RecordError: at the first line that is broken; it names the line.

    """
    for start, raw in lines:
        number = tail.head.sequence + 1
        try:
            record = replace(parse(raw, verify), start=start)
            follows(record, tail)
        except RecordError as fault:
            raise RecordError(f"ledger line {number}: {fault}") from fault
        yield record
        tail = record.tail


def read(data: bytes, verify: Verify | None = None) -> Chain:
    """Read and verify a ledger. Stops at the first line that is broken and says which and why."""
    lines, torn = split(data)
    records: list[Record] = []
    try:
        records.extend(walk(lines, EMPTY, verify))  # Keeps what came before a fault.
    except RecordError as fault:
        return Chain(tuple(records), str(fault), torn)
    return Chain(tuple(records), None, torn)


def split(data: bytes, start: int = 0) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return the whole lines of a ledger, each with where it begins, and what a torn write left behind them.

    Torn is what has no LF, and a last line with NUL bytes: what a file system gives for blocks that a power loss kept
    from the disk. Not so where a whole record stands before the NUL: its LF was on the disk before anything came behind
    it, so somebody has changed the file.
    """
    end = data.rfind(b"\n") + 1
    if end == len(data) > 0:
        begin = data.rfind(b"\n", 0, end - 1) + 1
        before, nul, _ = data[begin:end].partition(b"\0")
        end = begin if nul and not _is_whole(before) else end
    return placed(data[:end], start), data[end:]


def _is_whole(raw: bytes) -> bool:
    try:
        return isinstance(json.loads(raw), dict)
    except (ValueError, RecursionError):
        return False


def placed(data: bytes, start: int = 0) -> list[tuple[int, bytes]]:
    """Return whole lines (all end with LF), each with where it begins."""
    lines = []
    for raw in data.split(b"\n")[:-1]:
        lines.append((start, raw))
        start += len(raw) + 1
    return lines
