"""Agents of the shop: small background jobs that beat while they live, are restarted when they fall, and are counted.

Each of ``AGENTS`` looks after a part of the stock and notes when it last did. One that has not for ``SILENT_S`` is
unhealthy. One asks the read replica of the statistics; one turns orders into labels, and may fall.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .behaviours import Behaviours

log = logging.getLogger("shop.agents")

AGENTS = 20
BEAT_S = 0.5
SILENT_S = 2.0
_NOBODY = 1
"""A port of the loopback interface that refuses connections."""


class UnreadableLabelError(Exception):
    """The bug that ``crashes_per_s`` turns on: a label printer's answer that the code does not expect."""


class Agents:
    """All agents of one instance. ``lost``: called for a connection that failed; ``fell``: for an agent that fell."""

    def __init__(self, behaviours: Behaviours, lost: Callable[[], None], fell: Callable[[], None]) -> None:
        self._behaviours = behaviours
        self._lost = lost
        self._fell = fell
        self._beaten_s = [time.monotonic()] * AGENTS
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def unhealthy(self) -> float:
        """The share of agents that have been silent for too long, 0 to 1."""
        since_s = time.monotonic() - SILENT_S
        return sum(beaten_s < since_s for beaten_s in self._beaten_s) / AGENTS

    def start(self) -> None:
        """Start them."""
        b = self._behaviours
        work = [self._beat(number) for number in range(AGENTS)]
        if b.lost_connections_per_s:
            work.append(self._ask_replica(1.0 / b.lost_connections_per_s))
        if b.crashes_per_s:
            work.append(self._print_labels(1.0 / b.crashes_per_s))
        self._tasks = [asyncio.create_task(one) for one in work]

    async def stop(self) -> None:
        """Stop them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _beat(self, number: int) -> None:
        if number < self._behaviours.stuck_agents * AGENTS:
            # The bug: it waits for a lock that whoever has it never gives back.
            await asyncio.Event().wait()
        while True:
            self._beaten_s[number] = time.monotonic()
            await asyncio.sleep(BEAT_S)

    async def _ask_replica(self, every_s: float) -> None:
        """Ask a read replica that was switched off: refused each time, counted, and tried again."""
        while True:
            try:
                await asyncio.open_connection("127.0.0.1", _NOBODY)
            except OSError:
                self._lost()
            await asyncio.sleep(every_s)

    async def _print_labels(self, every_s: float) -> None:
        """Restart what falls, as a supervisor does."""
        while True:
            await asyncio.sleep(every_s)
            try:
                raise UnreadableLabelError("the printer answered in ZPL 3, expected ZPL 2")
            except UnreadableLabelError:
                self._fell()
                log.exception("agent fell, starting it again")
