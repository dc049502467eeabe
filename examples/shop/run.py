"""Start a release of the shop as a process of its own and wait until it is ready: for tests, demos and benchmarks.

with start("slow", version="1.6.0") as shop:
    httpx.get(shop.url + "/api/products")
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

STOP_S = 10.0


class ShopError(Exception):
    """The shop did not start; the text has what it said last."""


class ShopProcess:
    """A running shop. ``stop`` or leaving the context ends it; it also ends when this process ends."""

    def __init__(self, arguments: Sequence[str], log: Path | None, ready_s: float) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="shop-run-")
        folder = Path(self._folder.name)
        self.log = log or folder / "shop.jsonl"
        self._said = folder / "said.txt"
        ready_file = folder / "ready.json"
        command = [sys.executable, "-m", str(__package__), *arguments, "--log", str(self.log)]
        command += ["--ready-file", str(ready_file), "--with-parent"]
        # The child finds the package wherever this process found it: checkout, editable install or wheel.
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=os.environ | {"PYTHONPATH": path}
            )
        self.url = ""
        try:
            self._wait(ready_file, time.monotonic() + ready_s)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.url.rpartition(":")[2])

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal, None while it runs."""
        return self._process.poll()

    def said(self) -> str:
        """Return what it wrote to standard output and error, logs not included."""
        return self._said.read_text(encoding="utf-8", errors="replace").strip()

    def stop(self) -> int:
        """Ask it to end (SIGTERM), insist after 10 s (SIGKILL); the exit code. May be called again."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        code = self._process.wait()
        self._folder.cleanup()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _wait(self, ready_file: Path, until: float) -> None:
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise ShopError(f"the shop ended with code {self._process.returncode}: {self.said()[-2000:]}")
            if not self.url and ready_file.exists():
                self.url = json.loads(ready_file.read_text(encoding="utf-8"))["url"]
            if self.url and answers(self.url + "/health/ready"):
                return
            time.sleep(0.02)
        raise ShopError("the shop was not ready in time: " + self.said()[-2000:])


def answers(url: str, timeout_s: float = 2.0) -> bool:
    """Whether ``url`` answers with a status below 400."""
    with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=timeout_s):  # noqa: S310
        return True
    return False


def start(
    release: str = "good",
    *,
    port: int = 0,
    version: str = "1.5.0",
    log: Path | None = None,
    database: str | None = None,
    seed: int | None = None,
    changes: Sequence[str] = (),
    smtp: str | None = None,
    public_url: str | None = None,
    ready_s: float = 20.0,
) -> ShopProcess:
    """Start ``release`` on the loopback interface and wait until ``/health/ready`` answers.

    ``log``: where its JSON log goes (default: a file that goes with the process). ``changes``: behaviours to change,
    as ``name=value``. ``seed`` None: draws of its own. ``smtp``: HOST:PORT of a mail relay (default: mails are not
    sent). ``public_url``: what links in mails begin with (default: the address that it listens on). Raises ShopError
    when it ends or is not ready in ``ready_s``.
    """
    arguments = ["--release", release, "--port", str(port), "--version", version]
    if database is not None:
        arguments += ["--database", database]
    if seed is not None:
        arguments += ["--seed", str(seed)]
    if smtp is not None:
        arguments += ["--smtp", smtp]
    if public_url is not None:
        arguments += ["--public-url", public_url]
    for change in changes:
        arguments += ["--set", change]
    return ShopProcess(arguments, log, ready_s)
