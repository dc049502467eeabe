"""Statements about a decision in words that other tools know: in-toto test-result, and a verification result.

Neither has a word for hold or rollback, so they stand beside the decision's own record and never replace it. What did
not pass counts as failed, whatever the reason; only a promotion has a verification result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.audit.record import EMPTY, STATEMENT_TYPE, subjects

if TYPE_CHECKING:
    from collections.abc import Mapping

TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
VERIFICATION = "https://in-toto.io/attestation/svr/v0.1"
VERIFIER = "https://relgate.dev/verifier/v1"


def result_of(content: Mapping[str, Any], run_url: str | None) -> dict[str, Any]:
    """Return the in-toto test-result statement of a decision document. ``run_url``: of the CI job."""
    verdicts = {row["id"]: row["verdict"] for row in content["gates"]}
    passed = sorted(name for name, verdict in verdicts.items() if verdict == "pass")
    warned = sorted(name for name, verdict in verdicts.items() if verdict == "warn")
    failed = sorted(name for name in verdicts if name not in passed and name not in warned)
    result = "FAILED" if content["decision"] != "promote" else "WARNED" if warned else "PASSED"
    predicate = {
        "result": result,
        "configuration": [_policy(content)],
        "passedTests": passed,
        "warnedTests": warned,
        "failedTests": failed,
    }
    return _statement(content, TEST_RESULT, {**predicate, **({"url": run_url} if run_url else {})})


def verification(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the verification result of a promotion; None for every other decision."""
    if content["decision"] != "promote":
        return None
    good = sorted(row["id"] for row in content["gates"] if row["verdict"] in ("pass", "warn"))
    predicate = {
        "verifier": {"id": VERIFIER, "policy": _policy(content)},
        "timeCreated": content["finished"],
        "properties": ["RELGATE_PROMOTE", *(f"RELGATE_GATE_{name}" for name in good)],
    }
    return _statement(content, VERIFICATION, predicate)


def _policy(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "policy", "digest": {"sha256": content["policy_sha256"]}}


def _statement(content: Mapping[str, Any], kind: str, predicate: dict[str, Any]) -> dict[str, Any]:
    about, _ = subjects("gate-decision", content, EMPTY.head)
    return {"_type": STATEMENT_TYPE, "subject": about, "predicateType": kind, "predicate": predicate}
