"""Two samples as one excess: the same at any scale, nothing from empty or broken samples, and fair to both sides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relgate.measure.contrast import BINS, Bins, Contrast

from .traffic import SIGMA, latencies

if TYPE_CHECKING:
    from relgate.values import Floats

FEATURES = (None, 0.95, 0.99)


def _contrasted(candidate_s: Floats, limit_s: Floats) -> tuple[Floats, Floats]:
    """Excess and variance of one block, each of shape (runs, features)."""
    runs = candidate_s.shape[0]
    bins = Bins(runs)
    bins.anchor(candidate_s, limit_s)
    return Contrast(runs, FEATURES).block(bins.count(candidate_s), bins.count(limit_s))


@given(
    candidate=st.lists(st.floats(0.001, 10), min_size=1, max_size=30),
    limit=st.lists(st.floats(0.001, 10), min_size=1, max_size=30),
)
def test_swapping_the_sides_turns_the_sign(candidate: list[float], limit: list[float]) -> None:
    """And leaves the variance: that makes it symmetric when both sides are equal in law."""
    one, other = np.array([candidate]), np.array([limit])
    excess, variance = _contrasted(one, other)
    turned, same = _contrasted(other, one)

    assert turned == pytest.approx(-excess, rel=1e-9, abs=1e-9)
    assert same == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize("shift", [0.05, 0.2, -0.1])
def test_a_shift_is_measured_in_log_units(shift: float) -> None:
    """By the rank within a hundredth or so; by a quantile, of which there are fewer requests, roughly."""
    rng = np.random.default_rng(1)
    baseline = latencies(rng, 1, 200_000)
    excess, variance = _contrasted(latencies(rng, 1, 200_000, shift), baseline)

    assert excess[0, 0] == pytest.approx(shift, abs=0.01)
    assert excess[0, 1] == pytest.approx(shift, abs=0.03)
    assert excess[0, 2] == pytest.approx(shift, abs=0.06)
    assert (np.diff(variance[0]) > 0).all()


def test_the_variance_is_that_of_equal_sides() -> None:
    """For independent requests: pi / 3 sigma^2 (1/n + 1/m) by the rank, q (1 - q) / density^2 (...) by a quantile."""
    rng = np.random.default_rng(2)
    bins, contrast = Bins(300), Contrast(300, FEATURES)
    found, told = [], []
    for _ in range(60):
        own, other = latencies(rng, 300, 90), latencies(rng, 300, 45)
        bins.anchor(own, other)
        excess, variance = contrast.block(bins.count(own), bins.count(other))
        found.append(excess)
        told.append(variance)

    density = math.exp(-(1.6449**2) / 2) / math.sqrt(2 * math.pi) / SIGMA
    usual = np.mean(told[30:], axis=(0, 1))
    assert np.var(found[30:], axis=(0, 1)) / usual == pytest.approx(np.ones(3), rel=0.1)
    assert usual[0] == pytest.approx(math.pi / 3 * SIGMA**2 * (1 / 90 + 1 / 45), rel=0.05)
    assert usual[1] == pytest.approx(0.95 * 0.05 / density**2 * (1 / 90 + 1 / 45), rel=0.1)


@settings(max_examples=20)
@given(scale=st.floats(-14, 14).map(lambda power: 10**power), n=st.integers(1, 40), seed=st.integers(0, 99))
def test_the_answer_is_the_same_at_any_scale(scale: float, n: int, seed: int) -> None:
    """Microseconds or days, and many latencies equal to the median, as clocks of a coarse tick give them."""
    rng = np.random.default_rng(seed)
    one, other = np.round(latencies(rng, 2, n), 2), np.round(latencies(rng, 2, 40), 2)
    for here, there in zip(_contrasted(one, other), _contrasted(one * scale, other * scale), strict=True):
        assert there == pytest.approx(here, rel=1e-9, abs=1e-9)


@given(st.floats(1e-4, 100), st.sampled_from([1.05, 1.1, 1.25, 3.0]))
def test_constant_latencies_exactly_at_the_limit_are_equal(latency_s: float, factor: float) -> None:
    """The last digit of a product must not put one side into the next bin: that would be a sure difference."""
    shown = np.full((1, 5), latency_s * factor)
    allowed = np.full((1, 5), latency_s) * factor * (1 + 1e-15)

    excess, _ = _contrasted(shown, allowed)

    assert (excess == 0).all()


@given(
    st.lists(st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.7]), min_size=2, max_size=60), st.sampled_from([0.5, 0.95, 0.99])
)
def test_beyond_the_pooled_quantile_is_exactly_the_share_that_belongs_there(latency_s: list[float], q: float) -> None:
    """Also with ties: the bin of the quantile counts with the part that makes it so."""
    both = np.array([latency_s])
    bins, contrast = Bins(1), Contrast(1, (q,))
    bins.anchor(both)
    counts = bins.count(both)
    contrast.block(counts, np.zeros_like(counts))

    g, slope = contrast._feature(q, np.cumsum(counts, axis=1), counts.sum(axis=1))

    assert float((counts * g).sum() / counts.sum()) == pytest.approx(1 - q, abs=1e-12)
    assert ((g >= 0) & (g <= 1)).all()
    assert (slope > 0).all()


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 5), (5, 0)])
def test_an_empty_side_has_no_finite_variance(n: int, m: int) -> None:
    """Whoever takes the excess sees that there is none."""
    rng = np.random.default_rng(3)
    bins = Bins(2)
    bins.anchor(latencies(rng, 2, 4))

    _, variance = Contrast(2, FEATURES).block(bins.count(latencies(rng, 2, n)), bins.count(latencies(rng, 2, m)))

    assert not np.isfinite(variance).any()


@pytest.mark.parametrize("value", [math.nan, -0.1, -math.inf])
def test_a_block_with_what_is_no_latency_shows_nothing_and_is_forgotten(value: float) -> None:
    """For the run that it is in; the other runs, and later blocks, are as if it had never been."""
    rng = np.random.default_rng(4)
    good = [(latencies(rng, 2, 20), latencies(rng, 2, 20)) for _ in range(3)]
    broken = good[1][0].copy()
    broken[1, 7] = value
    bins, clean, dirty = Bins(2), Contrast(2, FEATURES), Contrast(2, FEATURES)
    bins.anchor(*good[0])
    counts = [(bins.count(own), bins.count(other)) for own, other in good]

    clean.block(*counts[0])
    dirty.block(*counts[0])
    expected, _ = clean.block(counts[1][0], counts[1][1])
    excess, variance = dirty.block(bins.count(broken), counts[1][1])
    assert excess[0] == pytest.approx(expected[0])
    assert np.isnan(excess[1]).all()
    assert np.isnan(variance[1]).all()
    assert np.isfinite(dirty.block(*counts[2])[0]).all()


def test_no_answer_is_slower_than_any_and_zero_faster() -> None:
    """Infinity falls into the last bin, zero into the first, and neither is lost."""
    bins = Bins(1)
    bins.anchor(np.array([[0.05, 0.06, 0.07]]))
    counts = bins.count(np.array([[0.0, 1e-300, 1e300, math.inf]]))

    assert counts[0, 0] == counts[0, BINS - 1] == 2
    excess, _ = _contrasted(np.full((1, 30), math.inf), latencies(np.random.default_rng(5), 1, 30))
    assert (excess > 0).all()
    excess, _ = _contrasted(np.zeros((1, 30)), np.full((1, 30), math.inf))
    assert (excess < 0).all()


@pytest.mark.parametrize("value", [0.0, 0.05, math.inf])
@pytest.mark.parametrize("n", [1, 2, 50])
def test_equal_constants_have_no_excess(value: float, n: int) -> None:
    """Also when nothing answers, or all answers at once."""
    excess, variance = _contrasted(np.full((1, n), value), np.full((1, n), value))

    assert (excess == 0).all()
    assert (variance > 0).all()


def test_the_anchor_is_the_median_of_what_is_seen_first() -> None:
    """Nothing seen, no anchor; then both sides together, and never again."""
    bins, none = Bins(1), np.zeros((1, 0))

    assert not bins.anchor(none, none)
    assert (bins.count(none) == 0).all()
    with pytest.raises(ValueError, match="anchor"):
        bins.count(np.ones((1, 1)))
    assert bins.anchor(np.array([[1.0]]), np.array([[4.0, 9.0]]))
    middle = int(np.argmax(bins.count(np.array([[4.0]]))))
    assert bins.anchor(np.array([[100.0]]), none)
    assert int(np.argmax(bins.count(np.array([[4.0]])))) == middle


def test_one_run_does_not_know_of_the_others() -> None:
    """Runs that are watched together have the excess that each has alone."""
    rng = np.random.default_rng(6)
    own, other = latencies(rng, 3, 25), latencies(rng, 3, 25, np.array([0.0, 1.0, 7.0]))
    together, _ = _contrasted(own, other)

    for run in range(3):
        assert _contrasted(own[[run]], other[[run]])[0][0] == pytest.approx(together[run], rel=1e-12)
