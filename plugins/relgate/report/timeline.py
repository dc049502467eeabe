"""locks.svg: which tables each revision locked, how strongly, and from when to when.

Only locks that somebody waits for are drawn. A bar's height and letters say the same as its colour: a high one keeps
readers out too. All bars have one scale, from the first statement of each revision; the database was almost empty, so
what matters is the order and the kind. Standalone, without scripts; equal proofs give equal pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.report.escape import flat, xml
from relgate.report.marks import Marks, rewritten, strength
from relgate.report.numbers import show
from relgate.report.svg import document, short, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MOST = 600
_COLUMN = 560
_BARS = (212, 230)
_LINE = 18
_TOP = 66
_MARGIN = 20
_ONE_COLUMN_TO = 40
_TWO_COLUMNS_TO = 200
_LETTERS = {
    "ShareLock": "S",
    "ShareRowExclusiveLock": "SRE",
    "ExclusiveLock": "E",
    "AccessExclusiveLock": "AE",
}


@dataclass(frozen=True, slots=True)
class _Bar:
    """A lock of one revision. Times in seconds from its first statement."""

    revision: str
    message: str
    table: str
    mode: str
    from_s: float
    held_s: float
    anew: bool


def locks_svg(proof: Mapping[str, Any]) -> str:
    """Return the picture of a proof's locks; of more than 600 those that were held longest."""
    marks = Marks(proof)
    every = list(_bars(marks))
    weak = sum(not strength(lock["mode"]) for one in marks.revisions for lock in one.get("locks", ()))
    longest = sorted(range(len(every)), key=lambda place: (-every[place].held_s, place))[:_MOST]
    bars = [every[place] for place in sorted(longest)]
    wide = 1 if len(bars) <= _ONE_COLUMN_TO else 2 if len(bars) <= _TWO_COLUMNS_TO else 3
    high = (len(bars) + wide - 1) // wide
    end_s = max((one.from_s + one.held_s for one in bars), default=0.0)
    parts = list(_legend(bars, weak, len(every) - len(bars)))
    for column in range(wide):
        mine = bars[column * high : (column + 1) * high]
        parts += _column(mine, _MARGIN + column * _COLUMN, end_s)
    height = _TOP + 24 + max(1, high) * _LINE + 12
    return document(2 * _MARGIN + wide * _COLUMN, height, "Locks of the migrations", parts)


def _bars(marks: Marks) -> Iterator[_Bar]:
    for one in marks.revisions:
        found = marks.found(one)
        for lock in sorted(one.get("locks", ()), key=lambda lock: (lock["from_s"], lock["table"])):
            if strength(lock["mode"]):
                anew = rewritten(found, lock["table"])
                times = (lock["from_s"], lock["held_s"])
                yield _Bar(one["id"], one["message"], lock["table"], lock["mode"], *times, anew)


def _legend(bars: Sequence[_Bar], weak: int, left_out: int) -> Iterator[str]:
    yield text(_MARGIN, 24, "Locks that somebody waits for, from each revision's first statement", 13)
    x = _MARGIN
    for state, height, words in (("blocks", 12, "nobody reads or writes"), ("warns", 7, "nobody writes")):
        yield f'<rect class="full-{state}" x="{x}" y="{44 - height // 2}" width="22" height="{height}" rx="1"/>'
        yield text(x + 28, 48, words, 10, "faint")
        x += 44 + round(5.3 * len(words))
    if any(one.anew for one in bars):
        yield f'<rect class="anew" x="{x}" y="36" width="22" height="16"/>'
        yield text(x + 28, 48, "the table is written anew", 10, "faint")
        x += 44 + round(5.3 * 25)
    more = f"not drawn: {weak} weaker ones" + (f", {left_out} shorter ones" if left_out else "")
    if weak or left_out:
        yield text(x, 48, more, 10, "faint")
    if not bars:
        yield text(_MARGIN, _TOP + 20, "There are none: no revision keeps anybody waiting.", 11)


def _column(bars: Sequence[_Bar], x: int, end_s: float) -> Iterator[str]:
    if not bars:
        return
    left, width = x + _BARS[0], _BARS[1]
    bottom = _TOP + 20 + len(bars) * _LINE
    for share in (0.0, 0.5, 1.0):
        at = left + round(share * width)
        yield f'<path class="rule" d="M{at} {_TOP + 12}V{bottom}"/>'
        yield text(at, _TOP + 6, show(share * end_s, "s") if share else "0", 9, "faint", "middle")
    before = None
    for place, bar in enumerate(bars):
        y = _TOP + 20 + place * _LINE + _LINE // 2
        if bar.revision != before and before is not None:
            yield f'<path class="rule" d="M{x} {y - _LINE // 2}H{left + width}"/>'
        yield _row(bar, x, y, end_s, named=bar.revision != before)
        before = bar.revision


def _row(bar: _Bar, x: int, y: int, end_s: float, *, named: bool) -> str:
    left, width = x + _BARS[0], _BARS[1]
    scale = width / end_s if end_s > 0 else 0.0
    start, long = left + round(bar.from_s * scale), max(3, round(bar.held_s * scale))
    strong = strength(bar.mode) > 1
    kind, height = ("blocks", 12) if strong else ("warns", 7)
    tip = f"{bar.revision}: {bar.message}: {bar.mode} on {bar.table}"
    parts = [
        f"<title>{xml(tip, 200)}, {_span(bar)}{', rewritten' if bar.anew else ''}</title>",
        text(x, y + 4, short(flat(bar.revision), 12), 11, "mono") if named else "",
        text(x + 90, y + 4, short(_bare(flat(bar.table)), 20), 10),
        f'<rect class="full-{kind}" x="{start}" y="{y - height // 2}" width="{long}" height="{height}" rx="1"/>',
    ]
    if bar.anew:
        parts.append(f'<rect class="anew" x="{start - 2}" y="{y - 8}" width="{long + 4}" height="16"/>')
    words = f"{_LETTERS.get(bar.mode, short(flat(bar.mode), 12))} {show(bar.held_s, 's')}"
    words += ", rewritten" if bar.anew else ""
    parts.append(text(start + long + 6, y + 4, words, 9, "faint"))
    return f"<g>{''.join(parts)}</g>"


def _span(bar: _Bar) -> str:
    return f"from {show(bar.from_s, 's')} for {show(bar.held_s, 's')}"


def _bare(table: str) -> str:
    """Return a table's name without the schema that everything is in."""
    return table.removeprefix("public.")
