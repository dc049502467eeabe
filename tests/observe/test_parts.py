"""Expectations, counts, and sources that are asked every so often."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest

from relgate.observe.expect import broken
from relgate.observe.figures import Clocks, Lags, Reservoir, Tally
from relgate.observe.sampler import Observation, Sampler
from relgate.observe.streams import Expect
from relgate.ports.observing import Hit

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("expect", "status", "body", "is_broken"),
    [
        (Expect(), 204, b"", False),
        (Expect(), 302, b"", True),
        (Expect(), 404, b"", True),
        (Expect(), 500, b"", True),
        (Expect(status=((200, 399),)), 404, b"", True),
        (Expect(status=((200, 200), (404, 404))), 404, b"", False),
        (Expect(status=((200, 599),)), 503, b"", False),
        (Expect(contains="ok"), 200, b"all ok here", False),
        (Expect(contains="ok"), 200, b"all wrong", True),
        (Expect(json=True), 200, b'{"a": 1}', False),
        (Expect(json=True), 200, b'{"a": 1', True),
        (Expect(json=True), 200, b"\xff\xfe", True),
        (Expect(json=True), 200, b"[" * 100_000, True),
        (Expect(content_type="application/json"), 200, b"", False),
        (Expect(content_type="text/html"), 200, b"", True),
    ],
)
def test_an_answer_keeps_or_breaks_the_expectation(expect: Expect, status: int, body: bytes, is_broken: bool) -> None:
    """Status, content type without its parameters, a text, and whether it is JSON."""
    hit = Hit(None, 0, status, "none", len(body), "Application/JSON; charset=utf-8", body)

    assert broken(expect, hit) is is_broken


def test_an_answer_without_a_content_type_has_not_the_expected_one() -> None:
    """Nothing is not the type that was asked for."""
    assert broken(Expect(content_type="application/json"), Hit(None, 0, 200, "none"))


def test_lag_is_told_by_its_nearest_rank() -> None:
    """Of a hundred starts the 95th is the P95; without any there is none."""
    lags = Lags()
    assert lags.recent_p95_s() is None
    for number in range(100, 0, -1):
        lags.add(number * 1_000_000)

    assert lags.recent_p95_s() == pytest.approx(0.095)
    assert lags.summary() == pytest.approx(
        {"lag_p50_s": 0.05, "lag_p95_s": 0.095, "lag_p99_s": 0.099, "lag_max_s": 0.1}
    )


def test_a_reservoir_keeps_some_of_all() -> None:
    """It keeps as many as it may, from the whole stream and not only from its beginning."""
    reservoir = Reservoir(50)
    for number in range(5000):
        reservoir.add(str(number))

    assert len(set(reservoir.kept)) == 50
    assert any(int(text) >= 1000 for text in reservoir.kept)


def test_a_clock_that_was_set_is_noticed() -> None:
    """The two clocks run together; when one jumps the difference tells by how much."""
    before, after = Clocks(), Clocks()
    after.wall_ns = before.wall_ns + 3600 * 10**9
    after.monotonic_ns = before.monotonic_ns

    assert before.step_s(after) == 3600.0


def test_a_tally_tells_failures_from_drops() -> None:
    """Progress shows the service's failures apart from the recorder's."""
    tally = Tally()
    tally.observation({"value": 3.0, "fault": None})
    tally.observation({"value": None, "fault": "no series"})
    tally.observation({"code": None, "error": "timeout: x"})

    assert tally.progress() == {"n": 3, "failures": 2, "dropped": 0, "last": "timeout: x"}


class Asked:
    """A source that counts; ``read`` runs what it is given."""

    def __init__(self, act: Callable[[int], None], fault: str | None = None) -> None:
        self.count = 0
        self._fault = fault
        self.closed = False
        self._act = act

    def read(self) -> dict[str, Any]:
        """Return how often it was asked."""
        self.count += 1
        self._act(self.count)
        return {"value": float(self.count), "fault": self._fault}

    def close(self) -> None:
        """Note it."""
        self.closed = True


def sample(
    act: Callable[[int], None], seconds: float, every_s: float, fault: str | None = None
) -> tuple[list[Observation], Sampler, Asked]:
    """Run a sampler to its end."""
    source, out = Asked(act, fault), deque[Observation]()
    start = time.monotonic_ns()
    sampler = Sampler(("memory", "candidate"), source, every_s, (start, start + round(seconds * 1e9)), out)
    sampler.run()
    return list(out), sampler, source


def test_a_source_is_asked_from_the_start_to_the_end_inclusive() -> None:
    """Growth needs the first and the last moment of a bake."""
    observed, _, source = sample(lambda _: None, 0.3, 0.1)

    assert [observation.facts["value"] for observation in observed] == [1.0, 2.0, 3.0, 4.0]
    assert source.closed


def test_what_was_missed_while_waiting_is_noted_as_a_fault() -> None:
    """An observation that was due and did not happen must not look as if it had never been due."""
    observed, _, _ = sample(lambda number: time.sleep(0.55) if number == 1 else None, 0.8, 0.1)

    skipped = [observation for observation in observed if observation.facts["fault"]]
    assert len(observed) == 9
    assert len(skipped) >= 2
    assert all("value" not in observation.facts for observation in skipped)
    assert all(observation.facts["asked"] is False for observation in skipped)


def test_what_was_missed_while_nobody_answered_failed_as_well() -> None:
    """A source that waits in vain has no answer for any of the moments meanwhile."""
    observed, _, _ = sample(lambda number: time.sleep(0.55) if number == 1 else None, 0.8, 0.1, fault="timeout")

    skipped = [observation for observation in observed if observation.facts["fault"] != "timeout"]
    assert len(skipped) >= 2
    assert not any("asked" in observation.facts for observation in skipped)


def test_a_source_that_breaks_its_promise_is_seen() -> None:
    """Sources never raise; one that does ends the recording and not only its own thread."""

    def fail(_: int) -> None:
        raise RuntimeError("broken")

    _, sampler, source = sample(fail, 0.3, 0.1)

    assert str(sampler.error) == "broken"
    assert source.closed
