"""Scratch databases in SQLite: files in a temporary folder of relgate's own, and reading production's file.

A file outside of that folder is refused, whatever asks. The folder is locked while its owner lives; what a killed
owner left is removed by the next start. Nothing here changes a file's journal mode, and copies are made by SQLite's
backup, so that what still lies in a write-ahead log is copied too.
"""

from __future__ import annotations

import math
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from relgate.adapters.owned import OwnedFolder, sweep
from relgate.adapters.sqlite_catalog import Schema, quoted
from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import Catalog, Engine, Row, Scratch, SqlError, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

_PREFIX = "relgate-sqlite-"
_BUSY_S = 30.0
_STATES = {
    "SQLITE_CONSTRAINT_UNIQUE": "23505",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "23505",
    "SQLITE_CONSTRAINT_ROWID": "23505",
    "SQLITE_CONSTRAINT_NOTNULL": "23502",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "23503",
    "SQLITE_CONSTRAINT_CHECK": "23514",
    "SQLITE_BUSY": "55P03",
    "SQLITE_LOCKED": "55P03",
    "SQLITE_READONLY": "25006",
}
"""SQLite's own names -> the SQLSTATE that PostgreSQL gives for the same."""

_TEXTS = (
    (re.compile(r"no such table"), "42P01"),
    (re.compile(r"no such column|has no column"), "42703"),
    (re.compile(r"(table|index|view|trigger) .* already exists"), "42P07"),
    (re.compile(r"duplicate column"), "42701"),
    (re.compile(r"syntax error|incomplete input|unrecognized token"), "42601"),
)


class SqliteServer:
    """Makes scratch databases. The first thing it does is to remove what dead owners left."""

    engine: Engine = "sqlite"
    transactional = True

    def __init__(self) -> None:
        sweep(_PREFIX)
        self.description = f"SQLite {sqlite3.sqlite_version}"
        self._folder = OwnedFolder(_PREFIX, fast=True)
        self._made: dict[str, Path] = {}

    def create(self, template: Scratch | None = None) -> Scratch:
        """Create a database, empty or a copy of another."""
        source = self._path(template) if template is not None else None
        name = f"relgate_{len(self._made) + 1}"
        path = self._folder.path / f"{name}.db"
        try:
            path.touch(mode=0o600)
            if source is not None:
                with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(path)) as copy:
                    original.backup(copy)
        except (OSError, sqlite3.Error) as error:
            raise SourceError(f"scratch database {path}: cannot be created ({error}); is the disk full?") from error
        self._made[name] = path
        url = f"sqlite:///{path}"
        return Scratch("sqlite", name, url, (("DATABASE_URL", url),))

    def drop(self, scratch: Scratch) -> None:
        """Remove a database's files. Sessions that are still open write into nothing."""
        path = self._path(scratch)
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    def open(self, scratch: Scratch) -> SqliteSession:
        """Connect. A database that was dropped is not made anew."""
        path = self._path(scratch)
        if not path.exists():
            raise SourceError(f"scratch database {scratch.name}: there is none any more at {path}")
        return SqliteSession(path)

    def close(self) -> None:
        """Remove everything that this server made."""
        self._folder.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _path(self, scratch: Scratch) -> Path:
        path = self._made.get(scratch.name)
        if path is None or scratch.engine != "sqlite" or scratch.url != f"sqlite:///{path}":
            raise UsageError(
                f"scratch database {scratch.name} ({scratch.engine}): this server did not create it, so it is neither "
                f"opened nor dropped; expected one that create() returned, in {self._folder.path}"
            )
        return path


class SqliteSession:
    """One connection to a scratch file, with foreign keys enforced. Any thread may use it, one at a time."""

    def __init__(self, path: Path) -> None:
        try:
            self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise SourceError(f"scratch database {path}: cannot be opened ({error})") from error
        self._connection.text_factory = _text
        self.run("PRAGMA foreign_keys = ON")
        self.run("PRAGMA synchronous = OFF")  # A scratch file need not survive a power cut.

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows.

        With parameters, ``%s`` stands for each of them and ``%%`` for a percent sign; without, the text goes as it is.

        Raises:
            SqlError: SQLite refuses it; ``state`` is what PostgreSQL would say, HY000 where it has no word for it.

        """
        if parameters:
            sql = re.sub(r"%(s|%)", lambda match: "?" if match[1] == "s" else "%", sql)
        try:
            return self._connection.execute(sql, tuple(parameters)).fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise SqlError(str(error), _state(error)) from error

    def begin(self) -> None:
        """Start a transaction."""
        self.run("BEGIN")

    def commit(self) -> None:
        """End it. None to end is an error: SQLite had undone it by itself."""
        self.run("COMMIT")

    def rollback(self) -> None:
        """Undo it; nothing to undo is no error."""
        if self._connection.in_transaction:
            self.run("ROLLBACK")

    def catalog(self) -> Catalog:
        """Return the schema."""
        return Schema(self.run).catalog()

    def tables(self) -> tuple[Table, ...]:
        """Return the tables that rows can be written to; virtual tables are not among them."""
        return Schema(self.run).seedable()

    def rows(self, tables: Sequence[str] | None = None) -> dict[str, list[Row]]:
        """Return all rows; see ``_plain`` for values that are not of their column's kind."""
        known = {table.name: table for table in self.tables()}
        found: dict[str, list[Row]] = {}
        for name in known if tables is None else tables:
            if name not in known:
                raise SqlError(f"no such table: {name}", "42P01")
            columns = known[name].columns
            listed = ", ".join(quoted(column.name) for column in columns)
            found[name] = [
                {column.name: _plain(value, column.type) for column, value in zip(columns, row, strict=True)}
                for row in self.run(f"SELECT {listed} FROM {name}")  # noqa: S608  quoted names
            ]
        return found

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has."""
        names = [table.name for table in self.tables()]
        return {name: self.run(f"SELECT count(*) FROM {name}")[0][0] for name in names}  # noqa: S608  quoted

    def set_sequences(self) -> None:
        """Move AUTOINCREMENT behind the largest row number; SQLite forgets it where a table is rebuilt."""
        if not self.run("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"):
            return
        schema = Schema(self.run)
        for name, table in schema.tables.items():
            if table.text and any(one.autoincrement for one in table.text.constraints):
                # The name is of a column too ("seq", "name"): bound as a parameter.
                largest = self.run(f"SELECT max(rowid) FROM {quoted(name)}")[0][0]  # noqa: S608  quoted
                held = self.run("SELECT max(seq) FROM sqlite_sequence WHERE name = %s", (name,))[0][0]
                if largest is not None and (held is None or held < largest):
                    self.run("DELETE FROM sqlite_sequence WHERE name = %s", (name,))
                    self.run("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", (name, largest))

    def close(self) -> None:
        """Close the connection; an open transaction is undone."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SqliteProduction:
    """Production's file, opened read-only: neither this nor SQLite itself can write to it.

    Raises:
        SourceError: there is no such file, or it is no database.

    """

    def __init__(self, path: Path | str) -> None:
        # As SQLAlchemy writes it: three slashes before a relative path, four before an absolute one.
        self._path = Path(re.sub(r"^sqlite(?:\+\w+)?:///", "", str(path)))
        try:
            self._connection = sqlite3.connect(
                f"file:{quote(str(self._path.resolve()))}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None
            )
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.Error as error:
            raise SourceError(
                f"production's database {self._path}: cannot be read ({error}); expected a SQLite file"
            ) from error

    def applied(self, table: str = "alembic_version", of: tuple[int, ...] = (0,)) -> tuple[str, ...]:
        """Return what the tool's books say, the columns ``of`` joined by a point; none where there are no books."""
        if not self._run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)):
            return ()
        rows = self._run(f"SELECT * FROM {quoted(table)}")  # noqa: S608  # quoted
        return tuple(sorted(".".join(str(row[k]) for k in of) for row in rows))

    def row_counts(self) -> dict[str, int]:
        """Return how many rows each table has, counted."""
        names = [table.name for table in Schema(self._run).seedable()]
        return {name: int(self._run(f"SELECT count(*) FROM {name}")[0][0]) for name in names}  # noqa: S608

    def statements(self) -> tuple[str, ...]:
        """SQLite keeps no record of what it was asked."""
        return ()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, tuple(parameters)).fetchall()
        except sqlite3.Error as error:
            raise SourceError(f"production's database {self._path}: {error}") from error


class _NotText(bytes):
    """A TEXT value that is not UTF-8."""


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _NotText(raw)


def _plain(value: object, kind: str) -> object:
    """Return a value in JSON's types.

    SQLite keeps any kind of value in any column. So that a text can be told from bytes with the same digits, a value
    that its column's type does not lead to expect says what it is: ``{"blob": "00ff"}``, ``{"text": "x"}``.
    """
    bytes_expected = "blob" in kind or "binary" in kind
    if isinstance(value, _NotText):
        return {"text": value.hex()}
    if isinstance(value, bytes):
        return value.hex() if bytes_expected else {"blob": value.hex()}
    if isinstance(value, str) and bytes_expected:
        return {"text": value}
    if isinstance(value, float) and not math.isfinite(value):
        return {"real": str(value)}
    return value


def _state(error: Exception) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name in _STATES:
        return _STATES[name]
    if name.startswith("SQLITE_CONSTRAINT"):
        return "23000"
    return next((state for pattern, state in _TEXTS if pattern.search(str(error))), "HY000")
