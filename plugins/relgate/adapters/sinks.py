"""Servers that only listen: SMTP through aiosmtpd, HTTP of the standard library. What comes becomes a file each."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError, UsageError
from relgate.smoke.inbox import CALLS, MAIL

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 5_000_000
"""Bytes of a mail or a call; a larger one is refused."""
MOST = 10_000
"""Mails or calls that are kept; a service that sends more is not heard any more."""


class Files:
    """Writes one JSON file for each thing that comes, whole or not at all, in the order of coming."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, content: dict[str, Any]) -> bool:
        """Write one; False where there are too many already."""
        with self._lock:
            number = next(self._numbers)
        if number > MOST:
            return False
        name = f"{number:06d}.json"
        draft = self._folder / f".{name}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({**content, "came_s": time.time()}, file)
        draft.replace(self._folder / name)
        return True


class MailSink:
    """An SMTP server that takes every mail and sends none on.

    Raises:
        UsageError: the extra is not installed.
        SourceError: it cannot listen there.

    """

    def __init__(self, host: str, port: int, folder: Path) -> None:
        try:
            from aiosmtpd.controller import Controller
        except ImportError as error:
            raise UsageError("smoke.mail needs aiosmtpd: pip install 'relgate[smoke]'") from error
        self._files = Files(folder / MAIL)
        self._controller = Controller(self, hostname=host, port=port or _free(host), data_size_limit=LARGEST)
        try:
            self._controller.start()
        except (OSError, TimeoutError) as error:
            raise SourceError(f"smoke.mail cannot listen on {host}:{port} ({error})") from error
        self.port = int(self._controller.port)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802  aiosmtpd's names
        """Keep one mail."""
        content = {
            "from": envelope.mail_from,
            "to": list(envelope.rcpt_tos),
            "content": envelope.content.decode("latin-1"),
        }
        return "250 kept" if self._files.add(content) else "452 too many mails"

    def close(self) -> None:
        """Listen no more."""
        self._controller.stop()


class HookSink:
    """An HTTP server that answers every call with 204 and keeps it.

    Raises:
        SourceError: it cannot listen there.

    """

    def __init__(self, host: str, port: int, folder: Path) -> None:
        files = Files(folder / CALLS)

        class Handler(BaseHTTPRequestHandler):
            """Keeps calls; one that is too large or malformed is refused."""

            timeout = 30

            def _keep(self) -> None:
                try:
                    length = int(self.headers.get("Content-Length") or 0)
                except ValueError:
                    length = -1
                if not 0 <= length <= LARGEST:
                    self.send_error(413)
                    return
                content = {
                    "method": self.command,
                    "path": self.path,
                    "headers": [list(pair) for pair in self.headers.items()],
                    "body": self.rfile.read(length).decode("latin-1"),
                }
                self.send_response(204 if files.add(content) else 429)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _keep  # noqa: N815  http.server's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise SourceError(f"smoke.webhooks cannot listen on {host}:{port} ({error})") from error
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="webhooks", daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


def _free(host: str) -> int:
    """Return a port that is free now: aiosmtpd wants one by name."""
    import socket

    try:
        with socket.create_server((host, 0)) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        raise SourceError(f"smoke.mail cannot listen on {host} ({error})") from error
