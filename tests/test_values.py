"""A measurement holds finite numbers or none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from relgate.values import UNITS, Measurement, Requests, Series


@pytest.mark.parametrize("field", ["value", "low", "high", "confidence", "baseline"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused(field: str, number: float) -> None:
    """`not (nan > 0.3)` is true: such a number would pass every limit."""
    with pytest.raises(ValueError, match=f"Measurement.{field}: expected a finite number"):
        replace(Measurement("time", n=1), **{field: number})  # type: ignore[arg-type]  # any of the number fields


def test_a_measurement_knows_its_unit() -> None:
    """By its dimension; states and versions have none."""
    assert Measurement("time", n=1).unit == "s"
    assert Measurement("text", n=1, text="1.5.0").unit == ""
    assert set(UNITS) >= {"time", "share", "bytes", "rate", "byterate", "count", "status", "text"}


def requests(n: int, **more: object) -> Requests:
    """Return ``n`` requests, one each second."""
    t_s, ones = np.arange(float(n)), np.ones(n, dtype=np.int64)
    return Requests(t_s, t_s / 10, t_s * 0, ones * 200, ones < 1, ones > 0, ones - 1, **more)  # type: ignore[arg-type]


def test_samples_of_one_instance_need_not_say_so() -> None:
    """Whoever names no instance has one."""
    series = Series(np.arange(3.0), np.ones(3))

    assert requests(3).instance.tolist() == series.instance.tolist() == [0, 0, 0]
    assert [len(one.t_s) for one in series.by_instance()] == [3]
    assert requests(0, instances=("a", "b"), instance=np.empty(0, dtype=np.int64)).by_instance()[1].intended_s.size == 0


def test_samples_are_split_by_their_instance() -> None:
    """Every array goes along, in its order; an instance without samples has none."""
    instance = np.array([1, 0, 1, 1])
    first, second, third = requests(4, instance=instance, instances=("a", "b", "c"), paths=("/",)).by_instance()

    assert (first.intended_s.tolist(), second.intended_s.tolist()) == ([1.0], [0.0, 2.0, 3.0])
    assert second.latency_s.tolist() == [0.0, 0.2, 0.3]
    assert (second.instances, second.instance.tolist(), second.paths) == (("b",), [0, 0, 0], ("/",))
    assert (third.instances, third.intended_s.size, third.failed.size) == (("c",), 0, 0)


@pytest.mark.parametrize("instance", [[], [0], [0] * 5])
def test_an_index_for_each_sample_or_none_is_asked(instance: list[int]) -> None:
    """Samples that were cut and indices that were not must not be taken for each other."""
    with pytest.raises(ValueError, match="instance: expected 4 indices, one for each sample"):
        requests(4, instance=np.array(instance, dtype=np.int64), instances=("a", "b"))
