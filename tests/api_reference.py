"""Writes docs/reference/api.md from the table that exploring speaks from: every finding, its why and its do."""

from __future__ import annotations

from relgate.openapi.faults import FAULTS
from relgate.policy.api import EXPLORED


def api_findings() -> str:
    """The page."""
    lines = ["# Findings about an API", "", "Made by `scripts/generate-docs` from the code."]
    for gate, faults in FAULTS.items():
        lines += ["", f"## {gate}", "", f"{EXPLORED[gate]}.", "", "| finding | | why it matters | what to do |"]
        lines.append("|---|---|---|---|")
        for code, fault in faults.items():
            lines.append(f"| `{code}` | {'blocks' if fault.blocks else 'warns'} | {fault.why} | {fault.do} |")
    return "\n".join(lines) + "\n"
