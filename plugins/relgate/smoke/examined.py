"""Which pages of a run have been examined for accessibility, in files that all its processes share.

A page is examined once in a run, by the path that comes to it first; every path that shows it reports what was found.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from relgate.ports.browsing import Violation

if TYPE_CHECKING:
    from pathlib import Path


class Examined:
    """What was found on each page, by its path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, url: str) -> tuple[Violation, ...] | None:
        """Return what was found on a page; None where nobody has looked yet."""
        try:
            found = json.loads(self._place(url).read_text(encoding="utf-8"))
            return tuple(Violation(**one) for one in found)
        except (OSError, ValueError, TypeError):
            return None

    def put(self, url: str, found: tuple[Violation, ...]) -> None:
        """Store what was found. Of two that looked at the same time the last one stays."""
        self._folder.mkdir(parents=True, exist_ok=True)
        place = self._place(url)
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        draft.write_text(json.dumps([asdict(one) for one in found]), encoding="utf-8")
        draft.replace(place)

    def _place(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(urlsplit(url).path.encode()).hexdigest()[:32]}.json"
