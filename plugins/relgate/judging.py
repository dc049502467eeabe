"""From a gate of the policy and what was seen to its result: the one path of a test that judges, and of a replay.

A measurement that a user's own test brings is stored beside the other evidence, so that it can be judged again.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from relgate.errors import SourceError
from relgate.judge import judge
from relgate.report.advice import next_steps
from relgate.values import GateResult, Measurement

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.policy import Gate
    from relgate.settings import Run
    from relgate.values import Evidence, Judgement

_FOLDER = "measurements"


def measured(run: Run, rule: Gate, evidence: Evidence) -> Judgement:
    """Judge a gate on recorded samples, as the run's stage does."""
    policy, stage = run.policy, run.stage
    return judge(
        rule,
        evidence,
        alpha=policy.alpha_of(stage, rule),
        beta=policy.beta_of(rule, stage),
        noise=run.noise,
        before=run.before(rule.id),
        expected_version=run.version,
        warmup_s=stage.warmup_s,
        warmup_found=stage.warmup_found,
        signal=policy.signals[rule.signal] if rule.signal is not None else None,
    )


def result(run: Run, rule: Gate, judgement: Judgement, evidence: Evidence | None, reproduce: str) -> GateResult:
    """Return what is known about a gate once it is judged, without secrets."""
    seen, clean = judgement.measurement, run.redactor.text
    return GateResult(
        id=rule.id,
        family=rule.family,
        required=False,
        severity=rule.severity,
        verdict=judgement.verdict,
        message=clean(judgement.message),
        observed=seen.value if seen.text is None else clean(seen.text),
        unit=seen.unit,
        limit=judgement.limit,
        baseline=seen.baseline,
        interval=(seen.low, seen.high) if (seen.low, seen.high) != (None, None) else None,
        confidence=seen.confidence,
        n=seen.n,
        n_needed=seen.n_needed,
        window=(evidence.started_s, evidence.finished_s) if evidence is not None else None,
        evidence=evidence.files if evidence is not None else (),
        next_steps=next_steps(rule, judgement.verdict),
        reproduce=reproduce,
        e_value=judgement.e_value,
        e_health=judgement.e_health,
        alpha=judgement.alpha,
    )


def keep(run: Run, gate: str, measurement: Measurement) -> None:
    """Store a user's own measurement. Where that fails the gate is judged all the same; only a replay lacks it."""
    plain = run.redactor.json(asdict(measurement))
    with suppress(OSError, ValueError, TypeError):
        path = _path(run.path, gate)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(plain, allow_nan=False), encoding="utf-8")


def kept(folder: Path, gate: str) -> Measurement:
    """Return a stored measurement of a run.

    Raises:
        SourceError: there is none, or it is damaged.

    """
    try:
        plain = json.loads(_path(folder, gate).read_text(encoding="utf-8"))
        return Measurement(**(plain | {"problems": tuple(plain["problems"])}))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SourceError(f"no measurement of {gate} is stored in {folder}: {error}") from error


def _path(folder: Path, gate: str) -> Path:
    return folder / "evidence" / _FOLDER / f"{gate}.json"
