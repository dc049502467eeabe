"""What a git repository says: files at another ref, tags, commits. Reads only; never fetches, never checks out."""

from __future__ import annotations

import os
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
    listed = _git(["ls-tree", "-r", "-z", "--name-only", commit_of(ref, folder)], folder, where)
    return frozenset(name.decode(errors="surrogateescape") for name in listed.split(b"\0") if name)


def commit_of(ref: str, folder: Path) -> str:
    """Return the commit that a ref names.

    Raises:
        SourceError: no git, no repository, or no such ref.

    """
    # A ref that begins with a dash would be read as an option.
    asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"]
    return _git(asked, folder, f"git ref {ref!r} in {folder}").decode().strip()


def tags_of(commit: str, folder: Path, *, before: bool) -> tuple[str, ...]:
    """Return the tags on a commit; with ``before`` those on commits that lead to it too.

    Raises:
        SourceError: as ``commit_of``; with ``before`` also a shallow clone, which lacks what came before.

    """
    where = f"tags in {folder}"
    if before and _git(["rev-parse", "--is-shallow-repository"], folder, where).strip() != b"false":
        raise SourceError(f"{where}: the clone is shallow, what came before is not in it. Fetch it (fetch-depth: 0)")
    listed = _git(["tag", "--merged" if before else "--points-at", commit], folder, where)
    return tuple(line for line in listed.decode(errors="replace").splitlines() if line)


def commits_between(tag: str, commit: str, folder: Path) -> tuple[tuple[str, str, bool], ...]:
    """Return the commits that ``commit`` has and ``tag`` has not: id, message, and whether it merges.

    Raises:
        SourceError: as ``commit_of``.

    """
    where = f"commits since {tag} in {folder}"
    listed = _git(["log", "-z", "--format=%H%x1f%P%x1f%B", f"refs/tags/{tag}..{commit}"], folder, where)
    parts = (one.decode(errors="replace").split("\x1f", 2) for one in listed.split(b"\0") if one.strip())
    return tuple((own, message.strip(), len(parents.split()) > 1) for own, parents, message in parts)


def files_of(folder: Path) -> tuple[str, ...] | None:
    """Return the files below a folder that git has, or would take; None where the folder is in no repository.

    Raises:
        SourceError: no git, or it cannot read its repository.

    """
    where = f"files of {folder}"
    try:
        asked = ["git", "rev-parse", "--is-inside-work-tree"]
        inside = subprocess.run(asked, cwd=folder, env=_english(), capture_output=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"{where}: git did not answer ({error})") from error
    if b"not a git repository" in inside.stderr:
        return None
    listed = _git(["ls-files", "-z", "--cached", "--others", "--exclude-standard"], folder, where)
    return tuple(sorted({name.decode(errors="surrogateescape") for name in listed.split(b"\0") if name}))


def _english() -> dict[str, str]:
    """Return the environment in which git says what it says everywhere."""
    return {**os.environ, "LC_ALL": "C"}


def _git(arguments: list[str], folder: Path, where: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=_english(), capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError as error:
        missing = "the folder does not exist" if not folder.is_dir() else "git is not installed"
        raise SourceError(f"{where}: {missing}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"{where}: git did not answer ({error})") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or "no such commit"
        raise SourceError(f"{where}: {said}. Fetch the ref first; a shallow clone in CI lacks it (fetch-depth: 0)")
    return done.stdout
