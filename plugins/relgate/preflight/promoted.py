"""What earlier runs recorded -> is there something to compare with, and to go back to? Pure: records are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.values import Finding, Findings, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_GOOD = (Verdict.PASS, Verdict.WARN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stage that must have been promoted. ``gates``: id -> whether it measures, so that a value must be there."""

    stage: str
    gates: Mapping[str, bool]


def judge(
    gate: str,
    wanted: Iterable[Wanted],
    runs: Iterable[tuple[float, Mapping[str, Any]]],
    version: str | None,
    max_age_s: float,
    now_s: float,
) -> Findings:
    """Return for which stages no run is recorded that can be compared with.

    Args:
        gate: id of the gate.
        wanted: the stages.
        runs: time and body of decisions of this service and environment.
        version: of the release under judgment, which is no baseline of itself.
        max_age_s: how old the newest may be.
        now_s: Unix time.

    """
    promoted = [(at_s, body) for at_s, body in runs if body["decision"] == Outcome.PROMOTE]
    own = {version} if version else set()
    others = [(at_s, body) for at_s, body in promoted if body.get("release", {}).get("version") not in own]
    stages = tuple(wanted)
    found: list[Finding] = []
    notes: list[str] = []
    for one in stages:
        whole = [(at_s, body) for at_s, body in others if body["stage"] == one.stage and not _missing(one, body)]
        newest = max(whole, key=lambda pair: pair[0], default=None)
        if newest is None:
            some = [body for _, body in others if body["stage"] == one.stage]
            lacks = f": the newest of {len(some)} lacks {', '.join(_missing(one, some[-1])[:5])}" if some else ""
            what = f"no promoted run of {one.stage} with all its gates is recorded{lacks}"
            found.append(_finding(gate, "not-recorded", what))
        elif now_s - newest[0] > max_age_s:
            age = f"{(now_s - newest[0]) / 86400:.1f} days old, at most {max_age_s / 86400:g}"
            found.append(_finding(gate, "too-old", f"the newest baseline of {one.stage} is {age}"))
        else:
            notes.append(f"{one.stage}: run {newest[1].get('run_id')}")
    return Findings(gate, "stages", len(stages), max(len(stages), 1), tuple(found), notes=tuple(notes))


def _missing(wanted: Wanted, body: Mapping[str, Any]) -> list[str]:
    """Return the gates that a run did not judge well, or not measure."""
    rows = {row["id"]: row for row in body["gates"]}
    good = {id_ for id_, row in rows.items() if row["verdict"] in _GOOD}
    return [
        id_
        for id_, measures in wanted.gates.items()
        if id_ not in good or (measures and rows[id_].get("observed") is None)
    ]


def _finding(gate: str, code: str, what: str) -> Finding:
    why = "without figures of the running version nobody can tell what the new one does to them"
    return Finding(
        gate, code, what, why, "run the stage on the running version, with its own --gate-release version=..."
    )
