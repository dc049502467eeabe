"""Numbers as a person reads them: 312 ms, 1.2 %, 512 MB, 10/min. Used by messages and reports alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relgate.values import Dimension

Scale = tuple[tuple[float, str], ...]

_SCALES: dict[str, Scale] = {
    "time": ((1e-6, " us"), (1e-3, " ms"), (1.0, " s"), (60.0, " min"), (3600.0, " h")),
    "share": ((0.01, " %"),),
    "bytes": ((1.0, " B"), (1e3, " kB"), (1e6, " MB"), (1e9, " GB"), (1e12, " TB")),
    "rate": ((1 / 3600, "/h"), (1 / 60, "/min"), (1.0, "/s")),
    "byterate": ((1.0, " B/s"), (1e3, " kB/s"), (1e6, " MB/s"), (1e9, " GB/s")),
}
# A duration changes its unit late: 90 s and not 1.5 min, 2000 ms stays 2 s.
_CHANGE_AT = {60.0: 120.0, 3600.0: 7200.0}


def describe(value: float | None, dimension: Dimension, digits: int = 3) -> str:
    """Return a number in SI as text with a unit: ``describe(0.312, "time")`` is ``312 ms``; None is ``nothing``.

    ``digits``: significant digits; a number with more digits before the point keeps them all.
    """
    if value is None:
        return "nothing"
    if not math.isfinite(value):
        return "no answer" if dimension == "time" else "unbounded"
    factor, unit = _unit(abs(value), dimension)
    return f"{_digits(value / factor, digits)}{unit}"


def interval(low: float | None, high: float | None, dimension: Dimension) -> str:
    """Return an interval as text in one unit: ``301-324 ms``, ``above 301 ms`` or ``below 324 ms`` with an open end."""
    low = low if low is None or math.isfinite(low) else None
    high = high if high is None or math.isfinite(high) else None
    if low is None and high is None:
        return "open at both ends"
    if low is None or high is None:
        return f"below {describe(high, dimension)}" if low is None else f"above {describe(low, dimension)}"
    factor, unit = _unit(max(abs(low), abs(high)), dimension)
    dash = " to " if low < 0 else "-"
    return f"{_digits(low / factor, 3)}{dash}{_digits(high / factor, 3)}{unit}"


def apart(value: float, boundary: float, dimension: Dimension) -> tuple[str, str]:
    """Both numbers with as many digits as it takes to tell them apart: never "2 s > 2 s"."""
    for digits in range(3, 17):
        texts = describe(value, dimension, digits), describe(boundary, dimension, digits)
        if texts[0] != texts[1] or value == boundary:
            return texts
    return describe(value, dimension, 17), describe(boundary, dimension, 17)


def grounds(parts: list[str]) -> str:
    """Return the grounds of a statement in parentheses, nothing when there are none: `` (n=120, baseline 3 %)``."""
    return f" ({', '.join(parts)})" if parts else ""


def more(n: int, n_needed: int | None) -> str:
    """Return what would decide an open question: about how many more samples, where that is known."""
    if n_needed is None or n_needed <= n:
        return "a longer bake may decide it"
    return f"needs about {n_needed - n} more samples or a longer bake"


def percent(share: float) -> str:
    """Return a share as a percentage: 0.95 is ``95 %``, 0.999 is ``99.9 %``."""
    return f"{share * 100:.6g} %"


def _unit(size: float, dimension: Dimension) -> tuple[float, str]:
    """Return the largest unit that leaves at least one whole."""
    scale = _SCALES.get(dimension, ((1.0, ""),))
    if size == 0:
        return next((step for step in scale if step[0] == 1.0), scale[0])
    fitting = [step for step in scale if size >= _CHANGE_AT.get(step[0], step[0]) * (1 - 1e-9)]
    return fitting[-1] if fitting else scale[0]


def _digits(number: float, digits: int) -> str:
    """Return ``number`` with so many significant digits, all before the point, and an exponent only if huge."""
    if number == 0:
        return "0"
    size = math.floor(math.log10(abs(number)))
    if not -5 <= size <= 15:
        return f"{number:.{digits}g}"
    rounded = f"{number:.{max(digits - 1 - size, 0)}f}"
    return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded
