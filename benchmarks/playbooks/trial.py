"""One trial: a playbook's policy, a release with one fault (or none), a real rollout, and what its journal tells."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from examples.shop.migration_faults import write
from relgate.adapters.ledger import Ledger
from relgate.adapters.ledgerfile import FileStore
from relgate.deploy.journal import bodies
from relgate.rollout.journal import rollouts, tell
from relgate.settings import read_policy

from .place import BASELINE, BOOKS, CANDIDATE, ROOT, Place

if TYPE_CHECKING:
    from .triggers import Trigger

PYTEST = "--pyargs relgate_suites.gates relgate_suites.smoke relgate_suites.load -q -p no:cacheprovider"
FACTS = {
    "version": CANDIDATE,
    "image": "shop:1.5.0",
    "bundle": "sha256:00",
    "author": "eve",
    "deployer": "dora",
    "ticket": "OPS-7",
    "type": "regular",
}
PEOPLE = ("ann", "cid")
DECISIONS = {0: "promote", 10: "hold", 20: "rollback", 30: "not recorded"}
_KILL_AFTER_S = 5.0
_BASELINES = 3
_LONGEST_S = 1800.0


@dataclass
class Seen:
    """What came of a trial. Seconds are real ones; ``decided_s`` from the first traffic, None where it got none.

    ``failed``: gates that failed, by name; ``sent``, ``lost``: requests of users, and those that failed.
    """

    id: str
    decision: str
    wanted: str
    failed: list[str] = field(default_factory=list)
    stage: str = ""
    decided_s: float | None = None
    restored_s: float | None = None
    reasons: list[str] = field(default_factory=list)
    took_s: float = 0.0
    sent: int = 0
    lost: int = 0
    compress: float = 1.0
    load: float = 0.0
    right: bool = False
    steps: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return asdict(self)


def run(trigger: Trigger, say: Any, keep: Path | None = None) -> Seen:
    """Make one trial. ``keep``: the folder for records; None: one that is thrown away."""
    with (
        tempfile.TemporaryDirectory(prefix="playbook-") as name,
        Place(trigger.changes, prometheus=trigger.book == "mesh", amiss=trigger.amiss) as place,
    ):
        reports = keep or Path(name) / "reports"
        policy = written(trigger, Path(name), place)
        if trigger.decision != "rollback":
            _agree(policy, reports, place.told(trigger.book))
            _record(trigger, policy, reports, place, say)
        code, said, began_s, onset_s = _roll(trigger, policy, reports, place, say)
        return _seen(trigger, reports, code, said, (began_s, onset_s), place)


def written(trigger: Trigger, folder: Path, place: Place) -> Path:
    """Write the policy of a trial, which extends its playbook. Paths are relative to it, as deep as to the playbook."""
    path = place.work / f"{trigger.book}.yaml"
    policy = read_policy(BOOKS / f"{trigger.book}.yaml")[0]
    lines = [f"extends: ../playbooks/{trigger.book}.yaml", "relgate: 1", f"service: {policy.service}", trigger.text]
    if policy.preflight is not None and policy.preflight.certificates is not None:
        lines.append(f'preflight: {{certificates: {{hosts: "{place.tls_host}"}}}}')
    if trigger.stages:
        lines.append(f"rollout: {{stages: [{', '.join(trigger.stages)}]}}")
    if trigger.fault:
        lines.append(f"migrations: {{alembic: {write(folder / 'migrations', trigger.fault)}}}")
    path.write_text("\n".join(lines) + "\n")
    return path


def facts(place: Place) -> tuple[str, ...]:
    """Return what is said about the release, as words of ``--gate-release``."""
    return tuple(f"{name}={text}" for name, text in (FACTS | {"commit": place.commit}).items())


def _agree(policy: Path, reports: Path, environment: dict[str, str]) -> None:
    """Record what people have to say for this release: approvals of two, and each statement that is asked for."""
    asked = read_policy(policy)[0].preflight
    assert asked is not None
    words = [sys.executable, "-m", "relgate.cli", "audit", "note", "--reports", str(reports), "--policy", str(policy)]
    words += ["--release", f"version={CANDIDATE}"]
    given = [["--actor", person, "approval", "looked at the change"] for person in PEOPLE]
    given += [["--step", step, "--actor", "ann", "attestation", "done"] for step in asked.attestations]
    for one in given:
        subprocess.run([*words, *one], check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def _record(trigger: Trigger, policy: Path, reports: Path, place: Place, say: Any) -> None:
    """Record the stage ``baseline`` of the version that runs, where the playbook asks for that; a hold is tried again."""
    asked = read_policy(policy)[0].preflight
    if asked is None or asked.baseline is None:
        return
    words = [sys.executable, "-m", "pytest", *PYTEST.split(), "-m", "load", "--gate-policy", str(policy)]
    words += ["--gate-env", "running", "--gate-stage", "baseline", "--gate-reports", str(reports)]
    words += ["--gate-release", f"version={BASELINE}"]
    words += ["--gate-compress", f"{trigger.compress:g}"]
    for _ in range(_BASELINES):
        done = subprocess.run(
            words, cwd=ROOT, env=place.told(trigger.book), text=True, capture_output=True, check=False
        )
        say(f"  baseline: {DECISIONS.get(done.returncode, f'exit {done.returncode}')}")
        if done.returncode == 0:
            return


def _roll(
    trigger: Trigger, policy: Path, reports: Path, place: Place, say: Any
) -> tuple[int, list[str], float, float | None]:
    """Roll out; the exit code, what was said, Unix times of the begin and of the kill (None without one)."""
    words = [sys.executable, "-m", "relgate.cli", "rollout", "--gate-policy", str(policy), "--gate-env", "production"]
    words += ["--gate-reports", str(reports), "--compress", f"{trigger.compress:g}", "--exit-on-hold"]
    words += [f"--pytest={PYTEST}", *(word for fact in facts(place) for word in ("--gate-release", fact))]
    began_s, onset_s, said = time.time(), None, []
    process = subprocess.Popen(
        words, cwd=ROOT, env=place.told(trigger.book), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    watchdog = threading.Timer(_LONGEST_S, process.terminate)
    watchdog.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip())
            say(f"  {line.rstrip()}")
            if trigger.kill and onset_s is None and " judge:" in line:
                time.sleep(_KILL_AFTER_S)
                onset_s = time.time()
                os.kill(place.shop.candidate.pid, signal.SIGKILL)
        code = process.wait()
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        if process.stdout is not None:
            process.stdout.close()
    return code, said, began_s, onset_s


def _seen(
    trigger: Trigger, reports: Path, code: int, said: list[str], times: tuple[float, float | None], place: Place
) -> Seen:
    found = Seen(
        trigger.id, DECISIONS.get(code, f"exit {code}"), trigger.decision, compress=trigger.compress, reasons=said[-3:]
    )
    found.took_s = round(time.time() - times[0], 1)
    found.load = round(os.getloadavg()[0], 1)
    found.sent, found.lost = place.users.sent, place.users.failed
    if code not in DECISIONS:
        return found
    told = bodies(Ledger(FileStore(reports), reports))
    journal = tell(told, rollouts(told, None, None)[-1]).bodies
    found.steps = [f"{body['event']} {body['stage']}".strip() for body in journal[1:] if body["event"] != "note"]
    traffic = [body["at_s"] for body in journal if body["event"] == "shifted" and body["share"]]
    last = next((body for body in reversed(journal) if body["event"] in ("rollback", "hold")), None)
    if last is not None:
        details = last["details"]
        onset_s = times[1] or (traffic[0] if traffic else None)
        decided_s = details.get("since_s", last["at_s"])
        found.decided_s = None if onset_s is None else round(decided_s - onset_s, 1)
        found.stage = str(last["stage"])
        found.failed = [name for name, verdict in details.get("gates", []) if verdict == "fail"]
        found.reasons = [str(one)[:300] for one in details.get("reasons", [])[:3]]
    restored = next((body for body in journal if body["event"] == "restored"), None)
    if restored is not None:
        found.restored_s = round(restored["details"]["restored_s"], 1)
    seen_by = not trigger.gates or bool(set(trigger.gates) & set(found.failed))
    found.right = found.decision == trigger.decision and seen_by
    return found
