"""A run of a policy whose questions are asked, without a session around it."""

from __future__ import annotations

from pathlib import Path

from relgate import questions
from relgate.settings import Options, Run, make_run
from relgate.values import Findings
from relgate.verdicts import by_findings
from tests.preflight.gates import GATE

POLICY = """
relgate: 1
service: demo
environments: {{test: {{candidate: {{url: "{url}"}}{tls}}}}}
stages: [{{name: before, run: preflight, require: [preflight]}}]
preflight: {asked}
"""


def run_of(folder: Path, asked: str, url: str = "http://127.0.0.1:9", tls: str = "", **release: str) -> Run:
    """A run in a folder that asks this."""
    path = folder / "relgate.yaml"
    path.write_text(POLICY.format(url=url, asked=asked, tls=tls))
    facts = tuple(f"{key}={text}" for key, text in release.items())
    return make_run(Options(str(path), release=facts, reports=str(folder / "reports")))


def asked(run: Run, gate: str) -> Findings:
    """What comes of a question."""
    assert run.policy.preflight is not None
    answer = questions.of(run.policy.preflight, run)[f"preflight-{gate}"]()
    assert answer.findings.gate == f"preflight-{gate}"
    return answer.findings


def verdict(found: Findings) -> str:
    """The verdict about findings."""
    return by_findings(GATE, found).verdict.value


def said(found: Findings) -> str:
    """All that findings say, as one text: codes, what was found, problems, notes."""
    return "\n".join([*(f"{one.code}: {one.what}" for one in found.findings), *found.problems, *found.notes])
