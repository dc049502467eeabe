"""Valid sequences: make a thing, read it, use it, remove it, and see that it is gone; remove whatever else was made.

Only what was made here is ever changed or removed. Each side has its own ids for the same thing.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from relgate.openapi import ids, shapes
from relgate.openapi.checks import Seen
from relgate.openapi.faults import IDS
from relgate.ports.exploring import NOTHING, Inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from relgate.openapi.asking import Asking, Pair
    from relgate.openapi.document import Family, Operation
    from relgate.ports.exploring import Answer, Ask

RUNS = 3
TRIES = 12
_SETTLING_S = (0.1, 0.3, 0.6, 1.0)

Names = dict[str, Any]


@dataclass
class Thing:
    """Something that was made. ``mine``, ``theirs``: label -> the parameters that name it, on each side."""

    family: Family
    inputs: Inputs
    make: Ask
    born: Answer
    mine: dict[str, Names]
    theirs: dict[str, Names]
    gone: bool = False

    def link(self, one: Operation) -> tuple[str, str] | None:
        """Return the field of the answer that names the thing for an operation, and its value."""
        body, names = self.born.json(), self.mine.get(one.label, {})
        wanted = {str(names[name]) for name in one.names[-1:] if name in names}
        fields = body.items() if isinstance(body, dict) else ()
        return next(((name, str(value)) for name, value in fields if str(value) in wanted), None)


@dataclass
class Things:
    """What exploring makes, and everything that is done with it.

    ``plain``: returns the simplest valid inputs of an operation, ``drawn`` yields generated ones, ``rich`` returns some
    whose every field has something to lose. ``journal``: told (event, side, request) of each thing
    that is made and removed.
    """

    asking: Asking
    families: tuple[Family, ...]
    plain: Callable[[Operation], Inputs | None]
    drawn: Callable[[Operation, int], Iterator[Inputs]]
    rich: Callable[[Operation, Inputs, int], Inputs]
    journal: Callable[[str, str, str], None]
    made: list[Thing] = field(default_factory=list)
    owned: dict[str, Thing] = field(default_factory=dict)
    left: list[tuple[str, Ask]] = field(default_factory=list)
    uncounted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _patient: bool = True
    _removals: dict[str, list[Pair]] = field(default_factory=lambda: defaultdict(list))

    def explore(self) -> None:
        """Live the life of a few things of each kind."""
        for family in self.families:
            self._live(family)
        for label, pairs in self._removals.items():
            both = [(one.mine, one.theirs) for one in pairs if one.theirs is not None]
            if len(both) > 1:
                mine, theirs = [one for one, _ in both[:2]], [one for _, one in both[:2]]
                ignore = self.asking.bounds.ignore
                for seen in shapes.differences(mine, theirs, ignore, again=False):
                    self.asking.book.add(seen, (self.asking.smallest[label],), mine[0])

    def _live(self, family: Family) -> None:
        book, maker = self.asking.book, family.maker
        runs, first = 0, self.plain(maker)
        # Half of the budget at most, however many kinds of things there are; each has about four requests.
        tries = max(2, min(TRIES, self.asking.bounds.requests // (8 * len(self.families))))
        for tried, inputs in enumerate(self._candidates(maker)):
            if runs >= RUNS or tried >= tries or self.asking.left < 1:
                break
            how = "the simplest valid request" if tried == 0 else "a valid request"
            runs += self._once(family, inputs, how, keep=runs == 0)
        if runs == 1 and family.remover is not None and first is not None:
            # The only one is kept for what else takes it; another one shows how it is removed.
            self._once(family, first, "the simplest valid request", keep=False)
        if runs == 0:
            book.note(IDS, f"{maker.label}: no valid request was answered 2xx, so nothing could be read back")
        if family.reader is None or (runs and not book.families.get(maker.label) and not maker.links):
            # What the document does not say is a guess, and a guess is no expectation.
            book.families.pop(maker.label, None)

    def _once(self, family: Family, inputs: Inputs, how: str, *, keep: bool) -> bool:
        """Make a thing, read it, use it, and remove it unless it is kept; whether it could be made."""
        thing = self.make(family, inputs, how)
        if thing is None:
            return False
        if self._read(thing):
            self.asking.book.families[family.maker.label] = True
        for other in family.others:
            if other.safe:
                self.use(other, thing)
        if keep:
            for label in thing.mine:
                self.owned.setdefault(label, thing)
        elif family.remover is not None:
            self._remove(thing, family.remover)
        return True

    def _candidates(self, maker: Operation) -> Iterator[Inputs]:
        first = self.plain(maker)
        if first is not None:
            yield first
            yield from (self.rich(maker, first, turn) for turn in range(2))
        # The longest first: what is short has little to lose.
        yield from sorted(self.drawn(maker, TRIES), key=lambda one: -len(repr(one)))

    def make(self, family: Family, inputs: Inputs, how: str) -> Thing | None:
        """Make a thing on both sides; None where one of them refuses."""
        ask = self.asking.contract.ask(family.maker.label, inputs, how, valid=True)
        pair = self.asking.ask(ask) if ask is not None else None
        if ask is None or pair is None:
            return None
        return self.seen(family, inputs, ask, pair)

    def seen(self, family: Family, inputs: Inputs, ask: Ask, pair: Pair) -> Thing | None:
        """Keep what an answer says was made; None where nothing was."""
        if not pair.mine.good and not (pair.theirs is not None and pair.theirs.good):
            return None
        mine = self._names(family, inputs, pair.mine)
        theirs = self._names(family, inputs, pair.theirs) if pair.theirs is not None else {}
        self._write_down("made", family, mine, theirs)
        thing = Thing(family, inputs, ask, pair.mine, mine, theirs)
        self.made.append(thing)
        if family.remover is None:
            self.uncounted[family.maker.label] += 1
        if not pair.mine.good:
            return None
        self._missing(family, thing, pair.mine)
        return thing

    def _missing(self, family: Family, thing: Thing, answer: Answer) -> None:
        for label, takes in family.takes.items():
            for name, expression in takes.items():
                if expression.startswith("$response") and name not in thing.mine.get(label, {}):
                    what = f"answered {answer.shown} without {expression}, which {label} takes as {name}"
                    self.asking.book.add(Seen(IDS, "id-missing", f"{label} {name}", what), (thing.make,), answer)

    def _names(self, family: Family, inputs: Inputs, answer: Answer) -> dict[str, Names]:
        """Return what names the thing, for each operation that can be asked for it."""
        if not answer.good:
            return {}
        found: dict[str, Names] = {}
        for one in (family.reader, family.remover, *family.others):
            if one is None:
                continue
            takes = family.takes[one.label]
            names: Names = {name: inputs.path[name] for name in one.names if name in inputs.path}
            for name, expression in takes.items():
                value = ids.id_of(expression, name, one, inputs, answer)
                if value is not NOTHING:
                    names[name] = value
            if all(name in names for name in one.names):
                found[one.label] = names
        return found

    def use(self, one: Operation, thing: Thing, inputs: Inputs | None = None, *, again: bool = True) -> Pair | None:
        """Ask for something with a thing, on each side by its own name."""
        base = inputs if inputs is not None else self.plain(one)
        if base is None or one.label not in thing.mine:
            return None
        contract = self.asking.contract
        how = f"what {thing.family.maker.label} had made"
        ask = contract.ask(one.label, placed(one, base, thing.mine[one.label]), how, valid=True)
        theirs = thing.theirs.get(one.label)
        other = contract.ask(one.label, placed(one, base, theirs), how, valid=True) if theirs is not None else None
        if ask is None:
            return None
        known = theirs is not None
        again = again and (known or self.asking.baseline is None)
        return self.asking.ask(ask, other, known=known, again=again, after=(thing.make, thing.link(one)))

    def _read(self, thing: Thing) -> bool:
        reader = thing.family.reader
        if reader is None or reader.label not in thing.mine:
            return False
        first = self._settled(thing, reader, good=True)
        second = self.use(reader, thing)
        if first is None or second is None:
            return False
        names, reads = thing.mine[reader.label], (first.mine, second.mine)
        ask = self.asking.contract.ask(reader.label, placed(reader, self.plain(reader), names), "", valid=True)
        for seen in ids.read_back(names, thing.inputs, thing.born, reads, self.asking.bounds.ignore):
            if ask is not None:
                self.asking.book.add(seen, (thing.make, ask), second.mine, thing.link(reader))
        return True

    def _settled(self, thing: Thing, reader: Operation, *, good: bool) -> Pair | None:
        """Read until the answer is the expected one, or some time is over: storing may take a moment."""
        pair = self.use(reader, thing)
        for wait_s in _SETTLING_S if self._patient else ():
            if pair is None or pair.mine.good == good or pair.mine.status is None:
                break
            time.sleep(wait_s)
            pair = self.use(reader, thing)
        # What did not come in time once is not waited for again.
        self._patient = self._patient and pair is not None and pair.mine.good == good
        return pair

    def _remove(self, thing: Thing, remover: Operation) -> None:
        pair = self.use(remover, thing, again=False)
        if pair is None:
            return
        self._removals[remover.label].append(pair)
        book = self.asking.book
        if pair.mine.status in (401, 403):
            book.note(IDS, f"{remover.label}: answered {pair.mine.shown}, so what was made stays")
            return
        removal = self.asking.smallest[remover.label]
        if not pair.mine.good:
            if pair.mine.status is not None and pair.mine.status < 500:
                seen = Seen(IDS, "remove-fails", "", f"answered {pair.mine.shown} for what was just made")
                book.add(seen, (thing.make, removal), pair.mine, thing.link(remover))
            return
        thing.gone = True
        self._write_down("removed", thing.family, thing.mine, thing.theirs)
        reader = thing.family.reader
        after = self._settled(thing, reader, good=False) if reader is not None else None
        if reader is not None and after is not None and after.mine.good:
            what = f"removed with {pair.mine.shown}, and {reader.label} still answers {after.mine.shown}"
            book.add(Seen(IDS, "not-removed", "", what), (thing.make, removal), after.mine, thing.link(remover))

    def clean(self) -> int:
        """Remove what is still there, on both sides; returns how many things are gone. Costs no budget."""
        for thing in self.made:
            remover = thing.family.remover
            if thing.gone or remover is None:
                continue
            plain = self.plain(remover)
            done = []
            for side, sender, names in (
                ("candidate", self.asking.candidate, thing.mine),
                ("baseline", self.asking.baseline, thing.theirs),
            ):
                if sender is None or remover.label not in names or plain is None:
                    continue
                ask = self.asking.contract.ask(
                    remover.label, placed(remover, plain, names[remover.label]), "", valid=True
                )
                if ask is None:
                    done.append(False)
                    continue
                answer = sender.send(ask)
                good = answer.good or answer.status in (404, 410)
                done.append(good)
                if not good:
                    self.left.append((side, ask))
            thing.gone = bool(done) and all(done)
            if thing.gone:
                self._write_down("removed", thing.family, thing.mine, thing.theirs)
        return sum(thing.gone for thing in self.made)

    def _write_down(self, event: str, family: Family, mine: Mapping[str, Names], theirs: Mapping[str, Names]) -> None:
        remover = family.remover
        for side, names in (("candidate", mine), ("baseline", theirs)):
            if remover is not None and remover.label in names:
                path = remover.path
                for name, value in names[remover.label].items():
                    path = path.replace(f"{{{name}}}", str(value))
                self.journal(event, side, f"{remover.method} {path}")


def placed(one: Operation, base: Inputs | None, names: Names) -> Inputs:
    """Return inputs that name a thing: in the path, or where else the parameter is."""
    base = base or Inputs()
    path = {**base.path, **{name: value for name, value in names.items() if name in one.names}}
    query = dict(base.query)
    for parameter in one.parameters:
        if parameter.where == "query" and parameter.name in names:
            query[parameter.name] = names[parameter.name]
    return replace(base, path=path, query=query)
