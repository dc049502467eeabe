"""When requests are due."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise, product

from hypothesis import given, settings
from hypothesis import strategies as st

from relgate.observe.schedule import Schedule, Tick, order, turn

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
    assert {len(list(run)) for _, run in groupby(order(("a", "b"), number)[0] for number in range(1000))} == {1, 2}


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 11))
def test_no_instance_and_no_request_always_goes_first(period: int, phase: int) -> None:
    """Among every n-th tick, which is what one instance or one path gets, both sides go first about as often."""
    first = [order(("a", "b"), number)[0] for number in range(phase, 4096 * period, period)]

    assert 0.45 < first.count("a") / len(first) < 0.55


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12))
def test_every_instance_gets_every_request_equally_often(requests: int, instances: int) -> None:
    """Also where both counts have a divisor in common, and with no instance left waiting for long."""
    pairs = requests * instances
    turns = [turn(number, requests, instances) for number in range(2 * pairs)]

    assert Counter(turns) == dict.fromkeys(product(range(requests), range(instances)), 2)
    assert [request for request, _ in turns] == [number % requests for number in range(2 * pairs)]
    asked = [instance for _, instance in turns]
    for instance in range(instances):
        places = [place for place, one in enumerate(asked) if one == instance]
        assert all(after - before < 2 * instances for before, after in pairwise(places))
