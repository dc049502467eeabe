"""What the policy's decision matrix says about gates that have failed: the action, how soon, and who. Pure.

A failure reaches the users who get the candidate: the stage's share of traffic, all of them where the stage names none.
A gate on the share of requests that fail reaches that share of them only; the upper bound of what was measured counts.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from relgate.measure.describe import describe, percent
from relgate.values import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from relgate.policy import Gate
    from relgate.policy.matrix import Row
    from relgate.values import Decision, GateResult

PREFIX = "decision matrix"


def reached(result: GateResult, gate: Gate | None, traffic: float | None) -> float:
    """Return the share of users, 0 to 1, that a failed gate tells of."""
    share = 1.0 if traffic is None else traffic
    if gate is None or gate.kind != "share":
        return share
    high = result.interval[1] if result.interval is not None else None
    failing = result.observed if high is None else high
    return share * min(1.0, max(0.0, failing)) if isinstance(failing, int | float) else share


def row_of(rows: Sequence[Row], severity: str, share: float) -> Row | None:
    """Return the row that counts: of those that apply the one with the least time, and of these the first."""
    found = [row for row in rows if row.applies(severity, share)]
    return min(found, key=_time, default=None)


def advised(decision: Decision, rows: Sequence[Row], gates: Mapping[str, Gate], traffic: float | None) -> Decision:
    """Return the decision with the matrix's word as the first step of each gate that has failed."""
    if not rows:
        return decision
    steps = {result.id: _said(result, row, share) for result, row, share in _failed(decision, rows, gates, traffic)}
    results = (
        replace(result, next_steps=(steps[result.id], *result.next_steps)) if result.id in steps else result
        for result in decision.gates
    )
    return replace(decision, gates=tuple(results))


def worst(decision: Decision, rows: Sequence[Row], gates: Mapping[str, Gate], traffic: float | None) -> str | None:
    """Return what the row with the least time says, of all that apply to failed gates; None without one."""
    found = [one for one in _failed(decision, rows, gates, traffic) if one[1] is not None]
    if not found:
        return None
    result, row, share = min(found, key=lambda one: (_time(one[1]), rows.index(one[1])))
    return f"{result.id}: {_said(result, row, share)}"


def _failed(
    decision: Decision, rows: Sequence[Row], gates: Mapping[str, Gate], traffic: float | None
) -> list[tuple[GateResult, Row | None, float]]:
    found = []
    for result in decision.gates:
        if result.verdict is Verdict.FAIL:
            share = reached(result, gates.get(result.id), traffic)
            found.append((result, row_of(rows, result.severity, share), share))
    return found


def _time(row: Row | None) -> float:
    return math.inf if row is None or row.within_s is None else row.within_s


def _said(result: GateResult, row: Row | None, share: float) -> str:
    about = f"{result.severity}, {percent(share)} of users"
    if row is None:
        return f"{PREFIX}: no row for {about}: decide by hand, and add one"
    within = "" if row.within_s is None else f", within {describe(row.within_s, 'time')}"
    return f"{PREFIX}: {row.action}{within}{f', {row.who}' if row.who else ''} ({about})"
