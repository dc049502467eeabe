"""What will be seen: near what real tests see, later for less, and said so that nobody has to guess."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from relgate.measure import foresight
from relgate.measure.drift import Noise
from relgate.measure.exceedance import Beyond
from relgate.measure.foresight import (
    Foresight,
    Seen,
    errors,
    more_errors,
    sentences,
    slower,
    slower_by,
    slower_than,
)
from relgate.measure.latency import Slower
from relgate.measure.noise import ASSUMED
from relgate.measure.rehearsal import RUNS, Bake

from .traffic import latencies

CALM = Noise(0.0, 0.0, source="declared")
BAKE = Bake(20, 300, noise=Noise(0.03, 50.0))


def _median_s(at_s: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(np.quantile(at_s, 0.5, method="inverted_cdf"))


@pytest.mark.parametrize(("quantile", "factor"), [(None, 1.2), (None, 1.5), (0.95, 1.5)])
def test_the_median_is_near_that_of_the_test_itself(quantile: float | None, factor: float) -> None:
    """On log-normal requests, ten a second, looked at each five seconds: within a look or three tenths."""
    runs, rng = 150, np.random.default_rng(1)
    test, at_s = Slower(runs, lambda b: b, CALM, quantile=quantile), np.full(runs, math.inf)
    for second in range(1, 121):
        test.see(latencies(rng, runs, 10, math.log(factor)), latencies(rng, runs, 10))
        if second % 5 == 0:
            at_s[(test.e_value >= 20) & np.isinf(at_s)] = second

    told = next(one for one in slower(Bake(10, 600, noise=CALM), quantile=quantile).seen if one.worse == factor)
    assert told.median_s == pytest.approx(_median_s(at_s), rel=0.3, abs=5)


def test_the_median_of_a_share_is_near_that_of_the_test_itself() -> None:
    """2 % of errors where 1 % is allowed, fifty requests a second."""
    runs, rng = 200, np.random.default_rng(2)
    test, at_s = Beyond(runs, 0.01), np.full(runs, math.inf)
    for second in range(1, 301):
        test.see(rng.binomial(50, 0.02, runs).astype(np.float64), np.full(runs, 50.0))
        if second % 5 == 0:
            at_s[(test.e_value >= 20) & np.isinf(at_s)] = second

    told = errors(Bake(50, 600, noise=CALM), 0.01, 0.001).seen[1]
    assert told.worse == 0.02
    assert told.median_s == pytest.approx(_median_s(at_s), rel=0.3, abs=5)


@cache
def _all(bake: Bake) -> tuple[Foresight, ...]:
    """One of each kind of limit."""
    return (
        slower(bake, 1.05, 1.2),
        slower(bake, 1.25, quantile=0.95),
        slower_by(bake, 0.95),
        slower_than(bake, 0.99),
        errors(bake, 0.01, 0.001),
        more_errors(bake, 0.001, 3.0),
        more_errors(bake, 0.001, points=0.1),
    )


def test_worse_is_seen_sooner_and_more_often() -> None:
    """By every kind of limit; and what half of all bakes see is less than what nearly all see."""
    for found in _all(BAKE):
        assert len(found.seen) >= 3
        for less, more in pairwise(found.seen):
            assert found.allowed < less.worse < more.worse
            assert more.share >= less.share - 0.02
            assert more.median_s <= less.median_s
            assert less.median_s <= less.late_s
        assert found.half is not None
        assert found.most is not None
        assert found.allowed < found.half <= found.most


@pytest.mark.parametrize(
    "harder",
    [
        replace(BAKE, rate_per_s=2),
        replace(BAKE, bake_s=60),
        replace(BAKE, noise=ASSUMED),
        replace(BAKE, alpha=0.0005),
    ],
)
def test_fewer_requests_a_shorter_bake_more_noise_and_less_alpha_see_less(harder: Bake) -> None:
    """The smallest effect that half of all bakes see grows."""
    easy, hard = (slower(bake, 1.05, 1.2) for bake in (BAKE, harder))

    assert easy.half is not None
    assert hard.half is None or hard.half > easy.half * 1.01


def test_instances_help_against_drift() -> None:
    """Nine of each where one would be undecidable."""
    one, nine = (slower(replace(BAKE, noise=ASSUMED, instances=(k, k)), 1.0, 1.25) for k in (1, 9))

    assert one.passed is not None
    assert nine.passed is not None
    assert one.passed < 0.4 < 0.8 < nine.passed


def test_a_limit_far_above_the_baseline_is_about_what_lies_beyond_it() -> None:
    """Twice the baseline is allowed: +50 % is no fault."""
    found = slower(Bake(20, 600, noise=CALM), 2.0, quantile=0.95)

    assert [one.worse for one in found.seen] == [3.0, 5.0, 10.0, 30.0]
    assert found.passed is not None
    assert found.passed > 0.95


def test_good_releases_are_rolled_back_at_most_as_often_as_promised() -> None:
    """By each kind of limit, within what luck 150 rehearsals have."""
    for found in _all(BAKE):
        assert found.rolled_back <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / RUNS)


def test_what_a_good_release_is_worth() -> None:
    """It passes where there is enough to see, and never for want of evidence."""
    plenty = [found.passed for found in _all(Bake(100, 300, noise=CALM))]
    assert [passed is None or passed > 0.9 for passed in plenty] == [True] * 7
    assert plenty[2] is None

    few = [found.passed or 0.0 for found in _all(Bake(10, 30, noise=CALM, least=301))]
    assert few == [0.0] * 7


def test_what_was_rolled_back_does_not_pass() -> None:
    """Though it was surely good in the end: the bake was over by then."""
    at_s, sure = np.array([[5.0, math.inf, math.inf, math.inf]]), np.array([True, True, True, False])

    assert foresight._passed(Bake(10, 60), at_s, sure) == 0.5


def test_half_of_all_bakes_have_seen_it_when_half_of_them_have() -> None:
    """Two of four: not the third one's time, and those that never see it count as well."""
    seen = foresight._seen(1.2, np.array([40.0, 10.0, math.inf, 20.0]))

    assert seen == Seen(1.2, 0.75, 20.0, math.inf)


@pytest.mark.parametrize(
    ("shares", "half"),
    [
        ([0.0, 0.0, 1.0], math.exp(0.25)),
        ([0.5, 1.0, 1.0], math.exp(0.1)),
        ([1.0] * 3, math.exp(0.05)),
        ([0.1, 0.4, 0.3], None),
    ],
)
def test_the_smallest_effect_lies_between_those_that_were_tried(shares: list[float], half: float | None) -> None:
    """Between the last that less than half see and the first that half see; from nothing, which nobody sees."""
    found = foresight._smallest(np.exp([0.1, 0.2, 0.3]), np.array(shares), 1.0, 0.5)

    assert found == (half if half is None else pytest.approx(half))


def test_a_usual_share_of_errors_beyond_the_limit_does_not_pass() -> None:
    """Then it is the policy that is wrong, and the foresight says so."""
    found = errors(Bake(100, 600, noise=CALM), 0.001, 0.01)

    assert found.passed == 0
    assert found.rolled_back > 0.95


@pytest.mark.parametrize("bake", [Bake(0, 600), Bake(10, 0)])
def test_without_requests_or_bake_nothing_is_seen(bake: Bake) -> None:
    """And one sentence says it."""
    for found in _all(bake):
        assert all(math.isinf(one.median_s) and one.share == 0 for one in found.seen)
        assert not found.passed
        assert found.half is None
        assert sentences(found) == ["Without requests, or without a bake, nothing is seen and nothing passes."]


def test_the_sentences_of_a_comparison() -> None:
    """As the ones who wait for the bake would say it."""
    seen = (Seen(1.1, 0.4, math.inf, math.inf), Seen(1.2, 0.84, 45.0, math.inf), Seen(2.0, 1.0, 15.0, 420.0))
    bake = Bake(20, 600, alpha=0.00625)
    found = Foresight(bake, "of the baseline", 1.0, seen, 1.125, None, 0.0, 0.97, "as fast as its baseline")

    assert sentences(found) == [
        (
            "At 20 requests a second on each side this gate sees, in half of all bakes of 10 min, "
            "+20 % within 45 s (in about 84 % at all); 2x within 15 s (90 %: 7 min)."
        ),
        "In fewer bakes +10 % (in about 40 %).",
        "The least that half of them see is about +12 %, and 95 % nothing that was tried.",
        "This is for hosts that do not pause; beside garbage collections and the like it is seen later.",
        "A release as fast as its baseline passes in about 97 % of them; otherwise it is not decided.",
        (
            "A release that keeps the limit is rolled back by this gate with a chance of at most 0.62 % "
            "(of those rehearsed, hardly any were)."
        ),
    ]


def test_the_sentences_of_shares_and_fixed_limits() -> None:
    """Errors as shares, latencies as what is above the limit; an hour is not rehearsed to its end."""
    hour = Bake(1, 3600)
    share = " ".join(
        sentences(Foresight(hour, "errors", 0.01, (Seen(0.02, 0.1, math.inf, math.inf),), None, None, 0.0, 1.0, ""))
    )
    fixed = " ".join(
        sentences(
            Foresight(
                hour, "of the limit", 1.0, (Seen(1.5, 1.0, 5.0, 9.0), Seen(2.0, 1.0, 5.0, 5.0)), 1.3, 1.4, 0.0, None, ""
            )
        )
    )

    assert (
        "At 1 request a second on each side this gate sees, in less than half of all bakes of 60 min, 2 % of errors"
        in share
    )
    assert "errors that come one by one" in share
    assert "Only the first 30 min" in share
    assert "passes in nearly all of them" in share
    assert "50 % above the limit within 5 s (90 %: 9 s); 2x the limit within 5 s" in fixed
    assert "passes" not in fixed


def test_no_sentence_shows_a_number_that_is_none() -> None:
    """Neither infinity nor NaN, at any traffic."""
    for rate in (0.1, 3.0):
        for found in _all(Bake(rate, 30)):
            assert not re.search(r"\b(inf|nan|None)\b", " ".join(sentences(found)))
