"""The machine: what may follow what, and that no path reaches traffic which no gate has earned."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from relgate.rollout.journal import Facts, begun, body, tell
from relgate.rollout.machine import (
    BEGIN,
    EVENTS,
    MOVES,
    PHASES,
    TABLE,
    Event,
    Happened,
    Impossible,
    Phase,
    State,
    after,
    next_move,
)
from relgate.rollout.plan import Plan, Step

SHARES = (None, 0.05, 0.5, 1.0)
PLAN = Plan("canary", tuple(Step(f"step-{number}", "s", share, 1.0) for number, share in enumerate(SHARES)))
FACTS = Facts("r-1", "shop", "prod", {"version": "2"}, "1", "0" * 64)
AT_REST = (Phase.COMPLETE, Phase.RESTORED, Phase.HOLDING, Phase.PAUSED, Phase.STRANDED)


def happened(event: Event, **more: Any) -> Happened:
    """An event at some moment."""
    return Happened(event, 0.0, **more)


def went(*events: Happened, state: State = BEGIN) -> State:
    """The state after some events."""
    for event in events:
        state = after(PLAN, state, event)
    return state


def promoted(state: State, *, irreversible: tuple[str, ...] = ()) -> State:
    """The state after the present step was gone through."""
    name = PLAN.steps[state.at].name
    return went(
        happened(Event.SHIFT, share=PLAN.share_at(state.at)),
        happened(Event.SHIFTED),
        happened(Event.JUDGE, run="run-1"),
        happened(Event.PROMOTE, stage=name, run="run-1", irreversible=irreversible),
        state=state,
    )


def test_all_steps_lead_to_the_end() -> None:
    """Each promoted, and then nothing is left to do."""
    state = BEGIN
    for share in (0.0, 0.05, 0.5, 1.0):
        state = promoted(state)
        assert state.share == share
    state = went(happened(Event.FINISH), state=state)

    assert state.over
    assert next_move(PLAN, state) == "end"


def test_a_rollout_does_not_finish_before_its_last_step() -> None:
    """However many were promoted."""
    with pytest.raises(Impossible, match="3 steps were not promoted"):
        went(happened(Event.FINISH), state=promoted(BEGIN))


@pytest.mark.parametrize("share", [0.5, 1.0, None, 0.0500001])
def test_no_other_share_than_the_steps_can_be_asked_for(share: float | None) -> None:
    """Neither more nor less: a typing error is no plan."""
    with pytest.raises(Impossible, match="does not allow"):
        went(happened(Event.SHIFT, share=share), state=promoted(BEGIN))


def test_only_the_run_that_was_to_judge_promotes() -> None:
    """An older decision, or that of another stage, is none of this step."""
    state = went(happened(Event.SHIFT, share=0.0), happened(Event.SHIFTED), happened(Event.JUDGE, run="mine"))
    for stage, run in (("step-0", "other"), ("step-0", None), ("step-1", "mine")):
        with pytest.raises(Impossible):
            went(happened(Event.PROMOTE, stage=stage, run=run), state=state)
    assert went(happened(Event.PROMOTE, stage="step-0", run="mine"), state=state).at == 1


def test_seen_anew_the_gates_of_before_count_no_more() -> None:
    """After a kill the traffic is asked for again; the decision of the old run does not promote."""
    state = went(
        happened(Event.SHIFT, share=0.0),
        happened(Event.SHIFTED),
        happened(Event.JUDGE, run="old"),
        happened(Event.SHIFT, share=0.0),
        happened(Event.SHIFTED),
    )
    with pytest.raises(Impossible):
        went(happened(Event.PROMOTE, stage="step-0", run="old"), state=state)


def test_going_back_is_refused_after_what_cannot_be_taken_back() -> None:
    """It stays where it is; a person decides."""
    state = promoted(promoted(BEGIN, irreversible=("0007 drops a table",)))
    with pytest.raises(Impossible, match="0007 drops a table"):
        went(happened(Event.ROLLBACK, share=0.0), state=state)
    assert went(happened(Event.HOLD), state=state).phase is Phase.HOLDING


def test_a_hold_does_not_become_younger() -> None:
    """Judged again and held again, it is as old as the first one; a promotion ends that."""
    step = (happened(Event.SHIFT, share=0.0), happened(Event.SHIFTED))
    state = went(*step, Happened(Event.HOLD, 100.0), happened(Event.RESUME), *step, Happened(Event.HOLD, 900.0))
    assert state.held_since_s == 100.0
    state = went(happened(Event.RESUME), state=state)
    assert promoted(state).held_since_s is None


def test_a_stranded_rollout_can_only_go_back() -> None:
    """What could not be proven is tried again; nothing goes forward from there."""
    state = went(happened(Event.ROLLBACK, share=0.0), happened(Event.STRANDED))
    assert {event for phase, event in TABLE if phase is Phase.STRANDED} == {Event.ROLLBACK}
    assert went(happened(Event.ROLLBACK), happened(Event.RESTORED), state=state).phase is Phase.RESTORED


def test_every_state_and_event_is_described_and_reached() -> None:
    """The tables of the documentation are whole, and nothing in them is dead."""
    assert set(PHASES) == set(Phase)
    assert set(EVENTS) == set(Event)
    assert set(TABLE.values()) == set(Phase)
    assert {event for _, event in TABLE} == set(Event) - {Event.NOTE}
    assert set(MOVES) == set(Phase) - {Phase.READY}
    assert {phase for phase, _ in TABLE} == set(Phase) - {Phase.RESTORED}


class Killed(BaseException):
    """The process is gone."""


class Rollouts(RuleBasedStateMachine):
    """A driver that records before it acts, a router that may refuse or lie, kills, orders, and lost records.

    ``earned``: how many steps gates have promoted, whatever the journal still knows of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.journal: list[dict[str, Any]] = []
        self.router = 0.0
        self.earned = 0
        self.asked: list[float] = []
        self.runs = 0
        self.gates: dict[str, str] = {}

    @initialize()
    def begin(self) -> None:
        """A journal with its first record."""
        self.journal = [begun(FACTS, PLAN, "me", 0.0)]

    @property
    def state(self) -> State:
        """Where the journal says it stands."""
        return tell(self.journal, "r-1").state

    def note(self, event: Event, **more: Any) -> None:
        """Record an event."""
        state = self.state
        name = PLAN.steps[state.at].name if state.at < len(PLAN.steps) else ""
        new = Happened(event, float(len(self.journal)), name, **more)
        self.journal.append(body(FACTS, len(self.journal), new, after(PLAN, state, new), "me", {}))

    def set(self, share: float, answer: str) -> bool:
        """Ask the router; whether it can be believed afterwards."""
        self.asked.append(share)
        if answer != "refused":
            self.router = share
        return answer == "good"

    @rule(
        router=st.sampled_from(["good", "good", "good", "refused", "silent"]),
        verdict=st.sampled_from(["promote", "promote", "promote", "hold", "rollback", "none"]),
        dies=st.sampled_from([None, None, None, 1, 2]),
    )
    def go_on(self, router: str, verdict: str, dies: int | None) -> None:
        """Do the next move; die after its intent was recorded (1), or after it was done and nobody wrote so (2)."""
        move = next_move(PLAN, self.state)
        try:
            getattr(self, f"do_{move}")(router, verdict, dies)
        except Killed:
            self.resume()

    def do_shift(self, router: str, verdict: str, dies: int | None) -> None:  # noqa: ARG002
        """Set the step's traffic."""
        share = PLAN.share_at(self.state.at)
        self.note(Event.SHIFT, share=share)
        self.die(dies == 1)
        believed = self.set(share, router)
        self.die(dies == 2)
        self.note(Event.SHIFTED if believed else Event.HOLD)

    def do_judge(self, router: str, verdict: str, dies: int | None) -> None:  # noqa: ARG002
        """Have its gates decide."""
        self.runs += 1
        run = f"run-{self.runs}"
        self.note(Event.JUDGE, run=run)
        self.die(dies == 1)
        if verdict == "promote":
            self.earned = max(self.earned, self.state.at + 1)
        self.die(dies == 2)
        if verdict == "promote":
            self.note(Event.PROMOTE, run=run)
        elif verdict == "rollback":
            self.note(Event.ROLLBACK, share=0.0)
        else:
            self.note(Event.HOLD)

    def do_restore(self, router: str, verdict: str, dies: int | None) -> None:  # noqa: ARG002
        """Give everything back."""
        self.die(dies == 1)
        believed = self.set(0.0, router)
        self.die(dies == 2)
        self.note(Event.RESTORED if believed else Event.STRANDED)

    def do_finish(self, router: str, verdict: str, dies: int | None) -> None:  # noqa: ARG002
        """Nothing is left."""
        self.note(Event.FINISH)

    def do_wait(self, router: str, verdict: str, dies: int | None) -> None:
        """Nothing is left."""
        """Give everything back."""
        """Nothing moves."""

    do_end = do_wait

    @rule(event=st.sampled_from(list(Event)), share=st.sampled_from([None, 0.0, 0.05, 0.5, 1.0]))
    def somebody_tries(self, event: Event, share: float | None) -> None:
        """Whatever anybody notes at the wrong moment is refused and leaves no trace; orders of people get through."""
        if event is Event.PROMOTE:
            return  # Gates alone note that; other runs are refused below.
        before = list(self.journal)
        try:
            self.note(event, share=share, run="foreign" if event is Event.JUDGE else None)
        except Impossible:
            assert self.journal == before

    @precondition(lambda self: self.state.phase is Phase.OBSERVING)
    @rule()
    def a_foreign_decision_promotes_nothing(self) -> None:
        """Neither an old run's nor none's."""
        for run in (None, "run-0", "elsewhere"):
            with pytest.raises(Impossible):
                self.note(Event.PROMOTE, run=run)

    @rule(kept=st.integers(min_value=1, max_value=60))
    def the_end_of_the_journal_is_lost(self, kept: int) -> None:
        """Any prefix is gone on with."""
        self.journal = self.journal[:kept]
        self.resume()

    def resume(self) -> None:
        """What a new process does first."""
        """What a new process does first."""
        state = self.state
        if state.phase is Phase.OBSERVING:
            self.note(Event.SHIFT, share=PLAN.share_at(state.at))
        elif state.phase in (Phase.HOLDING, Phase.PAUSED):
            self.note(Event.RESUME)
        elif state.phase is Phase.STRANDED:
            self.note(Event.ROLLBACK, share=0.0)

    def die(self, now: bool) -> None:
        """End here."""
        """End here."""
        if now:
            raise Killed

    @invariant()
    def no_traffic_that_was_not_earned(self) -> None:
        """Whatever was asked of the router was allowed by the steps that gates had promoted."""
        assert max(self.asked, default=0.0) <= PLAN.share_at(self.earned)
        assert self.router <= PLAN.share_at(self.earned)

    @invariant()
    def who_fails_is_back_or_held(self) -> None:
        """A rollout at rest has all traffic on the old version, every step promoted, or a hold on record."""
        if not self.journal:
            return
        state = self.state
        if state.phase is Phase.RESTORED and self.journal[-1]["event"] == "restored":
            assert state.share == 0.0
        if state.phase is Phase.COMPLETE:
            assert state.at == len(PLAN.steps)
        if next_move(PLAN, state) == "wait":
            assert state.phase in AT_REST
            assert {"hold", "pause", "stranded"} & {record["event"] for record in self.journal}


Rollouts.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestRollouts = Rollouts.TestCase
