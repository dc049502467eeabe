"""Whose fault a late request is. A transport without a network plays the service, and the recorder's own trouble."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from relgate.observe.prober import Lane, Outcome, Prober
from relgate.ports.observing import Hit, Shot

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND_NS = 1_000_000_000


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 10**15

    def __call__(self) -> int:
        """Return the moment; looking costs a microsecond."""
        self.now += 1000
        return self.now


class Wire:
    """A transport that answers each shot ``delay_ns`` after its start.

    ``pause``: the moment (from the start) at which the whole process stands still once, and for how long.
    """

    def __init__(self, delay_ns: int, pause: tuple[int, int] | None = None) -> None:
        self.clock = Clock()
        self.sent: list[Shot] = []
        self.closed = False
        self.on_wait: Callable[[], None] = lambda: None
        self._delay_ns = delay_ns
        self._pause = (self.clock.now + pause[0], pause[1]) if pause is not None else None

    def send(self, shot: Shot) -> None:
        """Note it."""
        self.sent.append(shot)

    def wait(self, until_ns: int) -> list[Hit]:
        """Sleep until something is due, and give that."""
        self.on_wait()
        first = min((self._due(shot) for shot in self.sent), default=until_ns)
        self.clock.now = max(self.clock.now, min(until_ns, first))
        if self._pause is not None and self.clock.now >= self._pause[0]:
            self.clock.now += self._pause[1]
            self._pause = None
        due = [shot for shot in self.sent if self._due(shot) <= self.clock.now]
        self.sent = [shot for shot in self.sent if shot not in due]
        return [Hit(shot.key, self.clock.now, 200, "none") for shot in due]

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def _due(self, shot: Shot) -> int:
        started: int = shot.key.started_ns
        return started + self._delay_ns


def prober(wire: Wire, *lanes: Lane, seconds: float = 0.3, warmup_s: float = 0.0) -> Prober:
    """Return a prober that begins now."""
    start = wire.clock.now
    record = start + round(warmup_s * SECOND_NS)
    return Prober(wire, lanes, (start, record, record + round(seconds * SECOND_NS)), wire.clock)


def faults(outcomes: list[Outcome]) -> list[str]:
    """Return the faults in order of the intended starts."""
    return [outcome.hit.fault for outcome in sorted(outcomes, key=lambda o: o.key.intended_ns)]


def lane(rate: float = 100.0, in_flight: int = 1000) -> Lane:
    """Return a lane to one side with one request."""
    return Lane(rate, {"candidate": ((0,),)}, in_flight)


def test_a_stalled_service_is_not_the_recorders_fault() -> None:
    """Answers that take ten ticks are late answers: every request is sent and none is the recorder's fault."""
    wire = Wire(delay_ns=100_000_000)
    probing = prober(wire, lane())
    probing.run()

    assert faults(list(probing.outcomes)) == ["none"] * 30
    assert wire.closed


def test_a_paused_recorder_does_not_send_its_backlog() -> None:
    """After a pause of the process what was due meanwhile is not sent at once, and is the recorder's fault."""
    wire = Wire(0, pause=(100_000_000, 100_000_000))
    probing = prober(wire, lane())
    probing.run()

    found = faults(list(probing.outcomes))
    # Due at 100 to 190 ms while the process stood still from 100 to 200 ms; only the last could still be in time.
    assert found == ["none"] * 10 + ["recorder"] * 10 + ["none"] * 10


def test_answers_found_after_oversleeping_are_the_recorders_fault() -> None:
    """At a low rate no start is late, but an answer that lay there while the recorder was paused is not timed."""
    wire = Wire(30_000_000, pause=(20_000_000, 100_000_000))
    probing = prober(wire, lane(rate=2.0))
    probing.run()

    assert faults(list(probing.outcomes)) == ["recorder"]


def test_no_more_requests_are_open_than_may_be() -> None:
    """Beyond the bound nothing is sent: it is the recorder's limit, so it is the recorder's fault."""
    wire = Wire(delay_ns=10 * SECOND_NS)
    probing = prober(wire, lane(in_flight=3))
    probing.give_up.set()
    probing.run()

    assert len(wire.sent) == 3
    assert len(probing.outcomes) == 30
    assert set(faults(list(probing.outcomes))) == {"recorder"}


def test_the_thread_that_probed_is_an_ordinary_one_afterwards() -> None:
    """Real-time priority left behind is inherited by every process that the thread starts, and starves the machine."""
    probing = prober(Wire(0), lane())
    probing.run()

    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_open_requests_are_awaited_at_the_end() -> None:
    """Leaving out what is still open would leave out the slowest."""
    probing = prober(Wire(delay_ns=400_000_000), lane(rate=10.0))
    probing.run()

    assert faults(list(probing.outcomes)) == ["none"] * 3


def test_warm_up_requests_are_sent_and_not_noted() -> None:
    """They open connections; what they measured belongs to no bake."""
    wire = Wire(0)
    probing = prober(wire, lane(rate=50.0), seconds=0.1, warmup_s=0.2)
    probing.run()

    assert len(probing.outcomes) == 5


def test_both_sides_get_the_same_request_at_the_same_tick() -> None:
    """Sides are asked side by side, the same path, with a fresh id each."""
    numbers = iter(range(1000))
    wire = Wire(0)
    both = Lane(50.0, {"candidate": ((0, 1),), "baseline": ((2, 3),)}, 10, lambda: str(next(numbers)), "X-Id")
    probing = prober(wire, both, seconds=0.1)
    probing.run()

    keys = sorted((outcome.key for outcome in probing.outcomes), key=lambda key: (key.intended_ns, key.side))
    assert [key.side for key in keys] == ["baseline", "candidate"] * 5
    assert [key.request for key in keys] == [0, 0, 1, 1, 0, 0, 1, 1, 0, 0]
    assert len({key.sent_id for key in keys}) == 10
    assert len({key.intended_ns for key in keys}) == 5


def test_instances_are_asked_in_turn_at_the_rate_of_the_side() -> None:
    """Two instances beside three: the same request at a tick on both sides, each answer known by its instance."""
    wire = Wire(0)
    both = Lane(50.0, {"candidate": ((0, 1), (2, 3)), "baseline": ((4, 5), (6, 7), (8, 9))}, 10)
    sent: list[Shot] = []
    wire.on_wait = lambda: sent.extend(shot for shot in wire.sent if shot not in sent)
    probing = prober(wire, both, seconds=0.24)
    probing.run()

    keys = sorted((outcome.key for outcome in probing.outcomes), key=lambda key: (key.side, key.intended_ns))
    assert [(key.request, key.instance) for key in keys if key.side == "baseline"] == [
        (number % 2, number % 3) for number in range(12)
    ]
    assert [(key.request, key.instance) for key in keys if key.side == "candidate"] == [
        (0, 0), (1, 1), (0, 1), (1, 0), (0, 0), (1, 1), (0, 1), (1, 0), (0, 0), (1, 1), (0, 1), (1, 0)
    ]  # fmt: skip
    routes = {shot.key: shot.route for shot in sent}
    assert {routes[key] for key in keys if key.side == "baseline" and key.instance == 2} == {8, 9}
    assert len(keys) == 24


def test_what_is_settled_has_its_outcome() -> None:
    """Before the settled moment nothing is open and nothing still to be sent, however slow the answers are."""
    wire = Wire(delay_ns=35_000_000)
    probing = prober(wire, lane())
    start = wire.clock.now
    seen: list[tuple[int, int]] = []

    def look() -> None:
        done = {outcome.key.intended_ns for outcome in probing.outcomes}
        due = [start + number * 10_000_000 for number in range(30)]
        assert done >= {moment for moment in due if moment < probing.settled_ns}
        seen.append((probing.settled_ns - start, wire.clock.now - start))

    wire.on_wait = look
    probing.run()

    assert [settled for settled, _ in seen] == sorted(settled for settled, _ in seen)
    # An answer takes 35 ms: at most four ticks are open, so no more than that is unsettled.
    assert all(now - settled <= 50_000_000 for settled, now in seen)
    assert probing.settled_ns == start + 300_000_000


def test_stop_ends_the_probing() -> None:
    """Nothing is sent after a stop, even where the next request is far away."""
    wire = Wire(0)
    probing = prober(wire, lane(rate=1.0), seconds=30.0)
    wire.on_wait = lambda: probing.stop.set() if wire.clock.now > 10**15 + 200_000_000 else None
    probing.run()

    assert len(probing.outcomes) == 1


def test_a_broken_transport_is_seen() -> None:
    """A prober that died keeps the reason for the conductor."""

    def fail() -> None:
        raise RuntimeError("broken")

    wire = Wire(0)
    wire.on_wait = fail
    probing = prober(wire, lane())
    probing.run()

    assert str(probing.error) == "broken"
