"""The one wire format: values to canonical JSON and back.

Canonical means RFC 8785: one value has one byte sequence, so that digests can be compared years later. NaN and
infinity have no form in it and are refused. Times are RFC 3339 in UTC with milliseconds.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import rfc8785

from relgate.values import Finding, Findings, GateResult, Verdict

DECISION_SCHEMA = 2
MOST_EVIDENCE = 1e15
_GATE_RESULT_SCHEMA = 1


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value.

    Raises:
        ValueError: NaN, infinity, an integer beyond 2^53 or a key that is not a string.

    """
    return rfc8785.dumps(value)


def sha256(data: bytes) -> str:
    """Lower-case hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def rfc3339(unix_s: float) -> str:
    """``2026-11-21T11:32:00.123Z`` for a Unix time in seconds."""
    moment = datetime.fromtimestamp(unix_s, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def gate_row(result: GateResult) -> dict[str, Any]:
    """One row of ``gates`` in decision.json, keys in the order of the contract."""
    return {
        "id": result.id,
        "family": result.family,
        "required": result.required,
        "severity": result.severity,
        "verdict": result.verdict.value,
        "observed": result.observed,
        "unit": result.unit,
        "limit": result.limit,
        "baseline": result.baseline,
        "interval": list(result.interval) if result.interval is not None else None,
        "confidence": result.confidence,
        "n": result.n,
        "n_needed": result.n_needed,
        "e_value": _at_most(result.e_value),
        "e_health": _at_most(result.e_health),
        "alpha": result.alpha,
        "window": [rfc3339(moment) for moment in result.window] if result.window is not None else None,
        "waiver": result.waiver,
        "evidence": list(result.evidence),
        "message": result.message,
        "next_steps": list(result.next_steps),
        "reproduce": result.reproduce,
    }


def _at_most(e_value: float | None) -> float | None:
    """Return evidence as records say it: more than that is certainty.

    RFC 8785 writes a number of 2^53 and more like a whole number, which nobody reads back as what it was: a ledger with
    one in it is broken for good.
    """
    return None if e_value is None else min(e_value, MOST_EVIDENCE)


def encode_result(result: GateResult) -> str:
    """JSON text that carries a gate result on its test report, from a worker to the controller.

    Text and not objects: an Enum or a Decimal on a report kills the session when it is serialised.
    """
    plain = {field.name: getattr(result, field.name) for field in fields(result)}
    plain["verdict"] = result.verdict.value
    return json.dumps({"schema": _GATE_RESULT_SCHEMA, "result": plain}, allow_nan=False)


def decode_findings(plain: dict[str, Any]) -> Findings:
    """The findings of a gate from their JSON object, as ``asdict`` made it. ``plain`` is used up.

    Raises:
        KeyError, TypeError: it is no such object.

    """
    plain["findings"] = tuple(Finding(**one) for one in plain["findings"])
    for name in ("problems", "notes"):
        plain[name] = tuple(plain[name])
    return Findings(**plain)


def decode_result(text: str) -> GateResult:
    """The gate result of ``encode_result``.

    Raises:
        ValueError: the text is not such a result.

    """
    try:
        document = json.loads(text)
        if document["schema"] != _GATE_RESULT_SCHEMA:
            raise ValueError(f"gate result: expected schema {_GATE_RESULT_SCHEMA}, got {document['schema']!r}")
        plain = dict(document["result"])
        plain["verdict"] = Verdict(plain["verdict"])
        for name in ("evidence", "next_steps"):
            plain[name] = tuple(plain[name])
        for name in ("interval", "window"):
            plain[name] = tuple(plain[name]) if plain[name] is not None else None
        return GateResult(**plain)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"gate result: not readable ({error!r})") from error
