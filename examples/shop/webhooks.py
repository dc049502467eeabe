"""Webhooks: an order is told to whoever asked for it, by a signed POST, in the background.

    X-Shop-Signature: sha256=<hmac of the body's bytes under the webhook's secret, in hex>

A webhook lets a customer choose where this process connects to. That is how server-side request forgery (SSRF) works:
an address inside of our network would be called from inside. ``allowed`` and ``_connect`` draw the line.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import ipaddress
import json
import logging
import re
import secrets
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool

from .database import now
from .jobs import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

    from .desk import Desk, Webhook

log = logging.getLogger("shop.webhooks")

EVENT = "order.created"
_LOCAL = r"127\.0\.0\.1|localhost|\[::1\]"
_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
ADDRESS = re.compile(
    rf"(https://([A-Za-z0-9][A-Za-z0-9.-]*|{_LOCAL})|http://({_LOCAL}))(:({_PORT}))?(/[A-Za-z0-9._~/?&=%+-]*)?"
)
"""Less than the standard allows, so that no two readers of an address disagree about its host: no user name, no
fragment. Plain http to this machine is for demos and tests, where the receiver runs beside the shop; a shop in
production would refuse it, as this is where its own insides listen.
"""
MAX_URL = 500
LIMIT_S = 5.0
PAUSES_S = (0.0, 1.0, 5.0)
FAILURES, REST_S = 5, 30.0
"""Calls in vain, one after the other, after which a receiver is left alone, and for how long."""
GATHER_S = 0.1
"""Orders of so long a time are looked up together: a busy shop must not ask the database once for each."""
MOST_WAITING = 10_000


def allowed(url: str) -> bool:
    """Whether the shop may be told to call ``url``: https anywhere, plain http on this machine only."""
    return len(url) <= MAX_URL and ADDRESS.fullmatch(url) is not None


def signature(body: bytes, secret: str) -> str:
    """Return what the header X-Shop-Signature has for ``body``."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Event:
    """An order that was made, as callers of the API see it."""

    order: dict[str, object]
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Call:
    """One event for one webhook."""

    webhook: Webhook
    event: Event


class Breaker:
    """A circuit breaker per receiver: left alone for ``REST_S`` after ``FAILURES`` calls in vain, then tried once.

    A receiver that hangs would keep all workers, and others would wait for it.
    """

    def __init__(self, tripped: Callable[[], None], clock: Callable[[], float]) -> None:
        self._tripped, self._clock = tripped, clock
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def lets(self, receiver: str) -> bool:
        """Whether a receiver may be called now."""
        return self._clock() >= self._until.get(receiver, 0.0)

    def note(self, receiver: str, *, well: bool) -> None:
        """Note how a call ended."""
        if well:
            self._failures.pop(receiver, None)
            self._until.pop(receiver, None)
            return
        self._failures[receiver] = self._failures.get(receiver, 0) + 1
        if self._failures[receiver] >= FAILURES and self.lets(receiver):
            self._until[receiver] = self._clock() + REST_S
            self._tripped()


class Hooks:
    """Tells orders to webhooks: a customer's own orders, to administrators all."""

    def __init__(
        self, desk: Desk, tripped: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._desk = desk
        self._breaker = Breaker(tripped, clock)
        self._waiting: list[Event] = []
        self._looking: Worker[None] = Worker("webhooks", self._look_up, most=1)
        self._calling: Worker[Call] = Worker("webhook calls", self._call, workers=4)

    def start(self) -> None:
        """Start the workers."""
        self._looking.start()
        self._calling.start()

    async def stop(self) -> None:
        """Stop the workers; calls that wait are dropped."""
        await self._looking.stop()
        await self._calling.stop()

    def order_created(self, order: dict[str, object], correlation_id: str) -> None:
        """Hand in an order. Costs its caller nothing but this."""
        if len(self._waiting) >= MOST_WAITING:  # the database does not answer
            return
        self._waiting.append(Event(order, correlation_id))
        if len(self._waiting) == 1:
            self._looking.put(None)

    async def _look_up(self, _: None) -> None:
        await asyncio.sleep(GATHER_S)
        events, self._waiting = self._waiting, []
        for webhook, sees_all in await run_in_threadpool(self._desk.all_webhooks):
            for event in events:
                if sees_all or str(event.order["email"]).lower() == webhook.email:
                    self._calling.put(Call(webhook, event))

    async def _call(self, call: Call) -> None:
        webhook, event = call.webhook, call.event
        body = json.dumps({"event": webhook.event, "order": event.order, "created": now()}).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "shop-webhooks",
            "X-Shop-Delivery": secrets.token_hex(8),
            "X-Shop-Signature": signature(body, webhook.secret),
            "X-Correlation-ID": event.correlation_id,
        }
        facts = {"webhook": webhook.id, "correlation_id": event.correlation_id}
        for pause in PAUSES_S:
            await asyncio.sleep(pause)
            if not self._breaker.lets(webhook.url):
                break
            try:
                status = await run_in_threadpool(_post, webhook.url, body, headers)
            except (OSError, http.client.HTTPException, ValueError) as error:
                log.warning(
                    "webhook not called", extra={"facts": facts | {"error": f"{type(error).__name__}: {error}"}}
                )
                self._breaker.note(webhook.url, well=False)
                continue
            self._breaker.note(webhook.url, well=status < 500)
            log.info("webhook called", extra={"facts": facts | {"status": status}})
            if status < 500:
                return
        log.error("webhook given up", extra={"facts": facts})


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Return the status of the answer. Redirects are not followed: they would lead past ``allowed``."""
    if not allowed(url):
        raise ValueError("not an address that may be called")
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connect(parts)
    try:
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _connect(parts: SplitResult) -> http.client.HTTPConnection:
    """Connect to an address that was looked at first: a name may lead anywhere, and elsewhere the next time."""
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port or 80, timeout=LIMIT_S)
    connection = http.client.HTTPSConnection(host, parts.port or 443, timeout=LIMIT_S)
    found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    ip = str(found[0][4][0])
    if not (ipaddress.ip_address(ip).is_global or host in {"localhost", "127.0.0.1", "::1"}):
        raise ValueError(f"{host} is not on the internet")
    plain = socket.create_connection((ip, parts.port or 443), LIMIT_S)
    connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    return connection
