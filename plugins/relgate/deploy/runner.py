"""Drives one rollout: asks the machine what is next, records it, does it, records what came of it.

Nothing is done before its record is on disk. A record that cannot be written ends the rollout with 30, and the old
version gets the traffic back unless all steps were promoted: less traffic for the candidate needs no record.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.deploy.control import Order
from relgate.deploy.follow import TICK_S, Follower, shown
from relgate.deploy.gates import Session, command, ruling
from relgate.deploy.journal import RecordError
from relgate.deploy.vigil import Vigil
from relgate.errors import SourceError
from relgate.rollout.machine import Event, Impossible, Phase, next_move
from relgate.run import EXIT_HOLD, EXIT_PROMOTE, EXIT_ROLLBACK, EXIT_UNRECORDED
from relgate.settings import new_run_id
from relgate.values import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.deploy.back import WayBack
    from relgate.deploy.control import Control
    from relgate.deploy.gates import Asked, Ruling
    from relgate.deploy.hooks import Hooks
    from relgate.deploy.journal import Journal
    from relgate.deploy.view import Screen, View
    from relgate.deploy.world import World
    from relgate.policy import Policy
    from relgate.policy.rollout import Rollout
    from relgate.rollout.plan import Step


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a runner works with. ``compress``: what waits are divided by. ``wait``: whether a hold is waited out.

    ``unsafe``: what of this release was let through before the rollout and cannot be taken back.
    """

    policy: Policy
    rollout: Rollout
    asked: Asked
    journal: Journal
    world: World
    hooks: Hooks
    back: WayBack
    control: Control
    view: View
    screen: Screen
    compress: float = 1.0
    wait: bool = True
    unsafe: tuple[str, ...] = ()


class Runner:
    """One rollout, from wherever its journal stands."""

    def __init__(self, parts: Parts) -> None:
        self._of = parts
        self._journal = parts.journal
        self._moves = {
            "shift": self._shift,
            "judge": self._judge,
            "finish": self._finish,
            "wait": self._wait,
            "restore": self._restore,
            "end": self._end,
        }
        self._signal: str | None = None
        self._pausing: Order | None = None
        self._follower = Follower(parts, lambda: self._signal, self._pause_later, self._show)

    def interrupt(self, name: str) -> None:
        """Stop at the next moment at which nothing is half done; called by a signal handler."""
        self._signal = name

    def run(self) -> int:
        """Go on to the end, or to a hold that nobody waits for; the exit code."""
        try:
            while True:
                self._show()
                code = self._moves[next_move(self._journal.plan, self._journal.state)]()
                if code is not None:
                    return code
        except RecordError as error:
            return self._unrecorded(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours is a hold that is declared, never an exit with 1
            traceback.print_exc()
            return self._broken(error)
        finally:
            self._show()

    def resumed_from(self, run: str) -> None:
        """Take over what the gates of a killed rollout decided, where that is to go back: no new dice for that."""
        found = ruling(self._of.asked, self._of.policy, self._step, run, None)
        if found.outcome is Outcome.ROLLBACK:
            self._go_back({"reasons": found.reasons[:20], "record": found.record})

    def back(self, why: str, actor: str) -> int:
        """Go back now, whatever the state; the exit code."""
        try:
            self._go_back({"why": why}, actor)
        except RecordError as error:
            return self._unrecorded(error)
        return self.run() if self._journal.state.phase is Phase.RESTORING else EXIT_HOLD

    @property
    def _step(self) -> Step:
        return self._journal.plan.steps[self._journal.state.at]

    def _note(self, event: Event, details: Mapping[str, Any], **more: Any) -> None:
        self._journal.note(event, details, **more)
        if event is not Event.NOTE:
            state = self._journal.state
            why = details.get("reasons") or [details.get("why", "")]
            self._say(f"{event.value}: {state.phase.value}, {_where(self._journal)}" + _because(why))

    # --- the moves -------------------------------------------------------------------------------------------------

    def _shift(self) -> int | None:
        if self._obey():
            return None
        of, state = self._of, self._journal.state
        share = self._journal.plan.share_at(state.at)
        if state.phase is Phase.READY and self._pausing is not None:
            order, self._pausing = self._pausing, None
            self._note(Event.PAUSE, {"why": order.reason or "asked for"}, actor=order.actor)
            return None
        try:
            if share > 0 and of.hooks.has("deploy") and not self._deployed():
                self._note(Event.NOTE, {"hook": "deploy", "done": False})
                said = of.hooks.must("deploy")
                self._note(Event.NOTE, {"hook": "deploy", "done": True, "said": said})
            self._note(Event.SHIFT, {}, share=share)
            seen = of.world.move(share)
        except RecordError:
            raise
        except SourceError as error:
            self._hold([f"traffic: {error}"])
            return None
        of.screen.seen = shown(seen)
        self._note(Event.SHIFTED, seen.to_json(), share=share)
        return None

    def _judge(self) -> int | None:
        of, step = self._of, self._step
        run_id = new_run_id(time.time())
        words = command(of.asked, of.policy, step)
        self._note(Event.JUDGE, {"bake_s": step.bake_s, "command": words[1:]}, run=run_id)
        session = Session(words, run_id)
        of.screen.step_began_s = time.time()
        try:
            stopped = self._follower.follow(session, step)
        finally:
            code = session.end()
            of.screen.step_began_s = 0.0
        self._follower.hear(session)
        found = ruling(of.asked, of.policy, step, run_id, code)
        of.screen.gates = found.gates
        return self._stopped(stopped) if stopped is not None else self._ruled(found, step, run_id)

    def _ruled(self, found: Ruling, step: Step, run_id: str) -> int | None:
        details = {"reasons": found.reasons[:20], "record": found.record, "gates": [list(pair) for pair in found.gates]}
        if found.outcome is Outcome.PROMOTE:
            self._note(Event.PROMOTE, details, run=run_id, irreversible=found.irreversible)
            self._of.screen.done[step.name] = "promoted"
            self._tell("promote")
        elif found.outcome is Outcome.ROLLBACK:
            self._go_back(details)
        else:
            self._hold(list(found.reasons), details)
            if found.exit_code == EXIT_UNRECORDED:
                return EXIT_UNRECORDED
        return None

    def _finish(self) -> int | None:
        if self._obey():
            return None
        self._note(Event.FINISH, {})
        if self._of.hooks.has("retire"):
            failed = self._of.hooks.tell("retire")
            self._note(Event.NOTE, {"hook": "retire", "done": failed is None, "failed": failed})
            if failed:
                self._page(failed)
        self._tell("complete")
        return None

    def _wait(self) -> int | None:
        """Wait for an order, or for the end of ``hold_for``."""
        of, state = self._of, self._journal.state
        if not of.wait:
            return EXIT_HOLD
        since_s = state.held_since_s if state.held_since_s is not None else time.time()
        until_s = since_s + of.policy.hold_for_s / of.compress
        with Vigil(of) as vigil:
            while self._signal is None:
                order = of.control.take()
                if order is not None:
                    if self._ordered(order):
                        return None
                elif state.phase is not Phase.PAUSED and time.time() >= until_s:
                    return self._outlived()
                found = vigil.found()
                if found is not None:
                    self._go_back(found)
                    return None
                self._show()
                time.sleep(TICK_S)
        return EXIT_HOLD

    def _outlived(self) -> int | None:
        state, policy = self._journal.state, self._of.policy
        if state.phase is not Phase.HOLDING or policy.then != "rollback" or state.irreversible or self._of.unsafe:
            return EXIT_HOLD
        self._go_back({"why": f"held for longer than hold_for ({policy.hold_for_s:g} s), and then: rollback"})
        return None

    def _restore(self) -> int | None:
        """Go back, and prove it. What was begun by a killed rollout is begun again: each part may be done twice."""
        of = self._of
        began_s = self._rolling_back_since()
        parts: dict[str, Any] = {}
        try:
            parts["traffic"] = of.back.traffic()
            parts["served_s"] = round(time.time() - began_s, 3)
            self._note(Event.NOTE, {"going_back": "the old version has the traffic", **parts})
            parts["undone"] = of.back.undo()
            parts["well"] = of.back.well()
        except RecordError:
            raise
        except SourceError as error:
            self._note(Event.STRANDED, {"why": str(error), **parts})
            self._page(f"going back could not be proven: {error}")
            return None
        took_s = round(time.time() - began_s, 3)
        rto_s = of.rollout.rto_s
        details = {**parts, "restored_s": took_s, "rto_s": rto_s, "within_rto": took_s <= rto_s}
        self._note(Event.RESTORED, {"why": f"in {took_s:.1f} s (rto {rto_s:g} s)", **details}, share=0.0)
        of.screen.seen = "all with the old version"
        if took_s > rto_s:
            self._page(f"going back took {took_s:.1f} s, more than the rto of {rto_s:g} s")
        self._tell("restored")
        return None

    def _end(self) -> int | None:
        return EXIT_PROMOTE if self._journal.state.phase is Phase.COMPLETE else EXIT_ROLLBACK

    def _stopped(self, stopped: Order | str) -> int | None:
        if isinstance(stopped, Order):
            self._ordered(stopped)
            return None
        self._hold([stopped])
        return EXIT_HOLD if self._signal is not None else None

    # --- orders, holds, ways back ----------------------------------------------------------------------------------

    def _obey(self) -> bool:
        """Take an order, or a signal, between two steps; whether it changed the state."""
        if self._signal is not None:
            self._hold([f"{self._signal} stopped it"])
            return True
        order = self._of.control.take()
        return order is not None and self._ordered(order)

    def _ordered(self, order: Order) -> bool:
        """Do what somebody asked for, where that is possible now; whether it changed the state."""
        phase = self._journal.state.phase
        details = {"why": order.reason or f"{order.word}, asked for by {order.actor}"}
        if order.word == "pause":
            self._pause_later(order)
            return False
        if order.word == "resume":
            self._pausing = None
            if phase not in (Phase.HOLDING, Phase.PAUSED):
                return False
            self._note(Event.RESUME, details, actor=order.actor)
            return True
        self._go_back(details, order.actor)
        return True

    def _pause_later(self, order: Order) -> None:
        self._pausing = order
        self._say(f"pause: after this step, as {order.actor} asked")

    def _go_back(self, details: Mapping[str, Any], actor: str | None = None) -> None:
        """Begin the way back, or declare a hold where going back is unsafe."""
        of, unsafe = self._of, tuple(dict.fromkeys((*self._journal.state.irreversible, *self._of.unsafe)))
        if unsafe:
            why = [f"rollback unsafe: {text}" for text in unsafe]
            self._hold([*why, *details.get("reasons", [details.get("why", "")])], details)
            return
        since_s = round(time.time(), 3)
        evidence = of.back.capture(str(details.get("why") or details.get("reasons")))
        self._note(Event.ROLLBACK, {**details, "since_s": since_s, "evidence": evidence}, share=0.0, actor=actor)
        if self._journal.state.at < len(self._journal.plan.steps):
            of.screen.done[self._step.name] = "rolled back"
        self._tell("rollback")

    def _hold(self, reasons: list[str], details: Mapping[str, Any] | None = None) -> None:
        kept = {**(details or {}), "reasons": reasons[:20]}
        if self._journal.state.phase in (Phase.COMPLETE, Phase.STRANDED):
            self._note(Event.NOTE, kept)  # It is a state of rest already.
        else:
            self._note(Event.HOLD, kept)
        self._page("; ".join(reasons[:3]))
        self._tell("hold")

    def _broken(self, error: Exception) -> int:
        try:
            self._hold([f"{type(error).__name__}: {error}"])
        except RecordError as second:
            return self._unrecorded(second)
        except Impossible:
            return EXIT_HOLD
        return EXIT_HOLD

    def _unrecorded(self, error: RecordError) -> int:
        """Without a journal nobody owns what comes next: the candidate loses what it had not earned to the end."""
        of, state = self._of, self._journal.state
        self._say(f"NOT RECORDED, so this rollout ends: {error}")
        unsafe = state.irreversible or of.unsafe
        if state.at < len(self._journal.plan.steps) and state.share > 0 and not unsafe:
            try:
                of.world.move(0.0)
                self._say("the old version has all traffic again; that is not recorded either")
            except SourceError as problem:
                self._say(f"and the traffic could not be taken back: {problem}")
        self._page(f"the journal cannot be written: {error}")
        return EXIT_UNRECORDED

    # --- small things ----------------------------------------------------------------------------------------------

    def _deployed(self) -> bool:
        return any(
            body.get("details", {}).get("hook") == "deploy" and body["details"]["done"] for body in self._journal.told
        )

    def _rolling_back_since(self) -> float:
        """Unix time at which the way back was decided, kills in between included."""
        began = [body for body in self._journal.told if body["event"] == Event.ROLLBACK]
        return float(began[0]["details"].get("since_s", began[0]["at_s"])) if began else time.time()

    def _say(self, text: str) -> None:
        self._of.view.say(self._of.back.clean.text(text))

    def _page(self, why: str) -> None:
        clean = self._of.back.clean.text(why)
        failed = self._of.hooks.tell("page", RELGATE_WHY=clean, RELGATE_EVENT=self._journal.state.phase.value)
        if failed:
            self._say(f"nobody could be paged: {failed}")

    def _tell(self, event: str) -> None:
        failed = self._of.hooks.tell("notify", RELGATE_EVENT=event)
        if failed:
            self._say(f"nobody was notified: {failed}")

    def _show(self) -> None:
        of, state = self._of, self._journal.state
        of.screen.phase, of.screen.at, of.screen.share = state.phase.value, state.at, state.share
        of.view.update(of.screen)
        of.control.show(of.back.clean.json(of.screen.to_json()))


def _where(journal: Journal) -> str:
    state, steps = journal.state, journal.plan.steps
    step = (
        f"step {state.at + 1} of {len(steps)}, {steps[state.at].name}"
        if state.at < len(steps)
        else "after the last step"
    )
    return f"{step}, {state.share:.4g} for {journal.facts.release['version']}"


def _because(reasons: Any) -> str:
    said = [str(reason) for reason in reasons if reason]
    return f" because: {'; '.join(said[:3])}" if said else ""
