"""Pictures of each kind of gate: what was judged, with its limit, from evidence whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from relgate.pages.curves import Shown, pictures
from relgate.report.plots import Plot, Strip, draw
from relgate.settings import Run
from relgate.values import Answer, Answers, Evidence, Samples, Series
from tests.bakes import requests, usual
from tests.report.documents import row

POLICY = """
relgate: 1
service: shop
environments:
  local:
    candidate: {url: "https://new.example"}
    baseline: {url: "https://old.example"}
    noise: {host_drift: 1%, over: 50s, bursts: 2s}
risk: {false_rollback: 40%, false_promotion: 5%}
signals:
  requests: {probe: {rate: 10/s, get: /}}
  health: {poll: {every: 1s, get: /health}}
  memory: {scrape: {every: 1s, metric: m, unit: bytes}}
  events: {scrape: {every: 1s, metric: e, unit: count}}
gates:
  latency: {signal: requests.latency, quantile: 95%, fail: ["> baseline + 20%", "> 2s"]}
  errors: {signal: requests.errors, fail: "> 2%"}
  throughput: {signal: requests.throughput, fail: "< 80% of baseline"}
  health: {signal: health.status, fail: "failing 3 in a row"}
  version: {signal: health.version, expect: "1.5.0"}
  memory: {signal: memory.value, fail: "> 2GB"}
  growth: {signal: memory.growth, fail: "> 100MB"}
  trend: {signal: memory.trend, fail: "> 1MB/s"}
  events: {signal: events.rate, fail: "> 10/min"}
stages: [{name: canary, bake: 60s, warmup: 5s, run: canary}]
"""
RUN = Run(
    id="r1",
    folder="/nowhere",
    started_s=0.0,
    policy_name="p",
    texts={"p": POLICY},
    environment_name="local",
    stage_name="canary",
    candidate_url="https://new.example",
    baseline_url="https://old.example",
    bake_s=60.0,
    release={},
)
T_S = np.arange(60.0)


def answers(word: str) -> Answers:
    """A minute of health: good for half of it."""
    return Answers(
        tuple(
            Answer(float(t), float(t), 0.01, 200 if t < 30 else 503, f'{{"status": "{"healthy" if t < 30 else word}"}}')
            for t in range(60)
        ),
        1.0,
    )


def samples(gate: str) -> tuple[Samples, Samples]:
    """Candidate and baseline of a gate."""
    if gate in ("latency", "errors", "throughput"):
        return usual(60, 1, 3.0), usual(60, 2)
    if gate in ("health", "version"):
        return answers("down"), answers("healthy")
    grown = Series(T_S, 1e9 + 2e6 * T_S)
    return grown, Series(T_S, np.where(T_S == 30, np.nan, 1e9))


def shown(gate: str, **changes: Any) -> Shown:
    """What the pictures of a gate are made of."""
    rule = RUN.policy.gates[gate]
    own, other = samples(gate)
    evidence = Evidence(str(rule.signal), str(rule.field), own, other, 1000.0, 1060.0)
    signal = RUN.policy.signals[str(rule.signal)]
    return Shown(rule, signal, RUN.stage, replace(evidence, **changes), row(gate, baseline=0.1), RUN)


KINDS = {
    "latency": 3,
    "errors": 3,
    "throughput": 1,
    "health": 1,
    "version": 1,
    "memory": 2,
    "growth": 1,
    "trend": 1,
    "events": 2,
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_gate_has_its_pictures(name: str) -> None:
    """Both sides over the bake, small, and told in words."""
    found = pictures(shown(name))

    assert len(found) == KINDS[name]
    for number, picture in enumerate(found):
        text = draw(picture, f"p{number}")
        assert len(text) < 25_000
        assert "Verdict: fail" in picture.words or "Evidence" in picture.words
    first = found[0]
    sides = {line.role for line in first.lines} if isinstance(first, Plot) else {role for role, _ in first.rows}
    assert sides == {"candidate", "baseline"}


def test_evidence_grows_to_where_the_decision_fell() -> None:
    """The moment is that of the gate's own test, and the threshold its 1 / alpha."""
    evidence = pictures(shown("latency"))[-1]

    assert isinstance(evidence, Plot)
    assert evidence.y_log
    assert "That was reached" in evidence.words
    threshold = next(mark for mark in evidence.marks if mark.label.startswith("limit broken"))
    alpha = RUN.policy.alpha_of(RUN.stage, RUN.policy.gates["latency"])
    assert threshold.at == pytest.approx(2 / alpha)  # Two fail limits share it.
    assert [mark for mark in evidence.marks if mark.label.startswith("broken after ")]
    assert {line.role for line in evidence.lines} == {"harm", "health"}


def test_limits_are_where_they_were_judged() -> None:
    """A relative one at what the baseline made of it, a fixed one at its figure."""
    plot = pictures(shown("latency"))[0]

    assert isinstance(plot, Plot)
    assert [(mark.at, mark.label) for mark in plot.marks if mark.role == "limit"] == [
        (pytest.approx(0.12), "> baseline + 20%"),
        (2.0, "> 2s"),
    ]


def test_states_are_spells() -> None:
    """Sixty answers are two rectangles."""
    strip = pictures(shown("health"))[0]

    assert isinstance(strip, Strip)
    spells = dict(strip.rows)["candidate"]
    assert [word for _, _, word in spells] == ["healthy", "down"]
    assert "30 of 60 answers down" in strip.words


@pytest.mark.parametrize("name", ["latency", "errors", "throughput"])
def test_a_side_without_samples_is_no_fault(name: str) -> None:
    """Nothing recorded, everything failed, no baseline: a picture, or none, and never an error."""
    none = requests(np.zeros(0))
    due = np.arange(600) / 10
    failed = requests(due, 0.1, np.ones(600, dtype=np.bool_))
    for changes in ({"candidate": none}, {"candidate": none, "baseline": None}, {"candidate": failed}):
        for picture in pictures(shown(name, **changes)):
            draw(picture, "p")
