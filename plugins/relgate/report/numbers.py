"""Observed values in tables: the number with its unit as people read them."""

from __future__ import annotations

from relgate.measure.describe import describe
from relgate.values import UNITS, Dimension

_DIMENSIONS: dict[str, Dimension] = {unit: dimension for dimension, unit in UNITS.items() if unit}  # type: ignore[misc]


def show(value: float | str | None, unit: str) -> str:
    """A value in its unit (see ``UNITS``) for a table cell; ``-`` for None, a text as it is."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else describe(value, _DIMENSIONS.get(unit, "count"))
