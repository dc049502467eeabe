"""Certificates, free space, and headers of the candidate's answers."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from relgate.acting import access_of
from relgate.adapters.certificates import shake
from relgate.adapters.disk import space
from relgate.adapters.http import Endpoint
from relgate.ports.preflight import Heard
from relgate.preflight import hosts
from relgate.questions.answer import Answer
from relgate.questions.commands import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from relgate.policy.hosts import Certificates, Headers
    from relgate.settings import Run

_TIMEOUT_S = 10.0


def certificates(gate: str, wanted: Certificates, run: Run) -> Answer:
    """Shake hands with each host, as a client that trusts the system's authorities and those of the policy."""
    ca = str(folder_of(run) / wanted.ca) if wanted.ca is not None else run.environment.tls.ca
    seen = [shake(host, port, ca) for host, port in wanted.hosts]
    return Answer(hosts.certificates(gate, seen, wanted.valid_for_s, run.started_s), _lines(map(asdict, seen)))


def disk(gate: str, wanted: Mapping[str, float], run: Run) -> Answer:
    """Look at the file systems of this machine."""
    seen = [(space(folder_of(run) / path), least) for path, least in wanted.items()]
    return Answer(hosts.disk(gate, seen), _lines(asdict(one) for one, _ in seen))


def headers(gate: str, wanted: Headers, run: Run) -> Answer:
    """Ask the candidate as a browser does: for itself, and for pages of other origins."""
    access = access_of(run.environment)
    endpoint = Endpoint(run.candidate_url, access, _TIMEOUT_S)
    heard: list[Heard] = []
    try:
        for method, path, origin, asks_for in hosts.questions(wanted):
            sent = {"Origin": origin} if origin is not None else {}
            sent |= {"Access-Control-Request-Method": asks_for} if asks_for is not None else {}
            reply = endpoint.ask(url=f"{run.candidate_url}{path}", method=method, headers=sent)
            heard.append(Heard(method, path, origin, reply.code, reply.headers, reply.error, asks_for))
    finally:
        endpoint.close()
    return Answer(hosts.headers(gate, wanted, heard), _lines(asdict(_kept(one, wanted)) for one in heard))


def _kept(one: Heard, wanted: Headers) -> Heard:
    """Return what is kept of an answer: the headers that were looked at. Others may hold a session."""
    names = {"vary", *(name.lower() for name in wanted.require)}
    told = [pair for pair in one.headers if pair[0] in names or pair[0].startswith("access-control-")]
    return replace(one, headers=tuple(told))


def _lines(values: Iterable[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)
