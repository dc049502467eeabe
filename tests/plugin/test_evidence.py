"""Evidence in sessions as a user runs them: it stands in decision.json, and a hold that is run again adds to it."""

from __future__ import annotations

from typing import Any

import pytest

from relgate.judge import judge
from relgate.measure.drift import Noise
from relgate.observe.store import open_recording
from relgate.policy import load
from relgate.values import Judgement
from tests.bakes import stored
from tests.plugin.conftest import HEAD, Ended, Project
from tests.plugin.test_observation import FROM_A_RECORDING

POLICY = """
relgate: 1
service: shop
environments:
  local:
    candidate: {url: "https://new.example"}
    baseline: {url: "https://old.example"}
    noise: {host_drift: 1%, over: 50s, bursts: 2s}
risk: {false_rollback: 4%, false_promotion: 5%}
signals: {requests: {probe: {rate: 10/s, get: /}}}
gates:
  latency: {signal: requests.latency, quantile: 95%, fail: "> baseline + 20%"}
  slow: {signal: requests.latency, quantile: 99%, fail: "> 20s"}
  errors: {signal: requests.errors, fail: any}
  alpha: {signal: null, fail: "> 10"}
stages: [{name: canary, bake: 21s, run: canary}]
"""
GATES = f"""{HEAD}
pytestmark = pytest.mark.canary
def test_alpha(gate): gate.judge("alpha", value(1.0))
def test_gate(gate, gate_id): gate.judge(gate_id)
"""


@pytest.fixture
def bakes(project: Project) -> Project:
    """A project whose bakes are the recordings that ``deciding`` names."""
    project.write("relgate.yaml", POLICY)
    project.write("test_gates.py", GATES)
    for seed, factor in ((1, 1.05), (2, 1.1)):
        stored(project.folder / f"bake-{seed}" / "evidence", seed, 21.0, factor)
    return project


def deciding(project: Project, bake: int) -> Ended:
    """Run a session that observes one of the stored bakes."""
    project.write("conftest.py", FROM_A_RECORDING.format(folder=str(project.folder / f"bake-{bake}")))
    return project.run("--gate-release", "version=1.5")


def rows(ended: Ended) -> dict[str, dict[str, Any]]:
    """Gate id -> its row in decision.json."""
    return {gate["id"]: gate for gate in ended.document["gates"]}


def alone(project: Project, bake: int) -> Judgement:
    """What the latency gate makes of one bake, without any before it."""
    policy = load((project.folder / "relgate.yaml").read_text())
    rule = policy.running(policy.stage("canary"))["latency"]
    evidence = open_recording(project.folder / f"bake-{bake}").evidence("requests", "latency")
    return judge(rule, evidence, alpha=0.02, beta=0.05, noise=Noise(0.01, 50.0, 2.0, "declared"))


def test_a_hold_that_is_run_again_adds_evidence(bakes: Project) -> None:
    """The second decision has the product of what both bakes say; what a gate may spend stands beside it.

    Two gates by chance share 4 %; what is certain spends nothing and has no evidence to multiply.
    """
    one, other = alone(bakes, 1), alone(bakes, 2)
    assert one.e_value is not None
    assert one.e_health is not None
    workers, bakes.workers = bakes.workers, 0
    first = deciding(bakes, 1)
    assert first.decision == "hold", first.out
    before = rows(first)
    bakes.workers = workers
    both = deciding(bakes, 2)
    assert both.decision == "hold", both.out
    after = rows(both)

    assert before["latency"]["e_value"] == pytest.approx(one.e_value)
    assert before["latency"]["e_health"] == pytest.approx(one.e_health)
    assert after["latency"]["e_value"] == pytest.approx(one.e_value * (other.e_value or 0))
    assert after["latency"]["e_health"] == pytest.approx(one.e_health * (other.e_health or 0))
    assert one.e_value != 1 != other.e_value

    assert (after["latency"]["alpha"], after["slow"]["alpha"]) == (pytest.approx(0.02), pytest.approx(0.02))
    assert after["slow"]["e_value"] is not None
    assert after["slow"]["e_health"] is None
    for certain in ("errors", "alpha"):
        assert (after[certain]["e_value"], after[certain]["alpha"]) == (None, None)
    assert both.document["risk"]["stage_alpha"] == pytest.approx(0.04)
    assert both.document["risk"]["noise"]["source"] == "declared"
