"""Secrets in the files that are released."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from relgate.adapters import git, leaks
from relgate.errors import SourceError
from relgate.preflight import tree
from relgate.preflight.reading import UnreadableError
from relgate.questions.answer import Answer
from relgate.questions.commands import folder_of

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.policy.tree import Tree
    from relgate.settings import Run


def secrets(gate: str, wanted: Tree, run: Run) -> Answer:
    """Look through what git has of a folder, or would take; through all of it where it is in no repository."""
    folder = folder_of(run) / wanted.tree
    known = None if wanted.known is None else folder_of(run) / wanted.known
    files = [
        name
        for name in _files(folder)
        if not any(fnmatch(name, pattern) for pattern in wanted.exclude)
        # The baseline is full of hashes, and hashes look like secrets.
        and (known is None or (folder / name).resolve() != known.resolve())
    ]
    output = leaks.scan(folder, files, wanted.without, known, wanted.timeout_s)
    if output.fault is not None or output.code != 0 or output.cut:
        raise SourceError(f"the scan {output.fault or f'ended with {output.code}'}")
    try:
        return Answer(tree.judge(gate, output.out), output.out)
    except UnreadableError as error:
        raise SourceError(f"the scan says: {error}") from error


def _files(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        raise SourceError(f"{folder}: expected a folder")
    known = git.files_of(folder)
    if known is not None:
        # What was deleted and not yet committed is still listed.
        return tuple(name for name in known if os.path.lexists(folder / name))
    return tuple(
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    )
