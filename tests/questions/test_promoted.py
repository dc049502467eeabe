"""What the ledger must have of earlier runs: real records in a real ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relgate import ledgers, questions
from relgate.settings import Options, Run, make_run
from relgate.values import Findings
from tests.questions.runs import said, verdict

POLICY = """
relgate: 1
service: demo
environments: {test: {candidate: {url: "http://127.0.0.1:9"}}, live: {candidate: {url: "http://127.0.0.1:9"}}}
signals: {requests: {probe: {rate: 1/s, get: /}}}
gates:
  latency-p95: {signal: requests.latency, quantile: 95%, fail: "> 2s"}
  own: {signal: null}
stages:
  - {name: before, run: preflight, require: [preflight]}
  - {name: canary, bake: 1m, run: canary, require: [latency-p95, own]}
preflight: {baseline: ASKED}
"""
DAY_S = 86400.0


def run_of(folder: Path, asked: str = "recorded", version: str = "1.5") -> Run:
    """A run that asks for this."""
    (folder / "relgate.yaml").write_text(POLICY.replace("ASKED", asked))
    release = (f"version={version}",) if version else ()
    options = Options(str(folder / "relgate.yaml"), "test", "before", release=release, reports=str(folder / "reports"))
    return make_run(options)


def record(run: Run, days_ago: float = 1, **changes: Any) -> None:
    """Write the decision of an earlier run into the ledger of this one."""
    rows = [{"id": "latency-p95", "verdict": "pass", "observed": 0.2}, {"id": "own", "verdict": "warn"}]
    body = {"run_id": "r1", "service": "demo", "environment": "test", "stage": "canary", "decision": "promote",
            "release": {"version": "1.4"}, "gates": rows, **changes}  # fmt: skip
    ledgers.of(run).append("gate-decision", run.started_s - days_ago * DAY_S, body)


def found(run: Run) -> Findings:
    """What comes of the question."""
    assert run.policy.preflight is not None
    return questions.of(run.policy.preflight, run)["preflight-baseline"]().findings


def test_a_promoted_run_of_another_release_is_a_baseline(tmp_path: Path) -> None:
    """With all gates of its stage."""
    run = run_of(tmp_path)
    assert verdict(found(run)) == "fail"
    record(run)
    assert (verdict(found(run)), said(found(run))) == ("pass", "canary: run r1")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"decision": "hold"}, "no promoted run of canary with all its gates is recorded"),
        ({"decision": "rollback"}, "no promoted run of canary"),
        ({"service": "another"}, "no promoted run of canary"),
        ({"environment": "live"}, "no promoted run of canary"),
        ({"stage": "before"}, "no promoted run of canary"),
        ({"release": {"version": "1.5"}}, "no promoted run of canary"),
        ({"gates": [{"id": "latency-p95", "verdict": "pass", "observed": 0.2}]}, "the newest of 1 lacks own"),
        (
            {"gates": [{"id": "latency-p95", "verdict": "pass", "observed": None}, {"id": "own", "verdict": "pass"}]},
            "the newest of 1 lacks latency-p95",
        ),
        (
            {"gates": [{"id": "latency-p95", "verdict": "error", "observed": 1}, {"id": "own", "verdict": "pass"}]},
            "the newest of 1 lacks latency-p95",
        ),
        ({"days_ago": 31}, "too-old: the newest baseline of canary is 31.0 days old, at most 30"),
    ],
)
def test_any_other_run_is_none(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    """Held, elsewhere, of the same release, without some gate, too old."""
    run = run_of(tmp_path)
    record(run, **changes)
    one = found(run)
    assert verdict(one) == "fail"
    assert says in said(one)


def test_the_policy_says_where_and_when(tmp_path: Path) -> None:
    """Another environment, another age, named stages."""
    run = run_of(tmp_path, "{stages: canary, environment: live, max_age: 60d}")
    record(run, 50)
    assert verdict(found(run)) == "fail"
    record(run, 50, environment="live")
    assert verdict(found(run)) == "pass"


def test_a_ledger_that_was_changed_tells_nothing(tmp_path: Path) -> None:
    """Its question raises what is wrong."""
    run = run_of(tmp_path)
    record(run)
    record(run)
    path = tmp_path / "reports" / "ledger.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text(f"{json.dumps(json.loads(first), indent=None)}\n{second}\n")
    with pytest.raises(Exception, match="the ledger cannot be believed"):
        found(run)


def test_a_policy_that_observes_nothing_has_no_baseline(tmp_path: Path) -> None:
    """Where no stage is named either."""
    run = run_of(tmp_path)
    (tmp_path / "relgate.yaml").write_text(
        POLICY.replace("ASKED", "recorded").replace("bake: 1m, run: canary", "run: preflight")
    )
    options = Options(str(tmp_path / "relgate.yaml"), "test", "before", reports=str(tmp_path / "reports"))
    with pytest.raises(Exception, match="no stage of the policy observes"):
        found(make_run(options))
    assert run.id
