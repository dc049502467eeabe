"""A ledger: records in a store, signed where there is a key, each acknowledged only when it is durable."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from relgate.adapters.ledgerfile import NAME, FileStore
from relgate.audit import chain
from relgate.audit.record import EMPTY, Head, Kind, Record, RecordError, Signer, Tail, Verify, compose, follows, parse
from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["NAME", "Head", "Ledger", "Store", "Writer", "append", "read"]

_MEND = "Nothing was appended; keep the ledger as it is and start a new folder (--gate-reports DIR)"


class Writer(Protocol):
    """A store that is held by one writer."""

    def last(self, count: int) -> list[tuple[int, bytes]]:
        """Return the last lines, oldest first, each with its place."""

    def since(self, start: int) -> list[tuple[int, bytes]]:
        """Return the lines from a place on."""

    def add(self, data: bytes) -> int:
        """Write a line durably or not at all; return its place."""

    def pending(self) -> list[tuple[dict[str, Any], Path]]:
        """Return the bodies of recovery records that are still to be written."""

    def settle(self, path: Path) -> None:
        """Note that a recovery record was written."""


class Store(Protocol):
    """Where lines are kept."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def writing(self) -> AbstractContextManager[Writer]:
        """Hold it alone."""

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield all lines with their places."""

    def newest(self) -> Iterator[tuple[int, bytes]]:
        """Yield all lines from the last to the first."""

    def torn(self) -> bytes:
        """Return what the last writer left half written."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where records go, who signs them, and how signatures are checked.

    ``folder``: what lies beside the ledger (public keys, anchors). ``verify`` None: signatures are not checked.
    """

    store: Store
    folder: Path
    signer: Signer | None = None
    verify: Verify | None = None

    def append(
        self,
        kind: Kind,
        now_s: float,
        body: dict[str, Any],
        after: Head | None = None,
        signers: tuple[Signer, ...] | None = None,
    ) -> Head:
        """Append one record and return the head after it, once it is durable.

        What is read is the end of the ledger; with ``after``, the head that an earlier append returned, everything from
        that record on, which must still be there and unbroken.

        Args:
            kind: what the record states.
            now_s: Unix time.
            body: JSON object without NaN.
            after: an earlier head that must still be in the ledger.
            signers: who signs instead of the ledger's own key (a rotation: old and new).

        Raises:
            SourceError: the ledger cannot be written, or what it holds does not verify; nothing was appended.

        """
        by = signers if signers is not None else (self.signer,) if self.signer is not None else ()
        try:
            for signer in by:
                signer.publish(self.folder)
        except OSError as error:
            raise SourceError(f"{self.folder}: the public key cannot be left there ({error.strerror})") from error
        with self.store.writing() as writer:
            try:
                tail = self._tail(writer) if after is None else self._since(writer, after)
                for torn, path in writer.pending():
                    tail = self._add(writer, tail, "recovery", now_s, torn, by[:1])
                    writer.settle(path)
                return self._add(writer, tail, kind, now_s, body, by).head
            except RecordError as fault:
                raise SourceError(f"{self.store.name}: {fault}. {_MEND}") from fault

    def _add(
        self, writer: Writer, tail: Tail, kind: Kind, now_s: float, body: dict[str, Any], by: tuple[Signer, ...]
    ) -> Tail:
        data, after = compose(tail, kind, now_s, body, by)
        start = writer.add(data)
        return replace(after, head=replace(after.head, start=start))

    def _tail(self, writer: Writer) -> Tail:
        """Return the end of the ledger; its last line is checked, and that it follows on the one before."""
        found = writer.last(2)
        if not found:
            return replace(EMPTY, ledger=secrets.token_hex(16))
        last = parse(found[-1][1], self.verify)
        follows(last, parse(found[0][1]).tail if len(found) == 2 else EMPTY)
        return last.tail

    def _since(self, writer: Writer, after: Head) -> Tail:
        if after.start is None:
            raise SourceError(f"{self.store.name}: a head without a place cannot be gone on from")
        lines = writer.since(after.start)
        gone = f"{self.store.name}: record {after.sequence} of this run is gone: the file was replaced or cut"
        try:
            first = parse(lines[0][1], self.verify)
        except (IndexError, RecordError) as fault:
            raise SourceError(gone) from fault
        if first.head != after:
            raise SourceError(gone)
        tail = first.tail
        for record in chain.walk(lines[1:], tail, self.verify):
            tail = record.tail
        return tail

    def read(self) -> chain.Chain:
        """Read and verify the whole ledger; one that is not there is an empty chain.

        Raises:
            SourceError: it is there but cannot be read.

        """
        records: list[Record] = []
        try:
            records.extend(self.records())  # Keeps what came before a fault.
        except RecordError as fault:
            return chain.Chain(tuple(records), str(fault), self.store.torn())
        return chain.Chain(tuple(records), None, self.store.torn())

    def records(self) -> Iterator[Record]:
        """Yield all records in order, each verified. Raises RecordError at the first that is broken, SourceError."""
        return chain.walk(self.store.lines(), EMPTY, self.verify)

    def newest(self) -> Iterator[Record]:
        """Yield the records from the last to the first, as far as each is the one that the later one names.

        Raises:
            SourceError: the ledger cannot be read, or is broken there.

        """
        later: Record | None = None
        for start, raw in self.store.newest():
            try:
                record = replace(parse(raw, self.verify), start=start)
                if later is not None:
                    follows(later, record.tail)
            except RecordError as fault:
                raise SourceError(f"{self.store.name}: {fault}") from fault
            yield record
            later = record


def append(folder: Path, kind: Kind, now_s: float, body: dict[str, Any], after: Head | None = None) -> Head:
    """Append one unsigned record to ``folder``/ledger.jsonl; see ``Ledger.append``."""
    return Ledger(FileStore(folder), folder).append(kind, now_s, body, after)


def read(folder: Path) -> chain.Chain:
    """Read and verify ``folder``/ledger.jsonl without its signatures; see ``Ledger.read``."""
    return Ledger(FileStore(folder), folder).read()
