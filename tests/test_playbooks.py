"""The five playbooks: policies without a fault, and a table with a place for each demand, or with what is open."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from benchmarks.playbooks.place import Place
from benchmarks.playbooks.release import ARCHIVE
from benchmarks.playbooks.trial import facts, run, written
from benchmarks.playbooks.triggers import DOWN, GOOD, TRIGGERS, Trigger
from relgate import questions
from relgate.cli import parser
from relgate.policy.nodes import compose
from relgate.rollout.plan import plan_of
from relgate.settings import Options, Run, make_run, read_policy
from tests.questions.runs import said, verdict

ROOT = Path(__file__).parents[1]
BOOKS = ROOT / "playbooks"
TABLE = (BOOKS / "README.md").read_text(encoding="utf-8")
DEMANDS = {"A": 12, "M": 10, "D": 12, "S": 17, "R": 10}
POLICIES = sorted(path.stem for path in BOOKS.glob("*.yaml"))
OPEN = {
    *("A5", "A7", "S5", "S8", "S9", "S10"),
    *("R2", "R8"),
}
"""Demands of which something is open. This may only shrink: strike one out when its cell becomes `-`."""

ROWS = {
    cells[0]: cells[1:]
    for line in TABLE.splitlines()
    if re.match(r"\| [AMDSR]\d+ \|", line)
    and len(cells := [cell.strip() for cell in line.strip("| ").split(" | ")]) == 4
}
REFERENCES = [(demand, found) for demand, cells in ROWS.items() for found in re.findall(r"`([^`]+)`", cells[1])]


AFTER = [
    (path, needed)
    for file in sorted((ROOT / "smoke").glob("test_*.py"))
    for needed, path in re.findall(r'mark\.after\("([\w-]+)"\)\ndef test_smoke_(\w+)', file.read_text(encoding="utf-8"))
]
"""Smoke path, and the one that it comes after."""


def merged(name: str) -> dict[str, Any]:
    """Return a policy's text over all that it extends: what is written, nothing that is only assumed."""
    return _over(BOOKS / f"{name}.yaml")


def _over(path: Path) -> dict[str, Any]:
    node = compose(path.read_text(encoding="utf-8"), str(path), [])
    assert node is not None
    own = cast("dict[str, Any]", node.plain())
    base = own.pop("extends", None)
    return own if base is None else _laid(_over(path.parent / base), own)


def _laid(base: Any, own: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(own, dict)):
        return own
    return {**base, **{key: _laid(base[key], value) if key in base else value for key, value in own.items()}}


def place_in(tree: Any, key: str) -> Any:
    """Return what stands at a key such as ``stages.canary-5.bake``; stages are found by name. Raises KeyError."""
    for word in key.split("."):
        if isinstance(tree, list):
            tree = {one["name"]: one for one in tree}
        tree = tree[word]
    return tree


def check(reference: str) -> None:
    """Raise AssertionError or KeyError where a reference leads nowhere."""
    if reference.startswith("$ relgate "):
        with contextlib.redirect_stderr(io.StringIO()) as said:
            try:
                parser().parse_args([*reference.split()[2:]])
            except SystemExit:
                # What is required was not given: the command is there.
                assert "arguments are required" in said.getvalue(), reference
    elif reference.startswith("trigger "):
        assert reference.removeprefix("trigger ") in {one.id for one in TRIGGERS}
    elif reference.startswith("page "):
        path, _, text = reference.removeprefix("page ").partition(": ")
        assert text in (ROOT / path).read_text(encoding="utf-8")
    else:
        name, _, rest = reference.partition(": ")
        key, _, value = rest.partition(" = ")
        assert name in POLICIES
        found = place_in(merged(name), key)
        assert not value or str(found) == value, f"{key} is {found!r}"


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_is_good_and_can_be_rolled_out(name: str) -> None:
    """All faults of a policy are said when it is read; its traffic ends at 100 %."""
    policy, _ = read_policy(BOOKS / f"{name}.yaml")
    plan = plan_of(policy)
    assert plan.share_at(len(plan.steps) - 1) == 1.0


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_names_what_its_smoke_paths_come_after(name: str) -> None:
    """Or the stage of a good release holds: what a path waits for never runs."""
    assert AFTER
    smoke = read_policy(BOOKS / f"{name}.yaml")[0].smoke
    paths = set(smoke.paths) if smoke is not None else set()
    assert [(path, needed) for path, needed in AFTER if path in paths and needed not in paths] == []


def test_every_demand_has_a_row() -> None:
    """A1 to A12, M1 to M10, D1 to D12, S1 to S17, R1 to R10, each once."""
    wanted = [f"{letter}{number}" for letter, most in DEMANDS.items() for number in range(1, most + 1)]
    assert list(ROWS) == wanted
    assert len(re.findall(r"^\| [AMDSR]\d+ \|", TABLE, re.MULTILINE)) == len(wanted)


def test_a_demand_is_met_somewhere_or_open() -> None:
    """A row without a place says what is open; what is open may only become less."""
    assert all(places != "-" or open_ != "-" for _, places, open_ in ROWS.values())
    assert {demand for demand, (_, _, open_) in ROWS.items() if open_ != "-"} == OPEN


@pytest.mark.parametrize("reference", [pytest.param(found, id=f"{demand} {found}") for demand, found in REFERENCES])
def test_what_the_table_names_is_there(reference: str) -> None:
    """Gates, stages, keys and their values, commands, triggers, words of a page."""
    check(reference)


@pytest.mark.parametrize(
    "reference",
    [
        "aura: gates.error-ratio.fail",
        "aura: stages.canary-6.bake",
        "aura: stages.canary-5.bake = 11m",
        "nobody: gates",
        "trigger A2-up",
        "$ relgate fly",
        "$ relgate docs poem",
        "page docs/audit.md: no such words",
    ],
)
def test_what_is_not_there_is_found_out(reference: str) -> None:
    """A check that nobody saw failing is none."""
    with pytest.raises((AssertionError, KeyError)):
        check(reference)


def test_triggers_name_gates_and_stages_of_their_playbook() -> None:
    """And each trigger demand has one for each of its parts."""
    for one in (*TRIGGERS, *GOOD):
        policy, _ = read_policy(BOOKS / f"{one.book}.yaml")
        gates = set().union(*(policy.running(stage) for stage in policy.stages))
        assert set(one.gates) <= gates, one.id
        assert set(one.stages) <= {stage.name for stage in policy.stages}, one.id
    parts = {
        demand: [one.id for one in TRIGGERS if one.id.startswith(f"{demand}-")] for demand in ("A2", "M3", "D3", "S2")
    }
    assert {demand: len(ids) for demand, ids in parts.items()} == {"A2": 5, "M3": 5, "D3": 5, "S2": 5}
    assert {one.book for one in GOOD} == {"aura", "mesh", "magnus", "slidecraft", "releases"}


PREPARED = """
relgate: 1
service: demo
environments: {production: {candidate: {url: "http://127.0.0.1:9"}}}
preflight: {checks: {first: {run: %s}}}
stages: [{name: before, run: preflight, require: [preflight]}]
"""
PEOPLE = {f"preflight-{name}" for name in ("approvals", "attestations", "baseline")}
"""What the ledger is asked about: people, and the version before. A trial records it."""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Two versions of the shop, what was built, flags, an entrance with TLS."""
    with Place(users=1.0) as opened:
        yield opened


@pytest.fixture
def before(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Run]:
    """The run that asks what a playbook asks before its rollout."""

    def run_of(book: str) -> Run:
        for name, text in place.told(book).items():
            monkeypatch.setenv(name, text)
        policy = written(next(one for one in GOOD if one.book == book), tmp_path, place)
        stage = plan_of(read_policy(policy)[0]).steps[0].stage
        return make_run(Options(str(policy), "production", stage, release=facts(place), reports=str(tmp_path)))

    return run_of


def ask(run: Run, gate: str) -> tuple[str, str]:
    """What comes of a question: the verdict, and what was said."""
    assert run.policy.preflight is not None
    found = questions.of(run.policy.preflight, run)[gate]().findings
    return verdict(found), said(found)


@pytest.mark.parametrize("book", ["aura", "magnus", "slidecraft", "releases"])
def test_what_is_asked_before_a_release_is_as_it_should_be(book: str, before: Callable[[str], Run]) -> None:
    """Where the playbooks are tried out: else none of their releases would begin. Mesh asks for a clean tree."""
    run = before(book)
    assert run.policy.preflight is not None
    found = {gate: ask(run, gate) for gate in run.policy.preflight.gates if gate not in PEOPLE}
    assert len(found) > 2
    assert {gate: one for gate, one in found.items() if one[0] not in ("pass", "warn")} == {}


def test_a_signature_is_of_these_bytes_and_by_this_key(place: Place, before: Callable[[str], Run]) -> None:
    """Another byte, another key: not signed."""
    run = before("mesh")
    for file in (place.work / "dist" / ARCHIVE, place.folder / "release.pub"):
        assert ask(run, "preflight-signature")[0] == "pass"
        whole = file.read_bytes()
        file.write_bytes(whole[:-40] + b"0" + whole[-39:])
        assert ask(run, "preflight-signature")[0] == "fail"
        file.write_bytes(whole)


def test_a_flag_that_is_on_is_found_and_the_way_back_switches_it_off(
    place: Place, before: Callable[[str], Run]
) -> None:
    """By the hook of the policy, from where a rollout is started."""
    run = before("slidecraft")
    assert run.policy.rollout is not None
    file = place.folder / "flags.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"ai_suggestions": True}))
    assert ask(run, "preflight-flags")[0] == "fail"
    subprocess.run(shlex.split(run.policy.rollout.hooks["flags"]), cwd=ROOT, env=place.environment, check=True)
    assert ask(run, "preflight-flags")[0] == "pass"


@pytest.mark.parametrize(("event", "jobs"), [("promote", 0), ("rollback", 0), ("complete", 1)])
def test_a_job_follows_on_a_release_that_is_complete(event: str, jobs: int, tmp_path: Path) -> None:
    """And on no other."""
    policy, _ = read_policy(BOOKS / "releases.yaml")
    assert policy.rollout is not None
    program, *words = shlex.split(policy.rollout.hooks["notify"])
    told = {"RELGATE_EVENT": event, "RELGATE_VERSION": "1.5.0", "RELGATE_ROLLOUT": "r", "SHOP_JOBS": "jobs.jsonl"}
    assert program == "python"
    subprocess.run([sys.executable, ROOT / words[0]], cwd=tmp_path, env=os.environ | told, check=True)
    queue = tmp_path / "jobs.jsonl"
    assert len(queue.read_text().splitlines() if queue.exists() else []) == jobs


@pytest.mark.parametrize(("check", "code"), [("'true'", 0), ("'false'", 10)])
def test_a_workflow_begins_what_is_prepared_and_nothing_else(check: str, code: int, tmp_path: Path) -> None:
    """The script of the workflow's first job, and the job that needs it."""
    jobs = yaml.safe_load((ROOT / "examples" / "ci" / "github.yml").read_text())["jobs"]
    assert (jobs["canary"]["needs"], jobs["everybody"]["needs"]) == ("prepare", "canary")
    script = next(step["run"] for step in jobs["prepare"]["steps"] if step.get("id") == "judge")
    (tmp_path / "relgate.yaml").write_text(PREPARED % check)
    usual = {key: text for key, text in os.environ.items() if not key.startswith(("PYTEST_", "GITHUB_", "RELGATE_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{usual['PATH']}"
    environment = usual | {"PATH": path, "VERSION": "v2", "SHA": "abc"}
    ended = subprocess.run(
        ["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == code, ended.stdout + ended.stderr


def test_a_playbook_is_rolled_out_to_its_end_in_compressed_time(tmp_path: Path) -> None:
    """Behind HAProxy, with users whose requests are all answered."""
    seen = run(Trigger("good", "mesh-dev", "a good release", "nothing", (), (), (), "promote", 12.0), print, tmp_path)
    assert (seen.decision, seen.lost) == ("promote", 0), seen
    assert seen.sent > 20
    (line,) = (tmp_path / "releases.log").read_text(encoding="utf-8").splitlines()
    assert "promote" in line


def test_a_trigger_that_must_last_for_two_minutes_is_seen_in_compressed_time() -> None:
    """A twentieth of two minutes; the old version has everything afterwards."""
    seen = run(Trigger("down", "mesh-dev", "health failing > 2 min", "Down", DOWN, ("health",), ()), print)
    assert seen.right, seen
    assert seen.steps[-2:] == ["rollback everybody", "restored everybody"]
    assert "limit 'failing for 2m'" in seen.reasons[0]
