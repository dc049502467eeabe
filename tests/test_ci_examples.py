"""The workflows that users copy: what the CI systems' schemas say about them, and what their scripts do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.plugin.conftest import GATES, HEAD, POLICY

EXAMPLES = Path(__file__).parents[1] / "examples"
SCHEMAS = {"github.yml": "vendor.github-workflows", "gitlab.yml": "vendor.gitlab-ci"}


def checked(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    """Hold a file against a CI system's schema."""
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def script(name: str) -> str:
    """The script that judges, as the CI system would run it."""
    content: dict[str, Any] = yaml.safe_load((EXAMPLES / "ci" / name).read_text())
    if name == "github.yml":
        steps = content["jobs"]["canary"]["steps"]
        return str(next(step["run"] for step in steps if step.get("id") == "judge"))
    lines = [line for line in content["judge"]["script"] if not line.startswith("pip ")]
    return "set -eo pipefail\n" + "\n".join(lines)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_workflow_fits_the_schema_of_its_system(name: str, tmp_path: Path) -> None:
    """And one with a key that nobody knows does not."""
    good = checked(EXAMPLES / "ci" / name, SCHEMAS[name])
    assert good.returncode == 0, good.stdout

    content = yaml.safe_load((EXAMPLES / "ci" / name).read_text())
    job = content["jobs"]["canary"] if "jobs" in content else content["judge"]
    job["no-such-key"] = "x"
    (tmp_path / name).write_text(
        yaml.safe_dump({"on" if key is True else key: value for key, value in content.items()})
    )
    assert checked(tmp_path / name, SCHEMAS[name]).returncode != 0


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize(("alpha", "code", "shares"), [(1.0, 0, []), (11.0, 20, ["0"]), (None, 10, [])])
def test_a_workflow_acts_on_the_decision(
    name: str, alpha: float | None, code: int, shares: list[str], tmp_path: Path
) -> None:
    """Promote goes on, rollback takes the traffic away, and a gate that is missing does neither."""
    (tmp_path / "relgate.yaml").write_text(
        POLICY.replace("test:", "production:").replace("name: stage", "name: canary-5")
    )
    first = GATES["alpha"].replace("1.0", str(alpha)) if alpha is not None else ""
    (tmp_path / "test_gates.py").write_text("\n\n".join([HEAD, first, GATES["beta"]]))
    (tmp_path / "deploy").mkdir()
    traffic = tmp_path / "deploy" / "traffic.sh"
    traffic.write_text('#!/bin/sh\necho "$1" >> traffic\n')
    traffic.chmod(0o755)
    usual = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "GITHUB_", "RELGATE_"))}
    facts = {"VERSION": "v2", "SHA": "abc", "CI_COMMIT_TAG": "v2", "CI_COMMIT_SHA": "abc"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{usual['PATH']}"

    ended = subprocess.run(
        ["bash", "-c", script(name)],
        cwd=tmp_path,
        env=usual | facts | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == code, ended.stdout + ended.stderr
    assert ((tmp_path / "traffic").read_text().split() if shares else []) == shares
    assert (tmp_path / "traffic").exists() is bool(shares)
    assert (tmp_path / "reports" / "junit.xml").exists()
