"""``relgate explain``: what a gate will see in a bake, told before it, and how often it may be wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relgate.cli import main
from relgate.explain import explain
from relgate.policy import load
from tests.policy.test_logs import POLICY as LOGS

POLICY = """
relgate: 1
service: shop
environments:
  staging:
    candidate: {url: "https://canary.example"}
    baseline: {url: "https://www.example"}
signals:
  requests: {probe: {rate: 20/s, get: /api}}
  health: {poll: {every: 30s, get: /health}}
gates:
  health: {signal: health}
  latency: {signal: requests.latency, quantile: all, fail: "> baseline + 5%", worse_by: 25%}
  latency-p95: {signal: requests.latency, quantile: 95%, fail: ["> 2000ms", "> baseline + 50ms"]}
  latency-p99: {signal: requests.latency, quantile: 99%, fail: "> 2s for 5m", on_fail: hold}
  errors: {signal: requests.errors, fail: "> 1%"}
  error-ratio: {signal: requests.errors, fail: "> 300% of baseline"}
  error-points: {signal: requests.errors, fail: "> baseline + 10pp"}
  smoke-errors: {signal: requests.errors, fail: "> 1%", family: smoke}
  no-error: {signal: requests.errors, fail: any}
stages:
  - {name: canary-5, bake: 2m, run: canary}
  - {name: canary-25, bake: 2m, run: canary}
  - {name: after, bake: 4m, warmup: 2m, run: [canary]}
"""
NOISE = "\nnoise: {host_drift: 1%, over: 30s}\n"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """What the command says of a policy."""
    monkeypatch.chdir(tmp_path)
    return Told(tmp_path / "relgate.yaml", capsys)


class Told:
    """Runs ``relgate explain``."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._path, self._capsys = path, capsys

    def __call__(self, *arguments: str, policy: str = POLICY, code: int = 0) -> str:
        """Return what is printed, to either stream."""
        self._path.write_text(policy)
        assert main(["explain", *arguments]) == code
        said = self._capsys.readouterr()
        return said.out + said.err


def _seconds(text: str, effect: str) -> float:
    """When half of all bakes see an effect."""
    found = re.search(rf"(?<![0-9.]){re.escape(effect)} within ([0-9.]+) (s|min)", text)
    assert found is not None, text
    return float(found[1]) * {"s": 1, "min": 60}[found[2]]


def test_a_gate_says_when_it_will_see_what(told: Told) -> None:
    """Beside a baseline, in every stage that runs it; stages that are alike are told once."""
    text = told("latency", policy=POLICY + NOISE)

    assert "requests.latency: all quantiles at once of the time" in text
    assert text.count("At 20 requests a second on each side this gate sees, in half of all bakes of 2 min") == 1
    assert (
        "stage canary-5, canary-25, after: rolls back a release that keeps its limits with a chance of at most" in text
    )
    assert _seconds(text, "+50 %") <= _seconds(text, "+20 %") <= 120
    # What is so slow might be a pause for the first blocks: not seen later by more than a look.
    assert _seconds(text, "2x") <= _seconds(text, "+50 %") + 5
    assert "A release as fast as its baseline passes in" in text
    assert "each by 1 % over 30 s (declared)" in text


def test_the_chance_of_a_false_rollback_is_the_gates_share_of_it(told: Told) -> None:
    """Five per cent for the whole rollout: six gates that can roll back by chance, each in three stages."""
    text = told("errors", "--stage", "canary-5")

    assert "with a chance of at most 0.33 %, passes one that must not pass with at most 5 %" in text
    assert "rolled back by this gate with a chance of at most 0.33 %" in text
    # Two limits share what their gate has.
    text = told("latency-p95", "--stage", "canary-5")
    assert "keeps its limits with a chance of at most 0.33 %" in text
    assert text.count("rolled back by this gate with a chance of at most 0.17 %") == 2


def test_noise_that_nobody_knows_is_assumed_and_said_to_be(told: Told) -> None:
    """And sees less than noise that is small and declared."""
    assumed, declared = told("latency", "--stage", "after"), told("latency", "--stage", "after", policy=POLICY + NOISE)

    assert "each by 8 % over 200 s (assumed: nobody has declared it" in assumed
    assert "passes in nearly all of them" not in assumed
    assert _seconds(assumed, "2x") > _seconds(declared, "2x")


def test_what_must_not_pass_is_less_than_what_may(told: Told) -> None:
    """Between the limit and `worse_by` neither is sure; without such a gap few good releases can be shown good."""
    gap = told("latency", "--stage", "after", policy=POLICY + NOISE)
    none = told("latency", "--stage", "after", policy=(POLICY + NOISE).replace(", worse_by: 25%", ""))

    assert "as fast as its baseline passes in nearly all of them" in gap
    assert "as fast as its baseline passes in" in none
    assert "passes in nearly all of them" not in none


def test_traffic_and_bake_can_be_supposed(told: Told) -> None:
    """Instead of what the signal and the stage say."""
    usual = told("errors")
    more = told("errors", "--rate", "200/s", "--bake", "10m", "--error-rate", "0.2%")

    assert "At 20 requests a second" in usual
    assert "0.1 % of errors, as usual" in usual
    assert "At 200 requests a second on each side this gate sees, in half of all bakes of 10 min" in more
    assert "0.2 % of errors, as usual" in more
    assert _seconds(more, "5 % of errors") < _seconds(usual, "5 % of errors")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--rate", "fast"),
        ("--rate", "0/s"),
        ("--bake", "10"),
        ("--bake", "0s"),
        ("--error-rate", "0.1"),
        ("--error-rate", "0%"),
    ],
)
def test_what_cannot_be_supposed_is_refused(told: Told, option: str, value: str) -> None:
    """With the option's name, and exit 4."""
    assert f"relgate: {option}: expected" in told("errors", option, value, code=4)


@pytest.mark.parametrize(
    ("gate_id", "words"),
    [
        ("latency-p95", ["> 2000ms:", "20 % above the limit", "takes half of the limit", "> baseline + 50ms:"]),
        ("errors", ["> 1%:", "5 % of errors within", "errors that come one by one", "passes in"]),
        ("error-ratio", ["> 300% of baseline:", "0.45 % of errors", "3 % of errors", "passes in"]),
        ("error-points", ["> baseline + 10pp:", "15 % of errors", "passes in"]),
    ],
)
def test_every_kind_of_limit_is_foreseen(told: Told, gate_id: str, words: list[str]) -> None:
    """Fixed, a factor, more by so much, in percentage points."""
    text = told(gate_id, "--stage", "canary-5")

    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("gate_id", ["health", "no-error"])
def test_what_is_seen_for_sure_spends_no_error_probability(told: Told, gate_id: str) -> None:
    """A state, or a single event that is forbidden."""
    text = told(gate_id)

    assert "stage canary-5, canary-25, after: spends no error probability: what is seen is judged" in text
    assert "this gate sees" not in text


def test_a_limit_without_a_sequential_test_is_judged_once(told: Told) -> None:
    """And a gate that cannot roll back says that it holds."""
    text = told("latency-p99")

    assert "holds a release that keeps its limits with a chance of at most 5 %" in text
    assert "It is judged once, at the end, for independent samples." in text
    assert "this gate sees" not in text


def test_without_a_baseline_a_comparison_shows_nothing(told: Told) -> None:
    """Said before the bake, not after it; other environments may have one."""
    first = POLICY.replace("environments:\n", 'environments:\n  dev: {candidate: {url: "https://dev.example"}}\n')
    text = told("error-ratio", policy=first)

    assert "environment dev has no baseline to compare with: nothing is seen, nothing passes." in text
    assert "this gate sees" in told("errors", policy=first)


def test_a_gate_that_no_stage_runs_promises_nothing(told: Told) -> None:
    """Its family is in none."""
    assert "the gate runs in no stage: it promises nothing" in told("smoke-errors")


def test_a_bake_that_the_warm_up_eats_sees_nothing(told: Told) -> None:
    """Two minutes of bake, two of warm-up."""
    text = told("errors", "--stage", "after", "--bake", "2m")

    assert "Without requests, or without a bake, nothing is seen and nothing passes." in text


def test_a_gate_on_migrations_says_what_it_finds_and_what_to_do() -> None:
    """It has no limit and no chance of being wrong: it has findings."""
    policy = load(
        "relgate: 1\nservice: s\nenvironments: {e: {candidate: {url: 'http://127.0.0.1:9'}}}\n"
        "migrations: {alembic: a.ini}\nstages: [{name: m, run: migration}]\n"
    )
    for gate_id in policy.gates:
        text = "\n".join(explain(policy, policy.stage("m"), gate_id))
        assert text.startswith(f"{gate_id} (migration, critical)")
        assert "a finding that blocks" in text
    assert "rows-lost (blocks)" in "\n".join(explain(policy, policy.stage("m"), "migration-data"))


def test_logs_and_statements_say_what_is_read() -> None:
    """How much there is to judge nobody knows before the bake: it comes with the traffic."""
    policy = load(LOGS)
    said = {gate: "\n".join(explain(policy, policy.stages[0], gate)) for gate in policy.gates}

    assert "each side's log every 1s: lines of level error and above" in said["new-errors"]
    assert "at least 30 samples: lines, or requests, of the candidate's log" in said["new-errors"]
    assert "every 2s: lines with 'failed_login|token_expired', 'GET|POST' is a request" in said["auth-failures"]
    assert "pg_stat_statements of each side's database" in said["slow-queries"]
    assert "at least 20 samples: calls of each statement" in said["slow-queries"]
