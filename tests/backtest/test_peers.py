"""Rules with fixed limits count failures as their documentation says."""

from dataclasses import replace

import numpy as np
import pytest

from relgate.backtest.peers import Argo, Flagger, calibrated
from relgate.backtest.protocol import Decider, Verdicts
from relgate.backtest.race import race
from relgate.backtest.windows import METRICS, Metric
from relgate.backtest.worlds import EFFECTS, WORLDS
from tests.backtest.samples import steady


def verdicts(decider: Decider, windows: str, window_s: int, *, failed: int = 0) -> list[Verdicts]:
    """One look after each window: "x" is one in which the check fails, "." a good one, " " one without requests."""
    watcher, out = decider.start(1), []
    for number, kind in enumerate(windows):
        for second in range(window_s):
            t_s = number * window_s + second
            bad = kind == "x"
            latency, errors = (0.1, failed) if failed else (0.126, 0)
            n = 0 if kind == " " else 10
            watcher.see(steady(t_s, latency if bad else 0.1, failed=errors if bad else 0, n=n))
        out.append(watcher.look((number + 1) * window_s))
    return out


def rolled_back(decider: Decider, windows: str, window_s: int, *, failed: int = 0) -> list[int]:
    """The looks, from 1, that roll back."""
    looks = verdicts(decider, windows, window_s, failed=failed)
    return [number for number, look in enumerate(looks, 1) if look.rolled_back[0]]


@pytest.mark.parametrize("failed", [0, 1], ids=["latency", "errors"])
def test_argo_needs_more_failures_than_its_limit_but_not_in_a_row(failed: int) -> None:
    """failureLimit 0 aborts at the first failed measurement, 3 at the fourth, good ones between them or not."""
    assert rolled_back(Argo(0), "..x..", 30, failed=failed) == [3, 4, 5]
    assert rolled_back(Argo(3), "x.x.x.", 30, failed=failed) == []
    assert rolled_back(Argo(3), "x.x.x.x", 30, failed=failed) == [7]


def test_argo_counts_each_metric_for_itself() -> None:
    """Two failures of one metric and two of another are no four of one."""
    argo = Argo(3)
    watcher = argo.start(1)
    for number in range(4):
        for second in range(30):
            slow, failing = number < 2, number >= 2
            watcher.see(steady(number * 30 + second, 0.2 if slow else 0.1, failed=int(failing)))
        look = watcher.look((number + 1) * 30)
        assert look.promoted[0]
        assert not look.rolled_back[0]


def test_a_limit_just_kept_is_kept() -> None:
    """1.25 times the baseline passes, and 1 % of errors does; a deaf rule would pass anything, so more fails."""
    for latency, out in ((0.1249, False), (0.1251, True)):
        watcher = Argo(0).start(1)
        for second in range(30):
            watcher.see(steady(second, latency))
        assert watcher.look(30).rolled_back[0] == out


@pytest.mark.parametrize("metric", METRICS)
def test_a_window_without_requests_fails_its_check(metric: Metric) -> None:
    """No data is no success."""
    assert rolled_back(Argo(0, (metric,)), ". ", 30) == [2]
    assert rolled_back(Flagger(threshold=1, metrics=(metric,)), " ..", 60) == [2, 3]


def test_flagger_rolls_back_one_tick_after_its_last_failed_check() -> None:
    """Five failures in all, never mind the good checks between; the rollback is at the next tick."""
    assert rolled_back(Flagger(), "xxxxx...", 60) == [6, 7, 8]
    assert rolled_back(Flagger(), "x.x.x.x.x..", 60) == [10, 11]
    assert rolled_back(Flagger(), "xxxx....", 60) == []
    assert not any(look.promoted[0] for look in verdicts(Flagger(), "xxxxx" + "." * 15, 60))


def test_flagger_promotes_after_ten_good_checks_and_looks_no_more() -> None:
    """What comes after the promotion is not its concern."""
    looks = verdicts(Flagger(), "." * 10 + "x" * 8, 60)
    assert [number for number, look in enumerate(looks, 1) if look.promoted[0]] == list(range(10, 19))
    assert not any(look.rolled_back[0] for look in looks)


def test_an_oracle_keeps_its_promise_on_other_releases() -> None:
    """Limits tuned on good releases roll back about the allowed share of new ones, for each metric."""
    world = replace(WORLDS["bursty"], horizon_s=600)
    argo = calibrated(world, "latency", 300, seed=1, allowed=0.1)
    (fresh,) = race(world, [argo], 300, seed=2)
    assert fresh.share == pytest.approx(0.1, abs=0.06)
    assert argo.p95_ratio > 1.25
    (bad,) = race(replace(world, effect=EFFECTS["2x"]), [argo], 50, seed=3)
    assert bad.share > 0.9
    errors = calibrated(world, "errors", 100, seed=1, allowed=0.1)
    assert errors.metrics == ("errors",)
    (fresh,) = race(world, [errors], 100, seed=2)
    assert fresh.share <= 0.2


def test_rules_judge_many_runs_each_for_itself() -> None:
    """A bad run does not touch its neighbour."""
    bad, good = steady(0, 0.5), steady(0, 0.1)
    both = steady(0, 0.1, runs=2)
    both.candidate.latency_s[:] = np.concatenate([bad.candidate.latency_s, good.candidate.latency_s])
    for decider in (Argo(0), Flagger(threshold=1, steps=99)):
        watcher = decider.start(2)
        for look in range(1, 4):
            for second in range(decider.look_every_s):
                watcher.see(replace(both, t_s=(look - 1) * decider.look_every_s + second))
            last = watcher.look(look * decider.look_every_s)
        assert last.rolled_back.tolist() == [True, False]
