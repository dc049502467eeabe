"""Decision documents, for the tests of what is made of them."""

from __future__ import annotations

from typing import Any

RISK = {
    "false_rollback": 0.05,
    "false_promotion": 0.05,
    "stage_alpha": 0.025,
    "by_chance": True,
    "noise": {"host_drift": 0.01, "over_s": 60.0, "bursts_s": 2.0, "source": "declared"},
}

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "<svg onload=alert(1)>",
    "javascript:alert(1)",
    "&lt;script&gt;alert(1)",
    "]]><script>alert(1)</script>",
    "\u202egnp.exe\u2066 \u200b\x00\x1b[31m",
    "::error::hacked\n::set-output name=decision::promote",
    "' onfocus='alert(1)' autofocus='",
    "{{7*7}} ${jndi:ldap://x} `id`",
    "line one\r\nline two\n# heading\n| a | b |",
)
"""Texts that a service may answer, and that must stay text wherever they are shown."""


def row(id_: str = "latency-p95", verdict: str = "fail", **changes: Any) -> dict[str, Any]:
    """A gate's row."""
    return {
        "id": id_,
        "family": "canary",
        "required": True,
        "severity": "critical",
        "verdict": verdict,
        "observed": 0.312,
        "unit": "s",
        "limit": "> 250ms",
        "baseline": 0.241,
        "interval": [0.301, 0.324],
        "confidence": 0.95,
        "n": 18204,
        "n_needed": None,
        "e_value": 163.0,
        "e_health": None,
        "alpha": 0.00625,
        "window": ["2026-11-21T11:32:00.000Z", "2026-11-21T11:42:00.000Z"],
        "waiver": None,
        "evidence": ["ab" * 32],
        "message": "p95 312 ms > limit 250 ms",
        "next_steps": ["compare traces"],
        "reproduce": "pytest -m canary --gate-policy relgate.yaml",
    } | changes


def content(*gates: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A decision document without its record."""
    rows = list(gates) or [row(), row("health", "pass", observed="healthy", unit="", interval=None, evidence=[])]
    return {
        "schema": 2,
        "run_id": "20261121T113200.123Z-0123abcd",
        "service": "shop",
        "environment": "staging",
        "stage": "canary-5",
        "release": {"version": "1.5.0", "commit": "0" * 40},
        "decision": "rollback",
        "reasons": [{"gate": "latency-p95", "text": "p95 312 ms > limit 250 ms"}],
        "gates": rows,
        "expected_gates": [one["id"] for one in rows],
        "overrides": [],
        "irreversible": [],
        "policy_sha256": "0" * 64,
        "risk": RISK,
        "started": "2026-11-21T11:32:00.000Z",
        "finished": "2026-11-21T11:43:00.000Z",
        "pytest_exit": 1,
        "versions": {"python": "3.12.1", "relgate": "0.1.0"},
    } | changes
