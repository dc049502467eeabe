"""Stored cells as Markdown tables: share rolled back and median seconds, for each world, rate and effect."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cells import BASE_SHARE, GOOD, SHARES, SHORT_BAKE_S, Cell

from relgate.backtest import wald
from relgate.backtest.race import Outcome
from relgate.backtest.worlds import EFFECTS, RATES, WORLDS

WALD = "Wald's bound"
LEGEND = (
    "Cells of good releases: per cent rolled back (95 % upper limit); of bad ones: per cent rolled back / median seconds over "
    "all runs (- where under half). Seconds count from the onset of the harm; what was rolled back before it is left out. "
    "+5 % counts as good: a margin of 5 % allows it."
)


@dataclass(frozen=True, slots=True)
class Result:
    """One decider in one cell. Seconds count from the onset of harm; rollbacks before it are ``early``, and false."""

    cell: Cell
    outcome: Outcome

    @property
    def onset_s(self) -> int:
        return 0 if self.cell.good else self.cell.world.onset_s

    @property
    def early(self) -> int:
        return sum(count for at_s, count in self.outcome.rollbacks.items() if at_s <= self.onset_s)

    @property
    def detected(self) -> float:
        """Share of the runs not yet rolled back at the onset that were rolled back after it."""
        left = self.outcome.runs - self.early
        return (self.outcome.rolled_back - self.early) / left if left else math.nan

    @property
    def upper(self) -> float:
        return self.outcome.interval[1]

    def seconds(self, quantile: float) -> float:
        late = {at_s: count for at_s, count in self.outcome.rollbacks.items() if at_s > self.onset_s}
        left = Outcome("", 1, self.outcome.runs - self.early, late, 0, 0)
        return left.seconds(quantile) - self.onset_s if left.runs else math.nan

    @property
    def promoted(self) -> float:
        return self.outcome.promoted / self.outcome.runs

    @property
    def undecidable(self) -> float:
        return self.outcome.undecidable / self.outcome.runs


Stored = Mapping[Cell, Mapping[str, Result]]


def load(folder: Path, cells: Iterable[Cell]) -> Stored:
    """What is there of these cells: cell -> decider -> result, ours first."""
    stored: dict[Cell, dict[str, Result]] = {}
    for cell in cells:
        found: dict[str, Result] = {}
        for group in ("ours", "peers"):
            path = folder / f"{cell.file}.{group}.json"
            if path.exists():
                outcomes = [Outcome.from_json(plain) for plain in json.loads(path.read_text())["outcomes"]]
                found |= {outcome.decider: Result(cell, outcome) for outcome in outcomes}
        if found:
            stored[cell] = found
    return stored


def bound_s(cell: Cell) -> float:
    """Wald's bound of a cell, seconds; it holds without noise only."""
    if cell.judged == "errors":
        return wald.errors(BASE_SHARE, SHARES[cell.effect]) / cell.rate
    return wald.latency(EFFECTS[cell.effect]) / cell.rate


def markdown(stored: Stored) -> str:
    """All tables of what is stored."""
    parts = [LEGEND]
    for name in WORLDS:
        for judged, effects in (("latency", EFFECTS), ("errors", SHARES)):
            cells = {c: r for c, r in stored.items() if c.world_name == name and c.judged == judged}
            long = {c: r for c, r in cells.items() if c.horizon_s != SHORT_BAKE_S}
            if long:
                parts.append(f"### {name}, {judged}\n\n" + _table(long, list(effects)))
            short = {c: r for c, r in cells.items() if c.horizon_s == SHORT_BAKE_S}
            if short:
                parts.append(
                    f"### {name}, {judged}, promoted after ten minutes\n\n" + _promotions(short, list(effects))
                )
    return "\n\n".join(parts)


def _table(cells: Stored, effects: list[str]) -> str:
    effects = [effect for effect in effects if any(cell.effect == effect for cell in cells)]
    rows = [["rps", "decider", *effects], ["---"] * (2 + len(effects))]
    for rate in (0.2, *RATES):
        here = {cell.effect: (cell, results) for cell, results in cells.items() if cell.rate == rate}
        names = list(dict.fromkeys(name for _, results in here.values() for name in results))
        for name in names:
            texts = [_text(here[e][1].get(name)) if e in here else "" for e in effects]
            rows.append([f"{rate:g}", f"**{name}**" if name.startswith("relgate") else name, *texts])
        if names:
            bounds = [_seconds(bound_s(here[e][0])) if e in here and e != "none" else "" for e in effects]
            rows.append([f"{rate:g}", f"*{WALD}*", *bounds])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _promotions(cells: Stored, effects: list[str]) -> str:
    effects = [effect for effect in effects if any(cell.effect == effect for cell in cells)]
    rows = [["rps", "decider", *effects], ["---"] * (2 + len(effects))]
    for rate in RATES:
        here = {cell.effect: results for cell, results in cells.items() if cell.rate == rate}
        for name in dict.fromkeys(name for results in here.values() for name in results):
            found = [here[effect].get(name) if effect in here else None for effect in effects]
            rows.append([f"{rate:g}", name, *("" if r is None else f"{100 * r.promoted:.1f} %" for r in found)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _text(result: Result | None) -> str:
    if result is None:
        return ""
    if result.cell.effect in GOOD:
        text = f"{100 * result.outcome.share:.1f} (< {100 * result.upper:.1f})"
    else:
        text = f"{100 * result.detected:.1f} / {_seconds(result.seconds(0.5))}"
    if result.early == result.outcome.runs:
        text = "none left"
    return text + (f", undecidable {100 * result.undecidable:.0f}" if result.undecidable else "")


def _seconds(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
