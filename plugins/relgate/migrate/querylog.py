"""Reads recorded queries: logs of PostgreSQL (stderr, CSV, JSON) and MySQL, files of SQL, pg_stat_statements.

Only queries that read or write rows are taken: a log has DDL and settings too, and those are not to be repeated. Of
queries that differ in their values only the first is kept.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from relgate.ports.migrations import Engine

_VERBS = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(select|insert|update|delete|with|merge|replace|values)\b",
    re.IGNORECASE | re.DOTALL,
)
_MESSAGE = re.compile(r"(?:duration: [\d.]+ ms\s+)?(?:statement|execute [^:]*): (.*)", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
_OPAQUE = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\1"""
_PLACE = re.compile(rf"{_OPAQUE}|\$(\d+)", re.DOTALL)
_STDERR = re.compile(
    r"^(?P<prefix>.*?)\b(?P<level>LOG|DETAIL|ERROR|STATEMENT|CONTEXT|HINT|WARNING|FATAL|NOTICE):  (?P<text>.*)$"
)
_PROCESS = re.compile(r"\[(\d+)(?:-\d+)?\]")
_MYSQL = re.compile(r"^\s*(?:\S+\s+){0,2}?\d+ (?P<command>[A-Z]\w+)(?: \w+)?\t(?P<text>.*)$")
_CSV_COLUMNS = 23
_LEVEL, _TEXT, _DETAIL = 11, 13, 14
"""Places in a line of csvlog: error_severity, message, detail."""

_UNTYPED = re.compile(r"\b(interval|date|timestamptz|timestamp|time)\s+\$(\d+)", re.IGNORECASE)


def read_log(text: str, engine: Engine, split: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """Return the queries of a log or of a file of SQL, each kind once, in the order of their first occurrence.

    Args:
        text: the whole file.
        engine: whose log it is.
        split: takes a file of SQL apart into statements.

    """
    lines = text.splitlines()
    queries: Iterable[str]
    if engine == "mysql" and any(_mysql(line) for line in lines):
        queries = _from_mysql(lines)
    elif lines and lines[0].lstrip().startswith("{"):
        queries = _from_json(lines)
    elif _is_csv(text):
        queries = (_filled(row[_TEXT], row[_DETAIL]) for row in csv.reader(io.StringIO(text)) if _is_log(row))
    elif any((found := _STDERR.match(line)) and found["level"] == "LOG" for line in lines):
        queries = _from_stderr(lines)
    else:
        queries = split(text)
    kept: dict[str, str] = {}
    for query in queries:
        if _VERBS.match(query):
            kept.setdefault(_shape(query), query.strip().rstrip(";").rstrip())
    return tuple(kept.values())


def _is_csv(text: str) -> bool:
    try:
        row = next(csv.reader(io.StringIO(text)), [])
    except csv.Error:
        return False
    return len(row) >= _CSV_COLUMNS


def _is_log(row: list[str]) -> bool:
    return len(row) >= _CSV_COLUMNS and row[_LEVEL] == "LOG"


def _from_json(lines: list[str]) -> Iterator[str]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # The last line of a log that is being written.
        if isinstance(entry, dict) and entry.get("error_severity") == "LOG":
            yield _filled(str(entry.get("message", "")), str(entry.get("detail", "")))


def _from_stderr(lines: list[str]) -> Iterator[str]:
    """Put the lines of each entry together, and an entry with the DETAIL of the same process."""
    entries: list[tuple[str, str, list[str]]] = []
    for line in lines:
        found = _STDERR.match(line) if not line.startswith("\t") else None
        if found is not None:
            number = _PROCESS.search(found["prefix"])
            entries.append((number[1] if number else "", found["level"], [found["text"]]))
        elif entries:
            entries[-1][2].append(line.removeprefix("\t"))
    waiting: dict[str, str] = {}
    for process, level, parts in entries:
        if level == "LOG":
            yield _filled(waiting.pop(process, ""), "")
            waiting[process] = "\n".join(parts)
        elif level == "DETAIL" and process in waiting:
            yield _filled(waiting.pop(process), "\n".join(parts))
    for message in waiting.values():
        yield _filled(message, "")


def _filled(message: str, detail: str) -> str:
    """Return the query of a log message with its parameters in it; empty where the message has none."""
    found = _MESSAGE.match(message)
    if found is None:
        return ""
    values = dict(_PARAMETER.findall(detail))
    return _PLACE.sub(lambda place: values.get(place[2] or "", place[0]), found[1])


def _mysql(line: str) -> re.Match[str] | None:
    return _MYSQL.match(line)


def _from_mysql(lines: list[str]) -> Iterator[str]:
    query: list[str] = []
    for line in lines:
        found = _mysql(line)
        if found is None:
            query += [line] if query else []
            continue
        yield "\n".join(query)
        query = [found["text"]] if found["command"] in {"Query", "Execute"} else []
    yield "\n".join(query)


def _shape(query: str) -> str:
    """Return a query without its values."""
    bare = re.sub(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b|\$\d+", "?", query)
    return " ".join(re.sub(r"\(\s*\?(?:\s*,\s*\?)*\s*\)", "(?)", bare).lower().split())


def explainable(sql: str, name: str = "relgate_probe") -> str | None:
    """Return a query with ``$1`` for its values as a PREPARE, which checks it without them; None if it is no query.

    pg_stat_statements writes ``interval $1``, which nothing can parse: there the type becomes a cast.
    """
    if not _VERBS.match(sql):
        return None
    typed = _UNTYPED.sub(r"$\2::\1", sql.strip().rstrip(";"))
    return f"PREPARE {name} AS {typed}"
