"""What a git repository says about files at another ref. Reads only; never fetches, never checks out."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from relgate.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 60.0


def files_at(ref: str, folder: Path) -> frozenset[str]:
    """Return the files that ``ref`` has below ``folder``, as paths relative to it; none if it lacks the folder.

    Raises:
        SourceError: no git, no repository, or no such ref (a shallow clone has few).

    """
    where = f"git ref {ref!r} in {folder}"
    # A ref that begins with a dash would be read as an option.
    commit = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"], folder, where)
    listed = _git(["ls-tree", "-r", "-z", "--name-only", commit.decode().strip()], folder, where)
    return frozenset(name.decode(errors="surrogateescape") for name in listed.split(b"\0") if name)


def _git(arguments: list[str], folder: Path, where: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        missing = "the folder does not exist" if not folder.is_dir() else "git is not installed"
        raise SourceError(f"{where}: {missing}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"{where}: git did not answer ({error})") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or "no such commit"
        raise SourceError(f"{where}: {said}. Fetch the ref first; a shallow clone in CI lacks it (fetch-depth: 0)")
    return done.stdout
