"""Versions and the commits between them -> does the bump fit? Pure.

Semantic Versioning 2.0.0 (semver.org), Conventional Commits 1.0.0. Below 1.0.0 a breaking change asks for a new minor
version. A commit whose kind nobody knows fits a new major version alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_PART = r"(?:0|[1-9][0-9]{0,17}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_PART}(?:\.{_PART})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_HEADER = re.compile(r"(?P<kind>[A-Za-z][A-Za-z0-9_-]*)(?:\([^()\n]+\))?(?P<broken>!)?: +\S")
_FOOTER = re.compile(r"^BREAKING[ -]CHANGE(?:: | #)", re.MULTILINE)
_OF_GIT = re.compile(r'(?:Merge|Revert "|Reapply "|fixup! |squash! |amend! )')
LEVELS = ("patch", "minor", "major")
FIRST = ("0.0.1", "0.1.0", "1.0.0")
"""What a first release may be called."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version. Build metadata is not part of it."""

    core: tuple[int, int, int]
    before: tuple[str, ...] = ()

    @property
    def _key(self) -> tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]:
        parts = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in self.before)
        return self.core, not self.before, parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return ".".join(map(str, self.core)) + (f"-{'.'.join(self.before)}" if self.before else "")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit. ``merges``: whether it has several parents."""

    id: str
    message: str
    merges: bool = False


def parse(text: str) -> Version | None:
    """Return a version; None where a text is none."""
    found = _SEMVER.fullmatch(text)
    if found is None:
        return None
    return Version(
        (int(found[1]), int(found[2]), int(found[3])), tuple((found[4] or "").split(".")) if found[4] else ()
    )


def version_of(tag: str, form: str) -> Version | None:
    """Return the version in a tag called as ``form`` says; None where it is called otherwise."""
    before, _, after = form.partition("{version}")
    if not (tag.startswith(before) and tag.endswith(after) and len(tag) > len(before) + len(after)):
        return None
    return parse(tag[len(before) : len(tag) - len(after)])


def level_of(commit: Commit) -> str | None:
    """Return what a commit asks for; None where its kind is not known."""
    subject = commit.message.split("\n", 1)[0]
    header = _HEADER.match(subject)
    if _FOOTER.search(commit.message) or (header is not None and header["broken"]):
        return "major"
    if header is not None:
        return "minor" if header["kind"].lower() == "feat" else "patch"
    return "patch" if commit.merges or _OF_GIT.match(subject) else None


def faults(version: Version, last: Version, commits: Iterable[Commit]) -> Iterator[tuple[str, str, bool]]:
    """Yield why a version does not follow on ``last`` after these commits: code, sentence, and whether it blocks."""
    if not version > last:
        yield "not-above", f"{version} is not above the last release, {last}", True
        return
    level = _step(last, version)
    asked = {commit: level_of(commit) for commit in commits}
    if not asked:
        yield "nothing-new", f"no commit since {last}", True
        return
    if level == "major":
        if "major" not in asked.values() and not (last.core[0] == 0 or None in asked.values()):
            yield "too-large", f"{version} is a new major version, and no commit since {last} breaks anything", False
    else:
        for commit, need in asked.items():
            if need is None:
                yield "kind-unknown", f"{_told(commit)}: nobody knows whether {level} is enough for it", True
            elif LEVELS.index(_needed(need, last)) > LEVELS.index(level):
                yield (
                    "too-small",
                    f"{_told(commit)} asks for a new {_needed(need, last)} version, {version} is {level}",
                    True,
                )
    expected = _next(last, level)
    if version.core != expected.core:
        skips = all(number == 0 for number in version.core[3 - LEVELS.index(level) :])
        code = "skipped" if skips else "not-reset"
        yield code, f"after {last} the next {level} version is {expected}, not {version}", not skips


def _needed(need: str, last: Version) -> str:
    return "minor" if need == "major" and last.core[0] == 0 else need


def _step(last: Version, version: Version) -> str:
    if version.core[0] != last.core[0]:
        return "major"
    return "minor" if version.core[1] != last.core[1] else "patch"


def _next(last: Version, level: str) -> Version:
    major, minor, patch = last.core
    if level == "major":
        return Version((major + 1, 0, 0))
    return Version((major, minor + 1, 0)) if level == "minor" else Version((major, minor, patch + 1))


def _told(commit: Commit) -> str:
    subject = commit.message.split("\n", 1)[0].strip()
    return f"{commit.id[:10]} {subject[:80]!r}"
