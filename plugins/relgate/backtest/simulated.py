"""How a policy would decide on releases whose truth is known, beside the rules of others, in each world."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from relgate.backtest.peers import Argo, Flagger
from relgate.backtest.policy import PolicyRule, gate_rules
from relgate.backtest.race import Outcome, race
from relgate.backtest.rankpeers import Kayenta
from relgate.backtest.worlds import EFFECTS, WORLDS, World
from relgate.errors import UsageError
from relgate.measure.drift import Noise
from relgate.measure.noise import ASSUMED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from relgate.backtest.policy import GateRule
    from relgate.backtest.protocol import Decider
    from relgate.policy.environments import Environment
    from relgate.policy.model import Policy, Stage

SHARES = {"errors-0.5%": 0.005, "errors-1%": 0.01, "errors-5%": 0.05}
"""Effects that are no slow-down: the candidate's share of failed requests. The baseline's is 0.1 %."""

NONE = "none"
"""The effect of a good release."""

_ONSET = 3
"""Where harm begins late it begins after a third of the bake at the latest, or no bake would see it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stage of a policy asks of simulated bakes.

    ``rate``: requests per second to each side. ``instances``: of each side, as the policy names them. ``left_out``:
    gate id -> what of it is not simulated, and why.
    """

    stage: Stage
    environment: Environment
    gates: tuple[GateRule, ...]
    left_out: dict[str, str]
    noise: Noise
    bake_s: int
    rate: float
    every_s: int
    instances: int

    def rule(self, world: World) -> PolicyRule:
        """Return the policy as a decider on a world."""
        sides = (world.instances, world.instances)
        return PolicyRule(self.gates, self.noise, self.bake_s, self.rate, self.every_s, sides)


@dataclass(frozen=True, slots=True)
class Cell:
    """How all deciders fared in one world with one effect."""

    world: str
    effect: str
    horizon_s: int
    outcomes: tuple[Outcome, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "world": self.world,
            "effect": self.effect,
            "horizon_s": self.horizon_s,
            "outcomes": [{**one.to_json(), "too_short": too_short(one, self.horizon_s)} for one in self.outcomes],
        }


def make_plan(
    policy: Policy, stage: Stage, environment: Environment, *, rate: float | None = None, bake_s: float | None = None
) -> Plan:
    """Return what is to be simulated.

    ``rate``: of the busiest signal, instead of the policy's; others keep their share of it. ``bake_s``: instead of the
    stage's. Raises UsageError when nothing of the stage can be simulated.
    """
    gates, left_out = gate_rules(policy, stage)
    if not gates:
        raise UsageError(f"stage {stage.name}: no gate judges latencies or errors by chance, so nothing can be wrong")
    whole_s = math.floor(stage.bake_s if bake_s is None else bake_s)
    if whole_s < 1:
        raise UsageError(f"stage {stage.name}: it bakes for {whole_s} s; pass --bake, for example --bake 10m")
    latest_s = max(gate.begin_s for gate in gates)
    if latest_s >= whole_s:
        raise UsageError(f"stage {stage.name}: the warm-up of {latest_s:g} s leaves nothing of the bake of {whole_s} s")
    busiest = max(gate.rate for gate in gates)
    if rate is not None:
        if not 0 < rate < math.inf:
            raise UsageError(f"--rate: expected a positive rate such as 10/s, got {rate:g}/s")
        gates = tuple(replace(gate, rate=gate.rate * rate / busiest) for gate in gates)
    sides = (environment.candidate, environment.baseline)
    instances = min(len(side.instances) if side is not None else 1 for side in sides)
    return Plan(
        stage,
        environment,
        gates,
        left_out,
        noise_of(environment),
        whole_s,
        busiest if rate is None else rate,
        max(1, math.ceil(stage.look_every_s)),
        max(1, instances),
    )


def noise_of(environment: Environment) -> Noise:
    """Return the noise that an environment declares; what is assumed where it declares none."""
    declared = environment.noise
    if declared is None:
        return ASSUMED
    return Noise(declared.host_drift, declared.over_s, declared.bursts_s, "declared")


def known_worlds(names: Sequence[str]) -> tuple[str, ...]:
    """Check the names of worlds; UsageError names all that there are."""
    return _known("world", names, WORLDS)


def known_effects(names: Sequence[str]) -> tuple[str, ...]:
    """Check the names of effects; UsageError names all that there are."""
    return _known("effect", names, {**EFFECTS, **SHARES})


def _known(what: str, names: Sequence[str], known: dict[str, Any]) -> tuple[str, ...]:
    for name in names:
        if name not in known:
            raise UsageError(f"unknown {what} {name!r}: there are {', '.join(known)}")
    if not names:
        raise UsageError(f"no {what} was named: there are {', '.join(known)}")
    return tuple(dict.fromkeys(names))


def others() -> tuple[Decider, ...]:
    """Return the rules of others, as their users find them, on latencies and errors."""
    return Argo(0), Argo(3), Flagger(), Kayenta()


def make_world(plan: Plan, name: str, effect: str) -> World:
    """Return a world as the policy meets it: its rate, its bake, its instances, and one effect."""
    base = WORLDS[name]
    errors = base.errors if effect in EFFECTS else replace(base.errors, candidate=SHARES[effect])
    return replace(
        base,
        rate=min(plan.rate, base.rate) if base.rate < 1 else plan.rate,
        horizon_s=plan.bake_s,
        instances=max(base.instances, plan.instances),
        effect=EFFECTS.get(effect, base.effect),
        errors=errors,
        onset_s=min(base.onset_s, plan.bake_s // _ONSET),
    )


def simulate(
    plan: Plan,
    worlds: Sequence[str],
    effects: Sequence[str],
    runs: int,
    seed: int,
    tell: Callable[[str, float], None] | None = None,
) -> Iterator[Cell]:
    """Yield every world with every effect; the same arguments give the same outcomes, cell by cell.

    ``tell``: called now and then with the name of a cell and the share of it that is done.
    """
    for name in worlds:
        for effect in effects:
            world = make_world(plan, name, effect)
            cell = f"world {name}, effect {effect}"

            def told(share: float, cell: str = cell) -> None:
                if tell is not None:
                    tell(cell, share)

            deciders = (plan.rule(world), *others())
            found = race(world, deciders, runs, seed + zlib.crc32(f"{name} {effect}".encode()), tell=told)
            yield Cell(name, effect, plan.bake_s, tuple(found))


def too_short(outcome: Outcome, horizon_s: int) -> bool:
    """Whether a bake ended before its decider looked even once."""
    return horizon_s < outcome.look_every_s
