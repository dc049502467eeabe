"""Who decided what, and when, is counted right."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from relgate.backtest.ours import deciders
from relgate.backtest.peers import Argo, Flagger
from relgate.backtest.protocol import Decider
from relgate.backtest.race import Outcome, batch_size, clopper_pearson, race
from relgate.backtest.worlds import EFFECTS, WORLDS, World
from tests.backtest.samples import Scripted

WORLD = World(rate=1.0, horizon_s=30)


def test_first_rollbacks_and_last_verdicts_count() -> None:
    """A run counts as rolled back at its first rollback; promoted and undecidable as it stands at the last look."""
    decider = Scripted(rollback_at=(10, 20, 0, 0, 0), promotes=(0, 2), undecidable=(1, 2, 3))
    (outcome,) = race(WORLD, [decider], 5, seed=1)
    assert outcome.rollbacks == {10: 1, 20: 1}
    assert (outcome.rolled_back, outcome.promoted, outcome.undecidable) == (2, 1, 1)
    assert decider.looks == [10, 20, 30]
    assert decider.seen == list(range(30))


def test_a_decider_with_nothing_left_to_see_is_asked_no_more() -> None:
    """When every run is gone the rest of the traffic is not made for it, and others see all of theirs."""
    done, other = Scripted(rollback_at=(10, 20), name="done"), Scripted(rollback_at=(0, 20), name="other")
    race(WORLD, [done, other], 2, seed=1)
    assert done.looks == [10, 20]
    assert other.looks == [10, 20, 30]


def test_time_to_decision_is_over_all_runs() -> None:
    """The median is infinite when under half were rolled back, and P90 needs nine of ten."""
    outcome = Outcome("x", 10, 10, {10: 4, 20: 1, 30: 4}, 0, 0)
    assert (outcome.seconds(0.4), outcome.seconds(0.5), outcome.seconds(0.9)) == (10, 20, 30)
    assert outcome.seconds(0.91) == math.inf
    assert Outcome("x", 10, 10, {10: 4}, 0, 0).seconds(0.5) == math.inf


def test_outcomes_survive_json() -> None:
    """What is stored is strict JSON, and reads back as it was."""
    outcome = Outcome("x", 10, 10, {10: 4}, 3, 2)
    plain = json.loads(json.dumps(outcome.to_json(), allow_nan=False))
    assert plain["median_s"] is None
    assert Outcome.from_json(plain) == outcome


@given(st.integers(0, 40), st.integers(1, 40))
def test_the_interval_is_clopper_and_pearson_s(hits: int, runs: int) -> None:
    """Agrees with scipy's exact interval."""
    hits = min(hits, runs)
    expected = binomtest(hits, runs).proportion_ci(0.95, "exact")
    assert clopper_pearson(hits, runs, 0.95) == pytest.approx((expected.low, expected.high))


def test_no_runs_prove_nothing() -> None:
    """Without runs there is no share, and the interval is everything."""
    (outcome,) = race(WORLD, [Argo()], 0, seed=1)
    assert math.isnan(outcome.share)
    assert outcome.interval == (0, 1)


def test_a_race_is_repeatable_and_deciders_do_not_disturb_each_other() -> None:
    """The same seed gives the same outcome, alone or in company."""
    world = World(rate=2.0, horizon_s=600, noise=WORLDS["bursty"].noise, effect=EFFECTS["+20%"])
    alone = race(world, [Argo(3)], 40, seed=5)
    together = race(world, [Flagger(), Argo(3)], 40, seed=5)
    assert alone[0] == together[1]
    assert race(world, [Argo(3)], 40, seed=6) != alone


def test_how_many_runs_a_decider_watches_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are independent: in parts of any size, the last one smaller, they see and decide the same."""
    world = World(rate=5.0, horizon_s=300, noise=WORLDS["bursty"].noise, effect=EFFECTS["+50%"])
    rules: list[Decider] = [Argo(3), *deciders(world)]
    whole = race(world, rules, 20, seed=5)
    assert whole[-1].rolled_back > 0
    for runs in (1, 7):
        monkeypatch.setattr("relgate.backtest.race._RUNS_OF_A_LANE", runs)
        assert race(world, rules, 20, seed=5) == whole


def test_batches_are_parts_of_one_race() -> None:
    """Runs are made in batches of different traffic, and all of them are counted."""
    world = World(rate=1.0, horizon_s=60, errors=WORLDS["bursty"].errors)
    (outcome,) = race(world, [Argo()], 25, seed=2, batch=10)
    assert outcome.runs == 25
    assert outcome.rolled_back + outcome.promoted == 25
    watcher = Scripted(rollback_at=(0,))
    race(World(rate=1.0, horizon_s=5), [watcher], 2, seed=1, batch=1)
    assert len(set(watcher.latencies)) == 10
    assert batch_size(World(rate=1000.0), 1000) * 60 * 1000 <= 3_000_000
    assert batch_size(World(rate=0.2), 7) == 7
