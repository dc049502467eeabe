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
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from relgate.adapters.apiclient import Side
from relgate.adapters.schemathesis import OpenApi
from relgate.errors import RelgateError, SourceError
from relgate.openapi import curl, ids
from relgate.openapi.asking import Asking, Bounds
from relgate.openapi.book import Book, Entry
from relgate.openapi.document import SAFE, chosen, operations, with_examples
from relgate.openapi.faults import DIFFERENTIAL
from relgate.openapi.store import NAME, Exploration, encode
from relgate.openapi.walk import Walk
from relgate.policy.api import Api
from relgate.ports.exploring import NOTHING, Ask
from relgate.report.api import markdown
from relgate.report.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

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
    wanted = frozenset(plan["wanted"])
    baseline = _side(plan, "baseline", api) if plan["baseline"] is not None and DIFFERENTIAL in wanted else None
    document = _document(api.openapi, candidate)
    # Logged in only now: the token is no part of what asks for the document.
    secrets = list(plan["secrets"])
    shown = list(plan["candidate"]["shown"].items())
    if api.login is not None:
        secrets += [_log_in(side, api) for side in (candidate, baseline) if side is not None]
        shown.append((api.login.header, f"{api.login.prefix}{_SHOWN_TOKEN}"))
    clean = Redactor(tuple(secrets), tuple(plan["redact"]))
    methods = api.methods
    if plan["read_only"]:
        methods = tuple(one for one in (methods or ("GET", "HEAD")) if one in ("GET", "HEAD"))
        if not methods:
            raise SourceError("the environment is read-only, and api.methods has neither GET nor HEAD")
    kept = chosen(operations(document), api.include, api.exclude, methods)
    book = Book(wanted, with_examples(kept, api.examples))
    bounds = Bounds(
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
    made = folder / MADE

    def journal(event: str, side: str, request: str) -> None:
        line = {"event": event, "side": side, "request": clean.text(request)}
        with made.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    asking = Asking(book, OpenApi(document), candidate, baseline, bounds, _sometimes(progress, gone))
    walk = Walk(asking, document, journal)
    ended = "everything that could be asked was asked"
    try:
        walk.explore()
        ended = "the budget is spent" if not asking.left else ended
    except _GoneError:
        ended = "whoever started it is gone"
    finally:
        removed = walk.things.clean()

    def command(entry: Entry) -> str:
        other = baseline.url if baseline is not None and entry.seen.gate == DIFFERENTIAL else None
        if len(entry.asks) > 1:
            sides = [other, candidate.url] if other is not None else [candidate.url]
            lines = (curl.sequence(url, entry.asks, shown, entry.link) for url in sides)
            return clean.text("; echo; ".join(lines))
        return clean.text(curl.line(candidate.url, entry.asks[0], shown, other))

    results = book.results(command)
    left = [
        {
            "side": side,
            "command": clean.text(
                curl.line((candidate if side == "candidate" else baseline or candidate).url, ask, shown)
            ),
        }
        for side, ask in walk.things.left
    ]
    info = document.get("info") or {}
    exploration = Exploration(
        run_id=plan["run_id"],
        gates=results,
        document=api.openapi,
        title=f"{info.get('title', '')} {info.get('version', '')}".strip(),
        seed=plan["seed"],
        candidate=candidate.url,
        baseline=baseline.url if baseline is not None else None,
        operations=book.table(),
        requests={"candidate": asking.sent, "baseline": asking.sent_other},
        made=len(walk.things.made),
        removed=removed,
        left=tuple(left),
        versions={name: metadata.version(name) for name in ("schemathesis", "hypothesis", "httpx")},
        ended=ended,
        took_s=round(time.monotonic() - started_s, 3),
    )
    content = clean.json(json.loads(encode(exploration)))
    _write(folder / NAME, json.dumps(content, indent=1))
    _write(folder / PAGE, markdown(content))
    if gone.is_set():
        raise SourceError("whoever started the explorer is gone")
    return (
        f"{asking.sent} requests to {len(book.operations)} operations, seed {plan['seed']}, {exploration.took_s:.1f} s"
    )


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
        raise SourceError(
            f"{where}: expected JSON or YAML, got something else ({str(error).splitlines()[0]})"
        ) from error
    if not isinstance(found, dict):
        raise SourceError(f"{where}: expected an OpenAPI document, got {type(found).__name__}")
    return found


def _log_in(side: Side, api: Api) -> str:
    """Ask a side for a token, send it from then on, and return it.

    Raises:
        SourceError: there is no token.

    """
    login = api.login
    if login is None:
        return ""
    body = json.dumps(login.json_body).encode()
    answer = side.send(Ask("the login", "POST", login.path, (("Content-Type", "application/json"),), body))
    token = ids.at(answer.json(), login.token)
    if not answer.good or token is NOTHING or not isinstance(token, str) or not token:
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
