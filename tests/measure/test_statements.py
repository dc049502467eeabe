"""Means of statements: calls between looks are the evidence, and what was there before the bake is nobody's."""

from __future__ import annotations

import random

import pytest

from relgate.measure.statements import means, pairs
from relgate.values import Cost, Statements

AT_S = tuple(float(5 * k) for k in range(25))


def database(mean_s: float, seed: int = 1, calls: int = 20, name: str = "select a") -> Statements:
    """A statement that is called in every look, at times that vary by half."""
    dice = random.Random(seed)
    costs, total = [], 0.0
    for number, t_s in enumerate(AT_S[1:], 1):
        total += sum(mean_s * dice.uniform(0.5, 1.5) for _ in range(calls))
        costs.append(Cost(t_s, number * calls, total))
    return Statements(AT_S, {name: tuple(costs)})


def test_the_mean_is_all_time_over_all_calls() -> None:
    """Not the mean of means."""
    uneven = Statements((0.0, 5.0, 10.0), {"q": (Cost(5.0, 1, 1.0), Cost(10.0, 101, 2.0))})

    mean = means(uneven, 0.0)["q"]
    assert mean.calls == 101
    assert mean.mean_s == pytest.approx(2.0 / 101)
    assert mean.bounds(0.95).low is None


def test_bounds_contain_the_truth_as_often_as_they_say() -> None:
    """95 % one-sided, 400 databases."""
    outside = 0
    for seed in range(400):
        high = means(database(0.01, seed), 0.0)["select a"].bounds(0.95).high
        outside += high is not None and high < 0.01

    assert outside <= 34  # P(more) < 1 % at 5 %


def test_a_slower_statement_is_seen_beside_the_baseline() -> None:
    """Twice as slow, by its ratio and by its difference."""
    pair = pairs(database(0.02, 1), database(0.01, 2), 0.0)["select a"]
    ratio, difference = pair.ratio(0.95), pair.difference(0.95)

    assert ratio is not None
    assert ratio.low is not None
    assert 1.7 < ratio.low < 2 < (ratio.high or 0) < 2.4
    assert difference is not None
    assert difference.low is not None
    assert 0.007 < difference.low < 0.01


def test_a_statement_that_the_baseline_never_sent_has_no_ratio() -> None:
    """It is new, and says so."""
    pair = pairs(database(0.02), database(0.01, name="select b"), 0.0)["select a"]

    assert pair.ratio(0.95) is None
    assert pair.baseline_n == 0
    assert pairs(database(0.02), None, 0.0)["select a"].baseline_n is None


def test_what_came_before_the_warm_up_does_not_count() -> None:
    """The first look after it is the zero."""
    assert means(database(0.01), 60.0)["select a"].calls == 20 * 12


def test_a_statement_that_was_not_called_is_not_there() -> None:
    """A mean of nothing is none."""
    idle = Statements(AT_S, {"q": (Cost(5.0, 3, 1.0),)})

    assert means(idle, 60.0) == {}
