"""The demo's exit code; what it shows is shown by the wheel test, with real shops."""

from __future__ import annotations

import pytest

from relgate import demo
from relgate.cli import main


@pytest.mark.parametrize(
    ("good", "slow", "code"), [(0, 20, 0), (10, 20, 0), (3, 20, 3), (0, 3, 3), (0, 30, 30), (4, 3, 4)]
)
def test_a_demo_whose_session_broke_does_not_look_well(
    good: int, slow: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promote, hold and rollback are what a demo shows; every other end of pytest is a fault."""
    codes = {"good": good, "slow": slow}
    monkeypatch.setattr(demo, "judge_release", lambda name, *_, **__: codes[name])

    assert main(["demo"]) == code


def test_a_demo_of_one_release_exits_with_its_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    """For scripts."""
    monkeypatch.setattr(demo, "judge_release", lambda *_, **__: 20)

    assert main(["demo", "--release", "slow"]) == 20
