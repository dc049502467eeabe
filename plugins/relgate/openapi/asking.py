"""Ask both sides the same, within a budget: examine each answer of the candidate, compare it with the baseline's.

Both sides get the same requests in the same order, so that what they store stays alike. Where answers differ both are
asked again: what differs between two answers of one side is noise, and no change.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from relgate.openapi import checks, shapes
from relgate.openapi.faults import CORRELATION, DIFFERENTIAL, ERRORS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.openapi.book import Book, Key
    from relgate.openapi.checks import Seen
    from relgate.ports.exploring import Answer, Ask, Contract, Sender

LEAST_PAIRS, SLOWER, SLOWER_S = 10, 2.0, 0.05
"""When a median counts as slower: so many requests, so many times as long, so many seconds more."""

After = tuple["Ask", tuple[str, str] | None]
"""The request that made a thing, and the field of its answer that names it, with its value."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What exploring may cost, and what holds for every answer.

    ``requests``: most to the candidate; the baseline gets at most as many. ``header``: of the correlation id.
    ``undocumented``: statuses that need not be in the document. ``ignore``: fields that may differ.
    """

    requests: int
    time_s: float
    timeout_s: float
    seed: int
    header: str = "X-Correlation-ID"
    undocumented: tuple[tuple[int, int], ...] = ()
    ignore: tuple[str, ...] = ()
    stateful: bool = True
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """The answers of both sides to one request. ``keys``: the faults that were written down."""

    mine: Answer
    theirs: Answer | None
    keys: tuple[Key, ...] = ()


@dataclass
class Asking:
    """Sends, examines, compares, counts. ``ids``: correlation ids of answers -> their operations."""

    book: Book
    contract: Contract
    candidate: Sender
    baseline: Sender | None
    bounds: Bounds
    progress: Callable[[int, int, str], None]
    sent: int = 0
    sent_other: int = 0
    started_s: float = field(default_factory=time.monotonic)
    ids: dict[str, str] = field(default_factory=dict)
    smallest: dict[str, Ask] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Requests that may still be sent; 0 when the time is over."""
        if time.monotonic() - self.started_s >= self.bounds.time_s:
            return 0
        return max(0, self.bounds.requests - self.sent)

    @property
    def affordable(self) -> int:
        """Requests that fit into what is left of budget and time, at the pace until now."""
        spent_s = time.monotonic() - self.started_s
        if not self.sent or spent_s <= 0:
            return self.left
        return min(self.left, int((self.bounds.time_s - spent_s) * self.sent / spent_s))

    def ask(
        self,
        ask: Ask,
        other: Ask | None = None,
        *,
        known: bool = True,
        again: bool = True,
        after: After | None = None,
    ) -> Pair | None:
        """Ask both sides; None when the budget is spent.

        Args:
            ask: what the candidate is asked.
            other: what the baseline is asked, where the thing has another id there.
            known: whether what the path names is known to be on both sides.
            again: whether asking a second time may have the same answer.
            after: what made the thing that is asked for: whoever wants to see a fault again has to make one too.

        """
        if self.left < 1:
            return None
        self.progress(self.sent, self.bounds.requests, ask.operation)
        self.smallest[ask.operation] = min(self.smallest.get(ask.operation, ask), ask, key=lambda one: one.size)
        mine, theirs = self._both(ask, other or ask)
        keys = self._examined(ask, mine, after)
        self.book.took_s[ask.operation].append((mine.took_s, theirs.took_s if theirs is not None else None))
        if theirs is not None and self.book.wanted & {DIFFERENTIAL}:
            if theirs.status is not None:
                self.book.compared.add(ask.operation)
            if again:
                keys += self._compared(ask, other or ask, mine, theirs, after, known=known)
        return Pair(mine, theirs, tuple(keys))

    def _both(self, ask: Ask, other: Ask) -> tuple[Answer, Answer | None]:
        """Ask each side once, in turns who is first: whoever is second may find something warm."""
        self.sent += 1
        if self.baseline is None:
            return self.candidate.send(ask), None
        self.sent_other += 1
        if self.sent % 2:
            mine = self.candidate.send(ask)
            return mine, self.baseline.send(other)
        theirs = self.baseline.send(other)
        return self.candidate.send(ask), theirs

    def _examined(self, ask: Ask, answer: Answer, after: After | None) -> list[Key]:
        book, bounds = self.book, self.bounds
        book.asked(ask, answer)
        found: list[Seen] = []
        if ERRORS in book.wanted:
            found += checks.errors(ask, answer, bounds.timeout_s)
        if SCHEMA in book.wanted and answer.status is not None and answer.status < 500:
            breaches = self.contract.breaches(ask, answer)
            found += checks.documented(ask, breaches, bounds.undocumented, answer.status)
        if CORRELATION in book.wanted:
            found += checks.correlated(answer, bounds.header, self.ids)
            told = (answer.header(bounds.header) or "").strip()
            if told:
                self.ids.setdefault(told, ask.operation)
        return self._added(found, ask, answer, after)

    def _added(self, found: list[Seen], ask: Ask, answer: Answer, after: After | None) -> list[Key]:
        asks, link = ((ask,), None) if after is None else ((after[0], ask), after[1])
        return [key for one in found if (key := self.book.add(one, asks, answer, link)) is not None]

    def _compared(
        self, ask: Ask, other: Ask, mine: Answer, theirs: Answer, after: After | None, *, known: bool
    ) -> list[Key]:
        if not any(True for _ in shapes.differences((mine,), (theirs,), self.bounds.ignore)):
            return []
        if not known and {mine.status, theirs.status} & {404, 410} and (mine.good or theirs.good):
            self.book.note(DIFFERENTIAL, f"{ask.operation}: the two sides do not hold the same things")
            return []
        if self.left < 1:
            self.book.note(DIFFERENTIAL, f"{ask.operation}: a difference could not be asked for again")
            return []
        second, second_other = self._both(ask, other)
        self._examined(ask, second, after)
        if second.status is not None and second.status < 500:
            # Only what is an error now and none then: the same request does not show it each time.
            self.book.not_each_time(ask.operation, mine, second)
        if second_other is None:
            return []
        found = list(shapes.differences((mine, second), (theirs, second_other), self.bounds.ignore))
        return self._added(found, ask, second, after)

    def slower(self) -> None:
        """Write down which operations take longer than on the baseline, where the same requests say so clearly."""
        for label, pairs in self.book.took_s.items():
            both = [(mine, other) for mine, other in pairs if other is not None]
            if len(both) < LEAST_PAIRS or DIFFERENTIAL not in self.book.wanted:
                continue
            mine, theirs = (sorted(side)[len(both) // 2] for side in zip(*both, strict=True))
            clearly = sum(a > b for a, b in both) >= 0.9 * len(both)
            if clearly and mine > SLOWER * theirs and mine - theirs > SLOWER_S:
                what = f"{mine * 1000:.0f} ms instead of {theirs * 1000:.0f} ms, the median of {len(both)} requests"
                seen = checks.Seen(DIFFERENTIAL, "slower", "", what)
                self.book.add(seen, (self.smallest[label],), None)
