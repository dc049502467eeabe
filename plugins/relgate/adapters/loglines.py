"""Lines of a service's log as they come: from a file, or from a command that prints them.

A look counts what has come since the look before: all lines, those of one request each, and those that count, by their
pattern and with one of them as an example. Secrets are taken out of a line before anything else is: half a secret in a
pattern would not be recognised any more. The first look says only from where on lines are read.

A log that cannot be read to its end says nothing: a file that is missing, was rotated, cut or replaced, a command that
ended, more in one look than can be read. That is a fault, and stays one for all looks that follow.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters.owned import dying_with_us
from relgate.measure.templates import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_BYTES = 64 * 1024 * 1024
"""Of one look."""
MOST_PATTERNED = 2_000
"""Lines of one look that are looked at one by one; those beyond are counted together, under a pattern of their own."""
BEYOND = f"more than {MOST_PATTERNED} lines that count in one look"
_LONGEST = 500
_CHUNK = 1 << 20

Facts = dict[str, Any]


class Counter:
    """What a look says of the lines that came.

    Args:
        match: regular expression of lines that count.
        requests: of lines that are one request each; None: nobody knows.
        clean: takes secrets out of a text.

    """

    def __init__(self, match: str, requests: str | None, clean: Callable[[str], str]) -> None:
        self._match = re.compile(match)
        self._requests = None if requests is None else re.compile(requests)
        self._clean = clean

    def facts(self, lines: Iterable[str]) -> Facts:
        """Return the facts of a look: ``lines``, ``requests``, ``seen`` (pattern, count, example), ``value``."""
        n = matched = requests = 0
        seen: dict[str, list[Any]] = {}
        for line in lines:
            if not line.strip():
                continue
            n += 1
            if self._requests is not None and self._requests.search(line):
                requests += 1
            if not self._match.search(line):
                continue
            matched += 1
            clean = self._clean(line) if matched <= MOST_PATTERNED else ""
            name = pattern(clean) if matched <= MOST_PATTERNED else BEYOND
            seen.setdefault(name, [name, 0, clean[:_LONGEST] or BEYOND])[1] += 1
        asked = None if self._requests is None else requests
        return {"lines": n, "requests": asked, "seen": list(seen.values()), "value": matched, "fault": None}


def unread(fault: str) -> Facts:
    """Return the facts of a look at a log that could not be read."""
    return {"lines": 0, "requests": None, "seen": [], "value": None, "fault": fault}


class FileLines:
    """A log file on this machine. Fills the port ``Source``."""

    def __init__(self, path: str, counter: Counter) -> None:
        self._path = Path(path)
        self._counter = counter
        self._descriptor: int | None = None
        self._rest = b""
        self._fault: str | None = None

    def read(self) -> Facts:
        """Return what has come; the first time only from where on."""
        if self._fault is None:
            try:
                return self._look()
            except OSError as error:
                self._fault = f"log {self._path}: cannot be read ({error.strerror})"
        return unread(self._fault)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _look(self) -> Facts:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDONLY)
            os.lseek(self._descriptor, 0, os.SEEK_END)
            return self._counter.facts(())
        here, there = os.fstat(self._descriptor), self._path.stat()
        at = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino) or here.st_size < at:
            what = "cut" if here.st_size < at else "rotated or replaced"
            self._fault = f"log {self._path}: it was {what} during the bake, so lines may be missing: rotate it before"
            return unread(self._fault)
        if here.st_size - at > MOST_BYTES:
            self._fault = f"log {self._path}: more than {MOST_BYTES >> 20} MiB came in one look"
            return unread(self._fault)
        pieces = [self._rest]
        while piece := os.read(self._descriptor, _CHUNK):
            pieces.append(piece)
        # The last line may be half written: it is left for the next look.
        whole, _, self._rest = b"".join(pieces).rpartition(b"\n")
        return self._counter.facts(whole.decode(errors="replace").split("\n"))


class CommandLines:
    """A command that prints a log's lines as they come, and does not end. Fills the port ``Source``.

    It is started at once, without a shell, and dies with the recorder. What it printed before the first look, such as
    older lines, is left out.
    """

    def __init__(self, command: str, counter: Counter) -> None:
        self._command = command
        self._counter = counter
        self._lock = threading.Lock()
        self._came = bytearray()
        self._fault: str | None = None
        self._begun = False
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the command
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                shlex.split(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._said,
                start_new_session=True,
                preexec_fn=dying_with_us(signal.SIGKILL),
            )
        except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
            self._fault = f"log command {command!r} cannot be run: {error}"
            return
        self._thread = threading.Thread(target=self._follow, name="log-command", daemon=True)
        self._thread.start()

    def read(self) -> Facts:
        """Return what has come; the first time only from where on."""
        if self._fault is not None or self._process is None:
            return unread(self._fault or f"log command {self._command!r} is not running")
        ended = self._process.poll()
        with self._lock:
            whole, newline, rest = bytes(self._came).rpartition(b"\n")
            self._came = bytearray(rest)
        if ended is not None:
            said = f": {self._last_words()}" if self._last_words() else ""
            self._fault = f"log command {self._command!r} ended with code {ended}{said}; it has to go on (logs -f)"
            return unread(self._fault)
        if len(whole) > MOST_BYTES:
            self._fault = f"log command {self._command!r}: more than {MOST_BYTES >> 20} MiB came in one look"
            return unread(self._fault)
        if not self._begun:
            self._begun = True
            return self._counter.facts(())
        return self._counter.facts(whole.decode(errors="replace").split("\n") if newline else ())

    def close(self) -> None:
        """End the command and whatever it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            # What it started may hold the pipe open outside of its group; the thread dies with the recorder then.
            self._thread.join(1.0)
            if self._process.stdout is not None and not self._thread.is_alive():
                self._process.stdout.close()
        self._said.close()

    def _follow(self) -> None:
        pipe = self._process.stdout if self._process is not None else None
        while pipe is not None and (piece := os.read(pipe.fileno(), _CHUNK)):
            with self._lock:
                # What nobody takes is not kept for ever: one byte too many is a fault already.
                if len(self._came) <= MOST_BYTES + 1:
                    self._came += piece

    def _last_words(self) -> str:
        self._said.seek(0)
        return " ".join(self._said.read(_LONGEST).decode(errors="replace").split())
