"""Whether the shop is well: each check does what its name says (a query, a connection, a written file), with a limit.

``Checker.report`` runs all of them at once; ``health.py`` turns the report into the formats that teams use.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from starlette.concurrency import run_in_threadpool

from .behaviours import UnknownCurrencyError
from .database import now

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .behaviours import Backend
    from .config import Settings
    from .database import Store
    from .jobs import OrderQueue

State = Literal["healthy", "degraded", "down"]
Finding = tuple[State, str, dict[str, float]]

LIMIT_S = 2.0
DEPTH_DEGRADED = 1000
FREE_DEGRADED, FREE_DOWN = 0.05, 0.01
_NOBODY = 1
"""A TCP port where nothing listens: what a wrong address in a configuration leads to."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found. ``facts``: numbers that go with it (depth, consumers, free share)."""

    name: str
    state: State
    latency_ms: float
    message: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """All checks at one moment."""

    at: str
    version: str
    uptime_s: float
    checks: tuple[Check, ...]

    @property
    def state(self) -> State:
        """The worst of all checks."""
        states = {check.state for check in self.checks}
        return "down" if "down" in states else "degraded" if "degraded" in states else "healthy"

    @property
    def message(self) -> str:
        """What is wrong, empty when nothing is."""
        return "; ".join(f"{check.name}: {check.message}" for check in self.checks if check.message)


class MailRelay:
    """Where mail goes: the relay that the shop was told of, else a TCP server in this process that greets like one."""

    def __init__(self, given: tuple[str, int] | None = None) -> None:
        self._server: asyncio.Server | None = None
        self._given = given
        self.host, self.port = given or ("127.0.0.1", _NOBODY)

    async def start(self) -> None:
        """Listen on a free port of the loopback interface, unless there is a relay."""
        if self._given:
            return
        self._server = await asyncio.start_server(self._greet, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    @staticmethod
    async def _greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.shop.example ready\r\n")
        await writer.drain()
        writer.close()


class Checker:
    """Runs the checks of one instance."""

    def __init__(self, settings: Settings, store: Store, backend: Backend, queue: OrderQueue, mail: MailRelay) -> None:
        self._settings = settings
        self._store = store
        self._backend = backend
        self._queue = queue
        self._mail = mail
        self._started = time.monotonic()
        self._asked: dict[str, int] = {}
        self._cached: Report | None = None

    async def start(self) -> None:
        """Prepare, once everything else runs."""
        if self._settings.behaviours.stale_health:
            # The bug: an answer that was meant to be cached for seconds is cached for ever.
            self._cached = await self._check_all()

    async def report(self, path: str) -> Report:
        """Return what is asked at ``path``. Raises OSError when a read replica is gone (release ``flapping``)."""
        await self._ask_replica(path)
        return self._cached or await self._check_all()

    async def ready(self) -> Report:
        """Whether requests can be served: the database answers and the workers live. No more than that."""
        checks = await asyncio.gather(self._run("database", self._reachable), self._run("queue", self._queue_state))
        return self._report(*checks)

    async def providers(self, path: str) -> Report:
        """Return the services that the shop depends on, without its own parts."""
        report = await self.report(path)
        own = tuple(check for check in report.checks if check.name in {"payment", "mail"})
        return Report(report.at, report.version, report.uptime_s, own)

    async def _ask_replica(self, path: str) -> None:
        replicas = self._settings.behaviours.replicas
        turn = self._asked.get(path, 0)
        self._asked[path] = turn + 1
        if replicas[turn % len(replicas)] == "-":
            await asyncio.wait_for(asyncio.open_connection("127.0.0.1", _NOBODY), LIMIT_S)

    async def _check_all(self) -> Report:
        return self._report(
            *await asyncio.gather(
                self._run("database", self._schema),
                self._run("queue", self._queue_state),
                self._run("storage", self._storage),
                self._run("payment", self._payment),
                self._run("mail", self._mail_state),
            )
        )

    def _report(self, *checks: Check) -> Report:
        uptime = round(time.monotonic() - self._started, 3)
        return Report(now(), self._settings.reported_version, uptime, checks)

    @staticmethod
    async def _run(name: str, check: Callable[[], Awaitable[Finding]]) -> Check:
        """One check within its time limit; one that raises is down: not knowing is not being well."""
        begun = time.perf_counter()
        facts: dict[str, float] = {}
        try:
            async with asyncio.timeout(LIMIT_S):
                state, message, facts = await check()
        except Exception as error:  # noqa: BLE001
            state, message = "down", f"{type(error).__name__}: {error}"
        return Check(name, state, round((time.perf_counter() - begun) * 1e3, 3), message, facts)

    async def _reachable(self) -> Finding:
        await run_in_threadpool(self._store.schema_version)
        return "healthy", "", {}

    async def _schema(self) -> Finding:
        version = await run_in_threadpool(self._store.schema_version)
        needed = self._settings.behaviours.schema_needed
        if version != needed:
            return "down", f"expected schema {needed}, the database has {version}", {}
        return "healthy", "", {}

    async def _queue_state(self) -> Finding:
        depth, consumers = self._queue.depth, self._queue.consumers
        facts = {"depth": float(depth), "consumers": float(consumers)}
        if consumers == 0:
            return "down", "no worker is alive", facts
        if depth > DEPTH_DEGRADED:
            return "degraded", f"{depth} orders wait", facts
        return "healthy", "", facts

    async def _storage(self) -> Finding:
        free = await run_in_threadpool(self._write_and_measure)
        facts = {"free_share": round(free, 4)}
        if free < FREE_DEGRADED:
            return ("down" if free < FREE_DOWN else "degraded"), f"{free:.1%} of the disk is free", facts
        return "healthy", "", facts

    def _write_and_measure(self) -> float:
        probe = self._settings.data_dir / "health-probe"
        probe.write_text("written by the health check\n", encoding="utf-8")
        usage = shutil.disk_usage(self._settings.data_dir)
        return usage.free / usage.total

    async def _payment(self) -> Finding:
        try:
            await self._backend.call()
        except UnknownCurrencyError as error:
            return "degraded", str(error), {}
        return "healthy", "", {}

    async def _mail_state(self) -> Finding:
        port = self._mail.port if self._settings.behaviours.mail_reachable else _NOBODY
        try:
            reader, writer = await asyncio.open_connection(self._mail.host, port)
        except OSError as error:
            return "degraded", f"relay does not answer, confirmations are kept for later ({error.strerror})", {}
        greeting = await reader.readline()
        writer.close()
        if not greeting.startswith(b"220 "):
            return "degraded", "relay refuses mail", {}
        return "healthy", "", {}
