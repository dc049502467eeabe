"""Backtests as a person reads them on a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from relgate.backtest.simulated import NONE, too_short
from relgate.backtest.stored import TOO_SHORT, tally
from relgate.measure.describe import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.backtest.race import Outcome
    from relgate.backtest.simulated import Cell, Plan
    from relgate.backtest.stored import Bake, Unread
    from relgate.measure.drift import Noise

_HEADINGS = ("95 % interval", "missed", "median", "P90", "promoted", "held")


def plan_lines(service: str, plan: Plan, runs: int, seed: int) -> list[str]:
    """What is simulated."""
    simulated = ", ".join(gate.gate.id for gate in plan.gates)
    where = f"{service}, stage {plan.stage.name}, environment {plan.environment.name}"
    lines = [
        f"{where}: {runs} releases of each kind, seed {seed}",
        f"  {plan.rate:g} requests a second to each side for {_seconds(plan.bake_s)}, a look every {plan.every_s} s",
        f"  {_noise(plan.noise)}",
        f"  gates: {simulated}",
    ]
    if not any(gate.gate.needs_baseline for gate in plan.gates):
        lines.append("  none of them compares with the baseline: what their fixed limits allow is promoted")
    by_reason: dict[str, list[str]] = {}
    for id_, why in plan.left_out.items():
        by_reason.setdefault(why, []).append(id_)
    return lines + [f"  not simulated: {', '.join(ids)} ({why})" for why, ids in by_reason.items()]


def _noise(noise: Noise) -> str:
    drift = f"hosts drift by {percent(round(noise.host_drift, 4))} over {noise.over_s:g} s"
    bursts = f"bursts of {noise.bursts_s:g} s" if noise.bursts_s else "no bursts"
    return f"noise: {drift}, {bursts} ({noise.source})"


def cell_lines(cell: Cell) -> list[str]:
    """One table: all deciders on the same releases."""
    good = cell.effect == NONE
    what = "good releases" if good else f"releases with {cell.effect}"
    headings = ("", "rolled back, all wrongly" if good else "rolled back", *_HEADINGS)
    rows = [headings, *(_row(one, cell.horizon_s, good=good) for one in cell.outcomes)]
    return ["", f"world {cell.world}, {what}", *_aligned(rows)]


def _row(outcome: Outcome, horizon_s: int, *, good: bool) -> tuple[str, ...]:
    if too_short(outcome, horizon_s):
        return (outcome.decider, f"too short: first look at {outcome.look_every_s} s", *[""] * 6)
    held = outcome.runs - outcome.rolled_back - outcome.promoted
    low, high = outcome.interval
    return (
        outcome.decider,
        _share(outcome.rolled_back, outcome.runs),
        f"{100 * low:.1f} to {100 * high:.1f} %",
        "-" if good else _share(outcome.runs - outcome.rolled_back, outcome.runs),
        _moment(outcome.seconds(0.5)),
        _moment(outcome.seconds(0.9)),
        _share(outcome.promoted, outcome.runs),
        _share(held, outcome.runs),
    )


def bake_lines(bake: Bake) -> list[str]:
    """One stored bake, gate by gate."""
    others = ", ".join(f"{name}: {said}" for name, said in bake.others.items())
    rows = [("gate", "recorded", "this policy", "surely broken after")]
    rows += [(row.id, row.recorded or "-", row.verdict, _moment(row.crossed_s)) for row in bake.rows]
    return [
        "",
        f"{bake.run_id}, release {bake.release}, stage {bake.stage}, {_seconds(bake.observed_s)} observed",
        f"  recorded: {bake.recorded}; this policy: {bake.decided}",
        f"  others: {others}",
        *_aligned(rows),
    ]


def summary_lines(bakes: Sequence[Bake], unread: Sequence[Unread]) -> list[str]:
    """All stored bakes together, and what could not be read."""
    lines = ["", f"{len(bakes)} bakes judged again, {len(unread)} not read"]
    for (then, now), count in sorted(tally(list(bakes)).items()):
        lines.append(f"  {count} x recorded {then}, this policy {now}{'' if then == now else '   <- differs'}")
    for name in dict.fromkeys(name for bake in bakes for name in bake.others):
        said = [bake.others[name].split(" at ")[0] for bake in bakes]
        counts = ", ".join(f"{said.count(word)} x {word}" for word in dict.fromkeys(said))
        lines.append(f"  {name}: {counts}")
    if any(TOO_SHORT in bake.others.values() for bake in bakes):
        lines.append(f"  {TOO_SHORT}: the bake ended before that rule looks for the first time")
    return lines + [f"  not read: {one.run_id}: {one.why}" for one in unread]


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %" if of else "-"


def _moment(seconds: float | None) -> str:
    return "-" if seconds is None or math.isinf(seconds) else f"{seconds:g} s"


def _seconds(seconds: float) -> str:
    return f"{seconds:.4g} s" if seconds < 120 else f"{seconds / 60:.4g} min"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Pad columns, the first to the left and numbers to the right; a row with one text fills the rest with nothing."""
    wide = [row for row in rows if not row[1].startswith(TOO_SHORT)]
    widths = [max(len(row[column]) for row in wide) for column in range(len(rows[0]))]
    widths[0] = max(len(row[0]) for row in rows)
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines
