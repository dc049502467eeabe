"""Migrations read without running them: our own rules, for what squawk does not see.

Two readers: the SQL that each revision sends (``static_sql``) and the Python that it is written in (``static_python``).
Text says what is asked for, never what happens: locks, rewrites and losses are judged by running. So these rules block
only where the text alone proves the fault, and warn where it depends on rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.migrate.static_python import read_python
from relgate.migrate.static_rules import RULES
from relgate.migrate.static_sql import Known, read_sql
from relgate.values import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from relgate.migrate.static_rules import Fault
    from relgate.ports.migrations import Engine, Revision, Statement

GATE = "migration-static"


@dataclass(frozen=True, slots=True)
class Reading:
    """What there is to read of one revision: the statements that it sends, and its Python source if it has one."""

    revision: Revision
    statements: tuple[Statement, ...]
    source: str | None = None


def read(
    readings: Sequence[Reading],
    engine: Engine,
    *,
    only: Collection[str] | None = None,
    application: Collection[str] = (),
    timeout_set: bool = False,
) -> tuple[Finding, ...]:
    """Return what the text of revisions shows.

    ``readings`` in the chain's order: a column that an earlier revision filled may become required in a later one.
    ``only``: the revisions whose findings count, the others are history; None for all. ``application``: the project's
    own top-level packages. ``timeout_set``: the tool's connection has a lock timeout already.
    """
    known = Known(engine, timeout_set=timeout_set)
    found: list[Finding] = []
    for reading in readings:
        faults = read_sql(reading.statements, known)
        if reading.source is not None:
            faults += read_python(reading.source, reading.revision, frozenset(application))
        if only is None or reading.revision.id in only:
            found += [_finding(fault, reading.revision) for fault in faults]
    return tuple(found)


def _finding(fault: Fault, revision: Revision) -> Finding:
    rule = RULES[fault.code]
    return Finding(
        GATE,
        fault.code,
        fault.what,
        rule.why,
        rule.do,
        rule.blocks if fault.blocks is None else fault.blocks,
        revision.id,
        fault.path or revision.path,
        fault.line,
        fault.sql,
    )
