"""A page is examined once in a run, whoever comes to it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from relgate.ports.browsing import Violation
from relgate.smoke.examined import Examined

FOUND = (Violation("http://x.example/", "label", "critical", "Give it a label", "#email", 1),)


def test_who_comes_while_a_page_is_examined_waits_for_what_is_found(tmp_path: Path) -> None:
    """Two at the same time: one looks, both report."""
    begun, waited = threading.Event(), threading.Event()
    looks: list[str] = []

    def first() -> tuple[tuple[Violation, ...], bool]:
        begun.set()
        waited.wait(0.5)
        looks.append("first")
        return FOUND, True

    def second() -> tuple[tuple[Violation, ...], bool]:
        looks.append("second")
        waited.set()
        return (), True

    other = threading.Thread(target=lambda: Examined(tmp_path).of("http://x.example/?a=1", first))
    other.start()
    begun.wait()
    assert Examined(tmp_path).of("http://x.example/", second) == FOUND
    other.join()
    assert looks == ["first"]


def test_what_was_another_page_in_the_end_is_not_stored(tmp_path: Path) -> None:
    """The next one looks for itself."""
    assert Examined(tmp_path).of("http://x.example/", lambda: (FOUND, False)) == FOUND
    assert Examined(tmp_path).of("http://x.example/", lambda: ((), True)) == ()


def test_a_look_that_breaks_leaves_the_page_to_others(tmp_path: Path) -> None:
    """Nobody waits for one that has given up."""

    def breaks() -> tuple[tuple[Violation, ...], bool]:
        raise OSError("the page was left")

    with pytest.raises(OSError, match="left"):
        Examined(tmp_path).of("http://x.example/", breaks)
    assert Examined(tmp_path).of("http://x.example/", lambda: (FOUND, True)) == FOUND
