"""``python -m relgate.explore``: the process that explores an API.

It reads its plan, one JSON line, from its standard input. The end of the input means that whoever started it is gone:
it stops asking, removes what it has made, and ends. It prints a JSON line every now and then, and last
``{"finished": true, "said": TEXT}`` or ``{"finished": false, "error": TEXT}``.

Exit code: 0 finished, 1 not finished, 3 the plan cannot be used.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from relgate.acting import EXPLORER
from relgate.adapters.apiclient import Side
from relgate.adapters.schemathesis import OpenApi
from relgate.errors import RelgateError, SourceError, first_line
from relgate.openapi import curl, ids
from relgate.openapi.asking import Asking, Bounds
from relgate.openapi.book import Book, Entry
from relgate.openapi.document import SAFE, chosen, operations, with_examples
from relgate.openapi.faults import DIFFERENTIAL
from relgate.openapi.store import NAME, Exploration, encode
from relgate.openapi.walk import Walk
from relgate.policy.api import Api, Login
from relgate.ports.exploring import Ask
from relgate.report.api import markdown
from relgate.report.redact import Redactor
from relgate.smoke.journal import Journal, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from relgate.smoke.journal import Undo

MADE = "api-made.jsonl"
PAGE = "api.md"
_SHOWN_TOKEN = "$TOKEN"  # noqa: S105 - the name of a variable


def main() -> int:
    """Explore; see the module for input, output and exit codes."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    line = sys.stdin.readline()
    try:
        plan = json.loads(line)
        api = Api(**plan["api"])
    except (ValueError, KeyError, TypeError) as error:
        _show(out, {"finished": False, "error": f"the explorer cannot read its plan: {error}"})
        return 3
    gone = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(gone,), name="input", daemon=True).start()
    try:
        said = run(plan, api, lambda done, of, at: _show(out, {"done": done, "of": of, "at": at}), gone)
    except RelgateError as error:
        _show(out, {"finished": False, "error": str(error)})
        return 1
    except Exception as error:  # noqa: BLE001 - whatever a document or an answer does to a library ends in a hold
        traceback.print_exc()
        _show(out, {"finished": False, "error": f"{type(error).__name__}: {error}"})
        return 1
    _show(out, {"finished": True, "said": said})
    return 0


def _wait_for_the_end(gone: threading.Event) -> None:
    while sys.stdin.read(1):
        pass
    gone.set()


def _show(out: TextIO, document: dict[str, Any]) -> None:
    try:
        out.write(json.dumps(document) + "\n")
    except OSError:
        return  # Nobody reads any more: the end of the input says so too.


@dataclass
class _Sides:
    """Who is asked. ``shown``: headers of every request as a shell has them. ``clean``: takes secrets out of texts."""

    candidate: Side
    baseline: Side | None
    shown: list[tuple[str, str]]
    clean: Redactor


def run(plan: dict[str, Any], api: Api, progress: Callable[[int, int, str], None], gone: threading.Event) -> str:
    """Explore what a plan asks for, write the result into its folder, and return a sentence about it.

    Raises:
        RelgateError: the service, its document or a file is at fault.

    """
    started_s = time.monotonic()
    os.chdir(plan["project"])
    folder = Path(plan["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    candidate = _side(plan, "candidate", api)
    document = _document(api.openapi, candidate)
    # Logged in only now: the token is no part of what asks for the document.
    sides = _log_in(plan, api, candidate)
    methods = _methods(plan, api)
    kept = chosen(operations(document), api.include, api.exclude, methods)
    book = Book(frozenset(plan["wanted"]), with_examples(kept, api.examples))
    bounds = _bounds(plan, api, methods)
    asking = Asking(book, OpenApi(document), candidate, sides.baseline, bounds, _sometimes(progress, gone))
    journals = _Journals(folder / MADE, plan, sides)
    walk = Walk(asking, document, journals.write)
    ended = "everything that could be asked was asked"
    try:
        walk.explore()
        ended = "the budget is spent" if not asking.left else ended
    except _GoneError:
        ended = "whoever started it is gone"
    finally:
        removed = walk.things.clean()
        journals.close()
    exploration = replace(
        _result(plan, walk, sides),
        title=_title(document),
        document=api.openapi,
        removed=removed,
        ended=ended,
        took_s=round(time.monotonic() - started_s, 3),
    )
    content = sides.clean.json(json.loads(encode(exploration)))
    _write(folder / NAME, json.dumps(content, indent=1))
    _write(folder / PAGE, markdown(content))
    if gone.is_set():
        raise SourceError("whoever started the explorer is gone")
    return (
        f"{asking.sent} requests to {len(book.operations)} operations, seed {plan['seed']}, {exploration.took_s:.1f} s"
    )


def _result(plan: dict[str, Any], walk: Walk, sides: _Sides) -> Exploration:
    asking = walk.asking
    return Exploration(
        run_id=plan["run_id"],
        gates=asking.book.results(lambda entry: _command(entry, sides)),
        document="",
        title="",
        seed=plan["seed"],
        candidate=sides.candidate.url,
        baseline=sides.baseline.url if sides.baseline is not None else None,
        operations=asking.book.table(),
        requests={"candidate": asking.sent, "baseline": asking.sent_other},
        made=len(walk.things.made),
        left=tuple(_left(walk, sides)),
        versions={name: metadata.version(name) for name in ("schemathesis", "hypothesis", "httpx")},
    )


def _title(document: dict[str, Any]) -> str:
    info = document.get("info") or {}
    return f"{info.get('title', '')} {info.get('version', '')}".strip()


def _methods(plan: dict[str, Any], api: Api) -> tuple[str, ...]:
    """Return the methods that are sent; empty for all."""
    if not plan["read_only"]:
        return api.methods
    methods = tuple(one for one in (api.methods or ("GET", "HEAD")) if one in ("GET", "HEAD"))
    if not methods:
        raise SourceError("the environment is read-only, and api.methods has neither GET nor HEAD")
    return methods


def _bounds(plan: dict[str, Any], api: Api, methods: tuple[str, ...]) -> Bounds:
    return Bounds(
        requests=api.requests,
        time_s=api.time_s,
        timeout_s=api.timeout_s,
        seed=plan["seed"],
        header=api.ids,
        undocumented=api.undocumented,
        ignore=api.ignore,
        stateful=api.stateful and (not methods or bool(set(methods) - SAFE)),
        read_only=plan["read_only"],
    )


class _Journals:
    """Writes down each thing that is made and removed, at once: it is there after a crash too.

    Once for who reads the evidence, and once for ``relgate sweep``, which removes what a killed explorer left.
    """

    def __init__(self, path: Path, plan: dict[str, Any], sides: _Sides) -> None:
        self._path, self._clean = path, sides.clean
        self._of = {
            name: Journal(Path(plan["run"]), Owner(plan["run_id"], f"api-{name}", plan["environment"], side.url))
            for name, side in (("candidate", sides.candidate), ("baseline", sides.baseline))
            if side is not None
        }
        self._undos: dict[tuple[str, str], Undo] = {}

    def write(self, event: str, side: str, request: str) -> None:
        """Write down that something was made or removed; ``request`` removes it: a method and a path."""
        line = {"event": event, "side": side, "request": self._clean.text(request)}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        undo = self._undos.pop((side, request), None)
        if event == "made":
            method, _, path = request.partition(" ")
            self._undos[side, request] = undo or self._of[side].add(method, path, EXPLORER)
        elif undo is not None:
            self._of[side].done(undo)

    def close(self) -> None:
        """Give the files up; those with nothing left to remove are gone."""
        for journal in self._of.values():
            journal.close()


def _command(entry: Entry, sides: _Sides) -> str:
    """Return the line for a shell that shows a fault again: on both sides, where it is a difference."""
    url, other, shown = sides.candidate.url, None, sides.shown
    if sides.baseline is not None and entry.seen.gate == DIFFERENTIAL:
        other = sides.baseline.url
    if len(entry.asks) == 1:
        return sides.clean.text(curl.line(url, entry.asks[0], shown, other))
    urls = [url] if other is None else [other, url]
    return sides.clean.text("; echo; ".join(curl.sequence(one, entry.asks, shown, entry.link) for one in urls))


def _left(walk: Walk, sides: _Sides) -> Iterator[dict[str, str]]:
    for name, ask in walk.things.left:
        side = sides.candidate if name == "candidate" or sides.baseline is None else sides.baseline
        yield {"side": name, "command": sides.clean.text(curl.line(side.url, ask, sides.shown))}


class _GoneError(BaseException):
    """Whoever started this process is gone."""


def _sometimes(progress: Callable[[int, int, str], None], gone: threading.Event) -> Callable[[int, int, str], None]:
    last_s = 0.0

    def told(done: int, of: int, at: str) -> None:
        nonlocal last_s
        if gone.is_set():
            raise _GoneError
        if time.monotonic() - last_s > 0.5:
            last_s = time.monotonic()
            progress(done, of, at)

    return told


def _side(plan: dict[str, Any], name: str, api: Api) -> Side:
    side = plan[name]
    return Side(side["url"], side["headers"], api.timeout_s, verify=plan["verify"], ca=plan["ca"])


def _document(place: str, candidate: Side) -> dict[str, Any]:
    """Read the document from the candidate, or from a file.

    Raises:
        SourceError: it is not there, or is neither JSON nor YAML.

    """
    if place.startswith("/"):
        answer = candidate.send(Ask("the document", "GET", place))
        where = f"{candidate.url}{place}"
        if answer.status != 200:
            raise SourceError(f"{where}: expected an OpenAPI document, got {answer.error or answer.status}")
        text = answer.body
    else:
        where = place
        try:
            text = Path(place).read_bytes()
        except OSError as error:
            raise SourceError(f"{place}: the OpenAPI document cannot be read ({error.strerror})") from error
    import yaml

    try:
        found = json.loads(text) if text.lstrip().startswith(b"{") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise SourceError(f"{where}: expected JSON or YAML, got something else ({first_line(error)})") from error
    if not isinstance(found, dict):
        raise SourceError(f"{where}: expected an OpenAPI document, got {type(found).__name__}")
    return found


def _log_in(plan: dict[str, Any], api: Api, candidate: Side) -> _Sides:
    """Return both sides, each with a token of its own where the policy has a login.

    Raises:
        SourceError: there is no token.

    """
    compared = plan["baseline"] is not None and DIFFERENTIAL in plan["wanted"]
    baseline = _side(plan, "baseline", api) if compared else None
    secrets, shown = list(plan["secrets"]), list(plan["candidate"]["shown"].items())
    if api.login is not None:
        secrets += [_token(side, api.login) for side in (candidate, baseline) if side is not None]
        shown.append((api.login.header, f"{api.login.prefix}{_SHOWN_TOKEN}"))
    return _Sides(candidate, baseline, shown, Redactor(tuple(secrets), tuple(plan["redact"])))


def _token(side: Side, login: Login) -> str:
    """Ask a side for a token, send it from then on, and return it."""
    body = json.dumps(login.json_body).encode()
    answer = side.send(Ask("the login", "POST", login.path, (("Content-Type", "application/json"),), body))
    token = ids.at(answer.json(), login.token)
    if not answer.good or not isinstance(token, str) or not token:
        got = answer.error or f"HTTP {answer.status}"
        raise SourceError(f"{side.url}{login.path}: expected a token at {login.token}, got {got}: check api.login")
    side.headers[login.header] = f"{login.prefix}{token}"
    return token


def _write(path: Path, text: str) -> None:
    try:
        draft = path.with_name(f"{path.name}.draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be written ({error.strerror})") from error


if __name__ == "__main__":
    sys.exit(main())
