"""What a recorded decision leaves for other tools: statements, the line of its release, the head in the CI."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from relgate.adapters import ledger
from tests.plugin.conftest import GATES, Ended, Project


def statement(ended: Ended, name: str) -> dict[str, Any]:
    """The statement in an envelope beside the decision."""
    outer = json.loads((ended.runs[-1] / name).read_bytes())
    content: dict[str, Any] = json.loads(base64.b64decode(outer["payload"]))
    return content


FACTS = ("--gate-release", "image=shop@sha256:" + "a" * 64, "--gate-release", "version=1.5 rc=\n1")


@pytest.mark.parametrize(("beta", "result"), [("7.0", "WARNED"), ("11.0", "FAILED")])
def test_a_decision_has_a_test_result_and_a_promotion_a_verification_result(
    project: Project, beta: str, result: str
) -> None:
    """For tools that know neither hold nor rollback."""
    project.gates(beta=GATES["beta"].replace("2.0", beta))
    ended = project.run(*FACTS)
    found = statement(ended, "test-result.intoto.json")

    assert found["predicate"]["result"] == result
    assert found["subject"] == [{"name": "image", "digest": {"sha256": "a" * 64}}]
    assert (ended.runs[-1] / "verification-result.intoto.json").exists() == (result != "FAILED")


def test_a_release_leaves_one_line_and_the_head_goes_to_the_ci(project: Project) -> None:
    """A fact with a line break cannot forge a second line, nor an output of the job."""
    project.environment = {"GITHUB_STEP_SUMMARY": "summary.md", "GITHUB_OUTPUT": "output"}
    ended = project.run(*FACTS, "--gate-release", "commit=" + "b" * 40, "--gate-release", "approver=bob")
    lines = (project.folder / "reports" / "releases.log").read_text().splitlines()
    head = ledger.read(project.folder / "reports").head

    assert ended.code == 0, ended.out
    assert len(lines) == 1
    assert f' demo test promote version="1.5 rc=\\n1" commit={"b" * 40} image=shop@sha256:' in lines[0]
    assert "approvers=bob" in lines[0]
    assert "rollback=none" in lines[0]
    outputs = [line.partition("=")[2] for line in (project.folder / "output").read_text().splitlines() if "=" in line]
    assert outputs == [f"{head.sequence}:{head.sha256}"]
    assert f"{head.sequence}:{head.sha256}" in (project.folder / "summary.md").read_text()


def test_a_hold_ends_no_release(project: Project) -> None:
    """It may still be promoted."""
    project.run("-k", "alpha")

    assert not (project.folder / "reports" / "releases.log").exists()
