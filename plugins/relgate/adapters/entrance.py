"""The way in that users take, through httpx: which version answers, and whether what answers is well.

Each request has a connection of its own: a router may keep one connection on one side. Not a stop-watch: ``curl.py``.
"""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import httpx

from relgate.measure.landed import Landed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.policy.rollout import Router
    from relgate.ports.observing import Access

_AT_ONCE = 8
_TIMEOUT_S = 5.0
_SILENT = ""


class Entrance:
    """The router as a user sees it. ``url``: resolved; ``access``: headers and TLS of every request."""

    def __init__(self, url: str, router: Router, access: Access) -> None:
        self._url = url.rstrip("/")
        self._router = router
        self._client = httpx.Client(
            headers={"Connection": "close", "User-Agent": "relgate", "Cache-Control": "no-cache"}
            | dict(access.headers),
            verify=_context(self._url, access),
            timeout=_TIMEOUT_S,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def landed(self, candidate: str, baseline: str, n: int | None = None) -> Landed:
        """Return where ``n`` requests (``asks`` of the policy without) landed. Never raises."""
        asks = n or self._router.asks
        seen = self.versions(asks)
        others = {version for version in seen if version not in (candidate, baseline, _SILENT)}
        return Landed(asks, seen[candidate], seen[baseline], seen[_SILENT], tuple(sorted(others)))

    def versions(self, n: int) -> Counter[str]:
        """Return how many of ``n`` answers named which version; an empty name stands for none."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return Counter(pool.map(lambda _: self._version(), range(n)))

    def headers(self) -> Mapping[str, str] | None:
        """Return the headers of one answer by lower-case name, None without an answer."""
        try:
            return {name.lower(): value for name, value in self._get(self._router.version_path).headers.items()}
        except httpx.HTTPError:
            return None

    def unwell(self) -> str | None:
        """Return why the service is not well, asked at the policy's ``health`` path; None when it is."""
        path = self._router.health
        if path is None:
            return None
        try:
            code = self._get(path).status_code
        except httpx.HTTPError as error:
            return f"{path}: {type(error).__name__}"
        return None if 200 <= code < 300 else f"{path}: HTTP {code}"

    def close(self) -> None:
        """Close what is open."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get(self, path: str) -> httpx.Response:
        return self._client.get(self._url + path)

    def _version(self) -> str:
        try:
            answer = self._get(self._router.version_path)
        except httpx.HTTPError:
            return _SILENT
        return version_of(answer, self._router)


def version_of(answer: httpx.Response, router: Router) -> str:
    """Return the version that an answer names, empty where it names none."""
    if router.header is not None:
        return str(answer.headers.get(router.header, _SILENT)).strip()
    if not answer.is_success:
        return _SILENT
    found: Any = None
    try:
        found = json.loads(answer.content)
        for part in (router.pointer or "").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) else found[name]
    except (ValueError, KeyError, IndexError, TypeError):
        return _SILENT
    return found.strip() if isinstance(found, str) else _SILENT


def _context(url: str, access: Access) -> Any:
    """How certificates are checked; reading the machine's takes long, and nothing is encrypted over http."""
    import ssl

    if not access.verify or url.startswith("http:"):
        return False
    return ssl.create_default_context(cafile=access.ca)
