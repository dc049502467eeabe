"""Asks a source every so often. One thread for each stream and side: a source that hangs delays nobody else."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections import deque

    from relgate.ports.observing import Source


class Observation(NamedTuple):
    """One answer of a source: ``facts`` as in ``ports.Source`` with ``t_ns``, ``wall_ns`` and ``took_ns``."""

    stream: str
    side: str
    facts: dict[str, Any]


class Sampler(threading.Thread):
    """Asks at ``start_ns + k * every_s`` up to and including ``end_ns``, until ``stop`` is set.

    A moment that passed while the previous answer was still awaited is not asked later; it is noted as a fault, because
    an observation that is missing must not look like one that was never due. Where that answer came after all, the
    moment says ``asked: false``: it is missing, and no failure of its own.
    """

    def __init__(
        self, name: tuple[str, str], source: Source, every_s: float, times: tuple[int, int], out: deque[Observation]
    ) -> None:
        super().__init__(name=f"sampler-{name[0]}-{name[1]}", daemon=True)
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self._stream, self._side = name
        self._source = source
        self._every_s = every_s
        self._start_ns, self._end_ns = times
        self._out = out

    def run(self) -> None:
        """Ask until the end."""
        try:
            number = 0
            while (due := self._due(number)) <= self._end_ns:
                if self.stop.wait(max(0.0, (due - time.monotonic_ns()) / 1e9)):
                    break
                answered = self._ask()
                number += 1
                while self._due(number) + _SLACK_NS < time.monotonic_ns() and self._due(number) <= self._end_ns:
                    self._skip(self._due(number), answered=answered)
                    number += 1
        except BaseException as error:  # noqa: BLE001 - a dead thread must be seen by the conductor, whatever killed it
            self.error = error
        finally:
            self._source.close()

    def _due(self, number: int) -> int:
        return self._start_ns + round(number * self._every_s * 1e9)

    def _ask(self) -> bool:
        started = time.monotonic_ns()
        facts = dict(self._source.read())
        facts |= {"t_ns": started, "wall_ns": time.time_ns(), "took_ns": time.monotonic_ns() - started}
        self._out.append(Observation(self._stream, self._side, facts))
        return facts.get("error") is None and facts.get("fault") is None

    def _skip(self, due_ns: int, *, answered: bool) -> None:
        text = "not asked: the previous answer was still awaited"
        facts = {"t_ns": due_ns, "wall_ns": time.time_ns(), "took_ns": 0, "error": text, "fault": text}
        if answered:
            facts["asked"] = False
        self._out.append(Observation(self._stream, self._side, facts))


# A moment missed by less than this is asked late rather than not at all.
_SLACK_NS = 200_000_000
