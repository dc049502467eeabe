"""Running a project's own code in this process: its folder, its environment, and its output, caught.

The process exists for this. Still, what a step changes is put back: the next step must see what the first one saw.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters.sqldriver import state_of
from relgate.errors import SourceError
from relgate.ports.migrations import Crash, Declared, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from relgate.adapters.sqlrecord import Recorder


@contextlib.contextmanager
def inside(project: Path, environment: Mapping[str, str], output: io.StringIO | None = None) -> Iterator[None]:
    """Stand in the project's folder with these variables; what it prints goes to ``output``."""
    output, before = output or io.StringIO(), dict(_variables())
    with (
        contextlib.chdir(project),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
        _logging_kept(),
        warnings.catch_warnings(),
    ):
        # What a project warns of belongs into its output, whatever this process does with its own warnings.
        warnings.simplefilter("default")
        os.environ.update(environment)
        try:
            yield
        finally:
            _restore(before)


def _variables() -> Mapping[bytes, bytes]:
    """Return what os.environ keeps: a hundred variables read through it twice a step cost more than all else here."""
    return os.environ._data  # type: ignore[attr-defined, no-any-return]  # noqa: SLF001


def _restore(before: Mapping[bytes, bytes]) -> None:
    """Put back what was changed: setting all of them for each step would cost more than comparing them."""
    now = dict(_variables())
    if now == before:
        return
    for name in now.keys() - before.keys():
        del os.environb[name]
    os.environb.update({name: value for name, value in before.items() if now.get(name) != value})


@contextlib.contextmanager
def _logging_kept() -> Iterator[None]:
    """Undo what ``logging.config.fileConfig`` does to a process: it takes handlers away and silences loggers."""
    root = logging.getLogger()
    kept = (root.handlers[:], root.level)
    disabled = {name: item.disabled for name, item in _loggers()}
    try:
        yield
    finally:
        root.handlers[:], level = kept
        root.setLevel(level)
        for name, item in _loggers():
            item.disabled = disabled.get(name, False)


def _loggers() -> list[tuple[str, logging.Logger]]:
    known = logging.Logger.manager.loggerDict
    return [(name, item) for name, item in list(known.items()) if isinstance(item, logging.Logger)]


def relative(path: str | Path, project: Path) -> str:
    """Return a file's path as findings name it: relative to the project where it is inside."""
    full = Path(path).resolve()
    return full.relative_to(project).as_posix() if full.is_relative_to(project) else str(full)


def place(error: BaseException, project: Path, file: str = "") -> tuple[str, int]:
    """Return where in the project an error was raised: (path, line), innermost, the revision's file before others."""
    if isinstance(error, SyntaxError) and error.filename:
        return relative(error.filename, project), error.lineno or 0
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == file]
    ours = [frame for frame in frames if _belongs(frame.filename, project)]
    for frame in (own or ours)[-1:]:
        return relative(frame.filename, project), frame.lineno or 0
    return "", 0


def _belongs(file: str, project: Path) -> bool:
    path = Path(file)
    return path.is_absolute() and path.is_relative_to(project) and "site-packages" not in path.parts


def one_line(error: BaseException) -> str:
    """Return an error's kind and the first line of its message."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    if isinstance(error, SourceError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def explained(error: BaseException, project: Path, file: str = "") -> str:
    """Return file, line and the last line of the traceback."""
    path, line = place(error, project, file)
    return f"{path}:{line}: {one_line(error)}" if path else one_line(error)


def failure_of(error: BaseException, project: Path, recorder: Recorder) -> Failure:
    """Say why a step failed."""
    if recorder.crashed or isinstance(error, Crash):
        return Failure(f"crashed before statement {len(recorder.statements)}", path=recorder.path)
    refused = getattr(error, "orig", None) or getattr(error, "__cause__", None)
    sql = _refused_sql(error, recorder)
    cause: Any = refused if sql is not None and isinstance(refused, BaseException) else error
    path, line = place(error, project, recorder.file)
    if sql is not None and recorder.statements and recorder.statements[-1].line:
        path, line = recorder.path, recorder.statements[-1].line
    return Failure(one_line(cause), sql, state_of(cause) if sql is not None else "", path or recorder.path, line)


def _refused_sql(error: BaseException, recorder: Recorder) -> str | None:
    """Return the statement that the database refused, if the error is about one."""
    last = recorder.statements[-1].sql if recorder.statements else None
    statement = getattr(error, "statement", None)
    if statement is not None:
        return str(statement)
    return last if type(error).__module__.startswith(("django.db", "psycopg", "sqlite3", "pymysql")) else None


def declared_of(value: Any, where: str) -> Declared | None:
    """Read a revision's ``irreversible``.

    Raises:
        SourceError: it is there, but does not say why.

    """
    if value is None:
        return None
    if isinstance(value, dict) and isinstance(value.get("reason"), str) and value["reason"].strip():
        backup = value.get("backup")
        return Declared(value["reason"], None if backup is None else str(backup))
    message = f'{where}: expected irreversible = {{"reason": "...", "backup": "..."}}, found {value!r}'
    raise SourceError(message)


@contextlib.contextmanager
def first_on_path(folder: Path) -> Iterator[None]:
    """Let imports find the project's modules first."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


def retired_of(value: object, where: str) -> tuple[str, ...]:
    """Read a revision's ``retired``: the columns that its release's code does not use any more, as ``table.column``.

    Raises:
        SourceError: it is something else.

    """
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) and "." in one for one in names):
        raise SourceError(f'{where}: expected retired = ("table.column", ...), found {value!r}')
    return tuple(names)
