"""Which versions a polled endpoint told: all of them, how often, and from which answers none could be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.measure import body

if TYPE_CHECKING:
    from relgate.values import Answer

USUAL = (
    "/version",
    "/releaseId",
    "/Version",
    "/appVersion",
    "/build/version",
    "/deployment/version",
    "/app/version",
    "/info/build/version",
)
"""Where a version usually stands (aspnet, health+json, Spring Boot's /info), in the order of the search."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What was told in ``n`` answers: versions with counts, most frequent first.

    ``unread``: 2xx answers without a version. ``failed``: no answer, or none of class 2xx. ``cached``: answers with an
    Age above 0, which tell what was true some time ago; they are in ``seen`` but are no fresh evidence.
    """

    seen: tuple[tuple[str, int], ...]
    n: int
    fresh: int
    unread: int
    failed: int
    cached: int
    last: str | None

    def doubt(self, tolerated: int) -> str | None:
        """Say why these answers do not prove a version although no other was seen; None when they do."""
        if self.unread:
            return f"no version could be read from {self.unread} of {self.n} answers"
        if self.failed > tolerated:
            return f"{self.failed} of {self.n} polls had no good answer"
        return "the last poll had no good answer" if self.n and self.last is None else None

    def blemish(self) -> str | None:
        """Say what a person should know about a version that is right; None when there is nothing."""
        if self.cached:
            return f"{self.cached} of {self.n} answers came from a cache"
        return f"{self.failed} of {self.n} polls had no good answer" if self.failed else None


def version_of(document: body.Json, pointer: str | None) -> str | None:
    """Return the version in a parsed body: at ``pointer``, or at the first of the USUAL places; None without one."""
    if isinstance(document, str):
        return body.text_of(document) if pointer in (None, "") else None
    places = USUAL if pointer is None else (pointer,)
    return next((text for place in places if (text := body.text_of(body.pointer(document, place)))), None)


def read(answers: tuple[Answer, ...], pointer: str | None = None) -> Versions:
    """All versions that ``answers`` (in time order) told. A body that is only text counts whole, if it is short."""
    counts: dict[str, int] = {}
    unread = failed = cached = fresh = 0
    last = None
    for answer in answers:
        last = None
        if answer.error is not None or answer.code is None or not 200 <= answer.code < 300:
            failed += 1
            continue
        last = _told(answer, pointer)
        if last is None:
            unread += 1
            continue
        counts[last] = counts.get(last, 0) + 1
        if age_s(answer) > 0:
            cached += 1
        else:
            fresh += 1
    seen = tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Versions(seen, len(answers), fresh, unread, failed, cached, last)


def same(seen: str, expected: str) -> bool:
    """Whether two versions are one: equal, but for a ``v`` before the first digit (the tag's habit)."""
    return _bare(seen) == _bare(expected)


def age_s(answer: Answer) -> float:
    """Seconds that a cache held the answer (the Age header, RFC 9111); 0 without one, infinite if it is unreadable."""
    for name, value in answer.headers:
        if name.lower() == "age":
            return float(value) if re.fullmatch(r"[0-9]{1,12}", value.strip()) else float("inf")
    return 0.0


def _told(answer: Answer, pointer: str | None) -> str | None:
    readable, document = body.parse(answer.body)
    if readable:
        return version_of(document, pointer)
    text = answer.body.strip()
    # A page of HTML is no version; neither is a text when the policy points into JSON.
    return text if pointer is None and re.fullmatch(r"[vV]?[0-9][0-9A-Za-z.+_-]{0,63}", text) else None


def _bare(version: str) -> str:
    return re.sub(r"^[vV](?=[0-9])", "", version.strip())
