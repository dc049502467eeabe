"""A policy in which time passes faster: a rollout of hours that can be watched in minutes. Pure.

Divided is what waits: bakes, warm-ups, marks, intervals of observation, ``for 5m``, holds, the ramps of loads. Never
divided is what a service is judged by: latencies, time-outs, rates, sizes, the age of an answer, the time to go back.
Less evidence comes out of less time, so a compressed run says less than the policy: it is for trying a policy out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from relgate.policy.limits import NumberLimit, StatusLimit
from relgate.policy.loads import Load
from relgate.policy.model import Alerts, JsonValue, Poll, Promql, Scrape

if TYPE_CHECKING:
    from relgate.policy.limits import Limit
    from relgate.policy.model import Gate, Policy, Signal, Source, Stage

LEAST_EVERY_S = 0.5
"""No endpoint is asked more often than this because time was compressed."""
LEAST_LOOK_S = 1.0
LEAST_WATCH_S = 1.0
MOST = 100_000.0


def compressed(policy: Policy, factor: float) -> Policy:
    """Return the policy with its waits divided by ``factor`` (1 to ``MOST``); its ``sha256`` stays.

    Raises:
        ValueError: the factor is no number from 1 to ``MOST``.

    """
    if not 1 <= factor <= MOST:
        raise ValueError(f"expected a factor from 1 to {MOST:g}, got {factor:g}")
    if factor == 1:
        return policy
    rollout = policy.rollout
    if rollout is not None:
        shorter = {"watch_every_s": _at_least(LEAST_WATCH_S, rollout.watch_every_s, factor)}
        rollout = rollout.model_copy(update=shorter)
    return policy.model_copy(
        update={
            "hold_for_s": policy.hold_for_s / factor,
            "signals": {name: _signal(one, factor) for name, one in policy.signals.items()},
            "gates": {name: _gate(one, factor) for name, one in policy.gates.items()},
            "phases": {
                phase: {name: _gate(one, factor) for name, one in gates.items()}
                for phase, gates in policy.phases.items()
            },
            "stages": tuple(_stage(one, factor) for one in policy.stages),
            "rollout": rollout,
        }
    )


def said(factor: float) -> str:
    """Return what a record says about a compression."""
    return f"compressed: bakes, waits, intervals and `for` divided by {factor:.12g} (--gate-compress)"


def _stage(stage: Stage, factor: float) -> Stage:
    return stage.model_copy(
        update={
            "bake_s": stage.bake_s / factor,
            "warmup_s": stage.warmup_s / factor,
            "look_every_s": _at_least(LEAST_LOOK_S, stage.look_every_s, factor),
            "marks_s": tuple(mark / factor for mark in stage.marks_s),
        }
    )


def _gate(gate: Gate, factor: float) -> Gate:
    return gate.model_copy(
        update={
            "fail": tuple(_limit(one, factor) for one in gate.fail),
            "warn": tuple(_limit(one, factor) for one in gate.warn),
            "warmup_s": None if gate.warmup_s is None else gate.warmup_s / factor,
        }
    )


def _limit(limit: Limit, factor: float) -> Limit:
    """Divide how long a limit must be broken for. Its text stays: it is what the policy says."""
    if not isinstance(limit, NumberLimit | StatusLimit) or limit.for_s is None:
        return limit
    return replace(limit, for_s=limit.for_s / factor)


def _signal(signal: Signal, factor: float) -> Signal:
    field = "json_value" if signal.kind == "json" else signal.kind
    return signal.model_copy(update={field: _source(signal.source, factor)})


def _source(source: Source, factor: float) -> Source:
    if isinstance(source, Load):
        return source.model_copy(update={"ramp_s": source.ramp_s / factor, "each_s": source.each_s / factor})
    if isinstance(source, Poll | Scrape | Promql | JsonValue | Alerts):
        return source.model_copy(update={"every_s": _at_least(LEAST_EVERY_S, source.every_s, factor)})
    return source


def _at_least(least_s: float, time_s: float, factor: float) -> float:
    """Divide, but not below ``least_s``; what was shorter than that stays as it was."""
    return max(time_s / factor, min(least_s, time_s))
