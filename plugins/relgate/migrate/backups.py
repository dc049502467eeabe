"""A backup proven: taken, listed, restored into a scratch database, and compared there with what it was taken from.

A backup that was not restored is a hope. What is compared: the schema, every table's count and checksums, the
sequences. Where the kind of backup can share the source's state, both sides are the same moment; elsewhere rows that
are written during the backup differ, which the finding says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.errors import SourceError
from relgate.migrate.portrait import Portrait, Rows, portray
from relgate.ports.migrations import SqlError
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.ports.backups import Backup, BackupMade
    from relgate.ports.migrations import Server

GATE = "migration-backup"
_SHOWN = 5
_AGAIN = "Take it again, and keep the old one until the new one is proven."


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of a backup. ``took_s``: for the restore, None where there was none."""

    findings: Findings
    made: BackupMade | None = None
    took_s: float | None = None
    tables: int = 0
    rows: int = 0


def prove(backup: Backup, url: str, folder: Path, server: Server) -> Proof:
    """Take a backup of the database at ``url``, restore it into a scratch database of ``server``, and compare both.

    Never raises for what the world does: that is a finding. The scratch database is dropped.
    """
    made: BackupMade | None = None
    try:
        with backup.reading(url) as source:
            expected = portray(source, backup.engine)
            made = backup.take(url, folder, source)
    except (SourceError, SqlError) as error:
        what = f"The backup was not taken: {error}"
        return Proof(_findings((_not_taken(what),), checked=0), made)
    return check(backup, made, server, expected)


def check(
    backup: Backup,
    made: BackupMade,
    server: Server,
    expected: Portrait | None = None,
    *,
    now_s: float | None = None,
    oldest_s: float | None = None,
) -> Proof:
    """Restore a backup, also one that others took, and compare it with what it should hold.

    ``expected``: None where the source has moved on since; then only that it restores, and holds rows, is shown.
    ``oldest_s``: how old it may be at ``now_s``, in seconds.
    """
    found = list(_age(made, now_s, oldest_s)) + list(_listing(backup, made, expected))
    try:
        scratch = server.create()
    except SourceError as error:
        return Proof(_findings(tuple(found), problems=(f"no scratch database to restore into: {error}",)), made)
    try:
        took_s = backup.restore(made, scratch)
        with server.open(scratch) as session:
            restored = portray(session, backup.engine)
    except (SourceError, SqlError) as error:
        return Proof(_findings((*found, _not_restorable(made, str(error)))), made)
    finally:
        server.drop(scratch)
    differences = compare(made, expected, restored, omits=backup.omits, exact=backup.shares)
    found += [one for one in differences if one.code not in {"empty"} & {known.code for known in found}]
    rows = sum(one.n for one in restored.tables.values())
    notes = [f"{made.bytes} bytes, taken in {made.took_s:.1f} s, restored in {took_s:.1f} s: {rows} rows"]
    if backup.omits:
        notes.append(
            f"a restore leaves these out on purpose, and nobody compared them: {', '.join(sorted(backup.omits))}"
        )
    if expected is None:
        notes.append("the rows were not compared: the source has moved on since")
    return Proof(_findings(tuple(found), notes=tuple(notes)), made, took_s, len(restored.tables), rows)


def compare(
    made: BackupMade,
    expected: Portrait | None,
    restored: Portrait,
    *,
    omits: frozenset[str] = frozenset(),
    exact: bool = True,
) -> tuple[Finding, ...]:
    """Return how a restored database differs from what was backed up; ``expected`` None: only whether it is empty.

    ``exact``: both are of the same moment. ``omits``: kinds of the catalog that are not compared.
    """
    if not restored.tables and (expected is None or expected.tables):
        return (_empty(made, "The restored database has no tables."),)
    if expected is None:
        some = any(one.n for one in restored.tables.values())
        return () if some else (_empty(made, "The restored database has no rows."),)
    return (
        *_schema(expected, restored, omits),
        *_rows(expected, restored, exact=exact),
        *_sequences(expected, restored),
    )


# --- single checks


def _age(made: BackupMade, now_s: float | None, oldest_s: float | None) -> tuple[Finding, ...]:
    if now_s is None or oldest_s is None or now_s - made.taken_s <= oldest_s:
        return ()
    hours, limit = (now_s - made.taken_s) / 3600, oldest_s / 3600
    what = f"The newest backup ({made.path}) is {hours:.1f} h old, the limit is {limit:.1f} h."
    return (_finding("too-old", what, "All that was written since is lost with it.", "Mend the job that takes it."),)


def _listing(backup: Backup, made: BackupMade, expected: Portrait | None) -> tuple[Finding, ...]:
    """Compare what the file says it holds; cheap, and it names a missing table before a restore fails over it."""
    try:
        listed = backup.listed(made)
    except SourceError as error:
        return (_not_restorable(made, f"its contents cannot be listed: {error}"),)
    if not made.bytes or (listed is not None and not listed and (expected is None or expected.tables)):
        return (_empty(made, f"The backup {made.path} ({made.bytes} bytes) holds no table's rows."),)
    return ()


def _schema(expected: Portrait, restored: Portrait, omits: frozenset[str]) -> list[Finding]:
    before = {key: text for key, text in expected.catalog.items() if key[0] not in omits}
    after = {key: text for key, text in restored.catalog.items() if key[0] not in omits}
    changes = [
        *(f"{kind} {name} is missing" for kind, name in sorted(before.keys() - after.keys())),
        *(f"{kind} {name} is there in addition" for kind, name in sorted(after.keys() - before.keys())),
        *(
            f"{kind} {name} is {after[kind, name]!r}, not {before[kind, name]!r}"
            for kind, name in sorted(before.keys() & after.keys())
            if before[kind, name] != after[kind, name]
        ),
    ]
    if not changes:
        return []
    what = f"The restored schema differs in {len(changes)} of {len(before)} objects: {_some(changes)}."
    why = "The release that runs does not fit the database that a restore brings back."
    return [_finding("schema-differs", what, why, f"Back up the whole database, and the right one. {_AGAIN}")]


def _rows(expected: Portrait, restored: Portrait, *, exact: bool) -> list[Finding]:
    changes = [
        text
        for name, before in sorted(expected.tables.items())
        for text in _table(name, before, restored.tables.get(name))
    ]
    if not changes:
        return []
    loose = "" if exact else " Rows that were written during the backup differ too: take it while nobody writes."
    what = f"Rows differ in {len(changes)} of {len(expected.tables)} tables: {_some(changes)}."
    why = "A restore brings back other data than there was."
    return [_finding("rows-differ", what, why, f"Look at the backup's output and options.{loose} {_AGAIN}")]


def _table(name: str, before: Rows, after: Rows | None) -> list[str]:
    if after is None:
        return [f"{name} is missing with {before.n} rows"]
    if after.n != before.n:
        return [f"{name} has {after.n} rows, not {before.n}"]
    columns = [column for column, text in before.columns.items() if after.columns.get(column) != text]
    if columns:
        return [f"{name} has other values in {', '.join(columns)} ({before.n} rows)"]
    if after.whole != before.whole:
        return [f"{name} has its values in other rows"]
    return []


def _sequences(expected: Portrait, restored: Portrait) -> list[Finding]:
    behind = [
        f"{name} is at {restored.sequences.get(name, 0)}, not {value}"
        for name, value in sorted(expected.sequences.items())
        if restored.sequences.get(name, 0) < value
    ]
    if not behind:
        return []
    what = f"{len(behind)} of {len(expected.sequences)} sequences are behind: {_some(behind)}."
    why = "The first INSERT after a restore takes a number that is taken already."
    return [_finding("sequences-behind", what, why, "Back up the sequences' values, or set them after each restore.")]


# --- findings


def _not_taken(what: str) -> Finding:
    why = "Without a backup, what a migration loses is lost."
    return _finding("not-taken", what, why, "Mend what the error names; the release waits for it.")


def _not_restorable(made: BackupMade, error: str) -> Finding:
    what = f"The backup {made.path} ({made.bytes} bytes) cannot be restored: {error}"
    return _finding("not-restorable", what, "It is no backup.", _AGAIN)


def _empty(made: BackupMade, what: str) -> Finding:
    do = f"Look at what the backup of {made.tool} was pointed at: the right database, with rights to read it?"
    return _finding("empty", what, "A job that backs up nothing ends well every night.", do)


def _finding(code: str, what: str, why: str, do: str) -> Finding:
    return Finding(GATE, code, what, why, do)


def _findings(
    found: tuple[Finding, ...], checked: int = 1, problems: tuple[str, ...] = (), notes: tuple[str, ...] = ()
) -> Findings:
    return Findings(GATE, "backups", 0 if problems else checked, 1, found, problems, notes=notes)


def _some(texts: list[str]) -> str:
    more = f", and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more
