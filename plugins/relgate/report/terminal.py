"""The decision on a terminal: a table that a person reads in ten seconds, then the decision and its reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from relgate.report.numbers import show
from relgate.values import Decision, GateResult, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COLOURS: dict[str, dict[str, bool]] = {
    Verdict.PASS: {"green": True},
    Verdict.WARN: {"yellow": True},
    Verdict.FAIL: {"red": True, "bold": True},
    Verdict.INCONCLUSIVE: {"yellow": True, "bold": True},
    Verdict.ERROR: {"red": True},
    Verdict.MISSING: {"red": True},
    Outcome.PROMOTE: {"green": True, "bold": True},
    Outcome.HOLD: {"yellow": True, "bold": True},
    Outcome.ROLLBACK: {"red": True, "bold": True},
}
_HEADINGS = ("gate", "observed", "limit", "baseline", "n", "verdict")
_WIDEST_CELL = 44


class Writer(Protocol):
    """What is written to; pytest's terminal reporter is one."""

    def section(self, title: str, sep: str = "=", **markup: bool) -> None:
        """Write a title over the whole width."""

    def write_line(self, line: str | bytes, **markup: bool) -> None:
        """Write one line."""


def show_decision(writer: Writer, decision: Decision, footer: Sequence[str], unrecorded: str | None = None) -> None:
    """Write gates, decision, reasons and where the record lies.

    ``unrecorded``: why there is no record of the decision. Without one it is no decision that anybody may act on, and
    nothing on the screen may look like one.
    """
    outcome = decision.outcome
    if unrecorded is None:
        writer.section(f"release decision: {outcome.value.upper()}", "=", **_COLOURS[outcome])
    else:
        writer.section("release decision: NOT RECORDED", "=", red=True, bold=True)
        writer.write_line(f"do not promote: {unrecorded}", red=True, bold=True)
    rows = [_cells(row) for row in decision.gates]
    if rows:
        widths = [max(len(row[column]) for row in [_HEADINGS, *rows]) for column in range(len(_HEADINGS))]
        writer.write_line(_aligned(_HEADINGS, widths), bold=True)
        for row, cells in zip(decision.gates, rows, strict=True):
            writer.write_line(_aligned(cells, widths), **_COLOURS[row.verdict])
        writer.write_line("")
    steps = {row.id: row.next_steps for row in decision.gates}
    said: set[str] = set()
    if unrecorded is None:
        writer.write_line(f"{outcome.value}{_because(decision)}", **_COLOURS[outcome])
    elif decision.reasons:
        writer.write_line("what would have been recorded:")
    for reason in decision.reasons:
        writer.write_line(f"  - {reason.gate + ': ' if reason.gate else ''}{_line(reason.text)}")
        for step in steps.get(reason.gate or "", ())[:2]:
            if step not in said:  # Advice that fits many gates is given once.
                writer.write_line(f"      next: {_line(step)}")
            said.add(step)
    for override in decision.overrides:
        writer.write_line(f"  note: {_line(override)}")
    for line in footer:
        writer.write_line(line)


def header_lines(
    service: str, environment: str, stage: str, release: Mapping[str, str], required: Sequence[str], candidate: str
) -> list[str]:
    """What is going to be decided about, for pytest's header."""
    facts = " ".join(f"{key}={value}" for key, value in release.items()) or "no --gate-release given"
    return [
        f"relgate: {service}, {environment}, stage {stage}, release {facts}",
        f"relgate: candidate {candidate}; requires {', '.join(required) or 'no gate'}",
    ]


def _because(decision: Decision) -> str:
    if not decision.reasons:
        return f": {len(decision.gates)} gates passed"
    return ", with warnings:" if decision.outcome is Outcome.PROMOTE else " because:"


def _cells(row: GateResult) -> tuple[str, ...]:
    observed = show(row.observed, row.unit)
    baseline = show(row.baseline, row.unit)
    name = row.id if row.required else f"{row.id} (optional)"
    return tuple(
        _short(cell)
        for cell in (name, observed, row.limit or "-", baseline, str(row.n) if row.n else "-", row.verdict.value)
    )


def _line(text: str) -> str:
    """Return a text as one line: the second one of a message must not look like a line of ours."""
    return " ".join(text.split())


def _short(cell: str) -> str:
    return cell if len(cell) <= _WIDEST_CELL else cell[: _WIDEST_CELL - 1] + "…"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
