"""What a proof of migrations says about each revision, in one word: read from migrations.json, judged nowhere else.

A revision is good only where it was proven and every gate concerned examined all that it has to of this revision;
anything else has a word of its own. What a gate lacks elsewhere says nothing about it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

State = Literal["blocks", "unknown", "warns", "waived", "unproven", "ok", "none"]

MEANING: dict[State, str] = {
    "blocks": "with a finding that blocks",
    "unknown": "not fully examined",
    "warns": "with warnings",
    "waived": "with waived findings",
    "unproven": "not proven",
    "ok": "proven, nothing found",
}
"""State -> what it means, for legends; the gravest first."""

GROUPS: dict[str, tuple[str, ...]] = {
    "way back": ("migration-round-trip", "migration-declared", "migration-crash", "migration-rollback-sql"),
    "rows": ("migration-data", "migration-backfill"),
    "old version": ("migration-n-1",),
    "in use": ("migration-locks", "migration-scale"),
    "text": ("migration-static",),
}
"""Column of the table -> gates that say something about single revisions."""
PER_REVISION = frozenset(name for names in GROUPS.values() for name in names)


@dataclass(frozen=True, slots=True)
class Mark:
    """``n``: how many findings of this state there are."""

    state: State
    n: int = 0


class Marks:
    """The findings of a proof, by revision.

    Args:
        proof: the content of migrations.json.

    """

    def __init__(self, proof: Mapping[str, Any]) -> None:
        self.revisions: tuple[Mapping[str, Any], ...] = tuple(proof["revisions"])
        self.gates: Mapping[str, Any] = proof["gates"]
        self.findings: tuple[Mapping[str, Any], ...] = tuple(
            one for gate in self.gates.values() for one in gate["findings"]
        )
        self.incomplete = {name for name, gate in self.gates.items() if lacks(gate)}
        self._absent = {name for name, gate in self.gates.items() if gate["does_not_apply"] is not None}
        by_path = {one["path"]: one["id"] for one in self.revisions if one.get("path")}
        self._of: dict[str, list[Mapping[str, Any]]] = {}
        for one in self.findings:
            # A waiver's fault has a file and no revision.
            id_ = one["revision"] if one["revision"] is not None else by_path.get(one["path"])
            if id_ is not None:
                self._of.setdefault(id_, []).append(one)

    def of(self, revision: Mapping[str, Any], gates: Collection[str] | None = None) -> Mark:
        """Return the gravest mark of a revision, of some gates or of all."""
        asked = [name for name in self.gates if gates is None or name in gates]
        found = Counter(state_of(one) for one in self._of.get(revision["id"], ()) if one["gate"] in asked)
        examined = [name for name in asked if name not in self._absent]
        if found["blocks"]:
            return Mark("blocks", found["blocks"])
        if not examined:
            return Mark("none")
        if "proof_s" not in revision and not found:
            return Mark("unproven")
        if self.lacking(revision, examined):
            return Mark("unknown")
        if found["warns"]:
            return Mark("warns", found["warns"])
        return Mark("waived", found["waived"]) if found["waived"] else Mark("ok")

    def lacking(self, revision: Mapping[str, Any], gates: Collection[str]) -> list[str]:
        """Return those of some gates that had to examine a revision and did not; of all but those about the whole."""
        done = revision.get("examined", ())
        return [one for one in gates if one in PER_REVISION and one not in self._absent and one not in done]

    def found(self, revision: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        """Return the findings about a revision."""
        return tuple(self._of.get(revision["id"], ()))

    def count(self) -> Counter[str]:
        """Return how many findings block, warn, are waived."""
        return Counter(state_of(one) for one in self.findings)


def state_of(finding: Mapping[str, Any]) -> State:
    """Return what a finding does."""
    if finding["waiver"] is not None:
        return "waived"
    return "blocks" if finding["blocks"] else "warns"


def lacks(gate: Mapping[str, Any]) -> bool:
    """Whether a gate did not examine everything that it had to."""
    return gate["does_not_apply"] is None and bool(gate["problems"] or gate["checked"] < gate["expected"])


def one_way(revision: Mapping[str, Any]) -> str | None:
    """Return why a revision is not to be taken back, as it declares; None where it does not."""
    reason = revision.get("irreversible")
    return str(reason) if reason is not None else None


STRENGTH: dict[str, int] = {
    "AccessShareLock": 0,
    "RowShareLock": 0,
    "RowExclusiveLock": 0,
    "ShareUpdateExclusiveLock": 0,
    "ShareLock": 1,
    "ShareRowExclusiveLock": 1,
    "ExclusiveLock": 1,
    "AccessExclusiveLock": 2,
}
"""PostgreSQL's lock -> 0: users do not wait, 1: writers wait, 2: readers too (PostgreSQL manual, 13.3.1)."""


def strength(mode: str) -> int:
    """Return how strong a lock is; one that nobody knows counts as the strongest."""
    return STRENGTH.get(mode, 2)


def rewritten(findings: Collection[Mapping[str, Any]], table: str) -> bool:
    """Whether a finding of the lock gate says that a table was written anew."""
    return any(one["code"] == "rewrite" and one["what"].startswith(f"{table}:") for one in findings)
