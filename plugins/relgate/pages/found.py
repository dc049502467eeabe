"""Findings of a run as a page shows them, by gate: whatever proof, exploration or smoke path wrote them down.

Such a file has its findings by gate (``migrations.json``, ``api.json``), or is one gate's (``smoke/<gate>/path.json``).
One that is not this run's, not readable or too large is left out: a page shows, it decides nothing.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from relgate.values import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_LARGEST = 32 * 1024 * 1024
_KNOWN = frozenset(field.name for field in fields(Finding))
_TEXTS = ("gate", "code", "what", "why", "do")


def findings(evidence: Path, run_id: str) -> dict[str, tuple[Finding, ...]]:
    """Return gate id -> what was found."""
    found: dict[str, tuple[Finding, ...]] = {}
    for path in sorted(evidence.glob("*.json")):
        document = _read(path)
        if document.get("run_id") == run_id and isinstance(document.get("gates"), dict):
            for gate, one in document["gates"].items():
                listed = one.get("findings") if isinstance(one, dict) else None
                found[str(gate)] = tuple(_each(str(gate), listed))
    for path in sorted(evidence.glob("smoke/*/path.json")):
        document = _read(path)
        gate = str(document.get("gate", path.parent.name))
        found[gate] = tuple(_each(gate, document.get("findings")))
    return found


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            return {}
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _each(gate: str, listed: object) -> Iterator[Finding]:
    items: Iterable[object] = listed if isinstance(listed, list) else ()
    for one in items:
        if isinstance(one, dict):
            plain = {name: value for name, value in one.items() if name in _KNOWN}
            texts = {name: str(plain.get(name, "")) for name in _TEXTS}
            yield Finding(**(plain | texts | {"gate": gate}))
