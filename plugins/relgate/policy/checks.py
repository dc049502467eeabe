"""What has to hold between parts of a policy: names that refer to names, phases that only tighten, servers, stages.

Every check notes all it finds and goes on. ``BAD`` in the parsed document means "has its fault already": what depends
on it is passed over, so that one mistake gives one message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.policy import gates, loads, margins
from relgate.policy.api import EXPLORED
from relgate.policy.grammar import BAD, nearest
from relgate.policy.migrations import PROVEN
from relgate.policy.model import FAMILIES, LONGEST_WARMUP_S, Severity
from relgate.policy.preflight import check_meaning, gate_ids
from relgate.policy.risk import Risk
from relgate.policy.shifts import check_rollout
from relgate.policy.texts import FOUND
from relgate.policy.tighten import tightened
from relgate.policy.units import written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.policy.gates import Doc, Rule
    from relgate.policy.limits import Limit
    from relgate.policy.nodes import Faults, Path
    from relgate.values import Dimension

MOST_INSTANCES = 256

# From light to grave.
_GRAVITY: tuple[Severity, ...] = ("trivial", "minor", "normal", "critical", "blocker")


@dataclass(frozen=True, slots=True)
class GatePlan:
    """A checked gate: what it judges, its limits with defaults, and the keys as written (or changed by a phase)."""

    raw: Doc
    rule: Rule
    dimension: Dimension
    fail: tuple[Limit, ...]
    warn: tuple[Limit, ...]
    on_fail: str
    severity: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All gates that could be checked, and for each phase those that are different in it."""

    gates: dict[str, GatePlan]
    phases: dict[str, dict[str, GatePlan]]


def check_policy(doc: Doc, faults: Faults) -> Plan:
    """Check everything between the parts of a parsed document; the result is complete when no fault was noted."""
    plans: dict[str, GatePlan] = {}
    baseline = _has_baseline(doc)
    for gate_id, raw in _entries(doc, "gates"):
        path: Path = ("gates", gate_id)
        if gate_id in PROVEN and "migrations" not in doc:
            faults.add(path, f"{gate_id} needs migrations: where do they come from?", at_key=True)
        if gate_id in EXPLORED and "api" not in doc:
            faults.add(path, f"{gate_id} needs api: which API is explored?", at_key=True)
        if gate_id in FAMILIES:
            faults.add(path, f"{gate_id} is the name of a family: a gate needs another id", at_key=True)
        rule = gates.rule_of(raw, doc, path, faults)
        if rule is not None:
            plans[gate_id] = _gate(raw, rule, path, faults, baseline=baseline)
    phases = _phases(doc, plans, faults, baseline=baseline)
    _phase_risks(doc, faults)
    _instances(doc, faults)
    _stages(doc, phases, faults)
    _audiences(doc, faults)
    _servers(doc, faults)
    _logs(doc, faults)
    _smoke(doc, faults)
    loads.check(doc, faults)
    _protected(doc, faults)
    check_rollout(doc, faults)
    for below, fault in check_meaning(doc.get("preflight")):
        faults.add(("preflight", *below), fault)
    return Plan(plans, phases)


def entry(doc: Doc, key: str) -> dict[str, Any]:
    """Return a mapping of the parsed document, empty when it is missing or faulty."""
    found = doc.get(key)
    return found if isinstance(found, dict) else {}


def _entries(doc: Doc, key: str) -> Iterator[tuple[str, Doc]]:
    return ((name, value) for name, value in entry(doc, key).items() if isinstance(value, dict))


def _has_baseline(doc: Doc) -> bool:
    """Whether some environment has a baseline, or a fault hides whether one has."""
    found = doc.get("environments", BAD)
    return found is BAD or any(env is BAD or "baseline" in env for env in found.values())


def _gate(raw: Doc, rule: Rule, path: Path, faults: Faults, *, baseline: bool) -> GatePlan:
    gates.check_keys(raw, rule, path, faults)
    fail, warn = gates.fitted(raw, rule, path, faults)
    gates.check_limits(fail, warn, baseline=baseline, path=path, faults=faults)
    dimension = rule.dimension or gates.value_dimension((*fail, *warn), path, faults)
    if rule.kind == "value" and "expect" in raw:
        dimension = "text"
    fail, warn = gates.with_defaults(raw, rule, fail, warn)
    margins.check_worse_by(raw, rule, fail, path, faults)
    before = rule.kind == "findings" and gates.family_of(str(path[-1])) == "preflight"
    careful = before or raw.get("family") == "preflight" or rule.kind == "version" or "expect" in raw
    on_fail = raw.get("on_fail", "hold" if careful else "rollback")
    severity = raw.get("severity", "critical" if on_fail == "rollback" else "normal")
    return GatePlan(raw, rule, dimension, fail, warn, on_fail, severity)


def _phases(doc: Doc, plans: dict[str, GatePlan], faults: Faults, *, baseline: bool) -> dict[str, dict[str, GatePlan]]:
    phases: dict[str, dict[str, GatePlan]] = {name: {} for name in entry(doc, "phases")}
    known = entry(doc, "gates")
    for phase, gate_id, change, path in _changes(doc):
        there = phases.setdefault(phase, {})
        if gate_id not in known:
            faults.add(path, f'unknown gate "{gate_id}": {nearest(gate_id, known)}', at_key=True)
        elif gate_id in there:
            faults.add(path, f"{gate_id} is changed twice in {phase}, here and in its during: keep one", at_key=True)
        elif gate_id in plans and isinstance(change, dict):
            there[gate_id] = _changed(plans[gate_id], change, doc, path, faults, baseline=baseline)
    return phases


def _changes(doc: Doc) -> Iterator[tuple[str, str, Any, Path]]:
    """Yield phase, gate id, change and its path: first what stands in gates, then what stands in phases."""
    for gate_id, raw in _entries(doc, "gates"):
        for phase, change in entry(raw, "during").items():
            yield phase, gate_id, change, ("gates", gate_id, "during", phase)
    for phase, body in _entries(doc, "phases"):
        for gate_id, change in entry(body, "gates").items():
            yield phase, gate_id, change, ("phases", phase, "gates", gate_id)


def _changed(base: GatePlan, change: Doc, doc: Doc, path: Path, faults: Faults, *, baseline: bool) -> GatePlan:
    fail, warn = gates.fitted(change, base.rule, path, faults)
    gates.check_limits(fail, warn, baseline=baseline, path=path, faults=faults)
    if base.rule.dimension is None and (fail or warn):
        gates.value_dimension((*base.fail, *base.warn, *fail, *warn), path, faults)
    limits: list[tuple[Limit, ...]] = []
    for key, new, old in (("fail", fail, base.fail), ("warn", warn, base.warn)):
        merged, loose = tightened(new, old) if new else (old, [])
        limits.append(merged)
        for after, before in loose:
            faults.add(
                (*path, key, new.index(after)),
                f'a phase may only tighten: "{after.text}" is looser than "{before.text}"',
            )
    _no_looser(base, change, doc, path, faults)
    if base.rule.kind == "findings":
        gates.check_before(str(path[-1] if path[0] == "phases" else path[1]), change, path, faults)
    raw = {**base.raw, **change}
    margins.check_worse_by(raw, base.rule, limits[0], path, faults)
    margins.check_no_looser(change, base.raw, base.fail, path, faults)
    on_fail, severity = change.get("on_fail", base.on_fail), change.get("severity", base.severity)
    return GatePlan(raw, base.rule, base.dimension, limits[0], limits[1], on_fail, severity)


def _no_looser(base: GatePlan, change: Doc, doc: Doc, path: Path, faults: Faults) -> None:
    """Note every key of a change, other than its limits, that asks for less than the gate does."""
    before = {
        "on_fail": base.on_fail,
        "severity": base.severity,
        "confidence": base.raw.get("confidence", doc.get("confidence", 0.95)),
        "min_samples": base.raw.get("min_samples"),
    }
    for key, old in before.items():
        new = change.get(key)
        if new is None or old is None or new is BAD or old is BAD:
            continue
        looser = {
            "on_fail": old == "rollback" and new == "hold",
            "severity": key == "severity" and _GRAVITY.index(new) < _GRAVITY.index(old),
        }.get(key, key in ("confidence", "min_samples") and new < old)
        if looser:
            shown = f"{old:.10g}" if isinstance(old, int | float) else old
            faults.add((*path, key), f"a phase may only tighten: {key} is {shown} outside of it")


def _phase_risks(doc: Doc, faults: Faults) -> None:
    """Note phases that change nothing, and those that take more risk than the policy."""
    usual = Risk.at(confidence) if (confidence := doc.get("confidence", 0.95)) is not BAD else None
    for phase, body in _entries(doc, "phases"):
        if "gates" not in body and "risk" not in body:
            faults.add(("phases", phase), "a phase needs gates or risk: what is tighter in it?", at_key=True)
        for name, new in entry(body, "risk").items():
            old = entry(doc, "risk").get(name, BAD if usual is None else getattr(usual, name, BAD))
            if old is not BAD and new is not BAD and new > old:
                message = f"a phase may only tighten: {name} is {written(old, 'share')} outside of it"
                faults.add(("phases", phase, "risk", name), message)


def _instances(doc: Doc, faults: Faults) -> None:
    """Note instances that stand twice in a side: one would count for two."""
    for name, environment in _entries(doc, "environments"):
        for side in ("candidate", "baseline"):
            urls = entry(environment, side).get("instances", ())
            for index, url in enumerate(() if urls is BAD else urls):
                path = ("environments", name, side, "instances", index)
                if index == MOST_INSTANCES:
                    faults.add(path, f"expected at most {MOST_INSTANCES} instances")
                if url is not BAD and url in urls[:index]:
                    faults.add(path, "the instance stands twice: remove one")


def _stages(doc: Doc, phases: dict[str, dict[str, GatePlan]], faults: Faults) -> None:
    stages = doc.get("stages", BAD)
    seen: dict[str, int] = {}
    for index, stage in enumerate(() if stages is BAD else stages):
        if not isinstance(stage, dict):
            continue
        path: Path = ("stages", index)
        name = stage.get("name", BAD)
        if name is not BAD and name in seen:
            faults.add((*path, "name"), f'the stage "{name}" stands twice, first as stages[{seen[name]}]: rename one')
        elif name is not BAD:
            seen[name] = index
        _required(stage, doc, path, faults)
        phase = stage.get("during")
        if phase not in (None, BAD) and phase not in phases and _phases_known(doc):
            faults.add((*path, "during"), f'unknown phase "{phase}": {nearest(phase, phases)}')
        _warmup(stage, path, faults)


def _audiences(doc: Doc, faults: Faults) -> None:
    """Nobody waits for news of a stage that there is not."""
    stages = doc.get("stages", BAD)
    if stages is BAD or not all(isinstance(stage, dict) and "name" in stage for stage in stages):
        return
    names = [stage["name"] for stage in stages]
    for audience, raw in _entries(doc, "notify"):
        wanted = raw.get("stages", ())
        for index, name in enumerate(() if wanted is BAD else wanted):
            if name is not BAD and name not in names:
                path: Path = ("notify", audience, "stages", index)
                faults.add(path, f'unknown stage "{name}": {nearest(name, names)}')


def _warmup(stage: Doc, path: Path, faults: Faults) -> None:
    bake, warmup = stage.get("bake", BAD), stage.get("warmup", BAD)
    if bake is BAD or warmup is BAD:
        return
    if warmup == FOUND and bake <= LONGEST_WARMUP_S:
        message = f"a warmup that is found may last {LONGEST_WARMUP_S:g}s: the bake must be longer"
        faults.add((*path, "warmup"), message)
    elif warmup != FOUND and warmup and warmup >= bake:
        faults.add((*path, "warmup"), "the warmup must be shorter than the bake: nothing would be left to judge")


def _phases_known(doc: Doc) -> bool:
    """Whether no fault hides a phase."""
    gate_map = doc.get("gates", {})
    hidden = gate_map is BAD or any(gate is BAD or gate.get("during") is BAD for gate in gate_map.values())
    return not hidden and doc.get("phases") is not BAD


def _required(stage: Doc, doc: Doc, path: Path, faults: Faults) -> None:
    required, known = stage.get("require", ()), doc.get("gates", {})
    if required is BAD or known is BAD:
        return
    of_migrations, of_api = PROVEN if "migrations" in doc else (), EXPLORED if "api" in doc else ()
    known = [*known, *of_migrations, *of_api, *gates.walked(doc), *gate_ids(doc.get("preflight"))]
    for index, name in enumerate(required):
        if name is not BAD and name not in known and name not in FAMILIES:
            faults.add(
                (*path, "require", index), f'unknown gate or family "{name}": {nearest(name, [*known, *FAMILIES])}'
            )


def _servers(doc: Doc, faults: Faults) -> None:
    """Note environments without the server that a signal of a required gate asks.

    A gate that no stage requires cannot hold a release: without its server it reports an error and no more.
    """
    signals = {name: server for name, raw in _entries(doc, "signals") if (server := _server_of(raw))}
    needs: dict[str, str] = {}
    for gate in _required_gates(doc):
        signal = str(gate.get("signal")).partition(".")[0]
        if signal in signals:
            needs.setdefault(signals[signal], signal)
    for env_name, env in _entries(doc, "environments"):
        for server, signal in needs.items():
            if server not in env:
                message = f"the signal {signal} asks {server}: {env_name} needs {server}: {{url: ...}}"
                faults.add(("environments", env_name), message, at_key=True)


def _logs(doc: Doc, faults: Faults) -> None:
    """Note sides without the log, or the database, that a signal of a required gate reads."""
    used = {str(gate.get("signal")).partition(".")[0] for gate in _required_gates(doc)}
    signals = {name: raw for name, raw in _entries(doc, "signals") if name in used}
    of_logs = [name for name, raw in signals.items() if "log" in raw]
    of_databases = [
        name
        for name, raw in signals.items()
        if isinstance(raw.get("statements"), dict) and "command" not in raw["statements"]
    ]
    for env_name, env in _entries(doc, "environments"):
        for side in ("candidate", "baseline"):
            given, path = env.get(side), ("environments", env_name, side)
            if not isinstance(given, dict):
                continue
            if of_logs and ("log" not in given or (isinstance(given["log"], dict) and "get" in given["log"])):
                message = f"the signal {of_logs[0]} reads lines: {side} needs log with a file, a command or loki"
                faults.add(path, message, at_key=True)
            if of_databases and "database" not in given:
                message = f"the signal {of_databases[0]} reads pg_stat_statements: {side} needs database: env:NAME"
                faults.add(path, message, at_key=True)
            if isinstance(given.get("log"), dict) and "loki" in given["log"] and "loki" not in env:
                faults.add((*path, "log"), f"a log of loki: {env_name} needs loki: {{url: ...}}", at_key=True)


def _protected(doc: Doc, faults: Faults) -> None:
    """Note what the ledger is to protect and the policy does not have."""
    stages = doc.get("stages", BAD)
    if stages is BAD or not isinstance(doc.get("environments"), dict):
        return
    known = [*(stage["name"] for stage in stages if isinstance(stage, dict) and "name" in stage), *doc["environments"]]
    named = entry(doc, "ledger").get("protected", ())
    for index, name in enumerate(() if named is BAD else named):
        if name is not BAD and name not in known and BAD not in known:
            faults.add(("ledger", "protected", index), f'unknown stage or environment "{name}": {nearest(name, known)}')


def _server_of(signal: Doc) -> str | None:
    """Return the server that a signal asks: prometheus, alertmanager, or None."""
    if "promql" in signal:
        return "prometheus"
    alerts = signal.get("alerts")
    source = alerts.get("from", "prometheus") if isinstance(alerts, dict) else None
    return source if isinstance(source, str) else None


def _smoke(doc: Doc, faults: Faults) -> None:
    """Note paths that stand twice, and all of them where a fault of their key hides them from the stages."""
    paths = entry(doc, "smoke").get("paths", ())
    for index, name in enumerate(paths if isinstance(paths, tuple) else ()):
        if name is not BAD and name in paths[:index]:
            faults.add(("smoke", "paths", index), f"the path {name} stands twice: remove one")


def _required_gates(doc: Doc) -> Iterator[Doc]:
    """Yield every gate that some stage requires, by its id or by its family."""
    stages = doc.get("stages", BAD)
    required: set[Any] = set()
    for stage in () if stages is BAD else stages:
        names = stage.get("require", stage.get("run", ("canary",))) if isinstance(stage, dict) else ()
        required.update(names if isinstance(names, tuple) else ())
    for gate_id, gate in _entries(doc, "gates"):
        if gate_id in required or gate.get("family", "canary") in required:
            yield gate
