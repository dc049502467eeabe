"""The steps of one path, as they are walked -> findings of its gate. No clock, no browser.

| what happened | what it is |
|---|---|
| a step raised | a finding: the path fails |
| the candidate never answered and a step could not connect | a problem: nothing was measured |
| the test asked for something that it may not do, or its browser died | a problem |
| no step | nothing was examined: inconclusive |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from relgate.smoke.faults import finding
from relgate.values import Finding, Findings

_LONGEST = 600


@dataclass
class Step:
    """One step. ``began_s``, ``took_s``: seconds since the path began, and of the step; None while it runs."""

    name: str
    began_s: float
    took_s: float | None = None
    failed: bool = False


@dataclass
class Walk:
    """What has happened on a path so far. ``blamed``: exceptions that have become a finding or a problem."""

    gate: str
    steps: list[Step] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _blamed: list[BaseException] = field(default_factory=list)

    def begin(self, name: str, now_s: float) -> Step:
        """Begin a step."""
        self.steps.append(Step(name, now_s))
        return self.steps[-1]

    def end(self, step: Step, now_s: float, *, failed: bool = False) -> None:
        """End a step."""
        step.took_s, step.failed = round(now_s - step.began_s, 4), failed

    def failed(self, error: BaseException, message: str, path: str = "", line: int = 0, *, step: str = "") -> None:
        """Note that a step, or with no name what stands outside of all steps, raised; an exception counts once."""
        if self._known(error):
            return
        name = f"step {step!r}" if step else "outside of a step"
        self.findings.append(finding(self.gate, "step-failed", f"{name}: {shortened(message)}", path=path, line=line))

    def unmeasured(self, error: BaseException, why: str) -> None:
        """Note why nothing could be measured."""
        if not self._known(error):
            self.problems.append(shortened(why))

    def result(self, more: tuple[Finding, ...] = (), problems: tuple[str, ...] = ()) -> Findings:
        """Return what the gate judges."""
        finished = sum(step.took_s is not None and not step.failed for step in self.steps)
        return Findings(
            self.gate,
            what="steps",
            checked=finished,
            expected=len(self.steps) or 1,
            findings=(*self.findings, *more),
            problems=(*self.problems, *problems),
            notes=tuple(self.notes),
        )

    def document(self) -> list[dict[str, Any]]:
        """Return the steps as JSON."""
        return [
            {"name": one.name, "began_s": round(one.began_s, 4), "took_s": one.took_s, "failed": one.failed}
            for one in self.steps
        ]

    def _known(self, error: BaseException) -> bool:
        if any(error is one for one in self._blamed):
            return True
        self._blamed.append(error)
        return False


def shortened(message: str) -> str:
    """Return a message as one line: the first lines that say something, joined."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    text = " ".join(lines[:4]) or "no message"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
