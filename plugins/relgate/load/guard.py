"""Keeps a load where it belongs: only the host of its job is ever asked, and only by the methods that it may use.

A locustfile may hold absolute URLs, and a service may redirect anywhere. Every client has to resolve a name before it
connects, and Python tells its audit hooks about that: whatever is not the target is refused there, before a byte is
sent.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from relgate.load.job import Job

SAFE = ("GET", "HEAD", "OPTIONS")
_PORTS = {"http": 80, "https": 443}


def confine(job: Job, also: tuple[tuple[str, int], ...] = ()) -> None:
    """Refuse every host but the job's, from now on and for good. ``also``: host and port of the master."""
    parts = urlsplit(job.host)
    port = parts.port or _PORTS.get(parts.scheme, 0)
    allowed = {((parts.hostname or "").lower(), port), *also}

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "socket.getaddrinfo":
            return
        name, wanted = arguments[0], arguments[1]
        name = name.decode() if isinstance(name, bytes) else name
        if name is None or (str(name).lower().strip("[]"), _number(wanted)) in allowed:
            return
        raise PermissionError(f"relgate: {name}:{wanted} is no target of this load, only {job.host} is")

    sys.addaudithook(hook)


def _number(port: object) -> int:
    text = port.decode() if isinstance(port, bytes) else str(port)
    return int(text) if text.isdigit() else _PORTS.get(text, -1)


def only_safe(request: Any) -> Any:
    """Wrap a client's ``request(method, ...)``: methods that change something are refused."""

    def guarded(self: Any, method: str, *args: Any, **options: Any) -> Any:
        if method.upper() not in SAFE:
            raise PermissionError(f"relgate: {method} is refused, the environment is read-only")
        return request(self, method, *args, **options)

    return guarded
