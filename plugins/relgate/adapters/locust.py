"""Locust: starts its processes, hands them their job through a pipe, watches them, and never leaves one behind.

Locust is imported nowhere in this process: it patches sockets. Each process ends when its input closes, and the kernel
kills it when the recorder is gone, however that came about.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from relgate.adapters.owned import dying_with_us
from relgate.errors import SourceError
from relgate.load.job import Job, Task
from relgate.ports.loading import LoadFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE_S, FARAWAY_S = 90.0, 600.0
"""How long workers may take to be there: on this machine, and on others that may have to load an image first."""

_MOST_SAID = 20
_CPU_ROW = 3
_COMPLETE = 0.99
_USER_ERRORS = _CAPPED = 0.01
_MISSING = "load: needs Locust, which is not installed: pip install 'relgate[load]'"


class Process:
    """One process of Locust with its pipes."""

    def __init__(self, task: Task, take: Callable[[dict[str, Any]], None]) -> None:
        self.name = task.name or task.role
        self._take = take
        self.errors: list[str] = []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "relgate.load.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
                preexec_fn=dying_with_us(signal.SIGKILL),
            )
        except OSError as error:
            raise SourceError(f"load: Locust cannot be started: {error}") from error
        self._readers = [threading.Thread(target=target, daemon=True) for target in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()
        self.send(task.to_json())

    def send(self, line: str) -> None:
        """Write one line; a process that is gone is noticed elsewhere."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self.process.stdin.write(f"{line}\n".encode())
                self.process.stdin.flush()

    def gone(self) -> bool:
        """Whether it has ended and everything that it said was read."""
        return self.process.poll() is not None and not self._readers[0].is_alive()

    def last_words(self) -> str:
        """How it ended, and what it said last."""
        said = self.errors[-1] if self.errors else "it said nothing"
        return f"exit status {self.process.poll()}, {said}"

    def kill(self) -> None:
        """End it now and wait for it."""
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(2)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            try:
                document = json.loads(line)
            except ValueError:
                continue  # A locustfile printed something.
            if isinstance(document, dict):
                self._take(document)

    def _read_errors(self) -> None:
        for line in self.process.stderr or ():
            self.errors.append(line.decode(errors="replace").strip())
            del self.errors[:-_MOST_SAID]


class LocustLoad:
    """The load of one side.

    Args:
        side: candidate or baseline, for messages.
        job: what is asked.
        processes: workers on this machine; 1 without a remote one: one process does everything.
        expect: workers of other hosts to wait for; ``bind``: where they find the master.
        cpu_most: share of a processor above which a generator's stop-watch is not believed.
        say: takes a line for the person who waits.

    """

    def __init__(
        self,
        side: str,
        job: Job,
        *,
        processes: int = 1,
        expect: int = 0,
        bind: tuple[str, int] = ("127.0.0.1", 0),
        cpu_most: float = 0.9,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._side, self._job = side, job
        self._workers = expect or (processes if processes > 1 else 0)
        self._remote, self._bind = expect > 0, bind
        self._cpu_most, self._say = cpu_most, say
        self._processes: list[Process] = []
        self._reports: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self._latest: dict[str, Mapping[str, Any]] = {}
        self._hot: dict[str, int] = {}
        self._most_users = 0
        self._cpu_highest = 0.0
        self._ready = self._over = False
        self._ended_s: float | None = None
        self._begun_ns = 0
        self._doubts: list[str] = []
        self._address: tuple[str, int] | None = None
        self.aborted = False
        self.patience_s = FARAWAY_S if self._remote else HERE_S

    @property
    def pids(self) -> dict[str, int]:
        """The processes by name: ``alone``, or ``master`` and ``worker-0`` and so on."""
        return {process.name: process.process.pid for process in self._processes}

    # --- the port

    def start(self) -> None:
        """Start the process that does everything, or the master; its workers follow when it listens."""
        if importlib.util.find_spec("locust") is None:
            raise SourceError(_MISSING)
        if self._job.abort_file is not None and os.path.exists(self._job.abort_file):  # noqa: PTH110
            raise SourceError(f"load: the abort file {self._job.abort_file} is there: remove it to load again")
        role: Any = "master" if self._workers else "alone"
        task = Task(role, self._job.users, self._job, self._bind[0], self._bind[1], self._workers)
        self._processes.append(Process(task, self._hear))

    def ready(self) -> bool:
        """Whether all processes and users are there."""
        if self._address is not None and len(self._processes) == 1:
            self._add_workers(self._address)
        for process in () if self._ready else self._processes:
            if process.gone():
                why = "; ".join(self._doubts) or process.last_words()
                raise SourceError(f"load: Locust ended before the load began ({process.name}): {why}")
        return self._ready

    def begin(self, at_ns: int) -> None:
        """Begin at this moment."""
        self._begun_ns = at_ns
        self._processes[0].send(f"go {at_ns}")

    def take(self) -> list[Mapping[str, Any]]:
        """Return the reports that came since the last time."""
        self._look()
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._reports.get_nowait())
        return found

    def settled_s(self) -> float:
        """Return the moment before which no worker has anything open."""
        if len(self._latest) < max(1, self._workers):
            return 0.0
        return min(float(report["settled_s"]) for report in self._latest.values())

    def over(self) -> bool:
        """Whether nothing more will come: it said so, or the processes are gone, or too much time has passed."""
        longest_s = self._job.shape.end_s + self._job.timeout_s + 6.0
        if not self._over and time.monotonic_ns() > self._begun_ns + longest_s * 1e9:
            self._doubt(f"it did not end within {self._job.timeout_s + 6:.0f} s after its time")
            self._over = True
        return (self._over or self._processes[0].gone()) and self._reports.empty()

    def end(self) -> None:
        """Ask nothing more."""
        if self._ended_s is None and self._begun_ns and self._processes:
            self._ended_s = max(0.0, (time.monotonic_ns() - self._begun_ns) / 1e9)
            self._processes[0].send("end")

    def kill(self) -> None:
        """End all processes now."""
        for process in self._processes:
            process.kill()

    def facts(self, observed_s: float) -> LoadFacts:
        """Return what is known, and what of it forbids to believe the rest."""
        self._look()
        begun = sum(int(report["begun"]) for report in self._latest.values())
        until_s = observed_s if self._ended_s is None else min(observed_s, self._ended_s)
        planned = self._job.shape.planned(until_s) if self._job.open_loop else 0
        self._judge(begun, planned)
        doubts = tuple(f"load ({self._side}): {doubt}" for doubt in dict.fromkeys(self._doubts))
        return LoadFacts(doubts, planned, begun, tuple(sorted(self._latest)), round(self._cpu_highest, 4))

    # --- what processes say

    def _hear(self, document: dict[str, Any]) -> None:
        if "worker" in document:
            self._report(document)
        elif "address" in document:
            self._address = (str(document["address"][0]), int(document["address"][1]))
        elif "ready" in document:
            self._ready = True
        elif "lost" in document:
            self._doubt(f"the worker {document['lost']} was lost")
        elif "aborted" in document:
            self.aborted = True
            self._doubt(f"the abort file {document['aborted']} appeared")
        elif "error" in document:
            self._doubt(str(document["error"]))
        elif "over" in document:
            self._over = True

    def _report(self, report: dict[str, Any]) -> None:
        name = str(report["worker"])
        self._latest[name] = report
        self._most_users = max(self._most_users, sum(int(one["users"]) for one in self._latest.values()))
        cpu = float(report["cpu"])
        self._cpu_highest = max(self._cpu_highest, cpu)
        self._hot[name] = self._hot.get(name, 0) + 1 if cpu > self._cpu_most else 0
        if self._hot[name] == _CPU_ROW:
            self._doubt(f"the processor of {name} was at {cpu:.0%} for {_CPU_ROW} s (limit {self._cpu_most:.0%})")
        self._reports.put(report)

    def _look(self) -> None:
        """Notice processes that ended before their time."""
        for process in () if self._over or self._ended_s is not None else self._processes:
            if process.gone() and not self._finished(process):
                self._doubt(f"{process.name} of Locust ended in the middle of the load: {process.last_words()}")

    def _finished(self, process: Process) -> bool:
        report = self._latest.get(process.name)
        return self._over or (report is not None and bool(report["over"]))

    def _add_workers(self, address: tuple[str, int]) -> None:
        if self._remote:
            users = " ".join(shlex.quote(os.path.basename(path)) for path in self._job.users)  # noqa: PTH119
            host = socket.gethostname() if address[0] in ("0.0.0.0", "*") else address[0]  # noqa: S104
            self._say(
                f"load ({self._side}): waiting for {self._workers} workers; on each of their hosts run: "
                f"python -m relgate.load.worker {users} --master {host}:{address[1]}"
            )
            self._address = None
            return
        for number in range(self._workers):
            task = Task("worker", self._job.users, None, address[0], address[1], name=f"worker-{number}")
            self._processes.append(Process(task, self._hear))

    # --- what it comes to

    def _judge(self, begun: int, planned: int) -> None:
        count = sum(int(report["count"]) for report in self._latest.values())
        errors = sum(int(report["errors"]) for report in self._latest.values())
        if count == 0:
            self._doubt("not one request was made")
        if self._workers and len(self._latest) < self._workers:
            self._doubt(f"{len(self._latest)} of {self._workers} workers reported")
        if self._job.open_loop and begun < _COMPLETE * planned - 1:
            self._doubt(f"the generator was too slow: it began {begun} of {planned} requests that were due")
        if not self._job.open_loop and self._most_users < round(self._job.shape.amount) and self._ended_s is None:
            self._doubt(f"the ramp was not reached: {self._most_users} of {self._job.shape.amount:.0f} clients")
        if errors > _USER_ERRORS * max(begun, 1):
            first = next(str(report["error"]) for report in self._latest.values() if report["error"])
            self._doubt(f"the users themselves failed {errors} times: {first}")
        if sum(int(report["capped"]) for report in self._latest.values()) > _CAPPED * begun:
            self._doubt(f"the clients were held back at their cap of {self._job.caps.rate_per_s:g}/s")
        if begun >= self._job.caps.requests:
            self._doubt(f"it ended at its cap of {self._job.caps.requests} requests")

    def _doubt(self, text: str) -> None:
        self._doubts.append(text)
