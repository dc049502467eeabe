"""How long processes were ready to run and got no processor: what a busy machine adds to what a browser measures.

Linux tells it for every thread: ``/proc/<pid>/task/<tid>/schedstat``, second number, nanoseconds (``sched-stats`` of
the kernel's documentation). Elsewhere nobody tells it, and every wait is 0.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_BROWSERS = ("chrom", "headless")

Waits = dict[tuple[int, int], int]
"""Nanoseconds that threads have waited since they began, by process and thread."""


def of_browsers() -> Waits:
    """Return the waits of all threads of all browsers that this process, or one it has started, has started."""
    names, children = _processes()
    waits: Waits = {}
    todo = [os.getpid()]
    while todo:
        pid = todo.pop()
        todo += children.get(pid, ())
        if names.get(pid, "").startswith(_BROWSERS):
            waits |= _threads(pid)
    return waits


def longest_s(before: Waits, now: Waits) -> float:
    """Return how long the thread that waited longest between two readings has waited, seconds."""
    return max((value - before.get(thread, 0) for thread, value in now.items()), default=0) / 1e9


def _processes() -> tuple[dict[int, str], dict[int, list[int]]]:
    """Return the names of all processes, and the children of each."""
    names: dict[int, str] = {}
    children: dict[int, list[int]] = {}
    with suppress(OSError):
        for entry in os.scandir(_PROC):
            # A process that has ended meanwhile waits no more; a name may hold spaces and parentheses.
            with suppress(OSError, ValueError, IndexError):
                pid = int(entry.name)
                head, _, tail = (_PROC / entry.name / "stat").read_text(errors="replace").rpartition(")")
                names[pid] = head.partition("(")[2]
                children.setdefault(int(tail.split()[1]), []).append(pid)
    return names, children


def _threads(pid: int) -> Waits:
    waits: Waits = {}
    with suppress(OSError):
        for entry in os.scandir(_PROC / str(pid) / "task"):
            with suppress(OSError, ValueError, IndexError):
                waits[pid, int(entry.name)] = int(Path(entry.path, "schedstat").read_text().split()[1])
    return waits
