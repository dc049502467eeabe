"""Recordings made without a network: the real writer with made-up samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.observe.writer import Writer, fault_number
from relgate.report.redact import Redactor

if TYPE_CHECKING:
    from pathlib import Path

START_NS = 10**15
WALL_NS = 1_800_000_000 * 10**9
RATE = 10.0
BAKE_S = 5.0
SIDES = ["candidate", "baseline"]

HEAD: dict[str, Any] = {
    "run_id": "run-1",
    "bake_s": BAKE_S,
    "warmup_s": 0.0,
    "started": {"wall_ns": str(WALL_NS), "monotonic_ns": str(START_NS)},
    "sides": {"candidate": "http://new", "baseline": "http://old"},
    "streams": [
        {"name": "requests", "kind": "probe", "rate_per_s": RATE, "paths": ["/a", "/b"], "sides": SIDES, "logs": SIDES},
        {"name": "health", "kind": "poll", "every_s": 1.0, "sides": ["candidate"]},
        {"name": "memory", "kind": "scrape", "every_s": 1.0, "sides": ["candidate"]},
    ],
}
TAIL: dict[str, Any] = {
    "ended": "complete",
    "reason": "",
    "finished": HEAD["started"],
    "observed_s": BAKE_S,
    "clock_step_s": 0.0,
    "recorder": {},
}


def row(number: int, fault: str = "none", lag_s: float = 0.0, instance: int = 0) -> tuple[int, ...]:
    """Return the request that was due at tick ``number`` and took 20 ms."""
    due = START_NS + round(number / RATE * 1e9)
    status = 200 if fault in ("none", "expectation") else 0
    moments = (due, due + round(lag_s * 1e9), due + 20_000_000, WALL_NS)
    return (*moments, status, fault_number(fault), number % 2, instance, 21)


def rows(**faults: str) -> list[tuple[int, ...]]:
    """Return a full bake of requests; ``n7="timeout"`` gives the seventh a fault."""
    return [row(number, faults.get(f"n{number}", "none")) for number in range(round(BAKE_S * RATE))]


def line(number: int, **facts: Any) -> dict[str, Any]:
    """Return an observation at second ``number``."""
    moments = {"t_ns": START_NS + number * 10**9, "wall_ns": WALL_NS + number * 10**9, "took_ns": 5_000_000}
    return {**moments, **facts}


def writer(folder: Path, secrets: tuple[str, ...] = (), **head: Any) -> Writer:
    """Begin a recording with all files open."""
    new = Writer(folder, Redactor(secrets), {**HEAD, **head})
    for side in SIDES:
        for role in ("requests", "ids", "logged"):
            new.open("requests", side, role)
    new.open("health", "candidate", "answers")
    new.open("memory", "candidate", "series")
    new.begin()
    return new


def fill(new: Writer, candidate: list[tuple[int, ...]] | None = None) -> None:
    """Write five seconds of everything."""
    for side in SIDES:
        new.requests("requests", side, candidate if candidate is not None and side == "candidate" else rows())
        facts = [
            {"t_ns": START_NS + n, "sent": f"{side}-{n}", "got": None, "status": 200, "path": n % 2} for n in range(3)
        ]
        new.lines(("requests", side, "ids"), facts, clean=True)
        new.lines(("requests", side, "logged"), [{"sent": f"{side}-0", "logged": True, "error": None}])
    health = [line(n, code=200, body="ok", headers={"age": "0"}, error=None) for n in range(6)]
    new.lines(("health", "candidate", "answers"), health)
    memory = [line(n, value=None if n == 2 else float(n), fault="no series" if n == 2 else None) for n in range(6)]
    new.lines(("memory", "candidate", "series"), memory)


def recorded(folder: Path, candidate: list[tuple[int, ...]] | None = None, **tail: Any) -> Path:
    """Make a finished recording."""
    new = writer(folder)
    fill(new, candidate)
    new.finish({**TAIL, **tail})
    return folder
