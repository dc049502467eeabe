"""Which test judges which limit, and that both errors are kept where the truth is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from relgate.measure import sequential
from relgate.measure.seconds import Second
from relgate.measure.sequential import Clusters, Health, changed, harm
from relgate.policy.limits import NumberLimit, parse_limit
from tests.bakes import QUIET
from tests.measure.traffic import at_most, errors, latencies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.measure.sequential import Kind

RUNS = 60
ONE = (1, 1)


def bound(text: str) -> NumberLimit:
    """A limit as it is written."""
    limit = parse_limit(text)
    assert isinstance(limit, NumberLimit)
    return limit


def _slow(factor: float, seconds: int = 240, n: int = 10, seed: int = 1) -> Iterator[Second]:
    """Seconds in which the candidate is ``factor`` times as slow."""
    rng = np.random.default_rng(seed)
    none = np.zeros((RUNS, n), dtype=np.bool_)
    for _ in range(seconds):
        yield Second(latencies(rng, RUNS, n, math.log(factor)), latencies(rng, RUNS, n), none, none)


def _failing(own: float, other: float, seconds: int = 240, n: int = 50, seed: int = 1) -> Iterator[Second]:
    """Seconds in which shares of requests fail, on their own and in clusters of four."""
    rng = np.random.default_rng(seed)
    each = [np.minimum(errors(rng, seconds, RUNS, share * n, 4.0), n) for share in (own, other)]
    for mine, theirs in zip(*each, strict=True):
        failed = [np.arange(n) < count[:, None] for count in (mine, theirs)]
        yield Second(*(np.where(bad, math.inf, 0.05) for bad in failed), *failed)


def _highest(test: sequential.Test, seconds: Iterator[Second]) -> np.ndarray:
    found = np.ones(RUNS)
    for second in seconds:
        test.see(second)
        found = np.maximum(found, test.e_value)
    return found


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("> 2s", "quantile", True),
        (">= 2s", "quantile", True),
        ("< 2s", "quantile", False),
        ("> 0s", "quantile", False),
        ("> baseline + 20%", "quantile", True),
        ("> 0% of baseline", "quantile", False),
        ("> baseline + 50ms", "quantile", True),
        ("> 1%", "share", True),
        ("> 0%", "share", False),
        (">= 100%", "share", False),
        ("> baseline + 1pp", "share", True),
        ("> 300% of baseline", "share", True),
        ("> 1%", "throughput", False),
    ],
)
def test_which_limits_have_a_test(text: str, kind: str, expected: bool) -> None:
    """Large numbers are bad, and zero tolerance needs no statistics."""
    assert sequential.testable(bound(text), kind) is expected


def test_a_limit_without_a_test_is_refused() -> None:
    """Nobody gets a test of something else."""
    with pytest.raises(ValueError, match="no sequential test"):
        harm(bound("< 2s"), "quantile", 0.95, QUIET, ONE)
    with pytest.raises(ValueError, match="whole distribution"):
        harm(bound("> 2s"), "quantile", None, QUIET, ONE)


CELLS: list[tuple[str, Kind, float | None, float, float]] = [
    ("> baseline + 20%", "quantile", 0.95, 1.2, 2.0),
    ("> baseline + 20%", "quantile", None, 1.2, 1.6),
    ("> baseline + 10ms", "quantile", 0.5, 1.2, 1.8),
    ("> 150ms", "quantile", 0.95, 1.115, 1.6),
]


@pytest.mark.parametrize(("text", "kind", "q", "kept", "broken"), CELLS)
def test_a_slow_release_is_found_and_one_at_the_limit_is_not(
    text: str, kind: Kind, q: float | None, kept: float, broken: float
) -> None:
    """Of 60 bakes of a release exactly at its limit few are rolled back, of one beyond it nearly all are."""
    at = harm(bound(text), kind, q, QUIET, ONE, RUNS)
    beyond = harm(bound(text), kind, q, QUIET, ONE, RUNS)

    assert np.mean(_highest(at, _slow(kept)) >= 20) <= at_most(RUNS)
    assert np.mean(_highest(beyond, _slow(broken, seed=2)) >= 20) >= 0.9


@pytest.mark.parametrize(
    ("text", "kept", "broken"),
    [("> 1%", 0.01, 0.06), ("> 300% of baseline", 0.03, 0.2), ("> baseline + 1pp", 0.02, 0.08)],
)
def test_a_failing_release_is_found_and_one_at_the_limit_is_not(text: str, kept: float, broken: float) -> None:
    """The baseline fails in 1 % of requests, in clusters of four."""
    at, beyond = (harm(bound(text), "share", None, QUIET, ONE, RUNS) for _ in range(2))

    assert np.mean(_highest(at, _failing(kept, 0.01)) >= 20) <= at_most(RUNS)
    assert np.mean(_highest(beyond, _failing(broken, 0.01, seed=2)) >= 20) >= 0.9


@pytest.mark.parametrize("q", [0.95, 0.5, None])
def test_health_is_shown_by_a_good_release_and_not_by_one_that_is_as_bad_as_must_not_be(q: float | None) -> None:
    """20 % slower: of 60 such releases few look healthy at the end; of equal ones nearly all do."""
    equal, worse = (Health(bound("> baseline + 20%"), q, QUIET, ONE, runs=RUNS) for _ in range(2))
    for second in _slow(1.0, 600):
        equal.see(second)
    for second in _slow(1.2, 600):
        worse.see(second)

    assert np.mean(equal.e_value >= 20) >= 0.9
    assert np.mean(worse.e_value >= 20) <= at_most(RUNS)
    assert worse.seen(2 * 200) > worse.seen() > 0


def test_worse_by_replaces_the_limit_for_health() -> None:
    """10 % slower than the baseline is no health at a limit of 10 %, and is at 50 %."""
    strict, wide = (Health(bound("> baseline + 10%"), 0.5, QUIET, ONE, worse, RUNS) for worse in (None, 0.5))
    for second in _slow(1.1):
        strict.see(second)
        wide.see(second)

    assert np.mean(strict.e_value >= 20) <= at_most(RUNS)
    assert np.mean(wide.e_value >= 20) >= 0.9


def test_the_whole_distribution_is_healthy_only_with_its_tail() -> None:
    """8 % of requests five times as slow: the median hardly moves, and it is no health."""
    test = Health(bound("> baseline + 20%"), None, QUIET, ONE, runs=RUNS)
    rng = np.random.default_rng(4)
    for second in _slow(1.0):
        tail = rng.random(second.candidate_s.shape) < 0.08
        own_s = np.where(tail, 5.0, 1.0) * second.candidate_s
        test.see(Second(own_s, second.baseline_s, second.candidate_failed, second.baseline_failed))

    assert np.mean(test.e_value >= 20) <= at_most(RUNS)


def test_nothing_seen_is_no_evidence() -> None:
    """Neither of harm nor of health, and it says nothing about any effect."""
    empty = np.zeros((1, 0))
    nothing = Second(empty, empty, empty.astype(np.bool_), empty.astype(np.bool_))
    health = Health(bound("> baseline + 20%"), 0.95, QUIET, ONE)
    tests = [harm(bound(text), "quantile", 0.95, QUIET, ONE) for text in ("> 1s", "> baseline")]
    tests += [harm(bound(text), "share", None, QUIET, ONE) for text in ("> 1%", "> baseline", "> baseline + 1pp")]
    for test in [*tests, health]:
        for _ in range(30):
            test.see(nothing)
        assert float(test.e_value[0]) == pytest.approx(1.0)
    assert health.seen() == 0


def test_a_limit_shifts_or_stretches_the_baseline() -> None:
    """And never below nothing."""
    latency_s = np.array([0.1, 0.2])
    assert changed("times", 1.5)(latency_s).tolist() == pytest.approx([0.15, 0.3])
    assert changed("plus", 0.05)(latency_s).tolist() == pytest.approx([0.15, 0.25])
    assert (changed("plus", -0.15)(latency_s) > 0).all()


def test_clusters_are_counted_on_the_side_that_has_the_larger_ones() -> None:
    """Single errors make a factor of about 1; storms of ten seconds' worth more, whichever side has them."""
    rng = np.random.default_rng(5)
    alone, storm, swapped = Clusters(3), Clusters(3), Clusters(3)
    for second_n in range(600):
        single, burst = rng.random((1, 10)) < 0.02, np.full((1, 10), second_n % 50 == 0)
        latency_s = np.full((1, 10), 0.05)
        alone.see(Second(latency_s, latency_s, single, single))
        storm.see(Second(latency_s, latency_s, burst, single))
        swapped.see(Second(latency_s, latency_s, single, burst))

    assert alone.factor < 1.5
    assert storm.factor == swapped.factor > 5


def test_clusters_of_slow_requests_are_those_slower_than_the_limit() -> None:
    """With a limit of time, failed or not does not matter."""
    slow, failed = Clusters(3, 1.0), Clusters(3)
    none = np.zeros((1, 10), dtype=np.bool_)
    for second_n in range(600):
        latency_s = np.full((1, 10), 2.0 if second_n % 50 == 0 else 0.05)
        for one in (slow, failed):
            one.see(Second(latency_s, latency_s, none, none))

    assert slow.factor > 5
    assert failed.factor == 1
