"""Draws the loads of a finished recording into its evidence: load.svg, and capacity.svg where a knee was looked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from relgate.judge import ladder
from relgate.measure.quantiles import interval
from relgate.observe.store import open_recording
from relgate.report.curves import Curve, Panel, curves_svg, over_time
from relgate.values import Requests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from relgate.policy import Policy
    from relgate.policy.loads import Load

LOAD, CAPACITY = "load.svg", "capacity.svg"


def draw(evidence: Path, policy: Policy, signals: Sequence[str]) -> list[str]:
    """Write the pictures; returns why one could not be written. A picture is no evidence: nothing depends on it."""
    try:
        _draw(evidence, policy, signals)
    except Exception as error:  # noqa: BLE001 - a picture must never be the end of a session that measured
        return [f"the curves of the load were not drawn: {type(error).__name__}: {error}"]
    return []


def _draw(evidence: Path, policy: Policy, signals: Sequence[str]) -> None:
    panels: list[Panel] = []
    knees: list[Panel] = []
    recording = open_recording(evidence) if signals else None
    for name in signals if recording is not None else ():
        found = recording.evidence(name, "latency") if recording is not None else None
        if found is None:
            continue
        sides = {"candidate": found.candidate, "baseline": found.baseline}
        requests = {side: one for side, one in sides.items() if isinstance(one, Requests)}
        seconds = math.ceil(found.finished_s - found.started_s)
        panels += over_time(name, {side: _table(one, seconds) for side, one in requests.items()})
        load = policy.signals[name].load
        if load is not None and load.knee is not None:
            knees.append(_knee(name, load, requests))
    if panels:
        (evidence / LOAD).write_text(curves_svg("Load, second by second", panels), encoding="utf-8")
    if knees:
        (evidence / CAPACITY).write_text(curves_svg("Capacity", knees), encoding="utf-8")


def _table(requests: Requests, seconds: int) -> dict[str, list[float | None]]:
    table: dict[str, list[float | None]] = {name: [] for name in ("rate", "p50", "p95", "p99", "errors")}
    place = np.floor(requests.intended_s).astype(np.int64)
    for second in range(seconds):
        mine = (place == second) & requests.usable
        good = requests.latency_s[mine & ~requests.failed]
        table["rate"].append(float(good.size))
        table["errors"].append(float(requests.failed[mine].mean()) if mine.any() else None)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            table[name].append(float(np.quantile(good, share)) if good.size else None)
    return table


def _knee(name: str, load: Load, sides: dict[str, Requests]) -> Panel:
    knee = load.knee
    assert knee is not None  # noqa: S101 - whoever calls has looked
    curves = []
    for side, requests in sides.items():
        steps = ladder(requests, load)
        found = [interval(one, knee.quantile, 0.5) for one in steps.latencies_s]
        values = [one.value if one is not None and math.isfinite(one.value) else None for one in found]
        curves.append(Curve(side, "quantile", steps.rates_per_s, values))
    title = f"{name}: P{knee.quantile * 100:g} over the offered rate, and its limit"
    return Panel(title, "s", tuple(curves), "1/s", knee.limit_s)
