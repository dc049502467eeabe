"""What other rollout controllers are told: the three-way answer in the words of Argo Rollouts, Flagger and Kayenta.

| asked by | promote | hold, still judging, cannot judge | rollback |
|---|---|---|---|
| Argo, web provider | ``value`` 1 | 0, which is inconclusive: the rollout pauses | -1 |
| Flagger, confirm hooks | 200 | 425 while judging, 412 after that: Flagger waits | 409 |
| Flagger, rollback hook | 409 | 412 | 200 |
| Kayenta, remote judge | score 100, Pass | between marginal and pass, Marginal | 0, Fail |

Nothing but a recorded promote is ever told as one. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from relgate.values import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["judging", "decided", "refused"]

_VALUES = {Outcome.PROMOTE: 1, Outcome.HOLD: 0, Outcome.ROLLBACK: -1}
_PASS, _MARGINAL = 95.0, 75.0
_CLASSES = {"pass": "Pass", "warn": "Pass", "fail": "High"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known about a question. ``gates``: id and verdict. ``run``: id of the run that tells, empty for none."""

    state: State
    outcome: Outcome = Outcome.HOLD
    reasons: tuple[str, ...] = ()
    gates: tuple[tuple[str, str], ...] = ()
    run: str = ""


def plain(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON: for Argo's web provider (``{$.value}``) and whoever else asks."""
    return {
        "decision": answer.outcome.value,
        "value": _VALUES[answer.outcome],
        "state": answer.state,
        "run": answer.run,
        "reasons": list(answer.reasons),
        "gates": dict(answer.gates),
    }


def confirms(answer: Answer) -> int:
    """Return the status for a confirm hook of Flagger's: below 300 lets it go on, anything else makes it wait."""
    if answer.state == "judging":
        return 425
    return {Outcome.PROMOTE: 200, Outcome.HOLD: 412, Outcome.ROLLBACK: 409}[answer.outcome]


def takes_back(answer: Answer) -> int:
    """Return the status for a rollback hook of Flagger's: below 300 takes the release back."""
    return {Outcome.ROLLBACK: 200, Outcome.HOLD: 412, Outcome.PROMOTE: 409}[answer.outcome]


def kayenta(answer: Answer, thresholds: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an answer as Kayenta's ``CanaryJudgeResult``.

    Args:
        answer: what is known.
        thresholds: ``scoreThresholds`` of the request: ``pass`` and ``marginal``, 0 to 100. A hold needs room between
            them: where there is none its score is just below ``pass``, which Kayenta then calls a failure.

    """
    passing = _number(thresholds, "pass", _PASS)
    marginal = min(_number(thresholds, "marginal", _MARGINAL), passing)
    middle = min((passing + marginal) / 2, passing - 0.01)
    score, word = {
        Outcome.PROMOTE: (100.0, "Pass"),
        Outcome.HOLD: (max(middle, 0.0), "Marginal"),
        Outcome.ROLLBACK: (0.0, "Fail"),
    }[answer.outcome]
    why = "; ".join(answer.reasons[:5]) or answer.state
    total = {"score": round(score, 2), "classification": word, "classificationReason": why}
    return {
        "judgeName": "relgate",
        "results": [
            {
                "name": name,
                "id": name,
                "tags": {},
                "classification": _CLASSES.get(verdict, "Nodata"),
                "classificationReason": verdict,
                "groups": ["relgate"],
                "experimentMetadata": {},
                "controlMetadata": {},
                "resultMetadata": {},
                "critical": verdict == "fail",
            }
            for name, verdict in answer.gates
        ],
        "groupScores": [{"name": "relgate", **total}],
        "score": total,
    }


def _number(thresholds: Mapping[str, Any] | None, name: str, usual: float) -> float:
    value = (thresholds or {}).get(name)
    # NaN is in no range, so it is not taken either.
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
    return float(value) if fits and value is not None else usual
