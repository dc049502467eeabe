"""What a session of gates is taken to have decided: its record, its end, and whether both are about this step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relgate.deploy import gates
from relgate.deploy.gates import Asked, Ruling, Session, command, ruling
from relgate.policy import load
from relgate.rollout.plan import Step
from relgate.run import Recorded
from relgate.values import Outcome

POLICY = load("""
relgate: 1
service: shop
environments: {prod: {candidate: {url: "http://new"}}}
signals: {health: {poll: {get: /health}}}
gates:
  health: {signal: health, watch: true}
  login: {signal: null, family: smoke, next_steps: try it by hand}
stages:
  - {name: some, traffic: 10%, bake: 10m, require: [health, login]}
""")
STEP = Step("some", "some", 0.1, 600.0)
ASKED = Asked("relgate.yaml", "prod", Path("reports"), {"version": "2", "commit": "abc"}, ("-q",))
GOOD: dict[str, Any] = {
    "service": "shop",
    "environment": "prod",
    "stage": "some",
    "policy_sha256": POLICY.sha256,
    "release": {"version": "2"},
    "decision": "promote",
    "reasons": [],
    "gates": [{"id": "health", "verdict": "pass"}],
    "irreversible": ["0007"],
}


def ruled(monkeypatch: pytest.MonkeyPatch, code: int | None, **changed: Any) -> Ruling:
    """The ruling on a verified record."""
    content = GOOD | changed
    monkeypatch.setattr(gates, "recorded", lambda *_: Recorded(content, 0, ("verified",)))
    return ruling(ASKED, POLICY, STEP, "run-1", code)


def test_a_promotion_needs_its_record_and_a_clean_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both, and what it lets through comes with it."""
    found = ruled(monkeypatch, 0)
    assert (found.outcome, found.irreversible, found.gates) == (Outcome.PROMOTE, ("0007",), (("health", "pass"),))


@pytest.mark.parametrize("code", [None, 1, 2, 10, 20, 30, -9, 137])
def test_a_record_that_says_promote_is_not_enough(monkeypatch: pytest.MonkeyPatch, code: int | None) -> None:
    """Whatever else the end was: a kill, a crash after the record, nobody who saw it."""
    assert ruled(monkeypatch, code).outcome is Outcome.HOLD


@pytest.mark.parametrize(
    "changed",
    [
        {"stage": "other"},
        {"environment": "dev"},
        {"service": "cart"},
        {"policy_sha256": "0" * 64},
        {"release": {"version": "1"}},
        {"release": {}},
    ],
)
def test_a_promotion_of_something_else_is_none_of_this(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    """Another stage, place, service, policy or version."""
    found = ruled(monkeypatch, 0, **changed)
    assert found.outcome is Outcome.HOLD
    assert found.reasons[0].startswith("the run judged")


def test_a_rollback_counts_also_where_nobody_saw_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way back needs less proof than the way forward."""
    assert ruled(monkeypatch, 20, decision="rollback").outcome is Outcome.ROLLBACK
    assert ruled(monkeypatch, None, decision="rollback").outcome is Outcome.ROLLBACK
    assert ruled(monkeypatch, 0, decision="rollback").outcome is Outcome.HOLD


@pytest.mark.parametrize("code", [0, 10, 20])
def test_without_a_record_it_is_a_hold_whatever_the_exit_code(code: int, tmp_path: Path) -> None:
    """Pytest that was replaced by something that says 0."""
    asked = Asked("relgate.yaml", "prod", tmp_path, {"version": "2"})
    assert ruling(asked, POLICY, STEP, "run-1", code).outcome is Outcome.HOLD


def test_the_families_of_all_required_gates_are_asked_for() -> None:
    """A gate that is required from another family would be missing otherwise."""
    words = command(ASKED, POLICY, STEP)
    assert words[words.index("-m", 3) + 1] == "canary or smoke"
    assert words[-1] == "-q"
    assert "--gate-bake" not in words
    short = command(ASKED, POLICY, Step("some", "some", 0.1, 2.5))
    assert short[short.index("--gate-bake") + 1] == "2500ms"


def test_compressed_time_is_handed_to_the_gates() -> None:
    """Their own durations shrink with the bake, which needs no option of its own then."""
    stage = POLICY.stage(STEP.stage)
    words = command(replace(ASKED, compress=20), POLICY, replace(STEP, bake_s=stage.bake_s / 20))
    assert words[words.index("--gate-compress") + 1] == "20"
    assert "--gate-bake" not in words


def test_a_session_is_ended_with_all_that_it_says() -> None:
    """SIGTERM first; its words are kept."""
    session = Session(["sh", "-c", "echo begun; exec sleep 60"], "20261121T100000.000Z-0123abcd")
    while not (lines := session.lines()):
        assert session.running()
    assert lines == ["begun"]
    assert session.end() == -15
