"""Statements in others' words: in-toto's own classes take them, and nothing that did not pass is called passed."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement

from relgate.audit.attest import result_of, verification


def content(decision: str, **verdicts: str) -> dict[str, Any]:
    """A decision document, as far as statements read it."""
    return {
        "decision": decision,
        "release": {"commit": "b" * 40},
        "gates": [{"id": name, "verdict": verdict} for name, verdict in verdicts.items()],
        "policy_sha256": "c" * 64,
        "finished": "2026-11-21T12:00:00.000Z",
    }


@pytest.mark.parametrize("decision", ["promote", "hold", "rollback"])
def test_in_totos_own_classes_take_it(decision: str) -> None:
    """As protobufs: no key that they do not know, no value of another kind."""
    found = result_of(content(decision, a="pass"), "https://ci.example/7")
    Statement.copy_from_pb(ParseDict({**found, "type": found.pop("_type")}, statement_pb2.Statement())).validate()

    ParseDict(found["predicate"], test_result_pb2.TestResult())


@pytest.mark.parametrize("verdict", ["fail", "error", "missing", "inconclusive"])
def test_what_did_not_pass_counts_as_failed(verdict: str) -> None:
    """Others have no word for not enough evidence."""
    said = result_of(content("hold", a="pass", b=verdict, c="warn"), None)["predicate"]

    assert (said["result"], said["passedTests"], said["warnedTests"], said["failedTests"]) == (
        "FAILED",
        ["a"],
        ["c"],
        ["b"],
    )


def test_a_hold_whose_gates_all_passed_is_no_pass() -> None:
    """The session was cut short, an approval is missing: the decision says what counts."""
    assert result_of(content("hold", a="pass"), None)["predicate"]["result"] == "FAILED"


@pytest.mark.parametrize("decision", ["hold", "rollback"])
def test_only_a_promotion_is_a_verification(decision: str) -> None:
    """The form has no word for anything else."""
    assert verification(content(decision, a="pass")) is None
    promoted = verification(content("promote", a="pass", b="warn"))
    assert promoted is not None
    assert promoted["predicate"]["properties"] == ["RELGATE_PROMOTE", "RELGATE_GATE_a", "RELGATE_GATE_b"]
