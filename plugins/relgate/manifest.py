"""One release as one document: what it is, what was asked of it before it got traffic, and how it stands.

Everything in it is from the ledger, and from evidence whose SHA-256 the ledger names.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from relgate.audit import gaps, releases
from relgate.audit.record import CONTEXT
from relgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from relgate.audit.record import Record

_MIGRATIONS, _PREFLIGHT = "evidence/migrations.json", "evidence/preflight.json"
_FLAGS = "preflight-flags"
_BUNDLE = ("bundle", "digest", "image")
_WHOSE = ("author", "deployer", "actor")
_NOT_FOR_AN_ID = re.compile(r"[^0-9]")


class _Evidence:
    """The files of the runs; ``missing``: what is not there, or is not what was recorded."""

    def __init__(self, reports: Path) -> None:
        self._reports = reports
        self.missing: list[str] = []

    def read(self, decision: Record, name: str) -> bytes | None:
        """Return a file of a run as it was recorded; None where there is none."""
        run_id, digest = str(decision.body["run_id"]), recorded(decision).get(name)
        if digest is None:
            return None
        try:
            data = (self._reports / run_id / name).read_bytes()
        except OSError as error:
            self.missing.append(f"run {run_id}: {name} cannot be read ({error.strerror})")
            return None
        if hashlib.sha256(data).hexdigest() != digest:
            self.missing.append(f"run {run_id}: {name} is not what was recorded")
            return None
        return data


def manifest(
    records: Sequence[Record], reports: Path, wanted: str, last_stage: str, environment: str | None = None
) -> dict[str, Any]:
    """Return the manifest of a release.

    Args:
        records: all records of a ledger that verifies, in order.
        reports: where the folders of its runs are.
        wanted: the release's version.
        last_stage: the stage whose promotion ends a release.
        environment: where it goes to; None for where it was spoken of last.

    Raises:
        UsageError: the ledger does not know this version there.

    """
    spoken = [
        one
        for one in releases.events(records, last_stage)
        if one.version == wanted and environment in (None, one.environment)
    ]
    if not spoken:
        where = f" in {environment}" if environment else ""
        raise UsageError(f"no record of the ledger is about version {wanted}{where}")
    target = max(spoken, key=lambda one: one.record)
    mine = [one for one in records if _is_about(one, target.key)]
    decisions = [one for one in mine if one.kind == "gate-decision"]
    evidence = _Evidence(reports)
    facts: dict[str, Any] = mine[-1].body["release"]
    told = [one for one in spoken if one.key == target.key]
    return {
        "schema": 1,
        "id": f"rel_{_minute(told[0].since)}",
        "service": target.service,
        "version": wanted,
        "environments": {"from": _came_from(records, target, last_stage), "to": target.environment},
        "status": target.state,
        "created": told[0].since,
        "changed": target.since,
        "author": next((facts[key] for key in _WHOSE if key in facts), _actor(mine)),
        "bundle": next((facts[key] for key in _BUNDLE if key in facts), None),
        "release": facts,
        "approvals": list(gaps.approvals(decisions[-1], records[: decisions[-1].sequence - 1])) if decisions else [],
        "migrations": _first(_migrations(one, evidence) for one in reversed(decisions)),
        "flags": _first(_flags(one, evidence) for one in reversed(decisions)),
        "events": [{"event": one.event, "time": one.since, "record": one.record} for one in told],
        "runs": [_run(one) for one in decisions],
        "error": None if target.state == "promoted" else _error(decisions),
        "missing": evidence.missing,
    }


def recorded(decision: Record) -> Mapping[str, str]:
    """Return path -> SHA-256 of the evidence that a decision rests on."""
    found: Mapping[str, str] = decision.body.get(CONTEXT, {}).get("evidence", {})
    return found


def _is_about(record: Record, key: tuple[str, str, str]) -> bool:
    body = record.body
    release = body.get("release") or {}
    return (body.get("service"), body.get("environment"), release.get("version")) == key


def _came_from(records: Sequence[Record], target: releases.Standing, last_stage: str) -> str | None:
    """Return the environment in which the version was promoted last, before it came here."""
    first = min(one.sequence for one in records if _is_about(one, target.key))
    others = [
        one.environment
        for one in releases.events(records[: first - 1], last_stage)
        if (one.service, one.version, one.state) == (target.service, target.version, "promoted")
    ]
    return others[-1] if others else None


def _minute(time: str) -> str:
    digits = _NOT_FOR_AN_ID.sub("", time)
    return f"{digits[:8]}_{digits[8:12]}"


def _actor(mine: Sequence[Record]) -> str | None:
    actors = (one.body.get("actor") or one.body.get(CONTEXT, {}).get("actor") for one in mine)
    return next((str(actor["name"]) for actor in actors if isinstance(actor, dict) and "name" in actor), None)


def _first(found: Iterable[dict[str, Any] | None]) -> dict[str, Any] | None:
    return next((one for one in found if one is not None), None)


def _migrations(decision: Record, evidence: _Evidence) -> dict[str, Any] | None:
    data = evidence.read(decision, _MIGRATIONS)
    if data is None:
        return None
    proven = json.loads(data)
    sql: dict[str, dict[str, str]] = {}
    for name in recorded(decision):
        path = PurePosixPath(name)
        direction = path.stem.rpartition(".")[2]
        if path.suffix != ".sql" or path.parent.name != "migrations" or direction not in ("up", "down"):
            continue
        text = evidence.read(decision, name)
        if text is not None:
            sql.setdefault(path.stem.rpartition(".")[0], {})[direction] = text.decode(errors="replace")
    return {
        "run": decision.body["run_id"],
        "dry_run": decision.body["decision"],
        "on": proven["server"],
        "scope": proven["scope"],
        "revisions": [
            {key: one[key] for key in ("id", "message", "path", "irreversible")} | {"sql": sql.get(one["id"], {})}
            for one in proven["revisions"]
        ],
    }


def _flags(decision: Record, evidence: _Evidence) -> dict[str, Any] | None:
    data = evidence.read(decision, _PREFLIGHT)
    asked = json.loads(data)["gates"].get(_FLAGS) if data is not None else None
    if asked is None:
        return None
    verdict = next((row["verdict"] for row in decision.body["gates"] if row["id"] == _FLAGS), "missing")
    found = asked["findings"]
    told = [*found["notes"], *(one["what"] for one in found["findings"]), *found["problems"]]
    return {"run": decision.body["run_id"], "verdict": verdict, "told": told}


def _run(decision: Record) -> dict[str, Any]:
    body = decision.body
    kept = {key: body[key] for key in ("run_id", "stage", "decision", "started", "finished")}
    return kept | {"record": decision.sequence, "sha256": decision.sha256}


def _error(decisions: Sequence[Record]) -> str | None:
    """Return why the newest decision did not promote."""
    if not decisions or decisions[-1].body["decision"] == "promote":
        return None
    reasons = [f"{one['gate'] or 'stage'}: {one['text']}" for one in decisions[-1].body["reasons"]]
    return "; ".join(reasons) or None
