"""``relgate replay``: a stored run judged again, under its own policy or another one, as if it ended now.

The raw samples, the proofs and the measurements of the run go through the same functions as in the run: judge, decide.
Nothing is recorded: a replay is no decision. First the run's own policy is replayed, and must give the recorded
decision again but for its record; where it does not, something was changed since, or another version judges otherwise.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from relgate.decide import Ending, TestOutcome
from relgate.errors import SourceError
from relgate.inputs import Inputs, StoredRun, read
from relgate.judge import judge_value
from relgate.judging import kept, measured, result
from relgate.measure.drift import Noise
from relgate.migrate import store as migrations
from relgate.observe.store import open_recording
from relgate.openapi import store as exploration
from relgate.run import decided, documented, recorded, versions
from relgate.settings import read_policy
from relgate.values import Verdict
from relgate.verdicts import by_findings, unmeasured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from relgate.observe.store import Recording
    from relgate.policy import Gate
    from relgate.values import Evidence, Findings, GateResult, Judgement

_GOOD = (Verdict.PASS, Verdict.WARN)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run judged again. ``content``: as decision.json would say it, without a record. ``before``: what it did say.

    ``doubt``: why the run's own policy does not give the recorded decision any more, None where it does.
    """

    content: Mapping[str, Any]
    before: Mapping[str, Any]
    doubt: str | None


def replay(reports: Path, run_id: str, policy: str | None = None, stage: str | None = None) -> Replayed:
    """Judge a stored run again.

    Args:
        reports: where runs leave their records.
        run_id: a run's id, or ``latest``.
        policy: another policy's file; None for the run's own.
        stage: another stage of that policy; None for the run's own.

    Raises:
        SourceError: the run is not whole, or its decision does not verify against the ledger.
        UsageError: the other policy has no such stage or environment.

    """
    before = recorded(reports, run_id)
    if before.content is None:
        raise SourceError(before.lines[0])
    run, inputs = read((reports / run_id).resolve())
    own = _again(run, inputs, before.content)
    doubt = _difference(before.content, own)
    if policy is None and stage is None:
        return Replayed(_marked(own, run), before.content, doubt)
    other = _under(run, policy, stage)
    found = _again(other, _asked(run, other, inputs), before.content)
    return Replayed(_marked(found, other), before.content, doubt)


def lines(done: Replayed) -> Iterator[str]:
    """Tell a replay: both decisions, and every gate that would have said something else."""
    then, now = done.before["decision"], done.content["decision"]
    same = "the same" if then == now else f"{then} before"
    what = f"{done.content['service']} {done.content['stage']}, run {done.content['run_id']}"
    yield f"{now} ({same}): {what} judged again"
    yield from (f"  - {one['gate'] or 'stage'}: {one['text']}" for one in done.content["reasons"])
    old = {row["id"]: row["verdict"] for row in done.before["gates"]}
    new = {row["id"]: row["verdict"] for row in done.content["gates"]}
    for id_ in dict.fromkeys((*old, *new)):
        if old.get(id_) != new.get(id_):
            yield f"  {id_}: {new.get(id_, 'not asked')}, was {old.get(id_, 'not asked')}"
    yield "nothing was recorded: a replay is no decision"
    if done.doubt is not None:
        yield f"in doubt: the run's own policy does not give the recorded decision any more: {done.doubt}"


def _again(run: StoredRun, inputs: Inputs, before: Mapping[str, Any]) -> dict[str, Any]:
    """Judge and decide. What the document says of the run itself stays, and so do keys that only a record has."""
    again = _judged(run, inputs)
    content = documented(run, again, decided(run, again))
    content["versions"] = before["versions"]
    return {**{key: content.get(key, value) for key, value in before.items()}, **content}


def _judged(run: StoredRun, inputs: Inputs) -> Inputs:
    bench = _Bench(run)
    outcomes = tuple(_outcome(bench, one) for one in inputs.outcomes)
    worse = any(_bad(one) for one in outcomes)
    ending, was_worse = inputs.ending, any(_bad(one) for one in inputs.outcomes)
    # pytest's own exit status says whether tests failed; a gate that judges otherwise now would have changed it.
    if ending.exit_status in (0, 1) and worse != was_worse:
        ending = replace(ending, exit_status=int(worse))
    failed = any(one.result is not None and one.result.verdict is Verdict.FAIL for one in outcomes)
    if bench.stopped is not None and not failed and ending.interruption is None:
        ending = replace(ending, interruption=f"the bake was ended early ({bench.stopped}); here no gate fails")
    return replace(inputs, outcomes=outcomes, ending=ending)


def _bad(one: TestOutcome) -> bool:
    return one.broken is not None or (one.result is not None and one.result.verdict not in _GOOD)


def _outcome(bench: _Bench, one: TestOutcome) -> TestOutcome:
    """Return what a test would have reported. What broke outside of judging, or could not be measured, stays so."""
    then = one.result
    if then is None or (then.verdict is Verdict.ERROR and not then.evidence) or bench.only_recorded(then.id):
        return one
    return replace(one, result=bench.result(then))


class _Bench:
    """Judges gates of a stored run; each file is read once."""

    def __init__(self, run: StoredRun) -> None:
        self._run = run
        self._recording: Recording | None = None
        self._findings: dict[str, Findings] | None = None

    @property
    def stopped(self) -> str | None:
        """Why the bake was ended early; None where it was not."""
        try:
            recording = self._opened()
        except SourceError:
            return None
        return str(recording.manifest.get("reason") or "stopped") if recording.ended == "stopped" else None

    def result(self, then: GateResult) -> GateResult:
        """Return a gate's result under the policy of this bench."""
        rule = self._run.gates[then.id]
        judgement, evidence = self.judged(rule)
        return result(self._run, rule, judgement, evidence, then.reproduce)

    def only_recorded(self, gate: str) -> bool:
        """Whether a gate's findings are in no proof: a path was walked once, and its verdict has no limit to change."""
        if self._run.gates[gate].kind != "findings":
            return False
        return gate not in self._proven()

    def judged(self, rule: Gate) -> tuple[Judgement, Evidence | None]:
        """Judge what was stored for a gate."""
        try:
            if rule.kind == "findings":
                return self._found(rule), None
            if rule.signal is None or rule.field is None:
                return judge_value(rule, kept(self._run.path, rule.id)), None
            evidence = self._opened().evidence(rule.signal, rule.field)
        except SourceError as error:
            return unmeasured(rule, str(error)), None
        return measured(self._run, rule, evidence), evidence

    def _found(self, rule: Gate) -> Judgement:
        gates = self._proven()
        if rule.id not in gates:
            raise SourceError(f"nothing is stored about {rule.id}: there is {', '.join(gates) or 'no proof'}")
        return by_findings(rule, gates[rule.id])

    def _proven(self) -> dict[str, Findings]:
        """Return what the proof of the migrations and the exploration of the API found, by gate."""
        if self._findings is None:
            self._findings = {}
            for read in (migrations.read, exploration.read):
                with suppress(SourceError):
                    self._findings |= read(self._run.path / "evidence", self._run.id).gates
        return self._findings

    def _opened(self) -> Recording:
        if self._recording is None:
            recording = open_recording(self._run.path)
            if recording.run_id != self._run.id:
                text = f"{self._run.path}: the recording is that of run {recording.run_id}, not of {self._run.id}"
                raise SourceError(text)
            self._recording = recording
        return self._recording


def _under(run: StoredRun, policy: str | None, stage: str | None) -> StoredRun:
    """Return the run as it would have been under another policy or stage."""
    changed: dict[str, Any] = {}
    if policy is not None:
        _, texts = read_policy(policy)
        changed = {"policy_name": str(policy), "texts": texts}
    other = replace(run, **changed, stage_name=stage or run.stage_name)
    # Both name what there is when they do not know the name.
    other.policy.stage(other.stage_name)
    declared = other.policy.environment(other.environment_name).noise
    if declared is not None:
        other = replace(other, noise=Noise(declared.host_drift, declared.over_s, declared.bursts_s, "declared"))
    if other.policy.sha256 != run.policy.sha256:
        other = replace(other, carried={})  # Evidence of earlier holds answered the questions of the other policy.
    return other


def _asked(run: StoredRun, other: StoredRun, inputs: Inputs) -> Inputs:
    """Return what pytest would have reported under another policy: gates that it does not have would not have run.

    A gate that only the other policy has is judged on what was recorded; one without anything recorded is an error.
    """
    outcomes = [one for one in inputs.outcomes if one.gate is None or one.gate in other.gates]
    collected = {nodeid: gate for nodeid, gate in inputs.collected.items() if gate in other.gates}
    dropped = sorted({gate for gate in inputs.collected.values() if gate not in other.gates})
    bench = _Bench(other)
    for id_, rule in other.gates.items():
        if id_ not in run.gates and (rule.signal is not None or rule.kind == "findings"):
            judgement, evidence = bench.judged(rule)
            collected[f"replay::{id_}"] = id_
            made = result(other, rule, judgement, evidence, "")
            outcomes.append(TestOutcome(f"replay::{id_}", id_, made))
    was_bad = any(map(_bad, inputs.outcomes))
    ending: Ending = inputs.ending
    if ending.exit_status in (0, 1) and was_bad != any(map(_bad, outcomes)):
        ending = replace(ending, exit_status=int(any(map(_bad, outcomes))))
    notes = (*inputs.notes, f"not in this policy: {', '.join(dropped)}") if dropped else inputs.notes
    return replace(inputs, outcomes=tuple(outcomes), collected=collected, ending=ending, notes=notes)


def _marked(content: Mapping[str, Any], run: StoredRun) -> dict[str, Any]:
    return {**content, "replay": {"policy": run.policy_name, "stage": run.stage_name, "versions": versions()}}


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Say which parts of the document differ; None for two that are equal to the byte."""
    if json.dumps(before) == json.dumps(now):
        return None
    names = [key for key in dict.fromkeys((*before, *now)) if before.get(key) != now.get(key)]
    rows = {row["id"]: row for row in before["gates"]}
    gates = [row["id"] for row in now["gates"] if rows.get(row["id"]) != row]
    named = f" (gates {', '.join(gates[:5])})" if gates else ""
    return f"{', '.join(names) or 'the order of its keys'}{named}"


def out(done: Replayed) -> str:
    """Return the text of a replay's document."""
    return json.dumps(done.content, indent=2, allow_nan=False) + "\n"
