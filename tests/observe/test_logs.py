"""Stored looks at logs and databases: what they become, and what of them is a problem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from relgate.observe.store import open_recording
from relgate.observe.writer import Writer
from relgate.report.redact import Redactor
from relgate.values import Lines, Series, Statements
from tests.observe.samples import HEAD, START_NS, TAIL

STREAMS = [
    {"name": "errors", "kind": "log", "every_s": 1.0, "sides": ["candidate"]},
    {"name": "queries", "kind": "statements", "every_s": 1.0, "sides": ["candidate"]},
]


def look(second: int, **facts: Any) -> dict[str, Any]:
    """What the recorder stores of one look."""
    usual = {"t_ns": START_NS + second * 10**9, "wall_ns": 0, "took_ns": 0, "fault": None}
    return {**usual, "lines": 10, "requests": None, "seen": [["ERROR <*>", 2, "ERROR 7"]], "costs": [], **facts}


def recording(folder: Path, looks: list[dict[str, Any]]) -> Any:
    """A finished recording of both kinds."""
    writer = Writer(folder, Redactor(), {**HEAD, "streams": STREAMS})
    for name, role in (("errors", "lines"), ("queries", "costs")):
        writer.open(name, "candidate", role)
    writer.begin()
    for name, role in (("errors", "lines"), ("queries", "costs")):
        writer.lines((name, "candidate", role), looks)
    writer.finish(TAIL)
    return open_recording(folder)


def test_looks_become_lines_and_a_counter(tmp_path: Path) -> None:
    """The same looks: patterns for one gate, a count for another."""
    found = recording(tmp_path, [look(second) for second in range(6)])
    lines, rate = found.evidence("errors", "patterns"), found.evidence("errors", "rate")

    assert lines.problems == ()
    assert isinstance(lines.candidate, Lines)
    assert [(one.t_s, one.lines, one.seen[0].count) for one in lines.candidate.looks][:2] == [
        (0.0, 10, 2),
        (1.0, 10, 2),
    ]
    assert isinstance(rate.candidate, Series)
    assert list(rate.candidate.value) == [2, 4, 6, 8, 10, 12]


def test_costs_become_statements(tmp_path: Path) -> None:
    """Of looks in which nothing changed only the moment is known."""
    looks = [look(second, costs=[["select a", 3.0, 0.5]] if second == 2 else []) for second in range(6)]
    found = recording(tmp_path, looks).evidence("queries", "mean").candidate

    assert isinstance(found, Statements)
    assert found.at_s == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    assert [(cost.t_s, cost.calls, cost.total_s) for cost in found.costs["select a"]] == [(2.0, 3.0, 0.5)]


@pytest.mark.parametrize("signal", [("errors", "patterns"), ("errors", "rate"), ("queries", "mean")])
def test_one_look_that_could_not_read_is_a_problem(tmp_path: Path, signal: tuple[str, str]) -> None:
    """Whatever the others found: what was missed could be anything."""
    looks = [look(second, fault="rotated" if second == 3 else None) for second in range(6)]

    assert "rotated" in "".join(recording(tmp_path, looks).evidence(*signal).problems)


def test_a_log_without_a_line_is_a_problem(tmp_path: Path) -> None:
    """Nobody can tell it from the log of another service."""
    problems = (
        recording(tmp_path, [look(second, lines=0, seen=[]) for second in range(6)]).evidence("errors", "rate").problems
    )

    assert "not one line came" in "".join(problems)


def test_looks_that_are_missing_are_a_problem(tmp_path: Path) -> None:
    """Half of a bake is no bake."""
    assert "cut short" in "".join(recording(tmp_path, [look(0), look(1)]).evidence("errors", "patterns").problems)
