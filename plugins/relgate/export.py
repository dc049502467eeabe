"""One archive of a period: every run of it - promoted, held, rolled back, aborted, overridden - with what proves it.

The records are a stretch of the chain without a hole, so that none of the period can be left out unseen; ``verify.sh``
in the archive checks them without relgate.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
import time
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from relgate.adapters.ledgerkeys import KEYS
from relgate.adapters.ledgertsa import ANCHORS
from relgate.audit import criteria, gaps, releases
from relgate.audit.record import CONTEXT, EMPTY
from relgate.codec import rfc3339
from relgate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.adapters.ledger import Ledger
    from relgate.audit.record import Record

_README = """Records of release decisions from {since} to {until}.

ledger.jsonl    records {first} to {last} of ledger {ledger}, one DSSE envelope a line
runs.csv        every run of the period, also those that were held, aborted or overridden
releases.log    a line for each promotion and each rollback
gaps.txt        what the records lack: decisions, approvals, verification after a rollout
criteria.csv    which record supports which Trust Services Criterion; that one is met is for an auditor to say
runs/           what each run left: its decision, its evidence, its pages
keys/, anchors/ public keys; time stamps
verify.sh       checks all of this with sh, openssl, jq and sha256sum: ./verify.sh --head SEQUENCE:SHA256

This is evidence supporting an audit, not a statement that anything complies with anything.
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. ``runs``: folders that are in it; ``absent``: runs whose folder is not there any more."""

    path: Path
    records: int
    runs: int
    absent: tuple[str, ...]


def export(book: Ledger, reports: Path, since: str, until: str, path: Path) -> Exported:
    """Write the archive of a period.

    Args:
        book: the ledger; it must verify.
        reports: where the folders of its runs are.
        since: first day or time (RFC 3339, UTC), included.
        until: last day or time, included.
        path: of the archive to write (.tar.gz); never overwritten.

    Raises:
        UsageError: the ledger does not verify, the archive is there already, or nothing is in the period.

    """
    chain = book.read()
    if chain.fault is not None:
        raise UsageError(f"{chain.fault}. A broken ledger is not exported; relgate audit verify says more")
    if path.exists():
        raise UsageError(f"{path}: is there already; it is never overwritten")
    chosen = stretch(chain.records, since, until)
    if not chosen:
        raise UsageError(f"{book.store.name}: no record between {since} and {until}")
    started = [one for one in chosen if one.kind == "run-started"]
    folders = {str(one.body["run_id"]): reports / str(one.body["run_id"]) for one in started}
    absent = tuple(run_id for run_id, folder in folders.items() if not folder.is_dir())
    archive = _Archive(path.name.removesuffix(".gz").removesuffix(".tar"))
    draft = path.with_name(f".{path.name}.draft")
    try:
        with tarfile.open(draft, "w:gz") as tar:
            archive.tar = tar
            lines = dict(book.store.lines())
            archive.add("ledger.jsonl", b"".join(lines[one.start or 0] + b"\n" for one in chosen))
            _describe(archive, chain.records, chosen, since, until)
            for name in (KEYS, ANCHORS):
                archive.folder(name, book.folder / name)
            for run_id, folder in folders.items():
                archive.folder(f"runs/{run_id}", folder)
            script = resources.files("relgate").joinpath("templates/verify.sh").read_bytes()
            archive.add("verify.sh", script, mode=0o755)
            archive.add("SHA256SUMS", "".join(archive.sums).encode())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return Exported(path, len(chosen), len(folders) - len(absent), absent)


def stretch(records: tuple[Record, ...], since: str, until: str) -> tuple[Record, ...]:
    """Return the records of a period without a hole: from the first to the last, with the other half of their runs."""
    last = until if "T" in until else f"{until}T23:59:59.999Z"
    inside = [one for one in records if since <= one.time <= last]
    if not inside:
        return ()
    runs = {one.body.get("run_id") for one in inside} - {None}
    of_them = [one.sequence for one in records if one.body.get("run_id") in runs] + [one.sequence for one in inside]
    return records[min(of_them) - 1 : max(of_them)]


def _describe(
    archive: _Archive, records: tuple[Record, ...], chosen: tuple[Record, ...], since: str, until: str
) -> None:
    first, last = chosen[0], chosen[-1]
    manifest = {
        "ledger": first.ledger,
        "since": since,
        "until": until,
        "first": first.sequence,
        "last": last.sequence,
        "count": len(chosen),
        "previous": first.previous if first.sequence > 1 else EMPTY.head.sha256,
        "head": {"sequence": last.sequence, "sha256": last.sha256},
        "ledger_head": {"sequence": records[-1].sequence, "sha256": records[-1].sha256},
        "exported": rfc3339(time.time()),
    }
    archive.add("manifest.json", json.dumps(manifest, indent=2).encode() + b"\n")
    archive.add("runs.csv", _table(chosen).encode())
    ended = [one for one in chosen if one.kind == "gate-decision" and one.body["decision"] != "hold"]
    archive.add("releases.log", "".join(releases.line(one.body, one.sequence) for one in ended).encode())
    found = [f"record {gap.sequence}: {gap.text}\n" for gap in gaps.gaps(chosen)]
    archive.add("gaps.txt", "".join(found or ["none\n"]).encode())
    archive.add("criteria.csv", _criteria(chosen).encode())
    text = _README.format(since=since, until=until, first=first.sequence, last=last.sequence, ledger=first.ledger)
    archive.add("README.txt", text.encode())


def _table(chosen: tuple[Record, ...]) -> str:
    """Return a row for each run that began in the stretch."""
    decided = {one.body["run_id"]: one for one in chosen if one.kind == "gate-decision"}
    overridden = {one.body["run_id"]: one.body["id"] for one in chosen if one.kind == "override"}
    out = io.StringIO()
    table = csv.writer(out)
    heads = (
        "run",
        "started",
        "service",
        "environment",
        "stage",
        "release",
        "decision",
        "record",
        "overridden",
        "actor",
    )
    table.writerow(heads)
    for one in (record for record in chosen if record.kind == "run-started"):
        end = decided.get(one.body["run_id"])
        release = " ".join(f"{key}={value}" for key, value in one.body.get("release", {}).items())
        table.writerow(
            [
                one.body["run_id"],
                one.time,
                one.body.get("service", ""),
                one.body.get("environment", ""),
                one.body.get("stage", ""),
                _harmless(release),
                "aborted" if end is None else end.body["decision"],
                "" if end is None else end.sequence,
                overridden.get(one.body["run_id"], ""),
                _harmless((end or one).body.get(CONTEXT, one.body).get("actor", {}).get("name", "")),
            ]
        )
    return out.getvalue()


def _criteria(chosen: tuple[Record, ...]) -> str:
    """Return a row for each criterion that a record of the stretch supports."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(("criterion", "record", "time", "kind", "run", "says"))
    for criterion, one, text in criteria.supported(chosen):
        run_id = one.body.get("run_id") or one.body.get("rollout") or ""
        table.writerow((criterion, one.sequence, one.time, one.kind, run_id, _harmless(text)))
    return out.getvalue()


def _harmless(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


class _Archive:
    """A tar file with one folder, and the digests of what is in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sums: list[str] = []
        self.tar: tarfile.TarFile

    def add(self, name: str, data: bytes, mode: int = 0o644) -> None:
        """Add a file."""
        info = tarfile.TarInfo(f"{self.name}/{name}")
        info.size, info.mode, info.mtime = len(data), mode, int(time.time())
        self.tar.addfile(info, io.BytesIO(data))
        self._sum(name, hashlib.sha256(data).hexdigest())

    def folder(self, name: str, folder: Path) -> None:
        """Add what lies below a folder; links and half-written files are left out."""
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_symlink() or not path.is_file() or path.name.startswith("."):
                continue
            within = f"{name}/{path.relative_to(folder).as_posix()}"
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                info = self.tar.gettarinfo(arcname=f"{self.name}/{within}", fileobj=file)
                info.uid = info.gid = 0
                info.uname = info.gname = ""
                file.seek(0)
                self.tar.addfile(info, file)
            self._sum(within, digest)

    def _sum(self, name: str, digest: str) -> None:
        if name != "SHA256SUMS" and "\n" not in name and "\\" not in name:
            self.sums.append(f"{digest}  {name}\n")
