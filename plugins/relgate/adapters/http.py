"""Questions over HTTP through httpx: health endpoints, pages, numbers in JSON. Not a stop-watch: see ``curl.py``.

Whatever happens becomes a fact: a failure is ``error`` with its class (``timeout``, ``connect``, ``tls``, ``protocol``)
and text. Never through a proxy of the environment and never after redirects: what answers is the URL in the policy.
"""

from __future__ import annotations

import json
import math
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from relgate.ports.observing import Access

READ_BYTES = 4 * 1024 * 1024
_HEADERS = frozenset({"content-type", "age", "date", "cache-control", "etag"})


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, or why there was none. ``headers`` have lower-case names."""

    code: int | None
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    error: str | None = None

    @property
    def fault(self) -> str | None:
        """Why the text cannot be used as an answer: an error, or a code other than 200."""
        if self.error is not None:
            return self.error
        return None if self.code == 200 else f"HTTP {self.code}"

    def header(self, name: str) -> str:
        """Return the value of a header, empty without one."""
        return dict(self.headers).get(name.lower(), "")


class Endpoint:
    """One URL that is asked again and again over a connection of its own.

    Args:
        url: where to ask.
        access: headers and TLS.
        timeout_s: for the whole answer, from the first byte sent to the last byte read.
        accept: value of the ``Accept`` header, None for none in particular.

    """

    def __init__(self, url: str, access: Access, timeout_s: float, accept: str | None = None) -> None:
        self._url = url
        self._timeout_s = timeout_s
        headers = {"Cache-Control": "no-cache", "User-Agent": "relgate", **dict(access.headers)}
        if accept is not None:
            headers["Accept"] = accept
        self._client: httpx.Client | None = None
        self._broken = ""
        # Made here and not at the first question: loading authorities takes milliseconds that the prober would feel.
        try:
            self._client = httpx.Client(
                headers=headers, verify=tls(access), timeout=timeout_s, trust_env=False, follow_redirects=False
            )
        except OSError as error:
            self._broken = f"tls: {error}"
        except ValueError as error:
            self._broken = f"protocol: {error}"

    def ask(
        self,
        parameters: dict[str, str] | None = None,
        url: str | None = None,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        json_body: object = None,
    ) -> Reply:
        """Return the answer to a GET, or to another method. Never raises for what the world does."""
        if self._client is None:
            return Reply(None, error=self._broken)
        started = time.monotonic()
        try:
            with self._client.stream(
                method, url or self._url, params=parameters, headers=headers, json=json_body
            ) as response:
                body = self._body(response, started)
                text = body.decode(response.charset_encoding or "utf-8", errors="replace")
                said = tuple((name.lower(), value) for name, value in response.headers.multi_items())
                return Reply(response.status_code, text, said)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError, LookupError) as error:
            return Reply(None, error=f"{_class_of(error)}: {str(error) or type(error).__name__}")

    def close(self) -> None:
        """Close its connection."""
        if self._client is not None:
            self._client.close()

    def _body(self, response: httpx.Response, started: float) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            # httpx's own timeout is for one read: a server that drips would hold the stream for ever.
            if time.monotonic() - started > self._timeout_s:
                raise httpx.ReadTimeout(f"no complete answer within {self._timeout_s:g} s")
            if size > READ_BYTES:
                raise httpx.DecodingError(f"the answer is longer than {READ_BYTES} bytes")
        return b"".join(pieces)


def tls(access: Access) -> ssl.SSLContext:
    """Return how certificates are checked."""
    return _context(access.ca, verify=access.verify)


@cache
def _context(ca: str | None, *, verify: bool) -> ssl.SSLContext:
    """Return one context for all that check alike: reading the system's certificates takes longer than a request."""
    context = ssl.create_default_context()
    if ca is not None:
        context.load_verify_locations(ca)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _class_of(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "timeout"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls"
        cause = cause.__cause__ or cause.__context__
    return "connect" if isinstance(error, httpx.ConnectError) else "protocol"


class PollSource:
    """An endpoint whose full answers are the facts. Fills the port ``Source``."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def read(self) -> dict[str, Any]:
        """Return ``code``, ``body``, ``headers`` (those that health gates look at) and ``error``."""
        reply = self._endpoint.ask()
        kept = {name: value for name, value in reply.headers if name in _HEADERS or name.startswith("x-")}
        return {"code": reply.code, "body": reply.text, "headers": kept, "error": reply.error}

    def close(self) -> None:
        """Close its connection."""
        self._endpoint.close()


class JsonSource:
    """A number in a JSON answer. Fills the port ``Source``.

    Args:
        endpoint: where the document is.
        pointer: RFC 6901; empty for the whole document.

    """

    def __init__(self, endpoint: Endpoint, pointer: str) -> None:
        self._endpoint = endpoint
        self._pointer = pointer

    def read(self) -> dict[str, Any]:
        """Return ``value``, or None with the ``fault``: no answer, no JSON, nothing there, not a finite number."""
        reply = self._endpoint.ask()
        if reply.fault is not None:
            return unusable(reply.fault, reply.text)
        try:
            found = resolve_pointer(json.loads(reply.text), self._pointer)
        except (ValueError, RecursionError):
            return unusable("not JSON", reply.text)
        except LookupError:
            return unusable(f"nothing at {self._pointer}", reply.text)
        # bool is an int in Python, and true is no measurement.
        if isinstance(found, bool) or not isinstance(found, int | float):
            return unusable(f"expected a number at {self._pointer}, got {type(found).__name__}", found)
        return number(found, found)

    def close(self) -> None:
        """Close its connection."""
        self._endpoint.close()


def unusable(fault: str, raw: object = None) -> dict[str, Any]:
    """Return the facts of an observation that gave no number."""
    return {"value": None, "fault": fault, "raw": raw if isinstance(raw, str) else json.dumps(raw, default=str)}


def number(value: float, raw: object = None) -> dict[str, Any]:
    """Return the facts of an observation; NaN and infinities are a fault."""
    try:
        plain = float(value)
    except OverflowError:
        plain = math.inf
    if not math.isfinite(plain):
        return unusable(f"not a finite number: {value}", str(raw))
    return {"value": plain, "fault": None, "raw": None if raw == value else str(raw)}


def resolve_pointer(document: Any, pointer: str) -> Any:
    """Return what an RFC 6901 JSON pointer points at.

    Raises:
        LookupError: nothing is there, or it is not a pointer.

    """
    if pointer == "":
        return document
    if not pointer.startswith("/"):
        raise LookupError(pointer)
    for token in pointer[1:].split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document[name]
        elif isinstance(document, list) and name.isascii() and name.isdigit() and (name == "0" or name[0] != "0"):
            document = document[int(name)]
        else:
            raise LookupError(pointer)
    return document
