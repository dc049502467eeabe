"""Where a playbook is tried out: two versions of the shop behind a real HAProxy, users, a Prometheus, people who agree."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from examples.shop.haproxy import ShopBehindHAProxy
from examples.shop.users import Users

from .release import Entrance, build

ROOT = Path(__file__).parents[2]
BOOKS = ROOT / "playbooks"
CANDIDATE, BASELINE = "1.5.0", "1.4.0"
AUDIENCES = (
    "MESH_ENGINEERING",
    "MESH_SUPPORT",
    "MAGNUS_ENGINEERING",
    "MAGNUS_OPERATIONS",
    "MAGNUS_EVERYBODY",
    "MAGNUS_STATUS_PAGE",
    "RELEASES_MAIL",
)

FLAGS = {
    "ai_suggestions": False,
    "layout_v2": False,
    "custom_domains": False,
    "advanced_analytics": False,
    "support": "pro",
}

PROMETHEUS = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - {{job_name: shop, static_configs: [{{targets: ["{candidate}"]}}]}}
"""
RULES = """\
groups:
  - name: shop
    rules:
      - {alert: AgentsFall, expr: 'increase(worker_crashes_total[15s]) > 3', labels: {severity: critical}}
"""


class Sink:
    """Messages that were sent to people: counted, and answered with 200."""

    def __init__(self) -> None:
        outer = self
        self.count = 0

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.count += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"json://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Prometheus:
    """A real one, that asks the candidate once a second and has one critical alert."""

    def __init__(self, candidate: str, folder: Path) -> None:
        binary = shutil.which("prometheus")
        if binary is None:
            raise SystemExit("prometheus is not installed: apt-get install prometheus")
        folder.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        (folder / "prometheus.yml").write_text(PROMETHEUS.format(candidate=candidate.removeprefix("http://")))
        (folder / "rules.yml").write_text(RULES)
        words = [binary, "--config.file=prometheus.yml", f"--storage.tsdb.path={folder / 'data'}"]
        words += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(words, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=2):
                return
            time.sleep(0.1)
        self.__exit__()
        raise SystemExit("prometheus was not ready within 30 s")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


class Place:
    """All of it, while it is entered. ``changes``: behaviours of the candidate. ``users``: their requests a second.

    ``amiss``: what is not as it should be before a release: an ``incident``, a ``flag``, or something of ``build``.
    ``commit``: of the release; ``tls_host``: where the entrance speaks TLS. ``work``: a folder beside ``playbooks``, for
    the policy of a trial and ``dist``.
    """

    def __init__(
        self, changes: tuple[str, ...] = (), *, users: float = 20.0, prometheus: bool = False, amiss: str = ""
    ) -> None:
        self._changes = changes
        self._per_s = users
        self._with_prometheus = prometheus
        self._amiss = amiss

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self.folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="playbook-")))
            (self.folder / "incidents").mkdir()
            if self._amiss == "incident":
                (self.folder / "incidents" / "INC-12").touch()
            flags = FLAGS | {"ai_suggestions": self._amiss == "flag", "custom_domains": self._amiss == "flag"}
            (self.folder / "flags.json").write_text(json.dumps(flags))
            self.work = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix=".trial-", dir=ROOT)))
            (self.work / "shop").symlink_to(BOOKS / "shop")
            self.commit = build(self.work / "dist", CANDIDATE, self.folder, self._amiss)
            self.shop = opened.enter_context(ShopBehindHAProxy(candidate_percent=0, changes=self._changes))
            self.tls_host = opened.enter_context(Entrance(self.shop.url, self.folder)).host
            self.sink = opened.enter_context(Sink())
            self.environment = os.environ | {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
                "SHOP_CANDIDATE": self.shop.candidate.url,
                "SHOP_BASELINE": self.shop.baseline.url,
                "SHOP_CANDIDATE_LOG": str(self.shop.candidate.log),
                "SHOP_BASELINE_LOG": str(self.shop.baseline.log),
                "SHOP_ENTRANCE": self.shop.url,
                "SHOP_HAPROXY": str(self.shop.proxy.socket_path),
                "SHOP_DATABASE": str(self.shop.database),
                "SHOP_INCIDENTS": str(self.folder / "incidents"),
                "SHOP_FLAGS": str(self.folder / "flags.json"),
                "SHOP_JOBS": str(self.folder / "jobs.jsonl"),
                "SHOP_RELEASE_KEY": str(self.folder / "release.pub"),
                "SHOP_ADMIN_PASSWORD": "admin-demo-password",
                "MESH_PROMETHEUS": "http://127.0.0.1:9",
                **dict.fromkeys(AUDIENCES, self.sink.address),
            }
            if self._with_prometheus:
                found = opened.enter_context(Prometheus(self.shop.candidate.url, self.folder / "prometheus"))
                self.environment["MESH_PROMETHEUS"] = found.url
            self.users = opened.enter_context(Users(self.shop.url, self._per_s))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def told(self, book: str) -> dict[str, str]:
        """Return the environment in which a playbook runs: Aura's looks at tags, those of the shop's own history."""
        history = {"GIT_DIR": str(self.folder / "history" / ".git")} if book == "aura" else {}
        return self.environment | history


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
