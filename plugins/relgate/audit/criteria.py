"""Which records support which Trust Services Criterion (SOC 2): where an auditor looks first. Never that one is met.

The numbers are those of the AICPA's criteria of 2017 with the points of focus of 2022: CC8.1 change management, CC7.2
monitoring, CC7.3 evaluation of events, CC7.4 response, CC7.5 recovery, A1.2 backup, A1.3 recovery tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from relgate.audit.record import Record

_CHANGE = ("run-started", "gate-decision", "approval", "attestation", "waiver", "override", "rollout-step")
_WATCHED = frozenset({"canary", "postdeploy"})
_BACK = ("restoring", "restored", "stranded")
_RECOVERY_TESTED = ("migration-round-trip", "migration-backup")


def supported(records: Sequence[Record]) -> Iterator[tuple[str, Record, str]]:
    """Yield (criterion, record, what it says) in the order of the records.

    Args:
        records: in order, without a hole; of what came before them nothing is known.

    """
    families = {one.body.get("run_id"): one.body.get("families", ()) for one in records if one.kind == "run-started"}
    gone_back: set[tuple[str, str]] = set()
    for one in records:
        where = (str(one.body.get("service")), str(one.body.get("environment")))
        of_run = set(families.get(one.body.get("run_id"), ()))
        for criterion in _criteria(one, of_run, recovering=where in gone_back):
            yield criterion, one, _what(one)
        if _goes_back(one):
            gone_back.add(where)


def _criteria(one: Record, families: set[str], *, recovering: bool) -> Iterator[str]:
    if one.kind in _CHANGE:
        yield "CC8.1"
    if one.kind == "gate-decision":
        yield from _of_decision(one, families, recovering=recovering)
    elif _goes_back(one):
        yield "CC7.4"
        if one.body.get("state") == "restored":
            yield "CC7.5"


def _of_decision(one: Record, families: set[str], *, recovering: bool) -> Iterator[str]:
    if families & _WATCHED:
        yield "CC7.2"
    if one.body["decision"] != "promote":
        yield "CC7.3"
    if one.body["decision"] == "rollback":
        yield "CC7.4"
    if recovering and "postdeploy" in families:
        yield "CC7.5"
    gates = [str(row["id"]) for row in one.body["gates"]]
    if any("backup" in gate for gate in gates):
        yield "A1.2"
    if any(gate in _RECOVERY_TESTED for gate in gates):
        yield "A1.3"


def _goes_back(one: Record) -> bool:
    decided = one.kind == "gate-decision" and one.body["decision"] == "rollback"
    return decided or one.kind == "rollback" or (one.kind == "rollout-step" and one.body.get("state") in _BACK)


def _what(one: Record) -> str:
    body = one.body
    if one.kind == "gate-decision":
        return f"{body['decision']} of {body['stage']} in {body['environment']}"
    words: Iterable[str] = (str(body[key]) for key in ("text", "event", "state", "reason", "stage") if body.get(key))
    return next(iter(words), one.kind)
