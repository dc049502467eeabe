"""``relgate explain``: what a gate measures, its limits, the evidence it needs, what to do when it fails."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from relgate.errors import UsageError
from relgate.measure import quantiles
from relgate.measure.describe import percent
from relgate.policy.limits import NumberLimit
from relgate.report.advice import BY_KIND, next_steps
from relgate.values import Verdict
from relgate.verdicts import LEAST

if TYPE_CHECKING:
    from relgate.policy import Gate, Policy, Signal, Stage

KINDS = {
    "quantile": "{quantile} of the time from the moment a request was due to the end of its answer",
    "share": "share of requests that failed: 5xx, no answer in time, or not what the probe expects",
    "throughput": "requests served per second",
    "ids": "share of answers whose correlation id is missing, malformed, used twice, or not found where it should be",
    "health": "what the service says about itself, in status code and body",
    "version": "the version that answers name",
    "gauge": "the value over the window ({over} counts)",
    "growth": "how far the floor of the value rose within the window",
    "trend": "the steady slope of the value's floor (Theil-Sen)",
    "counter": "increase per second, resets taken into account",
    "value": "a measurement that a test of yours brings",
}


def overview(policy: Policy, stage: Stage) -> list[str]:
    """A line for each gate of the policy."""
    required = set(policy.required_ids(stage))
    gates = policy.gates_in(stage).values()
    width = max((len(gate.id) for gate in gates), default=0)
    lines = [f"{policy.service}, stage {stage.name}: bake {_seconds(stage.bake_s)}, runs {', '.join(stage.run)}"]
    for gate in gates:
        role = "required" if gate.id in required else "optional" if gate.family in stage.run else "other stage"
        lines.append(f"  {gate.id.ljust(width)}  {role:11}  {_source(gate)}: {_limits(gate) or 'no limit'}")
    return lines


def explain(policy: Policy, stage: Stage, gate_id: str) -> list[str]:
    """Everything about one gate, in the phase and bake of a stage.

    Raises:
        UsageError: the policy has no such gate.

    """
    gate = policy.gates_in(stage).get(gate_id)
    if gate is None:
        raise UsageError(f"unknown gate {gate_id!r}: {policy.service} has {', '.join(policy.gates)}")
    confidence = policy.confidence_of(gate)
    lines = [
        f"{gate.id} ({gate.family}, {gate.severity})" + (f": {gate.description}" if gate.description else ""),
        f"  measures    {_source(gate)}: {_measures(gate)}",
        *([f"  observed    {_observed(policy.signals[gate.signal])}"] if gate.signal else []),
        f"  fails       {_limits(gate) or 'never'} -> {gate.on_fail}",
        *([f"  warns       {' or '.join(limit.text for limit in gate.warn)}"] if gate.warn else []),
        f"  error       {_error(gate, confidence)}",
        f"  evidence    {_evidence(policy, gate, stage, confidence)}",
        *([f"  owner       {gate.owner}"] if gate.owner else []),
        "  when it fails",
        *(f"    - {step}" for step in next_steps(gate, Verdict.FAIL) or BY_KIND[gate.kind]),
    ]
    if stage.during:
        lines.insert(1, f"  phase       {stage.during} (stage {stage.name})")
    return lines


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
    quantile = f"{percent(gate.quantile)} quantile" if gate.quantile is not None else ""
    return KINDS[gate.kind].format(quantile=quantile, over=over)


def _observed(signal: Signal) -> str:
    if signal.probe is not None:
        paths = ", ".join(f"{request.method} {request.path}" for request in signal.probe.requests[:5])
        return f"{signal.probe.rate_per_s:g} requests per second to each side at fixed times (open model): {paths}"
    place = signal.source
    what = getattr(place, "path", None) or getattr(place, "query", None) or getattr(place, "source", "")
    return f"{signal.kind} every {_seconds(signal.every_s)}: {what}"


def _error(gate: Gate, confidence: float) -> str:
    if gate.kind in ("health", "version", "ids", "gauge", "growth", "value"):
        return "deterministic: what is seen is judged, no chance is involved"
    return f"at most {percent(1 - confidence)} chance of a wrong fail and of a wrong pass, for independent requests"


def _evidence(policy: Policy, gate: Gate, stage: Stage, confidence: float) -> str:
    """How many samples it takes at least, and how many the stage's bake gives."""
    least = gate.min_samples or LEAST.get(gate.kind, 1)
    if gate.kind == "quantile" and gate.quantile is not None:
        least = max(gate.min_samples or 0, quantiles.needed(gate.quantile, confidence))
    if gate.kind == "share":
        shares = [limit.value for limit in gate.fail if isinstance(limit, NumberLimit) and limit.basis == "absolute"]
        least = max(
            [least, *(math.ceil(math.log(1 - confidence) / math.log1p(-share)) for share in shares if 0 < share < 1)]
        )
    text = f"at least {least} samples"
    if gate.signal is None or stage.bake_s <= 0:
        return text
    every_s = policy.signals[gate.signal].every_s
    given = int(max(0.0, stage.bake_s - stage.warmup_s) / every_s)
    verdict = "" if given >= least else f", TOO FEW: bake at least {_seconds(least * every_s + stage.warmup_s)}"
    return f"{text}; the bake of {_seconds(stage.bake_s)} gives about {given}{verdict}"


def _seconds(seconds: float) -> str:
    return f"{seconds:g}s" if seconds < 120 else f"{seconds / 60:g}m"
