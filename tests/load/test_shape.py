"""When the requests of a load are due: whatever happens, in every worker, on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.load.shape import Kind, Shape

KINDS: list[Kind] = ["constant", "steady", "step", "spike", "soak"]
SHAPES = st.builds(
    Shape,
    kind=st.sampled_from(KINDS),
    amount=st.floats(0.5, 200),
    end_s=st.floats(1, 30),
    ramp_s=st.floats(0, 10),
    steps=st.integers(1, 6),
    each_s=st.floats(0.5, 5),
)


@given(SHAPES, st.integers(1, 4))
def test_workers_together_send_the_schedule_of_one(shape: Shape, workers: int) -> None:
    """Each request once, by one of them."""
    alone = list(shape.due_s())
    shared = sorted(due for index in range(workers) for due in shape.due_s(index, workers))

    assert shared == pytest.approx(alone)


@given(SHAPES, st.floats(0, 1))
def test_what_is_planned_is_what_is_due(shape: Shape, share: float) -> None:
    """Up to any moment, but for one request on its edge."""
    until_s = share * shape.end_s
    due = sum(1 for moment in shape.due_s() if moment < until_s)

    assert abs(shape.planned(until_s) - due) <= 1


@given(SHAPES)
def test_requests_are_due_in_order_and_in_time(shape: Shape) -> None:
    """None before the load, none after it."""
    due = list(shape.due_s())

    assert due == sorted(due)
    assert all(0 <= moment <= shape.end_s + 1e-9 for moment in due)


def test_a_constant_rate_is_even() -> None:
    """Ten a second, in the middle of each tenth."""
    assert list(Shape("constant", 10, 0.5).due_s()) == pytest.approx([0.05, 0.15, 0.25, 0.35, 0.45])


@pytest.mark.parametrize(
    ("shape", "amounts"),
    [
        (Shape("constant", 100, 10, ramp_s=5), [100, 100, 100]),
        (Shape("steady", 100, 10, ramp_s=5), [20, 100, 100]),
        (Shape("soak", 100, 10, ramp_s=2), [50, 100, 50]),
        (Shape("spike", 100, 10), [20, 100, 20]),
        (Shape("step", 100, 10, steps=5, each_s=2), [20, 60, 100]),
    ],
)
def test_shapes_are_what_they_are_called(shape: Shape, amounts: list[float]) -> None:
    """Near the beginning, in the middle, near the end."""
    assert [shape.at(moment) for moment in (1.0, 5.0, 9.0)] == pytest.approx(amounts)
    assert shape.at(-1.0) == shape.at(10.5) == 0
