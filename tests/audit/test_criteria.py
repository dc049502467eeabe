"""Which records support which criterion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.audit.criteria import supported
from relgate.audit.record import Record

if TYPE_CHECKING:
    from relgate.audit.record import Kind

PLACE: dict[str, Any] = {"service": "shop", "environment": "production", "stage": "canary"}


def said(*bodies: tuple[Kind, dict[str, Any]]) -> list[tuple[str, int]]:
    """Criterion and number of record."""
    records = [
        Record(kind, number, "", "l", "2026-11-22T10:00:00Z", 0.0, {**PLACE, **body}, (), (), None, "")
        for number, (kind, body) in enumerate(bodies, 1)
    ]
    return [(criterion, one.sequence) for criterion, one, _ in supported(records)]


def run(number: str, family: str, decision: str, *gates: str) -> tuple[tuple[Kind, dict[str, Any]], ...]:
    """Start and decision of a run."""
    rows = [{"id": gate} for gate in gates]
    return (
        ("run-started", {"run_id": number, "families": [family]}),
        ("gate-decision", {"run_id": number, "decision": decision, "gates": rows}),
    )


def test_every_change_is_change_management() -> None:
    """Asked, agreed, excused, judged, moved; an anchor or a new key is no change of the service."""
    kinds: tuple[Kind, ...] = (
        "approval",
        "attestation",
        "waiver",
        "override",
        "rollout-step",
        "anchor",
        "key-rotation",
    )
    assert said(*((kind, {}) for kind in kinds)) == [("CC8.1", number) for number in range(1, 6)]


def test_what_is_watched_evaluated_answered_and_recovered() -> None:
    """A hold is an event that was evaluated; recovery is what was judged after a way back, and its proof."""
    assert said(*run("a", "canary", "hold")) == [("CC8.1", 1), ("CC8.1", 2), ("CC7.2", 2), ("CC7.3", 2)]
    found = said(
        *run("a", "postdeploy", "promote"),
        *run("b", "canary", "rollback"),
        ("rollback", {"state": "restored"}),
        *run("c", "postdeploy", "promote"),
    )
    assert [one for one in found if one[0] != "CC8.1"] == [
        ("CC7.2", 2),
        ("CC7.2", 4),
        ("CC7.3", 4),
        ("CC7.4", 4),
        ("CC7.4", 5),
        ("CC7.5", 5),
        ("CC7.2", 7),
        ("CC7.5", 7),
    ]


def test_backups_and_what_goes_forth_and_back_are_of_availability() -> None:
    """A1.2 is not about uptime."""
    found = said(
        *run("a", "preflight", "promote", "preflight-backup", "preflight-facts"),
        *run("b", "migration", "promote", "migration-round-trip"),
        *run("c", "smoke", "promote", "smoke-login"),
    )
    assert [one for one in found if one[0] != "CC8.1"] == [("A1.2", 2), ("A1.3", 4)]
