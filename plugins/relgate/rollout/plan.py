"""The steps of one rollout: which stage is judged at which share of the traffic, and for how long."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from relgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.policy import Policy

Strategy = Literal["canary", "rolling", "blue-green"]
STANDBY = "standby"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``stage``: the stage of the policy that is judged in it.

    ``share``: of the traffic for the candidate, 0 to 1; None: as in the step before. ``bake_s`` and ``marks_s``
    (seconds since the gates of the step began at which the world is looked at and recorded) are those of this rollout:
    divided by its compression.
    """

    name: str
    stage: str
    share: float | None
    bake_s: float
    marks_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps in order."""

    strategy: Strategy
    steps: tuple[Step, ...]

    def share_at(self, at: int) -> float:
        """Return the share that step ``at`` gives to the candidate; after the last step that of the last."""
        shares = [step.share for step in self.steps[: at + 1] if step.share is not None]
        return shares[-1] if shares else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return {
            "strategy": self.strategy,
            "steps": [asdict(step) | {"marks_s": [*step.marks_s]} for step in self.steps],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Plan:
        """Return the plan of ``to_json``."""
        steps = (Step(**{**step, "marks_s": tuple(step["marks_s"])}) for step in plain["steps"])
        return cls(plain["strategy"], tuple(steps))


def plan_of(policy: Policy, compress: float = 1.0) -> Plan:
    """Return the steps that a policy asks for; durations divided by ``compress``.

    Blue-green ends with a step in which the old version waits behind the new one: the last stage judged once more, for
    as long as ``standby`` says.

    Raises:
        UsageError: the policy says nothing about rollouts.

    """
    rollout = policy.rollout
    if rollout is None:
        raise UsageError(f"the policy of {policy.service} has no `rollout:`: nobody knows where traffic is set")
    stages = [policy.stage(name) for name in rollout.stages] or list(policy.stages)
    steps = [
        Step(
            stage.name,
            stage.name,
            stage.traffic,
            stage.bake_s / compress,
            tuple(mark / compress for mark in stage.marks_s if mark <= stage.bake_s),
        )
        for stage in stages
    ]
    if rollout.standby_s is not None:
        steps.append(Step(STANDBY, stages[-1].name, None, rollout.standby_s / compress))
    return Plan(rollout.strategy, tuple(steps))
