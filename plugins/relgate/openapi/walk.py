"""The walk over all operations: things and their lives first, then each operation in turns, until the budget is spent.

A turn of an operation asks what nobody asked it before: the plain valid request, requests at the edges of its inputs,
generated valid ones, generated wrong ones. Hypothesis makes a request that shows a fault smaller. The same seed, and
answers that are the same, give the same requests.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

from relgate.openapi.document import families
from relgate.openapi.edges import edges, rich
from relgate.openapi.faults import DIFFERENTIAL, IDS
from relgate.openapi.ids import harvested
from relgate.openapi.things import Things, placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hypothesis.strategies import SearchStrategy

    from relgate.openapi.asking import After, Asking, Pair
    from relgate.openapi.book import Key
    from relgate.openapi.document import Operation
    from relgate.openapi.edges import Edge
    from relgate.ports.exploring import Ask, Inputs

SHRINKS = 30
"""Most requests beyond a turn's own that go into making a fault smaller."""

LEAST_TURN = 6
_WORDS = {True: "a generated valid request", False: "a request that does not fit the document"}


class _FaultError(Exception):
    """What Hypothesis sees of a fault; each kind of fault has a class of its own, so that each is made smaller."""


@dataclass
class Walk:
    """One exploration.

    ``document``: what references in schemas lead to. ``journal``: see ``Things``.
    """

    asking: Asking
    document: Mapping[str, Any]
    journal: Callable[[str, str, str], None]
    things: Things = field(init=False)
    _plain: dict[str, Inputs | None] = field(default_factory=dict)
    _edges: dict[str, Iterator[Edge]] = field(default_factory=dict)
    _pools: dict[str, list[Any]] = field(default_factory=dict)
    _memo: dict[Ask, tuple[Key, ...]] = field(default_factory=dict)
    _errors: dict[Key, type[_FaultError]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stateful = self.asking.bounds.stateful and not self.asking.bounds.read_only
        kept = {one.label for one in self.operations}
        found = tuple(one for one in families(self.operations) if one.maker.label in kept) if stateful else ()
        self.things = Things(self.asking, found, self.plain, self.drawn, self._rich, self.journal)
        self.asking.book.families = {one.maker.label: False for one in found if one.reader is not None}

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations to be explored."""
        return self.asking.book.operations

    def explore(self) -> None:
        """Walk until the budget is spent, or nothing new can be asked."""
        self._apply()
        self.things.explore()
        todo = self._safely_asked()
        turn = 0
        while self.asking.left and todo:
            share = max(LEAST_TURN, self.asking.affordable // (2 * len(todo) if turn == 0 else len(todo)))
            before = self.asking.sent
            for one in todo:
                if not self.asking.left:
                    break
                self._turn(one, share, turn)
                n = sum(self.asking.book.statuses[one.label].values())
                if n and (self.asking.left or n >= LEAST_TURN):
                    self.asking.book.examined.add(one.label)
            turn += 1
            if self.asking.sent == before:
                break
        self.asking.slower()

    def _apply(self) -> None:
        """Say which gates have nothing to check here."""
        book, bounds = self.asking.book, self.asking.bounds
        if self.asking.baseline is None:
            book.absent[DIFFERENTIAL] = "there is no baseline to compare with"
        if bounds.read_only:
            book.absent[IDS] = "the environment is read-only: nothing is made"
        elif not bounds.stateful:
            book.absent[IDS] = "stateful is false: nothing is made"
        elif not book.families:
            book.absent[IDS] = "no operation of the document makes a thing that another one reads"

    def _safely_asked(self) -> list[Operation]:
        """Leave out what would change or remove things of others; returns what is left, makers last."""
        book, left = self.asking.book, []
        removers = {one.remover.label for one in self.things.families if one.remover is not None}
        for one in self.operations:
            if one.method == "DELETE":
                if one.label in removers and book.statuses[one.label]:
                    book.examined.add(one.label)
                else:
                    why = (
                        "nothing of the document makes what it removes" if one.names else "nobody says what it removes"
                    )
                    book.left_out[one.label] = why
            elif not one.safe and one.names and one.label not in self.things.owned:
                book.left_out[one.label] = "it changes a thing, and nothing of the document makes one"
            else:
                left.append(one)
        return sorted(left, key=lambda one: not one.safe)

    # What is sent

    def plain(self, one: Operation) -> Inputs | None:
        """Return the simplest valid inputs of an operation; None where there are none."""
        if one.label not in self._plain:
            strategy = self.asking.contract.inputs(one.label, valid=True)
            found = None if strategy is None else _simplest(strategy, self._seed(one, 0))
            if found is not None and one.examples:
                found = replace(found, body=one.examples[0], media_type=one.body_type)
            self._plain[one.label] = found
        return self._plain[one.label]

    def drawn(self, one: Operation, n: int) -> Iterator[Inputs]:
        """Yield generated valid inputs."""
        strategy = self.asking.contract.inputs(one.label, valid=True)
        if strategy is not None:
            yield from _drawn(strategy, n, self._seed(one, 1))

    def _rich(self, one: Operation, base: Inputs, turn: int) -> Inputs:
        return rich(one, base, self.document, turn)

    def _seed(self, one: Operation, turn: int) -> int:
        return zlib.crc32(f"{self.asking.bounds.seed} {one.label} {turn}".encode())

    def _turn(self, one: Operation, share: int, turn: int) -> None:
        """Ask an operation what it was not asked yet."""
        base = self.plain(one)
        if base is None:
            self.asking.book.note(DIFFERENTIAL, f"{one.label}: no valid request could be generated")
            return
        limit = self.asking.sent + share
        base = self._named(one, base)
        self._try(one, base, "the simplest valid request", valid=True)
        for value in self._known(one)[1:3]:
            self._try(one, replace(base, path={**base.path, one.names[-1]: value}), "a thing that exists", valid=True)
        if one.label not in self._edges:
            own = one.label in self.things.owned and not one.safe
            found = list(edges(one, base, self.document, own_path=own))
            self._edges[one.label] = iter(found)
        for edge in self._edges[one.label]:
            self._try(one, edge.inputs, edge.how, valid=edge.valid)
            if self.asking.sent >= limit - share // 3 or not self.asking.left:
                break
        for number, valid in enumerate((True, False)):
            quota = max(2, (limit - self.asking.sent) // (2 - number))
            self._generate(one, quota, valid=valid, seed=self._seed(one, 10 + 2 * turn + number))

    def _named(self, one: Operation, base: Inputs) -> Inputs:
        known = self._known(one)
        if one.label in self.things.owned:
            return placed(one, base, self.things.owned[one.label].mine[one.label])
        return replace(base, path={**base.path, one.names[-1]: known[0]}) if known else base

    def _known(self, one: Operation) -> list[Any]:
        """Return ids of existing things that a path may name: those that lists of both sides have."""
        return self._pools.get(one.label, []) if one.names else []

    def _try(
        self, one: Operation, inputs: Inputs, how: str, *, valid: bool, limit: int | None = None
    ) -> tuple[Key, ...]:
        """Ask what nobody asked yet; the faults that the answer shows, or showed. ``limit``: of all requests sent."""
        thing = self.things.owned.get(one.label)
        mine = thing.mine[one.label] if thing is not None else {}
        if thing is not None and not one.safe:
            inputs = placed(one, inputs, mine)
        if any("/" in str(value) for value in inputs.path.values()):
            return ()  # Encoded or not, many servers take it for another path.
        contract = self.asking.contract
        ask = contract.ask(one.label, inputs, how, valid=valid)
        if ask is None:
            return ()
        if ask in self._memo or (limit is not None and self.asking.sent >= limit):
            return self._memo.get(ask, ())
        other: Ask | None = None
        after: After | None = None
        known = not one.names
        if thing is not None and all(inputs.path.get(name) == mine.get(name) for name in one.names):
            after, theirs = (thing.make, thing.link(one)), thing.theirs.get(one.label)
            known = theirs is not None
            other = contract.ask(one.label, placed(one, inputs, theirs), how, valid=valid) if theirs else None
        elif one.names:
            known = inputs.path.get(one.names[-1]) in self._known(one)
        pair = self.asking.ask(ask, other, known=known, after=after)
        self._memo[ask] = pair.keys if pair is not None else ()
        if pair is not None:
            self._learn(one, inputs, ask, pair)
        return self._memo[ask]

    def _learn(self, one: Operation, inputs: Inputs, ask: Ask, pair: Pair) -> None:
        """Keep what an answer tells: things that were made, ids of things that exist."""
        for family in self.things.families:
            if family.maker is one:
                self.things.seen(family, inputs, ask, pair)
        if not (one.safe and pair.mine.good):
            return
        for target in self.operations:
            below = target.names and target.safe and target.path.startswith(f"{one.path.rstrip('/')}/{{")
            if below and target.label not in self._pools:
                names = (target.names[-1], "id", "ref", "uuid", "key", "slug")
                found = harvested(pair.mine.json(), names)
                if pair.theirs is not None:
                    others = set(map(str, harvested(pair.theirs.json(), names)))
                    found = [value for value in found if str(value) in others]
                if found:
                    self._pools[target.label] = found

    # Generated requests

    def _generate(self, one: Operation, quota: int, *, valid: bool, seed: int) -> None:
        """Ask generated requests, and make what shows a new fault smaller."""
        from hypothesis import Phase, given
        from hypothesis import seed as seeded
        from hypothesis.errors import HypothesisException

        strategy = self.asking.contract.inputs(one.label, valid=valid)
        if strategy is None or self.asking.left < 1:
            return
        old, pool = set(self.asking.book.entries), self._known(one)
        limit, shrinking = self.asking.sent + quota, False

        def examine(inputs: Inputs) -> None:
            nonlocal limit, shrinking
            dice = zlib.crc32(repr(inputs).encode())
            if pool and valid and dice % 2:
                inputs = replace(inputs, path={**inputs.path, one.names[-1]: pool[dice // 2 % len(pool)]})
            keys = self._try(one, inputs, _WORDS[valid], valid=valid, limit=limit)
            new = [key for key in keys if key not in old]
            if new and not shrinking:
                limit, shrinking = self.asking.sent + SHRINKS, True
            if new:
                raise self._error(new[0])

        run = given(strategy)(examine)
        run = seeded(seed)(_settings(quota, (Phase.generate, Phase.shrink))(run))
        try:
            run()
        except (_FaultError, HypothesisException):
            pass
        except BaseExceptionGroup as group:
            rest = group.subgroup(
                lambda error: not isinstance(error, _FaultError | HypothesisException | BaseExceptionGroup)
            )
            if rest is not None:
                raise rest from None

    def _error(self, key: Key) -> type[_FaultError]:
        return self._errors.setdefault(key, type("FaultError", (_FaultError,), {}))


def _settings(n: int, phases: Any) -> Any:
    from hypothesis import HealthCheck, settings

    return settings(
        max_examples=n,
        phases=phases,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )


def _simplest(strategy: SearchStrategy[Inputs], seed: int) -> Inputs | None:
    from hypothesis import Phase, find
    from hypothesis.errors import HypothesisException

    try:
        return find(
            strategy,
            lambda _: True,
            settings=_settings(30, (Phase.generate, Phase.shrink)),
            random=Random(seed),
        )
    except HypothesisException:
        return None


def _drawn(strategy: SearchStrategy[Inputs], n: int, seed: int) -> list[Inputs]:
    from hypothesis import Phase, given
    from hypothesis import seed as seeded
    from hypothesis.errors import HypothesisException

    found: list[Inputs] = []
    run = seeded(seed)(_settings(n, (Phase.generate,))(given(strategy)(lambda inputs: found.append(inputs))))
    try:
        run()
    except HypothesisException:
        return found
    return found
