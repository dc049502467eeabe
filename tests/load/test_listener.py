"""From Locust's events to counts: from the intended start, with the generator's own lag apart."""

from __future__ import annotations

import time
from typing import Any

from relgate.load.histogram import expand
from relgate.load.listener import FAILED, LATE, Intent, Listener


class Answer:
    """As much of an answer as the listener looks at."""

    status_code = 200


def heard(intent: Intent | None, started_s: float, took_s: float = 0.010, **more: Any) -> tuple[list[Any], list[Any]]:
    """What is counted of one request that started at a moment of the monotonic clock and took so long."""
    listener = Listener(0.005, lambda: intent, more.pop("woken_s", lambda: time.time() + 100))
    listener.begin_s = time.monotonic() - 100
    wall = time.time() - (time.monotonic() - started_s)
    event = {"request_type": "GET", "name": "/", "response_time": took_s * 1e3, "response": Answer(), **more}
    ask: Any = listener.on_request
    ask(**event, start_time=wall)
    rows, lags = listener.take()
    return rows, lags


def milliseconds(pairs: list[list[int]]) -> float:
    """The one value that was counted, rounded."""
    (value,) = expand({pair[0]: pair[1] for pair in pairs})
    return round(value / 1e6)


def test_latency_counts_from_the_intended_start() -> None:
    """A request that waited 300 ms for a free connection took 310 ms; the service kept it waiting, not we."""
    now = time.monotonic()
    rows, lags = heard(Intent(now - 0.3, now), now)

    assert milliseconds(rows[0][4]) == 310
    assert rows[0][1:4] == ["GET /", 200, 0]
    assert milliseconds(lags) == 0


def test_what_the_generator_itself_did_late_says_nothing() -> None:
    """It was free, and did not send: 20 ms of lag of its own."""
    now = time.monotonic()
    rows, lags = heard(Intent(now - 0.02, now - 0.02), now)

    assert rows[0][3] & LATE
    assert milliseconds(lags) == 20


def test_building_a_request_is_the_generators_own_work() -> None:
    """4 ms from its turn to its first byte are lag, and no latency of the service."""
    now = time.monotonic()
    rows, lags = heard(Intent(now, now, sent_s=now + 0.004), now, took_s=0.014)

    assert (milliseconds(rows[0][4]), milliseconds(lags)) == (10, 4)


def test_connecting_is_the_services_time() -> None:
    """A service that is slow to accept is slow."""
    now = time.monotonic()
    intent = Intent(now, now, sent_s=now + 0.004)
    intent.connected = True
    rows, lags = heard(intent, now, took_s=0.014)

    assert (milliseconds(rows[0][4]), milliseconds(lags)) == (14, 0)


def test_an_answer_is_there_when_the_loop_learns_of_it() -> None:
    """Not 40 ms later, when its turn to be read has come."""
    now = time.monotonic()
    started = now - 0.05
    rows, _ = heard(Intent(started, started), started, took_s=0.05, woken_s=lambda: time.time() - 0.04)

    assert milliseconds(rows[0][4]) == 10


def test_a_request_that_follows_another_counts_from_its_own_start() -> None:
    """It was intended when the answer before had come."""
    rows, lags = heard(None, time.monotonic())

    assert (milliseconds(rows[0][4]), milliseconds(lags)) == (10, 0)


def test_a_failure_is_counted_as_one() -> None:
    """Whatever Locust calls an exception."""
    now = time.monotonic()
    rows, _ = heard(Intent(now, now), now, exception=ValueError("no"), response=None)

    assert (rows[0][2], rows[0][3]) == (0, FAILED)


def test_a_log_in_before_the_load_is_not_part_of_it() -> None:
    """Nobody judges it."""
    rows, lags = heard(None, time.monotonic() - 200)

    assert (rows, lags) == ([], [])
