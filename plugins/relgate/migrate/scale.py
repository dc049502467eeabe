"""How long a step takes, and what it blocks, when tables are large: measured at three sizes, carried on to more rows.

time = d n^b, fitted by least squares on logarithms over all runs; b has Student's t interval (any textbook, e.g.
Montgomery, Introduction to Linear Regression Analysis, 2.4). The prediction carries the largest measurement on. A
second connection reads and writes meanwhile, and what it waited is counted.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from relgate.migrate.faults import BACKFILL, LOCKS, SCALE
from relgate.migrate.filling import fill
from relgate.ports.migrations import SqlError, Statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from relgate.migrate.notebook import Notebook
    from relgate.migrate.shadow import Shadow
    from relgate.ports.migrations import Ran, Revision, Scratch, Server, Session, Table

CONFIDENCE = 0.95
SUPERLINEAR = 1.25
_REPEATS = 2
_LONG_S = 2.0
LEAST_S = 0.02
"""Work below this at the largest size is noise: it says nothing about growth."""
BLOCKED_S = 0.05
"""A statement of the second connection that waited longer than this was blocked."""


@dataclass(frozen=True)
class Sizes:
    """How large the tables are made, and what is too long.

    ``rows``: sizes, ascending. ``production``: rows by table where they are known. ``step_s``: longest step at
    production's size. ``lock_s``: longest time for which others may wait. ``batch``: most rows of one statement.
    """

    rows: tuple[int, ...] = (500, 2_000, 10_000)
    production: Mapping[str, int] | None = None
    step_s: float = 600.0
    lock_s: float = 1.0
    batch: int = 5_000


@dataclass(frozen=True)
class Growth:
    """``exponent`` of time in rows, with its interval."""

    exponent: float
    low: float
    high: float


def growth(points: Sequence[tuple[int, float]]) -> Growth:
    """Fit time = d n^b to (rows, seconds > 0); at least three points of two sizes.

    What every run costs, whatever its rows, is in the times: the exponent is never too large for it.

    Raises:
        ValueError: too few points.

    """
    from scipy.special import stdtrit

    if len(points) < 3 or len({n for n, _ in points}) < 2:
        raise ValueError(f"growth: expected three points of two sizes at least, got {len(points)}")
    x = [math.log(n) for n, _ in points]
    y = [math.log(s) for _, s in points]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    squares = sum((one - mean_x) ** 2 for one in x)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / squares
    residual = sum((b - mean_y - slope * (a - mean_x)) ** 2 for a, b in zip(x, y, strict=True))
    t = float(stdtrit(len(x) - 2, (1 + CONFIDENCE) / 2))
    half = t * math.sqrt(residual / (len(x) - 2) / squares)
    return Growth(slope, slope - half, slope + half)


def predicted(law: Growth, measured: int, work_s: float, n: int) -> tuple[float, float]:
    """Carry ``work_s`` at ``measured`` rows on to ``n``, at least linearly; and the law's upper end."""
    factor = n / measured
    return work_s * factor ** max(1.0, law.exponent), work_s * factor ** max(1.0, law.high)


@dataclass
class Second:
    """A second connection that reads and writes some tables until it is told to stop. ``waits``: (table, seconds)."""

    server: Server
    scratch: Scratch
    tables: Sequence[Table]
    waits: list[tuple[str, float]] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="second-connection", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        asked = [(table.name, sql) for table in self.tables for sql in _asks(table)]
        with self.server.open(self.scratch) as session:
            while not self._end.is_set() and asked:
                for table, sql in asked:
                    started_s = time.monotonic()
                    with suppress(SqlError):  # The table or column may be gone by now.
                        session.run(sql)
                    self.waits.append((table, time.monotonic() - started_s))
                self._end.wait(0.002)

    def blocked(self) -> list[tuple[str, float]]:
        """Return what waited too long."""
        return [(table, waited) for table, waited in self.waits if waited > BLOCKED_S]


def _asks(table: Table) -> tuple[str, ...]:
    """Return a read and a write that need the table's locks and touch no row."""
    writable = [column.name for column in table.columns if not column.generated and column.identity != "always"]
    read = f"SELECT 1 FROM {table.name} LIMIT 1"  # noqa: S608  # a name of the catalog, quoted
    if not writable:
        return (read,)
    quoted = '"' + writable[0].replace('"', '""') + '"'
    return read, f"UPDATE {table.name} SET {quoted} = {quoted} WHERE 1 = 0"  # noqa: S608


def prove(
    shadow: Shadow, index: int, book: Notebook, up: Ran, tables: Sequence[Table], sizes: Sizes, *, back: bool
) -> None:
    """Time one revision at several sizes.

    ``up``: what it sent. ``tables``: as they are before it. ``back``: whether its way back works: the working database
    is at the revision before then, and one copy serves all sizes; otherwise each run needs a copy of the shadow.
    """
    revision = shadow.revisions[index]
    # Where nobody sees the statements, each table may be concerned.
    seen = shadow.tool.watches
    touched = [table for table in tables if not seen or any(mentions(one, table) for one in up.statements)]
    if not touched:
        book.examined(SCALE, revision)
        return
    runs = (_runs if back else _runs_apart)(shadow, index, touched, tables, sizes)
    if runs is None:
        book.examined(SCALE, revision)
        names = ", ".join(table.name for table in touched)
        book.add(SCALE, "not-timed", f"{names}: not enough rows could be made, so it was not timed", revision)
        return
    largest = max(run.n for run in runs)
    book.rows.setdefault(revision.id, {})["scale"] = {
        "rows": [run.n for run in runs],
        "seconds": [round(run.ran.took_s, 5) for run in runs],
        "blocked": sum(len(run.blocked) for run in runs),
        "longest_wait_s": round(max((s for run in runs for _, s in run.waits), default=0.0), 4),
    }
    for run in runs:
        if run.ran.failure is not None:
            book.problem(SCALE, f"{revision.id}: with {run.n} rows it failed: {run.ran.failure.text}")
            return
    book.examined(SCALE, revision)
    _grows(book, revision, runs, up.took_s, sizes, touched)
    _batches(book, revision, next(run for run in runs if run.n == largest), sizes)


@dataclass(frozen=True)
class _Run:
    n: int
    ran: Ran
    waits: tuple[tuple[str, float], ...]
    blocked: tuple[tuple[str, float], ...]


def _runs(
    shadow: Shadow, index: int, touched: Sequence[Table], tables: Sequence[Table], sizes: Sizes
) -> list[_Run] | None:
    """Time the step on one copy that grows; None where its tables cannot be filled."""
    runs: list[_Run] = []
    with shadow.copy_of_work() as scratch:
        for n in sizes.rows:
            with shadow.server.open(scratch) as session:
                if not fill(session, touched, tables, shadow.server.engine, n):
                    return None
            for _ in range(1 if n == sizes.rows[-1] else 2):
                if not _timed_there_and_back(shadow, scratch, index, touched, n, runs):
                    return runs
        for _ in range(_REPEATS if _worth_repeating(runs) else 0):
            if not _timed_there_and_back(shadow, scratch, index, touched, sizes.rows[-1], runs):
                break
    return runs


def _worth_repeating(runs: Sequence[_Run]) -> bool:
    """Whether the time grows at all, and is not so long that nobody can doubt it."""
    first, last = runs[0].ran.took_s, runs[-1].ran.took_s
    return last - first >= LEAST_S and last < _LONG_S


def _timed_there_and_back(
    shadow: Shadow, scratch: Scratch, index: int, touched: Sequence[Table], n: int, runs: list[_Run]
) -> bool:
    runs.append(_timed(shadow, scratch, index, touched, n))
    back = shadow.tool.move(scratch, shadow.revisions[index].id, "down")
    return runs[-1].ran.failure is None and back.failure is None


def _runs_apart(
    shadow: Shadow, index: int, touched: Sequence[Table], tables: Sequence[Table], sizes: Sizes
) -> list[_Run] | None:
    """Time a step that has no way back: each run on a copy of its own."""
    runs: list[_Run] = []
    for n in sizes.rows:
        with shadow.copy(index) as scratch:
            with shadow.server.open(scratch) as session:
                if not fill(session, touched, tables, shadow.server.engine, n):
                    return None
            runs.append(_timed(shadow, scratch, index, touched, n))
    return runs


def _timed(shadow: Shadow, scratch: Scratch, index: int, touched: Sequence[Table], n: int) -> _Run:
    with Second(shadow.server, scratch, touched) as second:
        ran = shadow.tool.move(scratch, shadow.revisions[index].id, "up")
    return _Run(n, ran, tuple(second.waits), tuple(second.blocked()))


def _grows(
    book: Notebook, revision: Revision, runs: Sequence[_Run], base_s: float, sizes: Sizes, touched: Sequence[Table]
) -> None:
    largest_n = max(sizes.rows)
    largest = [run.ran for run in runs if run.n == largest_n]
    slowest = max(largest[0].statements, key=lambda one: one.took_s, default=None)
    sql, line = (slowest.sql, slowest.line or None) if slowest is not None else (None, None)
    waited = max((s for run in runs for _, s in run.blocked), default=0.0)
    if waited > sizes.lock_s:
        text = f"a second connection waited {waited:.2f} s with {largest_n} rows, more than {sizes.lock_s:g} s"
        book.add(LOCKS, "strong-lock", text, revision, sql=sql, line=line)
    work_s = min(ran.took_s for ran in largest) - base_s
    if work_s < LEAST_S:
        return
    law = growth([(run.n, max(run.ran.took_s, 1e-6)) for run in runs])
    entry = book.rows[revision.id]["scale"]
    entry["exponent"] = [round(law.exponent, 2), round(law.low, 2), round(law.high, 2)]
    if law.low > SUPERLINEAR:
        text = f"time grows as rows^{law.exponent:.2f} (95 % {law.low:.2f}-{law.high:.2f}), measured to {largest_n}"
        book.add(SCALE, "superlinear", text, revision, sql=sql, line=line)
    known = sizes.production or {}
    n = max((known.get(table.name, 0) for table in touched), default=0)
    if n > largest_n:
        middle, high = predicted(law, largest_n, work_s, n)
        entry["predicted_s"] = [round(middle, 3), round(high, 3)]
        if middle > sizes.step_s:
            text = f"about {middle:.0f} s at production's {n} rows (up to {high:.0f}), more than {sizes.step_s:.0f} s"
            book.add(SCALE, "too-slow", text, revision, sql=sql, line=line)


def _batches(book: Notebook, revision: Revision, run: _Run, sizes: Sizes) -> None:
    for statement in run.ran.statements:
        if statement.rows is not None and statement.rows > sizes.batch and not statement.books:
            text = f"one statement changes {statement.rows} rows at once, more than {sizes.batch}"
            book.add(BACKFILL, "not-batched", text, revision, sql=statement.sql, line=statement.line or None)


def mentions(statement: Statement, table: Table) -> bool:
    """Whether a statement that is not about the tool's own books names a table."""
    bare = table.name.rpartition(".")[2].strip('"`').lower()
    text = statement.sql.lower()
    start = text.find(bare)
    while start >= 0:
        before, after = text[start - 1 : start], text[start + len(bare) : start + len(bare) + 1]
        if not (before.isalnum() or before == "_" or after.isalnum() or after == "_"):
            return not statement.books
        start = text.find(bare, start + 1)
    return False


def plans(shadow: Shadow, book: Notebook, queries: Sequence[str], sizes: Sizes) -> None:
    """Fill the tables that queries name and ask the planner: a query that reads a whole table has no index to use."""
    session, engine = shadow.session, shadow.server.engine
    tables = session.tables()
    head = shadow.revisions[-1] if shadow.revisions else None
    for query in queries:
        asked = Statement(query, query, 0)
        touched = [table for table in tables if mentions(asked, table)]
        if not touched or not fill(session, touched, tables, engine, max(sizes.rows)):
            book.problem(SCALE, f"the tables of this query could not be filled: {query}")
            continue
        try:
            scanned = _scanned(session, engine, query)
        except SqlError as error:
            book.problem(SCALE, f"the database refuses the query {query!r}: {error}")
            continue
        for table in scanned:
            book.add(SCALE, "no-index", f"{table} is read as a whole by: {query}", head, sql=query)


def _scanned(session: Session, engine: str, query: str) -> list[str]:
    if engine == "postgresql":
        plan = session.run(f"EXPLAIN (FORMAT JSON) {query}")[0][0]
        return [node["Relation Name"] for node in _nodes(plan[0]["Plan"]) if node["Node Type"] == "Seq Scan"]
    if engine == "sqlite":
        rows = session.run(f"EXPLAIN QUERY PLAN {query}")
        return [str(row[3]).split()[1] for row in rows if str(row[3]).startswith("SCAN") and "USING" not in str(row[3])]
    rows = session.run(f"EXPLAIN {query}")
    return [str(row[2]) for row in rows if str(row[3]).upper() == "ALL"]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]
