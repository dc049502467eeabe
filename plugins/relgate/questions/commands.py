"""Commands of the policy, and what they are told about the run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from relgate.adapters import process
from relgate.preflight import outputs
from relgate.questions.answer import Answer

if TYPE_CHECKING:
    from relgate.policy.preflight import Check
    from relgate.ports.preflight import Output
    from relgate.settings import Run


def command(gate: str, check: Check, run: Run) -> Answer:
    """Run a command in the folder of the policy, and judge what it did."""
    output = process.run(check.run, folder_of(run), variables(run), check.timeout_s)
    return Answer(outputs.judge(gate, check, output), told(check.run, output))


def folder_of(run: Run) -> Path:
    """Return the folder of the policy, which its paths are relative to."""
    return Path(run.policy_name).absolute().parent


def told(line: str, output: Output) -> str:
    """Return a command and what it did, for the evidence."""
    ending = output.fault or f"ended with {output.code}"
    return f"$ {line}\n[{ending} after {output.took_s:.1f} s]\n--- output\n{output.out}\n--- errors\n{output.err}\n"


def variables(run: Run) -> dict[str, str]:
    """Return what a command is told about the run: RELGATE_RUN_ID, _STAGE, _CANDIDATE, a variable for each fact."""
    told = {
        "RELGATE_RUN_ID": run.id,
        "RELGATE_SERVICE": run.policy.service,
        "RELGATE_ENVIRONMENT": run.environment_name,
        "RELGATE_STAGE": run.stage_name,
        "RELGATE_CANDIDATE": run.candidate_url,
        "RELGATE_BASELINE": run.baseline_url or "",
    }
    facts = {f"RELGATE_RELEASE_{re.sub(r'[^A-Z0-9]', '_', key.upper())}": text for key, text in run.release.items()}
    return facts | told
