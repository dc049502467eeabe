"""What a step sends, statement by statement, with its line, its transaction and its values.

``Recorder`` is told by whoever sends (the SQL folders, Django's wrapper); ``listening`` tells it what any engine of
SQLAlchemy sends. What a library asks on its own behalf, a driver's greeting or a look into the catalog for its own
books, is no statement of the step and is left out; what it writes into its books is kept and marked.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters import sqldriver
from relgate.ports.migrations import Crash, Statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from relgate.ports.migrations import Engine, Watch


_CHANGES = re.compile(r"\s*(?:insert|update|delete|replace|merge)\b", re.IGNORECASE)


@dataclass(slots=True)
class _Sending:
    sql: str
    line: int
    books: bool
    backend: int | None
    since: float


@dataclass(slots=True)
class Recorder:
    """Collects a step's statements and calls its watch.

    ``file``: the revision's file as the interpreter names it, sought in the stack; ``path``: as findings name it.
    ``formats``: parameters are ``%s``, whatever the driver's own style is (Django). ``crashed``: the watch ended the
    step; nothing may be sent any more.
    """

    engine: Engine
    watch: Watch | None = None
    file: str = ""
    path: str = ""
    formats: bool = False
    statements: list[Statement] = field(default_factory=list)
    crashed: bool = False
    _sending: _Sending | None = None
    _transactions: dict[int, int] = field(default_factory=dict)
    _last: int = 0
    _watching: bool = False

    def before(self, sql: str, raw: Any, *, line: int = 0, books: bool = False) -> None:
        """Tell of a statement that is about to be sent over a driver's connection.

        Raises:
            Crash: the watch ends the step here, or has ended it before.

        """
        self.check()
        backend = sqldriver.backend(raw)
        number = len(self.statements)
        if self.watch is not None:
            with self._calling():
                self.watch.before(number, sql, backend)
        self._sending = _Sending(sql, line, books, backend, time.perf_counter())

    def after(self, raw: Any, parameters: Any = None, *, many: bool = False, rows: int | None = None) -> None:
        """Tell that it succeeded. ``rows``: the cursor's ``rowcount``."""
        if self._sending is None:
            return
        number = len(self.statements)
        self._keep(raw, parameters, many=many, rows=rows)
        if self.watch is not None:
            with self._calling():
                self.watch.after(number, self.statements[number])

    def failed(self, raw: Any, parameters: Any = None, *, many: bool = False) -> None:
        """Tell that the database refused it."""
        if self._sending is not None:
            self._keep(raw, parameters, many=many)

    def ended(self, raw: Any) -> None:
        """Tell that a connection's transaction ends."""
        self._transactions.pop(id(raw), None)

    def check(self) -> None:
        """Refuse to go on after a crash.

        Raises:
            Crash: there was one.

        """
        if self.crashed:
            message = "nothing is sent after a crash"
            raise Crash(message)

    @property
    def busy(self) -> bool:
        """Whether the watch is at work: what it sends is not the step's."""
        return self._watching

    def _keep(self, raw: Any, parameters: Any, *, many: bool, rows: int | None = None) -> None:
        sending = self._sending
        if sending is None:
            return
        self._sending = None
        took_s = time.perf_counter() - sending.since
        try:
            text = self._literal(raw, sending.sql, parameters, many=many)
        except Exception:  # noqa: BLE001 - a value that cannot be written must not change the step's outcome
            text = sending.sql
        self.statements.append(
            Statement(
                sql=sending.sql,
                literal=text,
                transaction=self._transaction(raw),
                took_s=took_s,
                path=self.path,
                line=sending.line,
                backend=sending.backend,
                parameters=bool(parameters),
                books=sending.books,
                rows=_changed(sending.sql, rows, self.engine),
            )
        )

    def _literal(self, raw: Any, sql: str, parameters: Any, *, many: bool) -> str:
        if not self.formats or parameters is None or type(raw).__module__.startswith("psycopg"):
            return sqldriver.literal(raw, sql, parameters, self.engine, many=many)
        rows = parameters if many else [parameters]
        return ";\n".join(sqldriver.formatted(sql, row, self.engine) for row in rows)

    def _transaction(self, raw: Any) -> int:
        if not sqldriver.in_transaction(raw):
            self.ended(raw)
            return 0
        if id(raw) not in self._transactions:
            self._last += 1
            self._transactions[id(raw)] = self._last
        return self._transactions[id(raw)]

    @contextlib.contextmanager
    def _calling(self) -> Iterator[None]:
        """Call the watch; whatever it raises ends the step as a crash does, and no tool may catch that by accident."""
        self._watching = True
        try:
            yield
        except BaseException as error:
            self.crashed = True
            if isinstance(error, Crash | KeyboardInterrupt):
                raise
            raise Crash(str(error)) from error
        finally:
            self._watching = False


def _changed(sql: str, rows: int | None, engine: Engine) -> int | None:
    """Return a cursor's count where it counts changed rows: not what a SELECT found, not SQLite's 0 before fetching."""
    if rows is None or rows < 0 or not _CHANGES.match(sql):
        return None
    return None if engine == "sqlite" and "returning" in sql.lower() else rows


def line_in(file: str, depth: int = 1) -> int:
    """Return the line at which the calling stack stands in a file, innermost first, 0 when it does not."""
    frame: FrameType | None = sys._getframe(depth)  # noqa: SLF001 - the only way to see the stack without building one
    while frame is not None:
        if frame.f_code.co_filename == file:
            return frame.f_lineno
        frame = frame.f_back
    return 0


# --- SQLAlchemy

_now: list[tuple[Recorder, re.Pattern[str]]] = []
_installed: list[bool] = []
_folders: dict[str, str] = {}


@contextlib.contextmanager
def listening(recorder: Recorder, books: str = "alembic_version") -> Iterator[None]:
    """Record what SQLAlchemy's engines send within. ``books``: the table in which the tool keeps its books."""
    _install()
    writes = re.compile(
        rf"\s*(?:insert\s+into|update|delete\s+from|create\s+table)\s+(?:[\w\"`]+\.)?[\"`]?{re.escape(books)}\b",
        re.IGNORECASE,
    )
    entry = (recorder, writes)
    _now.append(entry)
    try:
        yield
    finally:
        _now.remove(entry)


def _install() -> None:
    if _installed:
        return
    event = sqldriver.load("sqlalchemy").event
    engine = sqldriver.load("sqlalchemy.engine").Engine
    event.listen(engine, "before_cursor_execute", _before)
    event.listen(engine, "after_cursor_execute", _after)
    event.listen(engine, "handle_error", _error)
    event.listen(engine, "commit", _commit)
    event.listen(engine, "rollback", _rollback)
    _installed.append(True)


def _before(connection: Any, _cursor: Any, sql: str, _parameters: Any, _context: Any, _many: Any) -> None:
    if not _now or _now[-1][0].busy:
        return
    recorder, writes = _now[-1]
    recorder.check()
    origin, line = _origin(recorder.file)
    books = origin == "tool" and writes.match(sql) is not None
    if origin in {"revision", "project"} or books:
        recorder.before(sql, _raw(connection), line=line, books=books)


def _after(connection: Any, cursor: Any, _sql: str, parameters: Any, _context: Any, many: Any) -> None:
    if _now and not _now[-1][0].busy:
        _now[-1][0].after(_raw(connection), parameters, many=bool(many), rows=getattr(cursor, "rowcount", None))


def _error(context: Any) -> None:
    if _now and not _now[-1][0].busy and context.connection is not None:
        _now[-1][0].failed(_raw(context.connection), context.parameters)


def _commit(connection: Any) -> None:
    if _now and not _now[-1][0].busy:
        _now[-1][0].check()
        _now[-1][0].ended(_raw(connection))


def _rollback(connection: Any) -> None:
    if _now and not _now[-1][0].busy:
        _now[-1][0].ended(_raw(connection))


def _raw(connection: Any) -> Any:
    return connection.connection.driver_connection


def _origin(file: str) -> tuple[str, int]:
    """Say whose statement it is, ``revision``, ``project``, ``tool`` or ``driver``, and the revision's line."""
    libraries = _folder("sqlalchemy")
    tool = _folder("alembic")
    caller, greeting = "", False
    frame: FrameType | None = sys._getframe(3)  # noqa: SLF001 - the only way to see the stack without building one
    while frame is not None:
        name = frame.f_code.co_filename
        if name == file:
            return "revision", frame.f_lineno
        if name.startswith(libraries):
            greeting = greeting or frame.f_code.co_name == "first_connect"
        elif not caller and not name.startswith("<"):
            caller = name
        frame = frame.f_back
    if greeting:
        return "driver", 0
    return ("tool" if caller.startswith(tool) else "project"), 0


def _folder(library: str) -> str:
    """Return where a library lies; one that is not imported sends nothing."""
    if library not in _folders and library in sys.modules:
        _folders[library] = str(Path(str(sys.modules[library].__file__)).parent)
    return _folders.get(library, "\0")
