"""What a process of Locust does, by its role: everything alone, the master of workers, or one of these.

Locust's own master and workers share out the users and speak with each other; the job, the common start and the reports
are messages of ours on the same connection.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from gevent.socket import wait_read
from locust import events
from locust.env import Environment

from relgate.load import guard, visitors
from relgate.load.engine import Engine
from relgate.load.job import Job, Task
from relgate.load.process import say

if TYPE_CHECKING:
    from collections.abc import Callable

_LISTENING, _JOB, _HERE = "relgate-listening", "relgate-job", "relgate-here"
_GO, _END, _REPORT = "relgate-go", "relgate-end", "relgate-report"
_SPAWN_S = 60.0
_SILENT_S = 4.0
_LOOK_S = 0.1


def alone(task: Task) -> int:
    """Run the whole load in this process."""
    job = _job(task)
    guard.confine(job)
    classes = visitors.load(task.users)
    visitors.equip(classes, job)
    environment = _environment(classes, job)
    runner = _uncounted(environment.create_local_runner())
    events.init.fire(environment=environment, runner=runner, web_ui=None)
    commands = Commands(job.abort_file)
    engine = Engine(job, "alone", say, lambda: runner.user_count)
    _spawn(runner, job, lambda: runner.user_count)
    say({"ready": True})
    begin_s = commands.begin_s(engine.end)
    follower = gevent.spawn(_follow, runner, job, begin_s)
    engine.run(begin_s)
    follower.kill()
    return _end(runner)


def master(task: Task) -> int:
    """Share the load out among workers, and pass their reports on."""
    job = _job(task)
    classes = visitors.load(task.users)
    visitors.equip(classes, job)
    environment = _environment(classes, job)
    runner = environment.create_master_runner(task.address, task.port)
    workers = Workers(runner, task.expect)
    events.init.fire(environment=environment, runner=runner, web_ui=None)
    commands = Commands(job.abort_file)
    say({"address": [task.address, runner.server.port]})
    workers.gather()
    workers.send_jobs(job)
    _spawn(runner, job, lambda: runner.user_count)
    say({"ready": True})
    begin_s = commands.begin_s(workers.end)
    workers.go(begin_s - time.monotonic())
    follower = gevent.spawn(_follow, runner, job, begin_s)
    workers.watch(begin_s + job.shape.end_s + job.timeout_s + _SILENT_S)
    follower.kill()
    return _end(runner)


def worker(task: Task) -> int:
    """Be a worker: the job comes from the master. Also the process that other hosts start."""
    classes = visitors.load(task.users)
    environment = _environment(classes, None)
    runner = _uncounted(environment.create_worker_runner(task.address, task.port))
    events.init.fire(environment=environment, runner=runner, web_ui=None)
    name = task.name or runner.client_id
    engines: list[Engine] = []

    def on_job(environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG001 - Locust passes both by name
        job = Job.of_plain(msg.data)
        guard.confine(job, also=((task.address, task.port),))
        visitors.equip(classes, job)
        Commands.watch(job.abort_file)
        engines.append(
            Engine(job, name, lambda report: runner.send_message(_REPORT, report), lambda: runner.user_count)
        )
        runner.send_message(_HERE, {"worker": name})

    def on_go(environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG001
        gevent.spawn(engines[0].run, time.monotonic() + float(msg.data["in_s"]))

    runner.register_message(_JOB, on_job)
    runner.register_message(_GO, on_go)
    runner.register_message(_END, lambda **_: engines[0].end())
    runner.send_message(_LISTENING)
    runner.greenlet.join()
    return 0


class Commands:
    """What the process that started this one says on the standard input, and the abort file."""

    def __init__(self, abort_file: str | None) -> None:
        self._began_s: float | None = None
        self._end: Callable[[], None] | None = None
        gevent.spawn(self._read)
        self.watch(abort_file)

    @staticmethod
    def watch(abort_file: str | None) -> None:
        """End this process as soon as the abort file is there."""

        def look() -> None:
            while True:
                if abort_file is not None and Path(abort_file).exists():
                    say({"aborted": abort_file})
                    os._exit(1)
                gevent.sleep(_LOOK_S)

        if abort_file is not None:
            gevent.spawn(look)

    def begin_s(self, end: Callable[[], None]) -> float:
        """Wait for the start, monotonic seconds. ``end``: what is done when it is to end before its time."""
        self._end = end
        while self._began_s is None:
            gevent.sleep(0.01)
        return self._began_s

    def _read(self) -> None:
        rest = b""
        while True:
            wait_read(0)
            data = os.read(0, 65_536)
            if not data:
                os._exit(1)  # Whoever started this is gone, or wants it to be over at once.
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                word, _, number = line.partition(b" ")
                if word == b"go":
                    self._began_s = int(number) / 1e9
                elif word == b"end" and self._end is not None:
                    self._end()


class Workers:
    """The workers of a master: that all are there, that none is lost, and what they report."""

    def __init__(self, runner: Any, expect: int) -> None:
        self._runner = runner
        self._expect = expect
        self._heard_s: dict[str, float] = {}
        self._over: set[str] = set()
        self._lost: set[str] = set()
        self._listening: set[str] = set()
        self._here: set[str] = set()
        runner.register_message(_LISTENING, self._on_listening)
        runner.register_message(_REPORT, self._on_report)
        runner.register_message(_HERE, self._on_here)

    def gather(self) -> None:
        """Wait until the expected workers listen; whoever started this one bounds the time.

        Locust counts a worker as ready as soon as it connects: what it is told before it listens is lost.
        """
        while len(self._listening) < self._expect:
            gevent.sleep(0.05)

    def send_jobs(self, job: Job) -> None:
        """Give each worker its part, and wait until it has it."""
        ids = sorted(self._listening)[: self._expect]
        for index, id_ in enumerate(ids):
            self._runner.send_message(_JOB, replace(job, index=index, of=self._expect).plain(), client_id=id_)
        while len(self._here) < self._expect:
            gevent.sleep(0.02)

    def go(self, in_s: float) -> None:
        """Have all of them begin at one moment, ``in_s`` seconds from now."""
        self._runner.send_message(_GO, {"in_s": in_s})
        self._heard_s = dict.fromkeys(self._here, time.monotonic() + in_s)

    def end(self) -> None:
        """Have all of them ask nothing more."""
        self._runner.send_message(_END, {})

    def watch(self, until_s: float) -> None:
        """Wait until all are over; a worker that has been silent for long is lost, and said to be."""
        while len(self._over | self._lost) < self._expect and time.monotonic() < until_s:
            for name, heard_s in self._heard_s.items():
                if name not in self._over | self._lost and time.monotonic() - heard_s > _SILENT_S:
                    self._lost.add(name)
                    say({"lost": name})
            gevent.sleep(_LOOK_S)

    def _on_report(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 - Locust passes both by name
        report = msg.data
        self._heard_s[report["worker"]] = time.monotonic()
        if report["over"]:
            self._over.add(report["worker"])
        say(report)

    def _on_listening(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002
        self._listening.add(msg.node_id)

    def _on_here(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002
        self._here.add(msg.data["worker"])


def _uncounted(runner: Any) -> Any:
    """Have Locust not count what is counted here: nobody reads its figures, and they cost as much as ours."""
    runner.stats.log_request = runner.stats.log_error = lambda *_, **__: None
    return runner


def _job(task: Task) -> Job:
    if task.job is None:
        raise ValueError("no job: only a worker gets it later")
    return task.job


def _environment(classes: list[Any], job: Job | None) -> Any:
    # A locustfile may look at the options of Locust's command line: it finds the defaults.
    from locust.argument_parser import default_args_dict, parse_options

    options = parse_options(args=[])
    for name, value in default_args_dict().items():
        if not hasattr(options, name):
            setattr(options, name, value)
    host = job.host if job is not None else None
    return Environment(user_classes=classes, events=events, host=host, parsed_options=options)


def _spawn(runner: Any, job: Job, count: Callable[[], int]) -> None:
    """Have all users of an open loop there before it begins; those of a closed one come when its shape says."""
    if not job.open_loop:
        return
    wanted = min(job.connections, job.caps.users)
    runner.start(wanted, spawn_rate=max(10.0, wanted / 2))
    until_s = time.monotonic() + _SPAWN_S
    while count() < wanted:
        if time.monotonic() > until_s:
            raise TimeoutError(f"{count()} of {wanted} users were there after {_SPAWN_S:.0f} s: is `on_start` slow?")
        gevent.sleep(0.02)


def _follow(runner: Any, job: Job, begin_s: float) -> None:
    """Keep as many clients as the shape of a closed loop asks for."""
    now = 0
    while not job.open_loop:
        wanted = min(round(job.shape.at(time.monotonic() - begin_s)), job.caps.users)
        if wanted not in (now, 0):
            runner.start(wanted, spawn_rate=max(1.0, 2.0 * abs(wanted - now)))
            now = wanted
        gevent.sleep(0.5)


def _end(runner: Any) -> int:
    say({"over": True})
    runner.quit()
    return 0
