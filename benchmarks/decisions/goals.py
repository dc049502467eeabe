"""Stored cells against the goals that were set before they were run: met or not, by how much, and where it is worst."""

import math
from collections.abc import Callable, Iterable, Iterator

from cells import AT_MARGIN, SHARES, SHORT_BAKE_S, Cell
from tables import Result, Stored, bound_s

MARGIN = "margin 5 %"
"""In the name of those of our deciders that allow as much."""
HARM = ("+20%", "+50%", "2x", "tail", "stalls")
BURSTY_S = {"+10%": 240, "+20%": 60, "+50%": 40, "2x": 35}
CLUSTERED_S = {"0.5%": 300, "1%": 120, "5%": 30}


def markdown(stored: Stored) -> str:
    """One row for each goal and decider of ours: cells that keep it, and the worst one."""
    rows = ["| goal | decider | cells that keep it | worst |", "| --- | --- | --- | --- |"]
    for title, check in GOALS.items():
        by_name: dict[str, list[tuple[float, str]]] = {}
        for name, excess, text in check(stored):
            by_name.setdefault(name, []).append((excess, text))
        for name, found in by_name.items():
            kept = sum(excess <= 1 for excess, _ in found)
            rows.append(f"| {title} | {name} | {kept} of {len(found)} | {max(found)[1]} |")
    return "\n".join(rows)


Check = Iterator[tuple[str, float, str]]
"""Name of the decider; figure over goal, at most 1 when kept; the figure in words."""


def _ours(stored: Stored, wanted: Callable[[Cell], bool]) -> Iterator[tuple[Cell, Result]]:
    for cell, results in stored.items():
        if wanted(cell):
            yield from ((cell, result) for name, result in results.items() if name.startswith("relgate"))


def _false_rollbacks(stored: Stored, effect: str) -> Check:
    for cell, result in _ours(stored, lambda cell: cell.effect == effect and cell.horizon_s != SHORT_BAKE_S):
        if effect == AT_MARGIN and MARGIN not in result.outcome.decider:
            continue
        text = f"{100 * result.outcome.share:.1f} %, up to {100 * result.upper:.1f} %, in {cell.id}"
        yield result.outcome.decider, result.upper / 0.05, text


def _near_the_limit(stored: Stored, judged: str, factor: float) -> Check:
    for cell, result in _ours(stored, lambda cell: (cell.world_name, cell.judged) == ("iid", judged)):
        bound = bound_s(cell)
        median, look = result.seconds(0.5), result.outcome.look_every_s
        if cell.good or not factor * bound + look <= cell.horizon_s:
            continue  # nobody could keep it within this bake, or there is no bound
        ratio = max(median - look, 0) / bound
        text = f"{median:.0f} s, that is {ratio:.2f} times {bound:.0f} s and a look of {look} s, in {cell.id}"
        yield result.outcome.decider, ratio / factor, text


def _in_time(stored: Stored, judged: str, rates: Iterable[float], limits: dict[str, float]) -> Check:
    wanted = {("bursty", judged, rate) for rate in rates}
    for cell, result in _ours(stored, lambda cell: (cell.world_name, cell.judged, cell.rate) in wanted):
        if cell.effect not in limits or cell.horizon_s == SHORT_BAKE_S:
            continue
        median, missed = result.seconds(0.5), 1 - result.detected
        text = f"{median:.0f} s instead of {limits[cell.effect]} s, missed {100 * missed:.1f} %, in {cell.id}"
        yield result.outcome.decider, max(median / limits[cell.effect], missed / 0.05), text


def _before_peers(stored: Stored, effects: Iterable[str], times: float) -> Check:
    good = {(c.world_name, c.rate, c.judged): results for c, results in stored.items() if c.effect == "none"}
    for cell, result in _ours(stored, lambda cell: cell.effect in effects and cell.horizon_s != SHORT_BAKE_S):
        equal = good.get((cell.world_name, cell.rate, cell.judged), {})
        honest = [
            peer
            for name, peer in stored[cell].items()
            if not name.startswith("relgate") and name in equal and equal[name].outcome.share <= 0.05
        ]
        if honest:
            fastest = min(honest, key=lambda peer: peer.seconds(0.5))
            mine, theirs = result.seconds(0.5), fastest.seconds(0.5)
            if math.isinf(mine) and math.isinf(theirs):
                continue
            text = f"{mine:.0f} s, {fastest.outcome.decider} {theirs:.0f} s, in {cell.id}"
            yield result.outcome.decider, times * mine / theirs, text


def _bad_promotions(stored: Stored) -> Check:
    for cell, result in _ours(stored, lambda cell: cell.effect in HARM):
        text = f"{100 * result.promoted:.1f} % promoted in {cell.id}"
        yield result.outcome.decider, result.promoted / 0.05, text


def _good_promotions(stored: Stored) -> Check:
    for cell, result in _ours(
        stored, lambda cell: (cell.effect, cell.rate, cell.horizon_s) == ("none", 10, SHORT_BAKE_S)
    ):
        text = f"{100 * result.promoted:.1f} % promoted in {cell.id}"
        yield result.outcome.decider, 0.95 / max(result.promoted, 1e-9), text


GOALS: dict[str, Callable[[Stored], Check]] = {
    "good releases rolled back, 95 % upper limit ≤ 5 %": lambda stored: _false_rollbacks(stored, "none"),
    "the same exactly at a margin of 5 %": lambda stored: _false_rollbacks(stored, AT_MARGIN),
    "i.i.d. latency: median ≤ 2 times Wald + one look": lambda stored: _near_the_limit(stored, "latency", 2),
    "i.i.d. latency, stretch: ≤ 1.6 times Wald + one look": lambda stored: _near_the_limit(stored, "latency", 1.6),
    "i.i.d. errors: median ≤ 1.5 times Wald + one look": lambda stored: _near_the_limit(stored, "errors", 1.5),
    "i.i.d. errors, stretch: ≤ 1.25 times Wald + one look": lambda stored: _near_the_limit(stored, "errors", 1.25),
    "bursty, 10 to 100 rps: 2x ≤ 35 s, +50 % ≤ 40 s, +20 % ≤ 60 s, +10 % ≤ 240 s, missed ≤ 5 %": lambda stored: (
        _in_time(stored, "latency", (10, 100), BURSTY_S)
    ),
    "clustered errors, 10 rps: 5 % ≤ 30 s, 1 % ≤ 120 s, 0.5 % ≤ 300 s, missed ≤ 5 %": lambda stored: _in_time(
        stored, "errors", (10,), CLUSTERED_S
    ),
    "faster than every peer with A/A ≤ 5 %": lambda stored: _before_peers(
        stored, ("+10%", *HARM, *list(SHARES)[1:]), 1
    ),
    "5 times faster than those for +20 % and worse": lambda stored: _before_peers(stored, HARM, 5),
    "bad releases (+20 % and worse) promoted ≤ 5 %": _bad_promotions,
    "good releases at 10 rps promoted within ten minutes ≥ 95 %": _good_promotions,
}
