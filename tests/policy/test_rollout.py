"""Rollouts in a policy: what may be written, and what cannot be rolled out."""

from __future__ import annotations

import pytest

from relgate.errors import UsageError
from relgate.policy import load
from relgate.rollout.plan import Plan, plan_of
from tests.policy.samples import lines_of

HEAD = """
relgate: 1
service: shop
signals: {health: {poll: {get: /health}}, requests: {probe: {rate: 20/s, get: /}}}
gates:
  health: {signal: health, watch: true}
  latency-p95: {signal: requests, quantile: 95%, fail: "> 2s"}
  login: {signal: null, family: smoke, next_steps: try it by hand}
environments:
  prod:
    candidate: {url: "http://new"}
    router: {url: "http://shop", version: {get: /version, pointer: /version}, command: {set: give, read: ask}}
"""
STAGES = """
stages:
  - {name: before, run: preflight, require: health, bake: 0s}
  - {name: some, traffic: 10%, bake: 10m, marks: [1m, 5m]}
  - {name: smoke, run: smoke, bake: 5m, require: login}
  - {name: all, traffic: 100%, bake: 20m}
"""


def plan(rollout: str, compress: float = 1.0) -> Plan:
    """The plan of a policy."""
    return plan_of(load(f"{HEAD}{STAGES}rollout: {rollout}\n"), compress)


def test_stages_are_the_steps_and_keep_the_traffic_of_the_one_before() -> None:
    """A stage without traffic of its own changes none."""
    made = plan("{}")
    assert [step.name for step in made.steps] == ["before", "some", "smoke", "all"]
    assert [made.share_at(at) for at in range(5)] == [0.0, 0.1, 0.1, 1.0, 1.0]


def test_time_is_divided_by_the_compression() -> None:
    """Bakes and marks; the gates' own durations stay."""
    step = plan("{}", 60).steps[1]
    assert (step.bake_s, step.marks_s) == (10.0, (1.0, 5.0))


def test_blue_green_ends_with_the_old_version_in_wait() -> None:
    """The last stage is judged once more, for as long as it waits."""
    made = plan("{strategy: blue-green, standby: 24h}")
    last = made.steps[-1]
    assert (last.name, last.stage, last.bake_s, made.share_at(4)) == ("standby", "all", 86400.0, 1.0)
    assert Plan.from_json(made.to_json()) == made


def test_a_policy_without_rollout_has_no_plan() -> None:
    """It says where to write one."""
    with pytest.raises(UsageError, match="has no `rollout:`"):
        plan_of(load(HEAD + STAGES))


def test_watched_gates_are_required_wherever_the_release_is_observed() -> None:
    """In a smoke stage too, but not before the release serves."""
    policy = load(HEAD + STAGES)
    assert [("health" in policy.required_ids(stage)) for stage in policy.stages] == [True, True, True, True]
    policy = load((HEAD + STAGES).replace("require: health, ", ""))
    assert [("health" in policy.required_ids(stage)) for stage in policy.stages] == [False, True, True, True]
    assert "health" in policy.running(policy.stage("smoke"))


def test_a_stage_outside_of_the_rollout_may_go_without_watched_gates() -> None:
    """The version that runs is recorded alone: a gate that compares would hold it for ever."""
    recorded = "  - {name: recorded, run: smoke, bake: 5m, require: login, watch: false}\n"
    policy = load(HEAD + STAGES + recorded + "rollout: {stages: [before, some, smoke, all]}\n")
    assert policy.required_ids(policy.stage("recorded")) == ("login",)


def test_no_stage_of_a_rollout_goes_without_watched_gates() -> None:
    """Or the traffic that it has would be nobody's."""
    (line,) = lines_of(HEAD + STAGES.replace("bake: 20m", "bake: 20m, watch: false") + "rollout: {}\n")
    assert "no stage of a rollout goes without" in line


def test_what_has_no_signal_cannot_be_watched() -> None:
    """Nothing of it is seen while a stage bakes."""
    (line,) = lines_of((HEAD + STAGES).replace("family: smoke,", "family: smoke, watch: true,"))
    assert "cannot be watched" in line


@pytest.mark.parametrize(
    ("rollout", "fault"),
    [
        ("{stages: [some]}", "ends with a stage that has traffic: 100%"),
        ("{stages: [some, al]}", 'unknown stage "al": did you mean "all"?'),
        ("{stages: [all, some, all]}", "no stage has less traffic than the one before"),
        ("{standby: 1h}", "a standby belongs to the strategy blue-green"),
        ("{strategy: rolling}", "needs hooks: {replace: ...}"),
        ("{strategy: blue}", "expected one of canary, rolling, blue-green"),
        ("{hooks: {deply: x}}", 'did you mean "deploy"'),
    ],
)
def test_what_cannot_be_rolled_out_is_a_fault(rollout: str, fault: str) -> None:
    """Said before anything moves."""
    assert fault in "\n".join(lines_of(f"{HEAD}{STAGES}rollout: {rollout}\n"))


@pytest.mark.parametrize(
    ("marks", "fault"),
    [("[5m, 1m]", "later than the one before"), ("[5m, 11m]", "after the end of the bake")],
)
def test_marks_go_up_and_end_with_the_bake(marks: str, fault: str) -> None:
    """Others would never be reached."""
    assert fault in "\n".join(lines_of((HEAD + STAGES).replace("[1m, 5m]", marks)))


def test_one_router_is_named() -> None:
    """Two would be two truths, and none would be none."""
    assert "command" in "\n".join(lines_of((HEAD + STAGES).replace("command: {set: give, read: ask}", "asks: 50")))
    two = "command: {set: give, read: ask}, haproxy: {socket: /s, backend: b}"
    assert "exclude each other" in "\n".join(lines_of((HEAD + STAGES).replace("command: {set: give, read: ask}", two)))
