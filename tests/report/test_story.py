"""What happened to releases: counted over the ledger, told in order."""

from __future__ import annotations

from typing import Any

import pytest

from relgate.errors import UsageError
from relgate.report.story import metrics, timeline
from tests.report.documents import content


def decided(version: str, decision: str, begin: int, seconds: int = 60, **more: Any) -> tuple[str, dict[str, Any]]:
    """A decision, ``begin`` minutes after eleven."""
    moment = f"2026-11-21T{11 + begin // 60:02d}:{begin % 60:02d}"
    end = begin + seconds // 60
    return (
        "gate-decision",
        content(
            run_id=f"run-{version}-{begin}",
            release={"version": version},
            decision=decision,
            started=f"{moment}:00.000Z",
            finished=f"2026-11-21T{11 + end // 60:02d}:{end % 60:02d}:00.000Z",
            **more,
        ),
    )


LEDGER = [
    decided("1", "hold", 0),
    decided("1", "promote", 10),
    decided("2", "promote", 20, stage="canary-5"),
    decided("2", "rollback", 30, 120, stage="canary-50"),
    decided("2", "rollback", 35, 240, stage="canary-50"),
    decided("3", "promote", 62),
    decided("4", "rollback", 70),
    ("gate-decision", content(service="other", decision="rollback")),
    ("recovery", {"torn_bytes": 7}),
]


def test_success_is_counted_by_release_and_not_by_run() -> None:
    """M8: success rate, time to deploy, rollback rate, time to detect, time to restore."""
    found = metrics(LEDGER, "shop", "staging")

    assert (found.releases, found.runs) == (4, 6 + 1)
    assert found.success_rate == 0.5
    assert found.rollback_rate == 0.5
    assert found.hold_rate == 0.25
    assert found.deploy_s == (11 * 60 + 60) / 2
    assert found.detect_s == 120
    assert found.restore_s == (63 - 32) * 60
    assert found.unrestored == 1


def test_nothing_recorded_is_no_success() -> None:
    """A rate of nothing is none."""
    found = metrics([], "shop", "staging")

    assert (found.releases, found.success_rate, found.restore_s) == (0, None, None)


def test_a_timeline_is_of_one_release_in_order() -> None:
    """All its stages, and nothing of others."""
    found = timeline(LEDGER, "run-2-35")

    assert [event.what.split(",")[0] for event in found] == [
        "canary-5 decided: promote",
        "canary-50 decided: rollback",
        "canary-50 decided: rollback",
    ]
    assert found[1].at == "2026-11-21T11:32:00.000Z"
    assert found[1].details == ("latency-p95: p95 312 ms > limit 250 ms",)


def test_an_unknown_run_is_said() -> None:
    """Not an empty document."""
    with pytest.raises(UsageError, match="no record of run nothing"):
        timeline(LEDGER, "nothing")
