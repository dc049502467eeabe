"""When requests are due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relgate.observe.schedule import Schedule, Tick, order

START_NS = 10**15


def ticks(rates: tuple[float, ...], seconds: float) -> list[Tick]:
    """Return all ticks of some seconds."""
    schedule = Schedule(rates, START_NS, START_NS + round(seconds * 1e9))
    found = []
    while (tick := schedule.peek()) is not None:
        found.append(tick)
        schedule.advance()
    return found


def test_a_probe_ticks_at_its_rate() -> None:
    """Ten per second for a second are ten, a tenth apart, the first at the start and none at the end."""
    assert [(tick.due_ns - START_NS, tick.number) for tick in ticks((10.0,), 1.0)] == [
        (number * 10**8, number) for number in range(10)
    ]


def test_probes_are_offset_against_each_other() -> None:
    """Two probes of one rate do not send at the same moment."""
    assert [(tick.due_ns - START_NS, tick.probe) for tick in ticks((1.0, 1.0), 2.0)] == [
        (0, 0),
        (5 * 10**8, 1),
        (10**9, 0),
        (15 * 10**8, 1),
    ]


@given(st.lists(st.floats(0.1, 300), min_size=1, max_size=4), st.floats(0.01, 3))
def test_ticks_are_in_order_and_every_probe_keeps_its_rate(rates: list[float], seconds: float) -> None:
    """No tick is early, late, or left out, whatever the rates: a schedule does not drift."""
    found = ticks(tuple(rates), seconds)

    assert [tick.due_ns for tick in found] == sorted(tick.due_ns for tick in found)
    assert all(START_NS <= tick.due_ns < START_NS + round(seconds * 1e9) for tick in found)
    for probe, rate in enumerate(rates):
        mine = [tick for tick in found if tick.probe == probe]
        assert [tick.number for tick in mine] == list(range(len(mine)))
        assert abs(len(mine) - seconds * rate) <= 1
        for tick in mine:
            assert abs((tick.due_ns - START_NS) * rate / 1e9 - tick.number - probe / len(rates)) < 1e-6


def test_the_side_that_goes_first_alternates() -> None:
    """Whoever is asked second finds the machine a little busier: that must not always be the same side."""
    assert order(("a", "b"), 0) == ("a", "b")
    assert order(("a", "b"), 1) == ("b", "a")
