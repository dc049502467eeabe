"""When users act: on a schedule (open loop), or as they like (closed loop). Replaces what Locust's users wait by.

Open loop: one schedule a process, as many users as it has connections. A user that has nothing to do takes the next due
request; when all are busy the request waits, and its latency counts from when it was due. So a service that stands
still cannot keep anybody from asking. The clock is a timerfd: gevent's own timers are late by up to a millisecond.

Closed loop: a user waits as its locustfile says; the end of that wait is the intended start of its next request.
"""

from __future__ import annotations

import ctypes
import math
import os
import struct
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import gevent
import gevent.socket
import gevent.ssl
from gevent import getcurrent
from gevent.hub import get_hub

from relgate.load.listener import Intent

if TYPE_CHECKING:
    from relgate.load.job import Job

_BURST_S = 1.0
"""Clients that act together may use a second's worth of their cap at once."""

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_NONBLOCK = os.O_NONBLOCK


class Clock:
    """Wakes a greenlet at a moment of the monotonic clock, to some microseconds; gevent's timer where there is none."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = -1
        if hasattr(self._libc, "timerfd_create"):
            self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK)
        self._watcher = get_hub().loop.io(self._fd, 1) if self._fd >= 0 else None

    def until(self, moment_s: float) -> None:
        """Return at this moment, or at once when it has passed."""
        left_s = moment_s - time.monotonic()
        if left_s <= 0:
            return
        if self._watcher is None:
            gevent.sleep(left_s)
            return
        whole = int(moment_s)
        spec = struct.pack("llll", 0, 0, whole, int((moment_s - whole) * 1e9) + 1)
        self._libc.timerfd_settime(self._fd, _ABSOLUTE, spec, None)
        get_hub().wait(self._watcher)
        os.read(self._fd, 8)


class Pace:
    """What all users of a process wait by. ``begin_s`` None: the load has not begun, everybody waits."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._waiting: deque[Any] = deque()
        self._overdue: deque[float] = deque()
        self._busy: dict[Any, float] = {}
        # Each worker has its part of the caps.
        self._most = math.ceil(job.caps.requests / job.of)
        self._apart_s = job.of / job.caps.rate_per_s
        self._allowed_s = 0.0
        self.begin_s: float | None = None
        self.next_s = 0.0
        self.begun = self.capped = 0
        self.over = False

    # --- what users call

    def whose(self) -> Intent | None:
        """Return the intent of the running user, once."""
        user: Any = getcurrent()
        intent: Intent | None = getattr(user, "relgate_intent", None)
        if intent is not None:
            user.relgate_intent = None
        return intent

    def first(self, taskset: Any) -> None:
        """Before a user's first task: an open loop has it wait for its turn, a closed one lets it begin."""
        me: Any = getcurrent()
        if getattr(me, "relgate_paced", False):
            return
        me.relgate_paced = True
        if self._job.open_loop:
            self.wait(taskset)
            return
        self.begun += 1
        due_s = self._busy[me] = time.monotonic()
        me.relgate_intent = Intent(due_s, due_s)

    def wait(self, taskset: Any) -> None:
        """Wait until this user is to act again; replaces ``TaskSet.wait``."""
        me: Any = getcurrent()
        self._busy.pop(me, None)
        if self._job.open_loop:
            due_s, free_s = self._next_due(me)
        else:
            due_s = free_s = self._after_own_wait(taskset)
        me.relgate_intent = Intent(due_s, free_s)
        self._busy[me] = due_s

    def _next_due(self, me: Any) -> tuple[float, float]:
        if self._overdue:
            return self._overdue.popleft(), time.monotonic()
        self._waiting.append(me)
        try:
            due_s: float = get_hub().switch()
        except BaseException:
            # It is being killed: nobody may hand it a request any more.
            if me in self._waiting:
                self._waiting.remove(me)
            raise
        return due_s, due_s

    def _after_own_wait(self, taskset: Any) -> float:
        wait_s = float(taskset.wait_time() or 0.0)
        due_s = time.monotonic() + wait_s
        self._allowed_s = max(self._allowed_s + self._apart_s, due_s)
        held_s = self._allowed_s - due_s - _BURST_S
        if held_s > 0:
            self.capped += 1
            wait_s, due_s = wait_s + held_s, due_s + held_s
        gevent.sleep(wait_s)
        if self.over or self.begun >= self._most:
            get_hub().switch()  # Nothing is asked any more: until somebody ends this user.
        self.begun += 1
        return due_s

    # --- the schedule

    def run(self, begin_s: float) -> None:
        """Hand out what is due until the end of the load; the open loop's greenlet."""
        self.begin_s = begin_s
        clock, loop = Clock(), get_hub().loop
        for offset_s in self._job.shape.due_s(self._job.index, self._job.of):
            due_s = self.next_s = begin_s + offset_s
            clock.until(due_s)
            if self.over or self.begun >= self._most:
                break
            self.begun += 1
            if self._waiting:
                user = self._waiting.popleft()
                self._busy[user] = due_s
                loop.run_callback(user.switch, due_s)
            else:
                self._overdue.append(due_s)
        self.next_s = begin_s + self._job.shape.end_s

    def settled_s(self) -> float:
        """Return the monotonic moment before which nothing is open any more."""
        now_s = time.monotonic()
        found = [min(self._busy.values(), default=now_s), self._overdue[0] if self._overdue else now_s, now_s]
        return min(found)

    def unanswered(self) -> list[float]:
        """Return when the requests were due that have no answer yet, or were never sent for want of a connection."""
        return sorted([*self._busy.values(), *self._overdue])


def note_sending() -> None:
    """Have every socket note in the running user's intent when it sends the first byte, and whether it connects."""
    for kind in (gevent.socket.socket, gevent.ssl.SSLSocket):
        kind.sendall = _noting(kind.sendall)
    gevent.socket.socket.connect = _connecting(gevent.socket.socket.connect)


def _noting(sendall: Any) -> Any:
    def noted(self: Any, *args: Any) -> Any:
        intent = getattr(getcurrent(), "relgate_intent", None)
        if intent is not None and not intent.sent_s:
            intent.sent_s = time.monotonic()
        return sendall(self, *args)

    return noted


def _connecting(connect: Any) -> Any:
    def noted(self: Any, *args: Any) -> Any:
        intent = getattr(getcurrent(), "relgate_intent", None)
        if intent is not None:
            intent.connected = True
        return connect(self, *args)

    return noted
