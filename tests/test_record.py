"""The recorder as the pytest controller runs it: a process, a pipe, and a folder."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from relgate.errors import SourceError
from relgate.observe import streams as s
from relgate.observe.plan import Plan
from relgate.observe.store import open_recording
from relgate.observe.tail import Tail
from relgate.values import Answers, Ids, Lines, Requests, Series
from tests.adapters.servers import refused_url, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.adapters.servers import Service

SECRET = "hunter22-hunter22"
METRICS = b"# TYPE memory gauge\nmemory 5\n"


@pytest.fixture
def service() -> Iterator[Service]:
    """Run a service with one page for each kind of stream."""
    with serving() as running:
        running.pages["/metrics"] = (200, "text/plain", METRICS)
        running.pages["/stats"] = (200, "application/json", b'{"depth": 7}')
        running.pages["/api/v1/query"] = (
            200,
            "application/json",
            b'{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "9"]}]}}',
        )
        running.pages["/api/v2/alerts"] = (
            200,
            "application/json",
            b'[{"labels": {"side": "canary"}, "status": {"state": "active"}}]',
        )
        yield running


def plan(service: Service, folder: Path, *streams: s.Probe | s.Sampled, bake_s: float = 1.0) -> Plan:
    """Return a plan with the service on both sides."""
    target = s.Target(service.url)
    wanted = streams or (s.Probe("requests", 20.0, (s.ProbeRequest("/ok"),)),)
    return Plan("run-1", str(folder), bake_s, s.Sides(target, target), wanted, prometheus=target, alertmanager=target)


@contextmanager
def recorder(text: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a recorder with a plan; it is killed in the end, whatever happens."""
    source_root = str(Path(__file__).resolve().parents[1] / "plugins")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    command = [sys.executable, "-m", "relgate.record"]
    process = subprocess.Popen(command, text=True, env={**os.environ, "PYTHONPATH": source_root}, **pipes)
    assert process.stdin is not None
    try:
        process.stdin.write(f"{text}\n")
        process.stdin.flush()
        yield process
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()


def rest(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]], str]:
    """Wait for the end; returns the exit code, the lines that it printed, and its errors."""
    assert process.stdout is not None
    assert process.stderr is not None
    lines = [json.loads(line) for line in process.stdout]
    errors = process.stderr.read()
    return process.wait(30), lines, errors


def first_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait until the recorder says how far it is."""
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def answered(requests: Requests) -> set[tuple[str, int]]:
    """Return which paths gave which status, where the recorder did its part."""
    places = zip(requests.path, requests.status, requests.usable, strict=True)
    return {(requests.paths[path], int(status)) for path, status, usable in places if usable}


def tell(process: subprocess.Popen[str], text: str) -> None:
    """Write a command."""
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def test_a_bake_is_recorded_to_its_end(service: Service, tmp_path: Path) -> None:
    """Every kind of stream on both sides, progress on the way, and a manifest in the end."""
    streams = (
        s.Probe("requests", 20.0, (s.ProbeRequest("/ok"), s.ProbeRequest("/missing"))),
        s.Poll("health", "/ok", 0.5),
        s.Scrape("memory", "/metrics", "memory", 0.5),
        s.JsonValue("stats", "/stats", "/depth", 0.5),
        s.Promql("queue", 'depth{deployment="$side"}', 0.5),
        s.Promql("total", "depth", 0.5),
        s.Alerts("alerts", 0.5, source="alertmanager", match={"side": "$side"}),
    )
    wanted = replace(plan(service, tmp_path / "r", *streams, bake_s=2.0), labels={"candidate": "canary"})
    with recorder(wanted.to_json()) as process:
        code, lines, errors = rest(process)

    assert (code, errors) == (0, "")
    assert lines[-1] == {"finished": True, "manifest": str(tmp_path / "r" / "observation.json")}
    assert lines[0]["bake_s"] == 2.0
    assert set(lines[0]["streams"]) == {stream.name for stream in streams}
    assert set(lines[0]["streams"]["requests"]["baseline"]) == {"n", "failures", "dropped", "last"}
    recording = open_recording(tmp_path / "r")
    assert recording.ended == "complete"
    requests = recording.evidence("requests", "latency")
    assert isinstance(requests.candidate, Requests)
    assert isinstance(requests.baseline, Requests)
    assert answered(requests.candidate) == answered(requests.baseline) == {("/ok", 200), ("/missing", 404)}
    assert len(requests.candidate.status) == len(requests.baseline.status) == 40
    health = recording.evidence("health", "status").candidate
    assert isinstance(health, Answers)
    assert {answer.code for answer in health.answers} == {200}
    assert len(health.answers) == 5
    values = {"memory": 5.0, "stats": 7.0, "queue": 9.0, "total": 9.0}
    for name, value in values.items():
        series = recording.evidence(name, "value").candidate
        assert isinstance(series, Series)
        assert series.value.tolist() == [value] * 5
    assert recording.evidence("total", "value").baseline is None
    alerts = recording.evidence("alerts", "count")
    assert isinstance(alerts.candidate, Series)
    assert isinstance(alerts.baseline, Series)
    assert (alerts.candidate.value[0], alerts.baseline.value[0]) == (1.0, 0.0)
    sent = {path for path, _, _ in service.requests if "query" in path}
    assert any("canary" in path for path in sent)
    assert any("baseline" in path for path in sent)


def test_a_service_that_fails_is_recorded_as_failing(service: Service, tmp_path: Path) -> None:
    """5xx, a broken expectation, and nobody there are failures of that side, and none of the recorder's."""
    service.pages["/broken"] = (503, "text/plain", b"no")
    probe = s.Probe(
        "requests", 20.0, (s.ProbeRequest("/broken"), s.ProbeRequest("/ok", expect=s.Expect(contains="no")))
    )
    sides = s.Sides(s.Target(service.url), s.Target(refused_url()))
    with recorder(replace(plan(service, tmp_path / "r", probe), sides=sides).to_json()) as process:
        _, lines, _ = rest(process)

    evidence = open_recording(tmp_path / "r").evidence("requests", "errors")
    assert lines[-1]["finished"]
    assert isinstance(evidence.candidate, Requests)
    assert isinstance(evidence.baseline, Requests)
    # On a busy machine the recorder may have dropped some; those are no failures.
    assert evidence.candidate.failed.tolist() == evidence.candidate.usable.tolist()
    assert answered(evidence.candidate) == {("/broken", 503), ("/ok", 200)}
    assert evidence.baseline.failed.tolist() == evidence.baseline.usable.tolist()
    assert not evidence.baseline.status.any()
    assert evidence.candidate.failed.any()
    assert evidence.baseline.failed.any()


def test_ids_are_sent_noted_and_looked_up(service: Service, tmp_path: Path) -> None:
    """Each answer says which id it got; those of the candidate are found in its log."""
    service.log = tmp_path / "service.jsonl"
    probe = s.Probe("requests", 20.0, (s.ProbeRequest("/echo"),), ids=s.Ids(look_up=5))
    sides = s.Sides(s.Target(service.url, log=s.LogPlace(file=str(service.log))), s.Target(service.url))
    with recorder(replace(plan(service, tmp_path / "r", probe), sides=sides).to_json()) as process:
        rest(process)

    evidence = open_recording(tmp_path / "r").evidence("requests", "logged")
    assert isinstance(evidence.candidate, Ids)
    assert isinstance(evidence.baseline, Ids)
    assert len(evidence.candidate.facts) > 5
    assert all(fact.sent is not None and fact.sent == fact.got for fact in evidence.candidate.facts)
    looked_up = [fact.logged for fact in evidence.candidate.facts if fact.logged is not None]
    assert looked_up == [True] * 5
    assert {fact.logged for fact in evidence.baseline.facts} == {None}
    assert any("no log" in problem and "baseline" in problem for problem in evidence.problems)
    assert not any("no log" in problem and "candidate" in problem for problem in evidence.problems)


def test_ids_that_are_not_in_the_log_are_known_to_be_missing(service: Service, tmp_path: Path) -> None:
    """A log without the ids is a no; a log that cannot be read is no answer, and neither is a yes."""
    (tmp_path / "empty.jsonl").write_text("")
    places = [s.LogPlace(file=str(tmp_path / "empty.jsonl")), s.LogPlace(file=str(tmp_path / "none.jsonl"))]
    probe = s.Probe("requests", 20.0, (s.ProbeRequest("/ok"),), ids=s.Ids(look_up=100))
    sides = s.Sides(*(s.Target(service.url, log=place) for place in places))
    with recorder(replace(plan(service, tmp_path / "r", probe), sides=sides).to_json()) as process:
        first_line(process)
        # Both logs are asked again for a while; an interruption ends the waiting.
        time.sleep(1.0)
        process.send_signal(signal.SIGTERM)
        rest(process)

    evidence = open_recording(tmp_path / "r").evidence("requests", "logged")
    assert isinstance(evidence.candidate, Ids)
    assert isinstance(evidence.baseline, Ids)
    assert {fact.logged for fact in evidence.candidate.facts} == {False}
    assert {fact.logged for fact in evidence.baseline.facts} == {None}


def test_a_stop_ends_the_recording_in_order(service: Service, tmp_path: Path) -> None:
    """Whoever has seen enough says so, and the recording can be judged."""
    with recorder(plan(service, tmp_path / "r", bake_s=60.0).to_json()) as process:
        first_line(process)
        tell(process, "stop the candidate is bad enough\n")
        code, lines, _ = rest(process)

    recording = open_recording(tmp_path / "r")
    assert (code, lines[-1]["finished"], recording.ended) == (0, True, "stopped")
    assert recording.manifest["reason"] == "the candidate is bad enough"
    assert not any("cut short" in problem for problem in recording.evidence("requests", "latency").problems)
    assert 0.0 < recording.manifest["observed_s"] < 60.0


def test_a_stop_waits_for_open_requests(service: Service, tmp_path: Path) -> None:
    """What is still open at a stop is noted as the timeout that it becomes, not left out."""
    probe = s.Probe("requests", 5.0, (s.ProbeRequest("/hang"),), timeout_s=1.5)
    with recorder(plan(service, tmp_path / "r", probe, bake_s=60.0).to_json()) as process:
        first_line(process)
        tell(process, "stop enough\n")
        rest(process)

    requests = open_recording(tmp_path / "r").evidence("requests", "errors").candidate
    assert isinstance(requests, Requests)
    assert requests.failed.any()
    assert requests.failed.tolist() == requests.usable.tolist()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_recording_as_interrupted(service: Service, tmp_path: Path, number: signal.Signals) -> None:
    """An interrupted recording is whole, and its evidence says that it must not pass."""
    probe = s.Probe("requests", 10.0, (s.ProbeRequest("/ok"), s.ProbeRequest("/hang")), timeout_s=60.0)
    with recorder(plan(service, tmp_path / "r", probe, bake_s=60.0).to_json()) as process:
        first_line(process)
        process.send_signal(number)
        code, lines, _ = rest(process)

    recording = open_recording(tmp_path / "r")
    assert (code, lines[-1]["finished"], recording.ended) == (0, True, "interrupted")
    assert number.name in recording.evidence("requests", "latency").problems[0]


def test_the_end_of_the_input_leaves_the_recording_unfinished(service: Service, tmp_path: Path) -> None:
    """When the controller died nobody judges: no manifest."""
    with recorder(plan(service, tmp_path / "r", bake_s=60.0).to_json()) as process:
        first_line(process)
        assert process.stdin is not None
        process.stdin.close()
        code, lines, _ = rest(process)

    assert code == 1
    assert lines[-1]["finished"] is False
    with pytest.raises(SourceError, match="not finished"):
        open_recording(tmp_path / "r")
    assert open_recording(tmp_path / "r", live=True).ended == "abandoned"


def test_a_killed_recorder_leaves_no_evidence(service: Service, tmp_path: Path) -> None:
    """After SIGKILL one can peek at what was flushed, but nothing can be judged."""
    with recorder(plan(service, tmp_path / "r", bake_s=60.0).to_json()) as process:
        first_line(process)
        live = open_recording(tmp_path / "r", live=True).evidence("requests", "latency")
        process.kill()
        process.wait()

    assert isinstance(live.candidate, Requests)
    assert len(live.candidate.latency_s) > 0
    assert "not finished" in live.problems[0]
    with pytest.raises(SourceError, match="not finished"):
        open_recording(tmp_path / "r")


def test_a_full_disk_leaves_no_evidence(service: Service, tmp_path: Path) -> None:
    """When a file can grow no more the recorder ends with an error and without a manifest."""
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))}
    probe = s.Probe("requests", 200.0, (s.ProbeRequest("/ok"),))
    with recorder(plan(service, tmp_path / "r", probe, bake_s=30.0).to_json(), **limit) as process:
        code, lines, errors = rest(process)

    assert code == 1
    assert lines[-1]["finished"] is False
    assert "OSError" in lines[-1]["error"]
    assert "Traceback" not in errors
    with pytest.raises(SourceError, match="not finished"):
        open_recording(tmp_path / "r")


def test_a_paused_recorder_says_that_it_was_the_bottleneck(service: Service, tmp_path: Path) -> None:
    """A process that stood still for part of the bake marks what it could not send, and the evidence says so."""
    probe = s.Probe("requests", 50.0, (s.ProbeRequest("/ok"),))
    with recorder(plan(service, tmp_path / "r", probe, bake_s=3.0).to_json()) as process:
        first_line(process)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
        rest(process)

    evidence = open_recording(tmp_path / "r").evidence("requests", "latency")
    assert isinstance(evidence.candidate, Requests)
    assert not evidence.candidate.usable.all()
    assert any("bottleneck" in problem for problem in evidence.problems)


def test_no_secret_reaches_a_file_or_a_stream(service: Service, tmp_path: Path) -> None:
    """Not even when the service echoes it in bodies and headers, or when asking fails with it in the URL."""
    headers = (
        s.Header("Authorization", f"Bearer {SECRET}", secret=True),
        s.Header("X-Correlation-ID", SECRET, secret=True),
    )
    place = service.url.removeprefix("http://")
    target = s.Target(f"http://user:{SECRET}@{place}", headers)
    streams = (
        s.Probe("requests", 10.0, (s.ProbeRequest("/echo"),), ids=s.Ids(send=False)),
        s.Poll("health", "/echo", 0.5),
        s.JsonValue("stats", "/echo", f"/{SECRET}", 0.5),
        s.Scrape("memory", f"/metrics?token={SECRET}", SECRET, 0.5),
        s.Poll("gone", f"/{SECRET}\x00", 0.5),
    )
    wanted = replace(plan(service, tmp_path / "r", *streams), sides=s.Sides(target), secrets=(SECRET,))
    with recorder(wanted.to_json()) as process:
        _, lines, errors = rest(process)

    bodies = [body for _, sent, _ in service.requests for body in sent.values()]
    written = [path.read_bytes() for path in (tmp_path / "r").iterdir()]
    assert any(SECRET in body for body in bodies)
    assert lines[-1]["finished"]
    assert not [content for content in written if SECRET.encode() in content]
    assert not [path for path in (tmp_path / "r").iterdir() if SECRET in path.name]
    assert SECRET not in json.dumps(lines)
    assert SECRET not in errors
    assert any(b"[redacted]" in content for content in written)


def test_a_recorder_that_cannot_be_started_says_so_without_the_plan(tmp_path: Path) -> None:
    """A plan that is none, or a folder that cannot be made, ends with a line and no secret."""
    broken = json.dumps({"run_id": 3, "secrets": [SECRET], "bake_s": SECRET})
    with recorder(broken) as process:
        code, lines, errors = rest(process)
    assert (code, lines[0]["finished"]) == (3, False)
    assert SECRET not in json.dumps(lines) + errors

    (tmp_path / "file").write_text("")
    target = s.Target(refused_url(), (s.Header("Authorization", SECRET, secret=True),))
    probe = s.Probe("requests", 1.0, (s.ProbeRequest("/"),))
    wanted = Plan("run-1", str(tmp_path / "file" / SECRET), 1.0, s.Sides(target), (probe,))
    with recorder(wanted.to_json()) as process:
        code, lines, errors = rest(process)
    assert (code, lines[-1]["finished"]) == (1, False)
    assert SECRET not in json.dumps(lines) + errors


def test_a_folder_with_a_recording_is_not_used_again(service: Service, tmp_path: Path) -> None:
    """Samples of two runs never mix."""
    for expected in (0, 1):
        with recorder(plan(service, tmp_path / "r").to_json()) as process:
            code, _, _ = rest(process)
        assert code == expected

    assert open_recording(tmp_path / "r").ended == "complete"


def test_nobody_has_to_read_the_progress(service: Service, tmp_path: Path) -> None:
    """A recorder whose output nobody takes any more records to its end."""
    reading, writing = os.pipe()
    os.close(reading)
    with recorder(plan(service, tmp_path / "r", bake_s=2.0).to_json(), stdout=writing) as process:
        os.close(writing)
        process.wait(30)

    assert open_recording(tmp_path / "r").ended == "complete"


def test_instances_are_asked_in_turn_and_stay_known(service: Service, tmp_path: Path) -> None:
    """Three pods beside two, at one rate: each answer and each number is of one of them, and URLs are redacted."""
    service.pages["/broken"] = (503, "text/plain", b"no")
    service.pages["/pod/broken"] = (200, "text/plain", b"yes")
    service.pages["/metrics"] = (200, "text/plain", b'memory{pod="b"} 5\nmemory{pod="a"} 7\n')
    vector = b'[{"metric": {"pod": "a"}, "value": [1, "9"]}, {"metric": {"pod": "b"}, "value": [1, "NaN"]}]'
    answer = b'{"status": "success", "data": {"resultType": "vector", "result": ' + vector + b"}}"
    service.pages["/api/v1/query"] = (200, "application/json", answer)
    pods = (service.url, f"{service.url}/pod", refused_url())
    bare = service.url.removeprefix("http://")
    sides = s.Sides(
        s.Target(service.url, instances=pods),
        s.Target(service.url, instances=(service.url, f"http://bob:{SECRET}@{bare}")),
    )
    streams = (
        s.Probe("requests", 30.0, (s.ProbeRequest("/broken"), s.ProbeRequest("/broken", "POST"))),
        s.Scrape("memory", "/metrics", "memory", 0.5, instance_label="pod"),
        s.Promql("queue", "depth", 0.5, instance_label="pod"),
    )
    with recorder(replace(plan(service, tmp_path / "r", *streams, bake_s=2.0), sides=sides).to_json()) as process:
        _, lines, _ = rest(process)

    assert lines[-1]["finished"]
    recording = open_recording(tmp_path / "r")
    evidence = recording.evidence("requests", "errors")
    assert isinstance(evidence.candidate, Requests)
    assert isinstance(evidence.baseline, Requests)
    assert evidence.candidate.instances == pods
    assert evidence.baseline.instances == (service.url, f"http://[redacted]@{bare}")
    assert SECRET not in (tmp_path / "r" / "observation.json").read_text()
    statuses = [set(one.status[one.usable].tolist()) for one in evidence.candidate.by_instance()]
    assert statuses == [{503}, {200}, {0}]
    assert [len(one.status) for one in evidence.candidate.by_instance()] == [20, 20, 20]
    assert [len(one.status) for one in evidence.baseline.by_instance()] == [30, 30]
    assert all(set(one.path.tolist()) == {0, 1} for one in evidence.baseline.by_instance())
    assert evidence.candidate.path.tolist() == evidence.baseline.path.tolist()
    memory, queue = (recording.evidence(name, "value").candidate for name in ("memory", "queue"))
    assert isinstance(memory, Series)
    assert isinstance(queue, Series)
    assert (memory.instances, memory.value.tolist()) == (("a", "b"), [7.0, 5.0] * 5)
    assert (queue.by_instance()[0].value.tolist(), len(queue.by_instance()[1].faults)) == ([9.0] * 5, 5)
    assert recording.evidence("memory", "value").problems == ()


def test_what_the_recorder_calls_settled_can_be_read(service: Service, tmp_path: Path) -> None:
    """A look during the bake finds every request that was due before the settled moment, each once in all looks."""
    wanted = plan(service, tmp_path / "r", s.Probe("requests", 50.0, (s.ProbeRequest("/ok"),)), bake_s=4.0)
    seen: list[float] = []
    settled: list[float] = []
    with recorder(wanted.to_json()) as process, Tail(tmp_path) as nothing, Tail(tmp_path / "r") as tail:
        assert process.stdout is not None
        with pytest.raises(SourceError):
            nothing.read("requests")
        for text in process.stdout:
            line = json.loads(text)
            if "finished" in line:
                break
            settled.append(line["settled_s"])
            seen += dict(tail.read("requests"))["candidate"].intended_s.tolist()
            due = [number / 50.0 for number in range(200) if number / 50.0 < settled[-1] - 1e-6]
            assert sum(moment < settled[-1] for moment in seen) >= len(due)
        seen += dict(tail.read("requests"))["candidate"].intended_s.tolist()

    assert len(seen) == len(set(seen)) == 200
    assert len(settled) >= 3
    assert settled == sorted(settled)
    assert settled[-1] > 2.0


def test_lines_of_both_sides_are_recorded(service: Service, tmp_path: Path) -> None:
    """Of a file on one side, of Loki on the other; secrets of the plan are taken out of them."""
    log = tmp_path / "service.log"
    log.write_text("ERROR before\n")
    wanted = plan(service, tmp_path / "r", s.LogLines("errors", "ERROR", 0.5), bake_s=7.0)
    moment = time.time_ns()
    line = [str(moment), f"ERROR old token {SECRET}"]
    answer = {"status": "success", "data": {"resultType": "streams", "result": [{"stream": {}, "values": [line]}]}}
    service.pages["/loki/api/v1/query_range"] = (200, "application/json", json.dumps(answer).encode())
    here = replace(wanted.sides.candidate, log=s.LogPlace(file=str(log)))
    there = replace(wanted.sides.candidate, log=s.LogPlace(query='{side="$side"}'))
    wanted = replace(wanted, sides=s.Sides(here, there), loki=s.Target(service.url), secrets=(SECRET,))
    with recorder(wanted.to_json()) as process:
        first_line(process)
        with log.open("a") as file:
            file.write(f"ERROR new token {SECRET}\nINFO\n")
        code, _, errors = rest(process)

    assert (code, errors) == (0, "")
    found = open_recording(tmp_path / "r").evidence("errors", "patterns")
    assert found.problems == ()
    for side, pattern in (
        (found.candidate, "ERROR new token [redacted]"),
        (found.baseline, "ERROR old token [redacted]"),
    ):
        assert isinstance(side, Lines)
        assert {seen.pattern for look in side.looks for seen in look.seen} == {pattern}
    asked = [path for path, _, _ in service.requests if path.startswith("/loki")]
    assert "query=%7Bside%3D%22baseline%22%7D" in asked[0]
    assert not any(SECRET in path.read_text(errors="replace") for path in (tmp_path / "r").rglob("*") if path.is_file())
