"""What a ledger lacks, and what it says about one release. From records alone: no file is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.audit.record import CONTEXT
from relgate.codec import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from relgate.audit.record import Record

STEPS = ("ticket", "review", "tests", "approval", "deployment", "verification")
"""What an auditor asks of every change, in order."""

_SHORTEST_COMMIT = 7


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that should be in the ledger. ``kind``: decision, approval or verification."""

    kind: str
    sequence: int
    text: str


def gaps(records: Sequence[Record], environment: str | None = None) -> tuple[Gap, ...]:
    """Return starts without a decision, promotions that nobody approved, rollouts that nobody looked at afterwards.

    Args:
        records: all records of the ledger, in order.
        environment: leave out what concerns another one; None for all.

    """
    here = [one for one in records if environment is None or one.body.get("environment") in (None, environment)]
    found = [*_undecided(here), *_unapproved(here), *_unverified(here)]
    return tuple(sorted(found, key=lambda gap: gap.sequence))


def _undecided(records: Sequence[Record]) -> Iterable[Gap]:
    decided = {one.body["run_id"] for one in records if one.kind == "gate-decision"}
    for one in records:
        if one.kind == "run-started" and one.body.get("run_id") not in decided:
            text = f"run {one.body.get('run_id')} began at {one.time} and left no decision (by {_actor(one.body)})"
            yield Gap("decision", one.sequence, text)


def _unapproved(records: Sequence[Record]) -> Iterable[Gap]:
    for place, one in enumerate(records):
        if one.kind != "gate-decision" or one.body["decision"] != "promote" or approvals(one, records[:place]):
            continue
        text = f"run {one.body['run_id']} promoted {_named(one.body)} in {one.body['environment']} without an approval"
        yield Gap("approval", one.sequence, text)


def _unverified(records: Sequence[Record]) -> Iterable[Gap]:
    """Yield the last promotion of each release that no post-deploy gates followed."""
    families = {one.body.get("run_id"): one.body.get("families", ()) for one in records if one.kind == "run-started"}
    last: dict[bytes, Record] = {}
    for one in records:
        if one.kind != "gate-decision":
            continue
        of_run = families.get(one.body["run_id"], ())
        key = canonical([one.body["service"], one.body["environment"], one.body["release"]])
        if "postdeploy" in of_run:
            last.pop(key, None)
        elif one.body["decision"] == "promote" and set(of_run) & {"canary", "load", "smoke"}:
            last[key] = one
        elif one.body["decision"] == "rollback":
            last.pop(key, None)
    for one in last.values():
        text = f"{_named(one.body)} was rolled out in {one.body['environment']}, and no post-deploy gates followed"
        yield Gap("verification", one.sequence, text)


def approvals(decided: Record, before: Iterable[Record]) -> tuple[str, ...]:
    """Return who approved what a decision is about: named with the release, or in a record before it."""
    named = [str(name) for name in decided.body.get(CONTEXT, {}).get("approvals", ())]
    recorded = [
        str(one.body.get("actor", {}).get("name", "?"))
        for one in before
        if one.kind == "approval" and about(one, decided.body.get("release", {}))
    ]
    return tuple(dict.fromkeys([*named, *recorded]))


def about(record: Record, release: dict[str, Any]) -> bool:
    """Whether a record states facts, and a release has all of them."""
    stated = record.body.get("release") or {}
    return bool(stated) and all(release.get(key) == value for key, value in stated.items())


def names(record: Record, wanted: str) -> bool:
    """Whether one of the facts of a record's release is ``wanted``; seven digits of a commit are enough."""
    facts = record.body.get("release")
    if not isinstance(facts, dict):
        return False
    commit = str(facts.get("commit", ""))
    return wanted in facts.values() or (len(wanted) >= _SHORTEST_COMMIT and commit.startswith(wanted))


def trail(records: Sequence[Record], wanted: str) -> dict[str, list[str]] | None:
    """Return what is recorded about a release for each of ``STEPS``; None where the ledger does not know it."""
    mine = [one for one in records if names(one, wanted)]
    if not mine:
        return None
    families = {one.body.get("run_id"): one.body.get("families", ()) for one in records if one.kind == "run-started"}
    found: dict[str, list[str]] = {step: [] for step in STEPS}
    for one in mine:
        facts = one.body["release"]
        if one.kind == "run-started":
            _facts(found, one, facts)
        for step, text in _told(one, families):
            found[step].append(f"{text} (record {one.sequence}, {one.time})")
    for waiver in (one for one in mine if one.kind in ("waiver", "override")):
        found["approval"].append(
            f"{waiver.kind} {waiver.body['id']} by {waiver.body['actor']['name']}, approved by "
            f"{waiver.body['approver']}: {waiver.body['reason']} (record {waiver.sequence}, {waiver.time})"
        )
    return {step: list(dict.fromkeys(texts)) for step, texts in found.items()}


def _facts(found: dict[str, list[str]], one: Record, facts: dict[str, str]) -> None:
    """Note what the facts of a release say by themselves: they were given by whoever started the run."""
    for step, keys in {"ticket": ("ticket",), "review": ("reviewer", "review"), "tests": ("tests",)}.items():
        found[step] += [f"{facts[key]} (stated by {_actor(one.body)})" for key in keys if key in facts]
    found["approval"] += [f"{name} (stated by {_actor(one.body)})" for name in one.body.get("approvals", ())]


def _told(one: Record, families: dict[Any, Any]) -> Iterable[tuple[str, str]]:
    """Yield the steps that a record belongs to, and what it says there."""
    if one.kind == "approval":
        yield "approval", f"{_actor(one.body)}: {one.body.get('text', '')}"
    if one.kind == "attestation":
        step = one.body.get("step")
        yield (step if step in STEPS else "tests"), f"{_actor(one.body)}: {one.body.get('text', '')}"
    if one.kind in ("rollout-step", "rollback"):
        yield "deployment", f"{one.kind} by {_actor(one.body)}: {one.body.get('text', '')}"
    if one.kind == "gate-decision":
        verdicts = [row["verdict"] for row in one.body["gates"]]
        counts = ", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts))
        text = f"{one.body['decision']} of {one.body['stage']} in {one.body['environment']}: {counts}"
        of_run = families.get(one.body["run_id"], ())
        yield ("verification" if "postdeploy" in of_run else "tests"), f"{text}, run {one.body['run_id']}"
        if set(of_run) & {"canary"}:
            yield "deployment", f"{one.body['stage']} in {one.body['environment']}: {one.body['decision']}"


def _actor(body: dict[str, Any]) -> str:
    actor = body.get("actor")
    return str(actor.get("name", "nobody named")) if isinstance(actor, dict) else "nobody named"


def _named(body: dict[str, Any]) -> str:
    facts = body["release"]
    name = next((f"{key} {facts[key]}" for key in ("version", "commit", "image") if key in facts), "a release")
    return f"{body['service']} {name}"
