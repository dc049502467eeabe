"""What one answer says by itself: errors, and the id that leads to its log lines. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from relgate.openapi.faults import CORRELATION, ERRORS, SCHEMA
from relgate.ports.exploring import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from relgate.ports.exploring import Answer, Ask, Breach

_ID_FIELDS = ("correlation_id", "correlationId", "request_id", "requestId", "trace_id", "traceId")


class Seen(NamedTuple):
    """A fault that an answer shows. ``place`` tells faults of one operation and code apart."""

    gate: str
    code: str
    place: str
    what: str


def errors(ask: Ask, answer: Answer, timeout_s: float) -> Iterator[Seen]:
    """Yield why an answer is an error of the service."""
    if answer.error is not None and answer.error.startswith("timeout"):
        yield Seen(ERRORS, "too-slow", "", f"no answer within {timeout_s:g} s{_to(ask)}")
    elif answer.status is None:
        yield Seen(ERRORS, "no-answer", "", f"{answer.error or 'no answer'}{_to(ask)}")
    elif answer.status >= 500:
        yield Seen(ERRORS, "server-error", str(answer.status), f"answered {answer.status}{_to(ask)}")


def documented(ask: Ask, breaches: Iterable[Breach], allowed: Iterable[tuple[int, int]], status: int) -> Iterator[Seen]:
    """Yield how an answer breaks the document. ``allowed``: statuses that need not be documented."""
    for one in breaches:
        if one.code == "undocumented-status" and any(low <= status <= high for low, high in allowed):
            continue
        yield Seen(SCHEMA, one.code, one.place, f"{one.text}{_to(ask)}")


def correlated(answer: Answer, header: str, seen: Mapping[str, str]) -> Iterator[Seen]:
    """Yield what is wrong with an answer's id. ``seen``: ids of earlier answers -> their operations."""
    if answer.status is None:
        return
    kind = "an error" if answer.status >= 400 else "an answer"
    found = (answer.header(header) or "").strip()
    if not found:
        yield Seen(CORRELATION, "no-id", f"{answer.status // 100}xx", f"{kind} ({answer.status}) has no {header}")
        return
    if found in seen:
        yield Seen(
            CORRELATION, "id-twice", "", f"{header} {found[:80]} was that of another request, {seen[found]}, too"
        )
    body = answer.json()
    said: Any = NOTHING
    if isinstance(body, dict):
        said = next((body[name] for name in _ID_FIELDS if isinstance(body.get(name), str)), NOTHING)
    if answer.status >= 400 and said is not NOTHING and said != found:
        yield Seen(CORRELATION, "id-differs", "", f"{header} is {found[:80]}, the body says {str(said)[:80]}")


def _to(ask: Ask) -> str:
    return f", to {ask.how}" if ask.how else ""
