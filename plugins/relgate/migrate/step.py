"""One revision proven: seed, up, look, write as the new version would, down, look, crash, up again, look.

The order is what makes it cheap: every state is compared with one that was read before, on one connection, and a copy
of the shadow is made only after a revision that left the working database wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from relgate.migrate import crash, data, rollback, scale
from relgate.migrate.faults import BACKFILL, CRASH, DATA, EARLIER, LOCKS, ROLLBACK_SQL, ROUND_TRIP, SCALE
from relgate.migrate.locks import Before, LockWatch, judge_locks
from relgate.migrate.scale import Sizes
from relgate.migrate.schema import ddl, differences
from relgate.migrate.state import State, look
from relgate.ports.migrations import Books

if TYPE_CHECKING:
    from collections.abc import Collection

    from relgate.migrate.notebook import Notebook
    from relgate.migrate.probing import Earlier
    from relgate.migrate.shadow import Shadow
    from relgate.ports.migrations import Catalog, Engine, Failure, Ran, Revision

GATES = (ROUND_TRIP, DATA, EARLIER, LOCKS, BACKFILL, CRASH, ROLLBACK_SQL, SCALE)
"""What looks at each revision while it is walked."""
_OVERFLOWS = ("22003", "22008")
"""SQLSTATE of a number and of a time that do not fit."""
_CODES = {
    "lost": "lost",
    "left-over": "left-over",
    "weakened": "weakened",
    "renamed": "renamed",
    "order": "order-changed",
}


@dataclass(frozen=True)
class Options:
    """How a proof goes. ``large``: tables whose locks count (None: all). ``code_first``: code runs before."""

    engine: Engine
    transactional: bool = True
    watches: bool = True
    large: Collection[str] | None = None
    sizes: Sizes = field(default_factory=Sizes)
    code_first: bool = False


class Step:
    """The proof of one revision; the working database is before it at the beginning, and at it at the end."""

    def __init__(self, shadow: Shadow, index: int, book: Notebook, options: Options, earlier: Earlier) -> None:
        self.shadow = shadow
        self.index = index
        self.revision: Revision = shadow.revisions[index]
        self.book = book
        self.options = options
        self.earlier = earlier
        self._stopped = ""

    def prove(self, start: State) -> State:
        """Prove it, and return the state after it.

        Raises:
            Stuck: not even an empty database can take it.

        """
        end = self._prove(start)
        if self._stopped:
            self.book.unexamined(self.revision, GATES, self._stopped)
        return end

    def _prove(self, start: State, *, extremes: bool = True) -> State:
        """Go all the way. ``extremes``: with values at the limits of their types too."""
        engine = self.options.engine
        start = data.seeded(self.shadow.session, start, self.book, self.revision, engine, extremes=extremes)
        self.earlier.begin(self.shadow.session, self.book, self.revision, start)
        ran, watch, seen = self._up()
        if ran.failure is not None and extremes and ran.failure.state in _OVERFLOWS:
            # What it computes of the largest number that there is says nothing about production's.
            self.shadow.restart(self.index)
            self.book.note(DATA, f"{self.revision.id}: the largest values of some types overflow in it; proven without")
            return self._prove(self._look(), extremes=False)
        if ran.failure is not None:
            return self._not_up(ran.failure)
        self.book.ran(self.revision, "up", ran)
        if watch is not None and seen is not None:  # Before anything else reads: it would count as a scan.
            judge_locks(self.book, self.revision, watch, seen, self.options.large)
        after = self._look(start)
        data.forward(self.book, self.revision, start, after)
        if self.book.wants(BACKFILL):
            data.repeated(self.shadow.session, self.book, self.revision, ran, after)
        if self.book.wants(EARLIER):
            self.earlier.check(self.shadow.session, self.book, self.revision)
        if not self._goes_back():
            self._forward_only(start, ran)
            return after
        fresh = data.fresh(self.shadow.session, start, after, engine) if self.book.wants(DATA) else after
        return self._back_and_again(start, after, fresh, ran)

    def _forward_only(self, start: State, ran: Ran) -> None:
        """Prove what can be proven of a step that has no way back, or whose loss is declared."""
        for gate in (ROUND_TRIP, ROLLBACK_SQL):
            self.book.examined(gate, self.revision)
            self.book.note(gate, f"{self.revision.id} is not to be taken back: {_why(self.revision)}")
        if self.book.wants(ROLLBACK_SQL):
            rollback.offline(self.shadow, self.index, self.book, None)
        if self.book.wants(CRASH):
            crash.inject_apart(self.shadow, self.index, self.book, start.catalog, ran, self.options)
        if self.book.wants(SCALE):
            scale.prove(self.shadow, self.index, self.book, ran, start.tables, self.options.sizes, back=False)

    @property
    def _rows(self) -> bool:
        return self.book.wants(DATA, BACKFILL)

    def _look(self, *like: State) -> State:
        tables = self.book.wants(EARLIER, SCALE)
        return look(self.shadow.session, rows=self._rows, tables=tables, like=like)

    def _up(self) -> tuple[Ran, LockWatch | None, Before | None]:
        if not (self.book.wants(LOCKS) and self.options.engine == "postgresql" and self.options.watches):
            return self.shadow.move(self.index, "up"), None, None
        seen = Before.of(self.shadow.session)
        own = frozenset(name for name in seen.scans if name.rpartition(".")[2] not in Books)
        watch = LockWatch(self.shadow.session, own)
        return self.shadow.move(self.index, "up", watch), watch, seen

    def _goes_back(self) -> bool:
        """Whether the way back is to be proven: not where there is none, nor where its loss is declared."""
        return (
            self.revision.way_back
            and self.revision.declared is None
            and self.book.wants(ROUND_TRIP, DATA, CRASH, ROLLBACK_SQL, SCALE)
        )

    def _back_and_again(self, start: State, after: State, fresh: State, up: Ran) -> State:
        ran = self.shadow.move(self.index, "down")
        if ran.failure is not None:
            return self._not_down(ran.failure)
        self.book.ran(self.revision, "down", ran)
        back = self._look(start, after)
        faithful = self._compare_back(start, after, back)
        kept = data.way_back(self.book, self.revision, start, after, fresh, back) if self.book.wants(DATA) else True
        if faithful and self.options.code_first and self.book.wants(EARLIER):
            self.earlier.check_next(self.shadow.session, self.book, self.revision, after)
        if faithful and self.book.wants(SCALE):
            scale.prove(self.shadow, self.index, self.book, up, start.tables, self.options.sizes, back=True)
        if faithful and self.book.wants(CRASH):
            whole = after if kept and self._rows else None
            faithful = crash.inject(self.shadow, self.index, self.book, start.catalog, up, self.options, whole)
            self._stopped = "" if faithful else "ended half way, it left a database that nothing can be tried on"
        again = self.shadow.move(self.index, "up")
        if again.failure is not None:
            return self._not_again(again.failure, faithful=faithful)
        end = self._look(after)
        same = self._compare_again(after, end)
        if kept and faithful:
            data.again(self.shadow, self.index, self.book, after, end)
        if not (faithful and same):
            self._stopped = self._stopped or "up again does not lead to the schema of the first time"
            return self._restart()
        if self.book.wants(ROLLBACK_SQL):
            return rollback.prove(self.shadow, self.index, self.book, ran, start.catalog, end)
        return end

    def _compare_back(self, start: State, after: State, back: State) -> bool:
        self.book.examined(ROUND_TRIP, self.revision)
        found = differences(start.catalog, back.catalog)
        if not found:
            return True
        self._stopped = "its way back does not lead to the schema before it"
        if back.catalog == after.catalog:
            text = f"{len(found)} differences that the upgrade makes are still there after the downgrade"
            self._back("down-does-nothing", text, ddl_of(start.catalog, back.catalog))
            return False
        for one in found:
            self._back(_CODES.get(one.kind, "changed"), one.text, ddl(one))
        return False

    def _compare_again(self, after: State, end: State) -> bool:
        found = differences(after.catalog, end.catalog)
        for one in found:
            text = f"{one.text}, after up, down and up again"
            self.book.add(ROUND_TRIP, "up-again-differs", text, self.revision, sql=ddl(one))
        return not found

    def _back(self, code: str, text: str, sql: str | None) -> None:
        line = self.revision.down_line
        self.book.add(ROUND_TRIP, code, f"{text}, after up and down", self.revision, sql=sql, line=line)

    def _not_up(self, failure: Failure) -> State:
        """Find out whether the upgrade fails on an empty database too; Stuck tells that to whoever walks."""
        self.shadow.restart(self.index + 1)
        self._failed("up-fails-with-rows", failure)
        return self._examined_in_vain("its upgrade fails")

    def _not_down(self, failure: Failure) -> State:
        with self.shadow.copy(self.index + 1) as empty:
            ran = self.shadow.tool.move(empty, self.revision.id, "down")
        code = "down-fails" if ran.failure is not None else "down-fails-with-rows"
        self._failed(code, failure, self.revision.down_line)
        self.shadow.restart(self.index + 1)
        return self._examined_in_vain("its way back fails")

    def _not_again(self, failure: Failure, *, faithful: bool) -> State:
        if not faithful and self.book.has(CRASH, self.revision):
            return self._restart()  # The crash left it so; that is said already.
        self._failed("up-again-fails", failure)
        self._stopped = self._stopped or "it cannot be applied again"
        return self._restart()

    def _failed(self, code: str, failure: Failure, line: int | None = None) -> None:
        where = failure.line or line
        path = failure.path or None
        self.book.add(ROUND_TRIP, code, failure.text, self.revision, sql=failure.sql, line=where, path=path)

    def _examined_in_vain(self, why: str) -> State:
        self._stopped = why
        self.book.examined(ROUND_TRIP, self.revision)
        return self._look()

    def _restart(self) -> State:
        self.shadow.restart(self.index + 1)
        return self._look()


def _why(revision: Revision) -> str:
    return revision.declared.reason if revision.declared is not None else "it has no way back"


def ddl_of(expected: Catalog, found: Catalog) -> str:
    """Return all differences of two catalogs as text."""
    return "\n".join(ddl(one) for one in differences(expected, found))
