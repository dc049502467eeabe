"""Sends the requests of all probes on schedule and notes how each one ended. One thread.

Whose fault is a late request? In an open loop nothing that the service does can delay a *start*: starts wait for no
answer, and the transport hands control back at the due moment even when answers lie ready. So a start that is late
is the recorder's own doing (its process was paused, starved of CPU, or is too slow for the rate), and such a
sample says nothing about the service: it is not sent - sending the backlog at once would be a load that nobody
asked for - and carries the fault ``recorder``. The same holds when as many requests are open as may be: the default
bound is above rate * timeout, which by Little's law even a service that never answers cannot reach.

A late *answer* is the service's doing, so latency counts from the intended start, with one exception: a recorder that
sleeps past the moment for which it asked to be woken (at most ``WATCH_NS`` away while requests are open) may have
found answers that had been there for long. What it reads right after such a sleep carries ``recorder`` too. A stalled
service cannot cause that: waiting for it is sleeping that ends on time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from relgate.observe.priority import PROBER, hurry, relax
from relgate.observe.schedule import Schedule, order, turn
from relgate.ports.observing import Hit, Shot

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.ports.observing import Transport

LATE_NS = 5_000_000
WATCH_NS = 5_000_000
_IDLE_NS = 100_000_000


class Lane(NamedTuple):
    """One probe as the prober sees it.

    ``routes``: for each side and each of its instances, the transport's route number of each request. ``in_flight``:
    bound for each side. ``make_id``: a fresh correlation id, None when none is sent; ``id_header`` is its name.
    """

    rate_per_s: float
    routes: dict[str, tuple[tuple[int, ...], ...]]
    in_flight: int
    make_id: Callable[[], str] | None = None
    id_header: str = ""


class Key(NamedTuple):
    """What a request was: lane, side, index of request and instance, and when it was due and really started."""

    lane: int
    side: str
    request: int
    instance: int
    intended_ns: int
    started_ns: int
    sent_id: str | None


class Outcome(NamedTuple):
    """A request that ended. ``hit.fault`` is final but for expectations, which look at the answer later."""

    key: Key
    hit: Hit


class Prober(threading.Thread):
    """Probes until the end or until ``stop`` is set, then waits for open requests.

    ``times``: when the warm-up, the recording, and the end begin. What is due in the warm-up opens connections and is
    not noted. Outcomes are taken from ``outcomes`` by another thread. ``settled_ns``: what was due before this moment
    has its outcome there. ``give_up`` ends the waiting for open requests as well; they are noted as the recorder's
    fault. ``clock``: monotonic nanoseconds.
    """

    def __init__(
        self,
        transport: Transport,
        lanes: tuple[Lane, ...],
        times: tuple[int, int, int],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        super().__init__(name="prober", daemon=True)
        self.outcomes: deque[Outcome] = deque()
        self.stop = threading.Event()
        self.give_up = threading.Event()
        self.error: BaseException | None = None
        self._transport = transport
        self._lanes = lanes
        self._clock = clock
        start_ns, self._record_ns, end_ns = times
        self._schedule = Schedule(tuple(lane.rate_per_s for lane in lanes), start_ns, end_ns)
        self._end_ns = end_ns
        self.settled_ns = start_ns
        self._looked_ns = start_ns
        self._open: dict[Key, None] = {}
        self._counts = [dict.fromkeys(lane.routes, 0) for lane in lanes]

    def run(self) -> None:
        """Probe, then wait for what is open."""
        hurry(PROBER)
        try:
            self._fire()
            self._drain()
        except BaseException as error:  # noqa: BLE001 - a dead thread must be seen by the conductor, whatever killed it
            self.error = error
        finally:
            self._transport.close()
            relax()  # Whoever called this goes on, and processes that it starts inherit its priority.

    def _fire(self) -> None:
        while (tick := self._schedule.peek()) is not None and not self.stop.is_set():
            if self._clock() < tick.due_ns:
                self._work(tick.due_ns)
                continue
            self._schedule.advance()
            lane = self._lanes[tick.probe]
            for side in order(tuple(lane.routes), tick.number):
                self._launch(tick.probe, side, tick.number, tick.due_ns)
            # Even when the next one is due already: answers must not wait until the schedule leaves a gap.
            self._work(0)

    def _drain(self) -> None:
        # Not noting what is open would leave out just the slowest requests. The transport's timeout bounds this.
        while self._open and not self.give_up.is_set():
            self._work(self._clock() + _IDLE_NS)
        now = self._clock()
        for key in self._open:
            self._note(key, _recorder_fault(key, now))
        self._open.clear()

    def _work(self, until_ns: int) -> None:
        now = self._clock()
        wake_ns = max(now, min(until_ns, now + (WATCH_NS if self._open else _IDLE_NS)))
        hits = self._transport.wait(wake_ns)
        woken_ns = self._clock()
        # Asleep beyond the time asked for, or kept from asking since the last time.
        overslept = woken_ns - wake_ns > LATE_NS or now - self._looked_ns > LATE_NS
        self._looked_ns = woken_ns
        self._take([hit._replace(fault="recorder") for hit in hits] if overslept else hits)
        self._settle()

    def _settle(self) -> None:
        # Said by this thread, which alone knows that nothing is between the schedule and the open requests. Requests
        # are launched in the order in which they are due, so the first that is open is the oldest.
        tick, first = self._schedule.peek(), next(iter(self._open), None)
        due_ns = tick.due_ns if tick is not None else self._end_ns
        self.settled_ns = due_ns if first is None else min(first.intended_ns, due_ns)

    def _launch(self, index: int, side: str, number: int, due_ns: int) -> None:
        lane = self._lanes[index]
        routes = lane.routes[side]
        request, instance = turn(number, len(routes[0]), len(routes))
        sent_id = lane.make_id() if lane.make_id is not None else None
        now = self._clock()
        key = Key(index, side, request, instance, due_ns, now, sent_id)
        if now - due_ns > LATE_NS or self._counts[index][side] >= lane.in_flight:
            self._note(key, _recorder_fault(key, now))
            return
        self._open[key] = None
        self._counts[index][side] += 1
        extra = f"{lane.id_header}: {sent_id}" if sent_id is not None else None
        self._transport.send(Shot(routes[instance][request], key, extra))

    def _take(self, hits: list[Hit]) -> None:
        for hit in hits:
            key: Key = hit.key
            del self._open[key]
            self._counts[key.lane][key.side] -= 1
            self._note(key, hit)

    def _note(self, key: Key, hit: Hit) -> None:
        if key.intended_ns >= self._record_ns:
            self.outcomes.append(Outcome(key, hit))


def _recorder_fault(key: Key, now_ns: int) -> Hit:
    return Hit(key, now_ns, 0, "recorder")
