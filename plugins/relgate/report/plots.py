"""Plots as inline SVG: arrays in, text out. Pure; no library, no script, a bounded number of points.

What a colour says a dash, a label or the text alternative says too. Colours are the page's (``pagestyle``): classes
here, so that one picture is light, dark or printed. Infinite values are drawn at the upper edge, NaN breaks a line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from relgate.measure.describe import describe
from relgate.report.escape import xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from relgate.values import Dimension, Floats

Axis = Literal["x", "y"]
Role = Literal["candidate", "baseline", "limit", "harm", "health", "moment"]

WIDTH, HEIGHT = 520, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 22, 40
_DURATIONS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_ROOM = 0.06
_CURVES = frozenset({"candidate", "baseline", "harm", "health"})


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A curve. ``step``: each y holds until the next x, as shares and evidence do."""

    role: Role
    x: Floats
    y: Floats
    step: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A straight line across the plot at ``at``: a limit, or a moment."""

    axis: Axis
    at: float
    label: str
    role: Role = "limit"


@dataclass(frozen=True, slots=True)
class Range:
    """An interval of x at the height ``y``; an open end is None and runs to the edge."""

    low: float | None
    high: float | None
    y: float
    role: Role = "candidate"


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """One picture. ``words``: what it shows, for those who do not see it. ``x_is``, ``y_is``: what the axes are in."""

    title: str
    words: str
    x_title: str
    y_title: str
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()
    ranges: tuple[Range, ...] = ()
    x_is: Dimension = "time"
    y_is: Dimension = "count"
    x_log: bool = False
    y_log: bool = False
    x_span: tuple[float, float] | None = None
    y_span: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Strip:
    """States over time, one row a side: (from, to, word), seconds since the bake began."""

    title: str
    words: str
    rows: tuple[tuple[Role, tuple[tuple[float, float, str], ...]], ...]
    span_s: tuple[float, float]
    marks: tuple[Mark, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    log: bool
    start: float
    length: float

    def at(self, value: float) -> float:
        """Pixel of a value; beyond the ends, the end."""
        low, high, value = (
            (math.log10(self.low), math.log10(self.high), math.log10(max(value, self.low)))
            if self.log
            else (self.low, self.high, value)
        )
        share = min(1.0, max(0.0, (value - low) / (high - low))) if math.isfinite(value) else float(value > 0)
        return self.start + share * self.length


def draw(picture: Plot | Strip, name: str) -> str:
    """Return a picture as an SVG element. ``name``: unique in its page, for the text alternative."""
    return _strip(picture, name) if isinstance(picture, Strip) else _plot(picture, name)


def _plot(plot: Plot, name: str) -> str:
    x, y = _scales(plot)
    parts = [
        *_grid(x, _ticks(x, plot.x_is, 6), plot.x_is, "x"),
        *_grid(y, _ticks(y, plot.y_is, 5), plot.y_is, "y"),
        *(_range(one, x, y) for one in plot.ranges),
        *(_mark(mark, x, y) for mark in plot.marks if _inside(mark, x, y)),
        *(f'<path class="c-{line.role}" d="{_path(line, x, y)}"/>' for line in plot.lines),
        _text(_LEFT + x.length / 2, HEIGHT - 6, plot.x_title, "middle"),
        _text(4, 11, plot.y_title, "start"),
    ]
    return _svg(parts, HEIGHT, name, plot.title, plot.words)


def _strip(strip: Strip, name: str) -> str:
    height = _TOP + 30 * len(strip.rows) + _BOTTOM
    x = _Scale(*_apart(*strip.span_s), log=False, start=_LEFT + 10, length=WIDTH - _LEFT - _RIGHT - 10)
    parts = list(_grid(x, _ticks(x, "time", 6), "time", "x", height))
    for place, (role, spells) in enumerate(strip.rows):
        top = _TOP + 30 * place
        parts.append(_text(4, top + 16, role, "start"))
        for begin, end, word in spells:
            left = x.at(begin)
            wide = max(2.0, x.at(end) - left)
            kind = word if word in ("healthy", "degraded") else "bad"
            parts.append(f'<rect class="s-{kind}" x="{left:.1f}" y="{top}" width="{wide:.1f}" height="22"/>')
            if wide > 7 * len(word):
                parts.append(f'<text class="on-{kind}" x="{left + 4:.1f}" y="{top + 15}">{xml(word, 30)}</text>')
    y = _Scale(0, 1, log=False, start=height - _BOTTOM, length=-(height - _BOTTOM - _TOP))
    parts += [_mark(mark, x, y) for mark in strip.marks if _inside(mark, x, y)]
    parts.append(_text(_LEFT + x.length / 2, height - 6, "since the bake began", "middle"))
    return _svg(parts, height, name, strip.title, strip.words)


def _svg(parts: Sequence[str], height: int, name: str, title: str, words: str) -> str:
    head = (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{xml(title)}</title><desc id="{name}-d">{xml(words)}</desc>'
    )
    return head + "".join(parts) + "</svg>"


def _scales(plot: Plot) -> tuple[_Scale, _Scale]:
    xs = [*(one for line in plot.lines for one in _known(line.x)), *_at(plot, "x")]
    xs += [end for one in plot.ranges for end in (one.low, one.high) if end is not None]
    ys = [*(one for line in plot.lines for one in _known(line.y)), *_at(plot, "y"), *(one.y for one in plot.ranges)]
    wide, high = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    x_ends = plot.x_span or _ends(xs, log=plot.x_log, room=plot.x_log)
    y_ends = plot.y_span or _ends(ys, log=plot.y_log, room=True)
    return (
        _Scale(*_apart(*x_ends), log=plot.x_log, start=_LEFT, length=wide),
        _Scale(*_apart(*y_ends), log=plot.y_log, start=_TOP + high, length=-high),
    )


def _known(values: Floats) -> list[float]:
    return [float(one) for one in values[np.isfinite(values)]]


def _at(plot: Plot, axis: Axis) -> list[float]:
    return [mark.at for mark in plot.marks if mark.axis == axis and math.isfinite(mark.at)]


def _ends(values: list[float], *, log: bool, room: bool) -> tuple[float, float]:
    if log:
        values = [one for one in values if one > 0] or [1.0]
        return min(values) / 1.25, max(values) * 1.25
    low, high = min(values, default=0.0), max(values, default=1.0)
    # Zero belongs to the picture, unless the values are all far from it.
    low = 0.0 if low >= 0 and (high <= 0 or low < 0.6 * high) else low
    more = _ROOM * (high - low) if room else 0.0
    return (low if low == 0 else low - more), high + more


def _apart(low: float, high: float) -> tuple[float, float]:
    if high > low:
        return low, high
    return (low - abs(low) / 2, high + abs(high) / 2) if low else (0.0, 1.0)


def _ticks(scale: _Scale, dimension: Dimension, about: int) -> list[float]:
    if scale.log:
        first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
        every = max(1, math.ceil((last - first) / about))
        fine = (1, 2, 5) if last - first <= 2 else (1,)
        marks = [factor * 10.0**power for power in range(first, last + 1, every) for factor in fine]
        return [mark for mark in marks if scale.low <= mark <= scale.high]
    span = scale.high - scale.low
    step = _duration_step(span, about) if dimension == "time" and span >= about else _round_step(span / about)
    first_at = math.ceil(scale.low / step - 1e-9)
    return [place * step for place in range(first_at, first_at + 3 * about) if place * step <= scale.high + 1e-9 * span]


def _duration_step(span: float, about: int) -> float:
    return float(next((one for one in _DURATIONS if span / one <= about), math.ceil(span / about / 86400) * 86400))


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _grid(
    scale: _Scale, ticks: Sequence[float], dimension: Dimension, axis: Axis, height: int = HEIGHT
) -> Iterator[str]:
    bottom = height - _BOTTOM
    for tick in ticks:
        at = scale.at(tick)
        words = "0" if tick == 0 else describe(tick, dimension)
        if axis == "x":
            yield f'<path class="grid" d="M{at:.1f} {_TOP}V{bottom}"/>' + _text(at, bottom + 14, words, "middle")
        else:
            yield f'<path class="grid" d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}"/>' + _text(
                _LEFT - 5, at + 4, words, "end"
            )


def _path(line: Line, x: _Scale, y: _Scale) -> str:
    """Return the path of a curve; a point between two holes is drawn as a short dash."""
    found: list[str] = []
    pen_down, last = False, 0.0
    for x_value, y_value in zip(line.x.tolist(), line.y.tolist(), strict=True):
        if math.isnan(y_value) or not math.isfinite(x_value):
            pen_down = False
            continue
        across, up = x.at(x_value), y.at(y_value)
        if not pen_down:
            found.append(f"M{across:.1f} {up:.1f}h.1")
        else:
            found.append(f"H{across:.1f}V{up:.1f}" if line.step and up != last else f"L{across:.1f} {up:.1f}")
        pen_down, last = True, up
    return "".join(found) or "M0 0"


def _range(one: Range, x: _Scale, y: _Scale) -> str:
    left = x.start if one.low is None else x.at(one.low)
    right = x.start + x.length if one.high is None else x.at(one.high)
    up = y.at(one.y)
    ends = "".join(f"M{at:.1f} {up - 5:.1f}v10" for at, end in ((left, one.low), (right, one.high)) if end is not None)
    return f'<path class="range c-{one.role}" d="M{left:.1f} {up:.1f}H{right:.1f}{ends}"/>'


def _inside(mark: Mark, x: _Scale, y: _Scale) -> bool:
    scale = x if mark.axis == "x" else y
    return math.isfinite(mark.at) and scale.low <= mark.at <= scale.high


def _mark(mark: Mark, x: _Scale, y: _Scale) -> str:
    kind = f'class="m-{mark.role}"'
    if mark.axis == "y":
        at = y.at(mark.at)
        beside = at - 4 if at > _TOP + 12 else at + 12
        line = f'<path {kind} d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}"/>'
        return line + _text(_LEFT + 4, beside, mark.label, "start", mark.role)
    at = x.at(mark.at)
    left = at > x.start + x.length / 2
    line = f'<path {kind} d="M{at:.1f} {_TOP}V{y.start:.1f}"/>'
    return line + _text(at - 4 if left else at + 4, y.start - 5, mark.label, "end" if left else "start", mark.role)


def _text(x: float, y: float, words: str, anchor: str, role: str = "") -> str:
    kind = f' class="t-{role}"' if role else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{xml(words, 60)}</text>'
