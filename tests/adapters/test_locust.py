"""Locust in processes of its own: what is counted, what makes a load unbelievable, and that nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from relgate.adapters.locust import LocustLoad
from relgate.errors import SourceError
from relgate.load import histogram
from relgate.load.job import Caps
from relgate.load.shape import Shape
from tests.load import service
from tests.load.service import ended, job, prepared, rest, users


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A service that answers."""
    with service.running() as found:
        yield found


def doubts(load: LocustLoad, seconds: float = 3.0) -> str:
    """Why a load that is over cannot be believed."""
    return "; ".join(load.facts(seconds).doubts)


def counted(reports: list[dict[str, object]]) -> int:
    """How many requests all reports have."""
    rows = [row for report in reports for row in report["rows"]]  # type: ignore[attr-defined]
    return sum(count for row in rows for _, count in row[4])


def run(load: LocustLoad) -> list[dict[str, object]]:
    """Run a load and end its processes."""
    try:
        return ended(load)
    finally:
        load.kill()


def test_an_open_loop_sends_what_its_schedule_says(url: str, tmp_path: Path) -> None:
    """Forty a second for three seconds are 120 requests, each in a histogram; nothing is left to doubt."""
    load = LocustLoad("candidate", job(url, users(tmp_path)))
    reports = run(load)

    facts = load.facts(3.0)
    assert (facts.doubts, facts.planned, facts.begun) == ((), 120, 120)
    assert counted(reports) == 120
    seconds = {row[0] for report in reports for row in report["rows"]}  # type: ignore[attr-defined]
    assert seconds == {0, 1, 2}


def test_two_workers_send_the_schedule_of_one(url: str, tmp_path: Path) -> None:
    """Locust's own master and workers: together they send each request of the schedule once."""
    load = LocustLoad("candidate", job(url, users(tmp_path)), processes=2)
    reports = run(load)

    facts = load.facts(3.0)
    assert (facts.doubts, facts.begun, len(facts.workers)) == ((), 120, 2)
    assert counted(reports) == 120


def test_a_worker_that_is_slow_to_listen_gets_its_job(url: str, tmp_path: Path) -> None:
    """Locust counts a worker as soon as it connects; ours is there when it can hear what it is told."""
    slow = """
    import gevent
    from locust import events

    @events.init.add_listener
    def look_something_up(environment, **_):
        gevent.sleep(1.5)
    """
    load = LocustLoad("candidate", job(url, users(tmp_path, more=slow)), processes=2)
    reports = run(load)

    facts = load.facts(3.0)
    assert (facts.doubts, facts.begun, counted(reports)) == ((), 120, 120)


def test_a_worker_of_another_host_joins_by_the_line_that_is_printed(url: str, tmp_path: Path) -> None:
    """The same reports, the same facts; its job comes from the master."""
    said: list[str] = []
    load = LocustLoad("candidate", job(url, users(tmp_path)), expect=1, say=said.append)
    worker = None
    try:
        load.start()
        until = time.monotonic() + 60
        while not load.ready():
            if said and worker is None:
                line = said[0].partition("run: python ")[2].split()
                environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))}
                worker = subprocess.Popen([sys.executable, *line], cwd=tmp_path, env=environment)
            assert time.monotonic() < until
            time.sleep(0.05)
        load.begin(time.monotonic_ns())
        reports = rest(load)
        facts = load.facts(3.0)
        assert worker is not None
        assert worker.wait(20) == 0
    finally:
        load.kill()
        if worker is not None:
            worker.kill()
            worker.wait()

    assert (facts.doubts, facts.begun, counted(reports)) == ((), 120, 120)


def test_clients_of_a_closed_loop_wait_as_their_file_says(url: str, tmp_path: Path) -> None:
    """Five clients that pause 50 ms after each answer."""
    load = LocustLoad(
        "candidate", job(url, users(tmp_path), open_loop=False, connections=5, shape=Shape("constant", 5, 3.0))
    )
    reports = run(load)

    assert doubts(load) == ""
    assert 40 < counted(reports) < 400


def test_a_worker_that_is_killed_makes_the_load_unbelievable(url: str, tmp_path: Path) -> None:
    """``kill -9`` in the middle of the run."""
    load = LocustLoad("candidate", job(url, users(tmp_path)), processes=2)
    try:
        prepared(load)
        load.begin(time.monotonic_ns())
        time.sleep(1)
        os.kill(load.pids["worker-1"], signal.SIGKILL)
        rest(load)
        said = doubts(load)
    finally:
        load.kill()

    assert "worker-1 of Locust ended in the middle of the load" in said
    assert "too slow: it began" in said


def test_a_worker_that_hangs_is_lost(url: str, tmp_path: Path) -> None:
    """A host that is gone closes no connection: its silence tells."""
    load = LocustLoad("candidate", job(url, users(tmp_path), seconds=7.0), processes=2)
    try:
        prepared(load)
        load.begin(time.monotonic_ns())
        time.sleep(1)
        os.kill(load.pids["worker-0"], signal.SIGSTOP)
        rest(load)
        said = doubts(load, 7.0)
    finally:
        load.kill()

    assert "the worker worker-0 was lost" in said


def test_the_only_process_may_not_die(url: str, tmp_path: Path) -> None:
    """Locust died: what was measured until then is no load."""
    load = LocustLoad("candidate", job(url, users(tmp_path)))
    try:
        prepared(load)
        load.begin(time.monotonic_ns())
        time.sleep(1)
        os.kill(load.pids["alone"], signal.SIGKILL)
        rest(load)
        said = doubts(load)
    finally:
        load.kill()

    assert "alone of Locust ended in the middle of the load: exit status -9" in said


def test_the_abort_file_ends_a_load(url: str, tmp_path: Path) -> None:
    """And nobody believes what was measured until then."""
    abort = tmp_path / "stop"
    load = LocustLoad("candidate", job(url, users(tmp_path), seconds=30.0, abort_file=str(abort)), processes=2)
    try:
        prepared(load)
        load.begin(time.monotonic_ns())
        time.sleep(1)
        abort.touch()
        rest(load)
        assert load.aborted
        assert "the abort file" in doubts(load)
        before = int(httpx.get(f"{url}/count").text)
        time.sleep(0.5)
        assert int(httpx.get(f"{url}/count").text) == before
        with pytest.raises(SourceError, match="remove it to load again"):
            LocustLoad("candidate", job(url, users(tmp_path), abort_file=str(abort))).start()
    finally:
        load.kill()


def test_a_generator_that_is_too_slow_is_not_believed(url: str, tmp_path: Path) -> None:
    """A user whose own code takes the processor: requests of others are late, and counted as such."""
    slow = """
        import time
        class Slow(FastHttpUser):
            @task
            def think(self):
                time.monotonic()
                until = time.monotonic() + 0.1
                while time.monotonic() < until: pass
                self.client.get("/")
    """
    load = LocustLoad("candidate", job(url, users(tmp_path, more=slow), rate=40.0, late_s=0.01), cpu_most=0.5)
    reports = run(load)

    late = sum(n for report in reports for row in report["rows"] if row[3] & 2 for _, n in row[4])  # type: ignore[attr-defined]
    assert late > 0.01 * counted(reports)
    assert "the processor of alone was at" in doubts(load)


def test_a_ramp_that_is_not_reached_is_not_believed(url: str, tmp_path: Path) -> None:
    """Users that take a tenth of a second to be made: a hundred do not fit into three seconds."""
    slow = """
        import time
        made = Visitor.__init__
        def init(self, environment):
            time.sleep(0.1)
            made(self, environment)
        Visitor.__init__ = init
    """
    shape = Shape("steady", 100, 3.0, ramp_s=1)
    load = LocustLoad("candidate", job(url, users(tmp_path, more=slow), open_loop=False, shape=shape))
    run(load)

    assert re.search(r"the ramp was not reached: \d+ of 100 clients", doubts(load))


def test_users_that_hang_before_they_begin_are_not_believed(url: str, tmp_path: Path) -> None:
    """Their log-in never ends: nothing is asked."""
    hang = """
        import gevent
        Visitor.on_start = lambda self: gevent.sleep(100)
    """
    shape = Shape("constant", 10, 3.0)
    load = LocustLoad("candidate", job(url, users(tmp_path, more=hang), open_loop=False, shape=shape))
    run(load)

    assert "not one request was made" in doubts(load)


def test_errors_of_the_users_themselves_are_not_the_services(url: str, tmp_path: Path) -> None:
    """A locustfile with a fault tells nothing about a release."""
    load = LocustLoad("candidate", job(url, users(tmp_path, more="Visitor.tasks = [lambda user: user.nothing]")))
    run(load)

    assert "not one request was made" in doubts(load)
    assert "the users themselves failed" in doubts(load)


def test_a_locustfile_that_cannot_be_loaded_ends_it_before_it_begins(url: str, tmp_path: Path) -> None:
    """With its own words."""
    load = LocustLoad("candidate", job(url, users(tmp_path, more="raise RuntimeError('no such table')")))
    try:
        with pytest.raises(SourceError, match="no such table"):
            prepared(load)
    finally:
        load.kill()


def test_no_other_host_is_ever_asked(url: str, tmp_path: Path) -> None:
    """Neither by a redirect of the service nor by an absolute URL: refused before a name is resolved."""
    load = LocustLoad(
        "candidate",
        job(
            url,
            users(
                tmp_path,
                path="/away",
                more="""
        class Stray(FastHttpUser):
            @task
            def stray(self):
                with self.client.get("http://127.0.0.1:9/", catch_response=True, name="/stray") as answer:
                    answer.failure(repr(answer.error))
    """,
            ),
        ),
    )
    reports = run(load)

    failed = {row[1] for report in reports for row in report["rows"] if row[3] & 1}  # type: ignore[attr-defined]
    assert failed == {"GET /away", "GET /stray"}
    good = [row for report in reports for row in report["rows"] if not row[3] & 1]  # type: ignore[attr-defined]
    assert good == []


def test_a_read_only_environment_is_only_read(url: str, tmp_path: Path) -> None:
    """POST is refused in the process that would send it."""
    write = 'Visitor.tasks = [lambda user: user.client.post("/")]'
    before = int(httpx.get(f"{url}/count").text)
    load = LocustLoad("candidate", job(url, users(tmp_path, more=write), only_safe=True))
    run(load)

    assert int(httpx.get(f"{url}/count").text) == before
    assert "PermissionError" in doubts(load)


def test_a_profile_is_replayed_in_its_proportions(url: str) -> None:
    """Without a locustfile; names are paths without their queries."""
    replay = (("GET", "/?q=1", 3.0), ("GET", "/fail", 1.0))
    load = LocustLoad("candidate", job(url, (), replay=replay))
    reports = run(load)

    counts = {"GET /": 0, "GET /fail": 0}
    for report in reports:
        for row in report["rows"]:  # type: ignore[attr-defined]
            counts[row[1]] += sum(n for _, n in row[4])
    assert sum(counts.values()) == 120
    assert counts["GET /"] > 2 * counts["GET /fail"] > 0
    assert doubts(load) == ""


@pytest.mark.parametrize("open_loop", [True, False], ids=["open", "closed"])
def test_it_ends_at_its_cap(url: str, tmp_path: Path, open_loop: bool) -> None:
    """However long it was asked to go on."""
    load = LocustLoad("candidate", job(url, users(tmp_path), rate=20, open_loop=open_loop, caps=Caps(200, 500, 60, 30)))
    reports = run(load)

    assert counted(reports) == 30
    assert "ended at its cap of 30 requests" in doubts(load)


def test_clients_do_not_go_beyond_the_cap_of_the_rate(url: str, tmp_path: Path) -> None:
    """They would make hundreds of requests: held back, and not believed."""
    job_ = job(url, users(tmp_path), rate=20, open_loop=False, caps=Caps(200, 10, 60, 10_000))
    load = LocustLoad("candidate", job_)
    reports = run(load)

    assert counted(reports) <= 20 + 4 * 10 + 2
    assert "held back at their cap of 10/s" in doubts(load)


@pytest.mark.parametrize("caps", [Caps(200, 10, 60, 1000), Caps(200, 500, 1, 1000)], ids=["rate", "duration"])
def test_a_job_beyond_its_caps_is_refused_where_it_would_run(url: str, tmp_path: Path, caps: Caps) -> None:
    """Whoever wrote it."""
    load = LocustLoad("candidate", job(url, users(tmp_path), caps=caps))
    try:
        with pytest.raises(SourceError, match="the load may"):
            prepared(load)
    finally:
        load.kill()


def test_a_service_that_fails_is_no_fault_of_the_load(url: str, tmp_path: Path) -> None:
    """Failed requests are counted, with their status."""
    load = LocustLoad("candidate", job(url, users(tmp_path, path="/fail")))
    reports = run(load)

    assert doubts(load) == ""
    assert {(row[2], row[3]) for report in reports for row in report["rows"]} == {(500, 1)}  # type: ignore[attr-defined]


def test_a_service_that_hangs_has_its_requests_counted(tmp_path: Path) -> None:
    """Every request that was due counts, also when no connection was free to send it."""
    import socket

    with socket.create_server(("127.0.0.1", 0), backlog=200) as deaf:
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        load = LocustLoad("candidate", job(address, users(tmp_path), connections=5, timeout_s=1.0))
        reports = run(load)

    rows = [row for report in reports for row in report["rows"]]  # type: ignore[attr-defined]
    assert counted(reports) == 120
    assert all(row[3] & 1 for row in rows)
    counts: histogram.Counts = {}
    for row in rows:
        histogram.merge(counts, row[4])
    assert (histogram.quantile_s(counts, 0.5) or 0) > 1.0
    assert doubts(load) == ""


def test_a_load_that_is_ended_reports_what_was_open(url: str, tmp_path: Path) -> None:
    """Somebody had seen enough: nothing more is asked, and what was asked is accounted for."""
    load = LocustLoad("candidate", job(url, users(tmp_path), seconds=30.0), processes=2)
    try:
        prepared(load)
        load.begin(time.monotonic_ns())
        time.sleep(1.5)
        load.end()
        reports = rest(load)
        facts = load.facts(30.0)
    finally:
        load.kill()

    assert facts.doubts == ()
    assert counted(reports) == facts.begun


CONTROLLER = """
import os, sys, time
from relgate.adapters.locust import LocustLoad
from tests.load.service import job, prepared
load = LocustLoad("candidate", job(sys.argv[1], (sys.argv[2],), seconds=60.0), processes=2)
prepared(load)
load.begin(time.monotonic_ns())
print(*load.pids.values(), flush=True)
time.sleep(60)
"""


def test_a_controller_that_is_killed_leaves_no_locust(url: str, tmp_path: Path) -> None:
    """Not the master and none of its workers."""
    file = users(tmp_path)[0]
    controller = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, url, file],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))},
    )
    assert controller.stdout is not None
    pids = [int(pid) for pid in controller.stdout.readline().split()]
    controller.kill()
    controller.communicate()

    assert len(pids) == 3
    until = time.monotonic() + 10
    while any(_lives(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in pids if _lives(pid)] == []


def _lives(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
