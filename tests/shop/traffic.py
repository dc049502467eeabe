"""Traffic for the shop's tests: bounded, and nothing in it asserts how long something took."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage
    from types import TracebackType
    from typing import Self

    from aiosmtpd.smtp import SMTP, Envelope, Session

    from examples.shop.run import ShopProcess

T = TypeVar("T")
ORDER = {"items": [{"product_id": 3, "quantity": 2}], "email": "probe@shop.example"}
# Reading the machine's certificates takes longer than most requests, and nothing here is encrypted.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
HEALTH_PATHS = (
    "/api/health/system",
    "/api/health/providers",
    "/health",
    "/actuator/health",
    "/healthz/aspnet",
    "/health+json",
    "/status",
)


def get(shop: ShopProcess, path: str, **options: Any) -> httpx.Response:
    """Return one answer."""
    return httpx.get(shop.url + path, timeout=10, verify=NO_TLS, **options)


def statuses(shop: ShopProcess, path: str, n: int, at_once: int = 8) -> list[int]:
    """Return the status of ``n`` answers, over ``at_once`` connections that stay open."""

    def one_connection(share: int) -> list[int]:
        # http.client costs a tenth of what httpx does: the shop is to be busy, not its caller.
        connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=30)
        try:
            found = []
            for _ in range(share):
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                found.append(answer.status)
            return found
        finally:
            connection.close()

    shares = [n // at_once + (number < n % at_once) for number in range(at_once)]
    with ThreadPoolExecutor(at_once) as pool:
        return [status for found in pool.map(one_connection, shares) for status in found]


def metric(shop: ShopProcess, name: str) -> float:
    """Return the value of a metric without labels."""
    lines = get(shop, "/metrics").text.splitlines()
    (value,) = (float(line.split()[1]) for line in lines if line.split(" ")[0] == name)
    return value


def log_lines(shop: ShopProcess) -> list[dict[str, Any]]:
    """Return the log so far."""
    text = shop.log.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def logged(shop: ShopProcess, **facts: object) -> dict[str, Any]:
    """Return the one line of the log that has these facts. It is written after the answer: this waits for it."""
    until = time.monotonic() + 10
    while True:
        found = [line for line in log_lines(shop) if all(line.get(key) == value for key, value in facts.items())]
        if found or time.monotonic() > until:
            (line,) = found
            return line
        time.sleep(0.01)


def sign_in(client: httpx.Client, email: str, password: str) -> dict[str, str]:
    """Return the header with a token of this account."""
    answer = client.post("/api/login", json={"email": email, "password": password})
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def wait_for(what: Callable[[], T | None], within_s: float = 15.0) -> T:
    """Return the first answer of ``what`` that is not None or False."""
    until = time.monotonic() + within_s
    while True:
        found = what()
        if found is not None and found is not False:
            return found
        assert time.monotonic() < until, f"not within {within_s:g} s"
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


class MailSink:
    """A real SMTP server on a free port, as long as its context lasts; ``mails`` has what came."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.port = _free_port()  # 0 means nothing to aiosmtpd: it connects to what it was given
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def to(self, address: str) -> EmailMessage | None:
        """Return the newest mail to ``address``."""
        return next((mail for mail in reversed(self.mails) if mail["To"] == address), None)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._controller.stop()


@dataclass
class Called:
    """A request that the sink got."""

    path: str
    headers: dict[str, str]
    body: bytes


class CallSink:
    """A real HTTP server on a free port; ``calls`` has what was sent to it. It answers 500 ``failing`` times first."""

    def __init__(self, failing: int = 0, answer: int = 204, headers: dict[str, str] | None = None) -> None:
        self.calls: list[Called] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.calls.append(Called(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(500 if len(sink.calls) <= failing else answer)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
