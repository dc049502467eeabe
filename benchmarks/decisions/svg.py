"""Panels with axes as SVG text, written by hand: no library, no script, legible on light and on dark pages."""

from __future__ import annotations

import math
from html import escape

PANEL_W, PANEL_H, LEFT, TOP, GAP_X, GAP_Y = 250, 170, 56, 82, 46, 58
KEY_W = 175
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600; font-size: 14px }
  .small { font-size: 11px; fill: #555 } .axis { stroke: #888 } .grid { stroke: #888; stroke-opacity: 0.25 }
  .limit { stroke: #888; stroke-dasharray: 4 3 }
  .curve { fill: none; stroke: currentColor; stroke-width: 1.6 } .curve.ours { stroke-width: 3.2 } .dot { fill: currentColor }
  .loose { opacity: 0.4 } .bound { color: #868e96; stroke-dasharray: 5 3 }
  .s0 { color: #c2255c } .s1 { color: #1971c2 } .s2 { color: #2f9e44 } .s3 { color: #e8590c } .s4 { color: #7048e8 }
  .s5 { color: #0c8599 } .s6 { color: #99702a } .s7 { color: #d6336c } .s8 { color: #5c7cfa } .s9 { color: #66a80f }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .small { fill: #aaa }
    .s0 { color: #faa2c1 } .s1 { color: #74c0fc } .s2 { color: #8ce99a } .s3 { color: #ffa94d } .s4 { color: #b197fc }
    .s5 { color: #66d9e8 } .s6 { color: #e5c07b } .s7 { color: #fcc2d7 } .s8 { color: #bac8ff } .s9 { color: #c0eb75 }
  }
"""


class Figure:
    """Panels in columns under a title and a legend; ``kinds``: what is drawn -> class of its lines, "s0" to "s9"."""

    def __init__(
        self,
        columns: int,
        panels: int,
        title: str,
        note: str,
        kinds: dict[str, str],
        width: int = PANEL_W,
        height: int = PANEL_H,
        left: int = LEFT,
    ) -> None:
        self._columns, self._w, self._h, self._left = columns, width, height, left
        rows = math.ceil(panels / columns)
        self._width = columns * (width + left) + GAP_X
        per_row = max(self._width // KEY_W, 1)
        self._top = TOP + math.ceil(len(kinds) / per_row) * 18
        self._height = self._top + rows * (height + GAP_Y)
        self.parts = [
            f'<text class="title" x="12" y="22">{escape(title)}</text>',
            f'<text class="small" x="12" y="40">{escape(note)}</text>',
        ]
        for number, (name, kind) in enumerate(kinds.items()):
            x, y = 14 + number % per_row * KEY_W, 62 + number // per_row * 18
            self.parts += [
                f'<line class="curve {kind}" x1="{x}" x2="{x + 20}" y1="{y}" y2="{y}"/>',
                f'<text x="{x + 26}" y="{y + 4}">{escape(name)}</text>',
            ]

    def panel(self, number: int, title: str) -> Panel:
        x = self._left + number % self._columns * (self._w + self._left)
        y = self._top + number // self._columns * (self._h + GAP_Y)
        self.parts.append(f'<text x="{x}" y="{y - 8}">{escape(title)}</text>')
        return Panel(self.parts, x, y, self._w, self._h)

    def svg(self) -> str:
        body = "\n".join(self.parts)
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self._width} {self._height}" role="img">'
        return f"{head}\n<style>{STYLE}</style>\n{body}\n</svg>\n"


class Panel:
    """One pair of axes; x and y of data run from 0 to 1."""

    def __init__(self, parts: list[str], x: float, y: float, w: float, h: float) -> None:
        self._parts, self._x0, self._y0, self._w, self._h = parts, x, y, w, h

    def _x(self, share: float) -> str:
        return f"{self._x0 + share * self._w:.1f}"

    def _y(self, share: float) -> str:
        return f"{self._y0 + (1 - share) * self._h:.1f}"

    def axes(self, xs: list[tuple[float, str]], ys: list[tuple[float, str]], x_title: str) -> None:
        for at, text in ys:
            self._parts += [
                f'<line class="grid" x1="{self._x(0)}" x2="{self._x(1)}" y1="{self._y(at)}" y2="{self._y(at)}"/>',
                f'<text class="small" x="{float(self._x(0)) - 6}" y="{float(self._y(at)) + 4}" text-anchor="end">{escape(text)}</text>',
            ]
        self._parts.append(
            f'<line class="axis" x1="{self._x(0)}" x2="{self._x(1)}" y1="{self._y(0)}" y2="{self._y(0)}"/>'
        )
        for at, text in xs:
            self._parts.append(
                f'<text class="small" x="{self._x(at)}" y="{float(self._y(0)) + 16}" text-anchor="middle">{escape(text)}</text>'
            )
        if x_title:
            self._parts.append(
                f'<text class="small" x="{self._x(0.5)}" y="{float(self._y(0)) + 32}" text-anchor="middle">{escape(x_title)}</text>'
            )

    def limit(self, at: float, *, upright: bool = False) -> None:
        ends = (
            (self._x(at), self._x(at), self._y(0), self._y(1))
            if upright
            else (self._x(0), self._x(1), self._y(at), self._y(at))
        )
        self._parts.append('<line class="limit" x1="{}" x2="{}" y1="{}" y2="{}"/>'.format(*ends))

    def line(self, points: list[tuple[float, float]], kind: str, *, dots: bool = False) -> None:
        text = " ".join(f"{self._x(x)},{self._y(y)}" for x, y in points)
        self._parts.append(f'<polyline class="curve {kind}" points="{text}"/>')
        for x, y in points if dots else ():
            self._dot(x, y, kind, 2.5)

    def share(self, share: float, low: float, high: float, y: float, kind: str) -> None:
        """A dot between whiskers."""
        self.line([(low, y), (high, y)], kind.replace("ours", ""))
        self._dot(share, y, kind, 4 if "ours" in kind else 2.8)

    def _dot(self, x: float, y: float, kind: str, radius: float) -> None:
        self._parts.append(f'<circle class="dot {kind}" cx="{self._x(x)}" cy="{self._y(y)}" r="{radius}"/>')
