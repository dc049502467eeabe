"""Feature flags, evaluated by a service or a command."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

from relgate.adapters import process
from relgate.adapters.http import Endpoint
from relgate.ports.observing import Access
from relgate.preflight import flags as judging
from relgate.preflight.reading import UnreadableError
from relgate.questions.answer import Answer
from relgate.questions.commands import folder_of, told, variables
from relgate.references import resolve

if TYPE_CHECKING:
    from relgate.policy.flags import Flags
    from relgate.settings import Run

_PATH = "/ofrep/v1/evaluate/flags/"
"""https://github.com/open-feature/protocol: POST with the context, for one flag."""


def flags(gate: str, wanted: Flags, run: Run) -> Answer:
    """Evaluate each flag."""
    asked = _served(wanted, run) if wanted.ofrep is not None else _printed(wanted, run)
    evaluated: dict[str, judging.Evaluation | str] = {}
    for flag, (fault, body, _) in asked.items():
        if fault is not None:
            evaluated[flag] = fault
            continue
        try:
            evaluated[flag] = judging.read(body, flag)
        except UnreadableError as error:
            evaluated[flag] = str(error)
    return Answer(judging.judge(gate, wanted, evaluated), "".join(text for *_, text in asked.values()))


def _served(wanted: Flags, run: Run) -> dict[str, tuple[str | None, str, str]]:
    """Ask the service; return flag -> why there is no answer, the answer, and both for the evidence."""
    tls = run.environment.tls
    headers = tuple((name, resolve(value)) for name, value in wanted.headers.items())
    base = resolve(wanted.ofrep or "").rstrip("/")
    endpoint = Endpoint(base, Access(headers, tls.verify, tls.ca), wanted.timeout_s, "application/json")
    found: dict[str, tuple[str | None, str, str]] = {}
    try:
        for flag in wanted.wanted:
            url = f"{base}{_PATH}{quote(flag, safe='')}"
            reply = endpoint.ask(url=url, method="POST", json_body={"context": dict(wanted.context)})
            said = f"POST {_PATH}{flag}\n[{reply.fault or 'HTTP 200'}]\n{reply.text}\n"
            fault = reply.fault
            if fault is not None and reply.text.strip():
                fault = f"{fault}: {_details(reply.text)}"
            found[flag] = (fault, reply.text, said)
    finally:
        endpoint.close()
    return found


def _details(body: str) -> str:
    try:
        document = json.loads(body)
        return f"{document['errorCode']} {document.get('errorDetails') or ''}".strip()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return body.strip()[:100]


def _printed(wanted: Flags, run: Run) -> dict[str, tuple[str | None, str, str]]:
    """Run the command for each flag."""
    found: dict[str, tuple[str | None, str, str]] = {}
    for flag in wanted.wanted:
        line = (wanted.run or "").replace("{flag}", shlex.quote(flag))
        output = process.run(line, folder_of(run), variables(run), wanted.timeout_s)
        fault = output.fault
        if fault is None and (output.code != 0 or output.cut):
            last = (output.err or output.out).strip().splitlines()[-1:]
            fault = f"the command ended with {output.code}{': ' if last else ''}{''.join(last)[:200]}"
        found[flag] = (fault, output.out, told(line, output))
    return found
