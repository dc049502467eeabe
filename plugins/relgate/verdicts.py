"""From the trials of a gate's limits to its verdict. Pure.

| seen                                                                        | verdict                   |
|-----------------------------------------------------------------------------|---------------------------|
| no limit fits                                                               | error                     |
| a fail limit is surely broken                                               | fail                      |
| too few samples, holes, a fail limit that is neither surely broken nor kept | inconclusive              |
| all fail limits surely kept, a warn limit not surely kept                   | warn                      |
| all limits surely kept                                                      | pass                      |
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from relgate.measure import memory, versions
from relgate.values import Judgement, Measurement, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from relgate.measure.trial import Trial
    from relgate.policy.limits import Limit
    from relgate.policy.model import Gate
    from relgate.values import Finding, Findings

LEAST = {
    "share": 30,
    "throughput": 30,
    "capacity": 30,
    "ids": 30,
    "gauge": 3,
    "counter": 3,
    "patterns": 30,
    "statements": 20,
    "health": 3,
    "version": 3,
    "growth": memory.LEAST_GROWTH,
    "trend": memory.LEAST_TREND,
    "value": 1,
    "findings": 1,
}
"""Samples below which nothing passes, where the policy does not say; for a quantile what its interval needs."""


def unmeasured(gate: Gate, why: str, measurement: Measurement | None = None) -> Judgement:
    """Return the error of a gate that could not be measured."""
    known = measurement or Measurement(dimension=gate.dimension, n=0, problems=(why,))
    return Judgement(Verdict.ERROR, f"could not be measured: {why}", known, limits_of(gate))


def conclude(
    gate: Gate,
    measurement: Measurement,
    attempt: Callable[[Limit], Trial],
    incomplete: str | None,
    least: int | None = None,
    blemish: str | None = None,
) -> Judgement:
    """Try all limits of a gate: fail limits first; a pass needs each of them surely kept and nothing left in doubt.

    ``incomplete``: why the evidence can prove a failure but no health. ``blemish``: what turns a pass into a warning.
    """
    if not gate.fail and not gate.warn:
        return unmeasured(gate, "the gate has no limit: nothing was asked, so nothing is answered", measurement)
    trials = [attempt(limit) for limit in gate.fail]
    for side, verdict in (("bad", Verdict.FAIL), ("unfit", Verdict.ERROR)):
        for trial in trials:
            if trial.side == side:
                return Judgement(verdict, trial.text, measurement, trial.limit)
    needed = gate.min_samples or least or LEAST.get(gate.kind, 1)
    undecided = [trial for trial in trials if trial.side == "open"]
    if measurement.n < needed or (measurement.value is None and measurement.text is None and not undecided):
        text = undecided[0].text if undecided else f"n={measurement.n} of at least {needed} samples"
        if measurement.n == 0 and incomplete is not None:
            text = incomplete  # It says what became of the samples: no such series, several, NaN, unreachable.
        return Judgement(Verdict.INCONCLUSIVE, text, replace(measurement, n_needed=needed), limits_of(gate))
    if incomplete is not None:
        return Judgement(Verdict.INCONCLUSIVE, incomplete, measurement, limits_of(gate))
    if undecided:
        most = max((trial.n_needed for trial in undecided if trial.n_needed is not None), default=None)
        return Judgement(
            Verdict.INCONCLUSIVE, undecided[0].text, replace(measurement, n_needed=most), undecided[0].limit
        )
    warnings = [trial for trial in (*trials, *map(attempt, gate.warn)) if trial.side != "good"]
    if warnings:
        return Judgement(Verdict.WARN, warnings[0].text, measurement, warnings[0].limit)
    if blemish is not None:
        return Judgement(Verdict.WARN, blemish, measurement, limits_of(gate))
    return Judgement(
        Verdict.PASS, trials[0].text if trials else attempt(gate.warn[0]).text, measurement, limits_of(gate)
    )


def by_version(
    gate: Gate,
    measurement: Measurement,
    expected: str | None,
    incomplete: str | None = None,
    blemish: str | None = None,
) -> Judgement:
    """Judge versions, separated by ``, `` in ``measurement.text``: each must be the expected one."""
    if not expected:
        return unmeasured(gate, "no version is expected: pass --gate-release version=..., or set `expect`", measurement)
    seen = measurement.text.split(", ") if measurement.text else []
    wrong = [version for version in seen if not versions.same(version, expected)]
    needed = gate.min_samples or LEAST.get(gate.kind, 1)
    if wrong:
        text = f"version {', '.join(wrong)} is served, expected {expected} (n={measurement.n})"
        return Judgement(Verdict.FAIL, text, measurement, expected)
    if measurement.n < needed or not seen:
        text = f"version {measurement.text}: n={measurement.n} of at least {needed} fresh answers"
        return Judgement(Verdict.INCONCLUSIVE, text, replace(measurement, n_needed=needed), expected)
    if incomplete is not None:
        return Judgement(Verdict.INCONCLUSIVE, incomplete, measurement, expected)
    verdict = Verdict.PASS if blemish is None else Verdict.WARN
    return Judgement(
        verdict, blemish or f"version {expected} in all of n={measurement.n} answers", measurement, expected
    )


def by_findings(gate: Gate, found: Findings) -> Judgement:
    """Judge a gate by what was found: one finding that blocks and is not waived fails it.

    A finding counts even where not everything was examined; without one, what was not examined is not a pass.
    """
    blocking = [one for one in found.findings if one.blocks and one.waiver is None]
    measurement = Measurement(dimension="count", n=found.checked, value=float(len(blocking)))
    limit = "no finding"
    if blocking:
        return Judgement(Verdict.FAIL, _blocked(blocking), measurement, limit)
    if found.does_not_apply is not None:
        return Judgement(Verdict.PASS, f"does not apply: {found.does_not_apply}", measurement, limit)
    if found.problems:
        return replace(unmeasured(gate, "; ".join(found.problems[:3]), measurement), limit=limit)
    if found.checked < found.expected:
        text = f"{found.checked} of {found.expected} {found.what} were examined"
        return Judgement(Verdict.INCONCLUSIVE, text, replace(measurement, n_needed=found.expected), limit)
    warned = [one for one in found.findings if one.waiver is None]
    waived = [one for one in found.findings if one.waiver is not None]
    if warned or waived:
        first = warned[0] if warned else waived[0]
        text = f"{len(warned)} warnings, {len(waived)} waived: {told(first)}"
        return Judgement(Verdict.WARN, text, measurement, limit)
    return Judgement(Verdict.PASS, f"nothing found in {found.checked} {found.what}", measurement, limit)


def _blocked(blocking: Sequence[Finding]) -> str:
    """Say how many findings block, in which revisions, and the first of them; a single revision is said once."""
    revisions = sorted({one.revision for one in blocking if one.revision is not None})
    text = f"{len(blocking)} finding{'s' if len(blocking) > 1 else ''}"
    text += f" in {', '.join(revisions[:5])}{' and others' if len(revisions) > 5 else ''}" if revisions else ""
    return f"{text}: {told(blocking[0], named=revisions == [blocking[0].revision])}"


def told(finding: Finding, *, named: bool = False) -> str:
    """Return a finding as one line: what, where, what to do. ``named``: its revision has been said already."""
    where = f" ({finding.path}:{finding.line})" if finding.path and finding.line else ""
    revision = f"{finding.revision}: " if finding.revision is not None and not named else ""
    waived = f" [waived: {finding.waiver}]" if finding.waiver is not None else ""
    again = f" | {finding.reproduce}" if finding.reproduce else ""
    return f"{revision}{finding.code}: {finding.what}{where}; {finding.do}{waived}{again}"


def limits_of(gate: Gate) -> str:
    """Return the limits of a gate as one text: those that fail, or those that warn if none does."""
    return "; ".join(limit.text for limit in gate.fail or gate.warn) or (gate.expect or "")
