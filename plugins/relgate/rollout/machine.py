"""The states of a rollout and all that leads from one to another. Whatever is not in ``TABLE`` cannot happen.

More traffic than a step has is asked for by no event but the ``shift`` of that step, and a step is reached by a
``promote`` of the one before, with the run that decided it. Every state that is not on its way is the old version, the
new one after its last gate, or a hold that was declared. The machine knows no clock and no router: what it allows is
done elsewhere, after it has been recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from relgate.errors import RelgateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.rollout.plan import Plan


class Phase(StrEnum):
    """Where a rollout stands."""

    READY = "ready"
    SHIFTING = "shifting"
    OBSERVING = "observing"
    HOLDING = "holding"
    PAUSED = "paused"
    RESTORING = "restoring"
    STRANDED = "stranded"
    COMPLETE = "complete"
    RESTORED = "restored"


class Event(StrEnum):
    """What can happen to a rollout."""

    SHIFT = "shift"
    SHIFTED = "shifted"
    JUDGE = "judge"
    PROMOTE = "promote"
    HOLD = "hold"
    PAUSE = "pause"
    RESUME = "resume"
    ROLLBACK = "rollback"
    RESTORED = "restored"
    STRANDED = "stranded"
    FINISH = "finish"
    NOTE = "note"


P, E = Phase, Event

PHASES: dict[Phase, str] = {
    P.READY: "between two steps; the next one may begin",
    P.SHIFTING: "the step's traffic was asked for; whether it is there is not proven",
    P.OBSERVING: "the step's traffic is there; its gates run",
    P.HOLDING: "a hold that was declared: the traffic stays as it is",
    P.PAUSED: "a person has stopped it between two steps",
    P.RESTORING: "the way back to the old version was begun",
    P.STRANDED: "a hold that was declared: the way back could not be proven",
    P.COMPLETE: "every step was promoted: the new version has what the last step gives it",
    P.RESTORED: "the old version has all traffic, and that was proven",
}

EVENTS: dict[Event, str] = {
    E.SHIFT: "the step's traffic is about to be set",
    E.SHIFTED: "the router says so, and requests land so",
    E.JUDGE: "the step's gates are about to run, under a run id of their own",
    E.PROMOTE: "the verified decision of that run is promote",
    E.HOLD: "it is not; or the router cannot be believed; or a person, a signal, an error stopped it",
    E.PAUSE: "a person asked for it",
    E.RESUME: "a person asked to go on: the step begins again",
    E.ROLLBACK: "the way back is about to begin",
    E.RESTORED: "the old version was proven to have all traffic and to be well",
    E.STRANDED: "that could not be proven",
    E.FINISH: "there is no further step",
    E.NOTE: "something was seen or done that changes no state: a mark, a hook, what was found when resuming",
}

TABLE: dict[tuple[Phase, Event], Phase] = {
    (P.READY, E.SHIFT): P.SHIFTING,
    (P.READY, E.PAUSE): P.PAUSED,
    (P.READY, E.FINISH): P.COMPLETE,
    (P.SHIFTING, E.SHIFT): P.SHIFTING,
    (P.SHIFTING, E.SHIFTED): P.OBSERVING,
    (P.OBSERVING, E.SHIFT): P.SHIFTING,
    (P.OBSERVING, E.JUDGE): P.OBSERVING,
    (P.OBSERVING, E.PROMOTE): P.READY,
    (P.HOLDING, E.RESUME): P.READY,
    (P.PAUSED, E.RESUME): P.READY,
    **{(phase, E.HOLD): P.HOLDING for phase in (P.READY, P.SHIFTING, P.OBSERVING, P.HOLDING, P.PAUSED)},
    **{
        (phase, E.ROLLBACK): P.RESTORING
        for phase in (P.READY, P.SHIFTING, P.OBSERVING, P.HOLDING, P.PAUSED, P.RESTORING, P.STRANDED, P.COMPLETE)
    },
    (P.RESTORING, E.RESTORED): P.RESTORED,
    (P.RESTORING, E.STRANDED): P.STRANDED,
}

Move = Literal["shift", "judge", "finish", "wait", "restore", "end"]

MOVES: dict[Phase, Move] = {
    P.SHIFTING: "shift",
    P.OBSERVING: "judge",
    P.HOLDING: "wait",
    P.PAUSED: "wait",
    P.RESTORING: "restore",
    P.STRANDED: "wait",
    P.COMPLETE: "end",
    P.RESTORED: "end",
}


class Impossible(RelgateError):  # noqa: N818 - said of an event, not of a program
    """An event that cannot happen in this state."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event. ``stage``: the name of the step that it concerns. ``share``: what is asked of the router.

    ``run``: the run id of the step's gates. ``irreversible``: what a promoted step lets through that cannot be taken
    back.
    """

    event: Event
    at_s: float
    stage: str = ""
    share: float | None = None
    run: str | None = None
    irreversible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """Where a rollout stands. ``at``: how many steps were promoted, which is the index of the present one.

    ``share``: what was last asked of the router. ``run``: of the gates of the present step, None before they began.
    ``held_since_s``: Unix time of the first hold of the present step, which resuming does not set back.
    """

    phase: Phase = Phase.READY
    at: int = 0
    share: float = 0.0
    run: str | None = None
    irreversible: tuple[str, ...] = ()
    held_since_s: float | None = None

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase in (Phase.COMPLETE, Phase.RESTORED)


BEGIN = State()


def after(plan: Plan, state: State, happened: Happened) -> State:
    """Return the state after an event.

    Raises:
        Impossible: it cannot happen in this state; nothing has changed.

    """
    event = happened.event
    if event is Event.NOTE:
        return state
    phase = TABLE.get((state.phase, event))
    if phase is None:
        raise Impossible(f"{event} cannot happen to a rollout that is {state.phase}")
    _refuse(plan, state, happened)
    changed = replace(state, phase=phase)
    if event is Event.SHIFT:
        return replace(changed, share=plan.share_at(state.at), run=None)
    if event is Event.JUDGE:
        return replace(changed, run=happened.run)
    if event is Event.PROMOTE:
        known = dict.fromkeys((*state.irreversible, *happened.irreversible))
        return replace(changed, at=state.at + 1, run=None, irreversible=tuple(known), held_since_s=None)
    if event is Event.HOLD:
        since_s = happened.at_s if state.held_since_s is None else state.held_since_s
        return replace(changed, held_since_s=since_s)
    if event is Event.ROLLBACK:
        return replace(changed, share=0.0, run=None)
    return changed


def _refuse(plan: Plan, state: State, happened: Happened) -> None:
    """Raise Impossible for an event that the table allows but its facts do not."""
    event, done = happened.event, state.at >= len(plan.steps)
    if event is Event.SHIFT and (done or happened.share != plan.share_at(state.at)):
        raise Impossible(f"step {state.at + 1} of {len(plan.steps)} does not allow a share of {happened.share}")
    if event is Event.JUDGE and not happened.run:
        raise Impossible("gates are judged under a run id")
    if event is Event.PROMOTE and (state.run is None or happened.run != state.run):
        raise Impossible(f"run {happened.run} is not the one that was to judge this step ({state.run})")
    if event is Event.PROMOTE and happened.stage != plan.steps[state.at].name:
        raise Impossible(f"{happened.stage} is not the present step, which is {plan.steps[state.at].name}")
    if event is Event.FINISH and not done:
        raise Impossible(f"{len(plan.steps) - state.at} steps were not promoted")
    if event is Event.ROLLBACK and state.irreversible:
        raise Impossible(f"going back is unsafe: {'; '.join(state.irreversible)}")


def next_move(plan: Plan, state: State) -> Move:
    """Return what is to be done in a state."""
    if state.phase is Phase.READY:
        return "finish" if state.at >= len(plan.steps) else "shift"
    return MOVES[state.phase]


def tables() -> Iterator[str]:
    """Yield states, events and transitions as Markdown: the reference."""
    yield from ("# States of a rollout", "", "Made by `scripts/generate-docs` from the code.", "")
    yield from ("| state | means |", "|---|---|")
    yield from (f"| `{phase}` | {text} |" for phase, text in PHASES.items())
    yield from ("", "| event | means |", "|---|---|")
    yield from (f"| `{event}` | {text} |" for event, text in EVENTS.items())
    yield from ("", "| in state | this can happen | and leads to |", "|---|---|---|")
    yield from (f"| `{phase}` | `{event}` | `{target}` |" for (phase, event), target in sorted(TABLE.items()))
    yield from (
        "",
        "A `note` can happen in every state and changes none. `shift` asks for the share of the present step",
    )
    yield from (
        "and no other; `promote` names the run that was to judge it; `rollback` is refused after a promoted step",
        "that let through what cannot be taken back.",
    )
