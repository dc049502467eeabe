"""What was asked before a rollout as a page for people: each gate with its question, what came, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.report.escape import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from relgate.values import Findings

_MOST = 30


def render(gates: Mapping[str, tuple[str, Findings, Sequence[str]]]) -> str:
    """Return the page. ``gates``: gate id -> question, findings, paths of the answers below the page's folder."""
    lines = ["# Before the rollout", ""]
    for gate, (question, found, paths) in gates.items():
        lines += [f"## {gate}", "", markdown(question), ""]
        lines += [f"- could not be told: {markdown(problem)}" for problem in found.problems]
        for one in found.findings[:_MOST]:
            mark = "excused" if one.waiver else "blocks" if one.blocks else "warns"
            place = f" ({one.path}:{one.line})" if one.path else ""
            why = f" [{one.waiver}]" if one.waiver else f"; {one.why}. {one.do}"
            lines.append(f"- {mark}: {markdown(f'{one.what}{place}{why}')}")
        if len(found.findings) > _MOST:
            lines.append(f"- and {len(found.findings) - _MOST} more")
        lines += [f"- note: {markdown(note)}" for note in found.notes]
        if not (found.problems or found.findings):
            lines.append(f"- nothing found in {found.checked} of {found.expected} {markdown(found.what)}")
        lines += [f"- answer: [{path}]({path})" for path in paths]
        lines.append("")
    return "\n".join(lines)
