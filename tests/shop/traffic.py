"""Traffic for the shop's tests: bounded, and nothing in it asserts how long something took."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from examples.shop.run import ShopProcess

ORDER = {"items": [{"product_id": 3, "quantity": 2}], "email": "probe@shop.example"}
# Reading the machine's certificates takes longer than most requests, and nothing here is encrypted.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
HEALTH_PATHS = (
    "/api/health/system",
    "/api/health/providers",
    "/health",
    "/actuator/health",
    "/healthz/aspnet",
    "/health+json",
    "/status",
)


def get(shop: ShopProcess, path: str, **options: Any) -> httpx.Response:
    """Return one answer."""
    return httpx.get(shop.url + path, timeout=10, verify=NO_TLS, **options)


def statuses(shop: ShopProcess, path: str, n: int, at_once: int = 8) -> list[int]:
    """Return the status of ``n`` answers, over ``at_once`` connections that stay open."""

    def one_connection(share: int) -> list[int]:
        # http.client costs a tenth of what httpx does: the shop is to be busy, not its caller.
        connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=30)
        try:
            found = []
            for _ in range(share):
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                found.append(answer.status)
            return found
        finally:
            connection.close()

    shares = [n // at_once + (number < n % at_once) for number in range(at_once)]
    with ThreadPoolExecutor(at_once) as pool:
        return [status for found in pool.map(one_connection, shares) for status in found]


def metric(shop: ShopProcess, name: str) -> float:
    """Return the value of a metric without labels."""
    lines = get(shop, "/metrics").text.splitlines()
    (value,) = (float(line.split()[1]) for line in lines if line.split(" ")[0] == name)
    return value


def log_lines(shop: ShopProcess) -> list[dict[str, Any]]:
    """Return the log so far."""
    text = shop.log.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def logged(shop: ShopProcess, **facts: object) -> dict[str, Any]:
    """Return the one line of the log that has these facts. It is written after the answer: this waits for it."""
    until = time.monotonic() + 10
    while True:
        found = [line for line in log_lines(shop) if all(line.get(key) == value for key, value in facts.items())]
        if found or time.monotonic() > until:
            (line,) = found
            return line
        time.sleep(0.01)
