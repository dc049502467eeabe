"""Loads of a recording: reports become request records, and what was wrong with a load comes with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relgate.judge import judge
from relgate.load import histogram
from relgate.observe.figures import Clocks
from relgate.observe.loads import Loads
from relgate.observe.store import open_recording
from relgate.observe.tail import Tail
from relgate.observe.writer import Writer
from relgate.ports.loading import LoadFacts
from relgate.report.redact import Redactor
from relgate.values import Requests, Verdict
from tests import bakes


@dataclass
class Told:
    """A run that is over: reports as a process of Locust would give them."""

    reports: Sequence[Mapping[str, Any]]
    doubts: tuple[str, ...] = ()
    aborted: bool = False
    patience_s: float = 1.0
    called: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Begin nothing."""
        self.called.append("start")

    def ready(self) -> bool:
        """Whether it may begin: at once."""
        return True

    def begin(self, at_ns: int) -> None:  # noqa: ARG002
        """Begin nothing."""
        self.called.append("begin")

    def take(self) -> list[Mapping[str, Any]]:
        """What is to be told, once."""
        found, self.reports = list(self.reports), []
        return found

    def settled_s(self) -> float:
        """Both seconds are complete."""
        return 2.0

    def over(self) -> bool:
        """It is."""
        return True

    def end(self) -> None:
        """Note it."""
        self.called.append("end")

    def kill(self) -> None:
        """Note it."""
        self.called.append("kill")

    def facts(self, observed_s: float) -> LoadFacts:  # noqa: ARG002
        """What is known."""
        return LoadFacts(self.doubts, 200, 200, ("w",), 0.1)


def report(latencies_s: Mapping[int, list[float]], flags: int = 0, name: str = "GET /") -> dict[str, Any]:
    """A report of one worker: latencies of each second."""
    rows = []
    for second, values in latencies_s.items():
        counts: histogram.Counts = {}
        for value in values:
            histogram.add(counts, round(value * 1e9))
        rows.append([second, name, 200, flags, [[number, count] for number, count in counts.items()]])
    n = sum(map(len, latencies_s.values()))
    return {"worker": "w", "rows": rows, "lags": [[1000, n]], "settled_s": 2.0}


def recorded(folder: Path, candidate: Told, baseline: Told, *, finish: bool = True) -> Loads:
    """Leave a recording with one load."""
    begin = Clocks()
    loads = Loads({("traffic", "candidate"): candidate, ("traffic", "baseline"): baseline})
    stream = {"name": "traffic", "kind": "load", "rate_per_s": 100.0, "paths": [], "sides": ["candidate", "baseline"]}
    head = {
        "run_id": "run-1",
        "bake_s": 2.0,
        "warmup_s": 0.0,
        "started": begin.json(),
        "sides": {},
        "streams": [stream],
    }
    writer = Writer(folder, Redactor((), ()), head)
    for side in ("candidate", "baseline"):
        for role in ("requests", "load"):
            writer.open("traffic", side, role)
    writer.begin()
    loads.begin(begin)
    loads.drain(writer)
    writer.flush()
    if finish:
        streams = [{**stream, "paths": loads.paths("traffic")}]
        tail = {"ended": "complete", "reason": "", "finished": Clocks().json(), "observed_s": 2.0, "clock_step_s": 0.0}
        writer.finish({**tail, "streams": streams, "load": loads.tail(2.0)})
    writer.close()
    return loads


def usual(seed: int) -> dict[int, list[float]]:
    """Two seconds of a hundred requests each."""
    random = np.random.default_rng(seed)
    return {second: list(random.lognormal(-3.5, 0.5, 100)) for second in (0, 1)}


def requests_of(folder: Path, side: str = "candidate") -> Requests:
    """What is read back."""
    found = open_recording(folder).evidence("traffic", "latency")
    samples = found.candidate if side == "candidate" else found.baseline
    assert isinstance(samples, Requests)
    return samples


def test_requests_come_back_as_they_were_counted(tmp_path: Path) -> None:
    """Latencies to a fortieth of a per cent, starts to the second and evenly over it."""
    told = usual(1)
    recorded(tmp_path, Told([report(told)]), Told([report(usual(2))]))
    found = requests_of(tmp_path)

    for second, latencies in told.items():
        mine = np.floor(found.intended_s) == second
        assert np.sort(found.latency_s[mine]) == pytest.approx(np.sort(latencies), rel=2 * histogram.ERROR)
        assert np.diff(np.sort(found.intended_s[mine])) == pytest.approx(np.full(99, 0.01), rel=1e-6)
    assert found.usable.all()
    assert not found.failed.any()
    assert found.paths == ("GET /",)


def test_workers_are_added_up(tmp_path: Path) -> None:
    """Two reports of a second are one second."""
    one, other = usual(1), usual(2)
    recorded(tmp_path, Told([report(one), report(other, name="GET /b")]), Told([report(one)]))

    assert len(requests_of(tmp_path).latency_s) == 400
    assert set(requests_of(tmp_path).path) == {0, 1}


def test_failures_and_late_requests_are_what_they_are(tmp_path: Path) -> None:
    """A failed one counts against the service, a late one says nothing about it."""
    reports = [report(usual(1)), report({0: [0.1] * 10}, flags=1), report({1: [0.2] * 3}, flags=2)]
    recorded(tmp_path, Told(reports), Told([report(usual(2))]))
    found = requests_of(tmp_path)

    assert (int(found.failed.sum()), int((~found.usable).sum())) == (10, 3)


def test_a_doubt_about_a_load_decides_nothing(tmp_path: Path) -> None:
    """Neither pass nor fail, whatever the samples say; here they would keep one limit and break the other."""
    recorded(tmp_path, Told([report(usual(1))], ("load (candidate): the worker w was lost",)), Told([report(usual(2))]))
    evidence = open_recording(tmp_path).evidence("traffic", "latency")

    for limit in ("> 10s", "> 1ms"):
        judged = judge(bakes.gate(limit), evidence, alpha=0.01, beta=0.05)
        assert judged.verdict is Verdict.INCONCLUSIVE
        assert "the worker w was lost" in judged.message


def test_many_late_requests_are_a_doubt(tmp_path: Path) -> None:
    """More than one in a hundred: the generator was too slow."""
    late = Told([report(usual(1)), report({1: [0.2] * 5}, flags=2)])
    recorded(tmp_path, late, Told([report(usual(2))]))

    assert "the generator was too slow" in open_recording(tmp_path).evidence("traffic", "latency").doubts[0]


def test_a_load_without_a_request_is_a_doubt(tmp_path: Path) -> None:
    """Nothing was asked, so nothing was answered badly."""
    recorded(tmp_path, Told([]), Told([report(usual(2))]))

    assert "not one request was made" in " ".join(open_recording(tmp_path).evidence("traffic", "errors").doubts)


def test_a_running_load_can_be_followed(tmp_path: Path) -> None:
    """Looks read it as they read a probe, though the names of its requests are not known yet."""
    recorded(tmp_path, Told([report(usual(1)), report(usual(3), name="GET /b")]), Told([]), finish=False)
    with Tail(tmp_path) as tail:
        sides = dict(tail.read("traffic"))

    assert len(sides["candidate"].latency_s) == 400


def test_progress_tells_the_last_seconds(tmp_path: Path) -> None:
    """Rate, P95 and errors of both sides."""
    loads = recorded(tmp_path, Told([report({0: [0.1] * 60, 1: [0.1] * 60})]), Told([report({1: [0.2] * 10}, flags=1)]))
    shown = loads.progress()["traffic"]

    assert shown["candidate"]["rate_per_s"] == 60
    assert shown["candidate"]["p95_s"] == pytest.approx(0.1, rel=1e-3)
    assert shown["baseline"]["errors"] == 1.0


def test_names_without_end_are_put_together(tmp_path: Path) -> None:
    """A locustfile that forgets `name=` has a name for each id."""
    many = [report({0: [0.1]}, name=f"GET /{number}") for number in range(1005)]
    recorded(tmp_path, Told(many), Told([report(usual(1))]))

    assert len(requests_of(tmp_path).paths) == 1001
