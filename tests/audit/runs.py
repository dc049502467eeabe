"""A folder of reports with real runs in it, made without a network: start, evidence, decision, as a session does."""

from __future__ import annotations

import subprocess
from pathlib import Path

from relgate.adapters import ledgerkeys
from relgate.decide import Ending, TestOutcome
from relgate.run import Conclusion, conclude, start
from relgate.settings import Options, Run, make_run
from relgate.values import GateResult, Verdict

POLICY = """
relgate: 1
service: shop
{ledger}
environments: {{production: {{candidate: {{url: "http://127.0.0.1:9"}}}}}}
gates:
  alpha: {{signal: null, fail: "> 10"}}
  after: {{signal: null, fail: "> 10", family: postdeploy}}
stages:
  - {{name: canary, run: canary, require: [alpha]}}
  - {{name: after, run: postdeploy, require: [after]}}
"""


class Team:
    """Somebody who releases: a folder with a policy, a key, reports."""

    def __init__(self, folder: Path, *, signed: bool = True, anchors: str = "") -> None:
        self.folder = folder
        self.reports = folder / "reports"
        self.key = ledgerkeys.new(folder / "key.pem") if signed else None
        key = f"key: 'file:{folder / 'key.pem'}'" if signed else ""
        parts = ", ".join(part for part in (key, anchors) if part)
        self.policy = folder / "relgate.yaml"
        self.policy.write_text(POLICY.format(ledger=f"ledger: {{{parts}}}" if parts else ""))

    def begin(self, stage: str = "canary", **release: str) -> Run:
        """Freeze a run."""
        facts = tuple(f"{key}={value}" for key, value in release.items())
        return make_run(Options(str(self.policy), stage=stage, release=facts, reports=str(self.reports)))

    def judge(self, stage: str = "canary", verdict: Verdict = Verdict.PASS, **release: str) -> tuple[Run, Conclusion]:
        """Judge a release, from the start record to the decision."""
        run = self.begin(stage, **release)
        started = start(run)
        evidence = run.path / "evidence"
        (evidence / "samples.bin").write_bytes(run.id.encode() * 50)
        (evidence / "with space").mkdir()
        (evidence / "with space" / "a file").write_text(run.id)
        gate = "after" if stage == "after" else "alpha"
        row = GateResult(gate, "canary", required=True, severity="critical", verdict=verdict, message="seen")
        ending = Ending(0 if verdict is Verdict.PASS else 1)
        return run, conclude(run, started, [TestOutcome("test_it", gate, row)], {"test_it": gate}, ending)

    def abort(self, **release: str) -> Run:
        """Begin a run that leaves no decision."""
        run = self.begin(**release)
        start(run)
        return run


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive as an auditor does."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
