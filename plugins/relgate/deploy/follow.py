"""Stands beside the gates of a step while they run: orders, signals, the router, marks, what pytest says."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from relgate.deploy.journal import RecordError
from relgate.errors import SourceError
from relgate.rollout.machine import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.deploy.control import Order
    from relgate.deploy.gates import Session
    from relgate.deploy.runner import Parts
    from relgate.deploy.world import Seen
    from relgate.rollout.plan import Step

TICK_S = 0.1
_KEPT_LINES = 50


@dataclass
class Follower:
    """Follows one session.

    ``signal``: the name of a signal that came, None before. ``pause``: called with an order that waits for the end of
    the step. ``show``: called often.
    """

    of: Parts
    signal: Callable[[], str | None]
    pause: Callable[[Order], None]
    show: Callable[[], None]
    _marks: list[float] = field(default_factory=list)
    _began: float = 0.0
    _next_look: float = 0.0

    def follow(self, session: Session, step: Step) -> Order | str | None:
        """Watch until the session ends; return what is to end it before: an order, or a sentence."""
        self._marks = list(step.marks_s)
        self._began = time.monotonic()
        self._next_look = self._began + self.of.rollout.watch_every_s
        while session.running():
            self.hear(session)
            order = self.of.control.take()
            if order is not None and order.word == "pause":
                self.pause(order)
            elif order is not None and order.word in ("abort", "rollback"):
                return order
            name = self.signal()
            if name is not None:
                return f"{name} stopped it"
            try:
                self._look()
            except RecordError:
                raise
            except SourceError as error:
                return f"traffic: {error}"
            self.show()
            time.sleep(TICK_S)
        return None

    def hear(self, session: Session) -> None:
        """Keep the last lines of what pytest says."""
        lines = self.of.screen.lines
        lines += [line for line in session.lines() if line.strip()]
        del lines[:-_KEPT_LINES]

    def _look(self) -> None:
        """Read the router when that is due, and record how it stands at a mark."""
        of, now = self.of, time.monotonic()
        if now >= self._next_look:
            split = of.world.look(of.journal.state.share)
            of.screen.seen = f"{split.candidate:.4g} for the candidate, says the router"
            self._next_look = time.monotonic() + of.rollout.watch_every_s
        if self._marks and now - self._began >= self._marks[0]:
            self._mark(self._marks.pop(0))

    def _mark(self, mark_s: float) -> None:
        """Record how it stands. Requests are counted unless the candidate is down: that is for the gates to judge."""
        of, share = self.of, self.of.journal.state.share
        split = of.world.look(share)
        if split.candidate == split.wanted:
            seen = of.world.prove(share)
            of.screen.seen = shown(seen)
            facts = seen.to_json()
        else:
            facts = {"router": {"candidate": split.candidate, "said": dict(split.said)}}
        of.journal.note(Event.NOTE, {"mark_s": mark_s, **facts})


def shown(seen: Seen) -> str:
    """Return what was seen as a person reads it."""
    return f"{seen.split.candidate:.4g} says the router, {seen.landed.candidate} of {seen.landed.n} landed"
