"""The values that travel from the recorder to the record. Frozen, without behaviour that touches the world.

Units are SI and lower case: seconds, bytes, share (0 to 1, never percent), per_second. Unix times are seconds.
A number that could not be computed is ``None``; NaN and infinity never enter a value.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Dimension = Literal[
    "time",  # seconds
    "share",  # 0 to 1
    "bytes",
    "rate",  # events per second
    "byterate",  # bytes per second
    "count",  # a plain number: queue depth, alerts, CPU cores
    "status",  # words: healthy, degraded, down
    "text",  # a version
]

UNITS: dict[str, str] = {
    "time": "s",
    "share": "share",
    "bytes": "B",
    "rate": "1/s",
    "byterate": "B/s",
    "count": "",
    "status": "",
    "text": "",
}

Side = Literal["candidate", "baseline"]


class Verdict(StrEnum):
    """What one gate says."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    MISSING = "missing"


class Outcome(StrEnum):
    """What a decision says."""

    PROMOTE = "promote"
    HOLD = "hold"
    ROLLBACK = "rollback"


def _not_said() -> NDArray[np.int64]:
    import numpy as np

    return np.empty(0, dtype=np.int64)


def _instance_of(instance: NDArray[np.int64], n: int, instances: tuple[str, ...]) -> NDArray[np.int64]:
    """Return which instance each sample is of: the only one where nobody said; ValueError where it is open."""
    import numpy as np

    if len(instance) == 0 and len(instances) <= 1:
        return np.zeros(n, dtype=np.int64)
    if len(instance) != n:
        raise ValueError(f"instance: expected {n} indices, one for each sample, got {len(instance)}")
    return instance


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """Probe samples of one side. All arrays have one length and are ordered by intended start.

    ``intended_s``: seconds since the bake began at which the request was due. ``latency_s``: from that moment to
    the end of the answer. ``lag_s``: how late the recorder itself sent it. ``status``: HTTP code, 0 without an
    answer. ``failed``: 5xx, no answer in time, or an answer that broke the probe's expectation.
    ``usable``: False where the recorder was the bottleneck; such a sample says nothing about the service.
    ``instance``: index into ``instances``, the URLs of a side that is asked at several; all 0 and none where it is one.
    """

    intended_s: Floats
    latency_s: Floats
    lag_s: Floats
    status: NDArray[np.int64]
    failed: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    path: NDArray[np.int64]
    paths: tuple[str, ...] = ()
    instance: NDArray[np.int64] = field(default_factory=_not_said)
    instances: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "instance", _instance_of(self.instance, len(self.intended_s), self.instances))

    def by_instance(self) -> tuple[Requests, ...]:
        """Return the samples of each instance, in the order of ``instances``; all of them where there is only one."""
        return tuple(self._of(number) for number in range(len(self.instances))) or (self,)

    def _of(self, number: int) -> Requests:
        mine = self.instance == number
        arrays = ("intended_s", "latency_s", "lag_s", "status", "failed", "usable", "path")
        kept = {name: getattr(self, name)[mine] for name in arrays}
        return Requests(**kept, paths=self.paths, instances=(self.instances[number],))


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A gauge or counter of one side: one value per observation, NaN where the source gave none.

    ``faults`` has one text for each observation that failed (unreachable, NaN, several series, no series).
    ``instance``: index into ``instances``, the label values of a signal that has one series for each instance; such a
    signal has one value for every instance at every moment, NaN included. All 0 and none where it is one series.
    """

    t_s: Floats
    value: Floats
    faults: tuple[str, ...] = ()
    instance: NDArray[np.int64] = field(default_factory=_not_said)
    instances: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "instance", _instance_of(self.instance, len(self.t_s), self.instances))

    def by_instance(self) -> tuple[Series, ...]:
        """Return the series of each instance, in the order of ``instances``; itself where there is only one."""
        return tuple(self._of(number) for number in range(len(self.instances))) or (self,)

    def _of(self, number: int) -> Series:
        name, mine = self.instances[number], self.instance == number
        faults = tuple(fault for fault in self.faults if fault.endswith(f"({name})"))
        return Series(self.t_s[mine], self.value[mine], faults, instances=(name,))


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a polled endpoint. ``code`` is None and ``error`` says why when there was none.

    ``t_s``: seconds since the bake began; ``wall_s``: Unix time of the answer by the recorder's clock.
    ``headers``: lower-case names. ``asked`` False: nobody asked at that moment, since the answer before came late.
    """

    t_s: float
    wall_s: float
    took_s: float
    code: int | None
    body: str
    headers: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers of one polled endpoint of one side, in time order; ``every_s`` is the schedule."""

    answers: tuple[Answer, ...]
    every_s: float


@dataclass(frozen=True, slots=True)
class IdFact:
    """What one probe answer said about its correlation id. ``sent`` is None when the probe sends none.

    ``got`` is None when the answer has no such header. ``logged``: whether the id was found in the service's log;
    None when it was not looked up.
    """

    sent: str | None
    got: str | None
    status: int
    path: str = ""
    logged: bool | None = None


@dataclass(frozen=True, slots=True)
class Ids:
    """Correlation ids of one side."""

    facts: tuple[IdFact, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """Lines of one pattern that came between two looks at a log: how many, and one of them, without secrets."""

    pattern: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Look:
    """What had come into a log since the look before, or since the bake began.

    ``t_s``: seconds since the bake began. ``lines``: all of them. ``requests``: those that are one request each; None
    where nobody said which are. ``seen``: those that count, by their pattern.
    """

    t_s: float
    lines: int
    requests: int | None
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """A side's log in looks, in time order; ``every_s`` is the schedule."""

    looks: tuple[Look, ...]
    every_s: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a statement had cost by some moment: ``calls``, and seconds in all of them."""

    t_s: float
    calls: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Statements:
    """What the statements of a side's database cost. ``costs``: statement -> its costs at the moments ``at_s``.

    A statement that is new at a moment has cost nothing before; one of which nothing changed keeps its cost.
    """

    at_s: tuple[float, ...]
    costs: Mapping[str, tuple[Cost, ...]]


Samples = Requests | Series | Answers | Ids | Lines | Statements


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a gate judges: the samples of one signal, candidate and baseline in the same window.

    ``field``: the part of the signal (``latency`` of ``requests.latency``). ``started_s`` and ``finished_s``: Unix
    times of the window. ``problems``: why the samples cannot be believed as a whole (recorder killed, its lag); with
    any problem no gate passes. ``files``: SHA-256 of the stored raw samples. ``doubts``: why they do not tell about the
    service (the load was not what it should have been); with any doubt nothing passes and nothing fails.
    """

    signal: str
    field: str
    candidate: Samples
    baseline: Samples | None
    started_s: float
    finished_s: float
    problems: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was computed from evidence.

    ``value``: in ``unit`` (see UNITS), None when it could not be computed; ``text`` instead of a value for states and
    versions. ``low``, ``high``: interval of the value at ``confidence``; an open end is None. ``confidence`` None:
    a deterministic measure that spends no error probability. ``n``: samples of the candidate. ``n_needed``: how many
    would be needed to judge it, where that is known. ``problems``: why it must not be compared with a limit.
    """

    dimension: Dimension
    n: int
    value: float | None = None
    text: str | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    baseline: float | None = None
    baseline_n: int | None = None
    n_needed: int | None = None
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("value", "low", "high", "confidence", "baseline"):
            number = getattr(self, name)
            if number is None:
                continue
            if not math.isfinite(number):
                raise ValueError(f"Measurement.{name}: expected a finite number or None, got {number!r}")
            object.__setattr__(self, name, float(number))  # Of numpy, Decimal, Fraction: JSON knows none of them.
        for name in ("n", "n_needed", "baseline_n"):
            count = getattr(self, name)
            if count is not None:
                object.__setattr__(self, name, operator.index(count))

    @property
    def unit(self) -> str:
        """The unit of ``value``, ``low``, ``high`` and ``baseline``."""
        return UNITS[self.dimension]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its grounds: one line that says observed, limit, baseline, n and interval.

    ``e_value``: evidence at the end against "all limits are kept", None where no sequential test judged; ``e_health``:
    against "worse than what must not be promoted", None where none tests that. ``alpha``: the gate's share of the
    chance of a false rollback, None where it spends none.
    """

    verdict: Verdict
    message: str
    measurement: Measurement
    limit: str
    e_value: float | None = None
    e_health: float | None = None
    alpha: float | None = None


@dataclass(frozen=True, slots=True)
class GateResult:
    """All that is known about one gate at the end of a stage. The ``gates`` rows of decision.json."""

    id: str
    family: str
    required: bool
    severity: str
    verdict: Verdict
    message: str
    observed: float | str | None = None
    unit: str = ""
    limit: str = ""
    baseline: float | None = None
    interval: tuple[float | None, float | None] | None = None
    confidence: float | None = None
    n: int = 0
    n_needed: int | None = None
    window: tuple[float, float] | None = None
    waiver: str | None = None
    evidence: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    reproduce: str = ""
    e_value: float | None = None
    e_health: float | None = None
    alpha: float | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a decision is what it is; ``gate`` is None for reasons that concern the whole stage."""

    gate: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a stage decided, why, and from which gates.

    ``irreversible``: what the release brings that cannot be taken back once it is applied, each with its reason.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    gates: tuple[GateResult, ...]
    expected_gates: tuple[str, ...]
    overrides: tuple[str, ...] = field(default=())
    irreversible: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found, so that a person can mend it without running anything again.

    ``gate``: whose business it is. ``code``: the kind of fault (``index-lost``). ``what``: one sentence about this one.
    ``why``: why it matters. ``do``: what to do. ``blocks``: False for a warning. ``sql``: the statement at fault.
    ``revision``, ``path``, ``line``: where; None, empty, 0 where it has no such place. ``waiver``: who excused it and
    until when; a waived finding does not block. ``reproduce``: a command that shows it again. ``saw``: what came then.
    """

    gate: str
    code: str
    what: str
    why: str
    do: str
    blocks: bool = True
    revision: str | None = None
    path: str = ""
    line: int = 0
    sql: str | None = None
    waiver: str | None = None
    reproduce: str = ""
    saw: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the checks of one gate found.

    ``checked`` of ``expected`` things were examined (revisions, tables, files: ``what``); fewer than expected never
    pass. ``problems``: why the checks cannot be believed. ``does_not_apply``: why there is nothing to check here at all
    (a lock on a database that has none); None where there is.
    """

    gate: str
    what: str
    checked: int
    expected: int
    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()
    does_not_apply: str | None = None
    notes: tuple[str, ...] = ()
