"""Correlation ids: which answers break the rules, and how.

An answer breaks at most one rule, the first of missing, malformed, not echoed, duplicate. Answers with an error
status count like all others, because they are the ones that somebody will look up; requests without any answer
(status 0) cannot carry an id and are left out, counted apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relgate.values import IdFact

EXAMPLES = 5
"""Examples kept of each reason."""

LONGEST = 1024
"""Characters of the longest id that is believed; a longer one is malformed whatever the format."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Violations:
    """What ``n`` answers did wrong: counts by reason and examples (``path: id``).

    ``on_errors``: violations among answers with a status >= 400, ``errors``: how many such answers there were.
    ``unanswered``: requests without any answer; not in ``n``.
    """

    n: int
    counts: tuple[tuple[str, int], ...]
    examples: tuple[tuple[str, tuple[str, ...]], ...]
    on_errors: int
    errors: int
    unanswered: int

    @property
    def total(self) -> int:
        """Answers that broke a rule."""
        return sum(count for _, count in self.counts)

    def notes(self) -> tuple[str, ...]:
        """Say what went wrong in words: each reason with its count and an example, and the share of error answers."""
        told = [f"{count} {reason}, e.g. {dict(self.examples)[reason][0]}" for reason, count in self.counts]
        if self.on_errors:
            told.append(f"{self.on_errors} of them on {self.errors} error answers")
        if self.unanswered:
            told.append(f"{self.unanswered} requests without an answer left out")
        return tuple(told)


def well_formed(value: str, format: str) -> bool:  # noqa: A002
    """Whether an id has the format: ``any`` (printable, no blanks), ``uuid``, ``traceparent`` or a regular expression.

    ``traceparent`` follows W3C Trace Context, section 3.2: 2-32-16-2 lower-case hexadecimal digits, no id all zero,
    version not ff; only versions after 00 may go on behind a dash. The nil UUID identifies nothing and is refused.
    """
    if not 0 < len(value) <= LONGEST:
        return False
    if format == "any":
        return value.isprintable() and not re.search(r"\s", value)
    if format == "uuid":
        return bool(_UUID.fullmatch(value)) and bool(re.search(r"[1-9a-fA-F]", value))
    if format == "traceparent":
        found = _TRACEPARENT.fullmatch(value)
        if found is None or found[1] == "ff" or (found[1] == "00" and found[5] is not None):
            return False
        return bool(found[2].strip("0")) and bool(found[3].strip("0"))
    return re.fullmatch(format, value) is not None


def check(facts: tuple[IdFact, ...], *, format: str = "any", echo: bool = False) -> Violations:  # noqa: A002
    """Check the header of every answer. ``echo``: the answer must carry the very id that was sent.

    Without ``echo`` two answers may not share an id; with it they may when two requests did.
    """
    seen: set[str] = set()
    found: list[tuple[IdFact, str]] = []
    answered = [fact for fact in facts if fact.status > 0]
    for fact in answered:
        reason = _reason(fact, format, seen, echo=echo)
        if reason is not None:
            found.append((fact, reason))
        if fact.got is not None:
            seen.add(fact.got)
    return _summary(found, answered, len(facts) - len(answered))


def check_logged(facts: tuple[IdFact, ...]) -> Violations:
    """Check the ids that were looked up in the service's log; ``n`` counts only those."""
    looked_up = [fact for fact in facts if fact.logged is not None]
    found = [(fact, "not found in the log") for fact in looked_up if not fact.logged]
    return _summary(found, looked_up, 0)


def _reason(fact: IdFact, format_: str, seen: set[str], *, echo: bool) -> str | None:
    if fact.got is None or not fact.got.strip():
        return "missing"
    if not well_formed(fact.got, format_):
        return "malformed"
    if echo:
        return None if fact.got == fact.sent else "not echoed"
    return "duplicate" if fact.got in seen else None


def _summary(found: list[tuple[IdFact, str]], answers: list[IdFact], unanswered: int) -> Violations:
    grouped: dict[str, list[str]] = {}
    for fact, reason in found:
        grouped.setdefault(reason, []).append(f"{fact.path}: {(fact.got or fact.sent or 'no id')[:80]}")
    return Violations(
        n=len(answers),
        counts=tuple((reason, len(texts)) for reason, texts in grouped.items()),
        examples=tuple((reason, tuple(texts[:EXAMPLES])) for reason, texts in grouped.items()),
        on_errors=sum(fact.status >= 400 for fact, _ in found),
        errors=sum(fact.status >= 400 for fact in answers),
        unanswered=unanswered,
    )
