"""Listens to the requests of ordinary Locust users and counts them where they happen, in the process that sends them.

Locust keeps two digits of a response time and counts from the actual start. Here each request is counted in a
log-linear histogram of its second, name and outcome, from the moment at which it was *intended* to start: the moment
that the schedule (open loop) or the user's own wait (closed loop) named.

Whose time is it? What a request waits because no connection is free is the service's doing, and so is connecting: both
count. What passes because this process is busy or builds the request is the generator's lag: it is counted apart, and a
request with too much of it is late and says nothing. An answer is there when the event loop learns of it, not when this
process gets round to reading it: after a pause of the service hundreds come at once, and reading them takes a while.

Requests after the first of a task are intended when they start: they follow from the answer before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from relgate.load import histogram

if TYPE_CHECKING:
    from collections.abc import Callable

# Looked up once: this runs for every request, in the process that sends them.
_bucket = histogram.bucket
FAILED = 1
LATE = 2


class Intent:
    """When the next request of a user was intended, and since when it could have been sent (both monotonic seconds).

    ``free_s`` is later than ``due_s`` where the user was still busy with the request before. ``sent_s``: when its first
    byte was sent, 0 where that is not known; ``connected``: it had to connect first.
    """

    __slots__ = ("connected", "due_s", "free_s", "sent_s")

    def __init__(self, due_s: float, free_s: float, sent_s: float = 0.0) -> None:
        self.due_s = due_s
        self.free_s = free_s
        self.sent_s = sent_s
        self.connected = False


class Listener:
    """Counts of one process.

    Args:
        late_s: lag beyond which a request says nothing about the service.
        whose: returns the intent of the running user, and takes it: None for a request that follows another one.
        woken_s: returns when (Unix time) the event loop learnt of what it works on now.

    """

    def __init__(
        self, late_s: float, whose: Callable[[], Intent | None], woken_s: Callable[[], float] = time.time
    ) -> None:
        self._late_s = late_s
        self._whose = whose
        self._woken_s = woken_s
        self._rows: dict[tuple[int, str, int, int], histogram.Counts] = {}
        self._lags: histogram.Counts = {}
        self.begin_s: float | None = None
        self.count = 0
        self.errors = 0
        self.first_error = ""

    def on_request(
        self,
        request_type: str,
        name: str,
        response_time: float,
        exception: object = None,
        response: Any = None,
        start_time: float | None = None,
        **_: Any,
    ) -> None:
        """Count a request that ended; a listener of Locust's ``events.request``. ``response_time``: milliseconds."""
        now_s = time.monotonic()
        took_s = response_time / 1000.0
        # Locust says by the wall clock when it started; how long ago that was is the same on both clocks.
        started_s = now_s - took_s
        if start_time is not None:
            started_s = now_s - (time.time() - start_time)
            learnt_s = self._woken_s() - start_time
            # Not where it did not have to wait, nor where the user did something else in between.
            took_s = min(took_s, learnt_s) if learnt_s > 0 else took_s
        intent = self._whose()
        intended_s, lag_s = started_s, 0.0
        latency_s = took_s
        if intent is not None:
            intended_s = min(intent.due_s, started_s)
            ready_s = max(intent.due_s, intent.free_s)
            own_work = intent.sent_s >= started_s and not intent.connected
            lag_s = max(0.0, (intent.sent_s if own_work else started_s) - ready_s)
            latency_s = max(0.0, started_s + took_s - intended_s - lag_s)
        status = getattr(response, "status_code", 0) or 0
        flags = (FAILED if exception is not None else 0) | (LATE if lag_s > self._late_s else 0)
        self.note(intended_s, f"{request_type} {name}", status, flags, latency_s, lag_s)

    def note(self, intended_s: float, name: str, status: int, flags: int, latency_s: float, lag_s: float) -> None:
        """Count one request; one that was intended before the load began (a log-in) is left out."""
        if self.begin_s is None or intended_s < self.begin_s - 1e-6:
            return
        key = (int(max(0.0, intended_s - self.begin_s)), name, status, flags)
        counts = self._rows.get(key)
        if counts is None:
            counts = self._rows[key] = {}
        number = _bucket(int(latency_s * 1e9))
        counts[number] = counts.get(number, 0) + 1
        number = _bucket(int(lag_s * 1e9)) if lag_s else 0
        self._lags[number] = self._lags.get(number, 0) + 1
        self.count += 1

    def on_user_error(self, exception: object = None, **_: Any) -> None:
        """Count an exception of the user's own code."""
        self.errors += 1
        self.first_error = self.first_error or f"{type(exception).__name__}: {exception}"[:200]

    def take(self) -> tuple[list[list[Any]], list[list[int]]]:
        """Return rows (second, name, status, flags, pairs) and pairs of lags since the last time."""
        rows, lags = self._rows, self._lags
        self._rows, self._lags = {}, {}
        return [[*key, _pairs(counts)] for key, counts in rows.items()], _pairs(lags)


def _pairs(counts: histogram.Counts) -> list[list[int]]:
    return [[number, count] for number, count in counts.items()]
