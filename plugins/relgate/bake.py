"""The bake as the controller sees it: start the recorder, show progress, stop early when a failure is beyond doubt.

The recorder is a process of its own. It gets its plan through a pipe, since the plan holds secrets, and ends when the
pipe closes: a controller that is killed leaves no recorder behind.

Unfinished evidence is looked at as often as the stage says (``look_every``); ``looks`` says why that costs no error
probability.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from relgate.adapters.locust import FARAWAY_S, HERE_S
from relgate.child import Child
from relgate.curves import draw
from relgate.errors import SourceError
from relgate.loading import beside_policy, lines, loads_of, placed, refuse
from relgate.observe import streams
from relgate.observe.plan import Plan, plan_streams
from relgate.observe.streams import Header, LogPlace, Sides, Target
from relgate.references import auth_headers, headers_of, is_secret, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from relgate.child import Screen
    from relgate.looks import Looks
    from relgate.policy import Environment
    from relgate.policy import Target as PolicyTarget
    from relgate.policy.loads import Load
    from relgate.settings import Run

_FIRST_LOOK_S = 3.0
_LOOK_EVERY_S = 2.0
_GRACE_S = 30.0
_SHOW_LOAD_S = 2.0
_MORE_S = 5.0


class Bake:
    """One window of observation.

    Args:
        run: the frozen run.
        gates: ids of the gates that will judge; only what they need is observed.
        screen: where progress goes, None for nowhere.

    """

    def __init__(self, run: Run, gates: Collection[str], screen: Screen | None) -> None:
        self._run = run
        self._rules = {id_: rule for id_, rule in run.gates.items() if id_ in gates and rule.signal is not None}
        self._screen = screen
        self._next_line = self._next_load = 0.0

    def observe(self) -> str | None:
        """Record until the bake is over, or a critical gate has failed beyond doubt.

        Returns:
            Why the bake was ended early, None when it was not.

        Raises:
            SourceError: the recorder cannot be started, or ended without a recording.

        """
        if not self._rules:
            return None
        loads = loads_of(self._run, self._rules)
        refuse(self._run, loads)
        if self._run.bake_s <= 0:
            raise SourceError(f"stage {self._run.stage_name} has gates to observe, but no bake: set `bake: 10m` in it")
        plan = make_plan(self._run, self._rules)
        if self._run.stage.warm_up is not None:
            from relgate.warming import warm_up

            warm_up(self._run, self._run.stage.warm_up, plan.sides.candidate, self._say)
        self._say(f"observing {self._targets()} for {_minutes(self._run.bake_s)} ({len(plan.streams)} signals)")
        # Loaded before the recorder starts: what takes the processor then is not in its way.
        from relgate.looks import Looks

        looks = Looks(self._run, self._rules)
        with looks, Child("relgate.record", plan.to_json(), "the recorder") as recorder:
            stopped = self._watch(recorder, looks, max(map(_patience_s, loads.values()), default=0.0))
        for unwritten in draw(self._run.path / "evidence", self._run.policy, tuple(loads)):
            self._say(unwritten)
        return stopped

    def _targets(self) -> str:
        baseline = self._run.baseline_url
        return self._run.candidate_url + (f" beside {baseline}" if baseline else ", without a baseline")

    def _watch(self, recorder: Child, looks: Looks, load_s: float) -> str | None:
        """Follow the recorder's progress until it ends; why it was asked to end early, if it was."""
        deadline = time.monotonic() + self._run.bake_s + self._run.stage.warmup_s + _GRACE_S + load_s
        next_look = next_test = time.monotonic() + _FIRST_LOOK_S
        elapsed_s = settled_s = 0.0
        stopped: str | None = None
        while True:
            progress = recorder.progress(timeout_s=0.5)
            now = time.monotonic()
            if self._ended(recorder, progress):
                return stopped
            if progress is not None and "elapsed_s" in progress:
                elapsed_s = float(progress["elapsed_s"])
                settled_s = float(progress.get("settled_s", 0.0))
                self._show(progress, now)
            if stopped is None and elapsed_s > self._run.stage.warmup_s:
                reason = None
                if now >= next_look:
                    reason = _glance(looks.certain, elapsed_s)
                    next_look = time.monotonic() + self._between_looks_s()
                if now >= next_test and reason is None:
                    reason = _glance(looks.statistical, settled_s)
                    next_test = now + self._run.stage.look_every_s
                if reason is not None:
                    stopped = f"the bake was ended after {elapsed_s:.0f} s: {reason}"
                    self._say(f"stopping early: {reason}")
                    recorder.send(f"stop {reason}".replace("\n", " "))
            if now > deadline:
                raise SourceError(f"the recorder did not end within {_GRACE_S:.0f} s after the bake")

    def _ended(self, recorder: Child, progress: Mapping[str, Any] | None) -> bool:
        """Whether the recording is finished; SourceError when there will be none."""
        if progress is None and not recorder.alive():
            raise SourceError(f"the recorder ended before the bake was over: {recorder.last_words()}")
        if progress is not None and "said" in progress:
            self._say(str(progress["said"]))
        if progress is None or "finished" not in progress:
            return False
        if not progress["finished"]:
            raise SourceError(f"the recorder could not record: {progress.get('error')}")
        self._say("observed; the gates judge")
        return True

    def _show(self, progress: Mapping[str, Any], now: float) -> None:
        """Show how far it is, and what a load does, each not too often."""
        if now >= self._next_line:
            self._say(_progress_line(progress, self._run.bake_s))
            self._next_line = now + max(2.0, self._run.bake_s / 20)
        if now >= self._next_load:
            for line in lines(progress.get("load", {}), self._rules):
                self._say(line)
            self._next_load = now + _SHOW_LOAD_S

    def _between_looks_s(self) -> float:
        """A look at states costs what was recorded so far: fewer in a long bake, unless a gate is watched."""
        watched = any(rule.watch for rule in self._rules.values())
        return max(_LOOK_EVERY_S, self._run.stage.look_every_s if watched else self._run.bake_s / 100)

    def _say(self, text: str) -> None:
        if self._screen is not None:
            self._screen.write_line(f"relgate: {self._run.redactor.text(text)}")


def _glance(look: Callable[[float], str | None], until_s: float) -> str | None:
    """Look; nothing readable yet is no reason: the end of the bake judges, a look never does worse than wait."""
    try:
        return look(until_s)
    except (SourceError, ValueError):
        return None


def make_plan(run: Run, rules: Collection[str]) -> Plan:
    """What the recorder is to do in this run, with all secrets resolved."""
    environment = run.environment
    baseline = None
    if run.baseline_url is not None:
        other = environment.baseline or environment.candidate
        baseline = _target(run.baseline_url, run.baseline_instances, other, environment)
    candidate = _target(run.candidate_url, run.candidate_instances, environment.candidate, environment)
    return Plan(
        run_id=run.id,
        folder=str(run.path / "evidence"),
        bake_s=run.bake_s,
        sides=Sides(candidate, baseline),
        streams=tuple(_bounded(run, stream) for stream in plan_streams(run.policy, resolve, rules, placed(run))),
        labels={str(side): label for side, label in environment.labels.items()},
        prometheus=_server(environment, "prometheus"),
        alertmanager=_server(environment, "alertmanager"),
        loki=_server(environment, "loki"),
        secrets=run.secrets,
        redact=run.policy.redact,
    )


def _patience_s(load: Load) -> float:
    """Return how much longer a bake with this load may take: until its users are there, and the last answer is."""
    return (FARAWAY_S if load.workers else HERE_S) + load.timeout_s + _MORE_S


def _bounded(run: Run, stream: Any) -> Any:
    """Return a load as it may be here: on a read-only environment it changes nothing."""
    if not isinstance(stream, streams.Load):
        return stream
    abort_file = beside_policy(run, stream.abort_file)
    return replace(stream, abort_file=abort_file, only_safe=run.environment.read_only)


def _target(url: str, instances: tuple[str, ...], side: PolicyTarget, environment: Environment) -> Target:
    secret = {name for name, value in side.headers.items() if is_secret(value)} | set(auth_headers(side.auth))
    return Target(
        url=url,
        headers=_headers(headers_of(side), secret),
        verify=environment.tls.verify,
        ca=environment.tls.ca,
        log=_log(side),
        instances=instances,
        database=None if side.database is None else resolve(side.database),
    )


def _log(side: PolicyTarget) -> LogPlace | None:
    if side.log_file is not None:
        return LogPlace(file=resolve(side.log_file))
    if side.log_command is not None or side.log_query is not None:
        return LogPlace(command=side.log_command, query=side.log_query)
    return LogPlace(url=resolve(side.log_url)) if side.log_url is not None else None


def _server(environment: Environment, name: str) -> Target | None:
    server = getattr(environment, name)
    if server is None:
        return None
    values = {name: resolve(value) for name, value in server.headers.items()} | auth_headers(server.auth)
    return Target(
        url=resolve(server.url),
        headers=_headers(values, set(values)),
        verify=environment.tls.verify,
        ca=environment.tls.ca,
    )


def _headers(values: Mapping[str, str], secret: Collection[str]) -> tuple[Header, ...]:
    return tuple(Header(name, value, secret=name in secret) for name, value in values.items())


def _progress_line(progress: Mapping[str, Any], bake_s: float) -> str:
    elapsed_s = float(progress.get("elapsed_s", 0.0))
    done = min(1.0, elapsed_s / bake_s)
    width = 20
    filled = int(width * done)
    return f"[{'#' * filled}{'.' * (width - filled)}] {_minutes(elapsed_s)} of {_minutes(bake_s)}"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f}s" if seconds < 120 else f"{int(seconds // 60)}m{int(seconds % 60):02d}s"
