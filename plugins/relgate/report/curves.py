"""load.svg and capacity.svg: what a load asked and got, second by second; and where the service is at its end.

Standalone, without scripts. The candidate is a full line, the baseline a dashed one; P50, P95 and P99 are told by their
weight. Equal recordings give equal pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.report.numbers import show
from relgate.report.svg import document, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP = 860, 150, 80, 20, 44
_STYLE = (
    ".candidate{stroke:#0969da}.baseline{stroke:#8250df;stroke-dasharray:5 3}"
    ".curve{fill:none;stroke-width:1.6}.thin{stroke-width:.9;opacity:.75}.limit{stroke:#cf222e;stroke-dasharray:2 3}"
)
_MOST = 400
_ABOVE = 3.0
"""How many times its limit a panel shows."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: y over x, None where there is nothing. ``thin``: not the main line of its panel."""

    side: str
    label: str
    x: Sequence[float]
    y: Sequence[float | None]
    thin: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves with one scale. ``unit``: of y, as ``show`` knows it. ``limit``: a line across, None for none."""

    title: str
    unit: str
    curves: tuple[Curve, ...]
    x_unit: str = "s"
    limit: float | None = None


def curves_svg(title: str, panels: Sequence[Panel]) -> str:
    """Return the picture of all panels, one below the other."""
    parts = [text(_LEFT, 22, title, 14)]
    parts += [
        '<path class="curve candidate" d="M600 18h30"/>',
        text(636, 22, "candidate", 10, "faint"),
        '<path class="curve baseline" d="M710 18h30"/>',
        text(746, 22, "baseline", 10, "faint"),
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, _TOP + number * (_PANEL + 46))
    return document(_WIDTH, _TOP + len(panels) * (_PANEL + 46) + 10, title, parts, _STYLE)


def _panel(panel: Panel, top: int) -> Iterator[str]:
    finite = [y for curve in panel.curves for y in curve.y if y is not None and math.isfinite(y)]
    most = max([*finite, panel.limit or 0.0, 1e-9]) * 1.05
    if panel.limit is not None:
        most = min(most, _ABOVE * panel.limit)  # Far beyond a knee latencies have no end: what matters is around it.
    end = max((x for curve in panel.curves for x in curve.x), default=1.0) or 1.0
    yield text(_LEFT, top + 12, panel.title, 11)
    bottom, high = top + 20 + _PANEL - 20, _PANEL - 20
    for share in (0.0, 0.5, 1.0):
        y = bottom - round(share * high)
        yield f'<path class="rule" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
        yield text(_LEFT - 6, y + 4, show(share * most, panel.unit) if share else "0", 9, "faint", "end")
        x = _LEFT + round(share * (_WIDTH - _LEFT - _RIGHT))
        yield text(x, bottom + 14, show(share * end, panel.x_unit) if share else "0", 9, "faint", "middle")
    if panel.limit is not None:
        y = bottom - round(panel.limit / most * high)
        yield f'<path class="curve limit" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
    for curve in panel.curves:
        yield _line(curve, end, most, bottom, high)


def _line(curve: Curve, end: float, most: float, bottom: int, high: int) -> str:
    step = max(1, len(curve.x) // _MOST)
    path, pen = [], "M"
    for x, y in list(zip(curve.x, curve.y, strict=True))[::step]:
        if y is None or math.isnan(y):
            pen = "M"
            continue
        across = _LEFT + x / end * (_WIDTH - _LEFT - _RIGHT)
        path.append(f"{pen}{across:.1f} {bottom - min(1.0, y / most) * high:.1f}")
        pen = "L"
    thin = " thin" if curve.thin else ""
    title = f"<title>{curve.side}: {curve.label}</title>"
    return f'<path class="curve {curve.side}{thin}" d="{"".join(path)}">{title}</path>' if path else ""


def over_time(signal: str, sides: Mapping[str, Mapping[str, Sequence[float | None]]]) -> list[Panel]:
    """Return the panels of one load: rate, latencies, errors. ``sides``: name of a column to one value a second."""

    def lines(*columns: str) -> tuple[Curve, ...]:
        return tuple(
            Curve(side, column, [second + 0.5 for second in range(len(table[column]))], table[column], number > 0)
            for side, table in sides.items()
            for number, column in enumerate(columns)
        )

    return [
        Panel(f"{signal}: answered well per second", "1/s", lines("rate")),
        Panel(f"{signal}: P95 (thin: P50, P99)", "s", lines("p95", "p50", "p99")),
        Panel(f"{signal}: share of errors", "share", lines("errors")),
    ]
