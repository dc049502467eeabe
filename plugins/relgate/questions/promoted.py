"""What the ledger has of earlier runs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from relgate import ledgers
from relgate.errors import SourceError
from relgate.preflight import promoted
from relgate.questions.answer import Answer

if TYPE_CHECKING:
    from relgate.policy.tree import Recorded
    from relgate.settings import Run


def baseline(gate: str, wanted: Recorded, run: Run) -> Answer:
    """Look for promoted runs of other releases, with all gates of their stage."""
    policy = run.policy
    names = wanted.stages or tuple(stage.name for stage in policy.stages if stage.observes)
    if not names:
        raise SourceError("no stage of the policy observes: name under baseline.stages what must be recorded")
    stages = [_wanted(run, name) for name in names]
    chain = ledgers.of(run).read()
    if chain.fault is not None:
        raise SourceError(f"the ledger cannot be believed: {chain.fault}")
    signed = ledgers.is_protected(run)
    here = (policy.service, wanted.environment or run.environment_name)
    runs = [
        (datetime.fromisoformat(one.time).timestamp(), one.body)
        for one in chain.records
        if one.kind == "gate-decision"
        and (one.keys or not signed)
        and (one.body["service"], one.body["environment"]) == here
    ]
    return Answer(promoted.judge(gate, stages, runs, run.version, wanted.max_age_s, run.started_s))


def _wanted(run: Run, name: str) -> promoted.Wanted:
    stage = run.policy.stage(name)
    gates = run.policy.gates_in(stage)
    required = [id_ for id_ in run.policy.required_ids(stage) if id_ in gates]
    return promoted.Wanted(name, {id_: gates[id_].signal is not None for id_ in required})
