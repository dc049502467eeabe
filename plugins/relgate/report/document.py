"""decision.json, schema 2: the decision as a document for other tools, keys in the order of the contract."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.codec import DECISION_SCHEMA, gate_row, rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.values import Decision


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision document says besides the decision itself. Times are Unix seconds."""

    run_id: str
    service: str
    environment: str
    stage: str
    release: Mapping[str, str]
    policy_sha256: str
    risk: Mapping[str, Any]
    started_s: float
    finished_s: float
    pytest_exit: int
    versions: Mapping[str, str]


def document(decision: Decision, facts: Facts) -> dict[str, Any]:
    """The decision without its ``record``: this is what the ledger takes in."""
    return {
        "schema": DECISION_SCHEMA,
        "run_id": facts.run_id,
        "service": facts.service,
        "environment": facts.environment,
        "stage": facts.stage,
        "release": dict(facts.release),
        "decision": decision.outcome.value,
        "reasons": [{"gate": reason.gate, "text": reason.text} for reason in decision.reasons],
        "gates": [gate_row(result) for result in decision.gates],
        "expected_gates": list(decision.expected_gates),
        "overrides": list(decision.overrides),
        "irreversible": list(decision.irreversible),
        "policy_sha256": facts.policy_sha256,
        "risk": dict(facts.risk),
        "started": rfc3339(facts.started_s),
        "finished": rfc3339(facts.finished_s),
        "pytest_exit": facts.pytest_exit,
        "versions": dict(facts.versions),
    }


def render(content: Mapping[str, Any], *, sequence: int, sha256: str) -> str:
    """The text of decision.json: the recorded document with the place of its record."""
    return json.dumps({**content, "record": {"sequence": sequence, "sha256": sha256}}, indent=2, allow_nan=False) + "\n"
