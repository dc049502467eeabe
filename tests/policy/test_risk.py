"""Both errors that a policy promises to bound, and who spends them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relgate.policy import Risk, load
from relgate.policy.risk import can_roll_back_by_chance, is_statistical
from tests.policy.samples import CONTRACT, SMALLEST, WHOLE

GATES = {
    "slow": 'signal: requests, quantile: 95%, fail: "> 2x baseline"',
    "shape": 'signal: requests, quantile: all, fail: "> baseline + 5%"',
    "errors": 'signal: requests.errors, fail: "> 1%"',
    "served": 'signal: requests.throughput, fail: "< 90% of baseline"',
    "ids": 'signal: requests.ids, fail: "> 1%"',
    "rising": 'signal: memory.trend, fail: "> 1MB/min"',
    "kills": 'signal: kills.rate, fail: "> 1/h"',
    "no-kills": 'signal: kills.rate, fail: "> 0"',
    "warned": 'signal: requests.errors, warn: "> 1%"',
    "held": 'signal: requests.errors, fail: "> 1%", on_fail: hold',
    "no-errors": "signal: requests.errors, fail: any",
    "no-error": 'signal: requests.errors, fail: "> 0%"',
    "no-ids": "signal: requests.ids",
    "never": 'signal: requests.ids, fail: "> 0"',
    "health": "signal: health",
    "version": "signal: health.version, on_fail: rollback",
    "memory": 'signal: memory, fail: "> 1GB"',
    "growth": 'signal: memory.growth, fail: "> 500MB"',
    "own": 'signal: null, fail: "> 3"',
}
SHARING = {"slow", "shape", "errors", "served", "ids", "rising", "kills"}
ALONE = {"warned", "held"}

TEXT = """
relgate: 1
service: shop
environments: {here: {candidate: {url: "http://new"}, baseline: {url: "http://old"}}}
signals:
  requests: {probe: {rate: 20/s, get: /}}
  health: {poll: {get: /h}}
  memory: {scrape: {metric: process_resident_memory_bytes}}
  kills: {scrape: {metric: kills_total}}
gates:
GATES
stages: [{name: one, run: canary}, {name: two, run: canary}]
"""


def policy_text(gates: dict[str, str]) -> str:
    """Return a policy with these gates."""
    return TEXT.replace("GATES", "\n".join(f"  {name}: {{{text}}}" for name, text in gates.items()))


POLICY = policy_text(GATES)


def test_only_what_is_judged_by_chance_spends_a_chance() -> None:
    """States, versions, gauges, growth, own values and single forbidden events spend none."""
    policy = load(POLICY)
    assert {name for name, gate in policy.gates.items() if can_roll_back_by_chance(gate)} == SHARING
    assert {name for name, gate in policy.gates.items() if is_statistical(gate)} == SHARING | ALONE
    alphas = {name: policy.alpha_of(policy.stages[0], gate) for name, gate in policy.gates.items()}
    assert {name for name, alpha in alphas.items() if alpha == 0.0} == set(GATES) - SHARING - ALONE


def test_all_gates_of_all_stages_share_the_false_rollbacks() -> None:
    """Seven gates in two stages have a fourteenth each; a gate that cannot roll back shares with nobody."""
    policy = load(POLICY)
    for stage in policy.stages:
        assert {policy.alpha_of(stage, policy.gates[name]) for name in SHARING} == {0.05 / 14}
        assert {policy.alpha_of(stage, policy.gates[name]) for name in ALONE} == {0.05}


@settings(max_examples=30)
@given(st.lists(st.integers(1, 1000), min_size=7, max_size=7), st.sampled_from(["0.1%", "5%", "49%"]))
def test_weights_share_in_proportion_and_spend_no_more(weights: list[int], risk: str) -> None:
    """However gates are weighted, the sum over a rollout is the promised chance."""
    weighted = {name: f"{GATES[name]}, weight: {weight}" for name, weight in zip(sorted(SHARING), weights, strict=True)}
    text = policy_text({**GATES, **weighted}) + f"risk: {{false_rollback: {risk}}}\n"
    policy = load(text)
    alphas = [policy.alpha_of(stage, gate) for stage in policy.stages for gate in policy.gates.values()]
    spent = [policy.alpha_of(stage, policy.gates[name]) for stage in policy.stages for name in SHARING]
    assert math.fsum(spent) == pytest.approx(policy.risk.false_rollback)
    assert min(alphas) >= 0.0
    first, second, *_ = (policy.alpha_of(policy.stages[0], policy.gates[name]) for name in sorted(SHARING))
    assert first / second == pytest.approx(weights[0] / weights[1])


def test_a_gate_counts_in_the_stages_in_which_it_runs() -> None:
    """By its family or because it is required; elsewhere it spends nothing."""
    text = POLICY.replace("{name: two, run: canary}", "{name: two, run: smoke, require: [slow]}")
    policy = load(text)
    first, second = policy.stages
    assert policy.alpha_of(first, policy.gates["slow"]) == policy.alpha_of(second, policy.gates["slow"]) == 0.05 / 8
    assert policy.alpha_of(second, policy.gates["errors"]) == 0.0
    assert set(policy.running(second)) == {"slow"}


def test_a_gate_that_rolls_back_only_during_a_phase_shares_there() -> None:
    """What counts is the gate as it is in the stage."""
    text = POLICY.replace("on_fail: hold}", "on_fail: hold, during: {freeze: {on_fail: rollback}}}")
    policy = load(text.replace("{name: two,", "{name: two, during: freeze,"))
    first, second = policy.stages
    assert policy.alpha_of(first, policy.gates["held"]) == 0.05
    assert policy.alpha_of(second, policy.gates["held"]) == 0.05 / 15
    assert policy.alpha_of(first, policy.gates["slow"]) == 0.05 / 15


def test_a_phase_may_take_less_risk() -> None:
    """In its stages both errors are smaller; the sum over the rollout stays within the policy's."""
    phases = "phases: {freeze: {risk: {false_rollback: 1%, false_promotion: 2%}}}\n"
    policy = load(POLICY.replace("{name: two,", "{name: two, during: freeze,") + phases)
    first, second = policy.stages
    gate = policy.gates["slow"]
    assert (policy.alpha_of(first, gate), policy.alpha_of(second, gate)) == (0.05 / 14, 0.01 / 14)
    assert (policy.beta_of(gate, first), policy.beta_of(gate, second), policy.beta_of(gate)) == (0.05, 0.02, 0.05)


def test_risks_follow_from_the_confidence_where_they_are_not_written() -> None:
    """Each by itself; a gate's own confidence is its chance of a false promotion."""
    assert load(SMALLEST).risk == Risk(false_rollback=0.05, false_promotion=0.05)
    assert load(SMALLEST + "confidence: 99.9%\n").risk == Risk(false_rollback=0.001, false_promotion=0.001)
    policy = load(WHOLE)
    assert policy.risk == Risk(false_rollback=0.02, false_promotion=0.01)
    assert policy.beta_of(policy.gates["p99"]) == 0.1
    assert policy.beta_of(policy.gates["shape"]) == 0.01


def test_a_policy_that_extends_another_may_change_one_risk() -> None:
    """Risks merge key by key."""
    base = {"base.yaml": CONTRACT + "risk: {false_rollback: 1%, false_promotion: 2%}\n"}
    policy = load("extends: base.yaml\nrisk: {false_promotion: 3%}\n", read=base.__getitem__)
    assert policy.risk == Risk(false_rollback=0.01, false_promotion=0.03)


def test_a_policy_made_by_hand_has_the_risks_of_its_confidence() -> None:
    """Also one that no text was loaded for."""
    policy = load(SMALLEST)
    again = type(policy).model_validate({**policy.model_dump(exclude={"risk"}), "confidence": 0.9})
    assert again.risk == Risk(false_rollback=0.1, false_promotion=0.1)
