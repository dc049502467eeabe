"""Who agreed to a release -> findings. Pure: records of the ledger and facts of the release are given.

A statement is about a release when every fact that it names is a fact of the release with the same text, and one of
them tells releases apart. Nobody approves twice, and nobody approves what is their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.policy.people import same
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from relgate.policy.people import Approvals, Statement

APPROVAL = "approval"
KINDS = (APPROVAL, "attestation")
"""Kinds of records in which people state something."""
TELLING = ("version", "commit", "image", "digest", "bundle")
"""Facts of which one tells a release from others."""
_AHEAD_S = 300.0
"""How far a clock of another machine may be ahead."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a person stated. ``about``: facts of the release that it is about."""

    name: str
    by: str
    at_s: float
    about: tuple[tuple[str, str], ...] = ()


def facts(gate: str, wanted: Iterable[str], release: Mapping[str, str]) -> Findings:
    """Return the facts that a release does not state."""
    names = tuple(wanted)
    missing = tuple(
        Finding(
            gate,
            "fact-missing",
            f"the release does not say its {name}",
            "the record of a release must say what was released, and why",
            f"--gate-release {name}=...",
        )
        for name in names
        if not release.get(name, "").strip()
    )
    return Findings(gate, "facts", len(names), len(names), missing)


def approvals(gate: str, wanted: Approvals, release: Mapping[str, str], said: Iterable[Said], now_s: float) -> Findings:
    """Return why a release is not approved; who approved it is noted."""
    kind = release.get("type", "").strip()
    if kind not in wanted.least:
        known = ", ".join(wanted.least)
        what = f"nobody knows how many people must approve a release of type {kind!r}" if kind else "it says no type"
        do = f"--gate-release type=..., one of {known}"
        return Findings(gate, "release", 1, 1, (Finding(gate, "type-unknown", what, "the type says who agrees", do),))
    found = [
        Finding(
            gate,
            "nobody-named",
            f"the release does not say its {role}",
            "whoever approves must be somebody else",
            f"--gate-release {role}=...",
        )
        for role in wanted.excluded
        if not release.get(role, "").strip()
    ]
    own = {person(wanted, release[role]) for role in wanted.excluded if release.get(role, "").strip()}
    mine = [one for one in said if one.name == APPROVAL and is_about(one, release) and one.at_s <= now_s + _AHEAD_S]
    allowed = {one: person(wanted, one.by) for one in mine if not wanted.people or _known(wanted, one.by)}
    counted = sorted({who for who in allowed.values() if who not in own})
    notes = [f"approved by {who}" for who in counted]
    notes += [f"{one.by} does not count: not one of people" for one in mine if one not in allowed]
    notes += [f"{one.by} does not count: it is their own release" for one, who in allowed.items() if who in own]
    need = wanted.least[kind]
    if len(counted) < need:
        what = f"{len(counted)} of {need} approvals of a {kind} release"
        do = "somebody else: relgate audit note approval --actor NAME --release ..."
        found.append(Finding(gate, "not-approved", what, "the policy asks for them", do))
    if kind in wanted.review:
        what, do = f"a {kind} release is reviewed afterwards", "review it after the release, and attest that"
        found.append(Finding(gate, "review-due", what, "the policy says so", do, blocks=False))
    return Findings(gate, "release", 1, 1, tuple(found), notes=tuple(notes))


def statements(
    gate: str, wanted: Mapping[str, Statement], release: Mapping[str, str], said: Iterable[Said], now_s: float
) -> Findings:
    """Return the statements that nobody has made about a release, or not lately."""
    everything = tuple(said)
    found: list[Finding] = []
    notes: list[str] = []
    for name, rule in wanted.items():
        mine = [one for one in everything if one.name == name and one.at_s <= now_s + _AHEAD_S]
        fitting = [one for one in mine if is_about(one, release, any_release=rule.any_release)]
        newest = max(fitting, key=lambda one: one.at_s, default=None)
        do = f"relgate audit note attestation --step {name} --actor NAME --release ..."
        if newest is None:
            other = f"; {len(mine)} about others" if mine else ""
            found.append(Finding(gate, "not-stated", f"nobody has stated {name}{other}", "the policy asks for it", do))
        elif rule.max_age_s is not None and now_s - newest.at_s > rule.max_age_s:
            age = f"{(now_s - newest.at_s) / 3600:.1f} h old, at most {rule.max_age_s / 3600:.1f} h"
            found.append(Finding(gate, "too-old", f"{name} by {newest.by} is {age}", "it may not be so any more", do))
        else:
            notes.append(f"{name} by {newest.by}")
    return Findings(gate, "statements", len(wanted), len(wanted), tuple(found), notes=tuple(notes))


def is_about(one: Said, release: Mapping[str, str], *, any_release: bool = False) -> bool:
    """Whether a statement is about a release."""
    agrees = all(release.get(key) == text for key, text in one.about)
    return any_release or (agrees and any(key in TELLING for key, _ in one.about))


def person(wanted: Approvals, name: str) -> str:
    """Return the one name of a person who may have several."""
    for own, others in wanted.people.items():
        if same(name) in {same(own), *map(same, others)}:
            return same(own)
    return same(name)


def _known(wanted: Approvals, name: str) -> bool:
    return person(wanted, name) in map(same, wanted.people)


def read_said(kind: str, body: Mapping[str, Any], at_s: float) -> Said | None:
    """Return what a record of one of ``KINDS`` states; None where it states nothing that can be used."""
    actor, about = body.get("actor"), body.get("release")
    name = APPROVAL if kind == APPROVAL else body.get("step")
    by = actor.get("name") if isinstance(actor, dict) else None
    if not (isinstance(name, str) and isinstance(by, str) and by.strip() and isinstance(about, dict)):
        return None
    if kind != APPROVAL and name == APPROVAL:
        return None
    return Said(name, by, at_s, tuple(sorted((str(key), str(text)) for key, text in about.items())))
