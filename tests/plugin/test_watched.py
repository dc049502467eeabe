"""Gates that are watched run in every stage that observes, whatever family that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

POLICY = """
relgate: 1
service: demo
environments:
  test: {candidate: {url: "http://127.0.0.1:9"}}
signals: {health: {poll: {every: 200ms, get: /health}}}
gates:
  alpha: {signal: null, fail: "> 10", family: smoke}
  health: {signal: health, watch: true}
  other: {signal: health}
stages:
  - {name: smoke, run: smoke, bake: 1s}
  - {name: before, run: preflight, require: alpha}
"""
GATES = """
import pytest
from relgate.values import Measurement

@pytest.mark.smoke
def test_alpha(gate):
    gate.judge("alpha", Measurement("count", n=1, value=1.0))

def test_gate(gate, gate_id):
    gate.judge(gate_id)
"""


def test_a_watched_gate_runs_in_a_stage_of_another_family(project: Project) -> None:
    """The gates of its own family that are not watched stay out; nothing answers at that port, so it holds."""
    project.write("relgate.yaml", POLICY)
    project.write("test_gates.py", GATES)
    ended = project.end(project.start("-m", "smoke", "--gate-policy", "relgate.yaml", "--gate-stage", "smoke"))
    assert ended.document["expected_gates"] == ["alpha", "health"]
    verdicts = {row["id"]: row["verdict"] for row in ended.document["gates"]}
    assert verdicts["alpha"] == "pass"
    assert verdicts["health"] not in ("pass", "missing")
    assert ended.code in (10, 20)
