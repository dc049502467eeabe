"""Plans cross a pipe unchanged and never show their secrets."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.errors import SourceError
from relgate.observe import streams as s
from relgate.observe.plan import Plan, plan_streams
from relgate.policy import model

SECRET = "hunter22hunter22"
STREAMS = (
    s.Probe(
        "requests",
        20.0,
        (s.ProbeRequest("/a"), s.ProbeRequest("/b", "POST", (s.Header("X-Key", SECRET, secret=True),), "{}")),
        ids=s.Ids(look_up=5),
    ),
    s.Poll("health", "/health", 5.0),
    s.Scrape("memory", "/metrics", "process_resident_memory_bytes", 5.0, labels={"job": "x"}, instance_label="pod"),
    s.JsonValue("stats", "/stats", "/queue/depth", 5.0),
    s.Promql("queue", 'depth{deployment="$side"}', 15.0, instance_label="pod"),
    s.Alerts("alerts", 15.0, source="alertmanager", match={"severity": "critical"}),
)
SERVER = s.Target("http://127.0.0.1:9090", instances=("http://127.0.0.1:9091", "http://127.0.0.1:9092"))
PLAN = Plan(
    run_id="run-1",
    folder="reports/run-1",
    bake_s=600.0,
    sides=s.Sides(s.Target("http://new", (s.Header("Authorization", f"Bearer {SECRET}", secret=True),)), SERVER),
    streams=STREAMS,
    prometheus=SERVER,
    alertmanager=SERVER,
)


def test_a_plan_crosses_the_pipe_unchanged() -> None:
    """What is written is one line, and what is read is what was written."""
    assert "\n" not in PLAN.to_json()
    assert Plan.from_json(PLAN.to_json()) == PLAN


def test_a_plan_does_not_show_its_secrets() -> None:
    """Neither its own text nor that of any part has a secret value, for tracebacks print such texts."""
    assert SECRET not in repr(PLAN)


@pytest.mark.parametrize(
    "change",
    [
        {"bake_s": 0},
        {"bake_s": "NaN"},
        {"bake_s": None},
        {"unknown": 1},
        {"streams": [{"kind": "dream", "name": "x"}]},
        {"streams": [{"kind": "poll", "name": "x", "path": "/", "every_s": 0}]},
        {"streams": [{"kind": "probe", "name": "x", "rate_per_s": 1, "requests": []}]},
        {"sides": {"candidate": None}},
        {"prometheus": None},
        {"alertmanager": None},
        {"streams": [{"kind": "poll", "name": "x", "path": "/", "every_s": 1}] * 2},
    ],
)
def test_an_impossible_plan_is_refused_without_showing_it(change: dict[str, Any]) -> None:
    """Whatever is wrong is named, and no value of the plan stands in the message."""
    with pytest.raises(SourceError) as refused:
        Plan.from_json(json.dumps({**json.loads(PLAN.to_json()), **change}))

    assert SECRET not in str(refused.value)


@given(st.text() | st.binary())
def test_garbage_is_no_plan(garbage: str | bytes) -> None:
    """Anything else than a plan is a SourceError."""
    with pytest.raises(SourceError):
        Plan.from_json(garbage)


def test_secrets_are_known_in_the_forms_in_which_they_are_echoed() -> None:
    """A token without its scheme, a password out of Basic, a quote as JSON writes it, a secret body."""
    basic = "Basic " + base64.b64encode(b'bob:pass"word').decode()
    target = replace(PLAN.sides.candidate, headers=(s.Header("Authorization", basic, secret=True),))
    body = s.ProbeRequest("/login", "POST", body="the body", body_secret=True)
    probe = s.Probe("login", 1.0, (body,))
    values = replace(PLAN, sides=s.Sides(target), streams=(probe,), secrets=("extra",)).secret_values()

    assert {'pass"word', 'pass\\"word', "the body", "extra", basic} <= set(values)
    bearer = replace(target, headers=(s.Header("Authorization", "Bearer a-token", secret=True),))
    assert {"a-token", "Bearer a-token"} <= set(replace(PLAN, sides=s.Sides(bearer)).secret_values())


def test_a_slow_service_cannot_exhaust_the_requests_in_flight() -> None:
    """By Little's law rate times timeout are open when nothing is answered; the default bound lies above."""
    probe = s.Probe("p", 1000.0, (s.ProbeRequest("/"),), timeout_s=10.0)

    assert probe.in_flight > 10_000
    assert replace(probe, rate_per_s=1.0).in_flight == 256
    assert replace(probe, connections=3).in_flight == 3


def policy(**gates: tuple[str, str]) -> model.Policy:
    """Return a policy with every kind of signal, and gates on the given parts."""
    request = model.Request(
        path="/a", headers={"X-Key": "env:KEY", "X-Env": "canary"}, expect=model.Expect(is_json=True)
    )
    post = model.Request(path="/b", method="POST", json_body={"a": 1}, has_json=True)
    probe = model.Probe(rate_per_s=20.0, requests=(request, post), ids=model.IdRule(format="traceparent"))
    kinds: dict[str, dict[str, Any]] = {
        "requests": {"kind": "probe", "probe": probe},
        "health": {"kind": "poll", "poll": model.Poll(path="/health", every_s=30.0)},
        "memory": {"kind": "scrape", "scrape": model.Scrape(metric="m", labels={"job": "x"}, instance_label="pod")},
        "queue": {"kind": "promql", "promql": model.Promql(query="q", instance_label="pod")},
        "stats": {"kind": "json", "json_value": model.JsonValue(path="/stats", pointer="/a")},
        "alerts": {"kind": "alerts", "alerts": model.Alerts(source="alertmanager", match={"a": "b"})},
    }
    made = {
        name: model.Gate(id=name, signal=signal, field=field, kind="gauge", dimension="count")
        for name, (signal, field) in gates.items()
    }
    return model.Policy(
        relgate=1,
        service="shop",
        environments={},
        signals={name: model.Signal(name=name, **signal) for name, signal in kinds.items()},
        gates=made,
        sha256="",
    )


def resolve(text: str) -> str:
    """Resolve the one reference of the tests."""
    return SECRET if text == "env:KEY" else text


def test_every_kind_of_signal_becomes_a_stream() -> None:
    """Streams carry the policy's numbers, resolved; what was a reference is a secret."""
    probe, *others = plan_streams(policy(), resolve)

    assert isinstance(probe, s.Probe)
    first, second = probe.requests
    assert first.headers == (s.Header("X-Key", SECRET, secret=True), s.Header("X-Env", "canary"))
    assert first.expect == s.Expect(json=True)
    assert (second.body, second.headers) == ('{"a": 1}', (s.Header("Content-Type", "application/json"),))
    assert (probe.connections, probe.ids) == (None, s.Ids(style="traceparent", look_up=50))
    assert others == [
        s.Poll("health", "/health", 30.0),
        s.Scrape("memory", "/metrics", "m", 5.0, labels={"job": "x"}, instance_label="pod"),
        s.Promql("queue", "q", 15.0, instance_label="pod"),
        s.JsonValue("stats", "/stats", "/a", 5.0),
        s.Alerts("alerts", 15.0, source="alertmanager", match={"a": "b"}),
    ]


def test_only_what_gates_judge_is_recorded() -> None:
    """Signals without a gate are left out, and ids are noted and looked up only where a gate asks."""
    rules = policy(latency=("requests", "latency"), queue=("queue", "value"))

    probe, queue = plan_streams(rules, resolve, {"latency", "queue"})
    assert isinstance(probe, s.Probe)
    assert probe.ids == s.Ids(style="traceparent", look_up=0, facts=False)
    assert queue.name == "queue"
    assert plan_streams(rules, resolve, set()) == ()

    logged = plan_streams(policy(logged=("requests", "logged")), resolve, {"logged"})[0]
    assert isinstance(logged, s.Probe)
    assert logged.ids == s.Ids(style="traceparent", look_up=50)


LOG, COSTS = s.LogLines("errors", "ERROR", 1.0), s.Statements("queries", 5.0)
FILE, QUERY, URL = s.LogPlace(file="a.log"), s.LogPlace(query="{}"), s.LogPlace(url="http://logs/{id}")


@pytest.mark.parametrize(
    ("stream", "candidate", "baseline", "said"),
    [
        (LOG, {"log": FILE}, {}, "needs `log` of the baseline"),
        (LOG, {"log": URL}, {"log": FILE}, "needs `log` of the candidate"),
        (LOG, {"log": FILE}, {"log": QUERY}, "needs `loki`"),
        (COSTS, {"database": "postgres://a/x"}, {}, "needs `database` of each side"),
        (COSTS, {"database": "postgres://a/x"}, {"database": "postgres://a/x"}, "one database for both sides"),
    ],
)
def test_a_plan_that_cannot_read_a_log_is_refused(
    stream: s.Sampled, candidate: dict[str, Any], baseline: dict[str, Any], said: str
) -> None:
    """Before the bake; of one database both sides would always be equal."""
    sides = s.Sides(s.Target("http://new", **candidate), s.Target("http://old", **baseline))

    with pytest.raises(SourceError, match=said):
        replace(PLAN, streams=(stream,), sides=sides).check()


def test_a_databases_password_is_a_secret() -> None:
    """Also as it is meant, without the escapes of a URL."""
    sides = s.Sides(s.Target("http://new", database="postgres://u:p%40ss-word@h/x"))

    assert {"postgres://u:p%40ss-word@h/x", "p%40ss-word", "p@ss-word"} <= set(
        replace(PLAN, sides=sides).secret_values()
    )


def test_statements_of_a_command_need_no_database() -> None:
    """It is told which side it is asked about."""
    replace(PLAN, streams=(replace(COSTS, command="costs"), s.LogLines("e", "x", 1.0)), sides=LOGGED).check()


LOGGED = s.Sides(s.Target("http://new", log=FILE), s.Target("http://old", log=s.LogPlace(command="logs -f")))
