"""How often patterns come: bursts count once, what is frequent counts by lines, and unequal traffic is equal again."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import pytest

from relgate.measure.patterns import ALL, Compared, Found, compared
from relgate.measure.trial import Subject
from relgate.policy.limits import parse_limit
from relgate.several import by_pattern
from relgate.values import Lines, Look, Seen

BAKE_S = 300.0
EVERY_S = 1.0


@dataclass
class Log:
    """Moments of lines by pattern, and other lines a second."""

    moments: dict[str, list[float]]
    plain: int = 20
    requests: int | None = None

    def lines(self) -> Lines:
        """What looks once a second find."""
        looks = []
        of_seconds = {name: Counter(int(moment) + 1 for moment in moments) for name, moments in self.moments.items()}
        for second in range(int(BAKE_S) + 1):
            counts = {name: of[second] for name, of in of_seconds.items()}
            seen = tuple(Seen(name, count, f"{name} 1") for name, count in counts.items() if count)
            plain = self.plain if second else 0
            looks.append(Look(float(second), plain + sum(counts.values()), self.requests if second else None, seen))
        return Lines(tuple(looks), EVERY_S)


def both(candidate: Log, baseline: Log | None, begin_s: float = 0.0) -> Compared:
    """Compare two logs, bursts last two seconds."""
    return compared(candidate.lines(), None if baseline is None else baseline.lines(), begin_s, BAKE_S, 2.0)


def named(seen: Compared, pattern: str) -> Found:
    """The pattern of that name."""
    return next(one for one in seen.found if one.pattern == pattern)


def test_a_burst_counts_once_however_much_it_writes() -> None:
    """A thousand lines within two seconds are one piece of evidence."""
    seen = both(Log({"boom": [100.5 + 1.9 * i / 1000 for i in range(1000)]}), Log({}))

    boom = named(seen, "boom")
    assert (boom.lines, boom.episodes, boom.other_lines) == (1000, 1, 0)
    assert boom.worse.events == 1
    assert named(seen, ALL).lines == 1000


def test_what_goes_on_counts_again_and_again() -> None:
    """An error a second is no single burst."""
    assert named(both(Log({"boom": [float(i) for i in range(0, 120, 10)]}), Log({})), "boom").episodes == 12


def test_at_the_baseline_every_line_counts_for_more_and_every_burst_for_no_more() -> None:
    """So that clusters there can only make the candidate look better, and not make it pass."""
    boom = named(both(Log({"boom": [10.0, 60.0]}), Log({"boom": [50.0 + i / 10 for i in range(10)]})), "boom")

    assert (boom.worse.other_events, boom.kept.other_events) == (10, 1)


def test_what_is_frequent_counts_by_lines() -> None:
    """Ten a second instead of one would be one episode after the other on both sides."""
    seen = both(Log({"boom": [i / 10 for i in range(3000)]}), Log({"boom": [float(i) + 0.5 for i in range(300)]}))

    ratio = named(seen, "boom").worse.ratio(0.95)
    assert ratio is not None
    assert ratio.value == pytest.approx(10, rel=0.05)
    assert ratio.low is not None
    assert ratio.low > 5


def test_a_baseline_with_more_traffic_is_compared_per_request() -> None:
    """A canary of 5 % has a nineteenth of the errors, and is no better for it."""
    canary = Log({"boom": [30.0, 150.0]}, plain=10, requests=10)
    rest = Log({"boom": [float(7 * i) for i in range(38)]}, plain=190, requests=190)

    ratio = named(both(canary, rest), "boom").worse.ratio(0.95)
    assert ratio is not None
    assert ratio.value == pytest.approx(1.0, rel=0.05)


def test_a_candidate_that_only_writes_more_is_not_asked_more() -> None:
    """Without a word about requests more lines are no excuse, and fewer are less traffic."""
    noisy, quiet = Log({"boom": [30.0]}, plain=200), Log({"boom": [30.0]}, plain=20)

    assert named(both(noisy, quiet), "boom").worse.other_exposure_s == pytest.approx(BAKE_S)
    assert named(both(quiet, noisy), "boom").worse.other_exposure_s == pytest.approx(10 * BAKE_S)


def test_lines_of_the_warm_up_do_not_count() -> None:
    """Nor those of which nobody knows whether they came after it."""
    seen = both(Log({"boom": [5.0, 10.5]}), Log({}), begin_s=10.0)

    assert named(seen, "boom").lines == 1
    assert not both(Log({"boom": [5.0, 9.5]}), Log({}), begin_s=10.0).found


def test_good_releases_fail_no_more_often_than_promised() -> None:
    """Two equal sides that write bursts of lines of some patterns, 120 times, at a chance of 5 % for a failure."""
    dice = random.Random(20261122)
    limit = parse_limit("> baseline")
    subject = Subject("", "rate", 0.95, 30, alpha=0.05)
    failed = 0
    for _ in range(120):
        logs = []
        for _ in range(2):
            moments: dict[str, list[float]] = {}
            for name, bursts in (("often it is", 40), ("now and then", 8), ("rare", 2)):
                for _ in range(sum(dice.random() < bursts / 100 for _ in range(100))):
                    at = dice.uniform(0, BAKE_S - 2)
                    moments.setdefault(name, []).extend(at + dice.uniform(0, 2) for _ in range(dice.randint(1, 30)))
            logs.append(Log(moments))
        failed += by_pattern(limit, both(logs[0], logs[1]), subject).side == "bad"

    # 12 of 120 have a chance below 1 % at 5 %.
    assert failed <= 12
