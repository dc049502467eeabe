"""Folders of SQL migrations: each statement sent by relgate, in the transactions that the folder's own tool would use.

The books are relgate's: the table ``relgate_migrations`` in the scratch database. Which layouts there are and what each
of them wraps into a transaction is in ``sqlfiles``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from relgate.adapters import sqlbooks
from relgate.adapters.inproject import failure_of, relative
from relgate.adapters.sqlfiles import read
from relgate.adapters.sqlrecord import Recorder
from relgate.errors import SourceError
from relgate.ports.migrations import Failure, Ran

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.adapters.sqlfiles import Step, Way
    from relgate.ports.migrations import Direction, Engine, Revision, Scratch, Watch


class SqlFolderTool:
    """A folder of SQL files, made for one engine. Fills the port ``Tool``.

    ``project``: the folder that findings name files relative to, the folder itself by default.
    """

    name = "sql"
    watches = True
    has_models = False

    def __init__(self, folder: Path, engine: Engine, project: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.project = self.folder if project is None else project.resolve()
        self._engine = engine
        self._read: tuple[Step, ...] | None = None

    def revisions(self) -> tuple[Revision, ...]:
        """Return all revisions in the order of their versions.

        Raises:
            SourceError: the folder cannot be read.

        """
        return tuple(step.revision for step in self._steps())

    def engine(self) -> Engine:
        """Return the engine that the files are written for."""
        return self._engine

    def move(self, scratch: Scratch, revision: str, direction: Direction, watch: Watch | None = None) -> Ran:
        """Send one file's statements. Never raises."""
        since = time.perf_counter()
        recorder = Recorder(scratch.engine, watch)
        failure: Failure | None = None
        try:
            way = self._way(revision, direction, scratch.engine)
            recorder.path = relative(way.path, self.project)
            with sqlbooks.connected(scratch) as connection:
                _send_all(connection, way, revision, direction, recorder)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a crash that the watch asked for is no Exception
            failure = failure_of(error, self.project, recorder)
        return Ran(tuple(recorder.statements), failure, time.perf_counter() - since)

    def applied(self, scratch: Scratch) -> tuple[str, ...]:
        """Return those that the books name and no other of them builds on."""
        return sqlbooks.heads(sqlbooks.noted(scratch), self.revisions())

    def offline(self, revision: str, direction: Direction, engine: Engine) -> str:
        """Return the statements, with BEGIN and COMMIT where the tool adds them.

        Raises:
            SourceError: there is no such way, or it is written for another engine.

        """
        way = self._way(revision, direction, engine)
        texts = [piece.sql for piece in way.pieces]
        wrapped = ["BEGIN", *texts, "COMMIT"] if way.transaction else texts
        return "".join(f"{text};\n" for text in wrapped)

    def drift(self, scratch: Scratch) -> tuple[str, ...]:  # noqa: ARG002 - the port's signature
        """There are no models.

        Raises:
            SourceError: always.

        """
        message = "a folder of SQL has no models to compare with"
        raise SourceError(message)

    def close(self) -> None:
        """Nothing is kept."""

    def _steps(self) -> tuple[Step, ...]:
        if self._read is None:
            self._read = read(self.folder, self._engine, self.project)
        return self._read

    def _way(self, revision: str, direction: Direction, engine: Engine) -> Way:
        if engine != self._engine:
            message = f"the files of {self.folder} are written for {self._engine}, the database is {engine}"
            raise SourceError(message)
        steps = [step for step in self._steps() if step.revision.id == revision]
        if len(steps) != 1:
            message = f"expected one migration {revision}, found {len(steps)}"
            raise SourceError(message)
        way = steps[0].up if direction == "up" else steps[0].down
        if way is None:
            message = f"{steps[0].revision.path}: expected a way back, it has none"
            raise SourceError(message)
        return way


def _send_all(connection: Any, way: Way, revision: str, direction: Direction, recorder: Recorder) -> None:
    cursor = connection.cursor()
    cursor.execute(sqlbooks.TABLE)
    if way.transaction:
        cursor.execute("BEGIN")
    for piece in way.pieces:
        _send(connection, cursor, piece.sql, recorder, line=piece.line)
    if way.transaction and not way.books_inside:
        cursor.execute("COMMIT")
    _send(connection, cursor, sqlbooks.entry(revision, direction, recorder.engine), recorder, books=True)
    if way.transaction and way.books_inside:
        recorder.check()
        cursor.execute("COMMIT")


def _send(connection: Any, cursor: Any, sql: str, recorder: Recorder, *, line: int = 0, books: bool = False) -> None:
    recorder.before(sql, connection, line=line, books=books)
    try:
        cursor.execute(sql)
    except Exception:
        recorder.failed(connection)
        raise
    recorder.after(connection, rows=cursor.rowcount)
