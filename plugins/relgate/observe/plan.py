"""What a recorder is told to do: one JSON line that it reads from a pipe.

A plan is complete: numbers are SI, references are resolved, so it holds secrets (header values, bodies, what
``secrets`` lists). It is never written to disk and never printed.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from relgate.errors import SourceError
from relgate.observe.streams import (
    STRICT,
    Alerts,
    Expect,
    Header,
    Ids,
    JsonValue,
    Load,
    LogLines,
    Poll,
    Positive,
    Probe,
    ProbeRequest,
    Promql,
    Sampled,
    Scrape,
    Sides,
    Statements,
    Stream,
    Target,
)
from relgate.policy import model as policy_model
from relgate.secrecy import database_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from relgate.policy.loads import Load as PolicyLoad
    from relgate.policy.model import Policy, Signal

Replay = tuple[tuple[str, str, float], ...]


def _known_labels(value: object) -> object:
    return {"candidate": "candidate", "baseline": "baseline", **value} if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one recorder does.

    ``folder``: where the recording goes; made if missing. ``warmup_s``: probing before the bake that is not recorded:
    it opens connections. ``labels``: what ``$side`` becomes. ``secrets``: further values, ``redact``: regular
    expressions that are removed from everything stored.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    run_id: str
    folder: str
    bake_s: Positive
    sides: Sides
    streams: tuple[Stream, ...]
    warmup_s: Annotated[float, Field(ge=0)] = 0.0
    labels: Annotated[dict[str, str], BeforeValidator(_known_labels)] = field(
        default_factory=lambda: {"candidate": "candidate", "baseline": "baseline"}
    )
    prometheus: Target | None = None
    alertmanager: Target | None = None
    loki: Target | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    redact: tuple[str, ...] = ()

    def to_json(self) -> str:
        """One line of JSON, with secrets: for a pipe only."""
        return _PLAN.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """Read a plan.

        Raises:
            SourceError: it is not a plan; the message names places, never values.

        """
        try:
            plan = _PLAN.validate_json(text)
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False, include_context=False)
            places = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:5])
            raise SourceError(f"recorder: not a plan: {places}") from None
        plan.check()
        return plan

    def check(self) -> None:
        """Raise SourceError where parts of the plan do not fit together."""
        names = [stream.name for stream in self.streams]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SourceError(f"recorder: expected each stream once, got twice: {', '.join(twice)}")
        for stream in self.streams:
            server = stream.kind if stream.kind != "alerts" else stream.source
            if server in ("promql", "prometheus") and self.prometheus is None:
                raise SourceError(f"recorder: stream {stream.name} needs `prometheus` in the environment")
            if server == "alertmanager" and self.alertmanager is None:
                raise SourceError(f"recorder: stream {stream.name} needs `alertmanager` in the environment")
            self._check_log(stream)

    def _check_log(self, stream: Stream) -> None:
        for side, target in self.sides.present() if isinstance(stream, LogLines) else ():
            if target.log is None or target.log.url is not None:
                text = f"recorder: stream {stream.name} needs `log` of the {side}: a file, a command or loki"
                raise SourceError(text)
            if target.log.query is not None and self.loki is None:
                raise SourceError(f"recorder: stream {stream.name} needs `loki` in the environment")
        if isinstance(stream, Statements) and stream.command is None:
            databases = [target.database for _, target in self.sides.present()]
            if None in databases:
                raise SourceError(f"recorder: stream {stream.name} needs `database` of each side in the environment")
            if len(databases) > len(set(databases)):
                text = "names one database for both sides: its statements cannot be told apart"
                raise SourceError(f"recorder: stream {stream.name} {text}")

    def secret_values(self) -> tuple[str, ...]:
        """Return every secret of the plan, also as the parts in which a service may echo it.

        ``Bearer abc`` is echoed as ``abc`` too, and a quote in a secret is escaped in JSON.
        """
        found: set[str] = set(self.secrets)
        for target in (self.sides.candidate, self.sides.baseline, self.prometheus, self.alertmanager, self.loki):
            found |= {header.value for header in (target.headers if target else ()) if header.secret}
            found |= database_secrets(target.database) if target is not None and target.database is not None else set()
        for stream in self.streams:
            for request in stream.requests if isinstance(stream, Probe) else ():
                found |= {header.value for header in request.headers if header.secret}
                found |= {request.body} if request.body_secret and request.body else set()
        return tuple(sorted({form for value in found for form in _parts(value) if form}))


_PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)


def _parts(value: str) -> set[str]:
    parts = {value}
    scheme, _, credentials = value.partition(" ")
    if scheme.lower() in ("bearer", "basic", "token", "apikey", "digest", "negotiate") and credentials:
        parts.add(credentials.strip())
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(credentials, validate=True).decode()
        except ValueError:
            pair = ""
        parts |= {pair, pair.partition(":")[2]}
    return parts | {json.dumps(part)[1:-1] for part in parts}


def plan_streams(
    policy: Policy,
    resolve: Callable[[str], str],
    gates: Collection[str] | None = None,
    place: Callable[[PolicyLoad], tuple[tuple[str, ...], Replay]] = lambda load: (load.users, ()),
) -> tuple[Probe | Load | Sampled, ...]:
    """Return the streams that a policy's signals ask for, references to secrets resolved.

    Args:
        policy: a loaded policy.
        resolve: the text behind ``env:NAME`` or ``file:PATH``; any other text is itself. What it changes is a secret.
        gates: ids of the gates that will judge; only signals that they use are recorded, and ids only where they are
            judged. None: everything.
        place: the absolute paths of a load's users, or the requests of its profile.

    """
    used: dict[str, set[str]] = {}
    for gate in policy.gates.values():
        if gate.signal is not None and (gates is None or gate.id in gates):
            used.setdefault(gate.signal, set()).add(gate.field or "")
    streams: list[Probe | Load | Sampled] = []
    for signal in policy.signals.values():
        if gates is None or signal.name in used:
            fields = used.get(signal.name, set()) if gates is not None else {"ids", "logged"}
            load = signal.load
            streams.append(_stream(signal, resolve, fields) if load is None else _load(signal.name, load, *place(load)))
    return tuple(streams)


def _load(name: str, load: PolicyLoad, users: tuple[str, ...], replay: Replay) -> Load:
    caps = load.caps
    amount = ("shape", "rate_per_s", "clients", "ramp_s", "steps", "each_s")
    same = (*amount, "processes", "bind", "port", "timeout_s", "late_s", "cpu_most", "seed", "abort_file")
    return Load(
        name,
        connections=load.held_connections,
        most_users=caps.users,
        most_rate_per_s=caps.rate_per_s,
        most_s=caps.duration_s,
        most_requests=caps.requests,
        users=users,
        replay=replay,
        expect=load.workers,
        **{key: getattr(load, key) for key in same},
    )


def _stream(signal: Signal, resolve: Callable[[str], str], fields: set[str]) -> Probe | Sampled:
    name = signal.name
    if signal.probe is not None:
        return _probe(name, signal.probe, resolve, fields)
    if signal.poll is not None:
        return Poll(name, signal.poll.path, signal.poll.every_s, timeout_s=signal.poll.timeout_s)
    if signal.scrape is not None:
        scrape = signal.scrape
        labels, instance_label = dict(scrape.labels), scrape.instance_label
        return Scrape(name, scrape.path, scrape.metric, scrape.every_s, labels=labels, instance_label=instance_label)
    if signal.json_value is not None:
        return JsonValue(name, signal.json_value.path, signal.json_value.pointer, signal.json_value.every_s)
    if signal.promql is not None:
        promql = signal.promql
        return Promql(name, promql.query, promql.every_s, instance_label=promql.instance_label)
    if signal.alerts is not None:
        alerts = signal.alerts
        return Alerts(name, alerts.every_s, source=alerts.source, match=dict(alerts.match))
    if signal.log is not None:
        return LogLines(name, signal.log.match, signal.log.every_s, requests=signal.log.requests)
    if signal.statements is not None:
        return Statements(name, signal.statements.every_s, command=signal.statements.command)
    raise SourceError(f"signal {name}: the recorder knows no source of kind {signal.kind}")


def _probe(name: str, probe: policy_model.Probe, resolve: Callable[[str], str], fields: set[str]) -> Probe:
    rule = probe.ids
    ids = Ids(
        header=rule.header,
        send=rule.send,
        style="traceparent" if "traceparent" in (rule.format, rule.header.lower()) else "uuid",
        look_up=rule.look_up if "logged" in fields else 0,
        facts=not fields.isdisjoint({"ids", "logged"}),
    )
    return Probe(
        name,
        probe.rate_per_s,
        tuple(_request(request, resolve) for request in probe.requests),
        timeout_s=probe.timeout_s,
        http=probe.http,
        # The policy's default would let a slow service exhaust it at high rates; only a number of its own is a bound.
        connections=None
        if probe.connections == policy_model.Probe.model_fields["connections"].default
        else probe.connections,
        ids=ids if ids.send or ids.facts else None,
    )


def _request(request: policy_model.Request, resolve: Callable[[str], str]) -> ProbeRequest:
    headers = {name: resolve(value) for name, value in request.headers.items()}
    secret = {name for name, value in request.headers.items() if headers[name] != value}
    body = resolve(request.body) if request.body is not None else None
    if request.has_json:
        body = json.dumps(request.json_body)
        headers = {"Content-Type": "application/json", **headers}
    expect = request.expect
    return ProbeRequest(
        request.path,
        method=request.method,
        headers=tuple(Header(name, value, secret=name in secret) for name, value in headers.items()),
        body=body,
        body_secret=request.body is not None and body != request.body,
        expect=Expect(expect.status, expect.content_type, expect.contains, expect.is_json),
    )
