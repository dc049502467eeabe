"""Releases as the ledger tells of them: a line for each that ended, and how each version stands.

Both are drawn from the ledger's records; they prove nothing by themselves.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from relgate.audit.record import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from relgate.audit.record import Record

State = Literal["prepared", "promoted", "failed", "rolled_back"]

_PLAIN = re.compile(r"[\w.:/@+,-]+\Z")
_ENDS: dict[str, State] = {"complete": "promoted", "restored": "rolled_back", "stranded": "failed"}
_PHASES: dict[str, State] = _ENDS | {"restoring": "rolled_back"}
_FACTS = ("version", "commit", "image", "digest", "bundle", "deployer")


def line(body: Mapping[str, Any], sequence: int) -> str:
    """Return the line of a decision, with its LF: time, service, environment, decision, then ``key=value``."""
    context = body.get(CONTEXT, {})
    release = body["release"]
    rolled_back = body["decision"] == "rollback"
    pairs = {
        **{name: release[name] for name in _FACTS if name in release},
        "actor": context.get("actor", {}).get("name", ""),
        "approvers": ",".join(context.get("approvals", ())),
        "ticket": context.get("ticket") or "",
        "stage": body["stage"],
        "rollback": release.get("rollback", "decided") if rolled_back else "none",
        "run": body["run_id"],
        "record": str(sequence),
    }
    words = [body["finished"], body["service"], body["environment"], body["decision"]]
    return " ".join([*words, *(f"{name}={_quoted(str(value))}" for name, value in pairs.items())]) + "\n"


def ends(body: Mapping[str, Any], last_stage: str) -> bool:
    """Whether a decision ends its release: the last stage was promoted, or any was rolled back."""
    return bool(body["decision"] == "rollback" or (body["decision"] == "promote" and body["stage"] == last_stage))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a version stands in an environment. ``stage``: the last one that was spoken of.

    ``since``: when that was recorded, RFC 3339; ``record``: its sequence number.
    """

    service: str
    environment: str
    version: str
    state: State
    stage: str
    since: str
    record: int

    @property
    def key(self) -> tuple[str, str, str]:
        """Which release: service, environment, version."""
        return self.service, self.environment, self.version

    @property
    def event(self) -> str:
        """What is told where this changed: release.prepared, .promoted, .failed or .rollback."""
        return f"release.{'rollback' if self.state == 'rolled_back' else self.state}"


def standings(records: Iterable[Record], last_stage: str) -> list[Standing]:
    """Return how each version that the ledger knows stands, the newest word first.

    Of two words the later one counts. Prepared: judged, held or on its way; promoted: complete, or the last stage let
    it on; rolled back: decided or done; failed: it could neither go on nor back.
    """
    found = {one.key: one for one in _words(records, last_stage)}
    return sorted(found.values(), key=lambda one: one.record, reverse=True)


def events(records: Iterable[Record], last_stage: str) -> list[Standing]:
    """Return each word of the ledger that changed how a version stands, in order: see ``Standing.event``."""
    found: list[Standing] = []
    before: dict[tuple[str, str, str], State] = {}
    for one in _words(records, last_stage):
        if before.get(one.key) != one.state:
            found.append(one)
        before[one.key] = one.state
    return found


def _words(records: Iterable[Record], last_stage: str) -> Iterator[Standing]:
    stages: dict[tuple[str, str, str], str] = {}
    led: dict[tuple[str, str, str], bool] = {}
    for record in records:
        body, version = record.body, (record.body.get("release") or {}).get("version")
        if record.kind not in ("run-started", "gate-decision", "rollout-step", "rollback") or not version:
            continue
        key = (str(body["service"]), str(body["environment"]), str(version))
        stages[key] = body.get("stage") or stages.get(key, "")
        if "rollout" in body:
            led[key] = body.get("state") not in _ENDS
        state = _state(body, last_stage)
        # Where a rollout is under way, it says when it is complete; a rollback is decided by whoever judges.
        state = "prepared" if state == "promoted" and led.get(key) else state
        yield Standing(*key, state, stages[key], record.time, record.sequence)


def _state(body: Mapping[str, Any], last_stage: str) -> State:
    if "rollout" in body:
        return _PHASES.get(body.get("state", ""), "prepared")
    if "decision" in body and ends(body, last_stage):
        return "rolled_back" if body["decision"] == "rollback" else "promoted"
    return "prepared"


def _quoted(value: str) -> str:
    return value if _PLAIN.match(value) else json.dumps(value)
