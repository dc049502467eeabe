"""Whole rollouts by ``relgate rollout``, through a real HAProxy and real gates."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from examples.shop.users import Users
from relgate.run import recorded

if TYPE_CHECKING:
    from tests.rollout.field import Field

STEP = ["shift", "shifted", "judge", "promote"]


def test_a_good_release_gets_everything_and_no_request_is_lost(field: Field) -> None:
    """Step by step, each promoted by gates of its own; users notice nothing."""
    with Users(field.proxy.url) as users:
        code, said = field.roll()
    assert code == 0, said
    assert field.events() == ["begun", *STEP, *STEP, *STEP, "finish"]
    assert field.share() == 1.0
    assert users.sent > 20
    assert users.failed == 0, users.seen
    field.check_promotions()
    (mark,) = [note for note in field.notes() if "mark_s" in note]
    assert mark["router"]["candidate"] == 0.5
    assert field.run("status")[0] == 0


def test_a_bad_release_is_taken_back_and_that_is_proven(field: Field) -> None:
    """The watched gate ends the bake; the old version has everything, and the record says how long it took."""
    field.write(bake="20s", hooks="{page: 'touch paged', flags: 'touch flags-off', restore: 'touch restored'}")
    field.candidate.well = False
    code, said = field.roll()
    assert code == 20, said
    assert field.events() == ["begun", "shift", "shifted", "judge", "rollback", "restored"]
    assert field.share() == 0.0
    back = field.told().bodies[-1]["details"]
    assert back["within_rto"] is True
    assert back["traffic"]["landed"] == {"n": 40, "candidate": 0, "baseline": 40, "silent": 0}
    assert "ended early" not in said
    evidence = field.told().bodies[-3]["details"]["evidence"]
    (kept,) = field.reports.glob("rollouts/*/evidence-*.json")
    assert kept.name == f"evidence-{evidence['sha256']}.json"
    assert json.loads(kept.read_text())["router"]["candidate"] == 0.1
    assert {path.name for path in field.folder.glob("*off")} == {"flags-off"}
    assert (field.folder / "restored").exists()
    assert not (field.folder / "paged").exists()


def test_a_candidate_that_is_gone_is_the_gates_case_and_does_not_come_back_with_traffic(field: Field) -> None:
    """The router has taken it out: its share is 0 by then, and its weight must be 0 when it is up again."""
    field.write(bake="20s")
    process = field.begin()
    field.wait(field.reached("judge"), process)
    field.proxy.command("set server shop/candidate state maint", quiet=False)
    field.candidate.well = False
    code, said = field.end(process)
    assert code == 20, said
    field.proxy.command("set server shop/candidate state ready", quiet=False)
    assert field.share() == 0.0


def test_a_release_that_goes_bad_later_is_taken_back_from_there(field: Field) -> None:
    """What was promoted before does not keep it."""
    process = field.begin()
    field.wait(field.reached("promote"), process)
    field.candidate.well = False
    code, said = field.end(process)
    assert code == 20, said
    assert field.share() == 0.0


def test_a_hold_keeps_the_traffic_and_becomes_what_the_policy_says(field: Field) -> None:
    """For as long as ``hold_for``, then back; somebody is paged meanwhile."""
    field.write(on_fail="hold", bake="20s", hooks="{page: 'touch paged'}")
    field.candidate.well = False
    process = field.begin()
    field.wait(field.reached("hold"), process)
    (judged,) = [body["judged"] for body in field.told().bodies if body["event"] == "judge"]
    content = recorded(field.reports, judged).content
    assert content is not None
    assert "the bake was ended after" in " ".join(content["overrides"])
    assert field.share() == 0.1
    code, said = field.end(process)
    assert code == 20, said
    assert "held for longer than hold_for" in said
    assert (field.folder / "paged").exists()
    assert field.share() == 0.0


def test_who_does_not_wait_ends_with_10_and_goes_on_later(field: Field) -> None:
    """The hold stays declared; going on judges the same step again, and adds to it."""
    field.write(on_fail="hold", hold_for="1h")
    field.candidate.well = False
    code, said = field.roll("--exit-on-hold")
    assert (code, field.share()) == (10, 0.1), said
    assert field.run("status")[0] == 10
    code, said = field.roll()
    assert code == 4
    assert "is unfinished (holding): go on with --resume, or end it with: relgate rollout abort" in said
    field.candidate.well = True
    code, said = field.run("--resume")
    assert code == 0, said
    assert field.events()[:7] == ["begun", "shift", "shifted", "judge", "hold", "resume", "shift"]
    field.check_promotions()


def test_orders_come_from_another_terminal(field: Field) -> None:
    """Pause after the step, go on, abort: who asked is in the record."""
    process = field.begin()
    field.wait(field.reached("judge"), process)
    assert field.run("pause", "--actor", "anna")[0] == 0
    field.wait(field.reached("pause"), process)
    assert "state paused" in (said := field.run("status")[1])
    assert f"process: {process.pid}" in said
    assert field.share() == 0.1
    assert field.run("resume", "--actor", "bob")[0] == 0
    field.wait(field.reached("judge", 2), process)
    assert field.run("abort", "--actor", "eve", "--reason", "wrong day")[0] == 0
    code, said = field.end(process)
    assert code == 20, said
    actors = {body["event"]: body["actor"] for body in field.told().bodies}
    assert (actors["pause"], actors["resume"], actors["rollback"]) == ("anna", "bob", "eve")
    assert "wrong day" in said
    assert field.share() == 0.0


def test_a_complete_rollout_can_still_be_taken_back(field: Field) -> None:
    """To the version that it replaced and to no other, and not twice."""
    assert field.roll()[0] == 0
    code, said = field.run("rollback", "--to", "0.9")
    assert code == 4
    assert "replaced 1: it cannot lead back to 0.9" in said
    code, said = field.run("rollback", "--to", "1")
    assert (code, field.share()) == (20, 0.0), said
    assert field.run("rollback")[0] == 4


def test_two_rollouts_of_one_service_exclude_each_other(field: Field) -> None:
    """The second one does not begin; the first goes on."""
    process = field.begin()
    field.wait(field.reached("judge"), process)
    code, said = field.roll()
    assert code == 4
    assert f"is running (process {process.pid})" in said
    assert field.end(process)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_becomes_a_hold_that_is_declared(field: Field, number: signal.Signals) -> None:
    """Nothing is half done; it can be gone on with."""
    process = field.begin()
    field.wait(field.reached("judge"), process)
    process.send_signal(number)
    code, said = field.end(process)
    assert code == 10, said
    assert field.told().state.phase == "holding"
    assert field.run("--resume")[0] == 0


def test_a_router_that_somebody_else_changed_is_not_believed(field: Field) -> None:
    """The step ends within an interval, in a hold: nobody knows who is right."""
    field.write(bake="20s", hold_for="1h")
    process = field.begin("--exit-on-hold")
    field.wait(field.reached("judge"), process)
    field.proxy.set_weight(40)
    code, said = field.end(process)
    assert code == 10, said
    assert "the router gives 0.4 to the candidate instead of 0.1" in said


def test_weights_are_not_believed_when_requests_land_elsewhere(field: Field) -> None:
    """The candidate says that it is another version: what was deployed is not what was to be."""
    field.candidate.version = "1"
    code, said = field.roll("--exit-on-hold")
    assert code == 10, said
    assert "0 of 40 requests landed on the candidate" in said
    assert field.events().count("promote") <= 1
    field.candidate.version = "7"
    code, said = field.run("--resume", "--exit-on-hold")
    assert code == 10, said
    assert "7 answered too, which is neither side" in said


def test_a_rollout_begins_only_where_everybody_has_the_old_version(field: Field) -> None:
    """Neither in mid-air nor without a version to tell apart."""
    assert "--gate-release version=... is needed" in field.run()[1]
    assert "nothing to roll out" in field.run("--gate-release", "version=1")[1]
    field.proxy.set_weight(30)
    code, said = field.roll()
    assert code == 4
    assert "begins with one version that answers everybody" in said


def test_a_journal_that_cannot_be_written_ends_it_with_30(field: Field) -> None:
    """And the candidate loses what it had not earned to the end."""
    field.write(bake="4s")
    process = field.begin()
    field.wait(field.reached("judge"), process)
    with (field.reports / "ledger.jsonl").open("ab") as file:
        file.write(b"{}\n")
    code, said = field.end(process)
    assert code == 30, said
    assert "NOT RECORDED" in said
    assert field.share() == 0.0


def test_compressed_time_is_written_in_every_record(field: Field) -> None:
    """A rollout that hurried says so."""
    field.write(bake="4s")
    code, said = field.roll("--compress", "4")
    assert code == 0, said
    assert all("divided by 4" in " ".join(body["overrides"]) for body in field.told().bodies)
    assert field.told().plan.steps[0].bake_s == 1.0


def test_a_failing_hook_of_the_way_back_strands_it(field: Field) -> None:
    """Users are served; a person is paged; it can be tried again."""
    field.write(hold_for="1h", hooks="{restore: 'test -e database', page: 'touch paged'}")
    field.candidate.well = False
    code, said = field.roll("--exit-on-hold")
    assert (code, field.share()) == (10, 0.0), said
    assert field.told().state.phase == "stranded"
    assert (field.folder / "paged").exists()
    (field.folder / "database").touch()
    code, said = field.run("abort")
    assert code == 20, said
    assert field.told().state.phase == "restored"
