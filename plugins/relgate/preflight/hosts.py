"""Certificates, free space and headers of answers against what a policy asks -> findings. Pure.

A host that does not answer, a path that cannot be looked at, a page that is not served: a problem, never a pass.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from relgate.kinds import blocks, warns
from relgate.smoke.headers import missing, weak
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from relgate.kinds import Fault
    from relgate.policy.hosts import Cors, Headers
    from relgate.ports.preflight import Heard, Shaken, Space

_DAY_S = 86400.0
_RENEW = "renew it, and see that whatever renews it runs"
FAULTS: dict[str, Fault] = {
    "expired": blocks("clients refuse it", _RENEW),
    "not-yet-valid": blocks("clients refuse it", "use one that is valid now; look at the clocks"),
    "wrong-host": blocks("clients refuse it: it is another host's", "serve the certificate of this host"),
    "untrusted": blocks("clients do not trust who made it", "serve the whole chain, or name its authority under ca"),
    "near-expiry": blocks("it ends while the release is watched, or soon after", _RENEW),
    "too-full": blocks("a rollout writes: images, logs, migrations", "make room there"),
    "header-missing": blocks("browsers protect users only where they are told to", "send it with every answer"),
    "header-weak": blocks("a header that protects nobody looks as if it did", "give it a value that protects"),
    "cors-closed": blocks("a page of ours cannot use the service", "allow this origin"),
    "cors-open": blocks("pages of others read what users may see", "allow origins by name, never by repeating them"),
    "cors-cached": warns("a cache gives one origin's answer to another", "send Vary: Origin"),
}


def certificates(gate: str, seen: Sequence[Shaken], valid_for_s: float, now_s: float) -> Findings:
    """Return what is wrong with the certificates of hosts."""
    found = [_finding(gate, one.refused[0], f"{one.host}: {one.refused[1]}") for one in seen if one.refused is not None]
    for one in seen:
        for certificate in one.chain:
            if certificate.until_s - now_s < valid_for_s:
                ends = datetime.fromtimestamp(certificate.until_s, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
                left = f"{(certificate.until_s - now_s) / _DAY_S:.1f} days left of {valid_for_s / _DAY_S:g}"
                found.append(_finding(gate, "near-expiry", f"{one.host}: {certificate.name} ends {ends}, {left}"))
    problems = tuple(f"{one.host}: {one.fault}" for one in seen if one.fault is not None)
    return Findings(gate, "hosts", len(seen) - len(problems), len(seen), tuple(found), problems)


def disk(gate: str, seen: Sequence[tuple[Space, float]]) -> Findings:
    """Return where too little is free: bytes, or files. Each with the share that must be free."""
    found: list[Finding] = []
    notes: list[str] = []
    for one, least in seen:
        for what, free in (("space", one.free), ("files", one.files)):
            if free is None:
                continue
            text = f"{one.path}: {free:.1%} of its {what} free"
            notes.append(text)
            if not free >= least:
                found.append(_finding(gate, "too-full", f"{text}, expected {least:.1%}"))
    problems = tuple(f"{one.path} {one.fault}" for one, _ in seen if one.fault is not None)
    return Findings(gate, "paths", len(seen) - len(problems), len(seen), tuple(found), problems, notes=tuple(notes))


def headers(gate: str, wanted: Headers, heard: Sequence[Heard]) -> Findings:
    """Return what answers of the candidate do not say, or to whom they must not say it."""
    found: list[Finding] = []
    problems = [f"{_asked(one)}: {fault}" for one in heard if (fault := _no_answer(one)) is not None]
    for one in heard:
        if _no_answer(one) is not None:
            continue
        if one.origin is None:
            said = {name: one.header(name) or "" for name, _ in one.headers}
            found += [
                _finding(gate, "header-missing", f"{_asked(one)} has no {name}")
                for name in missing(wanted.require, said)
            ]
            names = {name.lower() for name in wanted.require}
            relevant = {name: value for name, value in said.items() if name in names}
            found += [_finding(gate, "header-weak", f"{_asked(one)}: {fault}") for fault in weak(relevant)]
        elif wanted.cors is not None:
            found += _shared(gate, wanted.cors, one)
    return Findings(gate, "answers", len(heard) - len(problems), len(heard), tuple(found), tuple(problems))


def questions(wanted: Headers) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Yield what to ask: method, path, origin, and the method that the origin asks for."""
    for path in wanted.paths:
        yield "GET", path, None, None
        if wanted.cors is None:
            continue
        for origin in wanted.cors.allow:
            yield "GET", path, origin, None
            for method in wanted.cors.methods:
                yield "OPTIONS", path, origin, method
        for origin in wanted.cors.refuse:
            yield "GET", path, origin, None
            yield "OPTIONS", path, origin, "GET"


def _shared(gate: str, cors: Cors, one: Heard) -> Iterator[Finding]:
    given = one.header("access-control-allow-origin")
    open_to = given is not None and given in (one.origin, "*")
    if one.origin in cors.refuse:
        if open_to:
            more = ", with its cookies" if _told(one, "access-control-allow-credentials", "true") else ""
            yield _finding(gate, "cors-open", f"{_asked(one)} is allowed ({given}{more})")
        return
    if not open_to:
        yield _finding(gate, "cors-closed", f"{_asked(one)} is not allowed ({given or 'no answer to that'})")
    elif one.asks_for is not None and not (one.code is not None and 200 <= one.code < 300):
        yield _finding(gate, "cors-closed", f"{_asked(one)} answered {one.code}, which browsers take for a no")
    elif one.asks_for is not None and not _told(one, "access-control-allow-methods", one.asks_for):
        # These need no leave: https://fetch.spec.whatwg.org/#cors-safelisted-method
        if one.asks_for not in ("GET", "HEAD", "POST"):
            yield _finding(gate, "cors-closed", f"{_asked(one)}: {one.asks_for} is not among the methods")
    elif given != "*" and len(cors.allow) > 1 and not _told(one, "vary", "origin"):
        yield _finding(gate, "cors-cached", f"{_asked(one)} names the origin without Vary: Origin")


def _told(one: Heard, name: str, word: str) -> bool:
    words = {part.strip().lower() for part in (one.header(name) or "").split(",")}
    return word.lower() in words or "*" in words


def _no_answer(one: Heard) -> str | None:
    """Return why an answer says nothing about what users get; None where it does."""
    if one.fault is not None:
        return one.fault
    if one.method == "GET" and not (one.code is not None and 200 <= one.code < 300):
        return f"answered {one.code}: name a path that is served"
    # Servers may refuse OPTIONS: what they say about origins counts all the same, unless they are broken.
    return f"answered {one.code}" if one.code is None or one.code >= 500 else None


def _asked(one: Heard) -> str:
    origin = f" from {one.origin}" if one.origin is not None else ""
    method = f" for {one.asks_for}" if one.asks_for is not None else ""
    return f"{one.method} {one.path}{origin}{method}"


def _finding(gate: str, code: str, what: str) -> Finding:
    fault = FAULTS[code]
    return Finding(gate, code, what, fault.why, fault.do, fault.blocks)
