"""Watched gates while a hold or a pause lasts: users are served by both versions, and somebody has to look.

The gates of the step that has the traffic are judged again and again. Only a rollback counts: going forward is for a
person, or for the gates of the step after it was resumed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from relgate.deploy.gates import Session, command, ruling
from relgate.rollout.machine import Event, Phase
from relgate.settings import new_run_id
from relgate.values import Outcome

if TYPE_CHECKING:
    from relgate.deploy.runner import Parts
    from relgate.rollout.plan import Step


class Vigil:
    """Judges while it is entered, where the policy watches gates and the candidate has traffic."""

    def __init__(self, of: Parts) -> None:
        self._of = of
        self._step = _serving(of)
        self._session: Session | None = None
        self._run_id = ""
        self._next = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._session is not None:
            self._session.end()

    def found(self) -> dict[str, Any] | None:
        """Return why to go back; None while there is nothing, which is no word for the release either."""
        of, step, session = self._of, self._step, self._session
        if step is None:
            return None
        if session is None:
            if time.monotonic() >= self._next:
                self._begin(step)
            return None
        if session.running():
            return None
        found = ruling(of.asked, of.policy, step, self._run_id, session.end())
        self._session, self._next = None, time.monotonic() + of.rollout.watch_every_s
        of.screen.gates = found.gates
        if found.outcome is not Outcome.ROLLBACK:
            return None
        return {"reasons": ["seen while it was held", *found.reasons[:20]], "record": dict(found.record)}

    def _begin(self, step: Step) -> None:
        self._run_id = new_run_id(time.time())
        self._of.journal.note(Event.NOTE, {"watching": self._run_id})
        self._session = Session(command(self._of.asked, self._of.policy, step), self._run_id)


def _serving(of: Parts) -> Step | None:
    """Return the step whose traffic users have, None where nothing is watched."""
    state, steps = of.journal.state, of.journal.plan.steps
    at = state.at if state.phase is Phase.HOLDING else state.at - 1
    if state.share <= 0 or not 0 <= at < len(steps) or not any(gate.watch for gate in of.policy.gates.values()):
        return None
    return steps[at] if of.policy.stage(steps[at].stage).watches else None
