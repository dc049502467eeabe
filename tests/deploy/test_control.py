"""Orders from another terminal, and the lock."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from relgate.deploy.control import Control, Order
from relgate.deploy.lock import Lock
from relgate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_orders_are_taken_once_and_in_their_order(tmp_path: Path) -> None:
    """Whoever came first."""
    control = Control(tmp_path, "r-1")
    control.make()
    for word in ("pause", "resume", "abort"):
        control.give(Order(word, "anna", "why"))
    assert [control.take() for _ in range(4)] == [
        Order("pause", "anna", "why"),
        Order("resume", "anna", "why"),
        Order("abort", "anna", "why"),
        None,
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '"abort"', '{"word": "promote", "actor": "eve"}', '{"word": "abort"}'])
def test_what_is_no_order_is_thrown_away(tmp_path: Path, text: str) -> None:
    """A torn file, a word that does not exist, nobody's order: none may move traffic, nor stay in the way."""
    control = Control(tmp_path, "r-1")
    control.make()
    (control.folder / "orders" / "1-a.json").write_text(text)
    control.give(Order("pause", "anna"))
    assert control.take() == Order("pause", "anna")
    assert list((control.folder / "orders").iterdir()) == []


def test_the_lock_excludes_and_dies_with_its_owner(tmp_path: Path) -> None:
    """Killed owners leave nothing behind."""
    code = (
        "import pathlib, sys, time; from relgate.deploy.lock import Lock\n"
        "with Lock(pathlib.Path(sys.argv[1]), 'shop', 'prod'):\n    print('held', flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        lock = Lock(tmp_path, "shop", "prod")
        assert lock.taken()
        with pytest.raises(UsageError, match=f"shop in prod is running \\(process {owner.pid}\\)"), lock:
            pass
        with Lock(tmp_path, "shop", "staging"):
            pass  # Another place is another lock.
        owner.kill()
        owner.wait()
        assert not lock.taken()
        with lock:
            assert Lock(tmp_path, "shop", "prod").taken()
