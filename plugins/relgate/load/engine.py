"""One process's share of a load: its users, its pace, what it counted, and its report of each second."""

from __future__ import annotations

import gc
import os
import random
import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.hub import get_hub
from locust import events
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING, TaskSet

from relgate.load.listener import FAILED, Listener
from relgate.load.pace import Pace, note_sending

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.load.job import Job

_REPORT_S = 1.0
_LOOK_S = 0.1


class Engine:
    """Runs a job's share in this process.

    Args:
        job: what is asked of this process.
        name: of this process, in reports.
        tell: takes a report, once a second and a last one with ``over``.
        users: returns how many Locust users there are now.

    """

    def __init__(self, job: Job, name: str, tell: Callable[[dict[str, Any]], None], users: Callable[[], int]) -> None:
        _check(job)
        self.job = job
        self._name = name
        self._tell = tell
        self._users = users
        self._pace = Pace(job)
        self._listener = Listener(job.late_s, self._pace.whose, get_hub().loop.now)
        self._cpu_s = time.process_time()
        self._told_s = time.monotonic()
        self._begin_s = 0.0
        self._end_s = float("inf")
        # The same seed gives the same load; each worker draws its own part of it.
        random.seed(job.seed * 1_000_003 + job.index)
        _wait_by(self._pace)
        note_sending()
        events.request.add_listener(self._listener.on_request)
        events.user_error.add_listener(self._listener.on_user_error)

    def run(self, begin_s: float) -> None:
        """Load until the end (monotonic seconds), then wait for what is open, and report all the while."""
        gc.collect()
        gc.freeze()
        if self.job.open_loop:
            _hurry()
        self._begin_s = self._listener.begin_s = begin_s
        self._cpu_s, self._told_s = time.process_time(), time.monotonic()
        greenlets = [gevent.spawn(self._pace.run, begin_s)] if self.job.open_loop else []
        self._end_s = begin_s + self.job.shape.end_s
        next_s = begin_s + _REPORT_S
        while True:
            now_s, end_s = time.monotonic(), self._end_s
            # Half a second longer than any request may take: what is open then is lost.
            last_s = end_s + self.job.timeout_s + 0.5
            if now_s >= end_s:
                self._pace.over = True
            if now_s >= last_s or (now_s >= end_s and not self._pace.unanswered()):
                break
            if now_s >= next_s:
                self._report(self._pace.settled_s())
                next_s += _REPORT_S
            gevent.sleep(min(_LOOK_S, max(0.0, next_s - now_s)))
        self._give_up()
        gevent.killall(greenlets)
        self._report(self._end_s, over=True)

    def end(self) -> None:
        """Ask nothing more from now on; what is open is waited for."""
        self._end_s = min(self._end_s, time.monotonic())

    def _give_up(self) -> None:
        """Count what has no answer by now as failed: it was due, and nobody served it."""
        now_s = time.monotonic()
        for due_s in self._pace.unanswered():
            self._listener.note(due_s, "no answer by the end of the load", 0, FAILED, now_s - due_s, 0.0)

    def _report(self, settled_s: float, *, over: bool = False) -> None:
        rows, lags = self._listener.take()
        cpu_s, now_s = time.process_time(), time.monotonic()
        share = (cpu_s - self._cpu_s) / max(now_s - self._told_s, 1e-3)
        self._cpu_s, self._told_s = cpu_s, now_s
        self._tell(
            {
                "worker": self._name,
                "settled_s": max(0.0, settled_s - self._begin_s),
                "rows": rows,
                "lags": lags,
                "cpu": round(share, 4),
                "cpu_s": round(cpu_s, 3),
                "users": self._users(),
                "begun": self._pace.begun,
                "capped": self._pace.capped,
                "count": self._listener.count,
                "errors": self._listener.errors,
                "error": self._listener.first_error,
                "over": over,
            }
        )


def _check(job: Job) -> None:
    """Refuse a job beyond its caps, whoever wrote it: the policy has been checked, this is the last place."""
    shape, caps = job.shape, job.caps
    if shape.end_s > caps.duration_s:
        raise ValueError(f"the load may last {caps.duration_s:g} s, it was asked for {shape.end_s:g} s")
    most = caps.rate_per_s if job.open_loop else caps.users
    if shape.amount > most:
        raise ValueError(f"the load may be {most:g} at most, it was asked for {shape.amount:g}")


def _hurry() -> None:
    """Take real-time priority where that is allowed, as the recorder does: a stop-watch must not wait for its turn.

    A schedule bounds what an open loop uses; clients that go as fast as they can would starve everybody else.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return


def _wait_by(pace: Pace) -> None:
    """Have every user wait by this pace, whatever class it is of."""
    execute = TaskSet.execute_next_task

    def wait(self: Any) -> None:
        if self.user._state == LOCUST_STATE_STOPPING:  # noqa: SLF001 - as the method does that this one replaces
            raise StopUser
        self.user._state = LOCUST_STATE_WAITING  # noqa: SLF001
        pace.wait(self)
        self.user._state = LOCUST_STATE_RUNNING  # noqa: SLF001

    def execute_next_task(self: Any) -> None:
        pace.first(self)
        execute(self)

    TaskSet.wait = wait  # type: ignore[method-assign]
    TaskSet.execute_next_task = execute_next_task  # type: ignore[method-assign]
