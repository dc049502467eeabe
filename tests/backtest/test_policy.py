"""A policy decides on simulated releases as it decides on real ones."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.backtest.policy import GateRule, PolicyRule, _thinned, gate_rules
from relgate.backtest.race import race
from relgate.backtest.worlds import EFFECTS, WORLDS, World
from relgate.errors import UsageError
from relgate.judge import judge
from relgate.measure.drift import Noise
from relgate.policy.limits import parse_limit
from relgate.policy.model import Gate
from relgate.values import Evidence, Requests, Verdict
from relgate.watch import watched
from tests.backtest.recordings import POLICY, policy

if TYPE_CHECKING:
    from relgate.backtest.protocol import Side, Tick

NOISE = Noise(0.03, 50.0, 2.0, "declared")
ALPHA, BETA, BAKE_S, RATE = 0.02, 0.05, 120, 20.0


def gate(id_: str, *fail: str, quantile: float | None = None, whole: bool = False, **more: object) -> Gate:
    """A gate on latencies, or on errors where it names neither a quantile nor the whole distribution."""
    limits = tuple(map(parse_limit, fail))
    if quantile is None and not whole:
        plain = Gate(id=id_, signal="requests", field="errors", kind="share", dimension="share", fail=limits)
    else:
        plain = Gate(
            id=id_,
            signal="requests",
            field="latency",
            kind="quantile",
            dimension="time",
            quantile=quantile,
            whole=whole,
            fail=limits,
        )
    return plain.model_copy(update=more)


GATES = (
    gate("p95", "> baseline + 20%", "> 300ms", quantile=0.95),
    gate("p50", "> baseline + 10ms", quantile=0.5),
    gate("whole", "> baseline + 5%", whole=True, worse_by=0.5),
    gate("errors", "> 2%"),
    gate("ratio", "> 300% of baseline"),
    gate("points", "> baseline + 5pp"),
)


def rule(*gates: Gate, bake_s: int = BAKE_S, **more: object) -> PolicyRule:
    """These gates as a decider; each has ALPHA and BETA of its own."""
    rules = tuple(replace(GateRule(one, ALPHA, BETA, RATE), **more) for one in gates)  # type: ignore[arg-type]
    return PolicyRule(rules, NOISE, bake_s, RATE)


def as_recorded(ticks: list[Tick], run: int) -> Evidence:
    """The traffic of one run as a recorder would have stored it."""

    def side(which: list[Side]) -> Requests:
        latency_s = np.concatenate([one.latency_s[run] for one in which]).astype(np.float64)
        failed = np.concatenate([one.failed[run] for one in which])
        due_s = np.concatenate(
            [t_s + np.arange(one.latency_s.shape[1]) / one.latency_s.shape[1] for t_s, one in enumerate(which)]
        )
        n = len(due_s)
        return Requests(
            intended_s=due_s,
            latency_s=latency_s,
            lag_s=np.zeros(n),
            status=np.where(failed, 500, 200),
            failed=failed,
            usable=np.ones(n, dtype=np.bool_),
            path=np.zeros(n, dtype=np.int64),
        )

    own, other = side([one.candidate for one in ticks]), side([one.baseline for one in ticks])
    return Evidence("requests", "latency", own, other, 0.0, float(len(ticks)))


@pytest.mark.parametrize("found", [False, True])
@pytest.mark.parametrize("effect", ["none", "+50%"])
@pytest.mark.parametrize("one", GATES, ids=lambda one: one.id)
def test_simulated_releases_are_judged_as_recorded_ones(one: Gate, effect: str, found: bool) -> None:
    """The same verdict for each run as ``judge`` gives of its recording, and the same second of a rollback."""
    errors = replace(WORLDS["bursty"].errors, candidate=0.03 if effect != "none" else 0.001)
    world = replace(WORLDS["bursty"], rate=RATE, horizon_s=BAKE_S, effect=EFFECTS[effect], errors=errors)
    runs = 4
    ticks = list(world.start(runs, 3))
    decider = replace(rule(one, found=found), every_s=1)
    watcher = decider.start(runs)
    first = np.full(runs, math.inf)
    for tick in ticks:
        watcher.see(tick)
        last = watcher.look(tick.t_s + 1)
        first[last.rolled_back & np.isinf(first)] = tick.t_s + 1
    for run in range(runs):
        evidence = as_recorded(ticks, run)
        judged = judge(one, evidence, alpha=ALPHA, beta=BETA, noise=NOISE, warmup_found=found)
        watch = watched(one, evidence, NOISE, ALPHA, 0.0, found=found)
        assert watch is not None
        crossed = min((limit.crossed_s for limit in watch.limits if limit.crossed_s is not None), default=math.inf)
        assert bool(last.rolled_back[run]) == (judged.verdict is Verdict.FAIL)
        assert bool(last.promoted[run]) == (judged.verdict is Verdict.PASS)
        # The warm-up is known some seconds after it was over; what was held back is judged then.
        assert first[run] >= crossed if found else first[run] == crossed


def test_looks_stop_a_bake_for_severe_gates_only() -> None:
    """A gate of normal severity rolls back at the end, and one that holds not at all."""
    world = World(rate=RATE, horizon_s=60, effect=EFFECTS["2x"])
    severe = gate("p50", "> baseline + 20%", quantile=0.5)
    mild = severe.model_copy(update={"severity": "normal"})
    holding = severe.model_copy(update={"on_fail": "hold"})
    found = race(
        world,
        [replace(rule(one, bake_s=60), name=name) for name, one in (("a", severe), ("b", mild), ("c", holding))],
        5,
        seed=1,
    )
    assert found[0].seconds(1.0) < 60
    assert found[1].rollbacks == {60: 5}
    assert (found[2].rolled_back, found[2].promoted, found[2].undecidable) == (0, 0, 5)


def test_gates_that_fail_together_roll_back() -> None:
    """Shares of evidence add up: many gates that are nearly sure are sure together."""
    world = World(rate=RATE, horizon_s=30, effect=EFFECTS["+50%"])
    one = gate("p50", "> baseline + 20%", quantile=0.5)
    many = [one.model_copy(update={"id": f"p50-{number}"}) for number in range(10)]
    alone = PolicyRule((GateRule(one, 0.005, BETA, RATE),), NOISE, 30, RATE, name="alone")
    together = PolicyRule(tuple(GateRule(gate, 0.005, BETA, RATE) for gate in many), NOISE, 30, RATE, name="together")
    first, second = race(world, [alone, together], 40, seed=2)
    assert second.rolled_back > first.rolled_back


def test_a_bake_without_enough_requests_promotes_nothing() -> None:
    """Below ``min_samples`` no gate passes, however good the evidence is."""
    world = World(rate=RATE, horizon_s=BAKE_S)
    easy = gate("p50", "> 3x baseline", quantile=0.5)
    strict = easy.model_copy(update={"min_samples": 10_000})
    few = replace(rule(strict), name="few")
    many, none = race(world, [rule(easy), few], 5, seed=1)
    assert (many.promoted, none.promoted) == (5, 0)


@given(st.lists(st.integers(0, 40), max_size=20), st.floats(0.01, 1.0))
def test_a_slower_signal_sends_its_share(seconds: list[int], share: float) -> None:
    """After every second as many requests as its rate says, give or take one."""
    sent = kept = 0
    for n in seconds:
        kept += len(np.arange(n)[_thinned(sent, n, share)])
        sent += n
        assert abs(kept - share * sent) < 1 + 1e-6


def test_what_cannot_be_simulated_is_named() -> None:
    """With a reason; and the rest has the shares of alpha and beta of the policy."""
    loaded = policy(POLICY.replace('fail: "> 10%"', 'fail: ["> 10%", "> 5% for 30s"]'))
    rules, left_out = gate_rules(loaded, loaded.stages[0])
    assert [one.gate.id for one in rules] == ["latency-p50", "latency-p95", "error-rate"]
    assert set(left_out) == {"health", "error-rate"}
    assert "'> 5% for 30s'" in left_out["error-rate"]
    assert sum(one.alpha for one in rules) == pytest.approx(0.05)
    assert {one.beta for one in rules} == {0.05}


def test_a_stage_without_requests_is_no_backtest() -> None:
    """Nothing there can be wrong by chance."""
    from relgate.backtest.simulated import make_plan

    text = POLICY[: POLICY.index("  latency-p50")] + "  health: {signal: health}\n"
    loaded = policy(text + "stages:\n  - {name: canary-5, bake: 90s, run: canary}\n")
    with pytest.raises(UsageError, match="no gate judges"):
        make_plan(loaded, loaded.stages[0], loaded.environment("staging"))


@pytest.mark.parametrize("world", ["iid", "bursty", "late-onset", "low-traffic", "three-instances", "warm-up"])
def test_every_world_can_be_asked(world: str) -> None:
    """Also those with a rate, instances or an onset of their own."""
    from relgate.backtest.simulated import make_plan, make_world, simulate

    loaded = policy()
    plan = make_plan(loaded, loaded.stages[0], loaded.environment("staging"), bake_s=60.0)
    (cell,) = simulate(plan, [world], ["errors-5%"], runs=3, seed=1)
    made = make_world(plan, world, "errors-5%")
    assert (made.horizon_s, made.errors.candidate) == (60, 0.05)
    assert made.onset_s < made.horizon_s
    assert made.rate == (0.2 if world == "low-traffic" else 10)
    assert [one.decider for one in cell.outcomes] == ["relgate", "Argo FL0", "Argo FL3", "Flagger 5", "Kayenta"]
    assert all(one.runs == 3 for one in cell.outcomes)


def test_good_releases_stay_and_bad_ones_go() -> None:
    """At 5 %, with 100 releases of each kind: at most eleven false rollbacks (5 % and three standard deviations)."""
    from relgate.backtest.simulated import make_plan, simulate

    loaded = policy()
    plan = make_plan(loaded, loaded.stages[0], loaded.environment("staging"))
    good, bad = (cell.outcomes[0] for cell in simulate(plan, ["iid"], ["none", "2x"], runs=100, seed=1))
    assert good.rolled_back <= 11
    assert bad.rolled_back == 100
    assert bad.promoted == 0
