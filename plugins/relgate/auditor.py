"""Verifies a ledger and what it rests on: every line, every signature, every file of evidence, every anchor.

A chain that is whole may still have lost its end. Only a head that was kept elsewhere tells, so a ledger without one is
never called complete.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from relgate.adapters import ledgertsa
from relgate.audit.record import CONTEXT, Head, RecordError
from relgate.errors import RelgateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from relgate.adapters.ledger import Ledger
    from relgate.audit.record import Record

EXIT_WHOLE = 0
EXIT_BROKEN = 30
EXIT_UNANCHORED = 31
"""The chain is whole, and nothing outside says where it ends."""

DECISION = "decision.json"


@dataclass(frozen=True, slots=True)
class Outside:
    """A head that was kept outside of the ledger. ``where``: in words."""

    where: str
    sequence: int
    sha256: str


@dataclass(slots=True)
class Findings:
    """What a verification found. ``faults`` break the proof, ``notes`` do not."""

    records: list[Record] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    complete_to: int = 0

    @property
    def exit_code(self) -> int:
        """30 where something is broken, 31 where nothing vouches for the end, else 0."""
        if self.faults:
            return EXIT_BROKEN
        decided = max((one.sequence for one in self.records if one.kind == "gate-decision"), default=0)
        return EXIT_WHOLE if self.complete_to >= max(decided, 1) else EXIT_UNANCHORED


def verify(
    book: Ledger,
    reports: Path,
    *,
    outside: Sequence[Outside] = (),
    trusted: Sequence[str] = (),
    tsa: Path | None = None,
    evidence: bool = True,
) -> Findings:
    """Verify everything that can be.

    Args:
        book: the ledger.
        reports: where the folders of its runs are.
        outside: heads that were kept elsewhere.
        trusted: ids of the keys that may sign; later ones by rotation. None given: any key that lies beside.
        tsa: certificates of the time-stamping authority, in PEM; None leaves tokens unchecked.
        evidence: whether the files of runs are checked as well.

    Raises:
        SourceError: the ledger cannot be read.

    """
    found = Findings()
    try:
        found.records.extend(book.records())  # Keeps what came before a fault.
    except RecordError as fault:
        found.faults.append(str(fault))
    torn = book.store.torn()
    if torn:
        found.notes.append(f"{len(torn)} bytes after the last record were left by a write that was cut short")
    _signatures(found, trusted)
    _runs(found)
    if evidence:
        for one in found.records:
            _files(found, one, reports)
        _strangers(found, reports)
    _anchors(found, book, outside, tsa)
    return found


def _signatures(found: Findings, trusted: Sequence[str]) -> None:
    allowed = set(trusted)
    unsigned = [one.sequence for one in found.records if not one.keys]
    for one in found.records:
        if allowed and one.keys[:1] and one.keys[0] not in allowed:
            found.faults.append(f"record {one.sequence}: signed by {one.keys[0]}, which is not trusted")
            break
        if allowed and one.kind == "key-rotation":
            allowed.add(one.keys[1])
    keys = list(dict.fromkeys(key for one in found.records for key in one.keys))
    if keys:
        whose = "trusted" if trusted else "found beside the ledger: hold their ids against those that you were given"
        found.notes.append(f"signed by {', '.join(keys)} ({whose})")
    if unsigned:
        text = f"{len(unsigned)} of {len(found.records)} records are unsigned: whoever can write the file can make them"
        (found.faults if allowed else found.notes).append(text)


def _runs(found: Findings) -> None:
    """Check that every decision has its own start, and one only."""
    starts = {one.sequence: one for one in found.records if one.kind == "run-started"}
    seen: dict[str, int] = {}
    for one in found.records:
        if one.kind != "gate-decision":
            continue
        run_id = str(one.body.get("run_id"))
        start = one.body.get(CONTEXT, {}).get("started")
        first = starts.get(start["sequence"]) if start is not None else None
        if start is not None and (
            first is None or first.sha256 != start["sha256"] or first.body.get("run_id") != run_id
        ):
            found.faults.append(
                f"record {one.sequence}: the decision of run {run_id} names a start that is not its own"
            )
        if run_id in seen:
            found.faults.append(f"record {one.sequence}: run {run_id} was decided already, by record {seen[run_id]}")
        seen[run_id] = one.sequence
    for one in found.records:
        if one.clock_back_s:
            found.notes.append(f"record {one.sequence}: the clock had gone back by {one.clock_back_s:g} s")
        if one.kind == "recovery":
            found.notes.append(f"record {one.sequence}: a write was cut short; kept as {one.body.get('kept_as')}")


def _files(found: Findings, one: Record, reports: Path) -> None:
    """Check the files that a record of a run names."""
    if one.kind not in ("run-started", "gate-decision"):
        return
    folder = reports / str(one.body.get("run_id"))
    named = {f"evidence/{digest}.yaml": digest for digest in one.body.get("policy_files", {}).values()}
    named |= one.body.get(CONTEXT, {}).get("evidence", {})
    faults = [fault for name, digest in sorted(named.items()) if (fault := _file(folder / name, digest)) is not None]
    if one.kind == "gate-decision":
        faults += _document(folder / DECISION, one)
    if not faults:
        return
    if not folder.exists() and _kept_long_enough(one):
        found.notes.append(f"record {one.sequence}: the files of run {folder.name} are gone, after their retention")
        return
    shown = faults[:3] + ([f"and {len(faults) - 3} more"] if len(faults) > 3 else [])
    found.faults.append(f"record {one.sequence}, run {folder.name}: {'; '.join(shown)}")


def _file(path: Path, digest: str) -> str | None:
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"{path.name} is missing ({error.strerror})"
    return None if actual == digest else f"{path.name} was changed"


def _document(path: Path, one: Record) -> list[str]:
    try:
        content = json.loads(path.read_bytes())
        place = content.pop("record")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        return [f"{DECISION} is missing or not readable ({getattr(error, 'strerror', None) or type(error).__name__})"]
    body = {key: value for key, value in one.body.items() if key != CONTEXT}
    if content != body or place != {"sequence": one.sequence, "sha256": one.sha256}:
        return [f"{DECISION} differs from the record"]
    return []


def _kept_long_enough(one: Record) -> bool:
    days = one.body.get("retention_days", one.body.get(CONTEXT, {}).get("retention_days"))
    if days is None:
        return False
    return datetime.fromisoformat(one.time) + timedelta(days=days) < datetime.now(UTC)


def _strangers(found: Findings, reports: Path) -> None:
    """Note folders of runs that the ledger does not know: its end, or another ledger, is gone."""
    known = {one.body.get("run_id") for one in found.records}
    for path in sorted(reports.glob(f"*/{DECISION}")):
        if not path.parent.is_symlink() and path.parent.name not in known:
            found.faults.append(f"run {path.parent.name} has a decision, and the ledger does not know the run")


def _anchors(found: Findings, book: Ledger, outside: Sequence[Outside], tsa: Path | None) -> None:
    for one in (record for record in found.records if record.kind == "anchor"):
        of = Head(one.body["of"]["sequence"], one.body["of"]["sha256"])
        if not _holds(found.records, of):
            found.faults.append(f"record {one.sequence}: anchors record {of.sequence}, which is another one now")
        elif one.body["by"] == "rfc3161":
            _token(found, one, of, book.folder, tsa)
    for head in outside:
        if head.sequence > len(found.records):
            missing = head.sequence - len(found.records)
            text = f"{head.where}: record {head.sequence} was there, the ledger ends {missing} before it: it was cut"
            found.faults.append(text)
        elif not _holds(found.records, Head(head.sequence, head.sha256)):
            found.faults.append(f"{head.where}: record {head.sequence} is another one now")
        else:
            found.complete_to = max(found.complete_to, head.sequence)
            found.notes.append(f"{head.where}: record {head.sequence} is as it was")


def _token(found: Findings, one: Record, of: Head, folder: Path, tsa: Path | None) -> None:
    path = folder / str(one.body["file"])
    fault = _file(path, str(one.body["file_sha256"]))
    if fault is not None:
        found.faults.append(f"record {one.sequence}: {fault}")
    elif tsa is None:
        found.notes.append(f"record {one.sequence}: time stamp not checked; pass --tsa-ca with the certificates")
    else:
        try:
            when = ledgertsa.verify(of, path.read_bytes(), tsa)
            found.notes.append(f"time stamp: records 1 to {of.sequence} were this way at {when}")
        except RelgateError as error:
            found.faults.append(f"record {one.sequence}: {error}")


def _holds(records: Sequence[Record], head: Head) -> bool:
    return 1 <= head.sequence <= len(records) and records[head.sequence - 1].head == head


def told(found: Findings, name: str) -> Iterable[str]:
    """Yield what a verification found, for people."""
    for fault in found.faults:
        yield f"FAULT: {fault}"
    for note in found.notes:
        yield f"  {note}"
    count = len(found.records)
    if found.faults:
        yield f"{name}: NOT VERIFIED"
        return
    head = f"head {count}:{found.records[-1].sha256}" if found.records else "no record"
    yield f"{name}: whole, {count} records, {head}"
    if found.exit_code == EXIT_WHOLE:
        rest = count - found.complete_to
        yield f"complete up to record {found.complete_to}; {rest} after it are vouched for by nothing outside"
    else:
        yield (
            "complete: UNKNOWN. No head that was kept elsewhere covers the last decision, so that the end was cut off "
            "cannot be excluded (pass --head, --git or --s3)"
        )
