"""A revision is ended before a statement, as a kill of its process would; then its way is looked at and gone again.

A step in one transaction can only be all or nothing where DDL is transactional: two points prove it. A step of several
transactions is ended after each of them. The upgrade that follows in the proof is the try after the crash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.migrate.faults import BACKFILL, CRASH
from relgate.migrate.rows import compare
from relgate.migrate.schema import differences
from relgate.migrate.state import State, rows_of
from relgate.ports.migrations import Crash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.migrate.notebook import Notebook
    from relgate.migrate.shadow import Shadow
    from relgate.migrate.step import Options
    from relgate.ports.migrations import Catalog, Ran, Revision, Statement

MOST_POINTS = 25
_DDL = re.compile(r"\s*(?:create|alter|drop|rename|truncate|comment|grant|revoke)\b", re.IGNORECASE)
_ALONE = re.compile(r"\bconcurrently\b|\badd\s+value\b|\bvacuum\b|\bdatabase\b|\btablespace\b", re.IGNORECASE)
"""What PostgreSQL runs in no transaction, or should not."""


@dataclass
class Kill:
    """Ends a step before its statement ``at``."""

    at: int

    def before(self, number: int, sql: str, backend: int | None) -> None:  # noqa: ARG002  # the port's
        """Raise Crash at the point."""
        if number == self.at:
            raise Crash(f"ended before statement {number}")

    def after(self, number: int, statement: Statement) -> None:
        """Nothing to do."""


def points(statements: Sequence[Statement], *, transactional: bool) -> list[int]:
    """Return before which statements to crash: each where steps commit by themselves, else the middle and the end."""
    n = len(statements)
    if n < 2:
        return []
    if transactional and len({one.transaction for one in statements}) == 1 and statements[0].transaction:
        return sorted({n // 2, n - 1})
    if not transactional:
        # Between the last change and the tool's own note of it nobody can help: that is the tool's gap.
        n = max((k + 1 for k in range(n) if not statements[k].books), default=0)
    alone = [k for k in range(1, n) if not transactional or _border(statements[k - 1], statements[k])]
    # Evenly spread where there are very many: a backfill of a thousand batches has a thousand alike.
    step = max(1, -(-len(alone) // MOST_POINTS))
    return alone[::step]


def _border(before: Statement, after: Statement) -> bool:
    """Whether something is committed between two statements."""
    return before.transaction == 0 or before.transaction != after.transaction


def inject(
    shadow: Shadow, index: int, book: Notebook, expected: Catalog, up: Ran, options: Options, after: State | None
) -> bool:
    """End the upgrade at every point, the working database being at the revision before. Whether it is so still.

    ``after``: what an upgrade in one go makes of the rows, None where the way back has changed them.
    """
    revision = shadow.revisions[index]
    if not options.watches:
        return True
    for at in points(up.statements, transactional=options.transactional):
        ran = shadow.move(index, "up", Kill(at))
        if ran.failure is None:
            # The first step of all makes the tool's books, which are there at the second: it has fewer statements now.
            if len(ran.statements) > at or shadow.move(index, "down").failure is not None:
                book.problem(CRASH, f"{revision.id}: the step could not be ended before statement {at}")
                return False
            continue
        found = differences(expected, shadow.session.catalog())
        if not found and not _half_done(up.statements, at):
            continue
        if found:
            _not_atomic(book, revision, up.statements, at, found[0].text)
        if not _goes_on(shadow, index, book, at, up.statements[at], after):
            book.examined(CRASH, revision)
            return False
    book.examined(CRASH, revision)
    return True


def inject_apart(shadow: Shadow, index: int, book: Notebook, expected: Catalog, up: Ran, options: Options) -> None:
    """End a step that has no way back at every point, each time on a copy of the shadow, and start it again."""
    revision = shadow.revisions[index]
    if not options.watches:
        return
    for at in points(up.statements, transactional=options.transactional):
        with shadow.copy(index) as scratch:
            shadow.tool.move(scratch, revision.id, "up", Kill(at))
            with shadow.server.open(scratch) as session:
                left = differences(expected, session.catalog())
            again = shadow.tool.move(scratch, revision.id, "up") if left else None
        if left:
            _not_atomic(book, revision, up.statements, at, left[0].text)
        if again is not None and again.failure is not None:
            text = f"killed before statement {at + 1} it cannot be started again: {again.failure.text}"
            book.add(CRASH, "stuck-after-crash", text, revision, sql=again.failure.sql, line=again.failure.line)
    book.examined(CRASH, revision)


def _half_done(statements: Sequence[Statement], at: int) -> bool:
    """Whether something is committed already at this point."""
    return at > 0 and any(
        one.transaction == 0 or one.transaction != statements[at].transaction for one in statements[:at]
    )


def _not_atomic(book: Notebook, revision: Revision, statements: Sequence[Statement], at: int, left: str) -> None:
    """Say that a kill leaves something; a finding only where a statement was committed alone that need not be."""
    book.rows.setdefault(revision.id, {})["atomic"] = False
    book.note(CRASH, f"{revision.id} is not one transaction: killed in the middle, {left}")
    statement = committed_alone(statements, at)
    if statement is not None:
        text = f"killed before statement {at + 1} of {len(statements)}, {left}"
        book.add(CRASH, "not-atomic", text, revision, sql=statement.sql, line=statement.line or None)


def committed_alone(statements: Sequence[Statement], at: int) -> Statement | None:
    """Return a change of the schema that is committed before a point and need not be, None where there is none."""
    for statement in statements[:at]:
        alone = statement.transaction == 0 or statement.transaction != statements[at].transaction
        if alone and not statement.books and _DDL.match(statement.sql) and not _ALONE.search(statement.sql):
            return statement
    return None


def _goes_on(shadow: Shadow, index: int, book: Notebook, at: int, statement: Statement, after: State | None) -> bool:
    """Try the step again after a crash, then go back for the next point. Whether both worked."""
    revision = shadow.revisions[index]
    ran = shadow.move(index, "up")
    if ran.failure is not None:
        text = f"killed before statement {at + 1} it cannot be started again: {ran.failure.text}"
        book.add(
            CRASH, "stuck-after-crash", text, revision, sql=ran.failure.sql, line=ran.failure.line or statement.line
        )
        shadow.restart(index)
        return False
    if after is not None and book.wants(BACKFILL):
        rows = rows_of(shadow.session, after.tables)
        for loss in compare(after.rows, rows, after.tables, after.tables):
            if loss.kind != "rows-added":
                text = f"killed before statement {at + 1} and started again: {loss.text}"
                book.add(BACKFILL, "not-resumable", text, revision, sql=statement.literal, line=statement.line or None)
    back = shadow.move(index, "down")
    if back.failure is not None:
        text = f"killed before statement {at + 1} and started again, it does not go back: {back.failure.text}"
        book.add(CRASH, "stuck-after-crash", text, revision, sql=back.failure.sql, line=back.failure.line)
        shadow.restart(index)
        return False
    return True
