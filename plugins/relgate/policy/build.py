"""A checked document -> the Policy. Nothing is refused here: whoever calls has found no fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.policy import environments, loads, matrix, model, preflight
from relgate.policy import smoke as of_paths
from relgate.policy.api import EXPLORED, Api, Login
from relgate.policy.audiences import Audience
from relgate.policy.checks import entry
from relgate.policy.fields import FIELDS
from relgate.policy.gates import family_of, kind_and_unit
from relgate.policy.ledger import Anchors, Bucket, GitTag, Ledger, Tsa
from relgate.policy.migrations import KINDS, PROVEN, Backup, Migrations
from relgate.policy.risk import Risk
from relgate.policy.rollout import ROUTERS, Rollout, Router
from relgate.policy.smoke import WALKED, Account, Allow, Limits, Sink, Smoke
from relgate.policy.texts import FOUND, WHOLE

if TYPE_CHECKING:
    from relgate.policy.checks import GatePlan, Plan
    from relgate.policy.gates import Doc

DEFAULT_BAKE_S = 600.0
DEFAULT_CONFIDENCE = 0.95


def build(doc: Doc, plan: Plan, sha256: str) -> model.Policy:
    """Return the policy of a parsed document without faults, every default filled in."""
    gates = {gate_id: _gate(gate_id, gate) for gate_id, gate in plan.gates.items()}
    phases = {
        phase: {gate_id: _gate(gate_id, gate) for gate_id, gate in changed.items()}
        for phase, changed in plan.phases.items()
    }
    migrations = _migrations(doc["migrations"]) if "migrations" in doc else None
    if migrations is not None:
        gates |= {id_: _found(id_, "migration", PROVEN[id_]) for id_ in migrations.gates if id_ not in gates}
    api = _api(doc["api"]) if "api" in doc else None
    if api is not None:
        gates |= {id_: _found(id_, "smoke", EXPLORED[id_]) for id_ in api.gates if id_ not in gates}
    smoke = _smoke(doc["smoke"]) if "smoke" in doc else None
    if smoke is not None:
        gates |= {id_: _found(id_, "smoke", WALKED) for id_ in smoke.gates if id_ not in gates}
    before = preflight.build(doc["preflight"]) if "preflight" in doc else None
    if before is not None:
        gates |= {id_: _asked(id_, text) for id_, text in before.gates.items() if id_ not in gates}
    risk = _risk(Risk.at(doc.get("confidence", DEFAULT_CONFIDENCE)), doc)
    return model.Policy(
        relgate=doc["relgate"],
        service=doc["service"],
        risk=risk,
        ledger=_ledger(entry(doc, "ledger")),
        environments={name: _environment(name, raw, doc.get("noise")) for name, raw in doc["environments"].items()},
        signals={name: _signal(name, raw) for name, raw in entry(doc, "signals").items()},
        migrations=migrations,
        preflight=before,
        api=api,
        smoke=smoke,
        notify={name: Audience(name=name, **raw) for name, raw in entry(doc, "notify").items()},
        gates=gates,
        matrix=tuple(matrix.build(row) for row in doc.get("matrix", ())),
        phases=phases,
        phase_risks={name: _risk(risk, raw) for name, raw in entry(doc, "phases").items() if "risk" in raw},
        stages=tuple(_stage(raw, gates) for raw in doc["stages"]),
        rollout=_rollout(doc["rollout"]) if "rollout" in doc else None,
        sha256=sha256,
        **_given(doc, "confidence", "then", "redact", hold_for="hold_for_s"),
    )


def _given(raw: Doc, *same: str, **renamed: str) -> dict[str, Any]:
    """Return the keys that are written, some under another name; the model has the defaults of the others."""
    names = {**{key: key for key in same}, **renamed}
    return {new: raw[key] for key, new in names.items() if key in raw}


def _risk(usual: Risk, raw: Doc) -> Risk:
    return usual.model_copy(update=entry(raw, "risk"))


def _gate(gate_id: str, plan: GatePlan) -> model.Gate:
    rule = plan.rule
    expect = plan.raw.get("expect", "release" if rule.kind == "version" else None)
    quantile = plan.raw.get("quantile")
    return model.Gate(
        id=gate_id,
        signal=rule.signal,
        field=rule.field,
        kind=rule.kind,
        dimension=plan.dimension,
        quantile=None if quantile == WHOLE else quantile,
        whole=quantile == WHOLE,
        fail=plan.fail,
        warn=plan.warn,
        on_fail=plan.on_fail,
        severity=plan.severity,
        expect=expect,
        family=family_of(gate_id) if rule.kind == "findings" else plan.raw.get("family", "canary"),
        **_given(plan.raw, "confidence", "weight", "worse_by", "min_samples", "over", "next_steps", "owner"),
        **_given(plan.raw, "description", "runbook", "watch", warmup="warmup_s"),
    )


def _api(raw: Doc) -> Api:
    same = (
        "openapi",
        "requests",
        "seed",
        "ids",
        "include",
        "exclude",
        "methods",
        "headers",
        "stateful",
        "differential",
    )
    given = _given(raw, *same, "undocumented", "ignore", "examples", "without", time="time_s", timeout="timeout_s")
    login = None
    if "login" in raw:
        login = Login(**_given(raw["login"], "token", "header", "prefix", post="path", json="json_body"))
    return Api(login=login, **given)


def _migrations(raw: Doc) -> Migrations:
    kind = next(kind for kind in KINDS if kind in raw)
    same = (
        "down",
        "list",
        "applied",
        "engine",
        "scratch",
        "production",
        "since",
        "everything",
        "code_first",
        "sample",
        "queries",
    )
    given = _given(raw, *same, "plans", "large", "batch", "without", longest="longest_s", lock="lock_s")
    backup = None
    if "backup" in raw:
        backup = Backup(**_given(raw["backup"], "folder", "take", "restore", max_age="max_age_s"))
    return Migrations(kind=kind, source=raw[kind], backup=backup, **given)


def _ledger(raw: Doc) -> Ledger:
    asked = entry(raw, "anchors")
    kinds = (("rfc3161", Tsa), ("git", GitTag), ("s3", Bucket))
    anchors = {name: kind(**asked[name]) for name, kind in kinds if name in asked}
    return Ledger(
        anchors=Anchors(**anchors, **_given(asked, "sigstore")),
        **_given(raw, "store", "key", "protected", retention="retention_days"),
    )


def _rollout(raw: Doc) -> Rollout:
    given = _given(raw, "strategy", "stages", "hooks", watch_every="watch_every_s", rto="rto_s", standby="standby_s")
    return Rollout(**given)


def _router(raw: Doc) -> Router:
    kind = next(kind for kind in ROUTERS if kind in raw)
    version = _given(raw["version"], "pointer", "header", get="version_path")
    return Router(kind=kind, settings=raw[kind], **version, **_given(raw, "url", "asks", "health", "instances"))


def _found(gate_id: str, family: model.Family, description: str) -> model.Gate:
    """Return a gate that has findings, as it is where the policy says nothing about it."""
    return model.Gate(
        id=gate_id,
        signal=None,
        field=None,
        kind="findings",
        dimension="count",
        family=family,
        description=description,
    )


def _asked(gate_id: str, text: str) -> model.Gate:
    """Return a gate on what must be true before a rollout as it is where the policy says nothing about it."""
    return _found(gate_id, "preflight", text).model_copy(update={"on_fail": "hold", "severity": "normal"})


def _smoke(raw: Doc) -> Smoke:
    accounts = {
        name: Account(
            **_given(one, "user", "password", "bearer"),
            login=of_paths.Login(**one["login"]) if "login" in one else None,
        )
        for name, one in entry(raw, "accounts").items()
    }
    limits = Limits(**_given(entry(raw, "limits"), "cls", lcp="lcp_s", inp="inp_s"))
    sinks = {name: Sink(**raw[name]) for name in ("mail", "webhooks") if name in raw}
    allow = tuple(Allow(**one) for one in raw.get("allow", ()))
    given = _given(raw, "paths", "headers", "accessibility", "visual", "without", "video", step="step_s", wait="wait_s")
    return Smoke(accounts=accounts, limits=limits, allow=allow, **sinks, **given)


def _stage(raw: Doc, gates: dict[str, model.Gate]) -> model.Stage:
    run: tuple[model.Family, ...] = raw.get("run", ("canary",))
    require: tuple[str, ...] = raw.get("require", run)
    observed = any(
        gate.signal is not None and (gate.family in run or gate.id in require or gate.family in require)
        for gate in gates.values()
    )
    warmup = raw.get("warmup", 0.0)
    return model.Stage(
        name=raw["name"],
        bake_s=raw.get("bake", DEFAULT_BAKE_S if observed else 0.0),
        run=run,
        require=require,
        warmup_s=0.0 if warmup == FOUND else warmup,
        warmup_found=warmup == FOUND,
        warm_up=loads.warm_up(raw["warm_up"]) if "warm_up" in raw else None,
        **_given(raw, "traffic", "during", "watch", look_every="look_every_s", marks="marks_s"),
    )


def _environment(name: str, raw: Doc, noise: Doc | None) -> environments.Environment:
    common, noise = raw.get("auth"), raw.get("noise", noise)
    sides = {side: _target(raw[side], common) for side in ("candidate", "baseline") if side in raw}
    servers = {key: _server(raw[key]) for key in ("prometheus", "alertmanager", "loki") if key in raw}
    labels = {side: entry(raw, "labels").get(side, side) for side in ("candidate", "baseline")}
    return environments.Environment(
        name=name,
        **sides,
        **servers,
        tls=environments.Tls(**raw.get("tls", {})),
        labels=labels,
        noise=None if noise is None else _noise(noise),
        router=_router(raw["router"]) if "router" in raw else None,
        read_only=raw.get("read_only", False),
    )


def _noise(raw: Doc) -> environments.Noise:
    return environments.Noise(**_given(raw, "host_drift", over="over_s", bursts="bursts_s"))


def _target(raw: Doc, common: Doc | None) -> environments.Target:
    auth = raw.get("auth", common)
    log = raw.get("log", {})
    return environments.Target(
        url=raw["url"],
        instances=raw.get("instances", ()),
        headers=raw.get("headers", {}),
        auth=None if auth is None else _auth(auth),
        log_file=log.get("file"),
        log_url=log.get("get"),
        log_command=log.get("command"),
        log_query=log.get("loki"),
        database=raw.get("database"),
    )


def _server(raw: Doc) -> environments.Server:
    auth = _auth(raw["auth"]) if "auth" in raw else None
    return environments.Server(url=raw["url"], headers=raw.get("headers", {}), auth=auth)


def _auth(raw: Doc) -> environments.Auth:
    return environments.Auth(**_given(raw, "bearer", "header"), **entry(raw, "basic"))


def _signal(name: str, raw: Doc) -> model.Signal:
    kind = next(kind for kind in FIELDS if kind in raw)
    known = kind_and_unit(raw)
    unit: model.Unit = "count" if known is None else known[1]
    body = raw[kind]
    if kind == "probe":
        return model.Signal(name=name, kind=kind, probe=_probe(body))
    if kind == "load":
        return model.Signal(name=name, kind=kind, load=loads.build(body))
    if kind == "poll":
        given = _given(
            body, "format", "components", "version", every="every_s", timeout="timeout_s", max_age="max_age_s"
        )
        return model.Signal(name=name, kind=kind, poll=model.Poll(path=body["get"], **given))
    if kind == "scrape":
        given = _given(body, "metric", "labels", "instance_label", every="every_s", get="path")
        return model.Signal(name=name, kind=kind, scrape=model.Scrape(unit=unit, **given))
    if kind == "promql":
        long = {**raw, "query": body} if isinstance(body, str) else body
        given = _given(long, "query", "instance_label", every="every_s")
        return model.Signal(name=name, kind=kind, promql=model.Promql(unit=unit, **given))
    if kind == "json":
        given = _given(body, "pointer", every="every_s", get="path")
        return model.Signal(name=name, kind=kind, json_value=model.JsonValue(unit=unit, **given))
    if kind == "log":
        return model.Signal(
            name=name, kind=kind, log=model.LogLines(**_given(body, "match", "requests", every="every_s"))
        )
    if kind == "statements":
        return model.Signal(
            name=name, kind=kind, statements=model.Statements(**_given(body, "command", every="every_s"))
        )
    given = _given(body, "match", **{"every": "every_s", "from": "source"})
    return model.Signal(name=name, kind=kind, alerts=model.Alerts(**given))


def _probe(raw: Doc) -> model.Probe:
    plain = [{"path": path} for path in raw.get("get", ())]
    requests = tuple(_request(request, raw) for request in raw.get("requests", plain))
    given = _given(raw, "http", "connections", rate="rate_per_s", timeout="timeout_s")
    return model.Probe(requests=requests, ids=model.IdRule(**raw.get("ids", {})), **given)


def _request(raw: Doc, probe: Doc) -> model.Request:
    expect = entry(raw if "expect" in raw else probe, "expect")
    mine = {name.lower() for name in raw.get("headers", {})}
    shared = {name: value for name, value in probe.get("headers", {}).items() if name.lower() not in mine}
    return model.Request(
        headers={**shared, **raw.get("headers", {})},
        expect=model.Expect(**_given(expect, "status", "content_type", "contains", json="is_json")),
        has_json="json" in raw,
        **_given(raw, "path", "method", "body", json="json_body"),
    )
