"""The journal of rollouts as values: bodies of ledger records, and the rollout that they tell of.

A record is written before an action (what is about to happen) and after it (what came of it), so that a rollout that
was killed between the two is known to be between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError
from relgate.rollout.machine import BEGIN, Event, Happened, Impossible, State, after
from relgate.rollout.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BEGUN = "begun"
SCHEMA = 1
GOING_BACK = frozenset({Event.ROLLBACK, Event.RESTORED, Event.STRANDED})
"""Events that are written as records of kind ``rollback``; all others are ``rollout-step``."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What holds for all records of a rollout. ``previous``: the version that it replaces."""

    rollout: str
    service: str
    environment: str
    release: Mapping[str, str]
    previous: str
    policy_sha256: str
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A rollout as its journal tells it. ``states``: after each event, the first one before any.

    ``begun_s``, ``last_s``: Unix times of its first and last record. ``notes``: the bodies in order.
    """

    facts: Facts
    plan: Plan
    state: State
    begun_s: float
    last_s: float
    bodies: tuple[Mapping[str, Any], ...]


def begun(facts: Facts, plan: Plan, actor: str, at_s: float) -> dict[str, Any]:
    """Return the body of a rollout's first record."""
    return {**_common(facts, 0, BEGUN, actor, at_s), "plan": plan.to_json(), "policy_sha256": facts.policy_sha256}


def body(
    facts: Facts, number: int, happened: Happened, state: State, actor: str, details: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the body of the ``number``-th record after the first; ``state`` is the one after the event."""
    return {
        **_common(facts, number, happened.event.value, actor, happened.at_s),
        "stage": happened.stage,
        "share": happened.share,
        "judged": happened.run,
        "irreversible": list(happened.irreversible),
        "state": state.phase.value,
        "promoted": state.at,
        "details": dict(details),
    }


def _common(facts: Facts, number: int, event: str, actor: str, at_s: float) -> dict[str, Any]:
    return {
        "rollout_schema": SCHEMA,
        "rollout": facts.rollout,
        "number": number,
        "event": event,
        "at_s": round(at_s, 3),
        "actor": actor,
        "service": facts.service,
        "environment": facts.environment,
        "release": dict(facts.release),
        "previous": facts.previous,
        "overrides": list(facts.overrides),
    }


def kind_of(event: Event) -> str:
    """Return the kind of ledger record that an event is written as."""
    return "rollback" if event in GOING_BACK else "rollout-step"


def tell(bodies: Iterable[Mapping[str, Any]], rollout: str) -> Told:
    """Return what the bodies of all ``rollout-step`` and ``rollback`` records say about one rollout.

    Raises:
        SourceError: there is no such rollout, a record of it is missing, or one says what cannot have happened.

    """
    mine = [body for body in bodies if body.get("rollout") == rollout]
    if not mine or mine[0].get("event") != BEGUN:
        raise SourceError(f"the ledger has no beginning of a rollout {rollout}")
    try:
        first = mine[0]
        facts = Facts(
            rollout,
            first["service"],
            first["environment"],
            first["release"],
            first["previous"],
            first["policy_sha256"],
            tuple(first["overrides"]),
        )
        plan = Plan.from_json(first["plan"])
        state = BEGIN
        for number, record in enumerate(mine):
            if record["number"] != number:
                raise SourceError(f"rollout {rollout}: expected record {number}, found {record['number']}: one is gone")
            if number:
                state = after(plan, state, happened_of(record))
        return Told(facts, plan, state, float(first["at_s"]), float(mine[-1]["at_s"]), tuple(mine))
    except (KeyError, TypeError, ValueError, Impossible) as error:
        raise SourceError(f"the journal of rollout {rollout} tells what cannot be: {error}") from error


def happened_of(record: Mapping[str, Any]) -> Happened:
    """Return the event of a body."""
    return Happened(
        Event(record["event"]),
        float(record["at_s"]),
        record["stage"],
        record["share"],
        record["judged"],
        tuple(record["irreversible"]),
    )


def rollouts(bodies: Iterable[Mapping[str, Any]], service: str | None, environment: str | None) -> list[str]:
    """Return the ids of the rollouts of a service in an environment (None: of any), oldest first."""
    return [
        body["rollout"]
        for body in bodies
        if body.get("event") == BEGUN
        and service in (None, body.get("service"))
        and environment in (None, body.get("environment"))
    ]
