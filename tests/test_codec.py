"""The wire format: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.adapters import ledger
from relgate.codec import canonical, decode_result, encode_result, gate_row, rfc3339
from relgate.values import GateResult, Verdict

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
results = st.builds(
    GateResult,
    id=st.text(min_size=1),
    family=st.sampled_from(["canary", "smoke"]),
    required=st.booleans(),
    severity=st.sampled_from(["critical", "minor"]),
    verdict=st.sampled_from(Verdict),
    message=st.text(),
    observed=numbers | st.text(),
    baseline=numbers,
    interval=st.none() | st.tuples(numbers, numbers),
    n=st.integers(0, 2**40),
    window=st.none() | st.tuples(st.floats(0, 4e9), st.floats(0, 4e9)),
    evidence=st.lists(st.text()).map(tuple),
    next_steps=st.lists(st.text()).map(tuple),
)


@given(results)
def test_a_result_survives_the_way_from_worker_to_controller(result: GateResult) -> None:
    """Nothing is lost or rounded on a test report."""
    assert decode_result(encode_result(result)) == result


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"schema": 9}', '{"schema": 1, "result": {"id": "a"}}'])
def test_what_is_no_result_is_refused(text: str) -> None:
    """A garbled report is a ValueError, which the collector makes an error verdict."""
    with pytest.raises(ValueError, match="gate result|Expecting"):
        decode_result(text)


@given(results)
def test_a_row_of_the_decision_is_plain_json(result: GateResult) -> None:
    """In the order of the contract, times as RFC 3339."""
    row = gate_row(result)

    assert list(row)[:5] == ["id", "family", "required", "severity", "verdict"]
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_canonical_json_is_sorted_and_tight() -> None:
    """RFC 8785: one value, one byte sequence."""
    assert canonical({"b": 1.0, "a": [True, None, "ü"]}) == '{"a":[true,null,"ü"],"b":1}'.encode()


def test_times_are_utc_with_milliseconds() -> None:
    """The example of the epoch."""
    assert rfc3339(0.1239) == "1970-01-01T00:00:00.123Z"


@pytest.mark.parametrize("e_value", [2.0**53 + 2, 1.3503323695872822e16, 1e300])
def test_overwhelming_evidence_breaks_no_ledger(e_value: float, tmp_path: Path) -> None:
    """What was written is read again: beyond 2^53 the canonical form is a whole number that JSON cannot hold."""
    row = gate_row(GateResult("g", "canary", True, "critical", Verdict.PASS, "fine", e_value=1.0, e_health=e_value))
    assert row["e_health"] == 1e15
    ledger.append(tmp_path, "gate-decision", 1.0, {"gates": [row]})
    ledger.append(tmp_path, "gate-decision", 2.0, {"gates": [row]})
    assert ledger.read(tmp_path).fault is None
