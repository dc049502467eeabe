"""Loads in a policy: what may be written, what is refused, and the caps that nothing goes beyond."""

from __future__ import annotations

import pytest

from relgate.errors import PolicyError
from relgate.policy import Policy, load
from relgate.policy.loads import Load, beyond

HEAD = """
relgate: 1
service: demo
environments:
  test: {candidate: {url: "http://127.0.0.1:9"}, baseline: {url: "http://127.0.0.1:10"}}
"""
GATES = 'gates: {load-p95: {signal: traffic.latency, quantile: 95%, fail: "> 500ms", family: load}}\n'
STAGES = "stages: [{name: load, bake: 60s, run: load, require: [load]}]\n"


def policy(body: str, gates: str = GATES, stages: str = STAGES) -> Policy:
    """A policy with one load."""
    return load(f"{HEAD}signals: {{traffic: {{load: {body}}}}}\n{gates}{stages}")


def one(body: str) -> Load:
    """The load of such a policy."""
    found = policy(body).signals["traffic"].load
    assert found is not None
    return found


def faults(body: str, gates: str = GATES, stages: str = STAGES) -> str:
    """What the loader says."""
    with pytest.raises(PolicyError) as raised:
        policy(body, gates, stages)
    return str(raised.value)


def test_the_smallest_load_names_users_and_a_rate() -> None:
    """All else has a default; two seconds of the rate are kept as connections."""
    found = one("{users: load/shop.py, rate: 100/s}")

    assert (found.rate_per_s, found.clients, found.shape, found.processes) == (100.0, None, "constant", 1)
    assert (found.held_connections, found.caps.users, found.cpu_most, found.late_s) == (200, 2000, 0.9, 0.010)


def test_everything_can_be_said() -> None:
    """Each key reaches the model."""
    found = one(
        "{profile: access.log, methods: [GET, POST], clients: 50, shape: steady, ramp: 5s, timeout: 3s, late: 20ms, "
        "cpu: 80%, seed: 7, abort_file: stop, workers: {expect: 2, bind: '10.0.0.4:5557'}, "
        "caps: {users: 60, rate: 10/s, duration: 2m, requests: 1000}}"
    )

    assert (found.profile, found.methods, found.clients) == ("access.log", ("GET", "POST"), 50)
    assert (found.shape, found.ramp_s, found.timeout_s, found.late_s, found.cpu_most) == ("steady", 5, 3, 0.02, 0.8)
    assert (found.seed, found.abort_file, found.workers, found.bind, found.port) == (7, "stop", 2, "10.0.0.4", 5557)
    assert found.caps.model_dump() == {"users": 60, "rate_per_s": 10, "duration_s": 120, "requests": 1000}


def test_its_fields_are_those_of_a_probe_and_capacity() -> None:
    """The gates are judged by the same rules."""
    gates = (
        "gates:\n"
        '  a: {signal: traffic.latency, quantile: 95%, fail: "> 500ms", family: load}\n'
        '  b: {signal: traffic.errors, fail: "> 0.5%", family: load}\n'
        '  c: {signal: traffic.throughput, fail: "< 95% of baseline", family: load}\n'
        '  d: {signal: traffic.capacity, fail: "< 90% of baseline", family: load}\n'
    )
    body = "{users: a.py, rate: 100/s, shape: step, steps: 4, each: 5s, knee: {limit: 500ms}}"
    found = policy(body, gates)

    assert [gate.kind for gate in found.gates.values()] == ["quantile", "share", "throughput", "capacity"]
    assert [gate.dimension for gate in found.gates.values()] == ["time", "share", "rate", "rate"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{rate: 10/s}", "a load needs users or a profile"),
        ("{users: a.py, profile: b.log, rate: 10/s}", "users and profile exclude each other"),
        ("{users: a.py}", "load needs one of rate, clients"),
        ("{users: a.py, rate: 10/s, clients: 5}", "rate and clients exclude each other"),
        ("{users: a.py, rate: 2000/s}", "above its cap of 1000/s"),
        ("{users: a.py, clients: 5000}", "above their cap of 2000"),
        ("{users: a.py, rate: 10/s, connections: 5000}", "above their cap of 2000"),
        ("{users: a.py, rate: 10/s, shape: step}", "the shape step needs steps"),
        ("{users: a.py, rate: 10/s, steps: 5}", "steps belongs to the shape step"),
        ("{users: a.py, rate: 10/s, ramp: 5s}", "ramp belongs to the shapes steady and soak"),
        ("{users: a.py, rate: 10/s, shape: steady, ramp: 60s}", "the full load is never reached"),
        ("{users: a.py, rate: 10/s, shape: step, steps: 7, each: 10s}", "the steps of traffic take 70s"),
        ("{users: a.py, rate: 10/s, knee: {limit: 1s}}", "a knee is found by the shape step"),
        ("{users: a.py, clients: 10, connections: 5}", "connections stand beside a rate"),
        ("{users: a.py, rate: 10/s, processes: 2, workers: {expect: 2}}", "exclude each other"),
        ("{users: a.py, rate: 10/s, methods: [GET]}", "only beside profile"),
        ("{users: a.py, rate: 10/s, caps: {duration: 30s}}", "may last 30s"),
        ("{users: a.py, rate: 10/s, caps: {requests: 100}}", "may send 100 requests, this is 600"),
        ("{users: a.py, rate: 10/s, workers: {expect: 2, bind: '0.0.0.0:70000'}}", "a host and a port"),
        ("{users: a.py, rate: fast}", "expected a rate"),
    ],
)
def test_a_load_that_cannot_be_is_refused_with_its_reason(body: str, said: str) -> None:
    """Before anything is loaded."""
    assert said in faults(body)


def test_capacity_needs_to_know_its_knee() -> None:
    """Otherwise nobody knows what is compared."""
    gates = 'gates: {c: {signal: traffic.capacity, fail: "< 90% of baseline", family: load}}\n'

    assert "the capacity of traffic needs a knee" in faults("{users: a.py, rate: 10/s}", gates)


def test_caps_hold_for_the_command_line_too() -> None:
    """The option `--gate-bake` may not make a load longer than its caps allow."""
    assert beyond(one("{users: a.py, rate: 100/s}"), 60.0) == []
    assert "may last 3600s" in " ".join(beyond(one("{users: a.py, rate: 100/s}"), 7200.0))
    assert "may send 1000000 requests" in " ".join(beyond(one("{users: a.py, rate: 900/s}"), 3000.0))


def test_a_stage_may_warm_up() -> None:
    """A thousand requests at fifty a second, as S6 asks for."""
    stages = "stages: [{name: load, bake: 60s, run: load, warm_up: {requests: 1000, rate: 50/s}}]\n"
    found = policy("{users: a.py, rate: 10/s}", stages=stages).stage("load").warm_up

    assert found is not None
    assert (found.requests, found.rate_per_s, found.paths) == (1000, 50.0, None)
