"""Writes docs/reference/ from the code: the policy's language, the options of pytest, the commands, the findings."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from relgate import cli
from relgate.policy import reference
from relgate.rollout.machine import tables
from tests.api_reference import api_findings
from tests.findings_reference import findings

FOLDER = Path(__file__).parents[1] / "docs" / "reference"


def options() -> str:
    """Options of pytest and commands as their own help says."""
    asked = [sys.executable, "-m", "pytest", "--help"]
    environment = os.environ | {"COLUMNS": "100"}
    text = subprocess.run(asked, capture_output=True, text=True, check=True, env=environment, cwd="/").stdout
    found = re.search(r"^release gates:\n(.*?)(?=^\S)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, text
    lines = [
        "# Options and commands",
        "",
        "Made by `scripts/generate-docs` from the code.",
        "",
        "## Options of pytest",
        "",
        "Each can also be set in the `[tool.pytest]` table: `gate_policy`, `gate_env`, `gate_stage`, `gate_candidate`,",
        "`gate_baseline`, `gate_bake`, `gate_release` (a list), `gate_reports`, `gate_observe_only`.",
        "The command line wins.",
        "",
        "```text",
        found.group(1).rstrip(),
        "```",
        "",
    ]
    os.environ["COLUMNS"] = "100"
    parser = cli.parser()
    lines += ["## Commands", "", "```text", parser.format_help().rstrip(), "```", ""]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                lines += [f"### relgate {name}", "", "```text", command.format_help().rstrip(), "```", ""]
    return "\n".join(lines)


def rollout() -> str:
    """States, events and transitions of a rollout."""
    return "\n".join(tables()) + "\n"


PAGES = {
    "policy.md": reference,
    "options.md": options,
    "migrations.md": findings,
    "api.md": api_findings,
    "rollout.md": rollout,
}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for page, render in PAGES.items():
        (FOLDER / page).write_text(render(), encoding="utf-8")
        print(f"wrote docs/reference/{page}")
