"""A gate result as JUnit properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relgate.values import GateResult


def junit_properties(result: GateResult) -> list[tuple[str, str]]:
    """Name and text pairs for a test case of JUnit XML; plain strings, since CI systems read nothing else."""
    pairs = {
        "gate": result.id,
        "gate_family": result.family,
        "gate_severity": result.severity,
        "gate_verdict": result.verdict.value,
        "gate_observed": "" if result.observed is None else f"{result.observed} {result.unit}".strip(),
        "gate_limit": result.limit,
        "gate_baseline": "" if result.baseline is None else f"{result.baseline} {result.unit}".strip(),
        "gate_interval": ""
        if result.interval is None
        else " to ".join("open" if end is None else f"{end:g}" for end in result.interval),
        "gate_n": str(result.n),
        "gate_message": result.message,
    }
    return [(name, text) for name, text in pairs.items() if text]
