"""Turns sudden ends of the controller into orderly ones, so that a run that was cut short says so.

SIGTERM becomes a KeyboardInterrupt: pytest then ends its session and the decision is made. ``os._exit`` in a test of a
serial run would take the whole process along with whatever exit code it was given, 0 too: it ends with *hold*, and
after the decision with the decision's code. What ends a process outside of Python (``exec``, C code) is not seen: a
start without a decision is left, which reads as hold.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

EXIT_HOLD = 10
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Guard:
    """Stands guard from ``__init__`` on.

    Args:
        on_signal: called with the name of a signal before it interrupts: a test that swallows the interruption does not
            make it unseen.
        on_sudden_end: called with a sentence before the process ends through ``os._exit``.

    """

    def __init__(self, on_signal: Callable[[str], None], on_sudden_end: Callable[[str], None]) -> None:
        self._on_signal = on_signal
        self._on_sudden_end = on_sudden_end
        self._pid = os.getpid()
        self._exit = os._exit
        self._final: int | None = None
        # Python allows signal handlers in the main thread only; in another one the process keeps those that it has.
        own = _SIGNALS if threading.current_thread() is threading.main_thread() else ()
        self._handlers = {number: signal.signal(number, self._interrupt) for number in own}
        os._exit = self._sudden_end

    def deaf(self) -> None:
        """From here on no signal interrupts any more: the decision is being written."""
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)

    def release(self, final: int | None) -> None:
        """Give the signals back. ``os._exit`` ends with the code ``final`` from now on: the last word is spoken."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._final = final
        if final is None:
            os._exit = self._exit

    def leave(self) -> NoReturn:
        """End this process at once, without a word: it is a fork that went on with a session that is not its own."""
        self._exit(EXIT_HOLD)

    def _sudden_end(self, status: int) -> NoReturn:
        if os.getpid() != self._pid:
            self._exit(status)  # A forked child: not the process that decides.
        if self._final is not None:
            self._exit(self._final)
        try:
            self._on_sudden_end(f"os._exit({status}) was called inside the session")
        finally:
            self._exit(EXIT_HOLD)

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        name = signal.Signals(signum).name
        self._on_signal(name)
        raise KeyboardInterrupt(name)
