"""A checked document -> the Policy. Nothing is refused here: whoever calls has found no fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.policy import model
from relgate.policy.checks import entry
from relgate.policy.fields import FIELDS
from relgate.policy.gates import kind_and_unit

if TYPE_CHECKING:
    from relgate.policy.checks import GatePlan, Plan
    from relgate.policy.gates import Doc

DEFAULT_BAKE_S = 600.0


def build(doc: Doc, plan: Plan, sha256: str) -> model.Policy:
    """Return the policy of a parsed document without faults, every default filled in."""
    gates = {gate_id: _gate(gate_id, gate) for gate_id, gate in plan.gates.items()}
    phases = {
        phase: {gate_id: _gate(gate_id, gate) for gate_id, gate in changed.items()}
        for phase, changed in plan.phases.items()
    }
    migrations = next(iter(entry(doc, "migrations").items()), None)
    return model.Policy(
        relgate=doc["relgate"],
        service=doc["service"],
        environments={name: _environment(name, raw) for name, raw in doc["environments"].items()},
        signals={name: _signal(name, raw) for name, raw in entry(doc, "signals").items()},
        migrations=None if migrations is None else model.Migrations(kind=migrations[0], source=migrations[1]),
        gates=gates,
        phases=phases,
        stages=tuple(_stage(raw, gates) for raw in doc["stages"]),
        sha256=sha256,
        **_given(doc, "confidence", "then", "redact", hold_for="hold_for_s"),
    )


def _given(raw: Doc, *same: str, **renamed: str) -> dict[str, Any]:
    """Return the keys that are written, some under another name; the model has the defaults of the others."""
    names = {**{key: key for key in same}, **renamed}
    return {new: raw[key] for key, new in names.items() if key in raw}


def _gate(gate_id: str, plan: GatePlan) -> model.Gate:
    rule = plan.rule
    expect = plan.raw.get("expect", "release" if rule.kind == "version" else None)
    return model.Gate(
        id=gate_id,
        signal=rule.signal,
        field=rule.field,
        kind=rule.kind,
        dimension=plan.dimension,
        fail=plan.fail,
        warn=plan.warn,
        on_fail=plan.on_fail,
        severity=plan.severity,
        expect=expect,
        **_given(plan.raw, "quantile", "family", "confidence", "min_samples", "over", "next_steps", "owner"),
        **_given(plan.raw, "description", "runbook", warmup="warmup_s"),
    )


def _stage(raw: Doc, gates: dict[str, model.Gate]) -> model.Stage:
    run: tuple[model.Family, ...] = raw.get("run", ("canary",))
    require: tuple[str, ...] = raw.get("require", run)
    observed = any(
        gate.signal is not None and (gate.family in run or gate.id in require or gate.family in require)
        for gate in gates.values()
    )
    return model.Stage(
        name=raw["name"],
        bake_s=raw.get("bake", DEFAULT_BAKE_S if observed else 0.0),
        run=run,
        require=require,
        **_given(raw, "traffic", "during", warmup="warmup_s"),
    )


def _environment(name: str, raw: Doc) -> model.Environment:
    common = raw.get("auth")
    sides = {side: _target(raw[side], common) for side in ("candidate", "baseline") if side in raw}
    servers = {key: _server(raw[key]) for key in ("prometheus", "alertmanager") if key in raw}
    labels = {side: entry(raw, "labels").get(side, side) for side in ("candidate", "baseline")}
    return model.Environment(
        name=name,
        **sides,
        **servers,
        tls=model.Tls(**raw.get("tls", {})),
        labels=labels,
        read_only=raw.get("read_only", False),
    )


def _target(raw: Doc, common: Doc | None) -> model.Target:
    auth = raw.get("auth", common)
    log = raw.get("log", {})
    return model.Target(
        url=raw["url"],
        headers=raw.get("headers", {}),
        auth=None if auth is None else _auth(auth),
        log_file=log.get("file"),
        log_url=log.get("get"),
    )


def _server(raw: Doc) -> model.Server:
    auth = _auth(raw["auth"]) if "auth" in raw else None
    return model.Server(url=raw["url"], headers=raw.get("headers", {}), auth=auth)


def _auth(raw: Doc) -> model.Auth:
    return model.Auth(**_given(raw, "bearer", "header"), **entry(raw, "basic"))


def _signal(name: str, raw: Doc) -> model.Signal:
    kind = next(kind for kind in FIELDS if kind in raw)
    known = kind_and_unit(raw)
    unit: model.Unit = "count" if known is None else known[1]
    body = raw[kind]
    if kind == "probe":
        return model.Signal(name=name, kind=kind, probe=_probe(body))
    if kind == "poll":
        given = _given(
            body, "format", "components", "version", every="every_s", timeout="timeout_s", max_age="max_age_s"
        )
        return model.Signal(name=name, kind=kind, poll=model.Poll(path=body["get"], **given))
    if kind == "scrape":
        given = _given(body, "metric", "labels", every="every_s", get="path")
        return model.Signal(name=name, kind=kind, scrape=model.Scrape(unit=unit, **given))
    if kind == "promql":
        long = {**raw, "query": body} if isinstance(body, str) else body
        given = _given(long, "query", every="every_s")
        return model.Signal(name=name, kind=kind, promql=model.Promql(unit=unit, **given))
    if kind == "json":
        given = _given(body, "pointer", every="every_s", get="path")
        return model.Signal(name=name, kind=kind, json_value=model.JsonValue(unit=unit, **given))
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
