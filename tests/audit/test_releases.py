"""How each version stands, as the ledger tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from relgate.adapters import ledger
from relgate.audit.record import Record
from relgate.audit.releases import Standing, events, standings
from relgate.values import Verdict
from tests.audit.runs import Team

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.audit.record import Kind

FACTS: dict[str, Any] = {"service": "shop", "environment": "production", "release": {"version": "2"}}


def told(*bodies: tuple[Kind, dict[str, Any]]) -> list[Standing]:
    """How versions stand after records with these bodies."""
    records = [
        Record(kind, number, "", "l", f"2026-11-22T10:00:0{number}Z", 0.0, {**FACTS, **body}, (), (), None, "")
        for number, (kind, body) in enumerate(bodies, 1)
    ]
    return standings(records, "after")


def test_a_ledger_tells_how_each_version_stands(tmp_path: Path) -> None:
    """Real runs: one that is on its way, one that went all of it, one that was rolled back, one that has only begun."""
    team = Team(tmp_path)
    team.judge(version="1")
    team.judge("after", version="1")
    team.judge(version="2", verdict=Verdict.FAIL)
    team.judge(version="3", verdict=Verdict.INCONCLUSIVE)
    team.abort(version="4")
    found = standings(ledger.read(team.reports).records, "after")

    assert [(one.version, one.state) for one in found] == [
        ("4", "prepared"),
        ("3", "prepared"),
        ("2", "rolled_back"),
        ("1", "promoted"),
    ]
    assert (found[-1].environment, found[-1].stage) == ("production", "after")


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        ("shifting", "prepared"),
        ("holding", "prepared"),
        ("restoring", "rolled_back"),
        ("complete", "promoted"),
        ("restored", "rolled_back"),
        ("stranded", "failed"),
    ],
)
def test_a_rollout_says_how_its_version_stands(phase: str, state: str) -> None:
    """Its own word counts, and not that of the gates that it ran before."""
    found = told(
        ("gate-decision", {"stage": "after", "decision": "promote"}),
        ("rollout-step", {"rollout": "r", "state": phase, "stage": "canary"}),
    )

    assert [(one.state, one.stage, one.record) for one in found] == [(state, "canary", 2)]


def test_gates_do_not_end_what_a_rollout_has_not_ended() -> None:
    """The last stage's promote comes before the rollout's own word; a rollback is one at once."""
    promote: tuple[Kind, dict[str, Any]] = ("gate-decision", {"stage": "after", "decision": "promote"})
    assert [one.state for one in told(("rollout-step", {"rollout": "r", "state": "observing"}), promote)] == [
        "prepared"
    ]
    assert [one.state for one in told(("rollout-step", {"rollout": "r", "state": "restored"}), promote)] == ["promoted"]
    back: tuple[Kind, dict[str, Any]] = ("gate-decision", {"stage": "after", "decision": "rollback"})
    assert [one.state for one in told(("rollout-step", {"rollout": "r", "state": "observing"}), back)] == [
        "rolled_back"
    ]


def test_what_is_about_no_release_says_nothing() -> None:
    """Anchors, waivers, and runs of which nobody told the version."""
    found = told(
        ("gate-decision", {"stage": "canary", "decision": "promote"}),
        ("anchor", {"stage": "after", "decision": "promote"}),
        ("gate-decision", {"stage": "after", "decision": "promote", "release": {}}),
    )

    assert [(one.state, one.record) for one in found] == [("prepared", 1)]


def test_an_event_is_told_where_a_version_changes_how_it_stands() -> None:
    """Not for each record that says the same again."""
    records = [
        Record(kind, number, "", "l", f"2026-11-22T10:00:0{number}Z", 0.0, {**FACTS, **body}, (), (), None, "")
        for number, (kind, body) in enumerate(WORDS, 1)
    ]

    assert [(one.event, one.record) for one in events(records, "after")] == [
        ("release.prepared", 1),
        ("release.promoted", 3),
        ("release.rollback", 4),
        ("release.failed", 6),
    ]


WORDS: tuple[tuple[Kind, dict[str, Any]], ...] = (
    ("run-started", {"stage": "canary"}),
    ("gate-decision", {"stage": "canary", "decision": "hold"}),
    ("gate-decision", {"stage": "after", "decision": "promote"}),
    ("rollback", {"rollout": "r", "state": "restored"}),
    ("rollback", {"rollout": "r", "state": "restored"}),
    ("rollout-step", {"rollout": "r", "state": "stranded"}),
)
