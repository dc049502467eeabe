"""One side of an API over httpx: sends a request as it was made, and returns the answer or why there was none.

Never through a proxy of the environment, never after redirects, never to another host than the side's own. An answer is
read to its end or to a limit, and all of it within the timeout.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from relgate.errors import SourceError
from relgate.ports.exploring import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from relgate.ports.exploring import Ask

READ_BYTES = 1024 * 1024


class Side:
    """Candidate or baseline.

    Args:
        url: where it answers.
        headers: added to every request; they win over the request's own.
        timeout_s: for the whole answer.
        verify: whether certificates are checked.
        ca: a file with further authorities.

    Raises:
        SourceError: the authorities cannot be read.

    """

    def __init__(
        self, url: str, headers: Mapping[str, str], timeout_s: float, *, verify: bool = True, ca: str | None = None
    ) -> None:
        import ssl

        import httpx

        self.url = url.rstrip("/")
        self.headers = dict(headers)
        self._timeout_s = timeout_s
        context: ssl.SSLContext | bool = verify
        try:
            if ca is not None and verify:
                context = ssl.create_default_context(cafile=ca)
            self._client = httpx.Client(
                verify=context,
                timeout=timeout_s,
                trust_env=False,
                follow_redirects=False,
                # A kept connection that the server closes meanwhile would look like one that broke. With TLS a new one
                # for each request costs too much.
                limits=httpx.Limits(max_keepalive_connections=5 if url.startswith("https") else 0),
                headers={"User-Agent": "relgate-explore", "Accept": "*/*"},
            )
        except (OSError, ValueError) as error:
            raise SourceError(f"{url}: a client cannot be made ({error})") from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, ask: Ask) -> Answer:
        """Return the answer; what the world does is never an exception."""
        own = {name.lower() for name in self.headers}
        headers = [(name, value) for name, value in ask.headers if name.lower() not in own]
        headers += list(self.headers.items())
        started_s = time.monotonic()
        answer = self._once(ask, headers, started_s)
        self._client.cookies.clear()  # Each request stands for itself, or no line could show it again.
        return answer

    def _once(self, ask: Ask, headers: list[tuple[str, str]], started_s: float) -> Answer:
        import httpx

        def took() -> float:
            return time.monotonic() - started_s

        try:
            raw = [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers]
            request = self._client.build_request(ask.method, self.url + ask.path, headers=raw, content=ask.body)
            response = self._client.send(request, stream=True)
            try:
                body = self._read(response, started_s)
            finally:
                response.close()
        except httpx.TimeoutException:
            return Answer(None, took_s=took(), error=f"timeout: no answer within {self._timeout_s:g} s")
        except httpx.ConnectError as error:
            return Answer(None, took_s=took(), error=f"connect: {error}")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError) as error:
            return Answer(None, took_s=took(), error=f"closed: {error or type(error).__name__}")
        found = tuple((name.lower(), value) for name, value in response.headers.items())
        return Answer(response.status_code, found, body, took())

    def _read(self, response: httpx.Response, started_s: float) -> bytes:
        import httpx

        found = bytearray()
        for piece in response.iter_bytes():
            found += piece
            if time.monotonic() - started_s > self._timeout_s:
                raise httpx.ReadTimeout("the answer does not end")
            if len(found) > READ_BYTES:
                break
        return bytes(found)
