"""Errors beside a baseline: clusters are one piece of evidence, and the limit itself is hardly ever called broken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from relgate.backtest.noise import Pauses, Pausing
from relgate.measure.discordant import LEAST, MoreErrors, Surplus

from .traffic import at_most, errors, share_above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.values import Floats

    from .traffic import Counts


def _watched(test: MoreErrors, own: Counts, other: Counts, n: int, m: int | None = None) -> Iterator[Floats]:
    """The e-value after each second of errors, shape (seconds, runs), in n and m requests."""
    runs = own.shape[1]
    requests = np.full(runs, n), np.full(runs, n if m is None else m)
    for mine, theirs in zip(np.minimum(own, n), np.minimum(other, requests[1][0]), strict=True):
        test.see((mine, theirs), requests)
        yield test.e_value


def _pair(seed: int, runs: int, seconds: int, rates: tuple[float, float], burst: float) -> tuple[Counts, Counts]:
    """Errors of candidate and baseline, so many a second on average."""
    rng = np.random.default_rng(seed)
    return errors(rng, seconds, runs, rates[0], burst), errors(rng, seconds, runs, rates[1], burst)


@pytest.mark.parametrize("burst", [1.0, 4.0])
@pytest.mark.parametrize("per_s", [0.05, 0.5, 1.0, 10.0, 1000.0])
@pytest.mark.parametrize(("ratio", "points"), [(1.0, 0.0), (3.0, 0.0), (0.5, 0.0), (1.0, 0.1)])
def test_a_candidate_exactly_at_its_limit_is_hardly_ever_called_worse(
    ratio: float, points: float, per_s: float, burst: float
) -> None:
    """At one error in twenty seconds or a thousand a second, in a hundred times as many requests."""
    runs, n = 400, max(10, int(per_s * 100))
    own, other = _pair(2, runs, 360, (ratio * per_s + points * n, per_s), burst)

    assert share_above(_watched(MoreErrors(runs, ratio, points), own, other, n), 20) <= at_most(runs)


def test_cells_with_two_hits_are_part_of_the_bet() -> None:
    """Independent errors at exactly three times the baseline's, half a one a second: the odds of being the only side
    that is hit are well above three then, and who only counts such cells is ruined.
    """
    runs = 300
    own, other = _pair(2, runs, 1200, (1.5, 0.5), 1.0)

    assert share_above(_watched(MoreErrors(runs, 3.0), own, other, 100), 20) <= 0.05


@pytest.mark.parametrize(("n", "m"), [(100, 10), (10, 100)])
def test_more_requests_are_not_more_errors(n: int, m: int) -> None:
    """The same share of errors on both sides, ten times the requests on one."""
    runs = 300
    own, other = _pair(3, runs, 600, (0.005 * n, 0.005 * m), 4.0)

    assert share_above(_watched(MoreErrors(runs), own, other, n, m), 20) <= 0.05


@pytest.mark.parametrize(
    ("rates", "ratio", "points", "n", "within_s"),
    [
        ((0.5, 0.01), 1.0, 0.0, 10, 45),
        ((0.1, 0.01), 1.0, 0.0, 10, 240),
        ((50.0, 1.0), 1.0, 0.0, 1000, 33),
        ((15.0, 10.0), 1.0, 0.0, 1000, 60),
        ((50.0, 1.0), 3.0, 0.0, 1000, 45),
        ((2.0, 0.01), 1.0, 0.1, 10, 100),
        ((20.0, 1.0), 1.0, 0.1, 100, 45),
    ],
)
def test_what_is_clearly_worse_is_found(
    rates: tuple[float, float], ratio: float, points: float, n: int, within_s: int
) -> None:
    """Independent errors, from ten to a thousand requests a second, by ratio and by points."""
    own, other = _pair(4, 100, within_s, rates, 1.0)
    *_, last = _watched(MoreErrors(100, ratio, points), own, other, n)

    assert np.mean(last >= 20) >= 0.9


def test_what_begins_late_is_found() -> None:
    """Ten minutes as good as the baseline, then ten times its errors."""
    good, bad = _pair(5, 100, 600, (0.1, 0.1), 1.0), _pair(6, 100, 90, (5.0, 0.1), 1.0)
    own, other = np.concatenate([good[0], bad[0]]), np.concatenate([good[1], bad[1]])
    e_values = list(_watched(MoreErrors(100), own, other, 100))

    assert np.mean(e_values[599] >= 20) <= 0.05
    assert np.mean(e_values[-1] >= 20) >= 0.9


def test_a_storm_is_one_piece_of_evidence() -> None:
    """However many requests fail in it, and though it reaches into the next second."""
    one, storm = MoreErrors(1), MoreErrors(1)
    quiet = np.array([0]), np.array([0])
    n = np.array([1000]), np.array([1000])
    for test, size in ((one, 1), (storm, 300)):
        for errors_now in ((np.array([size]), quiet[1]), (np.array([size]), quiet[1]), quiet):
            test.see(errors_now, n)

    assert storm.e_value == pytest.approx(one.e_value, rel=0.2)
    assert storm.e_value < 2


@pytest.mark.parametrize("silent_s", [1, 2, 3])
def test_a_long_storm_that_is_silent_for_a_while_is_still_one_piece_of_evidence(silent_s: int) -> None:
    """A tenth of ten requests a second fails for some seconds: those without a failure are not its end."""
    e_values = {}
    for known_s in (2.0, 5.0):
        test = MoreErrors(1, bursts_s=known_s)
        for hit in (1, *[0] * silent_s, 1, *[0] * silent_s, 1):
            test.see((np.array([hit]), np.array([0])), (np.array([10]), np.array([10])))
        e_values[known_s] = float(test.e_value[0])

    assert e_values[5.0] < e_values[2.0]
    assert e_values[5.0] < 1.8


@pytest.mark.parametrize("last_s", [5.0, 20.0])
@pytest.mark.parametrize("rate", [10, 50])
def test_storms_of_known_length_do_not_break_the_promise(last_s: float, rate: int) -> None:
    """Each side by itself fails a tenth of its requests for some seconds, memoryless, every 100 s."""
    rng, runs = np.random.default_rng(6), 300
    storms = Pausing(rng, Pauses(last_s=last_s, every_s=100.0), (2, runs))
    test, highest, n = MoreErrors(runs, bursts_s=last_s), np.zeros(runs), np.full(runs, rate)
    for _ in range(1200):
        failed = rng.binomial(rate, np.where(storms.step(), 0.1, 0.001))
        test.see((failed[0], failed[1]), (n, n))
        highest = np.maximum(highest, test.e_value)

    assert np.mean(highest >= 40) <= 0.05


@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_a_cell_pays_back_what_it_takes(ratio: float) -> None:
    """On average over hit and not hit, at the limit: at most 1, and for equal sides exactly."""
    chances = 0.3 * ratio / 3, 0.1
    outcomes = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    weights = np.array(
        [np.prod([p if hit else 1 - p for p, hit in zip(chances, pair, strict=True)]) for pair in outcomes]
    )
    test = MoreErrors(4, ratio)
    test.see((outcomes[:, 0], outcomes[:, 1]), (np.full(4, 10), np.full(4, 10)))

    mean = float(weights @ test.e_value)
    assert mean <= 1 + 1e-12
    assert mean == pytest.approx(1, abs=1e-12 if ratio >= 1 else 0.02)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 10), (10, 0)])
@pytest.mark.parametrize(("ratio", "points"), [(1.0, 0.0), (3.0, 0.0), (1.0, 0.1)])
def test_without_requests_on_both_sides_there_is_no_evidence(n: int, m: int, ratio: float, points: float) -> None:
    """All requests of the only side may fail: E stays 1."""
    test = MoreErrors(1, ratio, points)
    for _ in range(30):
        test.see((np.array([n]), np.array([m])), (np.array([n]), np.array([m])))

    assert test.e_value == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("share", [0, 10])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_sides_that_are_alike_are_no_evidence(share: int, ratio: float) -> None:
    """None fails, or all do."""
    test = MoreErrors(1, ratio)
    for _ in range(60):
        test.see((np.array([share]), np.array([share])), (np.array([10]), np.array([10])))
        assert test.e_value <= 1 + 1e-12


def test_a_first_error_proves_nothing() -> None:
    """One second, one request, one error, and a baseline without any."""
    test = MoreErrors(1)
    test.see((np.array([1]), np.array([0])), (np.array([1]), np.array([1])))

    assert test.e_value < 2


def test_one_run_does_not_know_of_the_others() -> None:
    """Runs that are watched together have the evidence that each has alone."""
    own, other = _pair(7, 3, 60, (2.0, 1.0), 4.0)
    for ratio, points in ((1.0, 0.0), (3.0, 0.0), (1.0, 0.02)):
        *_, together = _watched(MoreErrors(3, ratio, points), own, other, 50)
        for run in range(3):
            *_, alone = _watched(MoreErrors(1, ratio, points), own[:, [run]], other[:, [run]], 50)
            assert alone[0] == pytest.approx(together[run], rel=1e-12)


def _surplus(runs: int, ratio: float, points: float, past: list[tuple[int, int]], n: float = 300.0) -> Surplus:
    test = Surplus(runs, ratio, points)
    for own, other in past:
        test.step((np.full(runs, float(own)), np.full(runs, float(other))), (np.full(runs, n), np.full(runs, n)))
    return test


@pytest.mark.parametrize(("ratio", "points"), [(3.0, 0.0), (10.0, 0.0), (1.0, 0.1), (1.5, 0.01)])
@pytest.mark.parametrize("burst", [1.0, 4.0])
def test_a_bet_on_a_surplus_gains_nothing_on_average_at_the_limit(ratio: float, points: float, burst: float) -> None:
    """Whatever the past was; here one block is drawn a hundred thousand times after the same ten."""
    rng, runs, n = np.random.default_rng(8), 100_000, 300.0
    rates = ratio * 2 + points * n, 2.0
    past = np.concatenate([errors(rng, 10, 1, per_block, burst) for per_block in rates], axis=1)
    test = _surplus(runs, ratio, points, [(own, other) for own, other in past])
    before = test.e_value[0]
    own, other = (errors(rng, 1, runs, per_block, burst)[0].astype(np.float64) for per_block in rates)
    test.step((own, other), (np.full(runs, n), np.full(runs, n)))

    gain = test.e_value / before - 1
    assert gain.std() > 0.01
    # Storms beyond the worst that is provided for are cut off: what that gives away costs the bet more than it gains.
    assert gain.mean() <= 4 * gain.std() / math.sqrt(runs) + (0 if burst == 1 else 0.3 * gain.std() ** 2)


def test_a_surplus_is_not_bet_on_before_its_size_is_known() -> None:
    """That takes LEAST errors; and a block in which one side has no requests is none."""
    nothing = pytest.approx(1, abs=1e-12)
    test = _surplus(1, 2.0, 0.0, [(LEAST - 1, 0)])
    assert test.e_value == nothing
    for m in (0.0, 300.0):
        test.step((np.array([3.0]), np.zeros(1)), (np.full(1, 300.0), np.full(1, m)))
        assert test.e_value == nothing
    test.step((np.array([3.0]), np.zeros(1)), (np.full(1, 300.0), np.full(1, 300.0)))
    assert test.e_value > 1.001


def test_no_storm_of_the_baseline_takes_more_than_was_bet() -> None:
    """A hundred times its usual errors in one block: most is lost, and nothing becomes negative."""
    test = _surplus(1, 3.0, 0.0, [(6, 2)] * 20)
    for _ in range(5):
        test.step((np.zeros(1), np.array([200.0])), (np.full(1, 300.0), np.full(1, 300.0)))

        assert 0 < test.e_value < 1


def test_after_storms_less_is_bet() -> None:
    """The same errors of the candidate in the past, evenly and in clusters: what a block then gains is less."""
    gained = []
    for past in ([(6, 3)] * 12, [(0, 3), (0, 3), (24, 3), (0, 3)] * 3):
        test = _surplus(1, 2.0, 0.0, past)
        before = test.e_value[0]
        test.step((np.array([12.0]), np.array([3.0])), (np.full(1, 300.0), np.full(1, 300.0)))
        gained.append(test.e_value[0] / before - 1)

    assert 0 < gained[1] < 0.7 * gained[0]


def test_rare_storms_of_the_baseline_are_provided_for() -> None:
    """One in a hundred blocks, of four errors or more, each of which counts ten times: bets are small at first."""
    rng, runs, n = np.random.default_rng(9), 400, np.full(400, 60.0)
    test, e_values = Surplus(runs, 10.0, 0.0), []
    own, other = errors(rng, 400, runs, 0.3, 4.0), errors(rng, 400, runs, 0.03, 4.0)
    for mine, theirs in zip(own.astype(np.float64), other.astype(np.float64), strict=True):
        test.step((mine, theirs), (n, n))
        e_values.append(test.e_value)

    assert share_above(e_values, 20) <= 0.05
