"""What earlier runs tell a new one: noise from promoted bakes, evidence from the row of holds before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from relgate.decide import Ending, TestOutcome
from relgate.history import carried, usual_noise
from relgate.measure.noise import ASSUMED
from relgate.run import conclude, start
from relgate.settings import Options, Run, make_run
from relgate.values import GateResult, Verdict
from tests.bakes import stored

if TYPE_CHECKING:
    from collections.abc import Callable

POLICY = """
relgate: 1
service: shop
environments:
  here: {{candidate: {{url: "https://new.example"}}, baseline: {{url: "https://old.example"}}{noise}}}
signals: {{requests: {{probe: {{rate: 20/s, get: /}}}}}}
gates:
  latency: {{signal: requests.latency, quantile: 95%, fail: "> baseline + 20%"}}
  errors: {{signal: requests.errors, fail: "> {errors}"}}
stages: [{{name: canary, bake: 10m, run: canary}}, {{name: later, bake: 10m, run: canary}}]
"""
PASS, OPEN, FAIL = Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Freeze a run in one folder of reports, of a policy that may be changed a little."""
    monkeypatch.chdir(tmp_path)

    def made(noise: str = "", errors: str = "1%", version: str | None = "1.5", **options: Any) -> Run:
        Path("relgate.yaml").write_text(POLICY.format(noise=noise, errors=errors))
        facts = () if version is None else (f"version={version}",)
        return make_run(Options("relgate.yaml", **{"stage": "canary", "release": facts, **options}))

    return made


def ended(run: Run, verdict: Verdict = OPEN, rows: dict[str, tuple[float | None, float | None]] | None = None) -> str:
    """Record a run whose gates have this evidence of harm and of health; what was decided."""
    evidence = {"latency": (2.0, 3.0), "errors": (0.5, None)} if rows is None else rows
    outcomes = []
    for id_, (harm, health) in evidence.items():
        row = GateResult(id_, "canary", required=True, severity="critical", verdict=verdict, message="m")
        outcomes.append(TestOutcome(f"test_{id_}", id_, replace(row, e_value=harm, e_health=health, alpha=0.01)))
    collected = {one.nodeid: str(one.gate) for one in outcomes}
    done = conclude(run, start(run), outcomes, collected, Ending(0 if verdict is PASS else 1))
    assert done.head is not None
    return str(done.decision.outcome.value)


def recorded(run: Run, seed: int, window_s: float = 600.0, instances: int = 1, storm_s: float = 0.0) -> None:
    """Leave a bake of two equal sides, ten requests a second."""
    stored(run.path / "evidence", seed, window_s, instances=instances, run_id=run.id, storm_s=storm_s)


# --- evidence


def test_a_hold_is_gone_on_from(begin: Callable[..., Run]) -> None:
    """Evidence of harm and of health of each gate; 1 for what has no test of it, and for the first run."""
    first = begin()
    assert carried(first) == {}
    assert ended(first) == "hold"

    assert carried(begin()) == {"latency": (2.0, 3.0), "errors": (0.5, 1.0)}


def test_no_evidence_of_health_is_not_the_same_as_none_left(begin: Callable[..., Run]) -> None:
    """0 stays 0: a product with it is 0."""
    ended(begin(), rows={"latency": (0.0, 0.0), "errors": (1.0, None)})

    assert carried(begin())["latency"] == (0.0, 0.0)


def test_the_newest_hold_of_a_row_has_all_evidence_before_it(begin: Callable[..., Run]) -> None:
    """A run writes the product, so the last one counts; one that judged nothing washes nothing away."""
    ended(begin())
    ended(begin(), rows={"latency": (6.0, 9.0), "errors": (None, None)})
    ended(begin(), rows={"latency": (None, None), "errors": (None, None)})

    assert carried(begin()) == {"latency": (6.0, 9.0), "errors": (0.5, 1.0)}


@pytest.mark.parametrize("verdict", [PASS, FAIL])
def test_a_promotion_and_a_rollback_end_the_row(begin: Callable[..., Run], verdict: Verdict) -> None:
    """What comes after them is another rollout."""
    ended(begin())
    assert ended(begin(), verdict) in ("promote", "rollback")

    assert carried(begin()) == {}


@pytest.mark.parametrize(
    "other",
    [
        {"version": "1.6"},
        {"stage": "later"},
        {"errors": "2%"},
        {"candidate": "https://another.example"},
        {"baseline": "https://another.example"},
        {"version": None},
    ],
)
def test_what_was_asked_or_observed_elsewhere_is_not_carried(begin: Callable[..., Run], other: dict[str, Any]) -> None:
    """Another release, stage, policy or address; nor to a release that cannot be told from others."""
    ended(begin())

    assert carried(begin(**other)) == {}


def test_another_policy_or_address_in_between_ends_the_row(begin: Callable[..., Run]) -> None:
    """A promotion under another policy is one, and nobody goes back behind it."""
    for between in ({"errors": "2%"}, {"candidate": "https://another.example"}):
        ended(begin())
        ended(begin(**between))
        assert carried(begin()) == {}


def test_other_stages_in_between_do_not(begin: Callable[..., Run]) -> None:
    """Two stages may be held at the same time."""
    ended(begin())
    ended(begin(stage="later"), PASS)
    ended(begin(version="1.4"), PASS)

    assert carried(begin())["latency"] == (2.0, 3.0)


def test_a_release_without_facts_carries_nothing(begin: Callable[..., Run]) -> None:
    """It might be any."""
    ended(begin(version=None))

    assert carried(begin(version=None)) == {}


def test_a_ledger_that_cannot_be_read_tells_nothing(begin: Callable[..., Run]) -> None:
    """Neither evidence nor noise."""
    run = begin()
    (run.path.parent / "ledger.jsonl").mkdir()

    assert carried(run) == {}
    assert usual_noise(run) is ASSUMED


# --- noise


def test_what_the_policy_declares_is_taken(begin: Callable[..., Run]) -> None:
    """Whatever was measured."""
    recorded(old := begin(), 1)
    assert ended(old, PASS) == "promote"
    noise = usual_noise(begin(noise=", noise: {host_drift: 3%, over: 50s, bursts: 2s}"))

    assert (noise.host_drift, noise.over_s, noise.bursts_s, noise.source) == (0.03, 50.0, 2.0, "declared")


def test_noise_is_measured_from_bakes_of_promoted_releases(begin: Callable[..., Run]) -> None:
    """More of them contradict more; those of held ones tell nothing."""
    assert usual_noise(begin()) is ASSUMED
    recorded(held := begin(), 1)
    ended(held)
    assert usual_noise(begin()) is ASSUMED
    recorded(good := begin(), 2)
    ended(good, PASS)

    assert usual_noise(begin()).source == "measured"


def test_noise_is_that_of_one_instance(begin: Callable[..., Run]) -> None:
    """Two instances average their drift out; only one of each side is looked at, so half of the requests."""
    found = []
    for instances in (1, 2):
        recorded(run := begin(reports=f"reports-{instances}"), 2, instances=instances)
        ended(run, PASS)
        found.append(usual_noise(begin(reports=f"reports-{instances}")))

    assert [noise.source for noise in found] == ["measured", "measured"]
    assert found[0] != found[1]


def test_long_storms_of_errors_are_measured_and_are_said_of_errors_alone(begin: Callable[..., Run]) -> None:
    """Ten seconds on either side: blocks of errors hold a storm, those of latencies stay short."""
    recorded(run := begin(), 3, storm_s=10.0)
    assert ended(run, PASS) == "promote"
    noise = usual_noise(begin())
    recorded(calm := begin(reports="calm"), 3)
    ended(calm, PASS)

    assert 5 <= noise.storms_s <= 15
    assert noise.of_events.bursts_s == noise.storms_s
    assert noise.bursts_s == 2
    assert usual_noise(begin(reports="calm")).storms_s == 2


@pytest.mark.parametrize("damage", ["gone", "cut", "garbage", "another probe", "short", "empty"])
def test_a_damaged_or_short_recording_tells_nothing(begin: Callable[..., Run], damage: str) -> None:
    """And never stops a run."""
    run = begin()
    recorded(run, 1, {"short": 30.0, "empty": 0.0}.get(damage, 600.0))
    ended(run, PASS)
    place = run.path / "evidence"
    manifest = place / "observation.json"
    if damage == "gone":
        manifest.unlink()
    elif damage == "garbage":
        manifest.write_text("{")
    elif damage == "cut":
        max(place.iterdir(), key=lambda path: path.stat().st_size).write_bytes(b"")
    elif damage == "another probe":
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "streams": []}))

    assert usual_noise(begin()) is ASSUMED
