"""Files that are to be released, and where their version stands."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

from relgate.acting import access_of
from relgate.adapters import cyclonedx, git
from relgate.adapters.http import Endpoint, resolve_pointer
from relgate.errors import RelgateError, SourceError
from relgate.ports.observing import Access
from relgate.preflight import artifacts, semver
from relgate.questions.answer import Answer
from relgate.questions.commands import folder_of
from relgate.values import Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from relgate.policy.artifacts import Artifacts, Place
    from relgate.settings import Run

Value = TypeVar("Value")

_TIMEOUT_S = 10.0
_MOST_BYTES = 64 * 1024 * 1024


def checksums(gate: str, wanted: Artifacts, run: Run) -> Answer:
    """Hash every file that a file of sums names, and look for files that none names."""
    folder = folder_of(run)
    seen: list[tuple[str, str, str]] = []
    problems: list[str] = []
    known: set[Path] = set()
    for name in wanted.checksums:
        try:
            path = folder / name
            known.add(path.resolve())
            for one in artifacts.sums(_text(path), path.name):
                file = _inside(path.parent, one.name)
                known.add(file)
                seen.append((str(file.relative_to(path.parent.resolve())), one.sha256, _hashed(file)))
        except (RelgateError, ValueError) as error:
            problems.append(f"{name}: {error}")
    uncovered: set[str] = set()
    for pattern in wanted.covers:
        files = [file for file in folder.glob(pattern) if file.is_file()]
        if not files:
            problems.append(f"covers: {pattern} matches no file")
        uncovered |= {str(file.relative_to(folder)) for file in files if file.resolve() not in known}
    text = "".join(f"{has}  {path}\n" for path, _, has in seen)
    return Answer(artifacts.checksums(gate, seen, sorted(uncovered), problems), text)


def sbom(gate: str, wanted: Artifacts, run: Run) -> Answer:
    """Validate the lists of components."""
    seen, problems = _each(wanted.sbom, lambda name: cyclonedx.read(_text(folder_of(run) / name)))
    return Answer(artifacts.sbom(gate, seen, run.version, problems))


def versions(gate: str, wanted: Artifacts, run: Run) -> Answer:
    """Read the version wherever the policy says that it stands."""
    places = {name: place for name, place in wanted.versions.items() if place.tag is None}
    seen, problems = _each(places, lambda name: _standing(places[name], run))
    untagged: list[str] = []
    for name, place in wanted.versions.items():
        if place.tag is None or not run.version:
            continue
        try:
            commit = git.commit_of(_commit(run), folder_of(run))
            tag = place.tag.replace("{version}", run.version)
            on_it = git.tags_of(commit, folder_of(run), before=False)
            if tag in on_it:
                seen[name] = (run.version,)
            else:
                untagged.append(f"{name}: {tag} is not on {commit[:12]} (there: {', '.join(on_it) or 'no tag'})")
        except SourceError as error:
            problems.append(f"{name}: {error}")
    return Answer(artifacts.versions(gate, seen, run.version, untagged, problems), f"{json.dumps(seen, indent=1)}\n")


def bump(gate: str, wanted: Artifacts, run: Run) -> Answer:
    """Compare the version with the last release's tag and the commits since."""
    form = wanted.bump or ""
    folder = folder_of(run)
    commit = git.commit_of(_commit(run), folder)
    compared = artifacts.bump(gate, run.version, git.tags_of(commit, folder, before=True), form)
    if isinstance(compared, str):
        raise SourceError(compared)
    if isinstance(compared, Findings):
        return Answer(compared)
    version, tag, last = compared
    commits = [semver.Commit(*one) for one in git.commits_between(tag, commit, folder)]
    text = "".join(f"{one.id} {one.message.partition(chr(10))[0]}\n" for one in commits)
    return Answer(artifacts.bumped(gate, version, last, commits), text)


def notes(gate: str, wanted: Artifacts, run: Run) -> Answer:
    """Look for the release in its notes."""
    path = wanted.notes or ""
    return Answer(artifacts.notes(gate, path, _text(folder_of(run) / path), run.version))


def attributions(gate: str, wanted: Artifacts, run: Run) -> Answer:
    """Look for each component of the lists in the attributions."""
    texts, problems = _each(wanted.attributions, lambda name: _text(folder_of(run) / name))
    lists, more = _each(wanted.sbom, lambda name: cyclonedx.read(_text(folder_of(run) / name)))
    components = [name for one in lists.values() for name in one.components]
    return Answer(artifacts.attributions(gate, texts, components, [*problems, *more]))


def _each(names: Iterable[str], read: Callable[[str], Value]) -> tuple[dict[str, Value], list[str]]:
    """Return what each name reads as, and what could not be read."""
    found: dict[str, Value] = {}
    problems: list[str] = []
    for name in names:
        try:
            found[name] = read(name)
        except (RelgateError, ValueError, LookupError) as error:
            problems.append(f"{name}: {error}")
    return found, problems


def _standing(place: Place, run: Run) -> tuple[str, ...]:
    """Return the versions that stand at a place; all that match."""
    text = _text(folder_of(run) / place.file) if place.file is not None else _page(place.get or "/", run)
    if place.pattern is not None:
        found = tuple(dict.fromkeys(re.findall(place.pattern, text, re.MULTILINE)))
        if not found:
            raise SourceError(f"{place.pattern!r} matches nothing in {place.file or place.get}")
        return found
    pointer = place.pointer or ""
    try:
        value = resolve_pointer(_document(text, place.file or ""), pointer)
    except LookupError:
        raise SourceError(f"nothing stands at {pointer} in {place.file or place.get}") from None
    if not isinstance(value, str):
        raise SourceError(f"expected a text at {pointer} in {place.file or place.get}, got {type(value).__name__}")
    return (value,)


def _document(text: str, name: str) -> Any:
    """Return a document; numbers stay as they are written, because 1.10 is not 1.1."""
    if name.endswith(".toml"):
        import tomllib

        return tomllib.loads(text, parse_float=str)
    if name.endswith((".yaml", ".yml")):
        import yaml

        try:
            return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  it makes texts, lists and mappings only
        except (yaml.YAMLError, RecursionError) as error:
            raise SourceError(f"{name}: is not YAML ({error})") from None
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{name or 'the answer'}: is not JSON ({error})") from None


def _page(where: str, run: Run) -> str:
    """Return a page of the candidate, or of another host, which gets none of the candidate's headers."""
    own = where.startswith("/")
    url = f"{run.candidate_url}{where}" if own else where
    tls = run.environment.tls
    endpoint = Endpoint(url, access_of(run.environment) if own else Access((), tls.verify, tls.ca), _TIMEOUT_S)
    try:
        reply = endpoint.ask()
    finally:
        endpoint.close()
    if reply.fault is not None:
        raise SourceError(f"{where}: {reply.fault}")
    return reply.text


def _commit(run: Run) -> str:
    return run.release.get("commit") or "HEAD"


def _inside(folder: Path, name: str) -> Path:
    """Return a file in a folder; SourceError for a name that leads out of it."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise SourceError(f"{name} lies outside of {folder}")
    return path


def _hashed(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path.name}: cannot be read ({error.strerror})") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SourceError(f"{path}: is larger than {_MOST_BYTES >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise SourceError(f"{path}: is no text in UTF-8") from None
