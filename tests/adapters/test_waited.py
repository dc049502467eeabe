"""Waits for a processor, as Linux tells them by thread."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from relgate.adapters import waited

if TYPE_CHECKING:
    from collections.abc import Iterator

SPIN = "import time, sys\nprint(flush=True)\nwhile True: pass"

pytestmark = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="nobody tells waits here")


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[int]:
    """Two busy processes on one processor, one of which is called like a browser; its process id."""
    browser = tmp_path / "chromium-busy"
    shutil.copy(os.path.realpath(sys.executable), browser)
    processor = min(os.sched_getaffinity(0))
    home = {**os.environ, "PYTHONHOME": sys.base_prefix}
    started = [
        subprocess.Popen(
            [program, "-c", SPIN],
            stdout=subprocess.PIPE,
            env=home,
            preexec_fn=lambda: os.sched_setaffinity(0, {processor}),
        )
        for program in (str(browser), sys.executable)
    ]
    for one in started:
        assert one.stdout is not None
        one.stdout.readline()
    yield started[0].pid
    for one in started:
        one.kill()
        one.communicate()


def test_a_browser_that_shares_its_processor_waits(crowded: int) -> None:
    """Only what is called like a browser counts, and what waited between two readings."""
    before = waited.of_browsers()
    until = time.monotonic() + 60
    while waited.longest_s(before, waited.of_browsers()) < 0.05:
        assert time.monotonic() < until

    assert {pid for pid, _ in waited.of_browsers()} == {crowded}


def test_where_nothing_is_told_nobody_waited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another system than Linux."""
    monkeypatch.setattr(waited, "_PROC", tmp_path / "none")

    assert waited.of_browsers() == {}
    assert waited.longest_s({}, {}) == 0
