"""Files at another git ref, from a real repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from relgate.adapters.git import files_at
from relgate.errors import SourceError


def git(folder: Path, *arguments: str) -> None:
    """Run git as somebody."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose branch ``main`` has one revision in ``app/versions``, and the checkout two."""
    versions = tmp_path / "app" / "versions"
    versions.mkdir(parents=True)
    (versions / "a ä.py").touch()
    (tmp_path / "README").touch()
    git(tmp_path, "init", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    git(tmp_path, "switch", "-c", "work")
    (versions / "b.py").touch()
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "second")
    return tmp_path


def test_files_are_relative_to_the_folder_and_those_of_the_ref(repository: Path) -> None:
    """Names come unquoted, and nothing from outside of the folder."""
    assert files_at("main", repository / "app") == {"versions/a ä.py"}
    assert files_at("work", repository / "app" / "versions") == {"a ä.py", "b.py"}


def test_a_folder_that_the_ref_does_not_have_is_empty(repository: Path) -> None:
    """A new project: everything in it is new."""
    new = repository / "new"
    new.mkdir()

    assert files_at("main", new) == frozenset()


@pytest.mark.parametrize("ref", ["origin/main", "--all", ""])
def test_a_ref_that_is_not_there_is_an_error_that_says_what_to_do(repository: Path, ref: str) -> None:
    """Never an empty answer: with that every revision would be new, or none."""
    with pytest.raises(SourceError, match="fetch-depth: 0"):
        files_at(ref, repository)


def test_a_folder_outside_of_any_repository_is_an_error(tmp_path: Path) -> None:
    """And one that does not exist."""
    with pytest.raises(SourceError):
        files_at("main", tmp_path)
    with pytest.raises(SourceError, match="does not exist"):
        files_at("main", tmp_path / "gone")
