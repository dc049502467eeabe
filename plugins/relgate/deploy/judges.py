"""Judging for other rollout controllers: who asks starts a session of gates, and is told hold until it has decided.

One session at a time for an environment: two at once would measure each other. A question is asked again and again, and
is the same question as long as environment, stage, version and ``id`` are: its answer is good for ``fresh_s`` seconds
from the end of its session, then it is forgotten, and the next who asks starts a new one. Nothing is kept over a
restart: who asks then starts anew.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.deploy.gates import Asked, Session, command, ruling
from relgate.errors import RelgateError, UsageError
from relgate.report.peers import Answer
from relgate.rollout.plan import Step
from relgate.settings import new_run_id, read_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from relgate.adapters.ledger import Ledger
    from relgate.policy import Policy


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``id``: tells one rollout of a version from the next one, such as a revision's hash."""

    environment: str
    stage: str
    version: str
    id: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Court:
    """Under what is judged. ``fresh_s``: how long an answer is good, seconds. ``book``: whose ledger is believed."""

    policy_name: str
    reports: Path
    pytest: tuple[str, ...] = ()
    fresh_s: float = 600.0
    book: Callable[[Policy, str], Ledger] | None = None


@dataclass
class _Case:
    question: Question
    run: str
    session: Session
    policy: Policy
    asked: Asked
    step: Step
    answer: Answer
    ended_s: float | None = None


class Judges:
    """Answers questions, from any thread. ``close`` ends sessions that run: each then records a hold."""

    def __init__(self, court: Court) -> None:
        self._court = court
        self._cases: dict[tuple[str, str, str, str], _Case] = {}
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, question: Question) -> Answer:
        """Return what is known; where nothing is, start a session. Never raises: what cannot be judged is a hold."""
        with self._lock:
            try:
                return self._ask(question)
            except RelgateError as error:
                return Answer("refused", reasons=tuple(str(error).splitlines()))

    def look(self, question: Question) -> Answer:
        """Return what is known, and start nothing."""
        with self._lock:
            self._go_on()
            case = self._cases.get(_key(question))
            if case is None:
                fresh = f"{self._court.fresh_s:g} s"
                return Answer("refused", reasons=(f"nobody has asked about this, or its answer is older than {fresh}",))
            return case.answer

    def close(self) -> None:
        """End every session."""
        with self._lock:
            self._closed = True
            for case in self._cases.values():
                if case.ended_s is None:
                    case.session.end()

    def _ask(self, question: Question) -> Answer:
        if self._closed:
            raise UsageError("this judge is going home")
        self._go_on()
        case = self._cases.get(_key(question))
        if case is None:
            self._one_at_a_time(question)
            case = self._cases[_key(question)] = self._begin(question)
        return case.answer

    def _go_on(self) -> None:
        """See which sessions have ended, and forget what is no longer true."""
        for key, case in list(self._cases.items()):
            self._progress(case)
            if case.ended_s is not None and time.monotonic() - case.ended_s >= self._court.fresh_s:
                del self._cases[key]

    def _one_at_a_time(self, question: Question) -> None:
        for case in self._cases.values():
            if case.ended_s is None and case.question.environment == question.environment:
                raise UsageError(f"{question.environment} is being judged: stage {case.question.stage}, run {case.run}")

    def _begin(self, question: Question) -> _Case:
        policy, _ = read_policy(self._court.policy_name)
        policy.environment(question.environment)
        stage = policy.stage(question.stage)
        if not question.version:
            raise UsageError("which version? pass version=..., as the release calls it")
        step = Step(stage.name, stage.name, stage.traffic, stage.bake_s)
        book = self._court.book(policy, question.environment) if self._court.book is not None else None
        release = {**dict(question.facts), "version": question.version}
        asked = Asked(
            self._court.policy_name, question.environment, self._court.reports, release, self._court.pytest, book
        )
        run = new_run_id(time.time())
        session = Session(command(asked, policy, step), run)
        waiting = Answer("judging", reasons=(f"stage {stage.name} is being judged",), run=run)
        return _Case(question, run, session, policy, asked, step, waiting)

    def _progress(self, case: _Case) -> None:
        case.session.lines()  # Nobody shows them; unread they would pile up.
        if case.ended_s is None and not case.session.running():
            ruled = ruling(case.asked, case.policy, case.step, case.run, case.session.end())
            case.answer = Answer("decided", ruled.outcome, ruled.reasons, ruled.gates, case.run)
            case.ended_s = case.session.ended_s


def _key(question: Question) -> tuple[str, str, str, str]:
    return question.environment, question.stage, question.version, question.id
