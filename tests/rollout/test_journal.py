"""The journal as values: what was written is what is read, and what cannot have been is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relgate.codec import canonical
from relgate.errors import SourceError
from relgate.rollout.journal import Facts, begun, body, kind_of, rollouts, tell
from relgate.rollout.machine import BEGIN, Event, Happened, Phase, after
from relgate.rollout.plan import Plan, Step

PLAN = Plan("canary", (Step("one", "one", 0.1, 2.0, (0.5, 1.5)), Step("all", "all", 1.0, 2.0)))


def facts(rollout: str = "r-1", service: str = "shop") -> Facts:
    """Facts of a rollout."""
    return Facts(rollout, service, "prod", {"version": "2", "commit": "abc"}, "1", "0" * 64, ("compressed",))


def told(*events: Happened, of: Facts | None = None) -> list[dict[str, Any]]:
    """The bodies that some events leave, as the ledger would give them back."""
    of = of or facts()
    found, state = [begun(of, PLAN, "anna", 1.0)], BEGIN
    for number, event in enumerate(events, start=1):
        state = after(PLAN, state, event)
        found.append(body(of, number, event, state, "anna", {"why": "so"}))
    return [json.loads(canonical(one)) for one in found]


SHIFTED = (Happened(Event.SHIFT, 2.0, "one", 0.1), Happened(Event.SHIFTED, 3.0, "one"))


def test_a_rollout_is_read_as_it_was_written() -> None:
    """Facts, plan, state and times, through canonical JSON."""
    found = tell(told(*SHIFTED, Happened(Event.JUDGE, 4.0, "one", run="run-1")), "r-1")

    assert (found.facts, found.plan) == (facts(), PLAN)
    assert (found.state.phase, found.state.share, found.state.run) == (Phase.OBSERVING, 0.1, "run-1")
    assert (found.begun_s, found.last_s) == (1.0, 4.0)


def test_every_record_says_who_and_under_which_override() -> None:
    """Compressed time is written in each of them."""
    assert all(one["actor"] == "anna" and one["overrides"] == ["compressed"] for one in told(*SHIFTED))


def test_a_lost_record_is_noticed() -> None:
    """Numbers go up by one."""
    records = told(*SHIFTED, Happened(Event.JUDGE, 4.0, "one", run="run-1"))
    with pytest.raises(SourceError, match="expected record 2, found 3: one is gone"):
        tell([*records[:2], *records[3:]], "r-1")


def test_what_cannot_have_happened_is_refused() -> None:
    """A journal that was written by something else is no ground to go on from."""
    records = told(*SHIFTED)
    records[1]["share"] = 1.0
    with pytest.raises(SourceError, match="tells what cannot be"):
        tell(records, "r-1")
    with pytest.raises(SourceError, match="tells what cannot be"):
        tell([{**record, "at_s": "soon"} for record in told(*SHIFTED)], "r-1")


def test_rollouts_of_others_are_left_alone() -> None:
    """By service and environment, oldest first."""
    records = told() + told(of=facts("r-2", "cart")) + told(of=facts("r-3"))
    assert rollouts(records, "shop", "prod") == ["r-1", "r-3"]
    assert rollouts(records, "shop", "dev") == []
    assert tell(records, "r-2").facts.service == "cart"
    with pytest.raises(SourceError, match="no beginning"):
        tell(records, "r-9")


def test_ways_back_are_records_of_their_own_kind() -> None:
    """An auditor asks for rollbacks."""
    assert {event for event in Event if kind_of(event) == "rollback"} == {
        Event.ROLLBACK,
        Event.RESTORED,
        Event.STRANDED,
    }
