"""Small real servers on loopback, with each way of going wrong under a path of its own."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Page = tuple[int, str, bytes]


class Service(ThreadingHTTPServer):
    """A service whose ``pages`` are set by tests; ``requests`` are the header sets that came, by path.

    Beside pages: ``/reset``, ``/truncated``, ``/garbage``, ``/hang`` (until the server closes), ``/echo`` (request
    headers as the body, and X-Correlation-ID back while it ``echoes``). ``more``: headers of every page; ``@origin`` is
    the origin that asks.
    """

    daemon_threads = True
    allow_reuse_address = True
    # A stall lets connections pile up; a full queue would add seconds that the tests do not mean.
    request_queue_size = 1024

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.pages: dict[str, Page] = {"/ok": (200, "application/json", b'{"status": "healthy"}')}
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.closing = threading.Event()
        self.log: Path | None = None
        self.echoes = True
        self.more: dict[str, str] = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: clients hang up on purpose."""

    @property
    def url(self) -> str:
        """Base URL without TLS."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Print nothing."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.path, dict(self.headers.items()), body))
        if self.server.log is not None:
            with self.server.log.open("a") as file:
                file.write(f'{{"id": "{self.headers.get("X-Correlation-ID")}"}}\n')
        wrong = getattr(self, f"_{self.path.strip('/')}", None)
        if wrong is not None:
            wrong()
            return
        code, kind, page = self.server.pages.get(self.path.partition("?")[0], (404, "text/plain", b"nothing here"))
        origin = self.headers.get("Origin", "")
        self._answer(
            code, kind, page, **{name: text.replace("@origin", origin) for name, text in self.server.more.items()}
        )

    do_POST = do_OPTIONS = do_GET  # noqa: N815 - the base class calls it so

    def _answer(self, code: int, kind: str, page: bytes, **more: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(page)), **more}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(page)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _truncated(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
        self.close_connection = True

    def _garbage(self) -> None:
        self.wfile.write(b"\x00\xff this is not HTTP\r\n\r\n")
        self.close_connection = True

    def _hang(self) -> None:
        self.server.closing.wait(30)
        self.close_connection = True

    def _echo(self) -> None:
        text = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        back = {"X_Correlation_ID": self.headers.get("X-Correlation-ID", "none")} if self.server.echoes else {}
        self._answer(200, "text/plain", text.encode(), **back)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    """Run a service for a while."""
    service = Service(tls)
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.closing.set()
        service.shutdown()
        service.server_close()
        thread.join(5)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a self-signed certificate for 127.0.0.1; returns its file and a server context that speaks it."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def refused_url() -> str:
    """Return a URL at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def serving_h2(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Run a server that speaks nothing but HTTP/2 (RFC 9113) and answers every request with 200; yields host:port."""
    listener = socket.create_server(("127.0.0.1", 0))
    if tls is not None:
        tls.set_alpn_protocols(["h2"])
    threading.Thread(target=_accept_h2, args=(listener, tls), daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _accept_h2(listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_speak_h2, args=(plain, tls), daemon=True).start()


def _speak_h2(plain: socket.socket, tls: ssl.SSLContext | None) -> None:
    data, headers, settings, end_stream, end_headers, ack = 0, 1, 4, 1, 4, 1
    with tls.wrap_socket(plain, server_side=True) if tls is not None else plain as wire, wire.makefile("rb") as file:
        if file.read(24) != b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
            return
        wire.sendall(_frame(settings, 0, 0, b""))
        while len(head := file.read(9)) == 9:
            size, kind, flags = int.from_bytes(head[:3]), head[3], head[4]
            stream = int.from_bytes(head[5:]) & 0x7FFF_FFFF
            file.read(size)
            if kind == settings and not flags & ack:
                wire.sendall(_frame(settings, ack, 0, b""))
            if kind == headers:
                # 0x88 is ":status: 200" of HPACK's static table (RFC 7541, appendix A).
                answer = _frame(headers, end_headers, stream, b"\x88") + _frame(data, end_stream, stream, b"h2")
                wire.sendall(answer)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload
