"""The steps around the gates: a start record before the first, and after the last decide, record, render, write.

Order at the end: evidence, decision, fsync of the ledger, files for people, exit code. A decision whose record could
not be written ends with 30 and is not a promotion.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

from relgate import ledgers, notary
from relgate.adapters.durable import write_durably
from relgate.adapters.ledgeractor import actor
from relgate.audit.record import CONTEXT, Head
from relgate.audit.waivers import overrides
from relgate.codec import sha256
from relgate.decide import Ending, Expectation, TestOutcome, decide, outlived, unless_unsafe
from relgate.errors import SourceError, UsageError
from relgate.inputs import NAME as INPUTS
from relgate.inputs import Inputs, encode
from relgate.pages.write import report
from relgate.policy.risk import is_statistical
from relgate.report import document, markdown, page
from relgate.report.advice import next_steps
from relgate.report.matrix import advised
from relgate.values import Decision, GateResult, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from relgate.adapters.ledger import Ledger
    from relgate.audit.chain import Chain
    from relgate.audit.record import Record
    from relgate.audit.waivers import Override
    from relgate.policy import Gate
    from relgate.report.redact import Redactor
    from relgate.settings import Run

EXIT_PROMOTE = 0
EXIT_HOLD = 10
EXIT_ROLLBACK = 20
EXIT_UNRECORDED = 30
EXITS_OF_PYTEST = range(2, 7)

__all__ = ["Conclusion", "Recorded", "conclude", "recorded", "risk_of", "start", "versions", "write_durably"]

DECISION = "decision.json"
SUMMARY = "decision.md"
EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A decision, redacted, with what became of it.

    ``head`` is None, and ``unrecorded`` says why, when there is no record. ``unwritten``: why there is no
    page for people. ``key``: id of the key that signed the record, None where it is unsigned. ``content``: the decision
    document as it was recorded, None where it was not.
    """

    decision: Decision
    exit_code: int
    head: Head | None
    unrecorded: str | None
    unwritten: str | None = None
    key: str | None = None
    content: Mapping[str, Any] | None = None


def start(run: Run) -> Head:
    """Write the start record, and the policy into the evidence. A start without a decision shows as a gap.

    Raises:
        UsageError: the record cannot be written, or not signed as the policy wants; no gate may run then.

    """
    clean, book = run.redactor, ledgers.of(run)
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
            "families": list(run.stage.run),
            "required": list(run.policy.required_ids(run.stage)),
            "overrides": clean.json(run.overrides),
            "retention_days": run.policy.ledger.retention_days,
            "versions": versions(),
            **_who(run),
        }
        return book.append("run-started", run.started_s, body)
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
        body = {**content, CONTEXT: _context(run, started, decision)}
        book = ledgers.of(run)
        head = book.append("gate-decision", finished_s, body, after=started)
        text = document.render(content, sequence=head.sequence, sha256=head.sha256)
        write_durably(run.path / DECISION, text.encode())
    except (SourceError, UsageError, OSError, ValueError) as error:
        code = ending.exit_status if run.observe_only else EXIT_UNRECORDED
        return Conclusion(decision, code, None, str(error))
    unwritten = _publish(run, inputs, book, head, body)
    notary.tell_head(head)
    missing = "; ".join(notary.anchor(book, head, run.policy.ledger.anchors, run.policy.ledger.retention_days))
    code = _exit_code(run, decision.outcome, ending)
    key = book.signer.key if book.signer is not None else None
    if missing and decision.outcome is Outcome.PROMOTE and not run.observe_only:
        # Recorded, but without what was to vouch for it. A rollback does not wait for that.
        return Conclusion(decision, EXIT_UNRECORDED, None, missing, unwritten, key, content)
    return Conclusion(decision, code, head, None, missing or unwritten, key, content)


def decided(run: Run, inputs: Inputs) -> Decision:
    """Return the decision, redacted: of what pytest reported, of how long it was held, of whether it can go back."""
    overrides = run.overrides + inputs.notes
    decision = decide(_expectation(run, inputs.collected), inputs.outcomes, inputs.ending, overrides=overrides)
    # Before a rollout there is nothing to go back from: a release that waits for its window goes on waiting.
    then = "hold" if set(run.stage.run) == {"preflight"} else run.policy.then
    decision = outlived(decision, inputs.held_s, run.policy.hold_for_s, then)
    decision = replace(unless_unsafe(decision, inputs.unsafe), irreversible=inputs.irreversible)
    return _redacted(advised(decision, run.policy.matrix, run.gates, run.stage.traffic), run.redactor)


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


def _who(run: Run) -> dict[str, Any]:
    """Who runs this and who agreed, as far as the environment and the facts of the release say."""
    clean = run.redactor
    named = ",".join(run.release.get(key, "") for key in ("approver", "approvers"))
    approvals = [name.strip() for name in named.split(",") if name.strip()]
    return clean.json({"actor": actor(), "approvals": approvals, "ticket": run.release.get("ticket")})  # type: ignore[no-any-return]


def _context(run: Run, started: Head, decision: Decision) -> dict[str, Any]:
    """What the record of a decision says beside the decision: who, which start, and every file that it rests on."""
    return {
        **_who(run),
        "started": {"sequence": started.sequence, "sha256": started.sha256},
        "sides": [run.redactor.text(run.candidate_url), run.redactor.json(run.baseline_url)],
        "required": list(run.policy.required_ids(run.stage)),
        "seen": [row.id for row in decision.gates if row.verdict is not Verdict.MISSING],
        "evidence": evidence_of(run.path),
        "anchors": list(run.policy.ledger.anchors.names),
        "retention_days": run.policy.ledger.retention_days,
    }


def evidence_of(folder: Path) -> dict[str, str]:
    """Return path -> SHA-256 of every file of a run's evidence, by its path in the run's folder."""
    found = {}
    for path in sorted((folder / EVIDENCE).rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


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


def _publish(run: Run, inputs: Inputs, book: Ledger, head: Head, body: Mapping[str, Any]) -> str | None:
    """Write what stands beside the record; why something could not be. The decision is recorded by then, and stands.

    The summary comes first: it needs the least, and is what a CI system shows.
    """
    content = {name: value for name, value in body.items() if name != CONTEXT}
    last_stage = run.policy.stages[-1].name

    def text(name: str, make: Callable[[], str]) -> tuple[Path, Callable[[], None]]:
        return run.path / name, lambda: write_durably(run.path / name, make().encode())

    writers: dict[Path, Callable[[], None]] = dict(
        [
            text(SUMMARY, lambda: markdown.render(content, head.sequence, head.sha256)),
            text(INPUTS, lambda: encode(run, inputs)),
            text(page.NAME, lambda: report(run, content, head.sequence, head.sha256)),
            (run.path / notary.TEST_RESULT, lambda: notary.write_statements(book, run.path, body)),
            (
                run.path.parent / notary.RELEASES,
                lambda: notary.write_release(run.path.parent, body, head, last_stage),
            ),
        ]
    )
    faults = {path: _fault(write) for path, write in writers.items()}
    return "; ".join(f"{path}: {why}" for path, why in faults.items() if why is not None) or None


def _fault(write: Callable[[], None]) -> str | None:
    """Write one file; why it could not be made or written."""
    try:
        write()
    except OSError as error:
        return f"cannot be written ({error.strerror or error})"
    except SourceError as error:
        return f"cannot be written ({error})"
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
    this = (run.policy.service, run.environment_name, run.stage_name, run.redactor.json(run.release))
    since = now_s
    try:
        for body in (record.body for record in ledgers.of(run).newest() if record.kind == "gate-decision"):
            if (body["service"], body["environment"], body["stage"], body["release"]) == this:
                if body["decision"] != Outcome.HOLD:
                    break
                since = datetime.fromisoformat(body["finished"]).timestamp()
    except (SourceError, UsageError):
        return now_s
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
        waived=run.waived,
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
    for name in ("relgate", "pytest", "pytest-xdist", "numpy", "scipy", "pycurl", "locust"):
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


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run's decision as it was recorded, and its place. ``content`` is None where there is none to trust."""

    content: Mapping[str, Any] | None
    exit_code: int
    lines: tuple[str, ...]
    head: tuple[int, str] | None = None


def recorded(reports: Path, run_id: str, book: Ledger | None = None) -> Recorded:
    """Read a run's decision and hold it against the ledger, by default the one in the reports folder.

    No decision is a hold. A decision that the ledger does not confirm is worth nothing: exit code 30.
    """
    book = ledgers.at(str(reports)) if book is None else book
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
    try:
        chain = book.read()
    except SourceError as error:
        return Recorded(None, EXIT_UNRECORDED, (f"not verified, so do not promote: {error}",))
    doubt = _doubt(chain, content, sequence, digest, folder.name)
    if doubt is not None:
        return Recorded(None, EXIT_UNRECORDED, (f"not verified, so do not promote: {doubt}",))
    try:
        outcome = Outcome(content["decision"])
    except ValueError as error:
        return Recorded(None, EXIT_UNRECORDED, (f"not verified: {error}",))
    code = {Outcome.PROMOTE: EXIT_PROMOTE, Outcome.HOLD: EXIT_HOLD, Outcome.ROLLBACK: EXIT_ROLLBACK}[outcome]
    where = f"{content['service']} {content['stage']} in {content['environment']}, run {folder.name}"
    reasons = [f"  - {reason['gate'] or 'stage'}: {reason['text']}" for reason in content["reasons"]]
    verified = f"record {sequence} of {book.store.name} verified, sha256 {digest}"
    place_of = (sequence, digest)
    going_on = next((one for one in overrides(chain.records) if one.run_id == folder.name and _holds(one)), None)
    if outcome is Outcome.HOLD and going_on is not None:
        text = f"promote, by people: {where} was held. {going_on.told}"
        return Recorded(content, EXIT_PROMOTE, (text, *reasons, verified), place_of)
    return Recorded(content, code, (f"{outcome.value}: {where}", *reasons, verified), place_of)


def _holds(override: Override) -> bool:
    return time.time() < override.expires_s


def _doubt(chain: Chain, content: Mapping[str, Any], sequence: int, digest: str, run_id: str) -> str | None:
    """Why a decision document is not the one that was recorded, or None."""
    if chain.fault is not None:
        return chain.fault
    if not chain.holds(Head(sequence, digest)):
        return f"record {sequence} of the ledger ({len(chain.records)} records) is not the one that the decision names"
    record = chain.records[sequence - 1]
    kinds = [one.kind for one in chain.records if one.kind in _OF_A_RUN and one.body.get("run_id") == run_id]
    if kinds != list(_OF_A_RUN):
        return f"run {run_id} has the records {', '.join(kinds) or 'none'}: expected one start and then one decision"
    body = {key: value for key, value in record.body.items() if key != CONTEXT}
    if record.kind != "gate-decision" or body != content or content.get("run_id") != run_id:
        return f"{DECISION} differs from record {sequence} of the ledger"
    return _unanchored(chain.records, record)


def _unanchored(records: Sequence[Record], decided: Record) -> str | None:
    """Why a promotion is not vouched for as its policy asked, or None."""
    asked = decided.body.get(CONTEXT, {}).get("anchors", [])
    of = {"sequence": decided.sequence, "sha256": decided.sha256}
    there = {one.body["by"] for one in records if one.kind == "anchor" and one.body["of"] == of}
    absent = [name for name in asked if name not in there]
    if decided.body["decision"] != Outcome.PROMOTE or not absent:
        return None
    return f"record {decided.sequence} is a promotion without the anchors that the policy asks for: {', '.join(absent)}"


_OF_A_RUN = ("run-started", "gate-decision")
