"""Stored cells as figures: power over time, good releases rolled back, time to decision."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from cells import SHORT_BAKE_S, Cell
from svg import Figure
from tables import Result, Stored, bound_s

from relgate.backtest.worlds import RATES, WORLDS

BOUND = "Wald's bound, no noise"
HORIZON_S = 1800
PALE = "Pale: who rolls back over 5 % of good releases in this world"
EFFECTS = {"+10%": "+10 %", "+20%": "+20 %", "+50%": "+50 %", "2x": "twice", "tail": "a slow tail"}
SECONDS = {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", HORIZON_S: "30 min"}


def draw(stored: Stored, folder: Path) -> Iterator[Path]:
    """Write all figures that the stored cells allow."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("power.svg", power(stored, "bursty", 10)),
        ("false-rollbacks.svg", false_rollbacks(stored, 10)),
        ("time-to-decision.svg", time_to_decision(stored, "bursty")),
    ):
        if text:
            (folder / name).write_text(text)
            yield folder / name


def power(stored: Stored, world: str, rate: float) -> str:
    """Share rolled back over time, one panel for each effect."""
    panels = {"a good release": _find(stored, world, rate, "none")}
    panels |= {title: _find(stored, world, rate, effect) for effect, title in EFFECTS.items()}
    panels = {title: results for title, results in panels.items() if results}
    if not panels:
        return ""
    kinds = _kinds(panels.values(), [panels.get("a good release", {})])
    title = f"Releases rolled back, {world} world, {rate:g} requests per second"
    figure = Figure(3, len(panels), title, PALE, kinds)
    for number, (title, results) in enumerate(panels.items()):
        panel = figure.panel(number, title)
        minutes = [(minute * 60 / HORIZON_S, str(minute)) for minute in (0, 10, 20, 30)]
        panel.axes(minutes, [(share / 100, f"{share} %") for share in (0, 50, 100)], "minutes")
        panel.limit(0.05)
        for name, result in results.items():
            panel.line(list(_steps(result)), kinds[name])
    return figure.svg()


def _steps(result: Result) -> Iterator[tuple[float, float]]:
    share = 0.0
    yield 0.0, 0.0
    for at_s, count in sorted(result.outcome.rollbacks.items()):
        yield at_s / HORIZON_S, share
        share += count / result.outcome.runs
        yield at_s / HORIZON_S, share
    yield 1.0, share


def false_rollbacks(stored: Stored, rate: float) -> str:
    """Share of good releases rolled back with its interval, one row for each world, on a square root scale."""
    rows = {world: _find(stored, world, rate, "none") for world in WORLDS}
    rows = {world: results for world, results in rows.items() if results}
    if not rows:
        return ""
    kinds = _kinds(rows.values())
    step = 1 / len(rows)
    title = f"Good releases rolled back, {rate:g} requests per second"
    note = "95 % intervals; the scale is that of square roots"
    figure = Figure(1, 1, title, note, kinds, width=620, height=44 * len(rows), left=130)
    panel = figure.panel(0, "")
    names = [(1 - (number + 0.5) * step, world) for number, world in enumerate(rows)]
    panel.axes([(math.sqrt(share / 100), f"{share} %") for share in (0, 1, 5, 20, 50, 100)], names, "")
    panel.limit(math.sqrt(0.05), upright=True)
    for number, results in enumerate(rows.values()):
        for place, (name, result) in enumerate(results.items()):
            y = 1 - (number + 0.1 + 0.8 * (place + 0.5) / len(results)) * step
            low, high = result.outcome.interval
            panel.share(*map(math.sqrt, (result.outcome.share, low, high)), y, kinds[name])
    return figure.svg()


def time_to_decision(stored: Stored, world: str) -> str:
    """Median seconds to roll back, one panel for each rate; no dot where under half were rolled back."""
    effects = [effect for effect in EFFECTS if effect != "tail"]
    panels = {rate: {effect: _find(stored, world, rate, effect) for effect in effects} for rate in RATES}
    panels = {rate: found for rate, found in panels.items() if any(found.values())}
    if not panels:
        return ""
    results = [results for found in panels.values() for results in found.values()]
    kinds = _kinds(results, [_find(stored, world, rate, "none") for rate in panels]) | {BOUND: "bound"}
    title = f"Median time until a slower release is rolled back, {world} world"
    figure = Figure(2, len(panels), title, PALE, kinds)
    for number, (rate, found) in enumerate(panels.items()):
        panel = figure.panel(number, f"{rate:g} requests per second")
        places = {effect: (place + 0.5) / len(effects) for place, effect in enumerate(effects)}
        panel.axes(
            [(at, EFFECTS[effect]) for effect, at in places.items()],
            [(_height(seconds), text) for seconds, text in SECONDS.items()],
            "",
        )
        for name, kind in kinds.items():
            times = {effect: _median_s(name, found[effect], world, rate, effect) for effect in effects}
            points = [(places[e], _height(seconds)) for e, seconds in times.items() if math.isfinite(seconds)]
            panel.line(points, kind, dots=True)
    return figure.svg()


def _median_s(name: str, results: dict[str, Result], world: str, rate: float, effect: str) -> float:
    if name == BOUND:
        return bound_s(Cell(world, rate, "latency", effect, HORIZON_S))
    return results[name].seconds(0.5) if name in results else math.inf


def _height(seconds: float) -> float:
    """Where a time stands on the logarithmic axis from a second to the horizon."""
    return math.log(max(seconds, 1)) / math.log(HORIZON_S)


def _find(stored: Stored, world: str, rate: float, effect: str) -> dict[str, Result]:
    for cell, results in stored.items():
        key = (cell.world_name, cell.rate, cell.judged, cell.effect)
        if key == (world, rate, "latency", effect) and cell.horizon_s != SHORT_BAKE_S:
            return dict(results)
    return {}


def _kinds(found: Iterable[dict[str, Result]], good: Iterable[dict[str, Result]] = ()) -> dict[str, str]:
    """A colour for each decider, thick lines for ours, pale ones for who rolls back over 5 % of ``good`` releases."""
    names = dict.fromkeys(name for results in found for name in results)
    loose = {name for results in good for name, result in results.items() if result.outcome.interval[0] > 0.05}
    kinds = {name: f"s{number % 10}" for number, name in enumerate(names)}
    return {
        name: kind + (" ours" if name.startswith("relgate") else "") + (" loose" if name in loose else "")
        for name, kind in kinds.items()
    }
