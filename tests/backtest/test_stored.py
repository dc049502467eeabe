"""Stored bakes are judged again as they were recorded, and none is passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from relgate.backtest import show
from relgate.backtest.stored import Bake, Unread, judge_again, ticks
from relgate.errors import UsageError
from relgate.values import Outcome, Requests
from tests.backtest.recordings import POLICY, conclude, policy, record

if TYPE_CHECKING:
    from pathlib import Path


def again(reports: Path, text: str = POLICY) -> list[Bake | Unread]:
    """Judge everything in a folder."""
    return list(judge_again(policy(text), reports))


def only(reports: Path, text: str = POLICY) -> Bake:
    """Judge the one bake that is in a folder."""
    (bake,) = again(reports, text)
    assert isinstance(bake, Bake)
    return bake


def test_a_slow_release_that_was_promoted_would_be_rolled_back(tmp_path: Path) -> None:
    """With the second in which that was sure, gate by gate beside what was recorded."""
    conclude(record(tmp_path / "r1", factor=2.0), Outcome.PROMOTE)

    bake = only(tmp_path)
    rows = {row.id: row for row in bake.rows}

    assert (bake.recorded, bake.decided, bake.release) == ("promote", "rollback", "version=1.5.0")
    assert (rows["latency-p50"].recorded, rows["latency-p50"].verdict) == ("pass", "fail")
    assert rows["latency-p50"].crossed_s is not None
    assert 5 < rows["latency-p50"].crossed_s < 60
    assert (rows["latency-p95"].recorded, rows["latency-p95"].verdict) == (None, "pass")
    assert rows["latency-p95"].crossed_s is None


def test_a_good_release_is_not_rolled_back_and_what_was_not_recorded_is_missing(tmp_path: Path) -> None:
    """The policy has a health gate, the recording no answers: it holds, and says which."""
    conclude(record(tmp_path / "r1"), Outcome.HOLD)

    bake = only(tmp_path)

    assert bake.decided == "hold"
    assert [row.id for row in bake.rows if row.verdict == "missing"] == ["health"]


def test_the_same_bake_under_another_policy_is_decided_otherwise(tmp_path: Path) -> None:
    """A limit that allows twice as much, and no gate without a recording: a slower release is promoted."""
    conclude(record(tmp_path / "r1", factor=1.6), Outcome.ROLLBACK)
    lax = POLICY.replace("baseline + 20%", "baseline + 300%").replace("  health: {signal: health}\n", "")

    assert only(tmp_path).decided == "rollback"
    assert only(tmp_path, lax).decided == "promote"


def test_others_say_when_they_would_have_rolled_back_and_when_a_bake_is_too_short_for_them(tmp_path: Path) -> None:
    """P95 of twice the baseline's breaks Argo's limit at its first look; Kayenta looks after five minutes."""
    record(tmp_path / "r1", factor=2.0)
    record(tmp_path / "r2")

    slow, good = again(tmp_path)

    assert isinstance(slow, Bake)
    assert isinstance(good, Bake)
    assert slow.others == {
        "Argo FL0": "rollback at 30 s",
        "Argo FL3": "promote",
        "Flagger 5": "undecided",
        "Kayenta": "too short",
    }
    assert good.others["Argo FL0"] == "promote"


@pytest.mark.parametrize("damage", ["cut", "no manifest", "no run", "changed"])
def test_what_cannot_be_read_is_named_and_counted(tmp_path: Path, damage: str) -> None:
    """And the others are judged all the same."""
    conclude(record(tmp_path / "r1"), Outcome.HOLD)
    bad = record(tmp_path / "r2")
    manifest = bad / "evidence" / "observation.json"
    samples = next(path for path in (bad / "evidence").iterdir() if path != manifest)
    if damage == "cut":
        samples.write_bytes(samples.read_bytes()[:-1])
    elif damage == "changed":
        manifest.write_text(manifest.read_text().replace('"http://old"', '"http://new"'))
    else:
        manifest.unlink()
    if damage == "no run":
        (tmp_path / "r2").rename(tmp_path / "allure-results")

    bakes = [one for one in again(tmp_path) if isinstance(one, Bake)]
    unread = [one for one in again(tmp_path) if isinstance(one, Unread)]

    assert [bake.run_id for bake in bakes] == ["r1"]
    assert [one.run_id for one in unread] == ["allure-results" if damage == "no run" else "r2"]
    text = "\n".join(show.summary_lines(bakes, unread))
    assert "1 bakes judged again, 1 not read" in text
    assert f"not read: {unread[0].run_id}: {unread[0].why}" in text


def test_a_decision_that_the_ledger_does_not_confirm_is_none(tmp_path: Path) -> None:
    """Nor is the absence of one."""
    path = conclude(record(tmp_path / "r1"), Outcome.HOLD) / "decision.json"
    path.write_text(path.read_text().replace('"hold"', '"promote"'))
    record(tmp_path / "r2")

    assert [one.recorded for one in again(tmp_path) if isinstance(one, Bake)] == ["not verified", "no decision"]


def test_samples_that_cannot_be_believed_prove_nothing(tmp_path: Path) -> None:
    """Requests of 45 s in a window of 90 s: the gates err, and nothing is called broken at any second."""
    record(tmp_path / "r1", factor=2.0, seconds=90, asked_s=45)

    bake = only(tmp_path)
    rows = {row.id: row for row in bake.rows}

    assert (rows["latency-p50"].verdict, rows["latency-p50"].crossed_s) == ("error", None)
    assert "cut short" in rows["latency-p50"].message
    assert bake.decided == "hold"


def test_a_folder_without_runs_is_an_error(tmp_path: Path) -> None:
    """And so is a path that is no folder."""
    with pytest.raises(UsageError, match="no run in"):
        again(tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        again(tmp_path / "reports")


def test_every_usable_request_is_in_its_second_once() -> None:
    """In any order; what the recorder spoiled, and what was due after the last whole second, is left out."""
    rng = np.random.default_rng(1)
    due_s = rng.permutation(np.arange(0, 5.5, 0.1))
    usable = rng.random(len(due_s)) < 0.8
    side = Requests(
        intended_s=due_s,
        latency_s=due_s / 10,
        lag_s=np.zeros(len(due_s)),
        status=np.full(len(due_s), 200),
        failed=due_s < 1,
        usable=usable,
        path=np.zeros(len(due_s), dtype=np.int64),
    )

    found = list(ticks(side, side, 5.5))

    assert [tick.t_s for tick in found] == [0, 1, 2, 3, 4]
    for tick in found:
        expected = np.sort(due_s[usable & (due_s >= tick.t_s) & (due_s < tick.t_s + 1)])
        assert tick.candidate.latency_s[0] == pytest.approx(expected / 10, rel=1e-6)
        assert bool(tick.baseline.failed.all()) == (tick.t_s == 0)
