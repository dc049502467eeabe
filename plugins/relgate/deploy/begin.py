"""From the options of ``relgate rollout`` to a runner: a new rollout, or one that was killed and is gone on with."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from relgate import ledgers
from relgate.deploy import routers
from relgate.deploy.back import WayBack
from relgate.deploy.control import Control
from relgate.deploy.gates import Asked
from relgate.deploy.hooks import Hooks
from relgate.deploy.journal import Journal, RecordError, bodies, records, who
from relgate.deploy.lock import Lock
from relgate.deploy.runner import Parts, Runner
from relgate.deploy.view import Screen
from relgate.errors import SourceError, UsageError
from relgate.policy.compress import compressed, said
from relgate.ports.traffic import Moved
from relgate.references import resolve
from relgate.report.redact import Redactor
from relgate.rollout.journal import Facts, rollouts, tell
from relgate.rollout.machine import Event, Phase
from relgate.rollout.plan import Plan, plan_of
from relgate.run import EXIT_UNRECORDED
from relgate.secrecy import demand, secrets_of
from relgate.settings import new_run_id, read_policy
from relgate.values import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.adapters.entrance import Entrance
    from relgate.adapters.ledger import Ledger
    from relgate.deploy.view import View
    from relgate.policy import Environment, Policy
    from relgate.policy.rollout import Rollout
    from relgate.rollout.journal import Told

_SILENT_ASKS = 20
_PROBES = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options. ``release``: empty when going on. ``compress``: what durations are divided by."""

    policy: str
    environment: str | None
    release: dict[str, str]
    reports: Path
    resume: bool = False
    compress: float = 1.0
    wait: bool = True
    pytest: tuple[str, ...] = ()
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rollout happens."""

    policy: Policy
    rollout: Rollout
    environment: Environment
    reports: Path
    clean: Redactor
    book: Ledger


def place_of(policy_name: str, environment: str | None, reports: Path) -> Place:
    """Return policy, environment and redactor.

    Raises:
        PolicyError, UsageError: the policy is at fault, says nothing about rollouts, or an option does not fit it.

    """
    policy, _ = read_policy(policy_name)
    if policy.rollout is None:
        raise UsageError(f"{policy_name} has no `rollout:`: nobody knows how {policy.service} is rolled out")
    name = environment or (next(iter(policy.environments)) if len(policy.environments) == 1 else None)
    if name is None:
        raise UsageError(f"the policy has {', '.join(policy.environments)}: choose one with --gate-env")
    found = policy.environment(name)
    routers.router_of(found)
    demand(policy, found, paths=False)
    clean = Redactor(secrets_of(policy, found), policy.redact)
    protected = name in policy.ledger.protected
    book = ledgers.opened(policy, policy_name, reports.absolute(), protected=protected)
    return Place(policy, policy.rollout, found, reports.absolute(), clean, book)


def run(wanted: Wanted, view: View, catch: Any) -> int:
    """Roll out, or go on; the exit code. ``catch`` is called with what a signal is to interrupt.

    Raises:
        UsageError: it cannot begin: another one is running or unfinished, the router does not fit.

    """
    place = place_of(wanted.policy, wanted.environment, wanted.reports)
    with ExitStack() as stack:
        stack.enter_context(Lock(place.reports, place.policy.service, place.environment.name))
        entrance = stack.enter_context(routers.entrance_of(place.environment))
        last = last_told(place)
        if not wanted.resume:
            runner = _begin(wanted, place, entrance, view, last)
        else:
            try:
                runner = _go_on(wanted, place, entrance, view, last)
            except RecordError as error:
                view.say(f"NOT RECORDED, so nothing was done: {error}")
                return EXIT_UNRECORDED
        catch(runner.interrupt)
        return runner.run()


def last_told(place: Place) -> Told | None:
    """Return the newest rollout of the service here as its journal tells it, None before the first.

    Raises:
        UsageError: the ledger is broken, or tells what cannot be.

    """
    try:
        told = bodies(place.book)
        ids = rollouts(told, place.policy.service, place.environment.name)
        return tell(told, ids[-1]) if ids else None
    except SourceError as error:
        raise UsageError(f"the journal cannot be relied on: {error}") from error


def _begin(wanted: Wanted, place: Place, entrance: Entrance, view: View, last: Told | None) -> Runner:
    if last is not None and not last.state.over:
        raise UsageError(
            f"rollout {last.facts.rollout} of {last.facts.release.get('version')} is unfinished ({last.state.phase}): "
            "go on with --resume, or end it with: relgate rollout abort"
        )
    version = wanted.release.get("version")
    if not version:
        raise UsageError("--gate-release version=... is needed: requests are told apart by the version that answers")
    previous = _serving(entrance)
    if previous == version:
        raise UsageError(f"{version} is what users get already: there is nothing to roll out")
    overrides = (said(wanted.compress),) * (wanted.compress != 1)
    facts = Facts(
        f"{new_run_id(time.time())}-rollout",
        place.policy.service,
        place.environment.name,
        place.clean.json(wanted.release),
        previous,
        place.policy.sha256,
        overrides,
    )
    plan = plan_of(place.policy, wanted.compress)
    parts = _parts(wanted, place, entrance, view, (facts, plan))
    try:
        parts.world.look(0.0)
    except SourceError as error:
        raise UsageError(f"a rollout begins with all traffic on the old version: {error}") from error
    parts.control.make()
    parts.journal.begin()
    view.say(f"rollout {facts.rollout}: {facts.service} {previous} -> {version} in {facts.environment}")
    return Runner(parts)


def _serving(entrance: Entrance) -> str:
    """Return the one version that all users get now; UsageError when it is not one."""
    found = entrance.versions(_PROBES)
    if len(found) != 1 or "" in found:
        seen = ", ".join(f"{version or 'no version'} {n} times" for version, n in found.items())
        raise UsageError(f"a rollout begins with one version that answers everybody: the router gave {seen}")
    return next(iter(found))


def _go_on(wanted: Wanted, place: Place, entrance: Entrance, view: View, last: Told | None) -> Runner:
    if last is None:
        raise UsageError(f"there is no rollout of {place.policy.service} in {place.environment.name} to go on with")
    if last.facts.policy_sha256 != place.policy.sha256 and not last.state.over:
        raise UsageError("the policy was changed since this rollout began: end it with relgate rollout abort")
    given = place.clean.json(wanted.release)
    if given and given != dict(last.facts.release):
        raise UsageError(f"the unfinished rollout is of {dict(last.facts.release)}, not of {given}: abort it first")
    parts = _parts(wanted, place, entrance, view, (last.facts, last.plan))
    parts.control.make()
    parts.journal.go_on(last)
    state = last.state
    view.say(f"going on with {last.facts.rollout}: it was {state.phase.value}, {state.share:.4g} asked for")
    runner = Runner(parts)
    if state.over:
        return runner
    parts.journal.note(Event.NOTE, {"resumed": True, "found": _found(parts)})
    if state.phase is Phase.OBSERVING:
        _again(parts, runner)
    elif state.phase in (Phase.HOLDING, Phase.PAUSED):
        parts.journal.note(Event.RESUME, {"why": "asked for (--resume)"})
    elif state.phase is Phase.STRANDED:
        parts.journal.note(Event.ROLLBACK, {"why": "asked for (--resume)"}, share=0.0)
    return runner


def _again(parts: Parts, runner: Runner) -> None:
    """Gates that ran when the rollout was killed: a rollback that they decided stands, everything else is seen anew."""
    run = parts.journal.state.run
    if run is not None:
        runner.resumed_from(run)
    state = parts.journal.state
    if state.phase is Phase.OBSERVING:
        # The step's traffic is asked for once more: nobody knows what became of it meanwhile.
        parts.journal.note(Event.SHIFT, {"why": "seen anew"}, share=parts.journal.plan.share_at(state.at))


def _found(parts: Parts) -> dict[str, Any]:
    try:
        split = parts.world.traffic.read()
    except SourceError as error:
        return {"error": str(error)}
    return {"candidate": split.candidate, "said": dict(split.said)}


def _parts(wanted: Wanted, place: Place, entrance: Entrance, view: View, of: tuple[Facts, Plan]) -> Parts:
    facts, plan = of
    moved = Moved(
        facts.rollout,
        facts.service,
        facts.environment,
        facts.release["version"],
        facts.previous,
        facts.release.get("image"),
    )
    hooks = Hooks({name: resolve(text) for name, text in place.rollout.hooks.items()}, moved)
    world = routers.world_of(place.environment, place.rollout, entrance, moved, hooks)
    control = Control(place.reports, facts.rollout)
    release = wanted.release or dict(facts.release)
    asked = Asked(
        wanted.policy, place.environment.name, place.reports, release, wanted.pytest, place.book, compression(facts)
    )
    title = f"{facts.service} {facts.previous} -> {moved.version} in {facts.environment}"
    return Parts(
        policy=place.policy,
        rollout=compressed(place.policy, compression(facts)).rollout or place.rollout,
        asked=asked,
        journal=Journal(place.book, facts, plan, place.clean, wanted.actor or who()),
        world=world,
        hooks=hooks,
        back=WayBack(world, hooks, control.folder, place.clean),
        control=control,
        view=view,
        screen=Screen(title, plan),
        compress=compression(facts),
        wait=wanted.wait,
        unsafe=_unsafe(place, facts),
    )


def _unsafe(place: Place, facts: Facts) -> tuple[str, ...]:
    """Return what earlier gates of this release let through that cannot be taken back (a promoted ``migrate``)."""
    this = (facts.service, facts.environment, dict(facts.release))
    found: dict[str, None] = {}
    for kind, body in records(place.book):
        if kind != "gate-decision" or body["decision"] != Outcome.PROMOTE:
            continue
        if (body["service"], body["environment"], body["release"]) == this:
            found.update(dict.fromkeys(body.get("irreversible", ())))
    return tuple(found)


def compression(facts: Facts) -> float:
    """Return what the durations of a rollout are divided by, as its records say."""
    for text in facts.overrides:
        if text.startswith("compressed: "):
            return float(text.partition("divided by ")[2].partition(" ")[0])
    return 1.0


def go_back(wanted: Wanted, view: View, to: str | None, reason: str) -> int:
    """Take the newest rollout back, where nobody runs it: after its end, its kill, or in a hold that nobody waits for.

    Raises:
        UsageError: there is none, it is back already, or the version asked for is not the one that it replaced.

    """
    place = place_of(wanted.policy, wanted.environment, wanted.reports)
    with ExitStack() as stack:
        stack.enter_context(Lock(place.reports, place.policy.service, place.environment.name))
        entrance = stack.enter_context(routers.entrance_of(place.environment))
        last = last_told(place)
        if last is None:
            raise UsageError(f"there is no rollout of {place.policy.service} in {place.environment.name}")
        refuse_version(last, to)
        parts = replace(_parts(wanted, place, entrance, view, (last.facts, last.plan)), wait=False)
        parts.control.make()
        parts.journal.go_on(last)
        if last.state.phase is Phase.RESTORED:
            raise UsageError(f"rollout {last.facts.rollout} is back at {last.facts.previous} already")
        return Runner(parts).back(reason or "asked for", wanted.actor or who())


def refuse_version(last: Told, to: str | None) -> None:
    """Raise UsageError when a rollout cannot lead back to a version."""
    if to is not None and to != last.facts.previous:
        raise UsageError(f"rollout {last.facts.rollout} replaced {last.facts.previous}: it cannot lead back to {to}")
