"""A real HAProxy in front of two releases: it splits the traffic by weight, and weights change while it runs.

The baseline gets the rest of what the candidate gets. Both are health-checked at ``/health/ready``. Weights are set
over the runtime socket, as a deployer would: ``set weight shop/candidate 5``.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

READY_S = 10.0

CONFIG = """\
global
    stats socket "{socket}" mode 600 level admin
    maxconn 4000
    nbthread 1
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout tunnel 10m
    timeout http-keep-alive 30s
    timeout check 5s
    retries 1
    option forwardfor
frontend shop
    bind "fd@{shop_fd}"
    default_backend shop
backend shop
    balance roundrobin
    option httpchk GET /health/ready
    http-check expect status 200
    default-server check inter 500ms fall 2 rise 1
    server baseline {baseline} weight {baseline_weight}
    server candidate {candidate} weight {candidate_weight}
frontend stats
    bind "fd@{stats_fd}"
    http-request use-service prometheus-exporter if {{ path /metrics }}
    stats enable
    stats uri /
    stats refresh 2s
"""


class HAProxyError(Exception):
    """HAProxy is not installed, did not start, or refused a command; the text says which."""


class HAProxy:
    """A running HAProxy. ``url``: the shop's entrance; ``stats_url``: page, ``/metrics`` and ``/;csv``."""

    def __init__(
        self, baseline_url: str, candidate_url: str, candidate_percent: int = 5, ready_s: float = READY_S
    ) -> None:
        """Start between two ``http://host:port``; ``candidate_percent`` is 0 to 100. Raises HAProxyError."""
        program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if program is None:
            raise HAProxyError("HAProxy is not installed: apt-get install haproxy")
        _check_percent(candidate_percent)
        self._folder = tempfile.TemporaryDirectory(prefix="shop-ha-")
        folder = Path(self._folder.name)
        self.socket_path = folder / "haproxy.sock"
        self._said = folder / "said.txt"
        # The ports are opened here and handed over: nobody can take them in between.
        with socket.create_server(("127.0.0.1", 0)) as shop, socket.create_server(("127.0.0.1", 0)) as stats:
            self.url, self.stats_url = (f"http://127.0.0.1:{s.getsockname()[1]}" for s in (shop, stats))
            config = CONFIG.format(
                socket=self.socket_path,
                shop_fd=shop.fileno(),
                stats_fd=stats.fileno(),
                baseline=baseline_url.removeprefix("http://"),
                candidate=candidate_url.removeprefix("http://"),
                baseline_weight=100 - candidate_percent,
                candidate_weight=candidate_percent,
            )
            (folder / "haproxy.cfg").write_text(config, encoding="utf-8")
            with self._said.open("wb") as said:
                self._process = subprocess.Popen(
                    [program, "-db", "-f", str(folder / "haproxy.cfg")],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    pass_fds=[shop.fileno(), stats.fileno()],
                )
        try:
            self._wait(time.monotonic() + ready_s)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def set_weight(self, candidate_percent: int) -> None:
        """Give the candidate this percentage of new requests, the baseline the rest.

        The server that gains is told first. The other way round, HAProxy 2.6 loses count: after 100 : 0 -> 25 : 75 the
        candidate got none of the next 400 requests.
        """
        _check_percent(candidate_percent)
        wanted = {"candidate": candidate_percent, "baseline": 100 - candidate_percent}
        now = self.weights()
        for server in sorted(wanted, key=lambda name: now[name] - wanted[name]):
            self.command(f"set weight shop/{server} {wanted[server]}")

    def weights(self) -> dict[str, int]:
        """Return the weights in force, by server."""
        return {name: int(row["weight"]) for name, row in self.servers().items()}

    def servers(self) -> dict[str, dict[str, str]]:
        """Return HAProxy's statistics by server: ``stot``, ``hrsp_5xx``, ``status``, ``weight`` and so on."""
        rows = csv.DictReader(io.StringIO(self.command("show stat", quiet=False).removeprefix("# ")))
        return {row["svname"]: row for row in rows if row["pxname"] == "shop" and row["svname"] in SERVERS}

    def command(self, text: str, *, quiet: bool = True) -> str:
        """Send a command to the runtime socket. Raises HAProxyError when a ``quiet`` one is answered: that is a no."""
        try:
            with socket.socket(socket.AF_UNIX) as runtime:
                runtime.settimeout(5.0)
                runtime.connect(str(self.socket_path))
                runtime.sendall(text.encode() + b"\n")
                answer = b"".join(iter(lambda: runtime.recv(65536), b"")).decode()
        except OSError as error:
            raise HAProxyError(f"runtime socket: {text!r}: {error}") from error
        if quiet and answer.strip():
            raise HAProxyError(f"runtime socket: {text!r}: {answer.strip()}")
        return answer

    def stop(self) -> int:
        """End it, open connections included; the exit code. May be called again."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            code = self._process.wait(5.0)
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

    def _wait(self, until: float) -> None:
        while time.monotonic() < until and self._process.poll() is None:
            if run.answers(self.url + "/health/ready"):
                return
            time.sleep(0.05)
        said = self._said.read_text(encoding="utf-8", errors="replace").strip()
        raise HAProxyError(f"HAProxy did not start or reaches no shop: {said[-2000:]}")


SERVERS = ("baseline", "candidate")


class ShopBehindHAProxy:
    """Two releases that share one database, as blue and green do, behind one HAProxy.

    ``url`` is what customers see; ``baseline`` and ``candidate`` can also be asked directly. ``database``: its file.
    """

    def __init__(
        self,
        candidate_release: str = "good",
        baseline_release: str = "good",
        *,
        candidate_percent: int = 5,
        candidate_version: str = "1.5.0",
        baseline_version: str = "1.4.0",
        candidate_log: Path | None = None,
        baseline_log: Path | None = None,
        changes: Sequence[str] = (),
    ) -> None:
        """Start all three; ``changes`` are behaviours of the candidate. Raises HAProxyError and run.ShopError."""
        with contextlib.ExitStack() as opened:
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="shop-db-"))
            self.database = Path(folder) / "shop.db"
            database = f"sqlite:///{self.database}"
            self.baseline = opened.enter_context(
                run.start(baseline_release, version=baseline_version, log=baseline_log, database=database)
            )
            self.candidate = opened.enter_context(
                run.start(
                    candidate_release, version=candidate_version, log=candidate_log, database=database, changes=changes
                )
            )
            self.proxy = opened.enter_context(HAProxy(self.baseline.url, self.candidate.url, candidate_percent))
            self._opened = opened.pop_all()

    @property
    def url(self) -> str:
        """Where customers come in."""
        return self.proxy.url

    def set_weight(self, candidate_percent: int) -> None:
        """Give the candidate this percentage of new requests."""
        self.proxy.set_weight(candidate_percent)

    def stop(self) -> None:
        """End all three. May be called again."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _check_percent(percent: int) -> None:
    if not 0 <= percent <= 100:
        raise ValueError(f"expected a percentage from 0 to 100, got {percent}")
