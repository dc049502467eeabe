"""Loads in a policy: who loads the service, how much, in which shape, and what no load ever goes beyond.

A load is a signal: both sides get the same one at once, for the length of the bake, and gates judge its latency,
errors, throughput and capacity. A warm-up is a part of a stage: requests before the bake that nobody judges.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import Field

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import BAD, Key, ListOf, Record, Whole, Words
from relgate.policy.units import written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.policy.nodes import Faults, Path

Shape = Literal["constant", "steady", "step", "spike", "soak"]
Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]

_MOST = 100_000
_SPARE_S = 2.0
_FEWEST = 10


class Caps(Frozen):
    """What no load goes beyond, however it is written and whatever the command line says."""

    users: int = 2_000
    rate_per_s: float = 1_000.0
    duration_s: float = 3_600.0
    requests: int = 1_000_000


class Knee(Frozen):
    """When a service is at its end: quantile ``quantile`` of the latency is above ``limit_s``."""

    quantile: float = Field(default=0.95, gt=0, lt=1)
    limit_s: float


class Load(Frozen):
    """A load of both sides. Exactly one of ``rate_per_s`` (open loop) and ``clients`` (closed loop) is set.

    ``users``: locustfiles, relative to the policy's file; ``profile``: an access log or HAR instead, of which
    ``methods`` are replayed. ``connections`` None: two seconds of the rate. ``workers`` > 0: on other hosts; they find
    the master at ``bind`` and ``port``. ``late_s``: lag of the generator with which a request says nothing.
    """

    users: tuple[str, ...] = ()
    profile: str | None = None
    methods: tuple[Method, ...] = ("GET", "HEAD")
    rate_per_s: float | None = None
    clients: int | None = None
    shape: Shape = "constant"
    ramp_s: float = 0.0
    steps: int = 1
    each_s: float = 1.0
    connections: int | None = None
    processes: int = 1
    workers: int = 0
    bind: str = "127.0.0.1"
    port: int = 0
    timeout_s: float = 10.0
    late_s: float = 0.010
    cpu_most: float = 0.9
    seed: int = 0
    abort_file: str | None = None
    knee: Knee | None = None
    caps: Caps = Caps()

    @property
    def held_connections(self) -> int:
        """How many connections there are to each side."""
        if self.rate_per_s is None:
            return self.clients or 1
        usual = max(_FEWEST, math.ceil(_SPARE_S * self.rate_per_s))
        return min(self.caps.users, self.connections or usual)


class WarmUp(Frozen):
    """Requests to the candidate before the bake, at a rate; ``paths`` None: those of the policy's probes, or ``/``."""

    requests: int
    rate_per_s: float
    paths: tuple[str, ...] | None = None


CAPS = Record(
    "caps",
    (
        Key("users", Whole(1, _MOST), "the most clients or connections to a side", "2000"),
        Key("rate", texts.RATE, "the most requests per second to a side", "1000/s"),
        Key("duration", texts.INTERVAL, "the longest load", "1h"),
        Key("requests", Whole(1, 1_000_000_000), "the most requests to a side", "1000000"),
    ),
)

KNEE = Record(
    "knee",
    (
        Key("quantile", texts.SHARE_BETWEEN, "the quantile of the latency", "95%"),
        Key("limit", texts.INTERVAL, "above this the service is at its end", required=True),
    ),
)

WORKERS = Record(
    "workers",
    (
        Key("expect", Whole(1, 1000), "how many join each side", required=True),
        Key("bind", texts.HOST_PORT, "where the candidate's master listens, the baseline's one port further"),
    ),
)

LOAD = Record(
    "load",
    (
        Key("users", ListOf(texts.FILE), "locustfiles, relative to the policy's file"),
        Key("profile", texts.FILE, "an access log (common or combined) or a HAR: its requests as users"),
        Key("methods", ListOf(Words(get_args(Method))), "what of a profile is sent, without bodies", "[GET, HEAD]"),
        Key("rate", texts.RATE, "tasks begun per second on each side, on a schedule (open loop)"),
        Key("clients", Whole(1, _MOST), "users that act one task after the other on each side (closed loop)"),
        Key("shape", Words(get_args(Shape)), "how the amount changes over the bake", "constant"),
        Key("ramp", texts.DURATION, "how long it rises; of steady and soak", "0s"),
        Key("steps", Whole(2, 100), "of step: how many"),
        Key("each", texts.INTERVAL, "of step: how long each"),
        Key("connections", Whole(1, _MOST), "of a rate: users that share it, a connection each", "2 s of the rate"),
        Key("processes", Whole(1, 256), "workers on this machine", "1"),
        Key("workers", WORKERS, "workers on other hosts instead"),
        Key("timeout", texts.INTERVAL, "after this long without an answer a request has failed", "10s"),
        Key("late", texts.INTERVAL, "a request that the generator sends later than this says nothing", "10ms"),
        Key("cpu", texts.SHARE_BETWEEN, "of a processor: above it a generator is not believed", "90%"),
        Key("seed", Whole(0, 2_147_483_647), "of what users choose by chance", "0"),
        Key("abort_file", texts.FILE, "while this file is there nothing is loaded"),
        Key("knee", KNEE, "of step: what capacity means"),
        Key("caps", CAPS, "what no load goes beyond"),
    ),
    exactly_one=("rate", "clients"),
    at_most_one=("users", "profile"),
    needs={"methods": "profile"},
)

WARM_UP = Record(
    "warm_up",
    (
        Key("requests", Whole(1, 1_000_000), "how many", required=True),
        Key("rate", texts.RATE, "how many per second", required=True),
        Key("get", ListOf(texts.WEB_PATH), "paths to get in turn", "those that probes get, otherwise /"),
    ),
)

_SAME = ("users", "profile", "methods", "clients", "shape", "steps", "connections", "processes", "seed", "abort_file")
_RENAMED = {
    "rate": "rate_per_s",
    "ramp": "ramp_s",
    "each": "each_s",
    "timeout": "timeout_s",
    "late": "late_s",
    "cpu": "cpu_most",
}


def build(raw: dict[str, Any]) -> Load:
    """Return the load of a parsed document without faults."""
    given: dict[str, Any] = {key: raw[key] for key in _SAME if key in raw}
    given |= {new: raw[key] for key, new in _RENAMED.items() if key in raw}
    given |= {"caps": _caps(raw.get("caps", {}))}
    if "knee" in raw:
        given["knee"] = Knee(limit_s=raw["knee"]["limit"], quantile=raw["knee"].get("quantile", 0.95))
    if "workers" in raw:
        given["workers"] = raw["workers"]["expect"]
        if "bind" in raw["workers"]:
            host, _, port = raw["workers"]["bind"].rpartition(":")
            given |= {"bind": host, "port": int(port)}
    return Load(**given)


def warm_up(raw: dict[str, Any]) -> WarmUp:
    """Return the warm-up of a parsed stage without faults."""
    return WarmUp(requests=raw["requests"], rate_per_s=raw["rate"], paths=raw.get("get"))


def _caps(raw: dict[str, Any]) -> Caps:
    names = {"users": "users", "rate": "rate_per_s", "duration": "duration_s", "requests": "requests"}
    return Caps(**{new: raw[key] for key, new in names.items() if key in raw})


def check(doc: dict[str, Any], faults: Faults) -> None:
    """Note loads that cannot be made, and those that go beyond their caps in some stage."""
    signals = doc.get("signals", {})
    for name, signal in signals.items() if isinstance(signals, dict) else ():
        raw = signal.get("load") if isinstance(signal, dict) else None
        if not isinstance(raw, dict) or _hidden(raw):
            continue
        path: Path = ("signals", name, "load")
        _parts(raw, path, faults)
        _beyond(raw, path, faults)
        for index, stage, gates in _stages(doc, name):
            _stage(raw, stage, ("stages", index), name, faults)
            for gate in gates if "knee" not in raw else ():
                text = f"the capacity of {name} needs a knee: write knee: {{limit: 500ms}} in its load"
                faults.add(("gates", gate, "signal"), text)


def _hidden(raw: dict[str, Any]) -> bool:
    nested = [value for value in raw.values() if isinstance(value, dict)]
    return any(value is BAD for part in (raw, *nested) for value in part.values())


def _parts(raw: dict[str, Any], path: Path, faults: Faults) -> None:
    if "users" not in raw and "profile" not in raw:
        faults.add(path, "a load needs users or a profile: who asks?", at_key=True)
    step = raw.get("shape") == "step"
    for key in ("steps", "each"):
        if step and key not in raw:
            faults.add(path, f"the shape step needs {key}", at_key=True)
        if not step and key in raw:
            faults.add((*path, key), f"{key} belongs to the shape step", at_key=True)
    if "ramp" in raw and raw.get("shape", "constant") not in ("steady", "soak"):
        faults.add((*path, "ramp"), "ramp belongs to the shapes steady and soak", at_key=True)
    if "knee" in raw and not (step and "rate" in raw):
        faults.add((*path, "knee"), "a knee is found by the shape step with a rate", at_key=True)
    if "connections" in raw and "rate" not in raw:
        faults.add((*path, "connections"), "connections stand beside a rate: clients have one each", at_key=True)
    if "workers" in raw and "processes" in raw:
        faults.add((*path, "processes"), "workers and processes exclude each other: keep one", at_key=True)


def _beyond(raw: dict[str, Any], path: Path, faults: Faults) -> None:
    caps = _caps(raw.get("caps", {}))
    if raw.get("rate", 0.0) > caps.rate_per_s:
        most = written(caps.rate_per_s, "rate")
        faults.add((*path, "rate"), f"the rate is above its cap of {most}: lower it, or raise caps.rate")
    for key in ("clients", "connections"):
        if raw.get(key, 0) > caps.users:
            faults.add((*path, key), f"{key} are above their cap of {caps.users}: lower it, or raise caps.users")


def _stages(doc: dict[str, Any], signal: str) -> Iterator[tuple[int, dict[str, Any], list[str]]]:
    """Yield the stages in which a gate judges this signal, and those gates that judge its capacity."""
    stages, gates = doc.get("stages", BAD), doc.get("gates", {})
    known = [(id_, one) for id_, one in gates.items() if isinstance(one, dict)] if isinstance(gates, dict) else []
    mine = [(id_, one) for id_, one in known if str(one.get("signal", "")).partition(".")[0] == signal]
    capacity = [id_ for id_, one in mine if str(one.get("signal", "")).endswith(".capacity")]
    for index, stage in enumerate(stages if isinstance(stages, tuple) else ()):
        if not isinstance(stage, dict):
            continue
        run, required = stage.get("run", ("canary",)), stage.get("require", ())
        named = {*(run if isinstance(run, tuple) else ()), *(required if isinstance(required, tuple) else ())}
        if any(id_ in named or one.get("family", "canary") in named for id_, one in mine):
            yield index, stage, capacity


def _stage(raw: dict[str, Any], stage: dict[str, Any], path: Path, name: str, faults: Faults) -> None:
    bake_s = stage.get("bake", 600.0)
    if bake_s is BAD:
        return
    for problem in beyond(build(raw), bake_s):
        faults.add(
            (*path, "bake") if "bake" in stage else path, f"the load {name} {problem}", at_key="bake" not in stage
        )
    if raw.get("ramp", 0.0) >= bake_s:
        faults.add(path, f"the ramp of {name} lasts as long as the bake: the full load is never reached", at_key=True)
    if raw.get("shape") == "step" and "steps" in raw and "each" in raw and raw["steps"] * raw["each"] > bake_s:
        total = written(raw["steps"] * raw["each"], "time")
        faults.add(path, f"the steps of {name} take {total}: bake at least as long", at_key=True)


def beyond(load: Load, bake_s: float) -> list[str]:
    """Return in which way a load of this length would go beyond its caps. Asked again before a run."""
    found = []
    if bake_s > load.caps.duration_s:
        most = written(load.caps.duration_s, "time")
        found.append(f"may last {most}, the bake is {written(bake_s, 'time')}: shorten it, or raise caps.duration")
    if (load.rate_per_s or 0.0) * bake_s > load.caps.requests:
        asked = (load.rate_per_s or 0.0) * bake_s
        found.append(f"may send {load.caps.requests} requests, this is {asked:.0f}: shorten it, or raise caps.requests")
    return found
