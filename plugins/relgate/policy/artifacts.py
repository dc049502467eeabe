"""What must be true of a release's artifacts, in a policy. Each key is a gate of its own.

Files are relative to the policy. The version is the one of ``--gate-release version=...``.
"""

import re
from collections.abc import Mapping
from typing import Any

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import Key, ListOf, MapOf, Record, Text, matching
from relgate.policy.units import shown

TAGS = "v{version}"


class Place(Frozen):
    """Where a version stands: in a file or an answer, at a ``pointer`` or where ``pattern`` matches; or as a tag.

    ``get``: a path of the candidate, or a URL. ``tag``: what the tag is called, with ``{version}``.
    """

    file: str | None = None
    get: str | None = None
    tag: str | None = None
    pointer: str | None = None
    pattern: str | None = None


class Artifacts(Frozen):
    """What of a release is looked at. ``covers``: patterns of files that the checksums must name.

    ``bump``: what tags of releases are called, with ``{version}``.
    """

    checksums: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    sbom: tuple[str, ...] = ()
    versions: Mapping[str, Place] = {}
    bump: str | None = None
    notes: str | None = None
    attributions: tuple[str, ...] = ()


GATES = {
    "checksums": "files are what their SHA-256 says",
    "sbom": "the list of components is CycloneDX, and that of this release",
    "versions": "the version is the same wherever it stands",
    "bump": "the version rises as much as the commits since the last release ask for",
    "notes": "the release has notes that name it",
    "attributions": "the licences of others are attributed",
}
"""Key of ``artifacts`` -> what its gate, ``preflight-<key>``, protects."""

_TAG = r"[^\x00-\x20\x7f{}~^:?*\[\\]*\{version\}[^\x00-\x20\x7f{}~^:?*\[\\]*"
TAG = matching("what a tag is called, with {version},", _TAG, "v{version}", "shop-{version}")
_WHERE = rf"(?:{texts.WEB_PATH.pattern})|(?:{texts.URL.pattern})"


def _where(raw: object) -> str:
    """Return a path, or a URL without a secret in it."""
    if isinstance(raw, str) and raw.startswith("/"):
        return str(texts.WEB_PATH.parse(raw))
    return str(texts.URL.parse(raw))


WHERE = Text("a path of the candidate, or a URL", _WHERE, _where, ("/api/version", "https://shop.example/version"))


def _group(raw: object) -> str:
    """Return a regular expression with one group: the version."""
    text = str(texts.PATTERN.parse(raw))
    if re.compile(text).groups != 1:
        raise ValueError(
            f"expected a regular expression with one group, got {shown(text)}: put (...) around the version"
        )
    return text


GROUP = Text("a regular expression with one group", texts.PATTERN.pattern, _group, (r"^version = \"(.+)\"$",))

PLACE = Record(
    "a version's place",
    (
        Key("file", texts.FILE, "a file: .json, .toml, .yaml with pointer, any with pattern"),
        Key("get", WHERE, "a path of the candidate, or a URL"),
        Key("tag", TAG, "what the tag is called that must be on this commit"),
        Key("pointer", texts.POINTER, "where it stands in the document"),
        Key("pattern", GROUP, "what it stands in; all that match must agree"),
    ),
    exactly_one=("file", "get", "tag"),
    at_most_one=("pointer", "pattern"),
)

SHAPE = Record(
    "artifacts",
    (
        Key("checksums", ListOf(texts.FILE), "files of SHA-256 sums, as sha256sum writes them"),
        Key("covers", ListOf(texts.FILE), "patterns of files that the checksums must name, such as dist/*"),
        Key("sbom", ListOf(texts.FILE), "CycloneDX documents, JSON or XML"),
        Key("versions", MapOf(texts.NAME, PLACE, least=1), "places where the version stands"),
        Key("bump", TAG, "what tags of releases are called; the version must fit the commits since the last one"),
        Key("notes", texts.FILE, "the release notes, or the changelog"),
        Key("attributions", ListOf(texts.FILE), "the licences of others"),
    ),
    needs={"covers": "checksums"},
)


def check(raw: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what the keys of parsed artifacts mean together, and do not: path below ``artifacts``, and the fault."""
    if not isinstance(raw, dict):
        return []
    found: list[tuple[tuple[str | int, ...], str]] = []
    if not set(GATES) & set(raw):
        found.append(((), f"artifacts asks nothing: expected one of {', '.join(GATES)}"))
    places = raw.get("versions")
    for name, place in places.items() if isinstance(places, dict) else ():
        if not isinstance(place, dict):
            continue
        told = {"pointer", "pattern"} & set(place)
        if "tag" in place and told:
            found.append((("versions", name), f"a tag is a version: it needs no {told.pop()}"))
        if ("file" in place or "get" in place) and not told:
            found.append((("versions", name), "expected pointer or pattern: where does the version stand?"))
    return found


def build(raw: dict[str, Any]) -> Artifacts:
    """Return the value of parsed artifacts without faults."""
    places = {name: Place(**place) for name, place in raw.get("versions", {}).items()}
    return Artifacts(**{**raw, "versions": places})
