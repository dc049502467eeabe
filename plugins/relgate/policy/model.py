"""A policy after loading: every default filled in, every text parsed, every number in SI.

Nothing here can be half right: ``load`` builds these values only from a policy without a fault. Durations are
seconds (``_s``), shares lie between 0 and 1, rates are per second. ``env:NAME`` and ``file:PATH`` stay references:
a policy never holds a secret. All models are frozen; change one with ``model_copy(update=...)``.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import Field

from relgate.errors import UsageError
from relgate.policy.api import Api
from relgate.policy.audiences import Audience
from relgate.policy.base import Frozen
from relgate.policy.environments import Environment
from relgate.policy.ledger import Ledger
from relgate.policy.limits import Limit, NumberLimit
from relgate.policy.loads import Load, WarmUp
from relgate.policy.matrix import Row
from relgate.policy.migrations import Migrations
from relgate.policy.preflight import Preflight
from relgate.policy.risk import Risk, can_roll_back_by_chance, complement, is_statistical
from relgate.policy.rollout import Rollout
from relgate.policy.smoke import Smoke
from relgate.values import Dimension

Kind = Literal[
    "quantile",
    "share",
    "throughput",
    "capacity",
    "ids",
    "health",
    "version",
    "gauge",
    "growth",
    "trend",
    "counter",
    "patterns",
    "statements",
    "value",
    "findings",
]
Family = Literal["canary", "migration", "preflight", "smoke", "load", "postdeploy"]
SignalKind = Literal["probe", "load", "poll", "scrape", "promql", "json", "alerts", "log", "statements"]
Unit = Literal["bytes", "seconds", "share", "count", "per_second"]
Severity = Literal["blocker", "critical", "normal", "minor", "trivial"]
OnFail = Literal["rollback", "hold"]
Over = Literal["max", "min", "mean", "median", "last"]
Http = Literal["1.1", "2", "2-prior-knowledge"]
HealthFormat = Literal["auto", "aspnet", "actuator", "health+json", "nested", "plain"]

ERRORS = (
    r'(?i:"(?:level|severity|lvl)"\s*:\s*"?(?:error|err|critical|crit|fatal|alert|emerg\w*|panic)\b)'
    r"|(?i:\b(?:level|severity|lvl)=\"?(?:error|err|critical|crit|fatal|alert|emerg\w*|panic)\b)"
    r"|\b(?:ERROR|CRITICAL|FATAL|SEVERE|PANIC)\b|^Traceback \(most recent|^panic:"
)
"""Lines of a log that tell of an error, as JSON, as key=value and in plain words."""

FAMILIES: tuple[Family, ...] = get_args(Family)
LONGEST_WARMUP_S = 120.0
"""The most that ``warmup: found`` may leave out."""


class Expect(Frozen):
    """What a probe's answer must be; an answer that breaks it counts as failed.

    ``status``: closed ranges of HTTP codes. ``is_json``: the body must parse as JSON.
    """

    status: tuple[tuple[int, int], ...] = ((200, 299),)
    content_type: str | None = None
    contains: str | None = None
    is_json: bool = False

    def accepts(self, code: int) -> bool:
        """Whether an HTTP status code is expected; 0 (no answer) never is."""
        return any(low <= code <= high for low, high in self.status)


class Request(Frozen):
    """One request of a probe, with the probe's own headers and expectation already merged in.

    ``json_body``: any JSON value, sent as ``application/json``; ``has_json`` tells a body ``null`` from none.
    """

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: str | None = None
    json_body: Any = None
    has_json: bool = False
    expect: Expect = Expect()


class IdRule(Frozen):
    """How correlation ids are sent and checked.

    ``format``: ``any``, ``uuid``, ``traceparent`` or a regular expression. ``look_up``: how many ids are searched for
    in the service's log.
    """

    header: str = "X-Correlation-ID"
    send: bool = True
    echo: bool = False
    format: str = "any"
    look_up: int = 50


class Probe(Frozen):
    """Requests sent at a fixed rate to both sides, whatever the service answers (open model)."""

    rate_per_s: float
    requests: tuple[Request, ...]
    timeout_s: float = 10.0
    http: Http = "1.1"
    connections: int = 256
    ids: IdRule = IdRule()


class Poll(Frozen):
    """A health endpoint. ``max_age_s``: a timestamp in the body older than this makes the answer stale.

    ``version``: JSON pointer of the version in the body, None to search the usual places.
    """

    every_s: float = 5.0
    path: str
    timeout_s: float = 5.0
    format: HealthFormat = "auto"
    components: tuple[str, ...] = ()
    max_age_s: float | None = None
    version: str | None = None


class Scrape(Frozen):
    """One series of a Prometheus text page. ``labels``: what the series must carry.

    ``instance_label``: the label whose values name instances, one series each; None for one series.
    """

    every_s: float = 5.0
    path: str = "/metrics"
    metric: str
    labels: Mapping[str, str] = {}
    unit: Unit = "count"
    instance_label: str | None = None


class Promql(Frozen):
    """A query to Prometheus; ``$side`` in it becomes the environment's label of the side.

    ``instance_label``: the label whose values name instances, one series each; None for one series.
    """

    every_s: float = 15.0
    query: str
    unit: Unit = "count"
    instance_label: str | None = None


class JsonValue(Frozen):
    """A number in a JSON document of the service. ``pointer``: RFC 6901."""

    every_s: float = 5.0
    path: str
    pointer: str
    unit: Unit = "count"


class Alerts(Frozen):
    """The number of firing alerts whose labels contain ``match``."""

    every_s: float = 15.0
    source: Literal["prometheus", "alertmanager"] = "prometheus"
    match: Mapping[str, str] = {}


class LogLines(Frozen):
    """Lines of each side's log. ``match``: which lines count. ``requests``: which are a request each, None: unknown."""

    every_s: float = 1.0
    match: str = ERRORS
    requests: str | None = None


class Statements(Frozen):
    """What a database's statements cost. ``command``: prints them; None: pg_stat_statements is read."""

    every_s: float = 5.0
    command: str | None = None


Source = Probe | Load | Poll | Scrape | Promql | JsonValue | Alerts | LogLines | Statements


class Signal(Frozen):
    """A named series of observations. Exactly the attribute that ``kind`` names is set."""

    name: str
    kind: SignalKind
    probe: Probe | None = None
    load: Load | None = None
    poll: Poll | None = None
    scrape: Scrape | None = None
    promql: Promql | None = None
    json_value: JsonValue | None = None
    alerts: Alerts | None = None
    log: LogLines | None = None
    statements: Statements | None = None

    @property
    def source(self) -> Source:
        """The one source that is set."""
        asked = (self.probe, self.load, self.poll, self.scrape, self.promql, self.json_value, self.alerts)
        for source in (*asked, self.log, self.statements):
            if source is not None:
                return source
        raise UsageError(f"signal {self.name}: expected a source of kind {self.kind}, got none")

    @property
    def every_s(self) -> float:
        """Seconds between two observations; 1 / rate for a probe or a load (a closed loop: a second a client)."""
        source = self.source
        if isinstance(source, Load):
            return 1.0 / (source.rate_per_s or source.clients or 1)
        return 1.0 / source.rate_per_s if isinstance(source, Probe) else source.every_s

    @property
    def unit(self) -> Unit:
        """The unit of ``value``; ``count`` where the kind has none."""
        source = self.source
        return source.unit if isinstance(source, Scrape | Promql | JsonValue) else "count"


class Gate(Frozen):
    """One release criterion. ``kind`` is the judge's rule; ``dimension`` that of its measurement and limits.

    ``confidence`` None: the policy's (``Policy.confidence_of``). ``expect``: the version that must be served,
    ``release`` for the one under release. ``warmup_s`` None: the stage's. ``signal`` None: a test of the user
    brings the measurement. ``whole``: the whole distribution is compared instead of a ``quantile``. ``weight``: of its
    part of the false rollbacks. ``worse_by``: how much worse than the baseline must never be promoted, as a share of
    the baseline (0.2: 1.2 times as much), at least what every relative fail limit allows; None: each limit itself.
    ``watch``: it is required in every stage that observes, and looked at all the time.
    """

    id: str
    signal: str | None
    field: str | None
    kind: Kind
    dimension: Dimension
    quantile: float | None = None
    whole: bool = False
    fail: tuple[Limit, ...] = ()
    warn: tuple[Limit, ...] = ()
    on_fail: OnFail = "rollback"
    severity: Severity = "critical"
    family: Family = "canary"
    confidence: float | None = None
    weight: float = Field(default=1.0, gt=0)
    worse_by: float | None = Field(default=None, gt=0)
    min_samples: int | None = None
    over: Over | None = None
    expect: str | None = None
    next_steps: tuple[str, ...] = ()
    owner: str | None = None
    description: str | None = None
    runbook: str | None = None
    warmup_s: float | None = None
    watch: bool = False

    @property
    def needs_baseline(self) -> bool:
        """Whether a limit compares with the baseline."""
        return any(isinstance(limit, NumberLimit) and limit.basis != "absolute" for limit in self.fail + self.warn)


class Stage(Frozen):
    """A step of a rollout. ``require``: gate ids and family names as written, the ``run`` families if none were.

    ``warmup_found``: the data say what does not count, at most ``LONGEST_WARMUP_S``; ``warmup_s`` is 0 then.
    ``warm_up``: requests that are sent before anything is observed.
    ``look_every_s``: how often evidence is looked at while it is still collected. ``marks_s``: moments of the bake at
    which a rollout records how it stands.
    """

    name: str
    traffic: float | None = None
    bake_s: float = 0.0
    warmup_s: float = 0.0
    warmup_found: bool = False
    warm_up: WarmUp | None = None
    look_every_s: float = Field(default=5.0, ge=1.0)
    marks_s: tuple[float, ...] = ()
    run: tuple[Family, ...] = ("canary",)
    require: tuple[str, ...] = ()
    during: str | None = None
    watch: bool = True

    @property
    def observes(self) -> bool:
        """Whether the release serves while this stage bakes."""
        return self.bake_s > 0 and not set(self.run) <= {"preflight", "migration"}

    @property
    def watches(self) -> bool:
        """Whether watched gates are judged in it: it observes, and the policy does not take it out."""
        return self.observes and self.watch


class Policy(Frozen):
    """How one service releases.

    ``phases``: phase name to the gates that are different in it, complete and already tightened; ``phase_risks``: phase
    name to its own risk, where it has one. ``sha256``: of the canonical JSON of the merged document, lower-case
    hexadecimal.
    """

    relgate: int
    service: str
    confidence: float = 0.95
    risk: Risk = Field(default_factory=lambda given: Risk.at(given.get("confidence", 0.95)))
    hold_for_s: float = 86400.0
    then: OnFail = "rollback"
    redact: tuple[str, ...] = ()
    ledger: Ledger = Ledger()
    environments: Mapping[str, Environment]
    signals: Mapping[str, Signal] = {}
    migrations: Migrations | None = None
    preflight: Preflight | None = None
    api: Api | None = None
    smoke: Smoke | None = None
    notify: Mapping[str, Audience] = {}
    gates: Mapping[str, Gate] = {}
    matrix: tuple[Row, ...] = ()
    phases: Mapping[str, Mapping[str, Gate]] = {}
    phase_risks: Mapping[str, Risk] = {}
    stages: tuple[Stage, ...] = ()
    rollout: Rollout | None = None
    sha256: str

    def confidence_of(self, gate: Gate) -> float:
        """Return the confidence at which a gate is judged: its own, otherwise the policy's."""
        return self.confidence if gate.confidence is None else gate.confidence

    def risk_in(self, stage: Stage) -> Risk:
        """Return the risk that a stage may take: its phase's, otherwise the policy's."""
        return self.phase_risks.get(stage.during or "", self.risk)

    def alpha_of(self, stage: Stage, gate: Gate) -> float:
        """Return the chance that a gate may have of rolling back a good release in a stage.

        The gates that can roll back by chance share ``false_rollback`` over all stages, each pair of stage and gate by
        the gate's ``weight``, so that the sum over a rollout is at most ``false_rollback`` (Bonferroni, whatever the
        dependence). A statistical gate that cannot roll back shares with nobody: ``false_rollback`` itself. 0 for a
        gate that does not run in the stage, and for one that spends none: states, versions, gauges, growth, zero
        tolerance.
        """
        own = self.running(stage).get(gate.id)
        if own is None or not is_statistical(own):
            return 0.0
        alpha = self.risk_in(stage).false_rollback
        if not can_roll_back_by_chance(own):
            return alpha
        stages = {**{other.name: other for other in self.stages}, stage.name: stage}.values()
        sharing = (one for other in stages for one in self.running(other).values() if can_roll_back_by_chance(one))
        return alpha * own.weight / math.fsum(one.weight for one in sharing)

    def beta_of(self, gate: Gate, stage: Stage | None = None) -> float:
        """Return the chance that a gate may have of passing a release that is worse by its ``worse_by``."""
        if gate.confidence is not None:
            return complement(gate.confidence)
        return (self.risk if stage is None else self.risk_in(stage)).false_promotion

    def stage(self, name: str) -> Stage:
        """Return the stage of that name; UsageError names the stages that there are."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise UsageError(f"unknown stage {name!r}: {self.service} has {', '.join(s.name for s in self.stages)}")

    def environment(self, name: str) -> Environment:
        """Return the environment of that name; UsageError names the environments that there are."""
        if name in self.environments:
            return self.environments[name]
        raise UsageError(f"unknown environment {name!r}: {self.service} has {', '.join(self.environments)}")

    def gates_in(self, stage: Stage) -> dict[str, Gate]:
        """Return all gates by id, as they are during the stage's phase."""
        changed = self.phases.get(stage.during, {}) if stage.during is not None else {}
        return {gate_id: changed.get(gate_id, gate) for gate_id, gate in self.gates.items()}

    def running(self, stage: Stage) -> dict[str, Gate]:
        """Return the gates of a stage's families, and those that it requires by name, as they are during its phase."""
        required = set(self.required_ids(stage))
        gates = self.gates_in(stage)
        return {id_: gate for id_, gate in gates.items() if gate.family in stage.run or id_ in required}

    def required_ids(self, stage: Stage) -> tuple[str, ...]:
        """Return the ids of the gates that a stage requires, each once, in the order of ``require``.

        A family becomes the ids of the policy's gates of that family. A family without any stays as
        ``family:<name>``, so that the decision holds unless something of that family has reported. Gates that are
        watched are required by every stage that watches.
        """
        ids: dict[str, None] = {}
        for name in stage.require:
            if name in self.gates:
                ids[name] = None
                continue
            members = [gate.id for gate in self.gates.values() if gate.family == name]
            ids.update(dict.fromkeys(members or [f"family:{name}"]))
        if stage.watches:
            ids.update(dict.fromkeys(gate.id for gate in self.gates.values() if gate.watch))
        return tuple(ids)
