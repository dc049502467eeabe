"""decision.md: always small enough, and never drawn by somebody else's text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.report.markdown import LARGEST_BYTES, render
from tests.report.documents import HOSTILE


def content(**changes: Any) -> dict[str, Any]:
    """A small decision document."""
    gate = {
        "id": "latency-p95",
        "required": True,
        "verdict": "fail",
        "observed": 0.312,
        "unit": "s",
        "limit": "> 250ms",
        "baseline": 0.241,
        "n": 18204,
        "next_steps": ["compare traces"],
    }
    return {
        "service": "shop",
        "environment": "staging",
        "stage": "canary-5",
        "release": {"version": "1.5.0"},
        "run_id": "r1",
        "decision": "rollback",
        "reasons": [{"gate": "latency-p95", "text": "p95 312 ms > limit 250 ms"}],
        "gates": [gate],
        "overrides": [],
        "policy_sha256": "0" * 64,
        "risk": {
            "false_rollback": 0.05,
            "false_promotion": 0.05,
            "stage_alpha": 0.025,
            "noise": {"host_drift": 0.01, "over_s": 60.0, "bursts_s": 2.0, "source": "declared"},
        },
    } | changes


def test_the_table_says_gate_observed_limit_and_verdict() -> None:
    """What a release manager reads in the CI summary."""
    text = render(content(), 2, "ab" * 32)

    assert "rollback" in text.splitlines()[0]
    assert "| latency-p95 | 312 ms | &gt; 250ms | 241 ms | 18204 | fail |" in text
    assert "next: compare traces" in text


@given(st.text(max_size=300))
def test_texts_of_the_service_cannot_break_the_table(text: str) -> None:
    """A pipe, a newline or HTML in a message stays text."""
    lines = render(content(reasons=[{"gate": None, "text": text}]), 2, "ab").splitlines()
    rendered = next(line for line in lines if line.startswith("- "))

    assert "<" not in rendered
    assert sum(line.startswith("| ") for line in lines) == 2


def test_a_summary_never_exceeds_the_limit_of_a_step_summary() -> None:
    """Over 1 MiB the whole summary would be dropped."""
    many = [{"gate": "g", "text": "ü" * 5000} for _ in range(5000)]
    gates = content()["gates"] * 5000

    text = render(content(reasons=many, gates=gates, overrides=["x" * 500] * 5000), 2, "ab")

    assert len(text.encode()) <= LARGEST_BYTES
    assert "cut: the whole decision is in decision.json" in text


@pytest.mark.parametrize("text", [*HOSTILE, "|" * 900, "`" * 900, "\u202e" * 900, "&<>\n" * 300])
def test_five_thousand_failed_gates_with_hostile_messages_fit(text: str) -> None:
    """Escaping makes texts longer, and no line of theirs begins anything."""
    gates = [
        content()["gates"][0] | {"id": f"{n} {text}", "limit": text, "next_steps": [text] * 9} for n in range(5000)
    ]
    reasons = [{"gate": gate["id"], "text": text} for gate in gates]

    rendered = render(content(reasons=reasons, gates=gates, overrides=[text] * 5000, service=text), 2, "ab")

    assert len(rendered.encode()) <= LARGEST_BYTES
    assert "<" not in rendered
    assert not [line for line in rendered.splitlines() if line.startswith("::") or "\u202e" in line]


def test_the_page_says_both_errors() -> None:
    """One sentence under the decision, from what is recorded as ``risk``."""
    text = render(content(), 2, "ab")
    assert "rolls back a release that keeps its limits in at most 2.5 % of cases (the whole rollout: 5 %)" in text
    assert "two equal hosts differ by about 1 % over 60 s (as the policy declares)" in text

    certain = {**content()["risk"], "stage_alpha": 0.0}
    assert "no gate that could roll back a good release by chance" in render(content(risk=certain), 2, "ab")


def test_a_run_with_migrations_leads_to_their_findings() -> None:
    """A gate's message has room for one finding; where nothing was proven there is no page to lead to."""
    gate = content()["gates"][0]
    proven = content(gates=[gate | {"id": "migration-data", "family": "migration", "verdict": "fail"}])
    failed = content(gates=[gate | {"id": "migration-data", "family": "migration", "verdict": "error"}])

    assert "(evidence/migrations.md)" in render(proven, 2, "ab")
    assert "(evidence/migrations.md)" not in render(failed, 2, "ab")
    assert "(evidence/migrations.md)" not in render(content(), 2, "ab")
