"""Log gates in a session: a release that answers 200 and logs errors is rolled back; a log that is not read holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from relgate_suites.shop import run as shop

from tests.plugin.conftest import Ended, Project

POLICY = """
relgate: 1
service: shop
noise: {{host_drift: 1%, over: 60s, bursts: 500ms}}
environments:
  local:
    candidate: {{url: "{candidate}", log: {{{candidate_log}}}}}
    baseline: {{url: "{baseline}", log: {{file: "{baseline_log}"}}}}
signals:
  requests: {{probe: {{rate: 30/s, get: [/api/products]}}}}
  errors: {{log: {{requests: '"logger": "shop.request"'}}}}
  refused: {{log: {{match: '"status": 401'}}}}
  statements: {{statements: {{command: "{command}", every: 1s}}}}
gates:
  error-rate: {{signal: requests.errors, fail: "> 20%"}}
  new-errors: {{signal: errors.patterns, fail: "> baseline + 60/min"}}
  auth-failures: {{signal: refused.rate, fail: "> 120/min"}}
  slow-queries: {{signal: statements.mean, fail: ["> 1s", "> 2x baseline"]}}
stages:
  - {{name: canary, bake: 7s, run: canary}}
"""

GATES = """
import pytest
pytestmark = pytest.mark.canary
def test_new_errors(gate, observation): gate.judge("new-errors", observation.patterns)
def test_gate(gate, gate_id): gate.judge(gate_id)
"""

COSTS = """
import json, os, time
ms = 40 if os.environ["RELGATE_SIDE"] == "candidate" and {slow} else 10
calls = 20 * time.time()
print(json.dumps(dict(statement="select a", calls=calls, total_ms=calls * ms)))
"""


@pytest.fixture(scope="module")
def baseline() -> Iterator[shop.ShopProcess]:
    """The version that runs."""
    with shop.start("good", version="1.4.0") as running:
        yield running


def deciding(
    project: Project, candidate: shop.ShopProcess, baseline: shop.ShopProcess, log: str = "", *, slow: bool = False
) -> Ended:
    """Run the gates."""
    costs = project.write("costs.py", COSTS.format(slow=slow))
    text = POLICY.format(
        candidate=candidate.url,
        candidate_log=log or f"file: {candidate.log}",
        baseline=baseline.url,
        baseline_log=baseline.log,
        command=f"{sys.executable} {costs}",
    )
    project.write("relgate.yaml", text)
    project.write("test_gates.py", GATES)
    return project.run("--gate-release", "version=1.5.0")


def test_a_release_that_logs_nothing_new_passes(project: Project, baseline: shop.ShopProcess) -> None:
    """Files, a log command, and a command for the database."""
    with shop.start("good", version="1.5.0") as candidate:
        ended = deciding(project, candidate, baseline, f'command: "tail -n 0 -F {candidate.log}"')

    passed = {gate for gate, verdict in ended.verdicts.items() if verdict == "pass"}
    assert passed >= {"new-errors", "auth-failures", "slow-queries"}, ended.out


def test_an_error_that_is_logged_and_answered_with_200_is_seen(project: Project, baseline: shop.ShopProcess) -> None:
    """No gate on answers sees it. The pattern is named; so is a statement of four times the baseline's mean."""
    with shop.start("swallowed-errors", version="1.5.0", changes=["swallowed_share=0.5"]) as candidate:
        ended = deciding(project, candidate, baseline, slow=True)

    assert ended.decision == "rollback", ended.out
    assert ended.verdicts["error-rate"] != "fail"
    assert 'pattern "price list <*> has no currency, taking the last one known"' in ended.reasons
    assert "against 0 lines at the baseline" in ended.reasons
    assert 'statement "select a" 40 ms > limit 20 ms' in ended.reasons
    assert only_errors(ended.runs[-1] / "evidence")


def only_errors(folder: Path) -> bool:
    """Whether only lines that count were stored, and of those one of each pattern and look."""
    manifest = json.loads((folder / "observation.json").read_text())
    files = [Path(folder / one["file"]) for one in manifest["files"] if one["role"] == "lines"]
    looks = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return (
        len(files) == 4
        and all("GET /api/products" not in json.dumps(look) for look in looks)
        and max(len(look["seen"]) for look in looks) == 1
    )


def test_a_log_that_was_not_read_holds(project: Project, baseline: shop.ShopProcess) -> None:
    """An error, whatever the rest says: the command should have gone on, and its good exit code says nothing."""
    with shop.start("good", version="1.5.0") as candidate:
        ended = deciding(project, candidate, baseline, 'command: "echo all"')

    assert ended.decision == "hold", ended.out
    assert (ended.verdicts["new-errors"], ended.verdicts["auth-failures"]) == ("error", "error")
    assert "ended with code 0" in ended.reasons
