"""Background work on the event loop: orders are stored first, then packed; other jobs wait in queues of their own."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .database import Store

log = logging.getLogger("shop.queue")

Job = TypeVar("Job")


class OrderQueue:
    """Orders by reference. ``depth`` counts those that wait and those being packed."""

    def __init__(
        self, store: Store, packing_s: float, done: Callable[[str], None], workers: int = 2, retries: int = 0
    ) -> None:
        self._store = store
        self._packing_s = packing_s
        self._done = done
        self._wanted = workers
        self._retries = retries  # The bug of ``retries``: each order is put back, whatever became of it.
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._busy = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def depth(self) -> int:
        """Orders not yet packed."""
        return self._waiting.qsize() + self._busy

    @property
    def consumers(self) -> int:
        """Workers that are alive."""
        return sum(not task.done() for task in self._tasks)

    def put(self, ref: str) -> None:
        """Hand in a stored order."""
        for _ in range(1 + self._retries):
            self._waiting.put_nowait(ref)

    async def start(self) -> None:
        """Start the workers, with the orders that an earlier process left behind."""
        for order in await run_in_threadpool(self._store.orders, status="queued", limit=10_000):
            self.put(order.ref)
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._wanted)]

    async def stop(self) -> None:
        """Stop the workers; what they have not packed stays stored as queued."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            ref = await self._waiting.get()
            self._busy += 1
            status = "failed"
            try:
                await asyncio.sleep(self._packing_s)
                await run_in_threadpool(self._store.set_status, ref, "packed")
                status = "packed"
            except Exception:
                # One order that cannot be packed must not end the worker.
                log.exception("order not packed", extra={"facts": {"order": ref}})
            finally:
                self._busy -= 1
            self._done(status)


class Worker(Generic[Job]):
    """A queue of bounded length and the tasks that work it off. What does not fit is refused."""

    def __init__(self, name: str, work: Callable[[Job], Awaitable[None]], workers: int = 1, most: int = 1000) -> None:
        self._name = name
        self._work = work
        self._wanted = workers
        self._waiting: asyncio.Queue[Job] = asyncio.Queue(most)
        self._tasks: list[asyncio.Task[None]] = []

    def put(self, job: Job) -> bool:
        """Hand in a job; False when too many wait already, which the log says too."""
        try:
            self._waiting.put_nowait(job)
        except asyncio.QueueFull:
            log.warning("too many jobs wait", extra={"facts": {"worker": self._name}})
            return False
        return True

    def start(self) -> None:
        """Start the tasks."""
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._wanted)]

    async def stop(self) -> None:
        """Stop the tasks; jobs that wait are dropped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            job = await self._waiting.get()
            try:
                await self._work(job)
            except Exception:
                # One job that fails must not end the worker.
                log.exception("job failed", extra={"facts": {"worker": self._name}})
