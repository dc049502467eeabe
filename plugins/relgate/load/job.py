"""What a process of Locust is told: one JSON line on its standard input, or a message from its master.

A job holds resolved secrets (headers): it is never written to disk and never printed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from relgate.load.shape import Shape

Role = Literal["alone", "master", "worker"]


@dataclass(frozen=True, slots=True)
class Caps:
    """What no load goes beyond, whatever it was asked for. Seconds, requests per second, and counts."""

    users: int
    rate_per_s: float
    duration_s: float
    requests: int


@dataclass(frozen=True, slots=True)
class Job:
    """One side's load.

    ``users``: paths of locustfiles; ``replay``: method, path and weight of each request instead. ``open_loop``: the
    shape's amount is requests per second on a schedule, otherwise it is clients. ``connections``: Locust users that an
    open loop has, over all workers. ``late_s``: a request that the generator itself sent later than this says nothing.
    ``only_safe``: nothing but GET, HEAD and OPTIONS may be sent. ``index`` of ``of``: which worker this is.
    """

    host: str
    shape: Shape
    open_loop: bool
    connections: int
    caps: Caps
    users: tuple[str, ...] = ()
    replay: tuple[tuple[str, str, float], ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    verify: bool = True
    ca: str | None = None
    timeout_s: float = 10.0
    late_s: float = 0.010
    seed: int = 0
    abort_file: str | None = None
    only_safe: bool = False
    index: int = 0
    of: int = 1

    def plain(self) -> dict[str, Any]:
        """Return it as a JSON value, with secrets: for a pipe or a message only."""
        return asdict(self)

    @classmethod
    def of_plain(cls, plain: dict[str, Any]) -> Job:
        """Return the job of ``plain``."""
        pairs = ("headers", "replay")
        given = {name: tuple(tuple(one) for one in plain[name]) for name in pairs}
        given["users"] = tuple(plain["users"])
        return cls(**{**plain, **given, "shape": Shape(**plain["shape"]), "caps": Caps(**plain["caps"])})


@dataclass(frozen=True, slots=True)
class Task:
    """What a process does first: its role, and where its master is (``bind`` for a master, port 0 for any free one).

    ``expect``: workers that a master waits for. A worker gets its job from its master.
    """

    role: Role
    users: tuple[str, ...] = ()
    job: Job | None = None
    address: str = "127.0.0.1"
    port: int = 0
    expect: int = 0
    name: str = ""

    def to_json(self) -> str:
        """One line of JSON, with secrets: for a pipe only."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Return the task of ``to_json``."""
        plain = json.loads(text)
        job = Job.of_plain(plain["job"]) if plain["job"] is not None else None
        return cls(**{**plain, "job": job, "users": tuple(plain["users"])})
