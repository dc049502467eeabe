"""Listens to the requests of ordinary Locust users and counts them where they happen, in the process that sends them.

Locust keeps two digits of a response time and counts from the actual start. Here each request is counted in a
log-linear histogram of its second, name and outcome, from the moment at which it was *intended* to start: the moment
that the schedule (open loop) or the user's own wait (closed loop) named. What a request waited beyond that because no
connection was free is the service's doing, and counts. What it waited because this process was busy is noted as its
lag; a request with too much of it is counted as late, and says nothing about the service.

Requests after the first of a task are intended when they start: they follow from the answer before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from relgate.load import histogram

if TYPE_CHECKING:
    from collections.abc import Callable

FAILED = 1
LATE = 2


class Intent:
    """When the next request of a user was intended, and since when it could have been sent (both monotonic seconds).

    ``free_s`` is later than ``due_s`` where the user was still busy with the request before.
    """

    __slots__ = ("due_s", "free_s")

    def __init__(self, due_s: float, free_s: float) -> None:
        self.due_s = due_s
        self.free_s = free_s


class Listener:
    """Counts of one process.

    Args:
        late_s: lag beyond which a request says nothing about the service.
        whose: returns the intent of the running user, and takes it: None for a request that follows another one.

    """

    def __init__(self, late_s: float, whose: Callable[[], Intent | None]) -> None:
        self._late_s = late_s
        self._whose = whose
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
        started_s = now_s - (time.time() - start_time) if start_time is not None else now_s - took_s
        intent = self._whose()
        lag_s = waited_s = 0.0
        if intent is not None:
            waited_s = max(0.0, started_s - intent.due_s)
            lag_s = max(0.0, started_s - max(intent.due_s, intent.free_s))
        status = getattr(response, "status_code", 0) or 0
        flags = (FAILED if exception is not None else 0) | (LATE if lag_s > self._late_s else 0)
        self.note(started_s - waited_s, f"{request_type} {name}", status, flags, took_s + waited_s, lag_s)

    def note(self, intended_s: float, name: str, status: int, flags: int, latency_s: float, lag_s: float) -> None:
        """Count one request; one that was intended before the load began (a log-in) is left out."""
        if self.begin_s is None or intended_s < self.begin_s - 1e-6:
            return
        key = (int(max(0.0, intended_s - self.begin_s)), name, status, flags)
        counts = self._rows.get(key)
        if counts is None:
            counts = self._rows[key] = {}
        number = histogram.bucket(round(latency_s * 1e9))
        counts[number] = counts.get(number, 0) + 1
        histogram.add(self._lags, round(lag_s * 1e9))
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
