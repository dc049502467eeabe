"""Reports folders made without a network: the real writer and the real ledger with made-up requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from relgate.adapters import ledger
from relgate.observe.writer import Writer, fault_number
from relgate.policy import load
from relgate.report import document
from relgate.report.redact import Redactor
from relgate.values import Decision, GateResult, Outcome, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.policy import Policy

START_NS = 10**15
WALL_NS = 1_800_000_000 * 10**9
RATE = 10

POLICY = """
relgate: 1
service: shop
environments:
  staging: {candidate: {url: "https://canary.example"}, baseline: {url: "https://www.example"}}
noise: {host_drift: 2%, over: 60s, bursts: 1s}
signals:
  requests: {probe: {rate: 10/s, get: /api}}
  health: {poll: {every: 1s, get: /health}}
gates:
  latency-p50: {signal: requests.latency, quantile: 50%, fail: "> baseline + 20%"}
  latency-p95: {signal: requests.latency, quantile: 95%, fail: "> 2000ms"}
  error-rate: {signal: requests.errors, fail: "> 10%"}
  health: {signal: health}
stages:
  - {name: canary-5, bake: 90s, run: canary, require: [latency-p50, latency-p95, error-rate]}
"""


def policy(text: str = POLICY) -> Policy:
    """A policy from its text."""
    return load(text, name="relgate.yaml")


def record(folder: Path, *, factor: float = 1.0, seconds: int = 90, asked_s: int | None = None, seed: int = 1) -> Path:
    """Write a recording of ``seconds``: the candidate ``factor`` times as slow, asked in the first ``asked_s``."""
    rng = np.random.default_rng(seed)
    sides = ["candidate", "baseline"]
    head = {
        "run_id": folder.name,
        "bake_s": float(seconds),
        "warmup_s": 0.0,
        "started": {"wall_ns": str(WALL_NS), "monotonic_ns": str(START_NS)},
        "sides": {"candidate": "http://new", "baseline": "http://old"},
        "streams": [{"name": "requests", "kind": "probe", "rate_per_s": RATE, "paths": ["/"], "sides": sides}],
    }
    writer = Writer(folder / "evidence", Redactor(()), head)
    for side in sides:
        writer.open("requests", side, "requests")
    writer.begin()
    for side in sides:
        slower = factor if side == "candidate" else 1.0
        took_s = slower * 0.05 * np.exp(0.3 * rng.standard_normal((asked_s or seconds) * RATE))
        rows = []
        for number, took in enumerate(took_s):
            due = START_NS + number * 10**9 // RATE
            rows.append((due, due, due + int(1e9 * took), WALL_NS, 200, fault_number("none"), 0, 0, 2))
        writer.requests("requests", side, rows)
    tail = {"ended": "complete", "reason": "", "finished": head["started"], "observed_s": float(seconds)}
    writer.finish({**tail, "clock_step_s": 0.0, "recorder": {}})
    return folder


def conclude(folder: Path, outcome: Outcome, *, stage: str = "canary-5") -> Path:
    """Leave a decision on a recording, as a session does; ``latency-p50`` passed."""
    run_id = folder.name
    gate = GateResult("latency-p50", "canary", required=True, severity="critical", verdict=Verdict.PASS, message="fine")
    facts = document.Facts(
        run_id, "shop", "staging", stage, {"version": "1.5.0"}, "0" * 64, {}, 0.0, 1.0, pytest_exit=0, versions={}
    )
    content = document.document(Decision(outcome, (), (gate,), (gate.id,)), facts)
    ledger.append(folder.parent, "run-started", 0.0, {"run_id": run_id})
    head = ledger.append(folder.parent, "gate-decision", 1.0, content)
    (folder / "decision.json").write_text(document.render(content, sequence=head.sequence, sha256=head.sha256))
    return folder
