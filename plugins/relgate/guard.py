"""Turns sudden ends of the controller into orderly ones, so that a run that was cut short says so.

SIGTERM becomes a KeyboardInterrupt: pytest then ends its session and the decision is made. ``os._exit`` in a test of a
serial run would take the whole process along with whatever exit code it was given, 0 too: it ends with *hold*.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

EXIT_HOLD = 10


class Guard:
    """Holds the process between ``__init__`` and ``release``.

    Args:
        on_sudden_end: called with a sentence before the process ends through ``os._exit``.

    """

    def __init__(self, on_sudden_end: Callable[[str], None]) -> None:
        self._on_sudden_end = on_sudden_end
        self._pid = os.getpid()
        self._exit = os._exit
        self._sigterm = signal.signal(signal.SIGTERM, _interrupt)
        os._exit = self._sudden_end

    def deaf(self) -> None:
        """From here on SIGTERM does not interrupt any more: the decision is being written."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def release(self) -> None:
        """Give signal and function back."""
        os._exit = self._exit
        signal.signal(signal.SIGTERM, self._sigterm)

    def _sudden_end(self, status: int) -> NoReturn:
        if os.getpid() != self._pid:
            self._exit(status)  # A forked child: not the process that decides.
        try:
            self._on_sudden_end(f"os._exit({status}) was called inside the session")
        finally:
            self._exit(EXIT_HOLD)


def _interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt(signal.Signals(signum).name)
