"""The conductor: runs prober and samplers, stores what they saw, says how far it is, and ends in order.

An end is ``complete`` (the bake is over), ``stopped`` (somebody had seen enough), or ``interrupted`` (a signal). When
nobody waits any more, or the disk is full, the recording stays unfinished: without a manifest nobody can mistake it
for evidence.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from relgate.errors import SourceError
from relgate.observe import expect
from relgate.observe.figures import Clocks, Lags, Reservoir, Tally
from relgate.observe.lanes import lanes, routes
from relgate.observe.loads import Loads
from relgate.observe.lookup import look_up
from relgate.observe.priority import OTHERS, hurry, relax
from relgate.observe.prober import Outcome, Prober
from relgate.observe.sampler import Observation, Sampler
from relgate.observe.streams import Alerts, Load, Probe, Promql, Scrape
from relgate.observe.writer import Writer, fault_number, size_field
from relgate.report.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.observe.plan import Plan
    from relgate.observe.streams import Sampled
    from relgate.ports.loading import LoadRun
    from relgate.ports.observing import Log, Route, Source, Transport

Ended = Literal["stopped", "interrupted", "abandoned"]

_DRAIN_S = 0.1
_SECOND = 1.0
# Long enough to open files and start threads, so that the first request is not late.
_AHEAD_NS = 100_000_000
_COLLECT_S = 60.0
_SPREAD_S = 0.5
_SWITCH_S = 0.0001


@dataclass(frozen=True, slots=True)
class Wiring:
    """How the recorder gets its adapters; ``record.py`` fills it.

    ``transport``: for the routes and the connections to keep. ``source``: for a stream, a side, and the server to ask.
    ``log``: for a side, None when it has none to look ids up in. ``load``: the engine of a load for a side.
    """

    transport: Callable[[tuple[Route, ...], int], Transport]
    source: Callable[[Plan, Sampled, str], Source]
    log: Callable[[Plan, str], Log | None]
    load: Callable[[Plan, Load, str], LoadRun]


class Control:
    """Whether the recorder is to end before its time; set from signal handlers and other threads."""

    def __init__(self) -> None:
        self.wake = threading.Event()
        self.ended: Ended | None = None
        self.reason = ""

    def end(self, ended: Ended, reason: str) -> None:
        """Ask for an end. A later, harder one replaces an earlier one; a softer one does not."""
        hardness: tuple[Ended | None, ...] = (None, "stopped", "interrupted", "abandoned")
        if hardness.index(ended) > hardness.index(self.ended):
            self.ended, self.reason = ended, reason
            self.wake.set()


class Recorder:
    """One recording.

    Args:
        plan: what to do.
        wiring: where the adapters come from.
        control: how it is told to end.
        progress: is called every second with a JSON value.

    """

    def __init__(
        self, plan: Plan, wiring: Wiring, control: Control, progress: Callable[[dict[str, Any]], None]
    ) -> None:
        self._plan = plan
        self._wiring = wiring
        self._control = control
        self._progress = progress
        self.redactor = Redactor(plan.secret_values(), plan.redact)
        self._probes = tuple(stream for stream in plan.streams if isinstance(stream, Probe))
        self._sides = tuple(side for side, _ in plan.sides.present())
        loads = [stream for stream in plan.streams if isinstance(stream, Load)]
        self._loads = Loads(
            {(load.name, side): wiring.load(plan, load, side) for load in loads for side in self._sides}
        )
        self._lags = Lags()
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._observations: deque[Observation] = deque()
        self._look_ups: dict[tuple[str, str], Reservoir] = {}
        self._logs: dict[str, Log | None] = {}
        self._samplers: list[Sampler] = []
        roles = {"poll": "answers", "log": "lines", "statements": "costs"}
        self._roles = {stream.name: roles.get(stream.kind, "series") for stream in plan.streams}
        self._observed_s = plan.bake_s
        self._cpu_share = 0.0
        self._realtime = False

    def run(self) -> Path | None:
        """Record; returns the manifest's path, None when the recording was abandoned.

        Raises:
            SourceError: a part of the recorder failed.
            OSError: the recording cannot be written.

        """
        self._logs = {side: self._wiring.log(self._plan, side) for side in self._sides}
        keep = sum(probe.in_flight for probe in self._probes) * len(self._sides)
        transport = self._wiring.transport(routes(self._plan), keep)
        sources = [(stream, side, self._wiring.source(self._plan, stream, side)) for stream, side in self._sampled()]
        try:
            self._loads.prepare(self._control.wake.is_set)
            return self._record(transport, sources)
        finally:
            self._loads.kill()

    def _record(self, transport: Transport, sources: list[tuple[Sampled, str, Source]]) -> Path | None:
        self._begin = Clocks(_AHEAD_NS + round(self._plan.warmup_s * 1e9))
        self._end_ns = self._begin.monotonic_ns + round(self._plan.bake_s * 1e9)
        self._writer = Writer(Path(self._plan.folder), self.redactor, self._head())
        self._open_files()
        first_ns = self._begin.monotonic_ns - round(self._plan.warmup_s * 1e9)
        self._prober = Prober(transport, lanes(self._plan), (first_ns, self._begin.monotonic_ns, self._end_ns))
        self._samplers = self._make_samplers(sources)
        try:
            self._writer.begin()
            self._loads.begin(self._begin)
            self._bake()
            return self._finish()
        finally:
            self._halt(hard=True)
            self._writer.close()

    # --- before the bake ---

    def _sampled(self) -> list[tuple[Sampled, str]]:
        """Return each stream that is asked now and then with each side that it is asked for."""
        pairs: list[tuple[Sampled, str]] = []
        for stream in self._plan.streams:
            if isinstance(stream, Probe | Load):
                continue
            # A query that does not name a side gives one number for both: compared with itself it would always pass.
            both = not isinstance(stream, Promql | Alerts) or stream.has_sides
            pairs += [(stream, side) for side in (self._sides if both else self._sides[:1])]
        return pairs

    def _make_samplers(self, sources: list[tuple[Sampled, str, Source]]) -> list[Sampler]:
        samplers = []
        for number, (stream, side, source) in enumerate(sources):
            # A little apart: a dozen threads that wake at one moment would all stand in the prober's way.
            apart_ns = round(min(0.25 * stream.every_s, _SPREAD_S) * 1e9 * number / len(sources))
            times = (self._begin.monotonic_ns + apart_ns, self._end_ns + apart_ns)
            samplers.append(Sampler((stream.name, side), source, stream.every_s, times, self._observations))
        return samplers

    def _open_files(self) -> None:
        for probe in self._probes:
            for side in self._sides:
                self._tallies[probe.name, side] = Tally()
                self._writer.open(probe.name, side, "requests")
                if probe.ids is not None and probe.ids.facts:
                    self._writer.open(probe.name, side, "ids")
                if probe.ids is not None and probe.ids.look_up:
                    self._writer.open(probe.name, side, "logged")
                    self._look_ups[probe.name, side] = Reservoir(probe.ids.look_up)
        for stream in self._plan.streams:
            for side in self._sides if isinstance(stream, Load) else ():
                self._writer.open(stream.name, side, "requests")
                self._writer.open(stream.name, side, "load")
        for stream, side in self._sampled():
            self._tallies[stream.name, side] = Tally()
            self._writer.open(stream.name, side, self._roles[stream.name])

    def _head(self) -> dict[str, Any]:
        plan = self._plan
        return {
            "run_id": plan.run_id,
            "bake_s": plan.bake_s,
            "warmup_s": plan.warmup_s,
            "started": self._begin.json(),
            "sides": {side: target.url for side, target in plan.sides.present()},
            "instances": {side: list(target.instances) for side, target in plan.sides.present() if target.instances},
            "streams": [self._stream_head(stream) for stream in plan.streams],
        }

    def _stream_head(self, stream: Probe | Load | Sampled) -> dict[str, Any]:
        head: dict[str, Any] = {"name": stream.name, "kind": stream.kind}
        if isinstance(stream, Load):
            amount = {"rate_per_s": stream.rate_per_s, "clients": stream.clients, "shape": stream.shape}
            return {**head, **amount, "paths": self._loads.paths(stream.name), "sides": list(self._sides)}
        if isinstance(stream, Probe):
            logs = [side for side in self._sides if self._logs[side] is not None]
            paths = [request.label for request in stream.requests]
            figures = {"rate_per_s": stream.rate_per_s, "timeout_s": stream.timeout_s}
            return {**head, **figures, "paths": paths, "sides": list(self._sides), "logs": logs}
        sides = [side for sampled, side in self._sampled() if sampled.name == stream.name]
        if isinstance(stream, Scrape | Promql) and stream.instance_label is not None:
            head["instance_label"] = stream.instance_label
        return {**head, "every_s": stream.every_s, "sides": sides}

    # --- the bake ---

    def _bake(self) -> None:
        # What exists now stays: collecting it again and again would stop the prober for nothing.
        gc.collect()
        gc.freeze()
        gc.disable()
        before = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        self._realtime = hurry(OTHERS)
        cpu, started = time.process_time(), time.monotonic()
        try:
            for thread in self._threads():
                thread.start()
            self._watch()
        finally:
            self._cpu_share = (time.process_time() - cpu) / max(time.monotonic() - started, 1e-9)
            sys.setswitchinterval(before)
            relax()
            gc.enable()
            gc.unfreeze()

    def _watch(self) -> None:
        shown = collected = time.monotonic()
        stopping = False
        while any(thread.is_alive() for thread in self._threads()) or not self._loads.over():
            # Once it is set it no longer wakes anybody: the end may take a request's timeout.
            if stopping:
                time.sleep(_DRAIN_S)
            else:
                self._control.wake.wait(_DRAIN_S)
            if self._loads.aborted:
                self._control.end("stopped", "the abort file of a load appeared")
            if self._control.ended is not None:
                if not stopping:
                    # Noted when it is first seen, however it was seen: the window ends here.
                    self._observed_s = min(self._plan.bake_s, max(0.0, self._elapsed_s()))
                stopping = True
                self._halt(hard=self._control.ended != "stopped")
            # Before draining: what was settled by then is in the files afterwards.
            settled_s = self._settled_s()
            self._drain()
            self._raise_faults()
            now = time.monotonic()
            if now - shown >= _SECOND:
                shown = now
                self._writer.flush()
                self._progress(self._state(settled_s))
            if now - collected >= _COLLECT_S:
                collected = now
                gc.collect(1)
            if self._control.ended in ("interrupted", "abandoned") and not self._prober.is_alive():
                break
        self._drain()
        self._raise_faults()

    def _halt(self, *, hard: bool) -> None:
        self._prober.stop.set()
        self._loads.end()
        if hard:
            self._prober.give_up.set()
            self._loads.kill()
        for sampler in self._samplers:
            sampler.stop.set()

    def _threads(self) -> tuple[Prober | Sampler, ...]:
        return (self._prober, *self._samplers)

    def _raise_faults(self) -> None:
        for thread in self._threads():
            if thread.error is not None:
                raise SourceError(f"recorder: {thread.name} failed: {thread.error!r}") from thread.error

    def _state(self, settled_s: float) -> dict[str, Any]:
        streams: dict[str, dict[str, Any]] = {}
        for (name, side), tally in self._tallies.items():
            streams.setdefault(name, {})[side] = tally.progress()
        streams |= self._loads.counts()
        return {
            "elapsed_s": round(self._elapsed_s(), 3),
            "settled_s": max(0.0, settled_s),
            "bake_s": self._plan.bake_s,
            "streams": self.redactor.json(streams),
            "lag_p95_s": self._lags.recent_p95_s(),
            "load": self._loads.progress(),
        }

    def _settled_s(self) -> float:
        """Seconds since the bake began before which no request of a probe or a load is open any more."""
        if not self._probes:
            return min(self._loads.settled_s(), self._plan.bake_s)  # A prober with nothing to do settles nothing.
        return min((self._prober.settled_ns - self._begin.monotonic_ns) / 1e9, self._loads.settled_s())

    def _elapsed_s(self) -> float:
        return (time.monotonic_ns() - self._begin.monotonic_ns) / 1e9

    def _drain(self) -> None:
        groups: dict[tuple[int, str], list[Outcome]] = {}
        for _ in range(len(self._prober.outcomes)):
            outcome = self._prober.outcomes.popleft()
            groups.setdefault((outcome.key.lane, outcome.key.side), []).append(outcome)
        for (lane, side), outcomes in groups.items():
            self._store_requests(self._probes[lane], side, outcomes)
        self._loads.drain(self._writer)
        for _ in range(len(self._observations)):
            stream, side, facts = self._observations.popleft()
            self._tallies[stream, side].observation(facts)
            self._writer.lines((stream, side, self._roles[stream]), [facts])

    def _store_requests(self, probe: Probe, side: str, outcomes: list[Outcome]) -> None:
        tally = self._tallies[probe.name, side]
        offset_ns = self._begin.wall_ns - self._begin.monotonic_ns
        rows: list[tuple[int, ...]] = []
        for outcome in outcomes:
            key, hit = outcome
            fault = hit.fault
            if fault == "none" and expect.broken(probe.requests[key.request].expect, hit):
                fault = "expectation"
            tally.request(outcome, fault)
            self._lags.add(key.started_ns - key.intended_ns)
            moments = (key.intended_ns, key.started_ns, hit.finished_ns, key.intended_ns + offset_ns)
            facts = (hit.status, fault_number(fault), key.request, key.instance, size_field(hit.size))
            rows.append((*moments, *facts))
        self._writer.requests(probe.name, side, rows)
        if probe.ids is not None:
            self._store_ids(probe, side, outcomes)

    def _store_ids(self, probe: Probe, side: str, outcomes: list[Outcome]) -> None:
        answered = [(key, hit) for key, hit in outcomes if hit.status > 0]
        reservoir = self._look_ups.get((probe.name, side))
        for key, _ in answered:
            if reservoir is not None and key.sent_id is not None:
                reservoir.add(key.sent_id)
        if probe.ids is None or not probe.ids.facts:
            return
        facts = [
            {
                "t_ns": key.intended_ns,
                "sent": key.sent_id,
                # Only what the service made up itself can hold a secret.
                "got": hit.got if hit.got is None or hit.got == key.sent_id else self.redactor.text(hit.got),
                "status": hit.status,
                "path": key.request,
            }
            for key, hit in answered
        ]
        self._writer.lines((probe.name, side, "ids"), facts, clean=True)

    # --- after the bake ---

    def _finish(self) -> Path | None:
        if self._control.ended == "abandoned":
            self._writer.flush()
            self._writer.mark("abandoned", self._control.reason)
            return None
        for (name, side), reservoir in self._look_ups.items():
            looked_up = look_up(self._logs[side], reservoir.kept, lambda: self._control.ended == "interrupted")
            self._writer.lines((name, side, "logged"), looked_up)
        now = Clocks()
        dropped = sum(tally.dropped for tally in self._tallies.values())
        tail = {
            "ended": self._control.ended or "complete",
            "reason": self._control.reason,
            "finished": now.json(),
            "observed_s": self._observed_s,
            "clock_step_s": self._begin.step_s(now),
            "recorder": {
                **self._lags.summary(),
                "cpu_share": round(self._cpu_share, 4),
                "dropped": dropped,
                "realtime": self._realtime,
            },
            # Names of a load's requests are known only now.
            "streams": [self._stream_head(stream) for stream in self._plan.streams],
            "load": self._loads.tail(self._observed_s),
        }
        return self._writer.finish(tail)
