"""What becomes of a decision that cannot be recorded, and of one whose clock went back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from relgate.adapters import ledger
from relgate.values import Outcome
from tests.audit.runs import Team

FULL = """
import resource, signal, sys
from pathlib import Path
from relgate.decide import Ending, TestOutcome
from relgate.run import conclude, recorded, start
from relgate.values import GateResult, Verdict
from tests.audit.runs import Team
team = Team(Path(sys.argv[1]))
run = team.begin(version="1")
started = start(run)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
room = (team.reports / "ledger.jsonl").stat().st_size + 100
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
row = GateResult("alpha", "canary", required=True, severity="critical", verdict=Verdict.PASS, message="fine")
done = conclude(run, started, [TestOutcome("test_it", "alpha", row)], {"test_it": "alpha"}, Ending(0))
print(done.decision.outcome, done.exit_code, recorded(team.reports, run.id).exit_code, done.unrecorded)
"""


def test_a_disk_that_is_full_at_the_decision_ends_with_30(tmp_path: Path) -> None:
    """A promotion that could not be recorded is none; the ledger is as it was, and a later job says hold."""
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )

    assert done.stdout.startswith("promote 30 10 "), done.stdout + done.stderr
    assert "cannot be written" in done.stdout
    chain = ledger.read(tmp_path / "reports")
    assert (chain.fault, chain.torn, len(chain.records)) == (None, b"", 1)


def test_a_clock_that_went_back_between_start_and_decision_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is recorded."""
    import time

    team = Team(tmp_path)
    real = time.time
    times = iter([real(), *[real() - 3600] * 20])
    monkeypatch.setattr(time, "time", lambda: next(times))
    _, done = team.judge(version="1")

    assert done.decision.outcome is Outcome.PROMOTE
    assert done.exit_code == 0
    assert ledger.read(team.reports).records[1].clock_back_s == pytest.approx(3600, abs=60)
