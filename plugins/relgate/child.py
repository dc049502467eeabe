"""A process of relgate's own, as the controller sees it: its plan goes in through a pipe, its progress comes in lines.

The plan goes through a pipe, since it holds secrets; the process ends when the pipe closes: a controller that is killed
leaves none behind. Each line that it prints is a JSON document.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol, Self

from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY_S = 2.0
"""Between two lines of progress on the screen."""


class Screen(Protocol):
    """What progress is written to; pytest's terminal reporter is one."""

    def write_line(self, line: str | bytes, **markup: bool) -> None:
        """Write one line."""


class Child:
    """A process that runs a module of relgate, its pipe and its progress lines.

    Args:
        module: what it runs.
        plan: its first line of input.
        name: for messages, ``the recorder``.

    Raises:
        SourceError: it cannot be started.

    """

    def __init__(self, module: str, plan: str, name: str) -> None:
        self._name = name
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
                start_new_session=True,  # Ctrl-C reaches the controller only, which ends its children in order.
            )
        except OSError as error:
            raise SourceError(f"{name} cannot be started: {error}") from error
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._errors: list[str] = []
        self._readers = [threading.Thread(target=target, daemon=True) for target in (self._read, self._read_errors)]
        for thread in self._readers:
            thread.start()
        self.send(plan)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the pipe, which ends the process, and wait for it."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # It is gone already; what it left behind tells how.
                self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._readers:
            thread.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def progress(self, timeout_s: float) -> dict[str, Any] | None:
        """The next progress line, None when none came in time."""
        try:
            document: dict[str, Any] = json.loads(self._lines.get(timeout=timeout_s))
        except (queue.Empty, ValueError):
            return None
        return document

    def follow(self, say: Callable[[str], None], step: str, ended: str, failed: str) -> str:
        """Show progress until the process says that it has finished; return what it says about it.

        Its lines are ``{"done": 3, "of": 9, "at": TEXT}``, and last ``{"finished": true, "said": TEXT}`` or
        ``{"finished": false, "error": TEXT}``.

        Args:
            say: shows one line.
            step: what it is at: ``migration``.
            ended: what is said where it is gone before that.
            failed: what is said where it could not do what it was to do.

        Raises:
            SourceError: it is gone, or has failed.

        """
        next_s = time.monotonic()
        while True:
            line = self.progress(timeout_s=0.5)
            if line is None and not self.alive():
                raise SourceError(f"{ended}: {self.last_words()}")
            if line is None:
                continue
            if "finished" in line:
                if not line["finished"]:
                    raise SourceError(f"{failed}: {line.get('error')}")
                return str(line.get("said", ""))
            if time.monotonic() >= next_s:
                say(f"{step} {line['done'] + 1} of {line['of']}: {line['at']}")
                next_s = time.monotonic() + _EVERY_S

    def alive(self) -> bool:
        """Whether the process still runs or has lines that were not read."""
        return self._process.poll() is None or not self._lines.empty()

    def last_words(self) -> str:
        """Why the process is gone."""
        self._process.wait()
        said = self._errors[-1].strip() if self._errors else "it said nothing"
        return f"exit status {self._process.returncode}, {said}"

    def send(self, line: str) -> None:
        """Write one line to its input; a process that is gone is noticed elsewhere."""
        if self._process.stdin is None:
            return
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            self._errors.append(f"{self._name} does not listen any more ({error})")

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.put(line)

    def _read_errors(self) -> None:
        if self._process.stderr is not None:
            for line in self._process.stderr:
                self._errors.append(line)
                del self._errors[:-20]
