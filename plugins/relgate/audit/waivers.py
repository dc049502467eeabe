"""Waivers and overrides as the ledger has them: who excused what, until when, and who else agreed.

Nothing here looks at a clock: the time is given. What lacks a reason, an end or a second person excuses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from relgate.codec import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from relgate.audit.record import Record

LONGEST_DAYS = 366
"""An excuse that never ends is a rule switched off."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """A gate excused for a while. ``environment``, ``stage``: None for all. ``release``: facts; none for any."""

    id: str
    gate: str
    service: str
    environment: str | None
    stage: str | None
    release: Mapping[str, str]
    reason: str
    actor: str
    approver: str
    expires_s: float
    sequence: int

    def covers(self, service: str, environment: str, stage: str, release: Mapping[str, str]) -> bool:
        """Whether it speaks of a run."""
        same = self.service == service and self.environment in (None, environment) and self.stage in (None, stage)
        return same and all(release.get(key) == value for key, value in self.release.items())

    @property
    def told(self) -> str:
        """It in a sentence."""
        by = f"by {self.actor}, approved by {self.approver}"
        return f"waiver {self.id} of {self.gate} until {rfc3339(self.expires_s)} {by}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Override:
    """A hold that people decided to go on from. ``run_id``: the run whose decision it overrides."""

    id: str
    run_id: str
    reason: str
    actor: str
    approver: str
    expires_s: float
    sequence: int

    @property
    def told(self) -> str:
        """It in a sentence."""
        by = f"by {self.actor}, approved by {self.approver}"
        return f"override {self.id} until {rfc3339(self.expires_s)} {by}: {self.reason}"


def waivers(records: Iterable[Record], *, signed: bool = False) -> list[Waiver]:
    """Return the waivers that nobody has ended, expired ones too, oldest first.

    Args:
        records: of the ledger, in any order.
        signed: whether a record without a signature counts for nothing.

    """
    found: dict[str, Waiver] = {}
    ended = set()
    for one in records:
        if one.kind != "waiver" or (signed and not one.keys):
            continue
        if "ends" in one.body:
            ended.add(one.body["ends"])
            continue
        common = _common(one)
        if common is not None:
            found[common["id"]] = Waiver(
                gate=one.body["gate"],
                service=one.body["service"],
                environment=one.body.get("environment"),
                stage=one.body.get("stage"),
                release=one.body.get("release", {}),
                **common,
            )
    return sorted((one for one in found.values() if one.id not in ended), key=lambda waiver: waiver.sequence)


def overrides(records: Iterable[Record], *, signed: bool = False) -> list[Override]:
    """Return all overrides, expired ones too, oldest first; arguments as for ``waivers``."""
    found = []
    for one in records:
        if one.kind == "override" and (one.keys or not signed):
            common = _common(one)
            if common is not None:
                found.append(Override(run_id=one.body["run_id"], **common))
    return sorted(found, key=lambda override: override.sequence)


def _common(one: Record) -> dict[str, Any] | None:
    """Return what waivers and overrides have in common; None for a record that excuses nothing."""
    body = one.body
    try:
        expires_s = datetime.fromisoformat(body["expires"]).timestamp()
        actor, approver, reason = str(body["actor"]["name"]), str(body["approver"]), str(body["reason"])
        latest_s = datetime.fromisoformat(one.time).timestamp() + LONGEST_DAYS * 86400
    except (KeyError, TypeError, ValueError):
        return None
    if not reason.strip() or same_person(actor, approver) or expires_s > latest_s:
        return None
    return {
        "id": str(body["id"]),
        "reason": reason,
        "actor": actor,
        "approver": approver,
        "expires_s": expires_s,
        "sequence": one.sequence,
    }


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, or one is nobody's."""
    names = [name.strip().lstrip("@").casefold() for name in (one, other)]
    return names[0] == names[1] or not all(names)
