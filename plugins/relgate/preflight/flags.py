"""Evaluations of feature flags against what they must be -> findings. Pure.

An evaluation is OpenFeature's: a value, and the reason for it (openfeature.dev/specification/types). A value whose
reason says that nobody knows (DEFAULT, ERROR, STALE), or that others get another one (SPLIT), proves nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.preflight.reading import UnreadableError, json_of, mapping, text
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.policy.flags import Flags

_WHY = {
    "DEFAULT": "it is what the code falls back to, not what was set",
    "ERROR": "it could not be evaluated",
    "STALE": "it may have changed since",
    "SPLIT": "others get another value",
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a flag is, and why."""

    value: Any
    reason: str


def read(out: str, flag: str) -> Evaluation:
    """Read an evaluation: an object with ``value`` and ``reason``.

    Raises:
        UnreadableError: it is none, another flag's, or says that it failed.

    """
    document = mapping(json_of(out), "the evaluation")
    if document.get("errorCode"):
        raise UnreadableError(f"{document['errorCode']} {document.get('errorDetails') or ''}".strip())
    if document.get("key", flag) != flag:
        raise UnreadableError(f"expected the evaluation of {flag}, got that of {document['key']}")
    if "value" not in document:
        raise UnreadableError("expected a value: what it falls back to in the code is not known here")
    return Evaluation(document["value"], text(document.get("reason"), "the reason").upper())


def judge(gate: str, wanted: Flags, evaluated: Mapping[str, Evaluation | str]) -> Findings:
    """Return which flags are not what they must be. ``evaluated``: flag -> what came, or why nothing did."""
    found: list[Finding] = []
    problems: list[str] = []
    notes: list[str] = []
    for flag, expected in wanted.wanted.items():
        one = evaluated.get(flag, "it was not asked")
        if isinstance(one, str):
            problems.append(f"{flag}: {one}")
        elif not same(one.value, expected):
            what = f"{flag} is {_shown(one.value)} ({one.reason}), expected {_shown(expected)}"
            found.append(Finding(gate, "other-value", what, "the rollout begins from a known state", "set the flag"))
        elif one.reason not in wanted.reasons:
            why = _WHY.get(one.reason, "the policy does not accept that reason")
            problems.append(f"{flag} is {_shown(one.value)} by {one.reason}: {why}")
        else:
            notes.append(f"{flag} is {_shown(one.value)}")
    total = len(wanted.wanted)
    return Findings(gate, "flags", total - len(problems), total, tuple(found), tuple(problems), notes=tuple(notes))


def same(value: Any, expected: Any) -> bool:
    """Whether two JSON values are the same; 1 is not true, 1.0 is 1."""
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(value, dict) and isinstance(expected, dict):
        return value.keys() == expected.keys() and all(same(value[key], expected[key]) for key in value)
    if isinstance(value, list | tuple) and isinstance(expected, list | tuple):
        return len(value) == len(expected) and all(map(same, value, expected))
    return bool(value == expected)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:100]
