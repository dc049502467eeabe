"""Real routers for the tests: HAProxy and nginx from Debian, a script as any other one, and a ``kubectl`` that records.

The last is no cluster: it keeps two deployments in a file and knows the few words that the adapter says, so that the
words are tested and nothing else is.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from examples.shop.haproxy import HAProxy as RunningHAProxy
from relgate.adapters.entrance import Entrance
from relgate.adapters.haproxy import HAProxy, Runtime
from relgate.adapters.nginx import Nginx, render
from relgate.adapters.router_command import CommandRouter
from relgate.policy.rollout import Router
from relgate.ports.observing import Access
from relgate.ports.traffic import Moved, Split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.ports.traffic import Traffic
    from tests.rollout.tiny import Tiny

MOVED = Moved("r-1", "tiny", "here", "2", "1", "registry/tiny@sha256:2")

_NGINX = """\
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 2;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream candidate {{ server {candidate}; }}
    upstream baseline {{ server {baseline}; }}
    include {folder}/relgate.conf;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://$relgate_upstream; }}
        add_header X-Relgate-Share $relgate_share always;
    }}
}}
"""

_SCRIPT = """\
import json, os, pathlib, sys
place = pathlib.Path(sys.argv[2])
if sys.argv[1] == "set":
    assert os.environ["RELGATE_VERSION"] == "2" and os.environ["RELGATE_PREVIOUS"] == "1"
    assert float(os.environ["RELGATE_PERCENT"]) == 100 * float(os.environ["RELGATE_SHARE"])
    place.write_text(os.environ["RELGATE_SHARE"])
else:
    print(json.dumps({"candidate": float(place.read_text()), "of": os.environ["RELGATE_SERVICE"]}))
"""


def entrance(url: str, asks: int = 100) -> Entrance:
    """The way in of users."""
    router = Router(kind="command", settings={}, url=url, version_path="/version", pointer="/version", asks=asks)
    return Entrance(url, router, Access())


@contextmanager
def haproxy(candidate: Tiny, baseline: Tiny, folder: Path) -> Iterator[tuple[Traffic, str]]:  # noqa: ARG001
    """A real HAProxy."""
    with RunningHAProxy(baseline.url, candidate.url, 0) as proxy:
        yield HAProxy(Runtime(str(proxy.socket_path), "shop"), ["candidate"], ["baseline"]), proxy.url


@contextmanager
def nginx(candidate: Tiny, baseline: Tiny, folder: Path) -> Iterator[tuple[Traffic, str]]:
    """A real nginx."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program is not None, "nginx is not installed: apt-get install nginx"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sides = {"candidate": candidate.url.removeprefix("http://"), "baseline": baseline.url.removeprefix("http://")}
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, **sides))
    (folder / "relgate.conf").write_text(render(0.0, ("candidate", "baseline")))
    words = [program, "-p", str(folder), "-c", str(config)]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process)
            said = " ".join(words)
            ask = entrance(url).headers  # Stays open: what is asked after the end of nginx gets no answer.
            include = folder / "relgate.conf"
            yield Nginx(include, ("candidate", "baseline"), f"{said} -t", f"{said} -s reload", ask), url
        finally:
            process.terminate()


@contextmanager
def command(candidate: Tiny, baseline: Tiny, folder: Path) -> Iterator[tuple[Traffic, str]]:
    """A script that writes a file; a router of ours reads it, so that requests land as it says."""
    place, script = folder / "share", folder / "router.py"
    place.write_text("0")
    script.write_text(_SCRIPT)
    with haproxy(candidate, baseline, folder) as (behind, url):
        words = f"{sys.executable} {script}"
        yield _Behind(CommandRouter(f"{words} set {place}", f"{words} read {place}", MOVED, 20.0), behind), url


class _Behind:
    """A command router whose share a real one takes over: what a script of a team would do itself."""

    name = "command"

    def __init__(self, router: CommandRouter, behind: Traffic) -> None:
        self._router = router
        self._behind = behind

    def set(self, share: float) -> None:
        self._router.set(share)
        self._behind.set(share)

    def read(self) -> Split:
        return self._router.read()


ROUTERS = {"haproxy": haproxy, "nginx": nginx, "command": command}


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            httpx.get(url + "/version", timeout=2.0)
        except httpx.HTTPError:
            assert process.poll() is None, f"nginx ended with {process.returncode}"
            assert time.monotonic() < until, "nginx does not answer"
            time.sleep(0.05)
        else:
            return
