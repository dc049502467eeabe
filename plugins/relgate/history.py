"""What earlier runs tell a new one: how noisy two equal sides are, and the evidence of holds that it goes on from.

Noise: declared in the policy, or measured from stored bakes of releases that were promoted, or assumed to be bad
(``measure.noise.ASSUMED``). Evidence: a hold is stable. Judging the same release under the same policy again multiplies
the e-values of the row of holds before (a product of e-values of new data is one); the dice are not rolled anew.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from relgate import ledgers
from relgate.audit.record import CONTEXT
from relgate.audit.waivers import LONGEST_DAYS, overrides, waivers
from relgate.errors import SourceError, UsageError
from relgate.measure.drift import Noise
from relgate.measure.noise import ASSUMED, burst_length, estimate, excesses
from relgate.measure.storms import storm_length, surpluses
from relgate.migrate.store import read
from relgate.observe.store import open_recording
from relgate.values import Outcome, Requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from relgate.audit.record import Record
    from relgate.settings import Run

MOST_BAKES = 10
"""Stored bakes that noise is measured from, the newest ones."""


def usual_noise(run: Run) -> Noise:
    """Return the noise that a run judges with, and where it is known from."""
    declared = run.environment.noise
    if declared is not None:
        return Noise(declared.host_drift, declared.over_s, declared.bursts_s, "declared")
    bakes = [pair for folder in islice(_promoted(run), MOST_BAKES) if (pair := _sides(run, folder)) is not None]
    if not bakes:
        return ASSUMED
    begin_s = run.stage.warmup_s
    try:
        return _measured(bakes, begin_s, run.bake_s)
    except ValueError:  # A recording whose numbers are none: nothing is learned from such a folder.
        return ASSUMED


def _measured(bakes: list[tuple[Requests, Requests, float]], begin_s: float, bake_s: float) -> Noise:
    fine = [excesses(own, other, begin_s, end_s, 1) for own, other, end_s in bakes]
    bursts_s = burst_length(fine)
    block_s = replace(ASSUMED, bursts_s=bursts_s).block_s
    series = [excesses(own, other, begin_s, end_s, block_s) for own, other, end_s in bakes]
    measured = estimate(series, block_s, max(bake_s, 60.0))
    if measured is None:
        return ASSUMED
    storms_s = storm_length([surpluses(own, other, begin_s, end_s) for own, other, end_s in bakes])
    return replace(measured, bursts_s=bursts_s, storms_s=storms_s)


def _promoted(run: Run) -> Iterator[Path]:
    """Yield the folders of the runs of this service and environment that were promoted, newest first."""
    here = (run.policy.service, run.environment_name)
    for _, body in _newest(run, "gate-decision"):
        if body["decision"] == Outcome.PROMOTE and (body["service"], body["environment"]) == here:
            yield run.path.parent / body["run_id"]


def _newest(run: Run, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield kind and body of earlier records, the newest first; nothing of a ledger that cannot be read."""
    try:
        for record in ledgers.of(run).newest():
            if record.kind in kinds:
                yield record.kind, record.body
    except (SourceError, UsageError):
        return


def _sides(run: Run, folder: Path) -> tuple[Requests, Requests, float] | None:
    """Return an instance of each side of the first probe of a stored bake, and its seconds; None if unreadable."""
    try:
        recording = open_recording(folder)
        for signal in recording.signals:
            if signal in run.policy.signals and run.policy.signals[signal].kind == "probe":
                evidence = recording.evidence(signal, "latency")
                own, other = evidence.candidate, evidence.baseline
                if isinstance(own, Requests) and isinstance(other, Requests) and not evidence.problems:
                    # One instance of each: several average their drift out, and noise is said of one.
                    own, other = own.by_instance()[0], other.by_instance()[0]
                    return own, other, evidence.finished_s - evidence.started_s
    except (SourceError, ValueError):
        return None
    return None


def carried(run: Run) -> dict[str, tuple[float, float]]:
    """Return gate id -> evidence of harm and of health from the unbroken row of holds that this run continues.

    Runs are of one row when service, environment, stage and all facts of the release agree; another decision than a
    hold ends it, and so do another policy and other addresses: they ask, and observe, something else. A gate goes on
    from the newest of these runs that judged it: one that was interrupted washes nothing away. A release without any
    fact cannot be told from another one: nothing is carried then.
    """
    if not run.release:
        return {}
    clean = run.redactor
    this = (run.policy.service, run.environment_name, run.stage_name, json.loads(json.dumps(clean.json(run.release))))
    sides = [clean.text(run.candidate_url), clean.json(run.baseline_url)]
    found: dict[str, tuple[float, float]] = {}
    for _, body in _newest(run, "gate-decision"):
        if (body["service"], body["environment"], body["stage"], body["release"]) != this:
            continue
        if body["decision"] != Outcome.HOLD or body["policy_sha256"] != run.policy.sha256:
            break
        if body.get(CONTEXT, {}).get("sides") != sides:
            break
        for row in body["gates"]:
            if row.get("e_value") is not None:
                health = row["e_health"]
                found.setdefault(row["id"], (float(row["e_value"]), 1.0 if health is None else float(health)))
    return found


def going_back(run: Run) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the release brings that cannot be taken back, and what of it makes going back unsafe now.

    Unsafe is what this run's proof found applied, and what an earlier stage let through: a promoted stage that knew of
    an irreversible revision is followed by its migration.
    """
    try:
        proof = read(run.path / "evidence", run.id)
        own, applied = proof.irreversible, proof.unsafe
    except SourceError:
        own, applied = (), ()
    found = dict.fromkeys(applied)
    if run.release:
        this = (run.policy.service, run.environment_name, json.loads(json.dumps(run.redactor.json(run.release))))
        for _, body in _newest(run, "gate-decision"):
            same = (body["service"], body["environment"], body["release"]) == this
            if same and body["decision"] == Outcome.PROMOTE:
                found.update(dict.fromkeys(body.get("irreversible", ())))
    return own, tuple(found)


def excused(run: Run) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return gate id -> id of the waiver that holds, and what the record has to say about waivers and overrides.

    A ledger that cannot be read excuses nothing. What the policy protects is excused by signed records only.
    """
    recent: list[Record] = []
    signed = ledgers.is_protected(run)
    try:
        for record in ledgers.of(run).newest():
            if datetime.fromisoformat(record.time).timestamp() < run.started_s - LONGEST_DAYS * 86400:
                break
            recent.append(record)
    except (SourceError, UsageError, ValueError):
        return {}, ()
    where = (run.policy.service, run.environment_name, run.stage_name, run.redactor.json(run.release))
    mine = [one for one in waivers(recent, signed=signed) if one.gate in run.gates and one.covers(*where)]
    holding = [one for one in mine if run.started_s < one.expires_s]
    over = [f"expired: {one.told}" for one in mine if one not in holding]
    runs = {
        record.body["run_id"]
        for record in recent
        if run.release and record.kind == "gate-decision" and record.body["release"] == where[3]
    }
    gone_on = [f"{one.told} (of run {one.run_id})" for one in overrides(recent, signed=signed) if one.run_id in runs]
    return {one.gate: one.id for one in holding}, (*(one.told for one in holding), *over, *gone_on)
