"""Secrets in files, by detect-secrets, in a process of its own: it has global settings, and no end is promised.

``main`` is that process. It prints kind, path and line of what it found, never what stands there, nor a hash of it.
Nothing is asked over a network: detectors that would try a secret out are not made to.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters import process

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from relgate.ports.preflight import Output

MOST_BYTES = 5 * 1024 * 1024
"""A larger file is left out, and said to be: detectors of lines are slow on one long line."""


def scan(folder: Path, files: Iterable[str], without: Collection[str], known: Path | None, timeout_s: float) -> Output:
    """Look through files of a folder; what the process printed, see ``preflight.tree``. Its errors are not kept."""
    with tempfile.TemporaryDirectory() as beside:
        asked = Path(beside) / "asked.json"
        told = {
            "folder": str(folder.absolute()),
            "files": list(files),
            "without": sorted(without),
            "known": None if known is None else str(known.absolute()),
        }
        asked.write_text(json.dumps(told), encoding="utf-8")
        # Neither -P nor another folder of its own may be left out: a json.py in the tree would run instead of Python's.
        command = [sys.executable, "-P", "-m", "relgate.adapters.leaks", str(asked)]
        return process.run(shlex.join(command), Path.cwd(), {"PYTHONUTF8": "1"}, timeout_s)


def main() -> int:
    """Print what the files of the task that the first argument names hold."""
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    logging.disable()
    os.chdir(asked["folder"])
    try:
        report = _report(asked["files"], set(asked["without"]), asked["known"])
    except ImportError:
        report = {"error": "secrets need the library detect-secrets: pip install 'relgate[preflight]'"}
    except _AskedError as error:
        report = {"error": str(error)}
    print(json.dumps(report))
    return 0


class _AskedError(Exception):
    """What was asked for cannot be done."""


def _report(files: list[str], without: set[str], known: str | None) -> dict[str, Any]:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import transient_settings

    classes: dict[str, type] = get_mapping_from_secret_type_to_class()
    detectors = {one.__name__ for one in classes.values()}
    if without - detectors:
        raise _AskedError(f"unknown detector {min(without - detectors)}: there are {', '.join(sorted(detectors))}")
    excused = _excused(known)
    found: list[dict[str, Any]] = []
    left_out: list[tuple[str, str]] = []
    looked_at = other = 0
    with transient_settings({"plugins_used": [{"name": name} for name in sorted(detectors - without)]}):
        for name in files:
            state = _state(Path(name))
            if state is not None:
                other += state == ""
                left_out += [(name, state)] if state else []
                continue
            looked_at += 1
            for one in scan_file(name):
                none = (name, one.type, one.secret_hash) in excused
                found.append({"path": name, "line": one.line_number, "kind": one.type, "excused": none})
    return {"looked_at": looked_at, "other": other, "left_out": left_out, "found": found}


def _state(path: Path) -> str | None:
    """Return why a file is not read, empty where it holds no text of this tree; None where it is read."""
    from detect_secrets.filters.heuristic import is_non_text_file

    if path.is_symlink():
        return ""  # What it leads to is in the tree too, or not a part of it.
    if path.is_dir():
        return "it is a repository of its own: look through that one too, and exclude it here"
    try:
        if path.stat().st_size > MOST_BYTES and not is_non_text_file(str(path)):
            return f"it is larger than {MOST_BYTES >> 20} MiB"
        data = path.read_bytes()
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if is_non_text_file(str(path)):
        return ""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "it is UTF-16"
    if b"\0" in data:
        return ""
    try:
        data.decode()
    except UnicodeDecodeError:
        return "it is not UTF-8"
    return None


def _excused(known: str | None) -> set[tuple[str, str, str]]:
    """Return path, kind and hash of what somebody has looked at and marked as no secret."""
    if known is None:
        return set()
    try:
        results = json.loads(Path(known).read_text(encoding="utf-8"))["results"]
        return {
            (name, one["type"], one["hashed_secret"])
            for name, entries in results.items()
            for one in entries
            if one.get("is_secret") is False
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _AskedError(
            f"{known}: cannot be read as a baseline of detect-secrets ({type(error).__name__})"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
