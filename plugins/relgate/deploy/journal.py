"""The journal of a rollout in the ledger: every event is on disk before anything that follows from it is done."""

from __future__ import annotations

import getpass
import os
import socket
import time
from typing import TYPE_CHECKING, Any, cast

from relgate.errors import SourceError
from relgate.rollout import journal
from relgate.rollout.machine import BEGIN, Event, Happened, after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.adapters.ledger import Ledger
    from relgate.audit.record import Head, Kind
    from relgate.report.redact import Redactor
    from relgate.rollout.journal import Facts, Told
    from relgate.rollout.machine import State
    from relgate.rollout.plan import Plan

_KINDS = ("rollout-step", "rollback")
_ACTORS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID", "CIRCLE_USERNAME")


class RecordError(SourceError):
    """The journal could not be written: what follows from the event must not be done."""


class Journal:
    """Writes one rollout. ``state`` is that after the last record, ``told`` the bodies of all of them.

    Args:
        book: the ledger.
        facts: what holds for all records.
        plan: its steps.
        clean: takes secrets out of what is written.
        actor: who does it.

    """

    def __init__(self, book: Ledger, facts: Facts, plan: Plan, clean: Redactor, actor: str) -> None:
        self._book = book
        self.facts = facts
        self.plan = plan
        self._clean = clean
        self._actor = actor
        self._number = 0
        self._head: Head | None = None
        self.state: State = BEGIN
        self.told: list[Mapping[str, Any]] = []

    def begin(self) -> None:
        """Write the first record.

        Raises:
            RecordError: it cannot be written.

        """
        now_s = time.time()
        self._append("rollout-step", now_s, journal.begun(self.facts, self.plan, self._actor, now_s))

    def go_on(self, told: Told) -> None:
        """Go on where a journal ends."""
        self._number = len(told.bodies) - 1
        self.state = told.state
        self.told = list(told.bodies)

    def note(
        self,
        event: Event,
        details: Mapping[str, Any],
        *,
        share: float | None = None,
        run: str | None = None,
        irreversible: tuple[str, ...] = (),
        actor: str | None = None,
    ) -> State:
        """Write an event and return the state after it.

        Raises:
            Impossible: it cannot happen now; nothing was written.
            RecordError: it cannot be written; it has not happened.

        """
        at, steps = self.state.at, self.plan.steps
        stage = steps[at].name if at < len(steps) else ""
        happened = Happened(event, round(time.time(), 3), stage, share, run, irreversible)
        state = after(self.plan, self.state, happened)
        self._number += 1
        kept = self._clean.json(dict(details))
        body = journal.body(self.facts, self._number, happened, state, actor or self._actor, kept)
        self._append(journal.kind_of(event), happened.at_s, body)
        self.state = state
        return state

    def _append(self, kind: str, now_s: float, body: dict[str, Any]) -> None:
        try:
            self._head = self._book.append(cast("Kind", kind), now_s, body, after=self._head)
        except (SourceError, ValueError) as error:
            raise RecordError(str(error)) from error
        self.told.append(body)


def bodies(book: Ledger) -> list[dict[str, Any]]:
    """Return the bodies of all records of rollouts in a ledger, in order.

    Raises:
        SourceError: the ledger cannot be read, or is broken.

    """
    return [body for kind, body in records(book) if kind in _KINDS]


def records(book: Ledger) -> list[tuple[str, dict[str, Any]]]:
    """Return kind and body of all records of a ledger, in order.

    Raises:
        SourceError: the ledger cannot be read, or is broken.

    """
    chain = book.read()
    if chain.fault is not None:
        raise SourceError(chain.fault)
    return [(record.kind, record.body) for record in chain.records]


def who() -> str:
    """Return who runs this: what the CI says, otherwise the user and the machine."""
    named = next((os.environ[name] for name in _ACTORS if os.environ.get(name)), None)
    if named is not None:
        return named
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):
        return f"uid {os.getuid()}@{socket.gethostname()}"
