"""Loading: what a policy's text becomes, and where its faults are."""

from __future__ import annotations

import hashlib
import json

import pytest

from relgate.errors import PolicyError
from relgate.policy import Noise, Risk, load
from relgate.policy.limits import AnyLimit, NumberLimit, StatusLimit
from tests.policy.samples import CONTRACT, SMALLEST, WHOLE, faults_of, lines_of


def test_the_sample_of_the_contract_loads() -> None:
    """The policy that the contract shows means what the contract says."""
    policy = load(CONTRACT)
    own = {id_: gate for id_, gate in policy.gates.items() if gate.family != "migration"}
    assert list(own) == ["health", "latency-p95", "error-rate", "memory-growth", "queue"]
    assert [gate.kind for gate in own.values()] == ["health", "quantile", "share", "growth", "gauge"]
    assert policy.gates["latency-p95"].quantile == 0.95
    assert policy.gates["memory-growth"].dimension == "bytes"
    assert policy.gates["queue"].on_fail == "hold"
    assert policy.gates["error-rate"].needs_baseline
    stage = policy.stage("canary-5")
    assert (stage.traffic, stage.bake_s, stage.run) == (0.05, 600.0, ("canary",))
    assert policy.required_ids(stage) == ("health", "latency-p95", "error-rate", "memory-growth")


def test_the_smallest_policy_loads_with_defaults() -> None:
    """A service, one environment, one signal, one gate and one stage are enough."""
    policy = load(SMALLEST)
    probe = policy.signals["requests"].probe
    assert probe is not None
    assert (probe.rate_per_s, probe.timeout_s, probe.http, probe.connections) == (20.0, 10.0, "1.1", 256)
    assert [request.path for request in probe.requests] == ["/"]
    assert (probe.ids.header, probe.ids.send, probe.ids.echo, probe.ids.look_up) == (
        "X-Correlation-ID",
        True,
        False,
        50,
    )
    assert (policy.confidence, policy.hold_for_s, policy.then) == (0.95, 86400.0, "rollback")
    gate = policy.gates["latency-p95"]
    assert (gate.field, gate.on_fail, gate.severity, gate.family) == ("latency", "rollback", "critical", "canary")
    assert policy.stages[0].bake_s == 600.0
    assert policy.required_ids(policy.stages[0]) == ("latency-p95",)


def test_everything_that_the_language_has_is_resolved() -> None:
    """Sides inherit auth, requests inherit headers and expectation, signals get units and schedules."""
    policy = load(WHOLE)
    env = policy.environments["staging"]
    assert env.candidate.auth is not None
    assert (env.candidate.auth.user, env.candidate.auth.password) == ("bob", "env:PW")
    assert env.baseline is not None
    assert env.baseline.auth is not None
    assert (env.baseline.auth.bearer, env.baseline.auth.user) == ("file:/run/secrets/token", None)
    assert env.candidate.log_file == "logs/canary.jsonl"
    assert env.labels == {"candidate": "canary", "baseline": "stable"}
    probe = policy.signals["requests"].probe
    assert probe is not None
    first, second = probe.requests
    assert (first.headers, second.headers) == ({"X-Two": "2", "x-one": "2"}, {"X-One": "1", "X-Two": "2"})
    assert (first.json_body, first.has_json, second.has_json) == ({"page": 1}, True, False)
    assert (first.expect.status, first.expect.is_json) == (((200, 200), (404, 404)), True)
    assert (second.expect.status, second.expect.contains) == (((200, 399),), "ok")
    assert (probe.http, probe.timeout_s) == ("2", 0.5)
    units = {name: signal.unit for name, signal in policy.signals.items()}
    assert units["cpu"] == "seconds"
    assert (units["depth"], units["depth-too"], units["stats"]) == ("bytes", "count", "share")
    assert policy.signals["depth"].every_s == 30.0
    assert policy.signals["depth-too"].every_s == 20.0
    assert policy.signals["requests"].every_s == pytest.approx(6.0)
    assert policy.redact == (r"(?i)api[-_]?key=\S+",)


def test_what_bounds_a_wrong_decision_is_resolved() -> None:
    """Risks, noise, instances, looks and found warm-ups: defaults filled in, the narrower block in force."""
    policy = load(WHOLE)
    env = policy.environments["staging"]
    assert env.candidate.instances == ("https://pod-1.canary.example", "env:POD_2")
    assert env.noise == Noise(host_drift=0.0, over_s=60.0, bursts_s=0.5)
    assert policy.risk == Risk(false_rollback=0.02, false_promotion=0.01)
    assert policy.phase_risks == {"release": Risk(false_rollback=0.02, false_promotion=0.005)}
    p99, shape = policy.gates["p99"], policy.gates["shape"]
    assert (p99.weight, p99.worse_by, p99.quantile, p99.whole) == (2.0, 1.5, 0.999, False)
    assert (shape.weight, shape.worse_by, shape.quantile, shape.whole) == (1.0, 0.2, None, True)
    assert policy.gates_in(policy.stage("canary-5"))["shape"].worse_by == 0.1
    looks = [(stage.look_every_s, stage.warmup_s, stage.warmup_found) for stage in policy.stages]
    assert looks == [(5.0, 0.0, False), (1.0, 60.0, False), (5.0, 0.0, True)]
    promql, scrape = policy.signals["depth-too"].promql, policy.signals["cpu"].scrape
    assert promql is not None
    assert scrape is not None
    assert (promql.instance_label, scrape.instance_label) == ("pod", "pod")


def test_noise_of_the_policy_holds_where_an_environment_has_none() -> None:
    """An environment's own noise replaces all of the policy's; without any, nobody has declared it."""
    assert load(SMALLEST).environments["here"].noise is None
    noise = SMALLEST + "noise: {host_drift: 3%, over: 50s}\n"
    assert load(noise).environments["here"].noise == Noise(host_drift=0.03, over_s=50.0, bursts_s=2.0)
    own = noise.replace("{here: {", "{here: {noise: {host_drift: 6%, over: 200s}, ")
    assert load(own).environments["here"].noise == Noise(host_drift=0.06, over_s=200.0, bursts_s=2.0)


def test_rule_kinds_and_defaults_follow_from_the_signal() -> None:
    """A gate's field decides its rule, its dimension, and what it is without limits."""
    gates = load(WHOLE).gates
    assert {name: gate.kind for name, gate in gates.items() if gate.kind != "findings"} == {
        "p99": "quantile",
        "shape": "quantile",
        "errors": "share",
        "served": "throughput",
        "ids": "ids",
        "version": "version",
        "health": "health",
        "cores": "counter",
        "depth": "trend",
        "depth-too": "gauge",
        "stats": "gauge",
        "alerts": "gauge",
        "login": "value",
        "own": "value",
    }
    assert (gates["cores"].dimension, gates["depth"].dimension, gates["own"].dimension) == ("count", "byterate", "time")
    assert gates["ids"].fail == (AnyLimit(),)
    assert gates["health"].fail == (
        StatusLimit(frozenset({"down"}), "down"),
        StatusLimit(frozenset({"failing"}), "failing 3 in a row", in_a_row=3),
    )
    assert gates["health"].warn == (StatusLimit(frozenset({"degraded"}), "degraded"),)
    assert (gates["version"].expect, gates["version"].on_fail, gates["version"].severity) == (
        "release",
        "hold",
        "normal",
    )
    assert gates["alerts"].fail == (NumberLimit(">", 0.0, "absolute", "count", "any"),)
    assert gates["alerts"].on_fail == "hold"
    assert gates["depth-too"].fail[0].text == "> 0"


def test_phases_change_gates_of_their_stages_only() -> None:
    """A phase's limits hold in its stages, beside old ones that cannot be compared; elsewhere nothing changes."""
    policy = load(WHOLE)
    calm, release = policy.gates_in(policy.stage("after")), policy.gates_in(policy.stage("canary-5"))
    assert [limit.text for limit in calm["p99"].fail] == ["> 800ms", "> 2x baseline"]
    assert [limit.text for limit in release["p99"].fail] == ["> 500ms", "> 2x baseline"]
    assert (calm["p99"].min_samples, release["p99"].min_samples) == (100, 200)
    assert [limit.text for limit in release["errors"].fail] == ["> 1%", "> baseline + 1pp for 5m"]
    assert (calm["errors"].severity, release["errors"].severity) == ("critical", "blocker")
    assert list(calm) == list(release) == list(policy.gates)


def test_bake_defaults_to_ten_minutes_only_where_something_is_observed() -> None:
    """A stage without observed gates does not wait."""
    text = SMALLEST.replace("[{name: canary}]", "[{name: canary}, {name: smoke, run: smoke}]")
    assert [stage.bake_s for stage in load(text).stages] == [600.0, 0.0]


def test_the_hash_is_of_the_meaning_of_the_text() -> None:
    """Comments, order and layout do not change the hash; values do."""
    plain = {
        "relgate": 1,
        "service": "shop",
        "environments": {"here": {"candidate": {"url": "http://127.0.0.1:8000"}}},
        "signals": {"requests": {"probe": {"rate": "20/s", "get": "/"}}},
        "gates": {"latency-p95": {"signal": "requests", "quantile": "95%", "fail": "> 2s"}},
        "stages": [{"name": "canary"}],
    }
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
    assert load(SMALLEST).sha256 == hashlib.sha256(canonical).hexdigest()
    assert load(json.dumps(plain, indent=3)).sha256 == load(SMALLEST + "# more\n").sha256
    assert load(SMALLEST.replace("2s", "3s")).sha256 != load(SMALLEST).sha256


def test_all_faults_come_at_once_in_the_order_of_the_text() -> None:
    """Every fault has file, line, column, key path, what was expected and what came."""
    text = (
        CONTRACT.replace('95%, fail: "> 2000ms"', '0.95, fial: "> 2000ms"')
        .replace("requests.errors", "request.errors")
        .replace("[health, latency", "[helth, latency")
        .replace("20/s", "20")
    )
    assert lines_of(text) == [
        (
            "relgate.yaml:8:28: signals.requests.probe.rate: expected a rate such as 20/s, 10/min or 5/h, got 20: "
            "say the unit, for example 20/s"
        ),
        "relgate.yaml:15:53: gates.latency-p95.quantile: expected a share such as 95% or 0.5%, got 0.95: write 95%",
        'relgate.yaml:15:59: gates.latency-p95.fial: unknown key in a gate: did you mean "fail"?',
        'relgate.yaml:16:24: gates.error-rate.signal: unknown signal "request": did you mean "requests"?',
        'relgate.yaml:20:69: stages[0].require[0]: unknown gate or family "helth": did you mean "health"?',
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "relgate.yaml:1:1: expected a mapping with relgate, service, environments, stages, got a list"),
        ("5", "relgate.yaml:1:1: expected a mapping with relgate, service, environments, stages, got 5"),
        ("", "relgate.yaml: the policy is empty: it needs at least relgate, service, environments, stages"),
        ("# no more\n", "relgate.yaml: the policy is empty: it needs at least relgate, service, environments, stages"),
    ],
)
def test_a_text_that_is_no_policy_says_what_one_needs(text: str, message: str) -> None:
    """Lists, scalars and emptiness are refused with one sentence."""
    assert lines_of(text) == [message]


def test_missing_keys_stand_where_their_parent_stands() -> None:
    """What is not there has the place of what should contain it."""
    faults = faults_of("relgate: 1\nservice: s\nenvironments:\n  here:\n    read_only: true\nstages: [{run: canary}]\n")
    assert [(f.path, f.line, f.column) for f in faults] == [("environments.here", 4, 3), ("stages[0]", 6, 10)]


FILES = {
    "conf/base.yaml": CONTRACT,
    "conf/deep/more.yaml": "extends: ../base.yaml\ngates: {queue: {fail: '> 5'}}\nconfidence: 90%\n",
}


def test_a_policy_extends_others_and_its_own_keys_win() -> None:
    """Mappings merge deeply, lists are replaced, paths are relative to the file that names them."""
    text = (
        "extends: deep/more.yaml\nconfidence: 99%\n"
        "stages: [{name: only, require: health}]\ngates: {queue: {owner: me}}\n"
    )
    policy = load(text, name="conf/own.yaml", read=FILES.__getitem__)
    assert policy.confidence == 0.99
    assert [stage.name for stage in policy.stages] == ["only"]
    gate = policy.gates["queue"]
    assert (gate.owner, gate.fail[0].text, gate.on_fail) == ("me", "> 5", "hold")


def test_of_several_bases_the_later_wins() -> None:
    """A list of policies merges from left to right."""
    files = {"a.yaml": SMALLEST + "confidence: 80%\nthen: hold\n", "b.yaml": "confidence: 90%\n"}
    policy = load("extends: [a.yaml, b.yaml]\n", read=files.__getitem__)
    assert (policy.confidence, policy.then) == (0.9, "hold")


def test_faults_of_an_extended_file_carry_its_name() -> None:
    """A fault stands in the file that made it, the extending file's faults first."""
    files = {"base.yaml": SMALLEST.replace("95%", "1")}
    with pytest.raises(PolicyError) as caught:
        load("extends: base.yaml\nthn: hold\n", read=files.__getitem__)
    assert [(f.file, f.line, f.column) for f in caught.value.faults] == [("relgate.yaml", 2, 1), ("base.yaml", 5, 51)]


def test_circles_and_unreadable_files_are_faults_with_a_place() -> None:
    """Circles, missing files and texts without a place to read from are said where they are written."""

    def missing(path: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", path)

    circle = {"a.yaml": "extends: relgate.yaml\n"}
    with pytest.raises(PolicyError) as caught:
        load(f"{SMALLEST}extends: a.yaml\n", read=circle.__getitem__)
    assert str(caught.value) == (
        "a.yaml:1:10: extends: policies extend each other in a circle: relgate.yaml -> a.yaml -> relgate.yaml"
    )
    with pytest.raises(PolicyError) as caught:
        load(f"{SMALLEST}extends: [a.yaml]\n", read=missing)
    assert str(caught.value) == 'relgate.yaml:7:11: extends[0]: "a.yaml" cannot be read: No such file or directory'
    assert lines_of(f"{SMALLEST}extends: a.yaml\n") == [
        'relgate.yaml:7:10: extends: "a.yaml" cannot be read here: this policy was given as a text without a place'
    ]
