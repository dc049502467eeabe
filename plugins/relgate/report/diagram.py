"""chain.svg: the history as a picture, one box a revision in the order in which they are applied.

A badge says what the proof found: its shape says the same as its colour. A bar at the right end of a box means that
nothing leads back over it. The picture is a file of its own, without scripts; details are tooltips. Equal proofs give
equal pictures.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

from relgate.report.chainlayout import Layout, Line, lay_out
from relgate.report.escape import flat, xml
from relgate.report.marks import MEANING, Mark, Marks, one_way, state_of
from relgate.report.svg import badge, document, short, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PER_ROW = 10
BOX = (84, 30)
CELL = 108
MARGIN = 24
_TOP = 62
_HEADER = 20
_NARROW = 22
_MOST = 1000
_MESSAGES_TO = 60
_MESSAGE = (17, 2)
_TIP = 12
_STYLE = ".stub{stroke-dasharray:3 3}"


def chain_svg(proof: Mapping[str, Any]) -> str:
    """Return the picture of a proof's revisions; of more than 1,000 the last ones."""
    return _Picture(proof).draw()


class _Picture:
    """The picture while it is drawn. Columns wrap into rows; a row is as high as its lanes need."""

    def __init__(self, proof: Mapping[str, Any]) -> None:
        self.marks = Marks(proof)
        self.revisions = self.marks.revisions[-_MOST:]
        self.left_out = len(self.marks.revisions) - len(self.revisions)
        self.layout: Layout = lay_out(self.revisions)
        self.lane = 60 if len(self.revisions) <= _MESSAGES_TO else 42
        self.tops, self.offsets = self._place()
        self.states = {place: self.marks.of(one) for place, one in enumerate(self.revisions)}

    def draw(self) -> str:
        found = [
            *self._legend(),
            *(f'<path class="line" d="{self._path(line)}"/>' for line in self.layout.lines),
            *(self._stub(column) for column in sorted(self.layout.loose)),
            *self._releases(),
            *(self._box(column) for column in range(len(self.revisions))),
        ]
        columns = min(PER_ROW, max(6, len(self.revisions)))
        width = 2 * MARGIN + columns * CELL - (CELL - BOX[0])
        title = f"Migrations: {len(self.marks.revisions)} revisions"
        return document(width, self.tops[-1] + 6, title, found, _STYLE)

    def _place(self) -> tuple[list[int], list[dict[int, int]]]:
        """Return where each row begins (last: where the picture ends), and in each row where its lanes are.

        A lane without a box in a row is narrow there; one that nothing runs in takes no room.
        """
        rows = (len(self.revisions) + PER_ROW - 1) // PER_ROW
        boxes: list[set[int]] = [set() for _ in range(rows)]
        used: list[set[int]] = [set() for _ in range(rows)]
        for column, lane in enumerate(self.layout.lanes):
            boxes[column // PER_ROW].add(lane)
        for line in self.layout.lines:
            if line.end > line.start + 1:
                for row in range(line.start // PER_ROW, line.end // PER_ROW + 1):
                    used[row].add(line.lane)
        tops = [_TOP]
        offsets: list[dict[int, int]] = []
        for row in range(rows):
            at = _HEADER + BOX[1] // 2
            offsets.append({})
            for lane in sorted(boxes[row] | used[row]):
                offsets[row][lane] = at
                at += self.lane if lane in boxes[row] else _NARROW
            tops.append(tops[-1] + at - BOX[1] // 2)
        return tops, offsets

    def x(self, column: int) -> int:
        """Return the left side of a column's boxes."""
        return MARGIN + column % PER_ROW * CELL

    def y(self, column: int, lane: int) -> int:
        """Return the middle of a lane."""
        row = column // PER_ROW
        return self.tops[row] + self.offsets[row][lane]

    def _path(self, line: Line) -> str:
        start, end = self.layout.lanes[line.start], self.layout.lanes[line.end]
        steps = [f"M{self.x(line.start) + BOX[0]} {self.y(line.start, start)}"]
        if line.end == line.start + 1:
            return " ".join([*steps, *self._gap(line.start, start, end)])
        steps += self._gap(line.start, start, line.lane)
        for column in range(line.start + 1, line.end):
            steps.append(f"H{self.x(column) + BOX[0]}")
            steps += self._gap(column, line.lane, end if column == line.end - 1 else line.lane)
        return " ".join(steps)

    def _gap(self, column: int, start: int, end: int) -> Iterator[str]:
        """Yield the way through the gap behind a column, into the next row where there is one."""
        left, right = self.x(column) + BOX[0], self.x(column) + CELL
        if (column + 1) % PER_ROW == 0:
            right = left + MARGIN - 4
        from_y, to_y = self.y(column, start), self.y(column, end)
        middle = (left + right) // 2
        yield f"H{right}" if start == end else f"C{middle} {from_y} {middle} {to_y} {right} {to_y}"
        if (column + 1) % PER_ROW == 0:
            yield f"M4 {self.y(column + 1, end)} H{MARGIN}"

    def _stub(self, column: int) -> str:
        x, y = self.x(column), self.y(column, self.layout.lanes[column])
        return f'<path class="line stub" d="M{x - 18} {y}H{x}"><title>builds on what is not shown</title></path>'

    def _releases(self) -> Iterator[str]:
        """Yield a release's name over its first revision, and over the first one of each row."""
        for column, one in enumerate(self.revisions):
            name = one.get("release")
            before = self.revisions[column - 1].get("release") if column else None
            if name and (column % PER_ROW == 0 or name != before):
                top = self.tops[column // PER_ROW] + _HEADER - 6
                yield text(self.x(column), top, f"release {short(flat(name), 9)}", 9, "faint")

    def _box(self, column: int) -> str:
        revision, state = self.revisions[column], self.states[column].state
        kind = state if state != "none" else "unproven"
        x, y = self.x(column), self.y(column, self.layout.lanes[column])
        top = y - BOX[1] // 2
        size = f'x="{x}" y="{top}" width="{BOX[0]}" height="{BOX[1]}" rx="5"'
        parts = [
            f"<title>{self._tip(revision, self.states[column])}</title>",
            f'<rect class="box-{kind}" {size}/><rect class="tint-{kind}" {size}/>',
            badge(state, x + 14, y),
            text(x + 26, y + 4, short(flat(revision["id"]), 8), 10, "mono"),
        ]
        if one_way(revision) is not None:
            parts.append(f'<rect class="stop" x="{x + BOX[0] - 4}" y="{top - 3}" width="5" height="{BOX[1] + 6}"/>')
        if len(self.revisions) <= _MESSAGES_TO:
            parts += self._message(revision, x, top + BOX[1] + 11)
        return f"<g>{''.join(parts)}</g>"

    def _message(self, revision: Mapping[str, Any], x: int, y: int) -> Iterator[str]:
        letters, most = _MESSAGE
        lines = textwrap.wrap(flat(revision["message"]), letters) or [""]
        if len(lines) > most:
            lines = [*lines[: most - 1], short(" ".join(lines[most - 1 :]), letters)]
        yield from (text(x, y + 11 * place, line, 9, "faint") for place, line in enumerate(lines) if line)

    def _tip(self, revision: Mapping[str, Any], mark: Mark) -> str:
        reason = one_way(revision)
        lines = [
            f"{revision['id']}: {revision['message']}",
            MEANING.get(mark.state, "nothing was asked"),
            *([f"cannot be taken back: {reason}"] if reason is not None else []),
            *[f"{state_of(one)}: {one['code']}: {one['what']}" for one in self.marks.found(revision)],
        ]
        more = [f"... {len(lines) - _TIP} more"] if len(lines) > _TIP else []
        return "&#10;".join(xml(line, 160) for line in [*lines[:_TIP], *more])

    def _legend(self) -> Iterator[str]:
        """Yield a title with counts, and what the badges that are there mean."""
        count = Counter(mark.state for mark in self.states.values())
        more = f", the last {len(self.revisions)} of them" if self.left_out else ""
        number = f"{len(self.marks.revisions)} revision{'s' if len(self.marks.revisions) != 1 else ''}"
        yield text(MARGIN, 24, f"{number}{more}, in the order in which they are applied", 13)
        x = MARGIN
        for state, meaning in MEANING.items():
            if count[state]:
                words = f"{count[state]} {meaning}"
                yield badge(state, x + 7, 44) + text(x + 18, 48, words, 10, "faint")
                x += 34 + round(5.3 * len(words))
        if any(one_way(one) is not None for one in self.revisions):
            yield f'<rect class="stop" x="{x + 2}" y="37" width="4" height="14"/>'
            yield text(x + 12, 48, "no way back", 10, "faint")
