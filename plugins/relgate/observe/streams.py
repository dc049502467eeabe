"""What a recorder samples: targets and streams, complete and in SI. They hold resolved secrets."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)
Positive = Annotated[float, Field(gt=0)]
_Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Header:
    """One header of a request. A ``secret`` value is removed from everything that is stored or printed."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    value: str = field(repr=False)
    secret: bool = False


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where a side writes its log. Exactly one is set.

    ``url`` may contain ``{id}``. ``command``: prints its lines as they come. ``query``: for Loki.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    file: str | None = None
    url: str | None = None
    command: str | None = None
    query: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A server and how it is asked. ``ca``: path of a file with further authorities.

    ``instances``: the URLs that a probe asks in turn; empty where it asks ``url`` alone. ``database``: the URL of its
    PostgreSQL, with a secret in it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    url: str
    headers: tuple[Header, ...] = ()
    verify: bool = True
    ca: str | None = None
    log: LogPlace | None = None
    instances: tuple[str, ...] = ()
    database: str | None = field(default=None, repr=False)

    @property
    def probed(self) -> tuple[str, ...]:
        """The URLs that a probe asks."""
        return self.instances or (self.url,)


@dataclass(frozen=True, slots=True)
class Sides:
    """The release under judgment and the one that it replaces."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    candidate: Target
    baseline: Target | None = None

    def present(self) -> tuple[tuple[str, Target], ...]:
        """Those sides that there are, the candidate first."""
        pairs = (("candidate", self.candidate), ("baseline", self.baseline))
        return tuple((name, target) for name, target in pairs if target is not None)


@dataclass(frozen=True, slots=True)
class Expect:
    """What an answer must be. ``status``: closed ranges; by default 200 to 299."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    status: tuple[_Range, ...] = ((200, 299),)
    content_type: str | None = None
    contains: str | None = None
    json: bool = False

    @property
    def needs_body(self) -> bool:
        """Whether the body has to be looked at."""
        return self.json or self.contains is not None


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """One request of a probe. ``path`` is appended to the side's URL."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    path: str
    method: str = "GET"
    headers: tuple[Header, ...] = ()
    body: str | None = field(default=None, repr=False)
    body_secret: bool = False
    expect: Expect = Expect()

    @property
    def label(self) -> str:
        """How the request is called in a recording."""
        return self.path if self.method == "GET" else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Ids:
    """How correlation ids are sent. ``style`` ``traceparent``: a W3C trace context, otherwise a UUID.

    ``look_up``: how many of the sent ids are searched for in the log, 0 for none. ``facts``: whether to note what each
    answer said; without it ids are only sent.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    header: str = "X-Correlation-ID"
    send: bool = True
    style: Literal["uuid", "traceparent"] = "uuid"
    look_up: Annotated[int, Field(ge=0)] = 0
    facts: bool = True


@dataclass(frozen=True, slots=True)
class Probe:
    """Requests at a fixed rate to each side, whatever the service answers (open model).

    ``connections`` None: ``max(256, rate * timeout)`` requests in flight for each side, which a service cannot exhaust
    by being slow.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    rate_per_s: Positive
    requests: Annotated[tuple[ProbeRequest, ...], Field(min_length=1)]
    kind: Literal["probe"] = "probe"
    timeout_s: Positive = 10.0
    http: Literal["1.1", "2", "2-prior-knowledge"] = "1.1"
    connections: Annotated[int, Field(gt=0)] | None = None
    ids: Ids | None = None

    @property
    def in_flight(self) -> int:
        """The most requests that may be open at once, for each side."""
        generous = max(256, math.ceil(self.rate_per_s * self.timeout_s) + 1)
        return generous if self.connections is None else self.connections


@dataclass(frozen=True, slots=True)
class Poll:
    """An endpoint whose full answers are kept."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    path: str
    every_s: Positive
    kind: Literal["poll"] = "poll"
    timeout_s: Positive = 5.0


@dataclass(frozen=True, slots=True)
class Scrape:
    """One series of a Prometheus text page: ``metric`` with at least these ``labels``.

    ``instance_label``: one series for each value of this label instead.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    path: str
    metric: str
    every_s: Positive
    kind: Literal["scrape"] = "scrape"
    labels: dict[str, str] = field(default_factory=dict)
    timeout_s: Positive = 5.0
    instance_label: str | None = None


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A number in a JSON answer, at an RFC 6901 ``pointer``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    path: str
    pointer: str
    every_s: Positive
    kind: Literal["json"] = "json"
    timeout_s: Positive = 5.0


@dataclass(frozen=True, slots=True)
class Promql:
    """An instant query; ``$side`` in it becomes the side's label. Without ``$side`` only the candidate is asked.

    ``instance_label``: one series for each value of this label instead of a single one.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    query: str
    every_s: Positive
    kind: Literal["promql"] = "promql"
    timeout_s: Positive = 10.0
    instance_label: str | None = None

    @property
    def has_sides(self) -> bool:
        """Whether the two sides are asked differently."""
        return "$side" in self.query


@dataclass(frozen=True, slots=True)
class Alerts:
    """The number of firing alerts whose labels contain ``match``, where ``$side`` becomes the side's label."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    every_s: Positive
    kind: Literal["alerts"] = "alerts"
    source: Literal["prometheus", "alertmanager"] = "prometheus"
    match: dict[str, str] = field(default_factory=dict)
    timeout_s: Positive = 10.0

    @property
    def has_sides(self) -> bool:
        """Whether the two sides are asked differently."""
        return any("$side" in value for value in self.match.values())


@dataclass(frozen=True, slots=True)
class Load:
    """A load of both sides by Locust, in processes of its own. Exactly one of ``rate_per_s`` and ``clients`` is set.

    ``users``: absolute paths of locustfiles; ``replay``: method, path and weight of each request instead. ``most_*``:
    what it never goes beyond. ``expect``: workers on other hosts; they find the master at ``bind`` and ``port``.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    shape: Literal["constant", "steady", "step", "spike", "soak"]
    connections: Annotated[int, Field(gt=0)]
    most_users: Annotated[int, Field(gt=0)]
    most_rate_per_s: Positive
    most_s: Positive
    most_requests: Annotated[int, Field(gt=0)]
    kind: Literal["load"] = "load"
    users: tuple[str, ...] = ()
    replay: tuple[tuple[str, str, Positive], ...] = ()
    rate_per_s: Positive | None = None
    clients: Annotated[int, Field(gt=0)] | None = None
    ramp_s: Annotated[float, Field(ge=0)] = 0.0
    steps: Annotated[int, Field(gt=0)] = 1
    each_s: Positive = 1.0
    processes: Annotated[int, Field(gt=0)] = 1
    expect: Annotated[int, Field(ge=0)] = 0
    bind: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    timeout_s: Positive = 10.0
    late_s: Positive = 0.010
    cpu_most: Positive = 0.9
    seed: int = 0
    abort_file: str | None = None
    only_safe: bool = False


@dataclass(frozen=True, slots=True)
class LogLines:
    """Lines of a side's log. ``match``: regular expression of those that count. ``requests``: of one request each."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    match: str
    every_s: Positive
    kind: Literal["log"] = "log"
    requests: str | None = None
    timeout_s: Positive = 10.0


@dataclass(frozen=True, slots=True)
class Statements:
    """What the statements of a side's database cost. ``command``: prints it; None: pg_stat_statements is read."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    every_s: Positive
    kind: Literal["statements"] = "statements"
    command: str | None = None
    timeout_s: Positive = 10.0


Sampled = Poll | Scrape | JsonValue | Promql | Alerts | LogLines | Statements
Stream = Annotated[Probe | Load | Sampled, Field(discriminator="kind")]
