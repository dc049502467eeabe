"""Both sides as one estimator, and estimators as values to keep."""

from __future__ import annotations

import math

import numpy as np
import pytest

from relgate.measure import sides
from relgate.measure.interval import Given, Interval, exact
from relgate.measure.quantiles import QuantilePair
from relgate.values import IdFact, Ids, Measurement, Series

EMPTY = Series(np.array([]), np.array([]))


def test_both_sides_must_fit_the_rule() -> None:
    """Either side of another kind is refused by name; no baseline is no fault."""
    assert sides.of(EMPTY, None, Series) == (EMPTY, None)
    with pytest.raises(ValueError, match="expected samples of kind Ids, got Series"):
        sides.of(Ids(()), EMPTY, Ids)
    with pytest.raises(ValueError, match="expected samples of kind Requests or Answers, got Ids"):
        sides.quantile(Ids(()), None, 0.95)(0, 1)


def test_an_infinite_value_is_a_text() -> None:
    """No answer at all is told in words; a finite lower end is kept, an infinite upper one is open."""
    pair = QuantilePair(np.array([0.1] * 94 + [math.inf] * 6), None, 0.95)

    found = sides.measured(pair, "time", 0.95)

    assert (found.value, found.text, found.low, found.high) == (None, "no answer", 0.1, None)
    assert (found.n, found.confidence, found.baseline) == (100, 0.95, None)


def test_a_deterministic_value_has_no_interval() -> None:
    """Without a confidence there are no ends, and no value stays no value."""
    found = sides.measured(Given(3, exact(1.5), 3, 1.0), "count", None)

    assert (found.value, found.low, found.high, found.confidence, found.baseline) == (1.5, None, None, None, 1.0)
    assert sides.measured(Given(3, None), "count", None).value is None


def test_a_statement_keeps_its_open_ends() -> None:
    """With a confidence the ends decide, open ones too; without one the value is exact."""
    open_end = Measurement("time", n=9, value=1.0, low=0.5, confidence=0.95, baseline=2.0)

    assert sides.stated(open_end).own(0.95) == Interval(1.0, 0.5, None)
    assert sides.stated(open_end).ratio(0.95) == Interval(0.5, 0.25, None)
    assert sides.stated(Measurement("time", n=9, value=1.0)).own(0.95) == exact(1.0)
    assert sides.stated(Measurement("time", n=9)).own(0.95) is None


def test_a_gauge_leaves_out_what_was_not_seen() -> None:
    """The candidate's unseen values are left out, a baseline with one has no value."""
    t_s, values = np.array([0.0, 10.0, 20.0]), np.array([1.0, math.nan, 3.0])

    pair = sides.gauge(Series(t_s, values), Series(t_s, values), 0, None).pair("max")

    assert (pair.n, pair.own(0.95), pair.baseline_n, pair.baseline) == (2, exact(3.0), 3, None)
    assert sides.gauge(Series(t_s, values), None, 15, None).pair("max").n == 1
    assert sides.gauge(EMPTY, None, 0, None).span_s == 0


def test_violations_count_each_side() -> None:
    """Both sides are checked by the same rule; the notes are the candidate's."""
    from relgate.measure.ids import check

    good, bad = IdFact("a", "a", 200), IdFact("b", None, 200)

    pair, notes = sides.violations(Ids((good, bad)), Ids((good,)), check)

    assert (pair.events, pair.trials, pair.other_events, pair.other_trials) == (1, 2, 0, 1)
    assert notes[0].startswith("1 missing")
