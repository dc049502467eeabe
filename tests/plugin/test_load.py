"""Whole sessions with a load: two shops, Locust in processes of its own, and what is decided."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from relgate_suites.shop import run as shop

from tests.plugin.conftest import Ended, Project

ROOT = Path(__file__).parents[2]

POLICY = """
relgate: 1
service: shop
environments:
  local:
    candidate: {{url: "{candidate}", headers: {{X-Api-Key: "env:SHOP_KEY"}}}}
    baseline: {{url: "{baseline}"}}
noise: {{host_drift: 1%, over: 60s, bursts: 0.5s}}
signals:
  traffic:
    load: {{users: users.py, rate: 40/s, connections: 40, abort_file: stop, late: 10s, {more}}}
  memory: {{scrape: {{every: 500ms, metric: process_resident_memory_bytes}}}}
gates:
  load-p95: {{signal: traffic.latency, quantile: 95%, fail: "> 1500ms", family: load}}
  load-errors: {{signal: traffic.errors, fail: "> 5%", family: load}}
  load-throughput: {{signal: traffic.throughput, fail: "< 50% of baseline", family: load}}
  {gates}
stages:
  - {{name: load, bake: {bake}, run: load, {stage}}}
"""

GATES = """
import pytest
pytestmark = pytest.mark.load
def test_load_p95(gate, observation): gate.judge("load-p95", observation.latency)
def test_load_errors(gate, observation): gate.judge("load-errors", observation.errors)
def test_load_throughput(gate, observation): gate.judge("load-throughput", observation.throughput)
def test_gate(gate, gate_id): gate.judge(gate_id)
"""

SECRET = "sesame-open-4711"


@pytest.fixture(scope="module")
def shops() -> Iterator[tuple[str, str]]:
    """A good candidate and its baseline."""
    with shop.start("good", version="1.5.0") as candidate, shop.start("good", version="1.4.0") as baseline:
        yield candidate.url, baseline.url


@pytest.fixture
def alone(tmp_path: Path) -> Project:
    """A project that is run serially: with workers of xdist the shops would be loaded once more for the same."""
    made = Project(tmp_path, 0)
    made.write("pytest.toml", "[pytest]\nstrict = true\n")
    return made


def written(
    project: Project,
    urls: tuple[str, str],
    bake: str = "6s",
    more: str = "timeout: 5s",
    gates: str = "",
    stage: str = "traffic: 5%",
) -> Project:
    """A project whose gates judge two shops under load."""
    policy = POLICY.format(candidate=urls[0], baseline=urls[1], bake=bake, more=more, gates=gates, stage=stage)
    project.write("relgate.yaml", policy)
    project.write("test_gates.py", GATES)
    project.write("users.py", (ROOT / "load" / "shop.py").read_text())
    project.environment = {"SHOP_KEY": SECRET}
    return project


def loaded(project: Project, *arguments: str) -> Ended:
    """Run the load stage to its end."""
    return project.run("-m", "load", *arguments)


def test_a_good_release_under_load_is_promoted(project: Project, shops: tuple[str, str]) -> None:
    """One load for all workers of xdist; progress in the terminal, curves and the result file in the evidence."""
    ended = loaded(written(project, shops))

    assert ended.verdicts == {"load-p95": "pass", "load-errors": "pass", "load-throughput": "pass"}, ended.out
    assert (ended.decision, ended.code) == ("promote", 0)
    assert "relgate: load traffic: candidate " in ended.out
    assert "fails at latency > 1500ms" in ended.out
    evidence = ended.runs[-1] / "evidence"
    assert "answered well per second" in (evidence / "load.svg").read_text()
    assert "evidence/load.svg" in (ended.runs[-1] / "decision.md").read_text()
    files = [path for path in ended.runs[-1].rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_a_release_that_fails_under_load_is_rolled_back_early(alone: Project, shops: tuple[str, str]) -> None:
    """Looks at a running load end the bake, as they do for a probe."""
    with shop.start("good", version="1.6.0", changes=["error_share=0.5"]) as bad:
        ended = loaded(written(alone, (bad.url, shops[1]), bake="40s", stage="look_every: 1s"))

    assert ended.verdicts["load-errors"] == "fail", ended.out
    assert (ended.decision, ended.code) == ("rollback", 20)
    assert "stopping early: load-" in ended.out


def test_a_worker_killed_in_the_middle_is_a_hold(alone: Project, shops: tuple[str, str]) -> None:
    """Inconclusive, whatever the rest has measured."""
    written(alone, shops, more="processes: 2")
    process = alone.start("--gate-policy", "relgate.yaml", "-m", "load")
    victim = _worker_of(process.pid)
    _begun(alone)
    os.kill(victim, signal.SIGKILL)
    ended = alone.end(process)

    assert set(ended.verdicts.values()) == {"inconclusive"}, ended.out
    assert (ended.decision, ended.code) == ("hold", 10)
    assert "ended in the middle of the load" in ended.reasons


def test_a_knee_that_was_not_reached_compares_nothing(alone: Project, shops: tuple[str, str]) -> None:
    """Both sides keep the limit at the highest step: the message says what to do, and there is a picture."""
    more = "shape: step, steps: 3, each: 2s, knee: {limit: 5s, quantile: 90%}"
    gates = 'load-capacity: {signal: traffic.capacity, fail: "< 90% of baseline", family: load}'
    ended = loaded(written(alone, shops, more=more, gates=gates))

    assert ended.verdicts["load-capacity"] == "inconclusive", ended.out
    assert "the highest step keeps the limit: raise the rate" in ended.reasons
    assert "P90 over the offered rate" in (ended.runs[-1] / "evidence" / "capacity.svg").read_text()


def test_the_abort_file_ends_the_bake_and_holds(alone: Project, shops: tuple[str, str]) -> None:
    """Long before its time."""
    written(alone, shops, bake="50s")
    process = alone.start("--gate-policy", "relgate.yaml", "-m", "load")
    _begun(alone)
    (alone.folder / "stop").touch()
    ended = alone.end(process)

    assert ended.decision == "hold", ended.out
    assert "the abort file" in ended.reasons


def test_ctrl_c_leaves_no_locust(alone: Project, shops: tuple[str, str]) -> None:
    """And is a hold."""
    written(alone, shops, bake="50s", more="processes: 2")
    process = alone.start("--gate-policy", "relgate.yaml", "-m", "load")
    victim = _worker_of(process.pid)
    process.send_signal(signal.SIGINT)
    ended = alone.end(process)

    assert ended.decision == "hold", ended.out
    assert not Path(f"/proc/{victim}").exists()


def test_a_target_that_the_policy_does_not_name_is_not_loaded(alone: Project, shops: tuple[str, str]) -> None:
    """Not by an option either: a typing error on a command line must not bring a stranger's service down."""
    ended = loaded(written(alone, shops), "--gate-candidate", "http://127.0.0.1:9")

    assert ended.decision == "hold", ended.out
    assert "http://127.0.0.1:9 is no target of the environment local" in ended.reasons


def test_caps_hold_for_a_longer_bake(alone: Project, shops: tuple[str, str]) -> None:
    """The option `--gate-bake` does not lift them."""
    ended = loaded(written(alone, shops, more="caps: {duration: 10s}"), "--gate-bake", "20s")

    assert ended.decision == "hold", ended.out
    assert "may last 10s" in ended.reasons


def test_a_locustfile_that_is_not_there_is_a_hold(alone: Project, shops: tuple[str, str]) -> None:
    """With the place where it was looked for."""
    written(alone, shops)
    (alone.folder / "users.py").unlink()
    ended = loaded(alone)

    assert ended.decision == "hold"
    assert "there is no locustfile" in ended.reasons


def test_a_warm_up_comes_before_the_bake(alone: Project, shops: tuple[str, str]) -> None:
    """Its requests are sent and not judged (S6); here before a soak with the memory gate of the canary."""
    gates = 'memory-growth: {signal: memory.growth, fail: "> 60MB", family: load}'
    stage = "warm_up: {requests: 40, rate: 20/s, get: /api/products}"
    with shop.start("leak", version="1.6.0") as leaking:
        ended = loaded(written(alone, (leaking.url, shops[1]), "40s", gates=gates, stage=stage))

    assert "warming " in ended.out
    assert "observing " in ended.out.partition("warming ")[2], ended.out
    assert ended.verdicts["memory-growth"] == "fail", ended.out
    assert ended.decision == "rollback"


def test_a_warm_up_that_cannot_be_done_is_a_hold(alone: Project, shops: tuple[str, str]) -> None:
    """Nobody answers."""
    stage = "warm_up: {requests: 10, rate: 10/s}"
    ended = loaded(written(alone, ("http://127.0.0.1:9", shops[1]), stage=stage))

    assert ended.decision == "hold"
    assert "the warm-up could not be done: 0 of " in ended.reasons


def _begun(project: Project) -> None:
    """Wait until a load has been on for a moment."""
    until = time.monotonic() + 60
    while not list(project.folder.glob("reports/2*/evidence/observation.part.json")):
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(1.5)


def _worker_of(session: int) -> int:
    """Wait for the masters and workers of both sides below a session of pytest; the last worker."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = [pid for pid in _below(session) if b"relgate.load.process" in _command(pid)]
        if len(found) >= 6:
            return found[-1]
        time.sleep(0.1)
    raise TimeoutError("no Locust came")


def _below(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        mine = [int(child) for child in children.read_text().split()]
    except OSError:
        return []
    return mine + [other for child in mine for other in _below(child)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
