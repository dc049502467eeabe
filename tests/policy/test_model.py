"""What a loaded policy answers."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from relgate.errors import UsageError
from relgate.policy import load
from relgate.policy.model import Expect, Signal
from tests.policy.samples import CONTRACT, WHOLE


def test_a_gate_without_confidence_has_the_policys() -> None:
    """A gate's own confidence wins over the policy's."""
    policy = load(WHOLE)
    assert policy.confidence_of(policy.gates["p99"]) == 0.9
    assert policy.confidence_of(policy.gates["errors"]) == 0.99


def test_families_become_gates_each_once_in_order() -> None:
    """A family stands for its gates; one without any stays visible, so that the decision can hold on it."""
    policy = load(WHOLE)
    required = policy.required_ids(policy.stage("after"))
    assert policy.preflight is not None
    before = ("alerts", *policy.preflight.gates)
    assert (required[0], set(required[-len(before) :])) == ("p99", set(before))
    assert policy.migrations is not None
    assert required[1 : -len(before)] == policy.migrations.gates
    without = policy.model_copy(update={"gates": {"p99": policy.gates["p99"]}})
    assert without.required_ids(policy.stage("after")) == ("p99", "family:migration", "family:preflight")
    stage = policy.stage("canary-5").model_copy(update={"require": ("login", "smoke", "canary", "p99")})
    assert policy.required_ids(stage)[:3] == ("login", "p99", "shape")
    assert len(set(policy.required_ids(stage))) == len(policy.required_ids(stage)) == 12


def test_unknown_stages_and_environments_name_the_known_ones() -> None:
    """A mistyped name is answered with the names that there are."""
    policy = load(CONTRACT)
    with pytest.raises(UsageError, match="unknown stage 'canary-6': aura-api has canary-5"):
        policy.stage("canary-6")
    with pytest.raises(UsageError, match="unknown environment 'prod': aura-api has staging"):
        policy.environment("prod")


def test_a_policy_cannot_be_changed() -> None:
    """Models are frozen and refuse unknown attributes."""
    policy = load(CONTRACT)
    with pytest.raises(ValidationError):
        policy.confidence = 0.5  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Expect(stats=((1, 2),))  # type: ignore[call-arg]


def test_no_answer_is_never_expected() -> None:
    """Status 0 is outside of every expectation; the default accepts 200 to 299, so a wrong path is no success."""
    assert [code for code in (0, 100, 200, 204, 299, 302, 304, 404, 500) if Expect().accepts(code)] == [200, 204, 299]


def test_a_signal_without_a_source_is_an_error() -> None:
    """A signal built by hand without its source does not pretend to have one."""
    with pytest.raises(UsageError, match="expected a source of kind probe"):
        _ = Signal(name="x", kind="probe").source
