"""The table that a person reads in ten seconds."""

from __future__ import annotations

import re

from relgate.report.terminal import show_decision
from relgate.values import Decision, GateResult, Outcome, Reason, Verdict


class Screen:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def section(self, title: str, sep: str = "=", **markup: bool) -> None:
        """Keep a title."""
        self.lines.append(f"{sep * 3} {title} {sep * 3}{' !' if markup else ''}")

    def write_line(self, line: str | bytes, **markup: bool) -> None:
        """Keep a line."""
        assert isinstance(line, str)
        del markup
        self.lines.append(line)


def row(gate: str, verdict: Verdict, **known: object) -> GateResult:
    """A gate of the table."""
    base = {"family": "canary", "required": True, "severity": "critical", "message": f"{gate} says so"}
    return GateResult(gate, verdict=verdict, **base | known)  # type: ignore[arg-type]


def shown(decision: Decision, unrecorded: str | None = None) -> list[str]:
    """The lines on the screen."""
    screen = Screen()
    show_decision(screen, decision, ["report: here"], unrecorded)
    return screen.lines


def test_the_table_says_gate_observed_limit_n_and_verdict() -> None:
    """In columns, with units as people read them."""
    slow = row("latency-p95", Verdict.FAIL, observed=0.312, unit="s", limit="> 250ms", baseline=0.241, n=18204)
    extra = row("queue", Verdict.PASS, observed=3.0, limit="> 1000", n=30, required=False)
    reasons = (Reason("latency-p95", "p95 312 ms > limit 250 ms"),)
    lines = shown(Decision(Outcome.ROLLBACK, reasons, (slow, extra), ("latency-p95",)))

    assert lines[0] == "=== release decision: ROLLBACK === !"
    assert lines[1].split() == ["gate", "observed", "limit", "baseline", "n", "verdict"]
    assert lines[2].split("  ")[0] == "latency-p95"
    assert re.split(r"\s{2,}", lines[2]) == ["latency-p95", "312 ms", "> 250ms", "241 ms", "18204", "fail"]
    assert lines[3].startswith("queue (optional)")
    assert "rollback because:" in lines
    assert "  - latency-p95: p95 312 ms > limit 250 ms" in lines


def test_advice_that_fits_many_gates_is_given_once() -> None:
    """Ten gates that were not measured have one cause."""
    gates = tuple(row(name, Verdict.ERROR, next_steps=("mend the source",)) for name in "abc")
    reasons = tuple(Reason(gate.id, gate.message) for gate in gates)
    lines = shown(Decision(Outcome.HOLD, reasons, gates, ()))

    assert sum("mend the source" in line for line in lines) == 1


def test_a_decision_without_a_record_does_not_look_like_one() -> None:
    """Somebody greps the log for the word."""
    lines = shown(Decision(Outcome.PROMOTE, (), (row("a", Verdict.PASS),), ("a",)), unrecorded="disk full")

    assert lines[:2] == ["=== release decision: NOT RECORDED === !", "do not promote: disk full"]
    assert not any("promote" in line.lower() for line in lines[2:])
