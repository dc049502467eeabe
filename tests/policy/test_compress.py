"""Time that passes faster, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy import load
from relgate.policy.compress import LEAST_EVERY_S, MOST, compressed, said

TEXT = """
relgate: 1
service: shop
hold_for: 2h
environments:
  prod:
    candidate: {url: "https://green.example"}
    baseline: {url: "https://blue.example"}
    router:
      url: https://shop.example
      version: {get: /version, header: X-Version}
      command: {set: ./set, read: ./read}
signals:
  requests: {probe: {rate: 20/s, get: /, timeout: 3s}}
  traffic: {load: {users: users.py, rate: 10/s, shape: steady, ramp: 1m}}
  health: {poll: {every: 30s, get: /health, max_age: 1m, timeout: 4s}}
  queue: {json: {every: 10s, get: /status, pointer: /queue}}
gates:
  health: {signal: health, fail: [down, "failing for 2m", "failing 3 in a row"], warmup: 40s}
  p95: {signal: requests.latency, quantile: 95%, fail: ["> 2000ms", "> 5s for 10m"]}
  load-p95: {signal: traffic.latency, quantile: 95%, fail: "> 500ms", family: load}
  queue: {signal: queue, fail: "> 1000 for 15m", on_fail: hold}
phases:
  release: {gates: {queue: {fail: "> 500 for 10m"}}}
rollout: {watch_every: 30s, rto: 5m}
stages:
  - {name: some, traffic: 10%, bake: 30m, warmup: 2m, look_every: 10s, marks: [5m, 10m]}
  - {name: all, traffic: 100%, bake: 10m, during: release}
"""
POLICY = load(TEXT)


def test_what_waits_is_divided() -> None:
    """Bakes, marks, intervals, ``for``, warm-ups, holds, ramps; in phases too."""
    short = compressed(POLICY, 10)
    some = short.stage("some")
    assert (some.bake_s, some.warmup_s, some.look_every_s, some.marks_s) == (180.0, 12.0, 1.0, (30.0, 60.0))
    assert short.hold_for_s == 720.0
    assert [limit.for_s for limit in short.gates["health"].fail] == [None, 12.0, None]  # type: ignore[union-attr]
    assert short.gates["health"].warmup_s == 4.0
    assert short.gates["p95"].fail[1].for_s == 60.0  # type: ignore[union-attr]
    assert short.gates_in(short.stage("all"))["queue"].fail[0].for_s == 60.0  # type: ignore[union-attr]
    assert (short.signals["health"].every_s, short.signals["queue"].every_s) == (3.0, 1.0)
    assert short.signals["traffic"].load is not None
    assert short.signals["traffic"].load.ramp_s == 6.0
    assert short.rollout is not None
    assert short.rollout.watch_every_s == 3.0


def test_what_a_service_is_judged_by_is_not() -> None:
    """Latencies, rates, counts, ages, time-outs, the time to go back; and it is the same policy."""
    short = compressed(POLICY, 10)
    assert [limit.text for limit in short.gates["p95"].fail] == [limit.text for limit in POLICY.gates["p95"].fail]
    assert [limit.value for limit in short.gates["p95"].fail] == [2.0, 5.0]  # type: ignore[union-attr]
    assert short.gates["health"].fail[2] == POLICY.gates["health"].fail[2]
    assert short.signals["requests"] == POLICY.signals["requests"]
    poll = short.signals["health"].poll
    assert poll is not None
    assert (poll.max_age_s, poll.timeout_s) == (60.0, 4.0)
    assert short.rollout is not None
    assert (short.rollout.rto_s, short.sha256) == (300.0, POLICY.sha256)


@given(st.floats(1, MOST))
def test_no_endpoint_is_asked_all_the_time(factor: float) -> None:
    """However short it becomes, and no more often than the policy says where that is often already."""
    short = compressed(POLICY, factor)
    for name, signal in short.signals.items():
        assert signal.every_s >= min(LEAST_EVERY_S, POLICY.signals[name].every_s)
    assert all(stage.look_every_s >= 1 for stage in short.stages)


@pytest.mark.parametrize("factor", [0.0, 0.99, -3.0, float("nan"), float("inf")])
def test_time_only_passes_faster(factor: float) -> None:
    """And never endlessly."""
    with pytest.raises(ValueError, match="expected a factor from 1"):
        compressed(POLICY, factor)


def test_factor_one_changes_nothing() -> None:
    """And a record says which factor it was, to the last figure."""
    assert compressed(POLICY, 1) is POLICY
    assert "divided by 12345.678 (" in said(12345.678)
