"""The steps around the gates: a start record before the first, and after the last decide, record, render, write.

Order at the end: evidence, decision, fsync of the ledger, files for people, exit code. A decision whose record could
not be written ends with 30 and is not a promotion.
"""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

from relgate.adapters import ledger
from relgate.audit.chain import Head
from relgate.codec import sha256
from relgate.decide import Ending, Expectation, TestOutcome, decide, outlived, unless_unsafe
from relgate.errors import SourceError, UsageError
from relgate.inputs import NAME as INPUTS
from relgate.inputs import Inputs, encode
from relgate.pages.write import report
from relgate.policy.risk import is_statistical
from relgate.report import document, markdown, page
from relgate.report.advice import next_steps
from relgate.values import Decision, GateResult, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from relgate.policy import Gate
    from relgate.report.redact import Redactor
    from relgate.settings import Run

EXIT_PROMOTE = 0
EXIT_HOLD = 10
EXIT_ROLLBACK = 20
EXIT_UNRECORDED = 30
EXITS_OF_PYTEST = range(2, 7)

DECISION = "decision.json"
SUMMARY = "decision.md"
EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A decision, redacted, with what became of it.

    ``head`` is None, and ``unrecorded`` says why, when there is no record. ``unwritten``: why there is no
    page for people. ``content``: the decision document as it was recorded, None where it was not.
    """

    decision: Decision
    exit_code: int
    head: Head | None
    unrecorded: str | None
    unwritten: str | None = None
    content: Mapping[str, Any] | None = None


def start(run: Run) -> Head:
    """Write the start record, and the policy into the evidence. A start without a decision shows as a gap.

    Raises:
        UsageError: the record cannot be written; no gate may run then.

    """
    clean = run.redactor
    try:
        body = {
            "run_id": run.id,
            "service": run.policy.service,
            "environment": run.environment_name,
            "stage": run.stage_name,
            "release": clean.json(run.release),
            "candidate": clean.text(run.candidate_url),
            "baseline": clean.json(run.baseline_url),
            "bake_s": run.bake_s,
            "policy_sha256": run.policy.sha256,
            "policy_files": {name: _keep(run, clean.text(text).encode(), ".yaml") for name, text in run.texts.items()},
            "required": list(run.policy.required_ids(run.stage)),
            "overrides": clean.json(run.overrides),
            "versions": versions(),
        }
        return ledger.append(run.path.parent, "run-started", run.started_s, body)
    except (SourceError, OSError) as error:
        raise UsageError(f"the start of this run cannot be recorded, so no gate may run: {error}") from error


def conclude(
    run: Run,
    started: Head,
    outcomes: list[TestOutcome],
    collected: Mapping[str, str],
    ending: Ending,
    notes: tuple[str, ...] = (),
    going_back: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> Conclusion:
    """Decide, record the decision, and write it for people and machines.

    Args:
        run: the frozen run.
        started: the head of the ledger after the run's start record; the decision goes into the same ledger or nowhere.
        outcomes: what pytest reported.
        collected: test node id -> gate id.
        ending: how pytest ended.
        notes: sentences that belong into the record.
        going_back: what of the release cannot be taken back, and what of it makes going back unsafe now.

    """
    finished_s = time.time()
    held_s = finished_s - _held_since(run, finished_s)
    inputs = Inputs(tuple(outcomes), collected, ending, notes, *going_back, held_s, finished_s)
    decision = decided(run, inputs)
    content = documented(run, inputs, decision)
    try:
        head = ledger.append(run.path.parent, "gate-decision", finished_s, content, after=started)
        text = document.render(content, sequence=head.sequence, sha256=head.sha256)
        write_durably(run.path / DECISION, text.encode())
    except (SourceError, OSError, ValueError) as error:
        code = ending.exit_status if run.observe_only else EXIT_UNRECORDED
        return Conclusion(decision, code, None, str(error))
    unwritten = _publish(run, inputs, content, head)
    return Conclusion(decision, _exit_code(run, decision.outcome, ending), head, None, unwritten, content)


def decided(run: Run, inputs: Inputs) -> Decision:
    """Return the decision, redacted: of what pytest reported, of how long it was held, of whether it can go back."""
    overrides = run.overrides + inputs.notes
    decision = decide(_expectation(run, inputs.collected), inputs.outcomes, inputs.ending, overrides=overrides)
    decision = outlived(decision, inputs.held_s, run.policy.hold_for_s, run.policy.then)
    decision = replace(unless_unsafe(decision, inputs.unsafe), irreversible=inputs.irreversible)
    return _redacted(decision, run.redactor)


def documented(run: Run, inputs: Inputs, decision: Decision) -> dict[str, Any]:
    """Return the decision as the document that the ledger takes in."""
    facts = document.Facts(
        run_id=run.id,
        service=run.policy.service,
        environment=run.environment_name,
        stage=run.stage_name,
        release=run.redactor.json(run.release),
        policy_sha256=run.policy.sha256,
        risk=risk_of(run),
        started_s=run.started_s,
        finished_s=inputs.finished_s,
        pytest_exit=inputs.ending.exit_status,
        versions=versions(),
    )
    return document.document(decision, facts)


def risk_of(run: Run) -> dict[str, Any]:
    """Return what this run promises about its errors, and the noise that it takes into account."""
    policy, risk = run.policy, run.policy.risk_in(run.stage)
    spending = [gate for gate in run.gates.values() if gate.on_fail == "rollback"]
    return {
        "false_rollback": risk.false_rollback,
        "false_promotion": risk.false_promotion,
        "stage_alpha": sum(policy.alpha_of(run.stage, gate) for gate in spending),
        "by_chance": any(is_statistical(gate) for gate in run.gates.values()),
        "noise": asdict(run.noise),
    }


def _publish(run: Run, inputs: Inputs, content: Mapping[str, Any], head: Head) -> str | None:
    """Write the pages for people; why one could not be written. The decision is recorded by then, and stands.

    The summary comes first: it needs the least, and is what a CI system shows.
    """
    pages: dict[str, Callable[[], str]] = {
        SUMMARY: lambda: markdown.render(content, head.sequence, head.sha256),
        INPUTS: lambda: encode(run, inputs),
        page.NAME: lambda: report(run, content, head.sequence, head.sha256),
    }
    faults = {run.path / name: _written(run.path / name, make) for name, make in pages.items()}
    return "; ".join(f"{path}: {why}" for path, why in faults.items() if why is not None) or None


def _written(path: Path, make: Callable[[], str]) -> str | None:
    """Write one page; why it could not be made or written."""
    try:
        write_durably(path, make().encode())
    except OSError as error:
        return f"cannot be written ({error.strerror})"
    except Exception as error:  # noqa: BLE001 - a fault of a page must not take a recorded decision with it
        return f"cannot be made ({type(error).__name__}: {error})"
    return None


def _redacted(decision: Decision, clean: Redactor) -> Decision:
    """A decision without secrets in its free texts. Ids, verdicts and the outcome are words of ours: they stay."""

    def row(result: GateResult) -> GateResult:
        observed = clean.text(result.observed) if isinstance(result.observed, str) else result.observed
        return replace(
            result,
            message=clean.text(result.message),
            observed=observed,
            reproduce=clean.text(result.reproduce),
            next_steps=tuple(map(clean.text, result.next_steps)),
        )

    return replace(
        decision,
        reasons=tuple(replace(reason, text=clean.text(reason.text)) for reason in decision.reasons),
        gates=tuple(map(row, decision.gates)),
        overrides=tuple(map(clean.text, decision.overrides)),
        irreversible=tuple(map(clean.text, decision.irreversible)),
    )


def _held_since(run: Run, now_s: float) -> float:
    """Unix time of the first of the unbroken row of holds that this run would continue; now, if there is none.

    Runs are of one row when service, environment, stage and all facts of the release agree. A release without any fact
    cannot be told from another one, and starts anew each time.
    """
    if not run.release:
        return now_s
    try:
        records = ledger.read(run.path.parent).records
    except SourceError:
        return now_s
    this = (run.policy.service, run.environment_name, run.stage_name, run.redactor.json(run.release))
    since = now_s
    for body in (record["body"] for record in reversed(records) if record["kind"] == "gate-decision"):
        if (body["service"], body["environment"], body["stage"], body["release"]) == this:
            if body["decision"] != Outcome.HOLD:
                break
            since = datetime.fromisoformat(body["finished"]).timestamp()
    return since


def _exit_code(run: Run, outcome: Outcome, ending: Ending) -> int:
    if run.observe_only:
        return ending.exit_status
    if outcome is Outcome.PROMOTE:
        return EXIT_PROMOTE
    if outcome is Outcome.ROLLBACK:
        return EXIT_ROLLBACK
    return ending.exit_status if ending.exit_status in EXITS_OF_PYTEST else EXIT_HOLD


def _expectation(run: Run, collected: Mapping[str, str]) -> Expectation:
    required = run.policy.required_ids(run.stage)
    return Expectation(
        required=required,
        collected=collected,
        on_fail={gate.id: gate.on_fail for gate in run.gates.values()},
        blank={gate.id: _blank(gate) for gate in run.gates.values()},
    )


def _blank(gate: Gate) -> GateResult:
    return GateResult(
        id=gate.id,
        family=gate.family,
        required=False,
        severity=gate.severity,
        verdict=Verdict.MISSING,
        message="",
        limit="; ".join(limit.text for limit in gate.fail),
        next_steps=next_steps(gate, Verdict.MISSING),
    )


def versions() -> dict[str, str]:
    """The tools that took part, by name."""
    found = {"python": platform.python_version()}
    for name in ("relgate", "pytest", "pytest-xdist", "numpy", "scipy", "pycurl"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _keep(run: Run, data: bytes, suffix: str) -> str:
    """Store a piece of evidence under its SHA-256 and return that."""
    digest = sha256(data)
    folder = run.path / EVIDENCE
    folder.mkdir(exist_ok=True)
    write_durably(folder / f"{digest}{suffix}", data)
    return digest


def write_durably(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: beside it first, fsync, then rename, then fsync of the folder.

    Raises:
        OSError: disk full, read-only, no permission; ``path`` is as it was before.

    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run's decision as it was recorded, and its place. ``content`` is None where there is none to trust."""

    content: Mapping[str, Any] | None
    exit_code: int
    lines: tuple[str, ...]
    head: tuple[int, str] | None = None


def recorded(reports: Path, run_id: str) -> Recorded:
    """Read a run's decision and hold it against the ledger.

    No decision is a hold. A decision that the ledger does not confirm is worth nothing: exit code 30.
    """
    folder = (reports / run_id).resolve()
    if not folder.is_dir():
        return Recorded(None, EXIT_HOLD, (f"hold: there is no run {run_id} in {reports}",))
    try:
        content = json.loads((folder / DECISION).read_text(encoding="utf-8"))
        place = content.pop("record")
        sequence, digest = int(place["sequence"]), str(place["sha256"])
    except FileNotFoundError:
        return Recorded(None, EXIT_HOLD, (f"hold: run {folder.name} started and left no decision",))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Recorded(None, EXIT_UNRECORDED, (f"not verified: {folder / DECISION} is not readable ({error!r})",))
    doubt = _doubt(reports, content, sequence, digest, folder.name)
    if doubt is not None:
        return Recorded(None, EXIT_UNRECORDED, (f"not verified, so do not promote: {doubt}",))
    try:
        outcome = Outcome(content["decision"])
    except ValueError as error:
        return Recorded(None, EXIT_UNRECORDED, (f"not verified: {error}",))
    code = {Outcome.PROMOTE: EXIT_PROMOTE, Outcome.HOLD: EXIT_HOLD, Outcome.ROLLBACK: EXIT_ROLLBACK}[outcome]
    where = f"{content['service']} {content['stage']} in {content['environment']}, run {folder.name}"
    reasons = [f"  - {reason['gate'] or 'stage'}: {reason['text']}" for reason in content["reasons"]]
    verified = f"record {sequence} of {reports / ledger.NAME} verified, sha256 {digest}"
    return Recorded(content, code, (f"{outcome.value}: {where}", *reasons, verified), (sequence, digest))


def _doubt(reports: Path, content: Mapping[str, Any], sequence: int, digest: str, run_id: str) -> str | None:
    """Why a decision document is not the one that was recorded, or None."""
    try:
        chain = ledger.read(reports)
    except SourceError as error:
        return str(error)
    if chain.fault is not None:
        return chain.fault
    if not chain.holds(Head(sequence, digest)):
        return f"record {sequence} of the ledger ({len(chain.records)} records) is not the one that the decision names"
    record = chain.records[sequence - 1]
    kinds = [record["kind"] for record in chain.records if record["body"].get("run_id") == run_id]
    if kinds != ["run-started", "gate-decision"]:
        return f"run {run_id} has the records {', '.join(kinds) or 'none'}: expected one start and then one decision"
    if record["kind"] != "gate-decision" or record["body"] != content or content.get("run_id") != run_id:
        return f"{DECISION} differs from record {sequence} of the ledger"
    return None
