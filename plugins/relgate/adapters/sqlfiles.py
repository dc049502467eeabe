"""Folders of SQL migrations as dbmate, goose, golang-migrate, Flyway and Sqitch lay them out, read into revisions.

The layout is told from the files; a file that does not fit it is an error, because a migration that is overlooked is
never proven. Nothing here runs anything.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from relgate.adapters.inproject import relative, retired_of
from relgate.adapters.sqlsplit import Piece, statements
from relgate.errors import SourceError
from relgate.ports.migrations import Declared, Revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from relgate.ports.migrations import Engine

_IRREVERSIBLE = re.compile(r"^--\s*relgate:\s*irreversible\b(?P<rest>.*)$", re.MULTILINE)
_RELEASE = re.compile(r"^--\s*relgate:\s*release\s+(\S+)\s*$", re.MULTILINE)
_RETIRED = re.compile(r"^--\s*relgate:\s*retired\s+(.*)$", re.MULTILINE)
_FIELD = re.compile(r'(\w+)="([^"]*)"')
_GOLANG = re.compile(r"(?P<version>\d+)_(?P<name>.*)\.(?P<way>up|down)\.sql\Z")
_FLYWAY = re.compile(r"(?P<way>[VUR])(?P<version>[\d._]*)__(?P<name>.*)\.sql\Z")
_NUMBERED = re.compile(r"(?P<version>\d+)[_-]?(?P<name>.*)\.sql\Z")
_DBMATE = re.compile(r"^--[ \t]*migrate:(?P<way>up|down)(?P<options>[^\n]*)$", re.MULTILINE)
_GOOSE = re.compile(r"^--[ \t]*\+goose[ \t]+(?P<word>[^\n]+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_PLAN = re.compile(
    r"(?P<name>[^\s@%#\[]\S*)[ \t]+(?:\[[^\]]*\][ \t]+)?\d{4}-\d\d-\d\dT\S+[ \t]+[^#]*(?:#\s*(?P<note>.*))?\Z"
)
_TAG = re.compile(r"(@\S+)[ \t]")
_OWN_BEGIN = re.compile(r"(?:begin|start\s+transaction)\b(?!\s+atomic)", re.IGNORECASE)
# What PostgreSQL refuses within a transaction and Flyway therefore runs without one.
_OUTSIDE = re.compile(
    r"(?:(?:create|drop)\s+(?:unique\s+)?index\s+concurrently|reindex\b.*\bconcurrently|vacuum|"
    r"(?:create|drop)\s+(?:database|tablespace)|alter\s+system|(?:create|drop)\s+subscription)\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of a migration.

    ``transaction``: the tool wraps it into one. ``books_inside``: its entry in the books commits with it.
    """

    path: Path
    line: int
    pieces: tuple[Piece, ...]
    transaction: bool
    books_inside: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A revision and its ways; ``down`` is None where there is none."""

    revision: Revision
    up: Way
    down: Way | None


def read(folder: Path, engine: Engine, project: Path) -> tuple[Step, ...]:
    """Read a folder's migrations in the order of their versions; their paths are relative to ``project``.

    Raises:
        SourceError: there is no such folder, no layout or more than one, or a file does not fit.

    """
    if not folder.is_dir():
        message = f"expected a folder of SQL migrations, found none: {folder}"
        raise SourceError(message)
    if (folder / "sqitch.plan").exists():
        return _chained(_sqitch(folder, engine), project)
    files = sorted(path for path in folder.rglob("*.sql") if path.is_file())
    code = [path.name for path in sorted(folder.glob("*.go")) if path.name[:1].isdigit() and "_test" not in path.stem]
    if code:
        message = f"{folder}: {', '.join(code)} is a migration in Go, only SQL can be run here: use `command`"
        raise SourceError(message)
    layout = _layout(folder, files)
    return _chained(_LAYOUTS[layout](files, engine), project)


def _layout(folder: Path, files: list[Path]) -> str:
    kinds: dict[str, list[str]] = {}
    for path in files:
        kinds.setdefault(_kind(path), []).append(path.name)
    if len(kinds) == 1 and "" not in kinds:
        return next(iter(kinds))
    found = "; ".join(f"{kind or 'none of them'}: {', '.join(names[:3])}" for kind, names in sorted(kinds.items()))
    message = f"{folder}: expected files of one layout ({', '.join(sorted(_LAYOUTS))}), found {found or 'no .sql file'}"
    raise SourceError(message)


def _kind(path: Path) -> str:
    if _GOLANG.match(path.name):
        return "golang-migrate"
    if _FLYWAY.match(path.name):
        return "flyway"
    text = _text(path)
    if _NUMBERED.match(path.name) and _DBMATE.search(text):
        return "dbmate"
    return "goose" if _NUMBERED.match(path.name) and _GOOSE.search(text) else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read: {error}"
        raise SourceError(message) from error


def _chained(steps: Iterable[Step], project: Path) -> tuple[Step, ...]:
    """Let each migration build on the one before; those with the same version build on the same one."""
    chained: list[Step] = []
    down: tuple[str, ...] = ()
    for _, group in itertools.groupby(steps, key=lambda step: step.revision.id):
        same = [_placed(step, down, project) for step in group]
        chained += same
        down = (same[-1].revision.id,)
    return tuple(chained)


def _placed(step: Step, down: tuple[str, ...], project: Path) -> Step:
    text = _text(step.up.path)
    release = _RELEASE.search(text)
    revision = replace(
        step.revision,
        down=down,
        path=relative(step.up.path, project),
        line=step.up.line,
        down_line=step.down.line if step.down else 1,
        way_back=step.down is not None,
        declared=_declared(text, step.up.path),
        release=release.group(1) if release else None,
        retired=retired_of(tuple(name for line in _RETIRED.findall(text) for name in line.split()), str(step.up.path)),
    )
    return replace(step, revision=revision)


def _declared(text: str, path: Path) -> Declared | None:
    found = _IRREVERSIBLE.search(text)
    if found is None:
        return None
    fields = dict(_FIELD.findall(found.group("rest")))
    if fields.get("reason", "").strip():
        return Declared(fields["reason"], fields.get("backup"))
    line = text[: found.start()].count("\n") + 1
    message = f'{path}:{line}: expected -- relgate: irreversible reason="..." backup="...", found {found.group()!r}'
    raise SourceError(message)


def _revision(version: str, name: str) -> Revision:
    return Revision(version, (), name.replace("_", " ").strip())


def _whole(path: Path, engine: Engine, *, transaction: bool, books_inside: bool = True) -> Way:
    pieces = statements(_text(path), engine)
    return Way(path, pieces[0].line if pieces else 1, pieces, transaction, books_inside)


def _number(path: Path) -> tuple[int, str]:
    found = _NUMBERED.match(path.name)
    return int(found["version"]) if found else 0, path.name


# --- layouts


def _dbmate(files: list[Path], engine: Engine) -> Iterable[Step]:
    for path in sorted(files, key=_number):
        text, ways = _text(path), {}
        marks = list(_DBMATE.finditer(text))
        for mark, following in itertools.zip_longest(marks, marks[1:]):
            line = text[: mark.start()].count("\n") + 1
            part = text[mark.end() : following.start() if following else len(text)]
            wrapped = "transaction:false" not in mark.group("options").replace(" ", "")
            ways[mark.group("way")] = Way(path, line, statements(part, engine, line), wrapped)
        yield _both(path, ways)


def _both(path: Path, ways: dict[str, Way]) -> Step:
    name = _NUMBERED.match(path.name)
    if "up" not in ways or name is None:
        message = f"{path}: expected a part that leads up, found none"
        raise SourceError(message)
    return Step(_revision(name["version"], name["name"]), ways["up"], ways.get("down"))


def _goose(files: list[Path], engine: Engine) -> Iterable[Step]:
    for path in sorted(files, key=_number):
        text = _text(path)
        marks = [(mark, " ".join(mark["word"].upper().split())) for mark in _GOOSE.finditer(text)]
        words = {word for _, word in marks}
        if "ENVSUB ON" in words:
            message = f"{path}: -- +goose ENVSUB ON cannot be followed: use `command`"
            raise SourceError(message)
        parts: dict[str, list[Piece]] = {}
        lines: dict[str, int] = {}
        way, block = "", False
        for (mark, word), following in itertools.zip_longest(marks, [mark for mark, _ in marks[1:]]):
            line = text[: mark.start()].count("\n") + 1
            if word in {"UP", "DOWN"}:
                way = word.lower()
                lines[way] = line
                parts[way] = []
            block = word == "STATEMENTBEGIN"
            part = text[mark.end() : following.start() if following else len(text)]
            if way:
                parts[way] += _block(part, line) if block else statements(part, engine, line)
        wrapped = "NO TRANSACTION" not in words
        yield _both(path, {name: Way(path, lines[name], tuple(parts[name]), wrapped) for name in parts})


def _block(text: str, line: int) -> tuple[Piece, ...]:
    """Return a block as the one statement that it is said to be."""
    sql = text.strip()
    before = text[: len(text) - len(text.lstrip())]
    return (Piece(text, sql, line + before.count("\n")),) if sql else ()


def _golang(files: list[Path], engine: Engine) -> Iterable[Step]:
    named = [(match, path) for path in files if (match := _GOLANG.match(path.name))]
    downs = {(match["version"], match["name"]): path for match, path in named if match["way"] == "down"}
    for match, path in sorted(named, key=lambda item: (int(item[0]["version"]), item[1].name)):
        if match["way"] == "up":
            down = downs.get((match["version"], match["name"]))
            up = _sent_whole(path, engine)
            back = _sent_whole(down, engine) if down else None
            yield Step(_revision(match["version"], match["name"]), up, back)


def _sent_whole(path: Path, engine: Engine) -> Way:
    """Return a file that is sent as one text: several statements are one transaction to PostgreSQL by its protocol.

    A file with a BEGIN of its own is on its own. For SQLite the tool opens a transaction itself, for MySQL nobody does.
    """
    way = _whole(path, engine, transaction=engine == "sqlite", books_inside=False)
    if engine != "postgresql":
        return way
    own = any(_OWN_BEGIN.match(piece.sql) for piece in way.pieces)
    return replace(way, transaction=len(way.pieces) > 1 and not own)


def _flyway(files: list[Path], engine: Engine) -> Iterable[Step]:
    named = [(match, path) for path in files if (match := _FLYWAY.match(path.name))]
    undo = {_dotted(match["version"]): path for match, path in named if match["way"] == "U"}
    versioned = [(match, path) for match, path in named if match["way"] == "V"]
    for match, path in sorted(versioned, key=lambda item: (_dotted(item[0]["version"]), item[1].name)):
        down = undo.get(_dotted(match["version"]))
        back = _flyway_way(down, engine) if down else None
        yield Step(_revision(match["version"].replace("_", "."), match["name"]), _flyway_way(path, engine), back)
    for name, path in sorted((match["name"], path) for match, path in named if match["way"] == "R"):
        # Repeatable ones come after all others and have no way back of their own.
        yield Step(_revision(f"R__{name}", name), _flyway_way(path, engine), None)


def _dotted(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in re.split(r"[._]", version) if part]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _flyway_way(path: Path, engine: Engine) -> Way:
    settings = path.with_name(path.name + ".conf")
    apart = settings.exists() and re.search(r"^\s*executeInTransaction\s*=\s*false", _text(settings), re.MULTILINE)
    way = _whole(path, engine, transaction=not apart)
    outside = engine == "postgresql" and bool(way.pieces) and all(_OUTSIDE.match(piece.sql) for piece in way.pieces)
    return replace(way, transaction=way.transaction and not outside)


def _sqitch(folder: Path, engine: Engine) -> Iterable[Step]:
    """Follow the plan; a change that is planned again later has its first files under its tag's name."""
    lines = [line.strip() for line in _text(folder / "sqitch.plan").splitlines()]
    changes: list[tuple[str, str, int]] = []
    for number, line in enumerate(lines):
        change = _PLAN.match(line)
        if change:
            changes.append((change["name"], change["note"] or "", number))
        elif line and not line.startswith(("#", "%", "@")):
            message = f"{folder}/sqitch.plan:{number + 1}: expected a change, its date and its planner, found {line!r}"
            raise SourceError(message)
    for name, note, number in changes:
        again = any(other == name and at > number for other, _, at in changes)
        tag = next((mark[1] for line in lines[number:] if (mark := _TAG.match(line))), "") if again else ""
        file = f"{name}{tag}.sql"
        revert = folder / "revert" / file
        back = _whole(revert, engine, transaction=False, books_inside=False) if revert.exists() else None
        up = _whole(folder / "deploy" / file, engine, transaction=False, books_inside=False)
        yield Step(_revision(f"{name}{tag}", note or name), up, back)


_LAYOUTS: dict[str, Callable[[list[Path], Engine], Iterable[Step]]] = {
    "dbmate": _dbmate,
    "goose": _goose,
    "golang-migrate": _golang,
    "flyway": _flyway,
}
