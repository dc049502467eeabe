"""A measurement holds finite numbers or none."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from relgate.values import UNITS, Measurement


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
