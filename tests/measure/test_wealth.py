"""Wealth of bets: fair bets gain nothing, late ones are not lost, and the guilty are named without guessing."""

from __future__ import annotations

import math
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure.wealth import MOST, Wealth, average, closed

FIRSTS = st.sampled_from([0.3, 0.9, 1.0])


@given(blocks=st.integers(0, 500), first=FIRSTS)
def test_bets_that_pay_back_leave_the_wealth_at_one(blocks: int, first: float) -> None:
    """However much of it has come in by then."""
    wealth = Wealth((2, 3), first)
    for _ in range(blocks):
        wealth.pay(np.ones((2, 3)))

    assert wealth.value == pytest.approx(np.ones((2, 3)), rel=1e-12)


@given(payoffs=st.lists(st.floats(0, 2), max_size=30), first=FIRSTS)
def test_wealth_is_the_mixture_over_all_begins(payoffs: list[float], first: float) -> None:
    """A share bets from the begin, shares of 1 / (s (s + 1)) of the rest from block s on, what is left is cash."""
    wealth = Wealth((1,), first)
    for payoff in payoffs:
        wealth.pay(np.array([payoff]))

    late = 1 - first
    mixture = first * math.prod(payoffs)
    mixture += sum(late / (s * (s + 1)) * math.prod(payoffs[s:]) for s in range(1, len(payoffs)))
    mixture += late / max(len(payoffs), 1)
    assert wealth.value[0] == pytest.approx(mixture, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("first", [0.5, 1.0])
def test_fair_bets_reach_twenty_in_at_most_one_run_of_twenty(first: float) -> None:
    """Ville's inequality, looked at after every block."""
    rng = np.random.default_rng(1)
    wealth, highest = Wealth((4000,), first), np.zeros(4000)
    for _ in range(300):
        wealth.pay(1 + 0.4 * rng.choice([-1.0, 1.0], 4000))
        highest = np.maximum(highest, wealth.value)

    assert 0.01 < np.mean(highest >= 20) <= 0.05


def test_what_goes_wrong_late_is_seen_although_much_was_lost_before() -> None:
    """A hundred lost bets take all from who bet from the begin, and not from who has kept some cash."""
    early, mixed = Wealth((1,), 1.0), Wealth((1,), 0.9)
    for payoff in [0.6] * 100 + [1.6] * 30:
        early.pay(np.array([payoff]))
        mixed.pay(np.array([payoff]))

    assert early.value[0] < 1e-10
    assert mixed.value[0] > 20


def test_wealth_does_not_overflow() -> None:
    """Nobody needs to be surer than MOST, and what has been won can be lost again."""
    wealth = Wealth((1,), 0.9)
    for _ in range(2000):
        wealth.pay(np.array([2.0]))
    assert wealth.value[0] == MOST

    for _ in range(2000):
        wealth.pay(np.array([0.5]))
    assert wealth.value[0] < 1


def test_who_lost_everything_has_only_the_cash() -> None:
    """A payoff of 0 ends all bets that have come in; a NaN is never evidence again."""
    wealth = Wealth((2,), 0.9)
    wealth.pay(np.array([0.0, math.nan]))

    assert wealth.value[0] == pytest.approx(0.1)
    wealth.pay(np.array([2.0, 2.0]))
    assert not wealth.value[1] >= 0


def test_the_average_weighs_the_last_axis() -> None:
    """Weights need not sum up to 1."""
    assert average(np.array([[1.0, 5.0], [0.0, 2.0]]), np.array([3.0, 1.0])) == pytest.approx([2.0, 0.5])


def _by_all_subsets(e_values: dict[str, float], weights: dict[str, float], need: float) -> tuple[str, ...]:
    names = list(e_values)
    subsets = list(chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1)))

    def rejected(subset: tuple[str, ...]) -> bool:
        return sum(weights[k] * e_values[k] for k in subset) >= need * sum(weights[k] for k in subset)

    return tuple(k for k in names if all(rejected(subset) for subset in subsets if k in subset))


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 5)), max_size=6))
def test_the_guilty_are_those_that_every_set_of_hypotheses_with_them_rejects(found: list[tuple[int, int]]) -> None:
    """Closed testing by its definition, over all subsets."""
    e_values = {str(number): float(e) for number, (e, _) in enumerate(found)}
    weights = {str(number): float(weight) for number, (_, weight) in enumerate(found)}

    assert closed(e_values, weights, 0.05) == _by_all_subsets(e_values, weights, 20.0)


def test_a_little_evidence_each_names_nobody() -> None:
    """Both together are enough for a rollback; which of them it was is not known."""
    assert closed({"a": 25.0, "b": 15.0}, {"a": 1.0, "b": 1.0}, 0.05) == ("a",)
    assert closed({"a": 25.0, "b": 14.0}, {"a": 1.0, "b": 1.0}, 0.05) == ()


def test_evidence_that_is_not_a_number_helps_nobody() -> None:
    """It counts as none at all, so that it stands in the way of the others."""
    weights = {"a": 1.0, "b": 1.0}

    assert closed({"a": math.nan, "b": 39.0}, weights, 0.05) == closed({"a": 0.0, "b": 39.0}, weights, 0.05) == ()
    assert closed({"a": math.nan, "b": 40.0}, weights, 0.05) == ("b",)
    assert closed({"a": math.inf, "b": 1.0}, weights, 0.05) == ("a",)
