"""What steps come to: findings, problems, and how much was examined."""

from __future__ import annotations

from pathlib import Path

from relgate.policy.model import Gate
from relgate.smoke.outcomes import Outcome, Outcomes
from relgate.smoke.steps import Walk, shortened
from relgate.values import Verdict
from relgate.verdicts import by_findings

GATE = Gate(id="smoke-a", signal=None, field=None, kind="findings", dimension="count", family="smoke")


def verdict(walk: Walk) -> Verdict:
    """Return what the gate says."""
    return by_findings(GATE, walk.result()).verdict


def walked(*names: str) -> Walk:
    """Return a walk whose steps were finished."""
    walk = Walk("smoke-a")
    for name in names:
        walk.end(walk.begin(name, 0.0), 1.0)
    return walk


def test_steps_that_were_finished_pass() -> None:
    """All that were begun."""
    assert verdict(walked("a", "b")) is Verdict.PASS
    half = walked("a")
    half.begin("b", 1.0)
    assert verdict(half) is Verdict.INCONCLUSIVE
    assert verdict(walked()) is Verdict.INCONCLUSIVE


def test_the_same_exception_counts_once() -> None:
    """It leaves the inner step, the outer one and the test."""
    walk, error = walked("a"), ValueError("x")
    walk.failed(error, "x", step="inner")
    walk.failed(error, "x", step="outer")
    walk.unmeasured(error, "x")

    assert [one.what for one in walk.result().findings] == ["step 'inner': x"]
    assert walk.problems == []
    assert verdict(walk) is Verdict.FAIL


def test_what_could_not_be_measured_is_an_error() -> None:
    """Whatever was finished before."""
    walk = walked("a", "b")
    walk.unmeasured(ValueError(), "nobody answers")
    assert verdict(walk) is Verdict.ERROR


def test_messages_are_one_line() -> None:
    """What Playwright says has many."""
    assert shortened("Timeout 10000ms exceeded.\nCall log:\n  - waiting for x\n\n") == (
        "Timeout 10000ms exceeded. Call log: - waiting for x"
    )
    assert shortened("") == "no message"
    assert len(shortened("x" * 5000)) < 700


def test_a_worse_outcome_of_a_path_replaces_a_better_one(tmp_path: Path) -> None:
    """Running it again does not wash a failure away."""
    outcomes = Outcomes(tmp_path)
    assert outcomes.wait("a", 0.0) == "it did not finish within 0 s"
    outcomes.end("a", Outcome("pass", ""))
    assert outcomes.wait("a", 0.0) is None
    outcomes.end("a", Outcome("fail", "no"))
    outcomes.end("a", Outcome("pass", ""))
    assert outcomes.wait("a", 0.0) == "it ended with fail: no"


def test_a_process_that_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    """Its path has no outcome and never will."""
    outcomes = Outcomes(tmp_path)
    outcomes.begin("a")
    (tmp_path / "a.begun").write_text('{"pid": 4194303}')
    assert outcomes.wait("a", 60.0) == "the process that worked on it is gone"
