"""Stored bakes judged again: what a policy decides on requests that were really answered, beside the rules of others.

Nothing is taken from a recording that does not verify; it is named with its reason. A signal that was not recorded is
missing; a measurement that a user's own test brought counts as it was judged then. Each bake is judged alone, without
the evidence of holds before it, and with the noise that the policy declares, or else measured between instances, or
else assumed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from relgate.backtest.protocol import Side, Tick
from relgate.backtest.simulated import noise_of, others
from relgate.decide import Ending, Expectation, TestOutcome, decide
from relgate.errors import SourceError, UsageError
from relgate.judge import judge
from relgate.observe.store import open_recording
from relgate.run import DECISION, recorded
from relgate.values import GateResult, Requests, Verdict
from relgate.watch import watched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from relgate.backtest.protocol import Decider
    from relgate.measure.drift import Noise
    from relgate.observe.store import Recording
    from relgate.policy.environments import Environment
    from relgate.policy.model import Gate, Policy, Stage
    from relgate.values import Evidence

TOO_SHORT = "too short"
"""A bake that ended before a rule looked even once."""


@dataclass(frozen=True, slots=True)
class Row:
    """One gate of one bake: what was recorded (None: nothing), what this policy says, when harm was sure (seconds)."""

    id: str
    recorded: str | None
    verdict: str
    crossed_s: float | None
    message: str


@dataclass(frozen=True, slots=True)
class Bake:
    """One stored bake. ``others``: rule -> what it would have said; ``observed_s``: how long it was recorded."""

    run_id: str
    release: str
    stage: str
    observed_s: float
    recorded: str
    decided: str
    rows: tuple[Row, ...]
    others: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Unread:
    """A folder that holds no recording that can be read, and why."""

    run_id: str
    why: str


def folders(reports: Path) -> list[Path]:
    """Return the runs of a reports folder, oldest first; UsageError when there is none.

    Every folder in it counts as one, so that none is passed over: what is no run is told as unread.
    """
    if not reports.is_dir():
        raise UsageError(f"--reports: {reports} is no folder. Pass the folder that runs leave their records in")
    found = sorted(path for path in reports.iterdir() if path.is_dir() and not path.is_symlink())
    if not found:
        raise UsageError(f"--reports: there is no run in {reports}")
    return found


def judge_again(
    policy: Policy, reports: Path, *, stage: str | None = None, environment: str | None = None
) -> Iterator[Bake | Unread]:
    """Judge each stored bake of a reports folder under a policy.

    ``stage``, ``environment``: names in the policy; where None those that were recorded, if the policy has them, and
    otherwise its first. Raises UsageError for names that the policy does not have, and where there is no run.
    """
    _ = (policy.stage(stage) if stage else None, policy.environment(environment) if environment else None)
    for folder in folders(reports):
        try:
            recording = open_recording(folder)
            yield _bake(policy, folder, recording, stage, environment)
        except SourceError as error:
            yield Unread(folder.name, str(error))


def _bake(policy: Policy, folder: Path, recording: Recording, stage: str | None, environment: str | None) -> Bake:
    known = recorded(folder.parent, folder.name)
    content: dict[str, Any] = dict(known.content or {})
    where = _stage(policy, stage or content.get("stage"))
    noise = noise_of(_environment(policy, environment or content.get("environment")))
    then = {str(row["id"]): row for row in content.get("gates", ())}
    release = content.get("release", {})
    judged = [
        _judged(policy, where, gate, recording, noise, then.get(id_), release.get("version"))
        for id_, gate in policy.running(where).items()
    ]
    return Bake(
        run_id=folder.name,
        release=" ".join(f"{key}={value}" for key, value in release.items()) or "-",
        stage=where.name,
        observed_s=float(recording.manifest.get("observed_s", 0.0)),
        recorded=str(content["decision"]) if content else _undecided(folder),
        decided=_decided(policy, where, [result for result, _ in judged]),
        rows=tuple(row for _, row in judged),
        others=_others(policy, recording),
    )


def _stage(policy: Policy, name: str | None) -> Stage:
    return next((stage for stage in policy.stages if stage.name == name), policy.stages[0])


def _environment(policy: Policy, name: str | None) -> Environment:
    return policy.environments.get(name or "") or next(iter(policy.environments.values()))


def _undecided(folder: Path) -> str:
    return "not verified" if (folder / DECISION).exists() else "no decision"


def _judged(
    policy: Policy,
    stage: Stage,
    gate: Gate,
    recording: Recording,
    noise: Noise,
    then: dict[str, Any] | None,
    version: str | None,
) -> tuple[GateResult, Row]:
    before = None if then is None else str(then["verdict"])
    alpha, beta = policy.alpha_of(stage, gate), policy.beta_of(gate, stage)
    verdict, message, e_value, crossed_s = Verdict.MISSING, "was not recorded", None, None
    if gate.signal is None or gate.field is None:
        if then is not None:
            verdict, message = Verdict(then["verdict"]), str(then["message"])
    elif gate.signal in recording.signals:
        evidence = recording.evidence(gate.signal, gate.field)
        found = judge(
            gate,
            evidence,
            alpha=alpha,
            beta=beta,
            noise=noise,
            expected_version=version,
            warmup_s=stage.warmup_s,
            warmup_found=stage.warmup_found,
            signal=policy.signals[gate.signal],
        )
        verdict, message, e_value = found.verdict, found.message, found.e_value
        crossed_s = _crossed(gate, evidence, noise, alpha or beta, stage) if verdict is Verdict.FAIL else None
    result = GateResult(
        gate.id,
        gate.family,
        required=False,
        severity=gate.severity,
        verdict=verdict,
        message=message,
        e_value=e_value,
        alpha=alpha or None,
    )
    return result, Row(gate.id, before, verdict.value, crossed_s, message)


def _crossed(gate: Gate, evidence: Evidence, noise: Noise, alpha: float, stage: Stage) -> float | None:
    """When a limit was first surely broken, seconds since the bake began; None where that has no moment."""
    begin_s = stage.warmup_s if gate.warmup_s is None else gate.warmup_s
    found = stage.warmup_found and gate.warmup_s is None
    watch = watched(gate, evidence, noise, alpha, begin_s, found=found)
    moments = [] if watch is None else [limit.crossed_s for limit in watch.limits if limit.crossed_s is not None]
    return min(moments, default=None)


def _decided(policy: Policy, stage: Stage, results: list[GateResult]) -> str:
    """Return what the stage decides on these gates, if each had been run once and nothing else went wrong."""
    gates = policy.running(stage)
    expected = Expectation(
        required=policy.required_ids(stage),
        collected={one.id: one.id for one in results},
        on_fail={id_: gate.on_fail for id_, gate in gates.items()},
        blank={one.id: one for one in results},
    )
    outcomes = [TestOutcome(one.id, one.id, one) for one in results]
    return decide(expected, outcomes, Ending(0)).outcome.value


# --- the rules of others


def _others(policy: Policy, recording: Recording) -> dict[str, str]:
    rules = others()
    compared = _busiest(policy, recording)
    if compared is None:
        return dict.fromkeys((rule.name for rule in rules), "nothing to compare")
    own, other, end_s = compared
    return {rule.name: _verdict(rule, list(ticks(own, other, end_s))) for rule in rules}


def _busiest(policy: Policy, recording: Recording) -> tuple[Requests, Requests, float] | None:
    """Return both sides of the probe with the most requests that the policy judges, and the seconds observed."""
    names = {gate.signal for gate in policy.gates.values()} & set(recording.signals)
    found: list[tuple[Requests, Requests, float]] = []
    for name in sorted(filter(None, names)):
        if policy.signals[name].kind == "probe":
            evidence = recording.evidence(name, "latency")
            own, other = evidence.candidate, evidence.baseline
            if isinstance(own, Requests) and isinstance(other, Requests):
                found.append((own, other, evidence.finished_s - evidence.started_s))
    return max(found, key=lambda one: len(one[0].intended_s), default=None)


def ticks(candidate: Requests, baseline: Requests, end_s: float) -> Iterator[Tick]:
    """Yield recorded requests as a world's seconds, of one run: those due in each whole second of the bake.

    A request that failed has the time that it took to fail, as dashboards count it; what the recorder spoiled is left
    out.
    """
    sides = [_by_second(side) for side in (candidate, baseline)]
    for t_s in range(int(end_s + 1e-9)):
        own, other = (_cut(side, t_s) for side in sides)
        yield Tick(t_s, own, other)


_Sorted = tuple["np.ndarray", "np.ndarray", "np.ndarray"]


def _by_second(side: Requests) -> _Sorted:
    kept = np.flatnonzero(side.usable)
    kept = kept[np.argsort(side.intended_s[kept], kind="stable")]
    return side.intended_s[kept], side.latency_s[kept].astype(np.float32), side.failed[kept]


def _cut(side: _Sorted, t_s: int) -> Side:
    due_s, latency_s, failed = side
    begin, end = np.searchsorted(due_s, (t_s, t_s + 1), side="left")
    none = np.zeros(int(end - begin), dtype=np.intp)
    return Side(latency_s[None, begin:end], failed[None, begin:end], none)


def _verdict(rule: Decider, seconds: list[Tick]) -> str:
    """Return what a rule of others says on one bake: its first rollback, or how it stands at its last look."""
    watcher, last = rule.start(1), None
    for tick in seconds:
        watcher.see(tick)
        if (tick.t_s + 1) % rule.look_every_s == 0:
            last = watcher.look(tick.t_s + 1)
            if last.rolled_back[0]:
                return f"rollback at {tick.t_s + 1} s"
    if last is None:
        return TOO_SHORT
    return "promote" if last.promoted[0] else "undecided"


def tally(bakes: list[Bake]) -> dict[tuple[str, str], int]:
    """Count (what was recorded, what this policy decides)."""
    return dict(Counter((bake.recorded, bake.decided) for bake in bakes))
