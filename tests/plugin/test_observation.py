"""Gates on a real observation: one recorder a run, the same samples for all workers, and holds when it fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from relgate_suites.shop import run as shop

from tests.plugin.conftest import Ended, Project

POLICY = """
relgate: 1
service: shop
environments:
  local:
    candidate: {{url: "{candidate}", headers: {{X-Api-Key: "env:SHOP_KEY"}}}}
    baseline: {{url: "{baseline}"}}
signals:
  requests: {{probe: {{rate: 40/s, get: [/api/version], ids: {{echo: true}}}}}}
  health: {{poll: {{every: 500ms, get: /api/health/system}}}}
  build: {{poll: {{every: 500ms, get: /api/version}}}}
  memory: {{scrape: {{every: 500ms, metric: process_resident_memory_bytes}}}}
  nothing: {{scrape: {{every: 500ms, metric: no_such_metric, unit: bytes}}}}
  several: {{scrape: {{every: 500ms, metric: http_requests_total, unit: bytes}}}}
gates:
  health: {{signal: health}}
  version: {{signal: build.version, expect: release}}
  correlation-ids: {{signal: requests.ids}}
  latency-p95: {{signal: requests.latency, quantile: 95%, fail: "> 2s"}}
  error-rate: {{signal: requests.errors, fail: "> 5%"}}
  memory: {{signal: memory, fail: "> 2GB"}}
stages:
  - {{name: canary, bake: {bake}, run: canary}}
"""

GATES = """
import pytest
pytestmark = pytest.mark.canary
def test_health(gate, observation): gate.judge("health", observation.status)
def test_latency_p95(gate, observation): gate.judge("latency-p95", observation.latency)
def test_gate(gate, gate_id): gate.judge(gate_id)
"""

FROM_A_RECORDING = """
import json
import shutil
import relgate.session
from relgate.codec import canonical, sha256

class Stored:
    def __init__(self, run, gates, screen): self.run = run
    def observe(self):
        shutil.copytree({folder!r}, self.run.path, dirs_exist_ok=True)
        path = self.run.path / "evidence" / "observation.json"
        manifest = json.loads(path.read_text()) | dict(run_id=self.run.id)
        manifest.pop("seal")
        path.write_text(json.dumps(manifest | dict(seal=sha256(canonical(manifest)))))

relgate.session.Bake = Stored
"""

IDS = ["health", "version", "correlation-ids", "latency-p95", "error-rate", "memory"]
SECRET = "sesame-open-4711"


@pytest.fixture(scope="module")
def shops() -> Iterator[tuple[shop.ShopProcess, shop.ShopProcess]]:
    """A good candidate and its baseline."""
    with shop.start("good", version="1.5.0") as candidate, shop.start("good", version="1.4.0") as baseline:
        yield candidate, baseline


@pytest.fixture
def observed(project: Project, shops: tuple[shop.ShopProcess, shop.ShopProcess]) -> Project:
    """A project whose gates judge the shop."""
    project.write("relgate.yaml", POLICY.format(candidate=shops[0].url, baseline=shops[1].url, bake="4s"))
    project.write("test_gates.py", GATES)
    project.environment = {"SHOP_KEY": SECRET}
    return project


def deciding(project: Project, *arguments: str) -> Ended:
    """Run the session with the release that the shop reports; again where it says itself that it could not measure.

    Tests share two processors with others: a recorder that was kept waiting holds, and that is not what they are about.
    """
    for _ in range(3):
        ended = project.run("--gate-release", "version=1.5.0", *arguments)
        if "the recorder was the bottleneck" not in ended.out:
            break
        shutil.rmtree(project.folder / "reports")
    else:
        ended = project.run("--gate-release", "version=1.5.0", *arguments)
    return ended


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    """A decision document without what differs between two runs by nature."""
    kept = {key: value for key, value in document.items() if key not in ("run_id", "started", "finished", "record")}
    text = json.dumps(kept).replace(document["run_id"], "RUN")
    content: dict[str, Any] = json.loads(text)
    return content


def test_a_good_release_is_promoted_on_what_was_observed(observed: Project) -> None:
    """Policy, recorder, measures, judge, decision, record: the whole way, serial and with workers."""
    ended = deciding(observed)

    assert ended.code == 0, ended.out
    assert ended.verdicts == dict.fromkeys(IDS, "pass")
    gates = {gate["id"]: gate for gate in ended.document["gates"]}
    assert gates["latency-p95"]["n"] > 100
    assert gates["latency-p95"]["interval"][0] < gates["latency-p95"]["observed"]
    assert gates["version"]["observed"] == "1.5.0"
    for digest in gates["latency-p95"]["evidence"]:
        assert list((ended.runs[-1] / "evidence").glob(f"{digest}*"))


def test_one_recorder_serves_all_workers(observed: Project) -> None:
    """All gates judge the same window of the same recording."""
    ended = deciding(observed)

    windows = {tuple(gate["window"]) for gate in ended.document["gates"]}
    assert len(windows) == 1, ended.out
    assert len(list(ended.runs[-1].glob("evidence/observation.json"))) == 1


def test_no_secret_of_policy_or_environment_is_left_anywhere(observed: Project) -> None:
    """Every byte below reports/, the ledger, JUnit, Allure and the terminal."""
    leaky = (
        "    print(os.environ['SHOP_KEY'])\n    raise OSError(os.environ['SHOP_KEY'] + os.environ['DEPLOY_TOKEN'])\n"
    )
    observed.write("test_leak.py", f"import os\nimport pytest\n@pytest.mark.canary\ndef test_memory(gate):\n{leaky}")
    observed.environment["DEPLOY_TOKEN"] = "token-of-the-pipeline"
    ended = deciding(
        observed, "--junitxml=reports/junit.xml", "--alluredir=reports/allure-results", "-p", "no:cacheprovider"
    )

    assert ended.code == 10, ended.out
    reports = observed.folder / "reports"
    files = [path for path in reports.rglob("*") if path.is_file()]
    assert any("allure-results" in str(path) for path in files)
    for secret in (SECRET, "token-of-the-pipeline"):
        assert [path for path in files if secret.encode() in path.read_bytes()] == []
        assert secret not in ended.out
    assert "[redacted]" in ended.out


def test_the_same_recording_gives_the_same_decision_with_any_number_of_workers(
    observed: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Serial, two and four workers: identical decision.json but for times."""
    if observed.workers:
        pytest.skip("compares all of them at once; once is enough")
    first = deciding(observed)
    assert first.code == 0, first.out
    stored = tmp_path_factory.mktemp("stored")
    for name in ("evidence",):
        shutil.copytree(first.runs[-1] / name, stored / name)
    observed.write("conftest.py", FROM_A_RECORDING.format(folder=str(stored)))

    documents = []
    for workers in (0, 2, 4):
        observed.workers = workers
        ended = deciding(observed)
        assert ended.code == 0, ended.out
        documents.append(without_times(ended.document))

    assert documents[0] == documents[1] == documents[2]


@pytest.mark.parametrize(("signal_name", "text"), [("nothing", "no_such_metric"), ("several", "several|series")])
def test_an_empty_answer_and_several_series_are_no_numbers(observed: Project, signal_name: str, text: str) -> None:
    """Rule 9."""
    import re

    path = observed.folder / "relgate.yaml"
    path.write_text(path.read_text().replace("signal: memory,", f"signal: {signal_name},"))
    ended = deciding(observed)

    assert ended.code == 10, ended.out
    assert ended.verdicts["memory"] in ("inconclusive", "error")
    assert re.search(text, ended.reasons), ended.reasons


def test_a_candidate_url_that_serves_the_baseline_holds(
    observed: Project, shops: tuple[shop.ShopProcess, shop.ShopProcess]
) -> None:
    """Then nothing at all was learned about the candidate."""
    ended = deciding(observed, "--gate-candidate", shops[1].url)

    assert ended.code == 10, ended.out
    assert ended.verdicts["version"] == "fail"
    assert ended.document["decision"] == "hold"


def test_a_killed_recorder_holds(observed: Project) -> None:
    """No recording, no promotion."""
    process = observed.start("--gate-policy", "relgate.yaml", "--gate-release", "version=1.5.0", "--gate-bake", "20s")
    recorder = _child_of(process.pid, "relgate.record")
    time.sleep(1.0)
    os.kill(recorder, signal.SIGKILL)
    ended = observed.end(process)

    assert ended.code == 10, ended.out
    assert set(ended.verdicts.values()) == {"error"}
    assert "recorder ended before the bake was over" in ended.reasons


def test_a_recorder_never_outlives_its_controller(observed: Project) -> None:
    """SIGKILL of pytest during the bake: the pipe closes, the recorder ends."""
    process = observed.start("--gate-policy", "relgate.yaml", "--gate-release", "version=1.5.0", "--gate-bake", "60s")
    recorder = _child_of(process.pid, "relgate.record")
    process.kill()
    observed.end(process)

    for _ in range(100):
        if not Path(f"/proc/{recorder}").exists() or "Z" in Path(f"/proc/{recorder}/stat").read_text().split()[2]:
            return
        time.sleep(0.1)
    pytest.fail("the recorder still runs")


def test_sigterm_during_the_bake_is_an_orderly_hold(observed: Project) -> None:
    """A CI job that is cancelled."""
    process = observed.start("--gate-policy", "relgate.yaml", "--gate-release", "version=1.5.0", "--gate-bake", "60s")
    _child_of(process.pid, "relgate.record")
    time.sleep(1.0)
    process.terminate()
    ended = observed.end(process)

    assert ended.code == 2, ended.out
    assert ended.decision == "hold"


def test_a_full_disk_during_the_bake_holds(observed: Project) -> None:
    """What cannot be stored was not observed."""
    observed.write(
        "sitecustomize.py",
        "import resource, signal, sys\n"
        "if 'relgate.record' in ' '.join(getattr(sys, 'orig_argv', [])):\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n",
    )
    observed.environment |= {"PYTHONPATH": str(observed.folder)}
    ended = deciding(observed)

    assert ended.code == 10, ended.out
    assert "nothing could be observed" in ended.reasons


def test_a_release_that_is_down_stops_the_bake_at_once(observed: Project) -> None:
    """A critical gate that has failed beyond doubt does not wait for the end of the bake."""
    with shop.start("down", version="1.5.0") as down:
        started = time.monotonic()
        ended = deciding(observed, "--gate-candidate", down.url, "--gate-bake", "120s")

    assert ended.code == 20, ended.out
    assert ended.verdicts["health"] == "fail"
    assert "stopping early: health" in ended.out
    assert any(note.startswith("the bake was ended after") for note in ended.document["overrides"])
    assert time.monotonic() - started < 100


def test_a_missing_secret_is_said_before_anything_starts(observed: Project) -> None:
    """An unset variable is the caller's fault: exit 4, nothing was sent."""
    observed.environment = {}
    ended = deciding(observed)

    assert ended.code == 4, ended.out
    assert "SHOP_KEY is not set" in ended.out


def test_a_policy_with_faults_is_named_in_full(observed: Project) -> None:
    """All faults with their places, and exit code 4."""
    path = observed.folder / "relgate.yaml"
    path.write_text(
        path.read_text().replace("quantile: 95%", "quantile: 950%").replace("signal: health}", "signal: helth}")
    )
    ended = deciding(observed)

    assert ended.code == 4, ended.out
    assert "gates.latency-p95.quantile" in ended.out
    assert "helth" in ended.out
    assert "INTERNALERROR" not in ended.out


def _child_of(parent: int, name: str) -> int:
    """The process id of a descendant by a part of its command line."""
    for _ in range(300):
        # A bare Debian has no ps.
        for place in Path("/proc").glob("[0-9]*"):
            try:
                command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                ppid = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue  # It ended between the two looks.
            if name in command and ppid == parent:
                return int(place.name)
        time.sleep(0.05)
    raise TimeoutError(name)


def test_the_evidence_of_another_run_is_not_accepted(
    observed: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A recording belongs to one run: its manifest says which."""
    first = deciding(observed)
    assert first.code == 0, first.out
    stored = tmp_path_factory.mktemp("stored")
    shutil.copytree(first.runs[-1] / "evidence", stored / "evidence")
    swap = FROM_A_RECORDING.format(folder=str(stored)).replace("| dict(run_id=self.run.id)", "")
    observed.write("conftest.py", swap)
    ended = deciding(observed)

    assert ended.code == 10, ended.out
    assert "the recording is that of run" in ended.reasons


def test_a_gate_with_a_signal_does_not_take_a_number_of_the_tests_own(observed: Project) -> None:
    """What the policy measures is measured, or the gate says that it was not."""
    number = 'from relgate.values import Measurement\nMINE = Measurement("time", n=1000, value=0.01)\n'
    observed.write("test_gates.py", number + GATES.replace("observation.latency", "MINE"))
    ended = deciding(observed)

    assert ended.code == 10, ended.out
    assert ended.verdicts["latency-p95"] == "error"


def test_the_same_url_for_both_sides_is_refused(
    observed: Project, shops: tuple[shop.ShopProcess, shop.ShopProcess]
) -> None:
    """A comparison of a service with itself always passes."""
    url = shops[1].url
    ended = deciding(observed, "--gate-candidate", url, "--gate-baseline", url)

    # The policy's own candidate carries a key that the baseline does not: then one URL can be two releases.
    assert ended.code == 10, ended.out
    path = observed.folder / "relgate.yaml"
    path.write_text(path.read_text().replace(', headers: {X-Api-Key: "env:SHOP_KEY"}', ""))
    ended = deciding(observed, "--gate-candidate", url, "--gate-baseline", url)

    assert ended.code == 4, ended.out
    assert "nothing could be compared" in ended.out


def test_a_strict_project_can_be_promoted(observed: Project) -> None:
    """`filterwarnings = ["error"]`: relgate leaves no open file behind."""
    observed.write("pytest.toml", '[pytest]\nstrict = true\nfilterwarnings = ["error"]\n')
    ended = deciding(observed)

    assert ended.code == 0, ended.out
