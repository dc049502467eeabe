"""What a proof writes down while it goes: findings, what was examined, statements, lock times. No judgement."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from relgate.migrate.faults import finding
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from relgate.ports.migrations import Ran, Revision, Statement


@dataclass
class Notebook:
    """Collects what the checks of all gates find.

    ``wanted``: gates to prove. ``expected``: gate -> how many things it has to examine (``what``: of which kind).
    ``rows``: one entry a revision for the report; its ``examined`` names the gates that examined all that they had to
    of this revision. ``sql``: (revision, direction) -> the statements that were sent. ``bare``: tables that no rows
    could be made for. ``doubted``: gates whose checks cannot be believed for any revision.
    """

    wanted: frozenset[str]
    findings: list[Finding] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    expected: dict[str, int] = field(default_factory=dict)
    what: dict[str, str] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    sql: dict[tuple[str, str], tuple[Statement, ...]] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)
    doubted: set[str] = field(default_factory=set)

    def wants(self, *gates: str) -> bool:
        """Whether any of these gates is to be proven."""
        return any(gate in self.wanted for gate in gates)

    def expect(self, gate: str, n: int, what: str = "revisions") -> None:
        """Say how many things a gate has to examine."""
        self.expected[gate] = n
        self.what[gate] = what

    def add(
        self,
        gate: str,
        code: str,
        what: str,
        revision: Revision | None = None,
        *,
        sql: str | None = None,
        line: int | None = None,
        path: str | None = None,
    ) -> None:
        """Write a finding down, once."""
        if gate not in self.wanted:
            return
        found = finding(gate, code, what, revision, sql=sql, line=line, path=path)
        if found not in self.findings:
            self.findings.append(found)

    def examined(self, gate: str, revision: Revision) -> None:
        """Say that a gate has examined all that it has to of a revision; once, however often it is said."""
        gates = self.rows.setdefault(revision.id, {}).setdefault("examined", [])
        if gate not in self.wanted or gate in self.doubted or gate in gates:
            return
        gates.append(gate)
        self.checked[gate] += 1

    def unexamined(self, revision: Revision, gates: Iterable[str], why: str) -> None:
        """Note why a revision was not examined by those of some gates that had to."""
        done = self.rows.get(revision.id, {}).get("examined", ())
        left = [gate for gate in gates if self.wants(gate) and gate not in (*done, *self.absent, *self.doubted)]
        if not left:
            return
        self.rows.setdefault(revision.id, {}).setdefault("unexamined", why)
        for gate in left:
            self.note(gate, f"{revision.id} was not examined: {why}")

    def problem(self, gate: str, text: str) -> None:
        """Note why a gate's checks are not complete."""
        self.problems.setdefault(gate, []).append(text)

    def doubt(self, gate: str, text: str) -> None:
        """Note why a gate's checks cannot be believed, of whatever revision: none counts as examined from now on."""
        self.problem(gate, text)
        self.doubted.add(gate)

    def note(self, gate: str, text: str) -> None:
        """Note something that a reader should know."""
        if text not in self.notes.setdefault(gate, []):
            self.notes[gate].append(text)

    def does_not_apply(self, gate: str, why: str) -> None:
        """Note that there is nothing to check for a gate here."""
        self.absent[gate] = why

    def has(self, gate: str, revision: Revision) -> bool:
        """Whether a gate has a blocking finding about a revision."""
        return any(one.gate == gate and one.revision == revision.id and one.blocks for one in self.findings)

    def ran(self, revision: Revision, direction: str, ran: Ran) -> None:
        """Keep what a step sent, and how long it took."""
        self.sql.setdefault((revision.id, direction), ran.statements)
        self.rows.setdefault(revision.id, {})[f"{direction}_s"] = round(ran.took_s, 6)

    def results(self) -> tuple[Findings, ...]:
        """Return what each wanted gate found."""
        return tuple(
            Findings(
                gate=gate,
                what=self.what.get(gate, "revisions"),
                checked=self.checked[gate],
                expected=self.expected.get(gate, 1),
                findings=tuple(one for one in self.findings if one.gate == gate),
                problems=tuple(self.problems.get(gate, ())),
                does_not_apply=self.absent.get(gate),
                notes=tuple(self.notes.get(gate, ())),
            )
            for gate in sorted(self.wanted)
        )
