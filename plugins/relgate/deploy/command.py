"""``relgate rollout`` and its words: status, pause, resume, abort, rollback."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from relgate.deploy import begin
from relgate.deploy.control import Control, Order
from relgate.deploy.journal import who
from relgate.deploy.lock import Lock
from relgate.deploy.view import PlainView, make_view
from relgate.errors import UsageError
from relgate.rollout.machine import PHASES, Phase
from relgate.run import EXIT_HOLD, EXIT_PROMOTE, EXIT_ROLLBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from relgate.deploy.begin import Place, Wanted
    from relgate.rollout.journal import Told

_DETACH_S = 20.0
_CODES = {Phase.COMPLETE: EXIT_PROMOTE, Phase.RESTORED: EXIT_ROLLBACK}


def roll_out(wanted: Wanted) -> int:
    """Roll out in this process; the exit code. SIGTERM and SIGINT become a hold that is declared."""
    view = make_view()

    def catch(interrupt: Callable[[str], None]) -> None:
        def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
            interrupt(signal.Signals(number).name)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, handle)

    try:
        return begin.run(wanted, view, catch)
    finally:
        view.close()


def detach(wanted: Wanted, arguments: Sequence[str]) -> int:
    """Start the same rollout as a process of its own that outlives this terminal; 0 when it has begun."""
    folder = wanted.reports.absolute() / "rollouts"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"detached-{time.strftime('%Y%m%dT%H%M%S')}.log"
    words = [sys.executable, "-m", "relgate.cli", *(word for word in arguments if word != "--detach")]
    with log.open("wb") as said:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    place = begin.place_of(wanted.policy, wanted.environment, wanted.reports)
    lock = Lock(place.reports, place.policy.service, place.environment.name)
    until = time.monotonic() + _DETACH_S
    while time.monotonic() < until:
        if process.poll() is not None:
            print(log.read_text(encoding="utf-8", errors="replace"), end="", file=sys.stderr)
            return process.returncode
        if lock.taken() and lock.owner() == str(process.pid):
            break
        time.sleep(0.1)
    print(f"rolling out in process {process.pid}; what it says: {log}")
    print("relgate rollout status tells how it stands; abort takes it back")
    return 0


def order(wanted: Wanted, word: str, reason: str, to: str | None) -> int:
    """Give an order to the rollout that runs, or take back one that nobody runs; the exit code.

    Raises:
        UsageError: nobody is there to obey.

    """
    place = begin.place_of(wanted.policy, wanted.environment, wanted.reports)
    told = _told(place)
    if to is not None:
        begin.refuse_version(told, to)
    if _lock(place).taken():
        given = Order(word, wanted.actor or who(), reason)
        Control(place.reports, told.facts.rollout).give(given)
        print(f"{word}: asked of {told.facts.rollout} (process {_lock(place).owner()})")
        return 0
    if word in ("abort", "rollback"):
        return begin.go_back(wanted, PlainView(sys.stdout), to, reason or f"{word}, asked for")
    if word == "resume":
        return roll_out(replace(wanted, resume=True))
    raise UsageError(f"{word}: no rollout of {place.policy.service} is running in {place.environment.name}")


def status(wanted: Wanted) -> int:
    """Print how the newest rollout stands; 0 while it runs or when it is complete, 20 when it is back, otherwise 10."""
    place = begin.place_of(wanted.policy, wanted.environment, wanted.reports)
    told, running = _told(place), _lock(place).taken()
    print("\n".join(status_lines(place, told, _lock(place).owner() if running else None)))
    return EXIT_PROMOTE if running else _CODES.get(told.state.phase, EXIT_HOLD)


def status_lines(place: Place, told: Told, owner: str | None) -> list[str]:
    """Return how a rollout stands. ``owner``: the process that runs it, None where none does."""
    facts, state, plan = told.facts, told.state, told.plan
    what = f"{facts.service} {facts.previous} -> {facts.release.get('version')}"
    lines = [
        f"rollout {facts.rollout}: {what} in {facts.environment}",
        f"state {state.phase.value}: {PHASES[state.phase]}",
        f"process: {owner or 'none'}" + ("" if owner or state.over else " - nobody owns it: --resume, or abort"),
    ]
    for number, step in enumerate(plan.steps):
        word = "promoted" if number < state.at else state.phase.value if number == state.at else "to come"
        lines.append(f"  {step.name}: {plan.share_at(number):.4g} of the traffic, bake {step.bake_s:g}s, {word}")
    shown = Control(place.reports, facts.rollout).shown() if owner else {}
    if shown:
        lines += [f"traffic: {shown.get('seen') or 'not seen yet'}", f"left: {shown.get('left_s')}s of baking"]
        lines += [f"gate {name}: {verdict}" for name, verdict in shown.get("gates", [])]
    for body in told.bodies[-3:]:
        why = body.get("details", {}).get("why") or "; ".join(body.get("details", {}).get("reasons", [])[:2])
        lines.append(f"last: {body['event']} by {body['actor']}{': ' + why if why else ''}")
    lines += [f"note: {text}" for text in facts.overrides]
    return [place.clean.text(line) for line in lines]


def _told(place: Place) -> Told:
    told = begin.last_told(place)
    if told is None:
        raise UsageError(f"no rollout of {place.policy.service} in {place.environment.name} was ever begun here")
    return told


def _lock(place: Place) -> Lock:
    return Lock(place.reports, place.policy.service, place.environment.name)
