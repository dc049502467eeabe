"""A hash chain of JSON lines.

Every line is one record in RFC 8785 bytes, ended by LF, and names the SHA-256 of the line before (without its LF).
Changing, removing or inserting a line breaks the chain at that place. A chain alone cannot see that its *last* lines
were cut off: that needs an anchor outside of the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from relgate.codec import canonical, rfc3339, sha256

GENESIS = "0" * 64
SCHEMA = 1

Kind = Literal["run-started", "gate-decision", "recovery"]


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many records there are and the SHA-256 of the last line."""

    sequence: int
    sha256: str


EMPTY = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Chain:
    """A ledger that was read: its records in order, its head, and the first thing that is wrong, if any.

    ``torn``: bytes after the last LF, the remains of a write that a crash cut short.
    """

    records: tuple[dict[str, Any], ...]
    head: Head
    fault: str | None = None
    torn: bytes = b""

    def holds(self, head: Head) -> bool:
        """Whether the record that an earlier head points to is still here, unchanged."""
        if not 1 <= head.sequence <= len(self.records):
            return False
        return sha256(canonical(self.records[head.sequence - 1])) == head.sha256


def line(head: Head, kind: Kind, now_s: float, body: dict[str, Any]) -> tuple[bytes, Head]:
    """The next line of a chain, with its LF, and the head after it.

    Args:
        head: end of the chain so far.
        kind: what the record states.
        now_s: Unix time of the record.
        body: JSON object without NaN.

    Raises:
        ValueError: the body has no canonical form.

    """
    record = {
        "schema": SCHEMA,
        "sequence": head.sequence + 1,
        "previous": head.sha256,
        "kind": kind,
        "time": rfc3339(now_s),
        "body": body,
    }
    data = canonical(record)
    return data + b"\n", Head(head.sequence + 1, sha256(data))


def read(data: bytes) -> Chain:
    """Read and verify a ledger. Stops at the first line that is broken and says which and why."""
    *lines, torn = data.split(b"\n")
    records: list[dict[str, Any]] = []
    head = EMPTY
    for number, raw in enumerate(lines, start=1):
        fault, record = _check(raw, head)
        if record is None:
            return Chain(tuple(records), head, f"ledger line {number}: {fault}", torn)
        records.append(record)
        head = Head(head.sequence + 1, sha256(raw))
    return Chain(tuple(records), head, None, torn)


def _check(raw: bytes, head: Head) -> tuple[str, dict[str, Any] | None]:
    try:
        record = json.loads(raw)
    except ValueError:
        return "not JSON", None
    if not isinstance(record, dict):
        return "not a record", None
    if record.get("schema") != SCHEMA:
        return f"expected schema {SCHEMA}, got {record.get('schema')!r}", None
    if record.get("sequence") != head.sequence + 1:
        return f"expected sequence {head.sequence + 1}, got {record.get('sequence')!r}", None
    if record.get("previous") != head.sha256:
        return f"expected previous {head.sha256}, got {record.get('previous')!r}: a line before it was changed", None
    try:
        same = canonical(record) == raw
    except ValueError:
        same = False
    return ("", record) if same else ("not in canonical form: the line was written by something else", None)
