"""What a release of the shop does differently: one value of switches, and the faulty code that they turn on.

A healthy release is ``Behaviours()``. The faults are real ones - a blocked event loop, memory that stays allocated,
an exception in a handler - so that a gate can only find them from outside, the way it would find anybody's.
``releases.py`` names the combinations. Random draws come from one generator per process (``--seed``).
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import logging
import math
import os
import random
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from starlette.types import Receive, Scope, Send

log = logging.getLogger("shop")

MEDIAN_S = 0.008
SIGMA = 0.4
"""Backend time: log-normal, ``MEDIAN_S * exp(SIGMA * z)``; P95 = 15.4 ms and P99 = 20.3 ms at the defaults."""

Ids = Literal["good", "missing", "missing-on-errors", "shared"]


@dataclass(frozen=True, slots=True)
class Behaviours:
    """Switches of a release. Shares are 0 to 1, times are seconds, sizes are bytes; the defaults are healthy."""

    stretch: float = 1.0  # factor on every backend time
    tail_share: float = 0.0  # share of backend calls that take ``tail_factor`` times as long
    tail_factor: float = 1.0
    slow_start_s: float = 0.0  # for so long after the start backend calls are slower, falling linearly ...
    slow_start_factor: float = 1.0  # ... from this factor to 1
    stall_every_s: float = 0.0  # the event loop is blocked once in so many seconds ...
    stall_s: float = 0.0  # ... for so long
    error_share: float = 0.0  # share of backend answers that the code cannot digest: a 500
    swallowed_share: float = 0.0  # share of backend answers that the code cannot digest, logs, and answers for itself
    cpu_s: float = 0.0  # processor time burnt per backend call, in a thread, while waiting
    leak_per_request: int = 0  # bytes kept for ever by each request
    leak_per_s: int = 0  # bytes kept for ever by a background task
    leak_cap: int = 1 << 30  # the leak stops here, to spare the machine
    packing_s: float = 0.015  # time that the queue's worker spends on an order
    ids: Ids = "good"  # correlation ids on answers
    logged_ids: bool = True  # whether the log has the id that the answer has
    mail_reachable: bool = True  # False: the address of the mail relay is wrong (health: degraded)
    schema_needed: int = 7  # the database has version 7; health says Down for anything else
    replicas: str = "+"  # the health check asks these read replicas in turn: + answers, - refuses the connection
    stale_health: bool = False  # the health body is computed once, at the start
    previous_version: bool = False  # reports the version before the one that it is
    rubbish: bool = False  # answers everything with a web server's welcome page
    crash_after_s: float = 0.0  # the process dies so many seconds after its start
    dead_button: bool = False  # the button that orders is of type "button": it sends nothing
    unmerged_script: bool = False  # every page has a script for markup that it has not: it throws
    renamed_column: bool = False  # exports ask orders for a field that was renamed: a 500
    presence_closes: bool = False  # the presence socket is closed as soon as it is open
    security_headers: bool = True  # whether answers have them
    session_cleared: bool = False  # logging in clears the session after the person was put into it, not before
    hero_delay_s: float = 0.0  # the picture of the home page is answered so many seconds late
    unlabelled_quantity: bool = False  # the quantity on a product's page has text beside it and no label
    mail_worker: bool = True  # whether mails that wait are sent
    previous_assets: bool = False  # pages name the style sheet of the previous build
    stuck_agents: float = 0.0  # share of agents that wait for ever
    lost_connections_per_s: float = 0.0  # how often a read replica is asked that refuses connections
    crashes_per_s: float = 0.0  # how often a background job ends in an exception, and is restarted
    retries: int = 0  # how many more times each order is put into the queue: a retry without an end
    wrong_prices: bool = False  # prices are answered in whole euros where cents are expected
    search_s: float = 0.0  # whoever reads products waits so long for a lock of the search index
    slow_statement_share: float = 0.0  # share of searches that wait in the database ...
    slow_statement_s: float = 0.0  # ... for so long
    open_doors: bool = False  # the list of all orders asks nobody who they are


def override(behaviours: Behaviours, assignments: list[str]) -> Behaviours:
    """``behaviours`` with ``name=value`` texts applied, e.g. ``leak_per_s=1000000``.

    Raises ValueError for an unknown name or a value that is not of the field's type.
    """
    changes: dict[str, object] = {}
    known = {item.name for item in dataclasses.fields(Behaviours)}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or name not in known:
            raise ValueError(f"expected NAME=VALUE with a name out of {', '.join(sorted(known))}, got {assignment!r}")
        kind = type(getattr(behaviours, name))
        if kind is bool and text not in {"true", "false"}:
            raise ValueError(f"{name}: expected true or false, got {text!r}")
        value: object = text == "true" if kind is bool else kind(text)
        if isinstance(value, int | float) and not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name}: expected a finite number >= 0, got {text!r}")
        changes[name] = value
    return dataclasses.replace(behaviours, **changes)  # type: ignore[arg-type]  # checked field by field above


class UnknownCurrencyError(Exception):
    """The bug of release ``errors``: an answer of the payment backend that the code does not expect."""


class Share:
    """A share of all calls, one in each stretch of 1 / share of them at a random place.

    Chosen one by one, a release with 1 % errors would have 0.6 % of them in one minute of a hundred: what is judged
    would then be the dice of the shop and not the judge.
    """

    def __init__(self, share: float, dice: random.Random) -> None:
        self._length = 1.0 / share if share > 0 else math.inf
        self._dice = dice
        self._calls = self._stretches = 0
        self._next = self._place() if share > 0 else -1

    def hit(self) -> bool:
        """Whether the next call belongs to it."""
        call, self._calls = self._calls, self._calls + 1
        if call != self._next:
            return False
        self._stretches += 1
        self._next = max(self._place(), self._calls)
        return True

    def _place(self) -> int:
        return int((self._stretches + self._dice.random()) * self._length)


class Backend:
    """The service behind the shop (prices, payment): waits as long as a network call would, without burning CPU."""

    def __init__(self, behaviours: Behaviours, seed: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._behaviours = behaviours
        self._random = random.Random(seed)
        self._clock = clock
        self._started = clock()
        self._tail = Share(behaviours.tail_share, self._random)
        self._errors = Share(behaviours.error_share, self._random)
        self._swallowed = Share(behaviours.swallowed_share, self._random)
        self._slow_statements = Share(behaviours.slow_statement_share, self._random)

    def draw_s(self) -> float:
        """Seconds that the next call takes."""
        b = self._behaviours
        seconds = self._random.lognormvariate(math.log(MEDIAN_S), SIGMA) * b.stretch
        if self._tail.hit():
            seconds *= b.tail_factor
        age = self._clock() - self._started
        if age < b.slow_start_s:
            seconds *= b.slow_start_factor - (b.slow_start_factor - 1) * age / b.slow_start_s
        return seconds

    def waits_in_database(self) -> bool:
        """Whether the next search has a statement that waits."""
        return self._slow_statements.hit()

    async def call(self) -> None:
        """One call. Raises UnknownCurrencyError for the share of answers that this release cannot digest."""
        b = self._behaviours
        if b.cpu_s:
            # While the answer is awaited: costs processor time without changing the latency much.
            await asyncio.gather(asyncio.sleep(self.draw_s()), asyncio.to_thread(_burn, b.cpu_s))
        else:
            await asyncio.sleep(self.draw_s())
        if self._errors.hit():
            raise UnknownCurrencyError("payment backend answered in currency 'XTS', expected 'EUR'")
        if self._swallowed.hit():
            # The bug of release `swallowed-errors`: caught, logged, and answered with 200 as if nothing had happened.
            log.error("price list %d has no currency, taking the last one known", self._random.randrange(10_000))


def _burn(cpu_s: float) -> None:
    """Spend ``cpu_s`` seconds of this thread's processor time; hashing releases the interpreter's lock."""
    until = time.thread_time() + cpu_s
    while time.thread_time() < until:
        hashlib.pbkdf2_hmac("sha256", b"price", b"rounding", 500)


_retained: list[bytearray] = []
"""The bug of release ``leak``: something appends to a module-level list, nothing ever removes from it."""


def retain(size: int, cap: int) -> None:
    """Keep ``size`` bytes for ever, each page written so that it is resident; no more than ``cap`` bytes in all."""
    if size and sum(map(len, _retained)) + size <= cap:
        _retained.append(bytearray(b"\xa5") * size)


_REQUEST_ID = str(uuid.uuid4())
"""The bug of release ``shared-correlation-ids``: a module-level id, made once instead of once a request."""


def request_id(ids: Ids, correlation_id: str) -> str:
    """Return the id that a request goes by, on its answer and in the log."""
    return _REQUEST_ID if ids == "shared" else correlation_id


def has_id_header(ids: Ids, status: int) -> bool:
    """Whether an answer with this status carries X-Correlation-ID."""
    return not (ids == "missing" or (ids == "missing-on-errors" and status >= 400))


async def _stall(every_s: float, blocked_s: float) -> None:
    while True:
        await asyncio.sleep(every_s - blocked_s)
        # The bug: a blocking call on the event loop. Nobody is served meanwhile.
        time.sleep(blocked_s)  # noqa: ASYNC251


async def _leak(per_s: int, cap: int) -> None:
    while True:
        await asyncio.sleep(0.25)
        retain(per_s // 4, cap)


async def _crash(after_s: float) -> None:
    await asyncio.sleep(after_s)
    log.critical("out of file descriptors, giving up")
    logging.shutdown()
    os._exit(70)


def background(behaviours: Behaviours) -> list[Coroutine[object, object, None]]:
    """Return the background tasks that this release runs besides its workers."""
    b = behaviours
    tasks: list[Coroutine[object, object, None]] = []
    if b.stall_s:
        tasks.append(_stall(max(b.stall_every_s, b.stall_s), b.stall_s))
    if b.leak_per_s:
        tasks.append(_leak(b.leak_per_s, b.leak_cap))
    if b.crash_after_s:
        tasks.append(_crash(b.crash_after_s))
    return tasks


class Rubbish:
    """The bug of release ``rubbish``: a web server's default page stands in front of the application."""

    PAGE = b"<!doctype html><html lang=en><title>Welcome</title><h1>It works!</h1></html>\n"

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer every HTTP request with the page; start-up and shutdown still reach the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(self.PAGE))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self.PAGE})
