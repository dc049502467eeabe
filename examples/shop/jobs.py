"""The background queue: orders are stored first and then packed, one after the other, by workers on the event loop."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Callable

    from .database import Store

log = logging.getLogger("shop.queue")


class OrderQueue:
    """Orders by reference. ``depth`` counts those that wait and those being packed."""

    def __init__(self, store: Store, packing_s: float, done: Callable[[str], None], workers: int = 2) -> None:
        self._store = store
        self._packing_s = packing_s
        self._done = done
        self._wanted = workers
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
