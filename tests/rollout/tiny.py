"""A service so small that dozens of rollouts can be made with it: it tells its version and whether it is well."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class _Quiet(ThreadingHTTPServer):
    """Checks of routers end their connections as they like."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Nobody reads it."""


class Tiny:
    """A server in a thread. ``version`` and ``well`` may be changed while it runs; ``file`` is for subclasses."""

    def __init__(self, version: str, *, well: bool = True) -> None:
        self.version = version
        self.well = well
        self.file = Path()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.answer(self)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nobody reads it."""

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """``/health`` says how it is, everything else the version: a router's check of readiness always succeeds."""
        code = 503 if request.path == "/health" and not self.well else 200
        status = "healthy" if code == 200 else "unhealthy"
        body = json.dumps({"version": self.version, "status": status}).encode()
        request.send_response(code)
        request.send_header("Content-Type", "application/json")
        request.send_header("X-Version", self.version)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
