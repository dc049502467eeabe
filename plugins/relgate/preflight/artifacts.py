"""What lies ready to be released against what the policy asks -> findings. Pure: files and answers are given.

A file that is not there or cannot be read is a problem, never a pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.kinds import blocks, warns
from relgate.preflight import semver
from relgate.preflight.reading import UnreadableError
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from relgate.kinds import Fault
    from relgate.ports.preflight import Sbom
    from relgate.preflight.semver import Commit, Version

_FITS = "a version tells those who use it what to expect"
_CHOOSE = "choose the version that fits, or mend the commits' kinds"
FAULTS: dict[str, Fault] = {
    "not-the-sum": blocks("it is not the file that was built", "build and publish it again"),
    "not-covered": blocks("nobody can check what they got", "write its SHA-256 too"),
    "not-valid": blocks(
        "tools that read it will refuse it, or misread it", "make it with a tool that keeps the schema"
    ),
    "lists-nothing": blocks("it says nothing about what is inside", "make it after the dependencies are installed"),
    "other-version": blocks("somebody will believe the wrong one", "build everything from the same commit"),
    "no-version": blocks("nobody can tell this release from others", "--gate-release version=..."),
    "not-tagged": blocks("what is released is not what was tagged", "tag this commit, or release the tagged one"),
    "no-semver": blocks(_FITS, "write it as MAJOR.MINOR.PATCH (semver.org)"),
    "not-above": blocks(_FITS, "choose a version above the last one"),
    "nothing-new": blocks("there is nothing to release", "look at the commit and the tags"),
    "kind-unknown": blocks(_FITS, "write it as type: text (conventionalcommits.org), or release a new major version"),
    "too-small": blocks(_FITS, _CHOOSE),
    "not-reset": blocks("numbers behind the one that rises begin at 0 (semver.org)", _CHOOSE),
    "too-large": warns(_FITS, "see whether a smaller one fits"),
    "skipped": warns(_FITS, "see whether a release is missing"),
    "not-named": blocks("nobody can tell what has changed", "write its notes"),
    "no-notes": blocks("nobody can tell what has changed", "write below its heading what has changed"),
    "empty": blocks("it attributes nothing", "make it again"),
    "not-attributed": warns("its licence may ask for it", "make the attributions from the same list of components"),
}
_SUM = re.compile(r"(?P<sum>[0-9A-Fa-f]{64}) [ *](?P<name>\S.*)")
_BSD = re.compile(r"SHA256 \((?P<name>.+)\) = (?P<sum>[0-9A-Fa-f]{64})")
_ALONE = re.compile(r"[0-9A-Fa-f]{64}")
_MOST = 50


@dataclass(frozen=True, slots=True)
class Sum:
    """What a file must hash to. ``name``: relative to the folder of the file of sums."""

    name: str
    sha256: str


def sums(text: str, name: str) -> tuple[Sum, ...]:
    """Read a file of sums: lines of sha256sum or of BSD, or one sum alone in ``<file>.sha256``.

    Raises:
        UnreadableError: a line is something else, or there is none.

    """
    lines = [line.strip() for line in text.lstrip("\ufeff").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) == 1 and _ALONE.fullmatch(lines[0]) and name.lower().endswith((".sha256", ".sha256sum")):
        return (Sum(name.rpartition(".")[0], lines[0].lower()),)
    found = []
    for line in lines:
        one = _SUM.fullmatch(line) or _BSD.fullmatch(line)
        if one is None:
            raise UnreadableError(f"expected lines of a SHA-256 and a file's name, got {line[:100]!r}")
        found.append(Sum(one["name"], one["sum"].lower()))
    if not found:
        raise UnreadableError("no sum is in it")
    return tuple(found)


def checksums(
    gate: str, seen: Sequence[tuple[str, str, str]], uncovered: Iterable[str], problems: Iterable[str]
) -> Findings:
    """Return which files are not what they should be. ``seen``: path, the sum that is written, the sum that it has."""
    bad = [(path, written, has) for path, written, has in seen if written != has]
    found = [
        _finding(gate, "not-the-sum", f"{path} has {has[:12]}..., expected {written[:12]}...")
        for path, written, has in bad
    ]
    found += [_finding(gate, "not-covered", f"{path} is in no file of sums") for path in uncovered]
    said = tuple(problems)
    return Findings(gate, "files", len(seen), len(seen) + len(said), tuple(found[:_MOST]), said)


def sbom(gate: str, seen: Mapping[str, Sbom], version: str | None, problems: Sequence[str]) -> Findings:
    """Return what is wrong with lists of components."""
    found: list[Finding] = []
    for path, one in seen.items():
        found += [_finding(gate, "not-valid", f"{path} is no CycloneDX {one.spec}: {fault}") for fault in one.faults]
        if not one.components:
            found.append(_finding(gate, "lists-nothing", f"{path} has no component"))
        name, own = one.subject
        if own and version and own != version:
            found.append(_finding(gate, "other-version", f"{path} is about {name} {own}, the release is {version}"))
    notes = tuple(f"{path}: CycloneDX {one.spec}, {len(one.components)} components" for path, one in seen.items())
    expected = len(seen) + len(problems)
    return Findings(gate, "documents", len(seen), expected, tuple(found), tuple(problems), notes=notes)


def versions(
    gate: str,
    seen: Mapping[str, Collection[str]],
    version: str | None,
    untagged: Iterable[str],
    problems: Sequence[str],
) -> Findings:
    """Return where another version stands. ``seen``: place -> what stands there. ``untagged``: what is not tagged."""
    if not version:
        return _unnamed(gate)
    found = [
        _finding(gate, "other-version", f"{place} says {one[:100]}, the release is {version}")
        for place, texts in seen.items()
        for one in sorted(set(texts) - {version})
    ]
    found += [_finding(gate, "not-tagged", text) for text in untagged]
    expected = len(seen) + len(problems)
    return Findings(gate, "places", len(seen), expected, tuple(found), tuple(problems))


def bump(
    gate: str, version: str | None, tags: Iterable[str], form: str
) -> Findings | tuple[Version, str, Version] | str:
    """Return what to compare: the version, the tag of the last release, and its version; or why that cannot be.

    Findings: what is wrong already. A text: why it cannot be told.
    """
    if not version:
        return _unnamed(gate)
    own = semver.parse(version)
    if own is None:
        return Findings(gate, "version", 1, 1, (_finding(gate, "no-semver", f"{version} is no semantic version"),))
    released = {tag: found for tag in tags if (found := semver.version_of(tag, form)) is not None}
    final = [(found, tag) for tag, found in released.items() if not found.before and found != own]
    if not final:
        if str(own) in semver.FIRST:
            notes = (f"{own} is the first release: no tag {form} leads to this commit",)
            return Findings(gate, "version", 1, 1, notes=notes)
        return f"no tag {form} of a release before {own} leads to this commit: fetch the tags (git fetch --tags)"
    last, tag = max(final)
    return own, tag, last


def bumped(gate: str, version: Version, last: Version, commits: Sequence[Commit]) -> Findings:
    """Return why a version does not follow on the last one after these commits."""
    found = [
        Finding(gate, code, what, FAULTS[code].why, FAULTS[code].do, blocking)
        for code, what, blocking in semver.faults(version, last, commits)
    ]
    notes = (f"{len(commits)} commits since {last}",)
    return Findings(gate, "commits", max(len(commits), 1), max(len(commits), 1), tuple(found[:_MOST]), notes=notes)


def notes(gate: str, path: str, text: str, version: str | None) -> Findings:
    """Return why notes do not tell what a release changes."""
    if not version:
        return _unnamed(gate)
    named = re.compile(rf"(?<![0-9A-Za-z.+-])v?{re.escape(version)}(?![0-9A-Za-z+-]|\.[0-9A-Za-z])")
    lines = text.splitlines()
    at = next((index for index, line in enumerate(lines) if named.search(line)), None)
    found: tuple[Finding, ...] = ()
    if at is None:
        found = (_finding(gate, "not-named", f"{path} does not name {version}"),)
    elif not any(_says_something(line) for line in _section(lines, at)):
        found = (_finding(gate, "no-notes", f"{path} says nothing about {version}"),)
    return Findings(gate, "notes", 1, 1, found)


def _section(lines: list[str], at: int) -> Iterator[str]:
    """Yield what belongs to a line: to a heading all until the next one of its rank, to another line all the rest."""
    rank = _rank(lines, at)
    for index in range(at + 1, len(lines)):
        if rank and 0 < _rank(lines, index) <= rank:
            return
        yield lines[index]


def _rank(lines: list[str], index: int) -> int:
    """Return the rank of a heading of Markdown, 0 for other lines."""
    following = lines[index + 1].strip() if index + 1 < len(lines) else ""
    if lines[index].strip() and re.fullmatch(r"={3,}|-{3,}", following):
        return 1 if following[0] == "=" else 2
    found = re.match(r"(#{1,6})\s", lines[index])
    return len(found[1]) if found else 0


def _says_something(line: str) -> bool:
    return not line.lstrip().startswith(("#", "<!--")) and re.search(r"\w{2}", line) is not None


def attributions(gate: str, texts: Mapping[str, str], components: Iterable[str], problems: Sequence[str]) -> Findings:
    """Return which components are not named in the attributions."""
    found = [_finding(gate, "empty", f"{path} is empty") for path, text in texts.items() if not text.strip()]
    everything = "\n".join(texts.values()).lower()
    missing = sorted({name for name in components if name and name.lower() not in everything})
    found += [_finding(gate, "not-attributed", f"{name} is not named") for name in missing[:_MOST]]
    if len(missing) > _MOST:
        found.append(_finding(gate, "not-attributed", f"{len(missing) - _MOST} more are not named"))
    return Findings(gate, "files", len(texts), len(texts) + len(problems), tuple(found), tuple(problems))


def _unnamed(gate: str) -> Findings:
    return Findings(gate, "version", 1, 1, (_finding(gate, "no-version", "the release does not say its version"),))


def _finding(gate: str, code: str, what: str) -> Finding:
    fault = FAULTS[code]
    return Finding(gate, code, what, fault.why, fault.do, fault.blocks)
