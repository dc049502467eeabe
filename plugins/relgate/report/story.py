"""What happened to a release, from the bodies of the ledger's records: its runs, a timeline, and success over time.

Pure. A release is a service, an environment and the facts of the release (``--gate-release``); one without a fact is
its run. Times are RFC 3339 texts as they were recorded, durations seconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any

from relgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Record = tuple[str, "Mapping[str, Any]"]
"""Kind and body of a record of the ledger, in the ledger's order."""

_MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a timeline. ``what``: one sentence; ``details``: reasons."""

    at: str
    what: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metrics:
    """Success over all releases of a service and environment; None where nothing of the kind has happened.

    ``success_rate``, ``rollback_rate``, ``hold_rate``: shares of the releases that were decided about: whose last
    decision is a promotion, that were rolled back at least once, that were held at least once. ``deploy_s``: median
    seconds from a release's first run to its last promotion. ``detect_s``: median seconds from the begin of a run to
    the rollback that it decided. ``restore_s``: median seconds from a rollback to the next promotion of anything.
    """

    releases: int
    runs: int
    since: str
    until: str
    success_rate: float | None
    rollback_rate: float | None
    hold_rate: float | None
    deploy_s: float | None
    detect_s: float | None
    restore_s: float | None
    unrestored: int


def release_of(body: Mapping[str, Any]) -> str:
    """Return the key of a record's release."""
    facts = body["release"] or {"run": body["run_id"]}
    return json.dumps([body["service"], body["environment"], facts], sort_keys=True)


def timeline(records: Sequence[Record], run_id: str) -> tuple[Event, ...]:
    """Return everything that is recorded of the release that a run judged.

    Raises:
        UsageError: the ledger has no such run.

    """
    own = next((body for _, body in records if body.get("run_id") == run_id), None)
    if own is None:
        raise UsageError(f"the ledger has no record of run {run_id}")
    key = release_of(own)
    runs = {body["run_id"] for _, body in records if "release" in body and release_of(body) == key}
    found = []
    for kind, body in records:
        if body.get("run_id") in runs:
            event = _event(kind, body)
            found += [event] if event is not None else []
    return tuple(found)


def _event(kind: str, body: Mapping[str, Any]) -> Event | None:
    if kind == "gate-decision":
        reasons = tuple(f"{one['gate'] or 'stage'}: {one['text']}" for one in body["reasons"][:_MOST_REASONS])
        notes = tuple(f"note: {text}" for text in body["overrides"])
        took = _unix_s(body["finished"]) - _unix_s(body["started"])
        what = f"{body['stage']} decided: {body['decision']}, {took:.0f} s after its begin"
        return Event(body["finished"], what, reasons + notes)
    if kind == "run-started":
        return None  # Its decision says when it began; a start without one is a gap, which `relgate audit gaps` lists.
    moment = str(body.get("time") or body.get("at") or "")
    return Event(moment, f"{kind}: {body.get('reason') or body.get('text') or ''}".rstrip(": "))


def metrics(records: Sequence[Record], service: str, environment: str) -> Metrics:
    """Return success over all decisions of a service in an environment."""
    decisions = [body for kind, body in records if kind == "gate-decision"]
    decisions = [one for one in decisions if (one["service"], one["environment"]) == (service, environment)]
    of: dict[str, list[Mapping[str, Any]]] = {}
    for one in decisions:
        of.setdefault(release_of(one), []).append(one)
    promoted = [runs for runs in of.values() if runs[-1]["decision"] == "promote"]
    rolled_back = [runs for runs in of.values() if any(one["decision"] == "rollback" for one in runs)]
    held = [runs for runs in of.values() if any(one["decision"] == "hold" for one in runs)]
    restored = _restored(decisions)
    return Metrics(
        releases=len(of),
        runs=len(decisions),
        since=decisions[0]["started"] if decisions else "",
        until=decisions[-1]["finished"] if decisions else "",
        success_rate=len(promoted) / len(of) if of else None,
        rollback_rate=len(rolled_back) / len(of) if of else None,
        hold_rate=len(held) / len(of) if of else None,
        deploy_s=_median([_between(runs[0]["started"], _last(runs)["finished"]) for runs in promoted]),
        detect_s=_median(
            [_between(one["started"], one["finished"]) for one in decisions if one["decision"] == "rollback"]
        ),
        restore_s=_median([one for one in restored if one is not None]),
        unrestored=restored.count(None),
    )


def _restored(decisions: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Seconds from each spell of rollbacks to the next promotion; None for one that nothing followed."""
    found: list[float | None] = []
    since: str | None = None
    for one in decisions:
        if one["decision"] == "rollback" and since is None:
            since = one["finished"]
        elif one["decision"] == "promote" and since is not None:
            found.append(_between(since, one["finished"]))
            since = None
    return [*found, None] if since is not None else found


def _last(runs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next(one for one in reversed(runs) if one["decision"] == "promote")


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _between(begin: str, end: str) -> float:
    return _unix_s(end) - _unix_s(begin)


def _unix_s(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
