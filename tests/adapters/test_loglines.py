"""Lines of a log: what comes during the bake counts, and a log that was not read to its end is a fault for good."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relgate.adapters.loglines import BEYOND, MOST_PATTERNED, CommandLines, Counter, FileLines
from relgate.policy.model import ERRORS
from relgate.report.redact import MASK, Redactor

SECRET = "abc123def456"


def counter(requests: str | None = None) -> Counter:
    """What a policy's ``log: {}`` asks for."""
    return Counter(ERRORS, requests, Redactor([SECRET]).text)


def write(path: Path, *lines: str, end: str = "\n") -> None:
    """Append lines to a log."""
    with path.open("a") as file:
        file.write("\n".join(lines) + end)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log that had lines before the bake."""
    file = tmp_path / "service.log"
    write(file, "ERROR before the bake")
    return file


def test_only_what_comes_after_the_first_look_counts(path: Path) -> None:
    """By pattern, with an example; lines that are no errors are counted alone."""
    source = FileLines(str(path), counter("GET"))
    first = source.read()
    write(path, "INFO GET /a 200", "ERROR order 17 lost", "", "ERROR order 18 lost", "INFO GET /b 200")
    second, third = source.read(), source.read()
    source.close()

    assert first["lines"] == third["lines"] == 0
    assert (second["lines"], second["requests"], second["value"], second["fault"]) == (4, 2, 2, None)
    assert second["seen"] == [["ERROR order <*> lost", 2, "ERROR order 17 lost"]]


def test_half_a_line_is_left_for_the_next_look(path: Path) -> None:
    """A service writes while it is read."""
    source = FileLines(str(path), counter())
    source.read()
    write(path, "ERROR half", end="")
    assert source.read()["lines"] == 0
    write(path, " a line")

    assert source.read()["seen"] == [["ERROR half a line", 1, "ERROR half a line"]]


def test_a_secret_is_gone_before_a_pattern_is_made_of_its_line(path: Path) -> None:
    """A number taken out of a secret would hide the rest of it from whoever redacts."""
    source = FileLines(str(path), counter())
    source.read()
    write(path, f"ERROR token={SECRET} refused")

    assert source.read()["seen"] == [[f"ERROR token={MASK} refused", 1, f"ERROR token={MASK} refused"]]


def rotated(path: Path) -> None:
    """Move the log away and begin another."""
    path.replace(path.with_suffix(".1"))
    write(path, "INFO new")


def cut(path: Path) -> None:
    """Empty the log where it lies."""
    os.truncate(path, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [(rotated, "rotated"), (cut, "cut"), (Path.unlink, "cannot be read")],
    ids=["rotated", "cut", "gone"],
)
def test_a_log_that_changed_under_us_is_a_fault_for_good(
    path: Path, change: Callable[[Path], object], said: str
) -> None:
    """Lines may be missing, and nobody knows which; a log that comes back does not bring them."""
    source = FileLines(str(path), counter())
    source.read()
    change(path)
    second = source.read()
    write(path, "ERROR later")

    assert said in second["fault"]
    assert source.read()["fault"] == second["fault"]


def test_a_missing_log_is_a_fault(tmp_path: Path) -> None:
    """Also when it appears during the bake: what was in it before nobody counted."""
    source = FileLines(str(tmp_path / "none.log"), counter())
    first = source.read()
    write(tmp_path / "none.log", "ERROR")

    assert "cannot be read" in first["fault"]
    assert source.read()["fault"] == first["fault"]


def test_a_flood_is_counted_and_not_looked_at_line_by_line(path: Path) -> None:
    """A service that writes a hundred thousand errors a second must not make the recorder late."""
    source = FileLines(str(path), counter())
    source.read()
    write(path, *["ERROR again"] * (MOST_PATTERNED + 500))

    assert source.read()["seen"] == [["ERROR again", MOST_PATTERNED, "ERROR again"], [BEYOND, 500, BEYOND]]


@pytest.mark.parametrize(
    "line",
    [
        '{"time": "x", "level": "error", "message": "m"}',
        '{"severity":"CRITICAL"}',
        "ts=1 level=error msg=x",
        "2026-11-22 01:02:03 ERROR worker",
        "panic: runtime error",
        "Traceback (most recent call last):",
    ],
)
def test_errors_are_known_by_how_logs_write_them(line: str) -> None:
    """JSON, key=value, and plain words."""
    assert counter().facts([line])["value"] == 1


@pytest.mark.parametrize(
    "line",
    ['{"level": "info", "message": "no error here"}', "INFO errors: 0", "level=warn msg=x", "an error, they say"],
)
def test_a_line_about_errors_is_none(line: str) -> None:
    """A count of zero errors is no error."""
    assert counter().facts([line])["value"] == 0


def eventually(read: Callable[[], dict[str, Any]], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Look until something has come."""
    until = time.monotonic() + 20
    while not wanted(facts := read()):
        assert time.monotonic() < until, facts
        time.sleep(0.02)
    return facts


def test_a_command_that_goes_on_is_followed(path: Path) -> None:
    """What it printed before the first look is older than the bake."""
    source = CommandLines(f"tail -n +1 -F {path}", counter())
    try:
        time.sleep(0.5)  # it prints the old line now
        assert source.read()["lines"] == 0
        write(path, "ERROR new")
        facts = eventually(source.read, lambda found: bool(found["lines"]))
        assert facts["seen"] == [["ERROR new", 1, "ERROR new"]]
    finally:
        source.close()


def test_a_command_that_ends_says_nothing_about_the_rest() -> None:
    """Its last words tell why; a good exit code is no better."""
    for code in (0, 3):
        program = f"import sys; sys.stderr.write('no such pod'); sys.exit({code})"
        source = CommandLines(f'{sys.executable} -c "{program}"', counter())
        try:
            facts = eventually(source.read, lambda found: found["fault"] is not None)
            assert f"ended with code {code}: no such pod" in facts["fault"]
        finally:
            source.close()


def test_a_command_that_cannot_be_run_is_a_fault() -> None:
    """Not an empty log."""
    source = CommandLines("no-such-program-here --follow", counter())

    assert "cannot be run" in source.read()["fault"]
    source.close()
