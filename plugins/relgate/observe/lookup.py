"""Whether correlation ids that were sent are in a service's log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.ports.observing import Log

LOOK_UP_S = 10.0
_PAUSE_S = 0.5


def look_up(
    log: Log | None, ids: list[str], is_over: Callable[[], bool], within_s: float = LOOK_UP_S
) -> list[dict[str, Any]]:
    """Look ids up, again and again for a while: a log lags behind the answers that it tells of.

    Args:
        log: where to look; None for a side without one, of which nothing is known then.
        ids: what was sent.
        is_over: asked between two tries; True ends the waiting.
        within_s: how long to go on while some are missing.

    Returns:
        For each id ``sent``, ``logged`` (True, False, or None when the log could not be read to the end) and ``error``.

    """
    if log is None or not ids:
        return []
    found: set[str] = set()
    deadline = time.monotonic() + within_s
    while True:
        error: str | None = None
        try:
            found |= log.find([text for text in ids if text not in found])
        except SourceError as fault:
            error = str(fault)
        if len(found) == len(ids) or time.monotonic() > deadline or is_over():
            break
        time.sleep(_PAUSE_S)
    missing = None if error is not None else False
    return [{"sent": text, "logged": True if text in found else missing, "error": error} for text in ids]
