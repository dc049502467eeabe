"""The loads of a recording: their engines start before the bake, begin with it, and end with it.

What they report is stored as it came (role ``load``: the result file, histograms of each second, name and outcome), and
as request records like those of a probe, so that everything that judges requests judges these too. A record's latency
is the middle of its bucket (at most 0.025 % off); its intended start is exact to the second only, and requests of a
second are told evenly over it. That is enough for judges, who count in whole seconds.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError
from relgate.load import histogram
from relgate.observe.writer import fault_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from relgate.observe.figures import Clocks
    from relgate.observe.writer import Writer
    from relgate.ports.loading import LoadRun

_FAILED, _LATE = 1, 2
_LOOK_S = 0.05
_SHOWN_S = 3
_MOST_NAMES = 1000


class Loads:
    """All loads of a recording, by signal and side. Empty where there are none."""

    def __init__(self, runs: Mapping[tuple[str, str], LoadRun]) -> None:
        self._runs = dict(runs)
        self._names: dict[str, dict[str, int]] = {name: {} for name, _ in self._runs}
        self._recent = {key: deque[tuple[int, histogram.Counts, int, int]](maxlen=200) for key in self._runs}
        self._totals = {key: [0, 0] for key in self._runs}
        self._begin: Clocks | None = None

    def prepare(self, stop: Callable[[], bool]) -> None:
        """Start all engines and wait until their users are there.

        Raises:
            SourceError: one of them cannot be started, or is not ready in time.

        """
        for run in self._runs.values():
            run.start()
        patience_s = max((run.patience_s for run in self._runs.values()), default=0.0)
        until_s = time.monotonic() + patience_s
        waiting = dict(self._runs)
        while waiting and not stop():
            waiting = {key: run for key, run in waiting.items() if not run.ready()}
            if waiting and time.monotonic() > until_s:
                who = ", ".join(f"{name} ({side})" for name, side in waiting)
                raise SourceError(f"load {who}: workers or users were not there within {patience_s:.0f} s")
            time.sleep(_LOOK_S if waiting else 0)

    def begin(self, begin: Clocks) -> None:
        """Have all begin with the bake."""
        self._begin = begin
        for run in self._runs.values():
            run.begin(begin.monotonic_ns)

    def drain(self, writer: Writer) -> None:
        """Store what was reported since the last time."""
        for (name, side), run in self._runs.items():
            reports = run.take()
            if not reports:
                continue
            writer.lines((name, side, "load"), [dict(report) for report in reports])
            for report in reports:
                self._count((name, side), report)
                writer.requests(name, side, self._records(name, report))

    def settled_s(self) -> float:
        """Return seconds since the bake began before which no load has anything open."""
        return min((run.settled_s() for run in self._runs.values()), default=float("inf"))

    def over(self) -> bool:
        """Whether nothing more will come."""
        return all(run.over() for run in self._runs.values())

    @property
    def aborted(self) -> bool:
        """Whether a person put the abort file of one of them there: then all of it is to end."""
        return any(run.aborted for run in self._runs.values())

    def end(self) -> None:
        """Ask nothing more."""
        for run in self._runs.values():
            run.end()

    def kill(self) -> None:
        """End all processes now."""
        for run in self._runs.values():
            run.kill()

    def progress(self) -> dict[str, dict[str, Any]]:
        """Return what is shown while it runs: rate, P95 and share of errors of the last seconds that are complete."""
        shown: dict[str, dict[str, Any]] = {}
        for (name, side), recent in self._recent.items():
            last = int(self._runs[name, side].settled_s())
            counts: histogram.Counts = {}
            n = failed = 0
            for second, some, good, bad in recent:
                if last - _SHOWN_S <= second < last:
                    histogram.merge(counts, some.items())
                    n, failed = n + good + bad, failed + bad
            rate = n / min(_SHOWN_S, last) if last > 0 else 0.0
            p95_s = histogram.quantile_s(counts, 0.95)
            errors = failed / n if n else 0.0
            shown.setdefault(name, {})[side] = {"rate_per_s": rate, "p95_s": p95_s, "errors": errors}
        return shown

    def counts(self) -> dict[str, dict[str, Any]]:
        """Return how many requests ended, and how many of them failed, as a recording's progress has it."""
        found: dict[str, dict[str, Any]] = {}
        for (name, side), (n, failed) in self._totals.items():
            found.setdefault(name, {})[side] = {"n": n, "failures": failed, "dropped": 0, "last": None}
        return found

    def paths(self, name: str) -> list[str]:
        """Return the names of a signal's requests, in the order of their numbers."""
        return list(self._names[name])

    def tail(self, observed_s: float) -> dict[str, dict[str, Any]]:
        """Return what the manifest says about all loads."""
        found: dict[str, dict[str, Any]] = {}
        for (name, side), run in self._runs.items():
            facts = run.facts(observed_s)
            found.setdefault(name, {})[side] = {
                "doubts": list(facts.doubts),
                "planned": facts.planned,
                "begun": facts.begun,
                "workers": list(facts.workers),
                "cpu_most": facts.cpu_most,
            }
        return found

    def _count(self, key: tuple[str, str], report: Mapping[str, Any]) -> None:
        for second, _, _, flags, pairs in report["rows"]:
            n = sum(count for _, count in pairs)
            bad = n if flags & _FAILED else 0
            self._totals[key][0] += n
            self._totals[key][1] += bad
            self._recent[key].append((second, {} if bad else dict(pairs), n - bad, bad))

    def _records(self, signal: str, report: Mapping[str, Any]) -> list[tuple[int, ...]]:
        """Return a report as rows of ``format.REQUEST``."""
        begin = self._begin
        if begin is None:
            return []
        lags_ns = histogram.expand(dict(report["lags"]))[::-1]
        seconds: dict[int, list[tuple[int, str, int, int]]] = {}
        for second, name, status, flags, pairs in report["rows"]:
            values = histogram.expand(dict(pairs))
            seconds.setdefault(second, []).extend((took, name, status, flags) for took in values)
        records: list[tuple[int, ...]] = []
        for second, samples in seconds.items():
            # Not from quick to slow: who cuts a second in two must find the same in both halves.
            samples.sort(key=lambda sample: (sample[0] * 2_654_435_761) & 0xFFFF_FFFF)
            for place, (took, name, status, flags) in enumerate(samples):
                since_ns = round((second + (place + 0.5) / len(samples)) * 1e9)
                due_ns = begin.monotonic_ns + since_ns
                fault = "recorder" if flags & _LATE else "protocol" if flags & _FAILED else "none"
                lag_ns = min(lags_ns.pop() if lags_ns else 0, took)
                moments = (due_ns, due_ns + lag_ns, due_ns + took, begin.wall_ns + since_ns)
                records.append((*moments, status, fault_number(fault), self._number(signal, name), 0, 0))
        return records

    def _number(self, signal: str, name: str) -> int:
        names = self._names[signal]
        if name not in names and len(names) >= _MOST_NAMES:
            name = "others"  # A name for each id: someone forgot `name=`.
        return names.setdefault(name, len(names))
