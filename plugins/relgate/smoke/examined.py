"""Which pages of a run have been examined for accessibility, in files that all its processes share.

A page is examined once in a run, by the path that comes to it first; every path that shows it reports what was found.
Who comes while it is examined waits for that: a lock of the file system, which ends with the process that holds it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from relgate.ports.browsing import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Look = Callable[[], tuple[tuple[Violation, ...], bool]]
    """Examines a page; returns what was found, and whether it was still that page in the end."""

_PATIENCE_S = 10.0
_PAUSE_S = 0.02


class Examined:
    """What was found on each page, by its path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, url: str, look: Look) -> tuple[Violation, ...]:
        """Return what was found on a page, by others where somebody has looked; what ``look`` raises is passed on."""
        found = self._get(url)
        if found is None:
            with self._turn(url):
                found = self._get(url)
                if found is None:
                    found, same = look()
                    if same:
                        self._put(url, found)
        return found

    @contextmanager
    def _turn(self, url: str) -> Iterator[None]:
        """Wait until nobody else examines a page; who takes too long is not waited for."""
        self._folder.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + _PATIENCE_S
        with self._place(url).with_suffix(".lock").open("w") as lock:
            while time.monotonic() < until:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    time.sleep(_PAUSE_S)
                else:
                    break
            yield

    def _get(self, url: str) -> tuple[Violation, ...] | None:
        try:
            found = json.loads(self._place(url).read_text(encoding="utf-8"))
            return tuple(Violation(**one) for one in found)
        except (OSError, ValueError, TypeError):
            return None

    def _put(self, url: str, found: tuple[Violation, ...]) -> None:
        place = self._place(url)
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        draft.write_text(json.dumps([asdict(one) for one in found]), encoding="utf-8")
        draft.replace(place)

    def _place(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(urlsplit(url).path.encode()).hexdigest()[:32]}.json"
