"""Findings for a page, whoever wrote them down; what cannot be read is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from relgate.pages.found import findings
from tests.report.proofs import finding, gate, proof, revision


def write(folder: Path, name: str, document: Any) -> None:
    """Write a file of the evidence."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def test_findings_of_proofs_explorations_and_paths(tmp_path: Path) -> None:
    """With file and line where they have them; keys of tomorrow are no fault."""
    round_trip = gate("migration-round-trip", finding("r1", tomorrow=1))
    write(tmp_path, "migrations.json", proof(revision("r1"), gates=(round_trip,)))
    write(
        tmp_path, "api.json", {"schema": 1, "run_id": "r1", "gates": {"api-errors": gate("api-errors", finding(None))}}
    )
    walked = {
        "gate": "smoke-search",
        "steps": [],
        "findings": [{"code": "step-failed", "what": "no result", "blocks": True}],
    }
    write(tmp_path, "smoke/smoke-search/path.json", walked)
    found = findings(tmp_path, "r1")

    assert (found["migration-round-trip"][0].path, found["migration-round-trip"][0].line) == ("versions/r1.py", 7)
    assert found["api-errors"][0].code == "left-over"
    assert found["smoke-search"][0].what == "no result"


def test_what_is_another_run_s_or_damaged_is_left_out(tmp_path: Path) -> None:
    """A page shows what is this run's."""
    write(tmp_path, "migrations.json", proof(revision("r1"), gates=(gate("g", finding("r1")),), run_id="r0"))
    write(tmp_path, "api.json", {"run_id": "r1", "gates": {"g": ["no findings"], "h": {"findings": ["text", None]}}})
    (tmp_path / "other.json").write_text("[" * 9000)

    assert findings(tmp_path, "r1") == {"g": (), "h": ()}
