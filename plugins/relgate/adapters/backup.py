"""Backups in files: what all kinds share, SQLite's own, and those that a project's commands take and restore.

A file appears under its name only when it is complete; it is readable by its owner only. Restores go into scratch
databases, and a file whose content is not what was taken is never restored.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from relgate.adapters.sqlite import SqliteSession
from relgate.errors import SourceError, UsageError
from relgate.ports.backups import BackupMade
from relgate.ports.migrations import Engine, Scratch, Session, SqlError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from relgate.ports.backups import Backup

TIMEOUT_S = 6 * 3600.0
_PAGES = 1024


@dataclass(slots=True)
class Writing:
    """A backup being written to ``part``; ``made`` is there after it is complete."""

    part: Path
    tool: str = ""
    made: BackupMade | None = None


@contextmanager
def writing(folder: Path, database: str, suffix: str) -> Iterator[Writing]:
    """Give a new file to write to, and rename it when all is written; after an error nothing is left.

    Raises:
        SourceError: the folder cannot be written, or nothing was.

    """
    began_s, ticks = time.time(), time.monotonic()
    stamp = datetime.fromtimestamp(began_s, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    final = folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', database) or 'database'}-{stamp}{suffix}"
    part = final.with_name(final.name + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.touch(mode=0o600, exist_ok=False)
        begun = Writing(part)
        yield begun
        took_s = time.monotonic() - ticks
        begun.made = described(part, begun.tool, began_s, took_s, named=final)
        part.rename(final)
    except OSError as error:
        raise SourceError(f"backup {final}: cannot be written ({error.strerror or error})") from error
    finally:
        part.unlink(missing_ok=True)


def finished(file: Writing) -> BackupMade:
    """Return the backup that was written."""
    if file.made is None:
        raise SourceError(f"backup {file.part}: it was not written to its end")
    return file.made


def described(path: Path, tool: str, taken_s: float, took_s: float = 0.0, *, named: Path | None = None) -> BackupMade:
    """Describe a backup's file, its content included.

    Raises:
        SourceError: it cannot be read.

    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return BackupMade(str(named or path), path.stat().st_size, digest, taken_s, took_s, tool)
    except OSError as error:
        raise SourceError(f"backup {path}: cannot be read ({error.strerror or error})") from error


def found(path: Path) -> BackupMade:
    """Describe a backup that relgate did not take; it was taken when its file was last written.

    Raises:
        SourceError: it cannot be read.

    """
    try:
        return described(path, "unknown", path.stat().st_mtime)
    except OSError as error:
        raise SourceError(f"backup {path}: cannot be read ({error.strerror or error})") from error


def unchanged(made: BackupMade) -> Path:
    """Return the file of a backup, once its content is seen to be what was taken.

    Raises:
        SourceError: it is gone, empty, cut, or changed.

    """
    now = described(Path(made.path), made.tool, made.taken_s)
    if not now.bytes:
        raise SourceError(f"backup {made.path}: the file is empty")
    if (now.bytes, now.sha256) != (made.bytes, made.sha256):
        raise SourceError(
            f"backup {made.path}: expected {made.bytes} bytes with SHA-256 {made.sha256}, got {now.bytes} bytes with "
            f"{now.sha256}; the file was cut or changed after it was taken"
        )
    return Path(made.path)


def run(command: Sequence[str], environment: Mapping[str, str], what: str, **streams: Any) -> bytes:
    """Run a program to its end and return what it printed.

    Raises:
        SourceError: it cannot be started, fails, or does not end.

    """
    streams.setdefault("stdin", subprocess.DEVNULL)
    streams.setdefault("stdout", subprocess.PIPE)
    try:
        done = subprocess.run(
            list(command), env=dict(environment), stderr=subprocess.PIPE, timeout=TIMEOUT_S, check=False, **streams
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"{what}: {command[0]} did not finish ({error})") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())[-600:] or "it printed no error"
        raise SourceError(f"{what}: {command[0]} ended with {done.returncode}: {said}")
    return done.stdout or b""


class SqliteBackup:
    """SQLite's backup API: a consistent copy also while others write."""

    engine: Engine = "sqlite"
    omits: frozenset[str] = frozenset()
    shares = True

    def reading(self, url: str) -> SqliteSession:
        """Open production's file read only, at one state."""
        session = _ReadOnly(_sqlite_path(url))
        try:
            session.begin()
            session.run("SELECT count(*) FROM sqlite_master")  # Only the first read fixes the state.
        except SqlError as error:
            session.close()
            raise SourceError(f"database {_sqlite_path(url)}: {error}; expected a SQLite file") from error
        return session

    def take(self, url: str, folder: Path, source: Session | None = None) -> BackupMade:
        """Copy the file's pages; a ``source`` session copies what it sees itself."""
        path = _sqlite_path(url)
        opened = source if isinstance(source, _ReadOnly) else _ReadOnly(path)
        try:
            with writing(folder, path.stem, ".sqlite") as file:
                opened.copy(file.part)
                file.tool = f"SQLite {sqlite3.sqlite_version}"
        except sqlite3.Error as error:
            raise SourceError(f"backup of {path}: {error}") from error
        finally:
            if opened is not source:
                opened.close()
        return finished(file)

    def listed(self, made: BackupMade) -> tuple[str, ...]:
        """Return the tables of the file."""
        try:
            with closing(sqlite3.connect(_read_only(Path(made.path)), uri=True)) as file:
                sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
                return tuple(str(row[0]) for row in file.execute(sql))
        except sqlite3.Error as error:
            raise SourceError(f"backup {made.path}: {error}") from error

    def restore(self, made: BackupMade, scratch: Scratch) -> float:
        """Copy the pages into the scratch file, and have SQLite check them all."""
        ticks = time.monotonic()
        try:
            with (
                closing(sqlite3.connect(_read_only(unchanged(made)), uri=True)) as file,
                closing(sqlite3.connect(_sqlite_path(scratch.url))) as target,
            ):
                file.backup(target, pages=_PAGES)
                said = [str(row[0]) for row in target.execute("PRAGMA integrity_check")]
        except sqlite3.Error as error:
            raise SourceError(f"backup {made.path}: cannot be restored ({error})") from error
        if said != ["ok"]:
            raise SourceError(f"backup {made.path}: restored, and damaged: {'; '.join(said[:3])}")
        return time.monotonic() - ticks


class _ReadOnly(SqliteSession):
    """A session on a file that relgate did not create: SQLite itself refuses to write."""

    def __init__(self, path: Path) -> None:
        try:
            self._connection = sqlite3.connect(
                _read_only(path), uri=True, isolation_level=None, check_same_thread=False, timeout=30.0
            )
            self._connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            raise SourceError(f"database {path}: cannot be opened ({error})") from error

    def copy(self, path: Path) -> None:
        """Copy what this session sees."""
        with closing(sqlite3.connect(path)) as copy:
            self._connection.backup(copy, pages=-1)


@dataclass(slots=True)
class CommandBackup:
    """Backups by a project's own commands, for every other way (a snapshot, a service, another database).

    ``taking`` reads ``DATABASE_URL`` and writes the file that ``RELGATE_BACKUP`` names; ``restoring`` reads that file
    and writes to the scratch database that its environment leads to (``DATABASE_URL``, PGHOST, ...).
    """

    engine: Engine
    taking: tuple[str, ...]
    restoring: tuple[str, ...]
    sessions: Backup
    omits: frozenset[str] = frozenset()
    shares: bool = False

    def reading(self, url: str) -> Session:
        """Connect as the engine's own kind of backup (``sessions``) does."""
        return self.sessions.reading(url)

    def take(self, url: str, folder: Path, source: Session | None = None) -> BackupMade:
        """Run the project's command; it cannot be told a session's state."""
        _ = source
        with writing(folder, urlsplit(url).path.rpartition("/")[2], ".backup") as file:
            environment = dict(os.environ) | {"DATABASE_URL": url, "RELGATE_BACKUP": str(file.part)}
            run(self.taking, environment, "backup by command")
            file.tool = self.taking[0]
        return finished(file)

    def listed(self, made: BackupMade) -> None:
        """Nobody knows what is in a foreign file before it is restored."""
        _ = made

    def restore(self, made: BackupMade, scratch: Scratch) -> float:
        """Run the project's command."""
        path, ticks = unchanged(made), time.monotonic()
        more = {"DATABASE_URL": scratch.url, **dict(scratch.environment), "RELGATE_BACKUP": str(path)}
        run(self.restoring, dict(os.environ) | more, "restore by command")
        return time.monotonic() - ticks


def _sqlite_path(url: str) -> Path:
    """Return the file of ``sqlite:///path`` or of a plain path."""
    if "://" not in url:
        return Path(url)
    scheme, _, path = url.partition(":///")
    if scheme.partition("+")[0] != "sqlite" or not path:
        raise UsageError(f"SQLite's URL: expected sqlite:///path/to/file, got {scheme}://...")
    return Path(path.partition("?")[0])


def _read_only(path: Path) -> str:
    return f"file:{quote(str(path.resolve()))}?mode=ro"
