"""Ids in logs that lag behind, lack some, or cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.errors import SourceError
from relgate.observe.lookup import look_up

if TYPE_CHECKING:
    from collections.abc import Iterable


class Lines:
    """A log that grows by one id with every look; after ``readable`` looks it fails."""

    def __init__(self, *ids: str, readable: int = 1000) -> None:
        self._ids = ids
        self._looks = 0
        self._readable = readable

    def find(self, ids: Iterable[str]) -> frozenset[str]:
        """Return what is there by now."""
        self._looks += 1
        if self._looks > self._readable:
            raise SourceError("log: gone")
        return frozenset(ids) & frozenset(self._ids[: self._looks])


def logged(log: Lines | None, *ids: str, within_s: float = 10.0) -> dict[str, bool | None]:
    """Look up to the end."""
    return {line["sent"]: line["logged"] for line in look_up(log, list(ids), lambda: False, within_s)}


def test_a_log_that_lags_is_asked_again() -> None:
    """What comes only with the second look is there."""
    assert logged(Lines("a", "b"), "a", "b") == {"a": True, "b": True}


def test_what_does_not_come_in_time_is_missing() -> None:
    """After the time for it an id that is not in a readable log is not logged."""
    assert logged(Lines("a"), "a", "c", within_s=0.0) == {"a": True, "c": False}


def test_a_log_that_fails_is_no_no() -> None:
    """What was found stays found; of the rest nothing is known."""
    assert logged(Lines("a", "b", readable=1), "a", "b", within_s=0.1) == {"a": True, "b": None}


def test_without_a_log_nothing_is_known() -> None:
    """A side without a log says nothing about its ids, and nothing about none."""
    assert logged(None, "a") == {}
    assert logged(Lines()) == {}


def test_an_interruption_ends_the_waiting() -> None:
    """Nobody waits for a log when the run is over."""
    assert look_up(Lines("a"), ["c"], lambda: True, 1000.0) == [{"sent": "c", "logged": False, "error": None}]
