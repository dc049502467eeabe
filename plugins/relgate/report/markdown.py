"""decision.md: fits a CI step summary, which is dropped whole when it is larger than 1 MiB.

Texts come from the service under test and from tests: they are escaped, so that none of them can draw a table of its
own or smuggle HTML into a summary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.report.escape import markdown as _text
from relgate.report.numbers import show
from relgate.report.promise import promise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LARGEST_BYTES = 1024 * 1024 - 1
_MOST_ROWS = 400
_SIGNS = {"promote": "✅", "hold": "⏸️", "rollback": "⏪"}


def render(content: Mapping[str, Any], sequence: int, sha256: str) -> str:
    """The decision document as Markdown.

    Args:
        content: decision document, redacted.
        sequence: place of its record in the ledger.
        sha256: digest of its record.

    """
    decision = content["decision"]
    lines = [
        f"## {_SIGNS[decision]} {_text(content['service'])} {_text(content['stage'])}: {decision}",
        "",
        f"{_text(content['environment'])}, release {_facts(content['release'])}, run `{content['run_id']}`",
        "",
        *_gates(content["gates"]),
        *_reasons(content["reasons"], {gate["id"]: gate["next_steps"] for gate in content["gates"]}),
        *[f"- note: {_text(note)}" for note in content["overrides"]],
        *_migrations(content["gates"]),
        *_loads(content["gates"]),
        "",
        promise(content["risk"]),
        "",
        f"Record {sequence} of the ledger, SHA-256 `{sha256}`; policy `{content['policy_sha256']}`.",
        "",
    ]
    return _bounded("\n".join(lines))


def _gates(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    if not gates:
        return ["No gate reported.", ""]
    lines = ["| gate | observed | limit | baseline | n | verdict |", "|---|---|---|---|---|---|"]
    for gate in gates[:_MOST_ROWS]:
        cells = (
            gate["id"] if gate["required"] else f"{gate['id']} (optional)",
            show(gate["observed"], gate["unit"]),
            gate["limit"] or "-",
            show(gate["baseline"], gate["unit"]),
            str(gate["n"] or "-"),
            gate["verdict"],
        )
        lines.append("| " + " | ".join(_text(cell) for cell in cells) + " |")
    if len(gates) > _MOST_ROWS:
        lines.append(f"| ... {len(gates) - _MOST_ROWS} more gates in decision.json | | | | | |")
    return [*lines, ""]


def _reasons(reasons: Sequence[Mapping[str, Any]], steps: Mapping[str, Sequence[str]]) -> list[str]:
    lines = []
    for reason in reasons[:_MOST_ROWS]:
        gate = reason["gate"]
        lines.append(f"- {f'**{_text(gate)}**: ' if gate else ''}{_text(reason['text'])}")
        lines += [f"  - next: {_text(step)}" for step in steps.get(gate or "", ())]
    return lines


def _migrations(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lead to the findings where there was a proof: a gate's message has room for the first one only."""
    if not any(gate.get("family") == "migration" and gate["verdict"] not in ("error", "missing") for gate in gates):
        return []
    return ["", "Each migration, each finding and what to do: [evidence/migrations.md](evidence/migrations.md)."]


def _loads(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lead to the curves where there was a load."""
    if not any(gate.get("family") == "load" and gate["verdict"] not in ("error", "missing") for gate in gates):
        return []
    return ["", "Rate, latencies and errors of the load, second by second: [evidence/load.svg](evidence/load.svg)."]


def _facts(release: Mapping[str, str]) -> str:
    return ", ".join(f"{_text(key)} {_text(value)}" for key, value in release.items()) or "not named"


def _bounded(text: str) -> str:
    data = text.encode()
    if len(data) <= LARGEST_BYTES:
        return text
    note = "\n\n... cut: the whole decision is in decision.json\n"
    return data[: LARGEST_BYTES - len(note.encode())].decode(errors="ignore") + note
