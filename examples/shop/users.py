"""Users of the shop: a bounded trickle of requests through one address, and how many of them failed."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from typing import Self

_ORDER = {"items": [{"product_id": 3, "quantity": 1}], "email": "user@shop.example"}
_ASKED = ("/", "/api/products", "/api/products/7", "/api/search?q=steel", "/api/version")
_MOST_S = 3600.0


class Users:
    """Sends ``per_s`` requests a second, each over a connection of its own as new users do, until it is stopped.

    ``failed`` counts answers of 5xx and requests without an answer; ``sent`` counts all. It ends after an hour.
    """

    def __init__(self, url: str, per_s: float = 20.0, timeout_s: float = 10.0) -> None:
        self._at = urlsplit(url)
        self._every_s = 1.0 / per_s
        self._timeout_s = timeout_s
        self._stop = threading.Event()
        self._count = threading.Lock()
        self.seen: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._shop, args=(number, 4), daemon=True) for number in range(4)]

    @property
    def sent(self) -> int:
        """How many requests have ended."""
        return sum(self.seen.values())

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(n for what, n in self.seen.items() if not what.startswith(("2", "3", "4")))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(self._timeout_s + 1)

    def _shop(self, number: int, of: int) -> None:
        began = time.monotonic()
        turn = number
        while not self._stop.wait(max(0.0, began + turn * self._every_s - time.monotonic())):
            if time.monotonic() - began > _MOST_S:
                return
            what = self._one(turn)
            with self._count:
                self.seen[what] += 1
            turn += of

    def _one(self, turn: int) -> str:
        connection = http.client.HTTPConnection(self._at.hostname or "", self._at.port, timeout=self._timeout_s)
        try:
            if turn % 6 == 5:
                headers = {"Content-Type": "application/json"}
                connection.request("POST", "/api/orders", body=json.dumps(_ORDER), headers=headers)
            else:
                connection.request("GET", _ASKED[turn % 6])
            answer = connection.getresponse()
            answer.read()
            return str(answer.status)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()
