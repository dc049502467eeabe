"""The one layer around every request: correlation id, error answer, security headers, metrics and the log line.

A request without a well-formed ``X-Correlation-ID`` gets a new one; every answer carries it, errors included. Only
what never reaches the application lacks it: bytes that are not HTTP, which the server itself refuses.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request

from .auth import same_origin
from .behaviours import has_id_header, request_id, retain
from .web import error_answer, shop_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("shop.request")

CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
"""https://www.w3.org/TR/trace-context/#traceparent-header: version, trace id, parent id, flags."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HSTS = "max-age=31536000; includeSubDomains"


def correlation_id_of(headers: Headers) -> str:
    """Return the id that the caller sent where it is well-formed, else a new UUID."""
    sent = headers.get("x-correlation-id", "")
    return sent if CORRELATION_ID.fullmatch(sent) else str(uuid.uuid4())


def trace_of(headers: Headers) -> dict[str, str]:
    """``trace_id`` and ``parent_id`` of a valid ``traceparent`` header, else nothing."""
    match = TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return {"trace_id": match.group(1), "parent_id": match.group(2)} if match else {}


class Observe:
    """ASGI middleware; outermost inside the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve HTTP requests observed, WebSockets with an id, and pass the rest on."""
        if scope["type"] == "http":
            ids = scope["app"].state.shop.settings.behaviours.ids
            scope["correlation_id"] = request_id(ids, correlation_id_of(Headers(scope=scope)))
            await self._http(Request(scope, receive), receive, send)
        elif scope["type"] == "websocket":
            scope["correlation_id"] = correlation_id_of(Headers(scope=scope))
            await self._app(scope, receive, _with_id(scope, send))
        else:
            await self._app(scope, receive, send)

    async def _http(self, request: Request, receive: Receive, send: Send) -> None:
        shop = shop_of(request)
        begun = time.perf_counter()
        status: int | None = None
        failure: Exception | None = None

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _mark(request, message)
            await send(message)

        retain(shop.settings.behaviours.leak_per_request, shop.settings.behaviours.leak_cap)
        try:
            if request.method in SAFE_METHODS or same_origin(request.headers):
                await self._app(request.scope, receive, send_marked)
            else:
                await error_answer(request, 403, "sent from another site")(request.scope, receive, send_marked)
        except Exception as error:  # noqa: BLE001  # the last line of defence: whatever it is becomes a 500
            failure = error
            if status is None:
                answer = error_answer(request, 500, "something went wrong on our side")
                await answer(request.scope, receive, send_marked)
        finally:
            # 499: the caller went away before there was an answer.
            self._record(request, status or 499, time.perf_counter() - begun, failure)

    @staticmethod
    def _record(request: Request, status: int, took_s: float, failure: Exception | None) -> None:
        shop = shop_of(request)
        route = getattr(request.scope.get("route"), "path", "unmatched")
        shop.metrics.requests.labels(request.method, route, status).inc()
        shop.metrics.duration.labels(request.method, route).observe(took_s)
        # The bug of release `no-correlation-ids-in-logs`: the logger makes an id of its own.
        known = shop.settings.behaviours.logged_ids
        facts: dict[str, Any] = {
            "correlation_id": request.scope["correlation_id"] if known else str(uuid.uuid4()),
            **trace_of(request.headers),
            "method": request.method,
            "path": request.url.path,
            "route": route,
            "status": status,
            "duration_ms": round(took_s * 1e3, 3),
            "client": request.client.host if request.client else None,
            "version": shop.settings.reported_version,
        }
        level = logging.ERROR if status >= 500 else logging.WARNING if status >= 400 else logging.INFO
        log.log(level, "%s %s %d", request.method, request.url.path, status, exc_info=failure, extra={"facts": facts})


def _mark(request: Request, message: Message) -> None:
    """Put the id and the security headers on the start of an answer."""
    headers = MutableHeaders(scope=message)
    if shop_of(request).settings.behaviours.security_headers:
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        if request.scope["scheme"] == "https":
            headers["Strict-Transport-Security"] = HSTS
    if has_id_header(shop_of(request).settings.behaviours.ids, message["status"]):
        headers["X-Correlation-ID"] = request.scope["correlation_id"]


def _with_id(scope: Scope, send: Send) -> Send:
    async def send_marked(message: Message) -> None:
        if message["type"] == "websocket.accept":
            MutableHeaders(scope=message)["X-Correlation-ID"] = scope["correlation_id"]
        await send(message)

    return send_marked
