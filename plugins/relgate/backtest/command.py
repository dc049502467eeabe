"""``relgate backtest``: what was asked for as texts, run, shown while it goes on, and stored."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from relgate.backtest import show
from relgate.backtest.simulated import known_effects, known_worlds, make_plan, simulate
from relgate.backtest.stored import Bake, Unread, folders, judge_again
from relgate.errors import UsageError
from relgate.policy.units import parse_duration, parse_rate

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.policy.model import Policy, Stage

SCHEMA = 1
WORLDS = "bursty,iid"
EFFECTS = "none,+20%,2x"
RUNS = 100
SEED = 1

_MOST_RUNS = 100_000
_TELL_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options as they were given; None where they were not. ``reports``: judge stored bakes, simulate nothing."""

    reports: Path | None = None
    worlds: str | None = None
    effects: str | None = None
    runs: int | None = None
    rate: str | None = None
    bake: str | None = None
    seed: int | None = None
    stage: str | None = None
    environment: str | None = None
    json: Path | None = None


def backtest(policy: Policy, wanted: Wanted, out: TextIO, progress: TextIO) -> None:
    """Run a backtest and write its tables to ``out``; how far it is goes to ``progress``.

    Raises:
        UsageError: an option does not fit, or there is nothing to simulate or to judge.

    """
    if wanted.json is not None and not wanted.json.absolute().parent.is_dir():
        raise UsageError(f"--json: the folder of {wanted.json} does not exist")
    found = (
        _simulate(policy, wanted, out, progress) if wanted.reports is None else _again(policy, wanted, out, progress)
    )
    if wanted.json is not None:
        document = {"schema": SCHEMA, "service": policy.service, "policy_sha256": policy.sha256, **found}
        try:
            wanted.json.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--json: {wanted.json} cannot be written ({error.strerror})") from error


def _simulate(policy: Policy, wanted: Wanted, out: TextIO, progress: TextIO) -> dict[str, Any]:
    worlds = known_worlds(_names(wanted.worlds or WORLDS))
    effects = known_effects(_names(wanted.effects or EFFECTS))
    runs = RUNS if wanted.runs is None else wanted.runs
    seed = SEED if wanted.seed is None else wanted.seed
    if not 1 <= runs <= _MOST_RUNS:
        raise UsageError(f"--runs: expected a number from 1 to {_MOST_RUNS}, got {runs}")
    if seed < 0:
        raise UsageError(f"--seed: expected a number of at least 0, got {seed}")
    environment = next(iter(policy.environments.values()))
    if wanted.environment is not None:
        environment = policy.environment(wanted.environment)
    rate = None if wanted.rate is None else _read("--rate", parse_rate, wanted.rate)
    bake_s = None if wanted.bake is None else _read("--bake", parse_duration, wanted.bake)
    plan = make_plan(policy, _stage(policy, wanted.stage), environment, rate=rate, bake_s=bake_s)
    _write(out, show.plan_lines(policy.service, plan, runs, seed))
    bar = _Progress(progress, len(worlds) * len(effects))
    cells = []
    for cell in simulate(plan, worlds, effects, runs, seed, bar.tell):
        bar.done()
        cells.append(cell)
        _write(out, show.cell_lines(cell))
    return {
        "mode": "simulated",
        "stage": plan.stage.name,
        "environment": plan.environment.name,
        "rate_per_s": plan.rate,
        "bake_s": plan.bake_s,
        "runs": runs,
        "seed": seed,
        "gates": [gate.gate.id for gate in plan.gates],
        "not_simulated": plan.left_out,
        "cells": [cell.to_json() for cell in cells],
    }


def _again(policy: Policy, wanted: Wanted, out: TextIO, progress: TextIO) -> dict[str, Any]:
    reports = wanted.reports
    options = ("worlds", "effects", "runs", "rate", "bake", "seed")
    unfit = [f"--{name}" for name in options if getattr(wanted, name) is not None]
    if reports is None or unfit:
        raise UsageError(f"{', '.join(unfit)}: nothing is simulated with --reports; leave one of them out")
    if not policy.stages:
        raise UsageError(f"{policy.service} has no stage: nothing is judged")
    count = len(folders(reports))
    bakes: list[Bake] = []
    unread: list[Unread] = []
    bar = _Progress(progress, count)
    for found in judge_again(policy, reports, stage=wanted.stage, environment=wanted.environment):
        bar.tell(found.run_id, 1.0)
        bar.done()
        if isinstance(found, Unread):
            unread.append(found)
            continue
        bakes.append(found)
        _write(out, show.bake_lines(found))
    _write(out, show.summary_lines(bakes, unread))
    return {
        "mode": "stored",
        "bakes": [bake.to_json() for bake in bakes],
        "not_read": [{"run_id": one.run_id, "why": one.why} for one in unread],
    }


def _stage(policy: Policy, name: str | None) -> Stage:
    if name is not None:
        return policy.stage(name)
    baking = next((stage for stage in policy.stages if stage.bake_s > 0), None)
    if baking is None and not policy.stages:
        raise UsageError(f"{policy.service} has no stage: nothing is judged")
    return baking or policy.stages[0]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _read(option: str, parse: Any, text: str) -> float:
    try:
        return float(parse(text))
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _write(out: TextIO, lines: list[str]) -> None:
    out.write("\n".join(lines) + "\n")
    out.flush()


class _Progress:
    """One line about how far it is: rewritten on a terminal, one for each part elsewhere, none for what is quick."""

    def __init__(self, stream: TextIO, parts: int) -> None:
        self._stream, self._parts, self._part = stream, parts, 1
        self._terminal = stream.isatty()
        self._told_s = self._began_s = time.monotonic()
        self._width = 0

    def tell(self, name: str, share: float) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < (_TELL_EVERY_S if self._terminal else 10 * _TELL_EVERY_S):
            return
        self._told_s = now_s
        text = f"{self._part}/{self._parts} {name}: {share:.0%}, {now_s - self._began_s:.0f} s"
        if self._terminal:
            self._stream.write(f"\r{text.ljust(self._width)}")
            self._width = len(text)
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def done(self) -> None:
        """A part is over: its table is about to be written where the line stands."""
        self._part += 1
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0
