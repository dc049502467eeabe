"""Histograms that are exact to merge, and as fine as they say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from relgate.load import histogram

NANOSECONDS = st.one_of(st.integers(0, 5000), st.integers(0, 10**12))


@given(NANOSECONDS)
def test_a_value_is_told_to_a_fortieth_of_a_per_cent(value: int) -> None:
    """The middle of its bucket is at most 1/4096 away."""
    told = histogram.middle_ns(histogram.bucket(value))

    assert abs(told - value) <= max(histogram.ERROR * value, 0.5)


@given(NANOSECONDS, NANOSECONDS)
def test_buckets_keep_the_order(one: int, other: int) -> None:
    """A longer time is never in a lower bucket."""
    assert (histogram.bucket(one) <= histogram.bucket(other)) or one > other


@given(st.lists(st.lists(NANOSECONDS, max_size=50), max_size=5))
def test_what_workers_counted_apart_is_what_one_would_have_counted(parts: list[list[int]]) -> None:
    """To the last count."""
    alone: histogram.Counts = {}
    merged: histogram.Counts = {}
    for part in parts:
        own: histogram.Counts = {}
        for value in part:
            histogram.add(alone, value)
            histogram.add(own, value)
        histogram.merge(merged, own.items())

    assert merged == alone
    assert len(histogram.expand(merged)) == sum(map(len, parts))


@given(st.lists(NANOSECONDS, min_size=1, max_size=300), st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_quantiles_are_those_of_the_samples(values: list[int], share: float) -> None:
    """By nearest rank, up to the bucket."""
    counts: histogram.Counts = {}
    for value in values:
        histogram.add(counts, value)
    exact = float(np.quantile(values, share, method="inverted_cdf"))

    found = histogram.quantile_s(counts, share)
    assert found is not None
    assert abs(found * 1e9 - exact) <= max(histogram.ERROR * exact, 0.5) * 1.01


def test_nothing_counted_has_no_quantile() -> None:
    """None, never 0: nothing is not quick."""
    assert histogram.quantile_s({}, 0.95) is None


def test_a_negative_duration_is_counted_as_none() -> None:
    """Clocks of two kinds may differ by some nanoseconds."""
    assert histogram.bucket(-5) == 0
