"""``relgate explain``: what a gate measures, its limits, what it will see in a bake, what to do when it fails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.errors import UsageError
from relgate.measure import quantiles
from relgate.measure.describe import percent
from relgate.policy.api import EXPLORED
from relgate.policy.limits import NumberLimit
from relgate.policy.model import ERRORS
from relgate.policy.risk import is_statistical
from relgate.policy.smoke import is_path
from relgate.report.advice import BY_KIND, next_steps
from relgate.values import Verdict
from relgate.verdicts import LEAST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from relgate.measure.foresight import Foresight
    from relgate.measure.rehearsal import Bake
    from relgate.policy import Environment, Gate, Policy, Signal, Stage

KINDS = {
    "quantile": "{quantile} of the time from the moment a request was due to the end of its answer",
    "share": "share of requests that failed: 5xx, no answer in time, or not what the probe expects",
    "throughput": "requests served per second",
    "capacity": "requests per second up to which the latency keeps the load's knee, from a load that rises in steps",
    "ids": "share of answers whose correlation id is missing, malformed, used twice, or not found where it should be",
    "health": "what the service says about itself, in status code and body",
    "version": "the version that answers name",
    "gauge": "the value over the window ({over} counts)",
    "growth": "how far the floor of the value rose within the window",
    "trend": "the steady slope of the value's floor (Theil-Sen)",
    "counter": "increase per second, resets taken into account",
    "patterns": "how often each pattern of log lines comes, per second; a burst counts once",
    "statements": "the mean time of each statement of the database",
    "value": "a measurement that a test of yours brings",
    "findings": "what the proof of the migrations finds",
}


@dataclass(frozen=True, slots=True)
class Supposed:
    """How a bake will be. ``rate_per_s``, ``bake_s``: instead of the policy's. ``error_share``: what is usual."""

    rate_per_s: float | None = None
    bake_s: float | None = None
    error_share: float = 0.001


USUAL = Supposed()


def overview(policy: Policy, stage: Stage) -> list[str]:
    """A line for each gate of the policy."""
    required = set(policy.required_ids(stage))
    gates = policy.gates_in(stage).values()
    width = max((len(gate.id) for gate in gates), default=0)
    lines = [f"{policy.service}, stage {stage.name}: bake {_seconds(stage.bake_s)}, runs {', '.join(stage.run)}"]
    for gate in gates:
        role = "required" if gate.id in required else "optional" if gate.family in stage.run else "other stage"
        lines.append(f"  {gate.id.ljust(width)}  {role:11}  {_about(gate)}")
    return lines


def explain(
    policy: Policy, stage: Stage, gate_id: str, supposed: Supposed = USUAL, stages: Sequence[Stage] = ()
) -> list[str]:
    """Everything about one gate, in the phase and bake of a stage; what it will see in each of ``stages`` that runs it.

    Raises:
        UsageError: the policy has no such gate.

    """
    gate = policy.gates_in(stage).get(gate_id)
    if gate is None:
        raise UsageError(f"unknown gate {gate_id!r}: {policy.service} has {', '.join(policy.gates)}")
    if gate.kind == "findings":
        return _asked(gate) if gate.family == "preflight" else _proven(gate)
    confidence = 1 - policy.beta_of(gate, stage)
    lines = [
        f"{gate.id} ({gate.family}, {gate.severity})" + (f": {gate.description}" if gate.description else ""),
        f"  measures    {_source(gate)}: {_measures(gate)}",
        *([f"  observed    {_observed(policy.signals[gate.signal])}"] if gate.signal else []),
        f"  fails       {_limits(gate) or 'never'} -> {gate.on_fail}",
        *([f"  warns       {' or '.join(limit.text for limit in gate.warn)}"] if gate.warn else []),
        f"  evidence    {_evidence(policy, gate, stage, confidence)}",
        *_foreseen(policy, gate_id, supposed, stages or (stage,)),
        *([f"  owner       {gate.owner}"] if gate.owner else []),
        "  when it fails",
        *(f"    - {step}" for step in next_steps(gate, Verdict.FAIL) or BY_KIND[gate.kind]),
    ]
    if stage.during:
        lines.insert(1, f"  phase       {stage.during} (stage {stage.name})")
    return lines


def _proven(gate: Gate) -> list[str]:
    """Everything about a gate that has findings: what it may find, and what to do then."""
    from relgate.migrate.faults import FAULTS
    from relgate.openapi.faults import FAULTS as EXPLORED_FAULTS
    from relgate.smoke.faults import FAULTS as PATH_FAULTS

    tables: tuple[Mapping[str, Any], ...] = (FAULTS.get(gate.id, {}), EXPLORED_FAULTS.get(gate.id, {}))
    if is_path(gate):
        tables = (PATH_FAULTS,)
    faults = [(code, fault.blocks, fault.do) for table in tables for code, fault in table.items()]
    how = f"{KINDS[gate.kind]}, on scratch databases, before anything is observed"
    if gate.id in EXPLORED:
        how = "what exploring the API finds, before anything is observed"
    elif is_path(gate):
        how = "each step of the path, and what its pages say meanwhile"
    return [
        f"{gate.id} ({gate.family}, {gate.severity}): {gate.description}",
        f"  measures    {how}",
        f"  fails       a finding that blocks and is not waived -> {gate.on_fail}",
        "  chance      none: it reports what it saw",
        *(["  finds"] if faults else []),
        *(f"    {code} ({'blocks' if blocks else 'warns'}): {do}" for code, blocks, do in faults),
        *([f"  owner       {gate.owner}"] if gate.owner else []),
        "  when it fails",
        *(f"    - {step}" for step in next_steps(gate, Verdict.FAIL)),
    ]


def _asked(gate: Gate) -> list[str]:
    """Everything about a gate on what must be true before a rollout."""
    return [
        f"{gate.id} ({gate.family}, {gate.severity}): {gate.description}",
        "  measures    what is asked before a rollout, once, before anything is observed",
        f"  fails       an answer that is not the one expected -> {gate.on_fail}",
        "  chance      none: it reports what it saw",
        *([f"  owner       {gate.owner}"] if gate.owner else []),
        "  when it fails",
        *(f"    - {step}" for step in next_steps(gate, Verdict.FAIL)),
    ]


def _about(gate: Gate) -> str:
    return str(gate.description) if gate.kind == "findings" else f"{_source(gate)}: {_limits(gate) or 'no limit'}"


def _source(gate: Gate) -> str:
    return f"{gate.signal}.{gate.field}" if gate.signal else "no signal"


def _limits(gate: Gate) -> str:
    return " or ".join([limit.text for limit in gate.fail] + _unexpected(gate))


def _unexpected(gate: Gate) -> list[str]:
    return [f"anything but {'the release' if gate.expect == 'release' else gate.expect}"] if gate.expect else []


def _measures(gate: Gate) -> str:
    over = gate.over or (
        "lowest" if any(isinstance(limit, NumberLimit) and limit.op[0] == "<" for limit in gate.fail) else "highest"
    )
    quantile = "all quantiles at once" if gate.whole else ""
    if gate.quantile is not None:
        quantile = f"{percent(gate.quantile)} quantile"
    return KINDS[gate.kind].format(quantile=quantile, over=over)


def _observed(signal: Signal) -> str:
    if signal.probe is not None:
        paths = ", ".join(f"{request.method} {request.path}" for request in signal.probe.requests[:5])
        return f"{signal.probe.rate_per_s:g} requests per second to each side at fixed times (open model): {paths}"
    if signal.load is not None:
        load = signal.load
        amount = f"{load.rate_per_s:g} requests per second" if load.rate_per_s else f"{load.clients} clients"
        return f"{amount} ({load.shape}) to each side by Locust: {', '.join(load.users) or load.profile}"
    place = signal.source
    if signal.log is not None:
        asked = f", {signal.log.requests!r} is a request" if signal.log.requests is not None else ""
        lines = "lines of level error and above" if signal.log.match == ERRORS else f"lines with {signal.log.match!r}"
        return f"each side's log every {_seconds(signal.every_s)}: {lines}{asked}"
    if signal.statements is not None:
        source = signal.statements.command or "pg_stat_statements of each side's database"
        return f"statements every {_seconds(signal.every_s)}: {source}"
    what = getattr(place, "path", None) or getattr(place, "query", None) or getattr(place, "source", "")
    return f"{signal.kind} every {_seconds(signal.every_s)}: {what}"


def _foreseen(policy: Policy, gate_id: str, supposed: Supposed, stages: Sequence[Stage]) -> list[str]:
    """What the gate will see, and how often it may be wrong, in each stage that runs it."""
    lines: list[str] = []
    told: dict[tuple[str, ...], list[str]] = {}
    for stage in stages:
        gate = policy.running(stage).get(gate_id)
        if gate is not None:
            told.setdefault(tuple(_in_stage(policy, stage, gate, supposed)), []).append(stage.name)
    for said, names in told.items():
        lines += [f"  {'chance'.ljust(11)} stage {', '.join(names)}: {said[0]}", *(f"    {line}" for line in said[1:])]
    return lines or ["  chance      the gate runs in no stage: it promises nothing"]


def _in_stage(policy: Policy, stage: Stage, gate: Gate, supposed: Supposed) -> list[str]:
    if not is_statistical(gate):
        return ["spends no error probability: what is seen is judged"]
    alpha, beta = policy.alpha_of(stage, gate), policy.beta_of(gate, stage)
    wrong = "rolls back" if gate.on_fail == "rollback" and gate.fail else "holds"
    good = f"{wrong} a release that keeps its limits with a chance of at most {alpha * 100:.2g} %"
    lines = [f"{good}, passes one that must not pass with at most {beta * 100:.2g} %"]
    from relgate.watch import is_sequential

    limits = [limit for limit in gate.fail if isinstance(limit, NumberLimit) and is_sequential(gate, limit)]
    if len(limits) < len(gate.fail) or not limits:
        lines.append(f"{'Other limits are' if limits else 'It is'} judged once, at the end, for independent samples.")
    environment = next(iter(policy.environments.values()))
    for limit in limits:
        lines.append(f"{limit.text}:")
        lines += [f"  - {line}" for line in _for_limit(policy, stage, gate, limit, environment, supposed)]
    return lines


def _for_limit(
    policy: Policy, stage: Stage, gate: Gate, limit: NumberLimit, environment: Environment, supposed: Supposed
) -> list[str]:
    from relgate.measure.foresight import sentences

    if limit.basis != "absolute" and environment.baseline is None:
        return [f"environment {environment.name} has no baseline to compare with: nothing is seen, nothing passes."]
    bake = _bake(policy, stage, gate, environment, supposed)
    said = sentences(_foresee(gate, limit, bake, supposed.error_share))
    if gate.kind == "quantile" and limit.basis != "absolute":
        noise = bake.noise
        why = "" if environment.noise is not None else ": nobody has declared it, stored bakes would tell it"
        drift = f"{noise.host_drift * 100:.2g} % over {noise.over_s:g} s ({noise.source}{why})"
        said.append(f"Taken into account: two equal hosts of {environment.name} drift apart, each by {drift}.")
    return said


def _bake(policy: Policy, stage: Stage, gate: Gate, environment: Environment, supposed: Supposed) -> Bake:
    from relgate.measure.drift import Noise
    from relgate.measure.noise import ASSUMED
    from relgate.measure.rehearsal import Bake

    declared, own, other = environment.noise, environment.candidate, environment.baseline
    bake_s = stage.bake_s if supposed.bake_s is None else supposed.bake_s
    rate_per_s = supposed.rate_per_s
    if rate_per_s is None:
        rate_per_s = 1 / policy.signals[gate.signal].every_s if gate.signal else 0.0
    beta = policy.beta_of(gate, stage)
    return Bake(
        rate_per_s,
        max(0.0, bake_s - (stage.warmup_s if gate.warmup_s is None else gate.warmup_s)),
        stage.look_every_s,
        ASSUMED if declared is None else Noise(declared.host_drift, declared.over_s, declared.bursts_s, "declared"),
        (len(own.instances) or 1, len(other.instances) or 1 if other is not None else 1),
        policy.alpha_of(stage, gate) / len(gate.fail),
        beta,
        _least(gate, 1 - beta),
    )


def _foresee(gate: Gate, limit: NumberLimit, bake: Bake, usual: float) -> Foresight:
    from relgate.measure.foresight import errors, more_errors, slower, slower_by, slower_than

    if gate.kind == "share":
        if limit.basis == "absolute":
            return errors(bake, limit.value, usual)
        ratio, points = (limit.value, 0.0) if limit.basis == "times" else (1.0, limit.value)
        return more_errors(bake, usual, ratio, points)
    if limit.basis == "times":
        return slower(bake, limit.value, None if gate.worse_by is None else 1 + gate.worse_by, gate.quantile)
    if limit.basis == "plus" or gate.quantile is None:
        return slower_by(bake, gate.quantile)
    return slower_than(bake, gate.quantile)


def _least(gate: Gate, confidence: float) -> int:
    """Samples below which nothing passes, whatever its limits."""
    least = gate.min_samples or LEAST.get(gate.kind, 1)
    if gate.kind == "quantile" and (gate.whole or gate.quantile is not None):
        least = max(gate.min_samples or 0, quantiles.needed(gate.quantile or 0.5, confidence))
    return least


_OF_TRAFFIC = {"patterns": "lines, or requests, of the candidate's log", "statements": "calls of each statement"}
"""Kinds whose samples come with the traffic, not with the schedule."""


def _evidence(policy: Policy, gate: Gate, stage: Stage, confidence: float) -> str:
    """How many samples it takes at least, and how many the stage's bake gives."""
    least = _least(gate, confidence)
    if gate.kind == "share":
        shares = [limit.value for limit in gate.fail if isinstance(limit, NumberLimit) and limit.basis == "absolute"]
        least = max(
            [least, *(math.ceil(math.log(1 - confidence) / math.log1p(-share)) for share in shares if 0 < share < 1)]
        )
    text = f"at least {least} samples"
    if gate.kind in _OF_TRAFFIC:
        return f"{text}: {_OF_TRAFFIC[gate.kind]}"
    if gate.signal is None or stage.bake_s <= 0:
        return text
    every_s = policy.signals[gate.signal].every_s
    given = int(max(0.0, stage.bake_s - stage.warmup_s) / every_s)
    verdict = "" if given >= least else f", TOO FEW: bake at least {_seconds(least * every_s + stage.warmup_s)}"
    return f"{text}; the bake of {_seconds(stage.bake_s)} gives about {given}{verdict}"


def _seconds(seconds: float) -> str:
    return f"{seconds:g}s" if seconds < 120 else f"{seconds / 60:g}m"
