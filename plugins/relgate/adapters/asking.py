"""The HTTP client of a path, through httpx: asks the candidate and nobody else, and remembers what was said."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from relgate.adapters.http import tls
from relgate.errors import UsageError
from relgate.ports.browsing import bare, origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.ports.observing import Access
    from relgate.smoke.targets import Targets

CORRELATION = "X-Correlation-ID"
_REMEMBERED = 200
_EXCERPT = 2000


class RefusedError(UsageError):
    """A request that a path must not send."""


@dataclass
class Said:
    """What was asked and answered, newest last. ``answered``: whether the candidate ever answered."""

    exchanges: list[dict[str, Any]] = field(default_factory=list)
    answered: bool = False


class Client(httpx.Client):
    """``httpx.Client`` for one path. Redirects are followed as far as they stay with the candidate.

    Raises, when asked for something it must not do:
        RefusedError: another host, or a change where the environment is read-only.

    """

    def __init__(self, targets: Targets, access: Access, timeout_s: float, correlation: str) -> None:
        self._targets = targets
        self._correlation = correlation
        self._numbers = itertools.count(1)
        self.said = Said()
        super().__init__(
            base_url=targets.candidate,
            headers=dict(access.headers),
            verify=tls(access),
            timeout=timeout_s,
            trust_env=False,
            follow_redirects=True,
            event_hooks={"request": [self._asks], "response": [self._hears]},
        )

    def _asks(self, request: httpx.Request) -> None:
        url = str(request.url)
        if origin(url) != origin(self._targets.candidate) or request.method.upper() not in ("GET", "HEAD", "OPTIONS"):
            fault = self._targets.fault(request.method, url)
            if fault is not None:
                raise RefusedError(fault)
        request.headers.setdefault(CORRELATION, f"{self._correlation}.{next(self._numbers)}")
        request.extensions["relgate_began"] = time.monotonic()

    def _hears(self, response: httpx.Response) -> None:
        self.said.answered = True
        request = response.request
        took_s = time.monotonic() - request.extensions.get("relgate_began", time.monotonic())
        exchange = {
            "method": request.method,
            "url": str(request.url),
            "status": response.status_code,
            "took_s": round(took_s, 4),
            "correlation_id": request.headers.get(CORRELATION),
            "request": _headers(request.headers),
            "response": _headers(response.headers),
        }
        kind = response.headers.get("content-type", "")
        if any(word in kind for word in ("json", "text/", "xml")) and "event-stream" not in kind:
            response.read()
            exchange["body"] = response.text[:_EXCERPT]
        self.said.exchanges.append(exchange)
        del self.said.exchanges[:-_REMEMBERED]


def send(client: httpx.Client, method: str, path: str, headers: Mapping[str, str], json: Any = None) -> int | str:
    """Send one request; return its status, or why there is none."""
    try:
        return client.request(method, path, headers=dict(headers), json=json).status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UsageError) as error:
        return f"{bare(path)}: {str(error) or type(error).__name__}"


def log_in(client: httpx.Client, post: str, body: Mapping[str, str], token: str) -> str:
    """Return the bearer token that the service gives for ``body``.

    Raises:
        SourceError: it gave none.

    """
    from relgate.adapters.http import resolve_pointer
    from relgate.errors import SourceError

    try:
        answer = client.post(post, json=dict(body))
        answer.raise_for_status()
        return str(resolve_pointer(answer.json(), token))
    except (httpx.HTTPError, ValueError, LookupError) as error:
        raise SourceError(f"{post}: no token came from logging in ({error})") from error


def _headers(headers: httpx.Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.multi_items()]
