"""``relgate waive`` and ``relgate override``: who, why, until when, and another person who agrees; recorded first.

A waiver turns the failure of a gate into a warning while it holds. An override lets people go on from a hold: after it
``relgate decision`` of that run says promote. Neither touches what was recorded, and a rollback cannot be overridden.
"""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.audit.waivers import LONGEST_DAYS, same_person
from relgate.auditcli import facts, redacted, who
from relgate.codec import rfc3339
from relgate.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from relgate.policy import Policy

_IN = re.compile(r"(?P<count>[1-9][0-9]{0,3})(?P<unit>[hdw])\Z")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands to those of ``relgate``."""
    waive = commands.add_parser("waive", help="excuse a gate for a while: its failure becomes a warning")
    waive.add_argument("gate", metavar="GATE", nargs="?", help="gate id")
    waive.add_argument("--env", metavar="NAME", help="in this environment only")
    waive.add_argument("--stage", metavar="NAME", help="in this stage only")
    waive.add_argument("--release", metavar="KEY=VALUE", action="append", help="for this release only; repeatable")
    waive.add_argument("--end", metavar="ID", help="end a waiver instead, before or after its time")
    _common(waive)
    waive.set_defaults(command=_waive)

    override = commands.add_parser("override", help="go on from a hold: what people decided against it, recorded")
    override.add_argument("run", metavar="RUN", help="run id, or latest")
    _common(override)
    override.set_defaults(command=_override)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", help="why; needed")
    parser.add_argument("--expires", metavar="WHEN", help="until when: 2026-12-24, a time, or 12h, 3d, 2w; needed")
    parser.add_argument("--approver", metavar="NAME", help="who agreed; never the actor; needed")
    parser.add_argument("--actor", metavar="NAME", help="who asks (default: the CI's actor, or user@host)")
    parser.add_argument("--policy", metavar="FILE", default="relgate.yaml", help="policy (default: relgate.yaml)")
    parser.add_argument("--reports", metavar="DIR", default="reports", help="where runs leave their records")


def _waive(given: argparse.Namespace) -> int:
    policy = _policy(given)
    if given.end is not None:
        return _end(given, policy)
    if given.gate is None:
        raise UsageError("which gate? relgate waive GATE --reason TEXT --expires WHEN --approver NAME")
    if given.gate not in policy.gates:
        raise UsageError(f"unknown gate {given.gate!r}: {policy.service} has {', '.join(policy.gates)}")
    if given.env is not None:
        policy.environment(given.env)
    if given.stage is not None:
        policy.stage(given.stage)
    body = {
        **_agreed(given, "W"),
        "gate": given.gate,
        "service": policy.service,
        "environment": given.env,
        "stage": given.stage,
        "release": facts(given.release),
    }
    named = {given.env, given.stage} - {None}
    protected = set(policy.ledger.protected)
    return _record(given, policy, "waiver", body, protected=bool(protected & named if named else protected))


def _end(given: argparse.Namespace, policy: Policy) -> int:
    from relgate import ledgers
    from relgate.audit.waivers import waivers

    book = ledgers.opened(policy, given.policy, Path(given.reports), protected=False)
    if given.end not in {one.id for one in waivers(book.read().records)}:
        raise UsageError(f"{given.end}: there is no such waiver, or it was ended already")
    body = {"ends": given.end, "actor": who(given.actor), "reason": given.reason or "ended", "release": {}}
    return _record(given, policy, "waiver", body, protected=bool(policy.ledger.protected))


def _override(given: argparse.Namespace) -> int:
    from relgate import ledgers
    from relgate.run import EXIT_HOLD, recorded

    policy = _policy(given)
    run_id = (Path(given.reports) / given.run).resolve().name
    book = ledgers.opened(policy, given.policy, Path(given.reports), protected=False)
    found = recorded(Path(given.reports), run_id, book)
    if found.content is None or found.exit_code != EXIT_HOLD:
        what = found.lines[0] if found.lines else "no decision"
        raise UsageError(f"only a recorded hold can be overridden; {what}")
    body = {**_agreed(given, "O"), "run_id": run_id, "release": found.content["release"]}
    protected = {found.content["stage"], found.content["environment"]} & set(policy.ledger.protected)
    return _record(given, policy, "override", body, protected=bool(protected))


def expired(policy: Policy, policy_name: str, reports: Path) -> list[str]:
    """Return a sentence for each waiver of a policy that is over and that nobody has ended."""
    from relgate import ledgers
    from relgate.audit.waivers import waivers

    book = ledgers.opened(policy, policy_name, reports, protected=False)
    found = [one for one in waivers(book.read().records) if one.service == policy.service]
    mend = "end it (relgate waive --end ID), or agree on a new one"
    return [f"expired: {one.told}. {mend}" for one in found if one.expires_s <= time.time()]


def _policy(given: argparse.Namespace) -> Policy:
    from relgate.settings import read_policy

    return read_policy(given.policy)[0]


def _agreed(given: argparse.Namespace, letter: str) -> dict[str, Any]:
    """Return who excuses what until when, with a new id. Raises UsageError for whatever is missing."""
    for name in ("reason", "expires", "approver"):
        if not (getattr(given, name) or "").strip():
            raise UsageError(f"--{name} is needed: an excuse has a reason, an end, and another person who agrees")
    actor = who(given.actor)
    if any(same_person(actor[name], given.approver) for name in ("name", "says") if name in actor):
        raise UsageError(f"--approver: {given.approver} asks for it, so somebody else has to agree")
    return {
        "id": f"{letter}-{secrets.token_hex(4)}",
        "reason": given.reason.strip(),
        "expires": _expires(given.expires),
        "actor": actor,
        "approver": given.approver.strip(),
    }


def _expires(text: str) -> str:
    """Return the time of ``3d`` from now, of a day (its end, UTC) or of a time. Raises UsageError."""
    now = datetime.now(UTC)
    relative = _IN.match(text)
    try:
        if relative is not None:
            end = now + timedelta(**{_UNITS[relative["unit"]]: int(relative["count"])})
        else:
            end = datetime.fromisoformat(text)
            end = end.replace(hour=23, minute=59, second=59) if len(text) == len("2026-12-24") else end
            end = end if end.tzinfo is not None else end.replace(tzinfo=UTC)
    except ValueError as error:
        raise UsageError(f"--expires: expected 2026-12-24, a time, or 12h, 3d, 2w, got {text!r}") from error
    if not now < end <= now + timedelta(days=LONGEST_DAYS):
        raise UsageError(f"--expires: expected a time within the next {LONGEST_DAYS} days, got {text}")
    return rfc3339(end.timestamp())


def _record(given: argparse.Namespace, policy: Policy, kind: Any, body: dict[str, Any], *, protected: bool) -> int:
    from relgate import ledgers

    book = ledgers.opened(policy, given.policy, Path(given.reports), protected=protected)
    head = book.append(kind, time.time(), redacted(body, policy.redact))
    what = f"{kind} {body['id']} until {body['expires']}" if "id" in body else f"end of waiver {body['ends']}"
    print(f"recorded: {what}; record {head.sequence} of {book.store.name}, sha256 {head.sha256}")
    return 0
