"""What an exploration writes down: faults with their smallest request, what was asked, what was examined."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from relgate.openapi.faults import CORRELATION, DIFFERENTIAL, ERRORS, FAULTS, IDS, SCHEMA
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from relgate.openapi.checks import Seen
    from relgate.openapi.document import Operation
    from relgate.ports.exploring import Answer, Ask

_SECRET = re.compile(r"""(?i)("[^"]*(?:token|password|secret|api_?key)[^"]*"\s*:\s*")[^"]+""")

_AGAIN = "; not each time: sent again it was answered "

MANY = 4
"""Operations with the same fault from which on it is told once."""

Key = tuple[str, str, str, str]  # gate, code, operation, place


@dataclass
class Entry:
    """One fault. ``asks``: the smallest requests that showed it, in order. ``shown``: the end of the last answer.

    ``link``: the field of the first answer whose value the path of the last request has, and that value.
    """

    seen: Seen
    operation: str
    asks: tuple[Ask, ...]
    shown: str
    times: int = 1
    link: tuple[str, str] | None = None

    @property
    def size(self) -> tuple[int, ...]:
        """What makes one proof smaller than another."""
        return (len(self.asks), sum(ask.size[0] for ask in self.asks))


@dataclass
class Book:
    """Collects what exploring finds.

    ``wanted``: gates to work for. ``operations``: what is to be examined. ``left_out``: operations that cannot be asked
    safely -> why.
    """

    wanted: frozenset[str]
    operations: tuple[Operation, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    entries: dict[Key, Entry] = field(default_factory=dict)
    statuses: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    took_s: dict[str, list[tuple[float, float | None]]] = field(default_factory=lambda: defaultdict(list))
    examined: set[str] = field(default_factory=set)
    compared: set[str] = field(default_factory=set)
    families: dict[str, bool] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    absent: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def asked(self, ask: Ask, answer: Answer) -> None:
        """Count a request to the candidate."""
        self.statuses[ask.operation][answer.shown] += 1

    def add(
        self, seen: Seen, asks: Sequence[Ask], answer: Answer | None, link: tuple[str, str] | None = None
    ) -> Key | None:
        """Write a fault down, or a smaller proof of it; None for a gate that nobody wants."""
        if seen.gate not in self.wanted:
            return None
        operation = asks[-1].operation
        key = (seen.gate, seen.code, operation, seen.place)
        made = Entry(seen, operation, tuple(asks), _excerpt(answer), link=link)
        known = self.entries.get(key)
        if known is not None:
            made.times = known.times + 1
            if known.size <= made.size:
                known.times += 1
                return key
        self.entries[key] = made
        return key

    def not_each_time(self, operation: str, first: Answer, second: Answer) -> None:
        """Say of an error that the same request was answered otherwise when it was sent again."""
        if first.status is not None and first.status < 500:
            return
        for (gate, _, where, _), entry in self.entries.items():
            if gate == ERRORS and where == operation:
                entry.seen = entry.seen._replace(what=f"{entry.seen.what.partition(_AGAIN)[0]}{_AGAIN}{second.shown}")

    def note(self, gate: str, text: str) -> None:
        """Note what a reader should know."""
        if text not in self.notes[gate]:
            self.notes[gate].append(text)

    def reached(self, label: str) -> bool:
        """Whether an operation was ever answered 2xx."""
        return any(status.startswith("2") for status in self.statuses[label])

    def results(self, command: Callable[[Entry], str]) -> dict[str, Findings]:
        """Return what each wanted gate found. ``command``: the line that shows a fault again."""
        if not any(self.reached(one.label) for one in self.operations):
            self.problems.append("no operation was ever answered 2xx: is the API reachable, is the token good?")
        return {gate: self._result(gate, command) for gate in sorted(self.wanted)}

    def _result(self, gate: str, command: Callable[[Entry], str]) -> Findings:
        expected = [one.label for one in self.operations if one.label not in self.left_out]
        done, what = self.examined, "operations"
        if gate == DIFFERENTIAL:
            done = self.compared
        if gate == IDS:
            expected, what = list(self.families), "kinds of things that are made"
            done = {label for label, read in self.families.items() if read}
        never = [label for label in expected if gate != IDS and not self.reached(label)]
        notes = [f"never answered 2xx: {', '.join(never)}"] if never else []
        notes += [f"not asked: {label}: {why}" for label, why in self.left_out.items() if gate != IDS]
        return Findings(
            gate=gate,
            what=what,
            checked=sum(label in done for label in expected),
            expected=max(1, len(expected)),
            findings=self._findings(gate, command),
            problems=tuple(self.problems),
            does_not_apply=self.absent.get(gate),
            notes=(*notes, *self.notes[gate]),
        )

    def _findings(self, gate: str, command: Callable[[Entry], str]) -> tuple[Finding, ...]:
        groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in self.entries.values():
            if entry.seen.gate == gate:
                groups[entry.seen.code, entry.seen.place].append(entry)
        found: list[Finding] = []
        for entries in groups.values():
            together = len({one.operation for one in entries}) >= MANY
            found += [_finding(entries, command)] if together else [_finding([one], command) for one in entries]
        order = {ERRORS: 0, SCHEMA: 1, IDS: 2, CORRELATION: 3, DIFFERENTIAL: 4}
        return tuple(sorted(found, key=lambda one: (order[one.gate], not one.blocks, one.code, one.path)))

    def table(self) -> tuple[dict[str, Any], ...]:
        """Return one entry an operation, for the report."""
        return tuple(self._row(one) for one in self.operations)

    def _row(self, one: Operation) -> dict[str, Any]:
        pairs = self.took_s[one.label]
        theirs = [other for _, other in pairs if other is not None]
        return {
            "operation": one.label,
            "id": one.id,
            "statuses": dict(sorted(self.statuses[one.label].items())),
            "examined": one.label in self.examined,
            "not_asked": self.left_out.get(one.label),
            "median_s": round(median(mine for mine, _ in pairs), 6) if pairs else None,
            "baseline_median_s": round(median(theirs), 6) if theirs else None,
        }


def _finding(entries: Sequence[Entry], command: Callable[[Entry], str]) -> Finding:
    first = min(entries, key=lambda one: one.size)
    fault = FAULTS[first.seen.gate].get(first.seen.code) or FAULTS[SCHEMA]["breach"]
    where = first.operation
    if len(entries) > 1:
        others = sorted({one.operation for one in entries})
        where = f"{len(others)} operations ({', '.join(others[:6])}{', ...' if len(others) > 6 else ''}), so {where}"
    times = sum(one.times for one in entries)
    return Finding(
        gate=first.seen.gate,
        code=first.seen.code,
        what=f"{where}: {first.seen.what}" + (f" (seen {times} times)" if times > 1 else ""),
        why=fault.why,
        do=fault.do,
        blocks=fault.blocks,
        reproduce=command(first),
        saw=first.shown,
    )


def _excerpt(answer: Answer | None) -> str:
    if answer is None:
        return ""
    text = _SECRET.sub(r"\g<1>[redacted]", answer.body[:600].decode("utf-8", "backslashreplace"))
    kind = answer.header("content-type")
    head = f"{answer.shown}{f' {kind}' if kind else ''}"
    return f"{head}\n{text}{'...' if len(answer.body) > 600 else ''}" if text else head
