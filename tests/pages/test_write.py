"""A page from what a run stored: what cannot be drawn is said in its place, and never a reason to have no page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relgate.pages import write
from relgate.settings import Run
from tests.bakes import stored
from tests.pages.test_curves import RUN
from tests.report.documents import content, row


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with a recording of requests and nothing else."""
    stored(tmp_path / "evidence", 1, 21.0, 2.0)
    return replace(RUN, folder=str(tmp_path))


def document(*names: str) -> dict[str, Any]:
    """A decision on gates of the policy."""
    return content(*(row(name) for name in names))


def test_gates_on_a_signal_are_drawn_and_files_are_linked(run: Run) -> None:
    """Each part of a signal is read once, whatever many gates judge it."""
    (run.path / "decision.json").write_text("{}")
    screenshot = run.path / "evidence" / "smoke" / "latency" / "cart is empty.png"
    screenshot.parent.mkdir(parents=True)
    screenshot.write_bytes(b"")
    text = write.report(run, document("latency", "errors"), 2, "ab")

    assert text.count("<svg") == 6
    assert 'href="./decision.json"' in text
    assert 'href="./evidence/smoke/latency/cart%20is%20empty.png">screenshot</a>' in text


def test_what_was_not_recorded_is_said(run: Run) -> None:
    """The gate has its row and its reason, and no picture."""
    text = write.report(run, document("memory", "not-in-the-policy"), 2, "ab")

    assert "<svg" not in text
    assert "there is no picture: nothing was recorded" in text


@pytest.mark.parametrize("fault", ["gone", "cut"])
def test_a_damaged_recording_leaves_a_page_without_pictures(run: Run, fault: str) -> None:
    """The decision stands in the ledger, whatever became of its samples."""
    for path in (run.path / "evidence").iterdir():
        if fault == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:10])
    text = write.report(run, document("latency"), 2, "ab")

    assert "there is no picture: " in text
    assert "<svg" not in text


def test_a_recording_too_large_for_a_page_is_not_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be held in memory after the decision."""
    monkeypatch.setattr(write, "LARGEST_DRAWN", 100)
    text = write.report(run, document("latency"), 2, "ab")

    assert "were recorded of requests" in text
    assert "<svg" not in text


def test_the_worst_gates_are_drawn_first(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not all are."""
    monkeypatch.setattr(write, "MOST_DRAWN", 1)
    rows = [row("latency", "pass"), row("errors", "fail")]
    text = write.report(run, content(*rows), 2, "ab")

    assert text.count("<svg") == 3
    assert "share of failed requests" in text
