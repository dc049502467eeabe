"""What a gate's keys mean together: its rule kind from its signal, its limits fitted to the dimension, its phases.

Works on the parsed document, in which ``BAD`` stands for what has its fault already. Builds gates only from a
document without faults; until then the checks are what counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from relgate.policy import units
from relgate.policy.api import EXPLORED
from relgate.policy.fields import FIELDS, dimension_of, unit_of_metric
from relgate.policy.grammar import BAD, nearest
from relgate.policy.limits import AnyLimit, Limit, NumberLimit, StatusLimit, parse_limit
from relgate.policy.migrations import PROVEN
from relgate.policy.preflight import PREFIX as PREFLIGHT
from relgate.policy.preflight import gate_ids as asked_before
from relgate.policy.risk import STATISTICAL
from relgate.policy.smoke import PREFIX, gate_ids
from relgate.policy.texts import WHOLE
from relgate.policy.tighten import unreachable

if TYPE_CHECKING:
    from relgate.policy.model import Family, Kind, Unit
    from relgate.policy.nodes import Faults, Path
    from relgate.values import Dimension

Doc = dict[str, Any]

_NAMES: dict[Dimension, tuple[str, str]] = {
    "time": ("a duration", "2000ms"),
    "share": ("a share", "0.5%"),
    "bytes": ("a size", "500MB"),
    "rate": ("a rate", "10/s"),
    "byterate": ("a byte rate", "10MB/min"),
    "count": ("a plain number", "1000"),
    "status": ("a state", "down"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a gate judges. ``dimension`` is None for a gate without a signal: its limits say it.

    ``whole``: the whole distribution is compared, not a quantile.
    """

    kind: Kind
    dimension: Dimension | None
    signal: str | None = None
    field: str | None = None
    whole: bool = False

    @property
    def what(self) -> str:
        """What is judged, for messages."""
        return f"{self.signal}.{self.field}" if self.signal else "a gate without a signal"


def rule_of(gate: Doc, doc: Doc, path: Path, faults: Faults) -> Rule | None:
    """Return what a gate judges; None when that is not known because of a fault (noted here or earlier)."""
    written, signals = gate.get("signal"), doc.get("signals", {})
    if path[-1] in (*PROVEN, *EXPLORED, *walked(doc), *asked_before(doc.get("preflight"))):
        return Rule("findings", "count")
    if written is None:
        if "signal" not in gate and any(key in gate for key in ("fail", "warn", "quantile", "over", "expect")):
            faults.add(path, "a gate with limits needs a signal, or null if your own test measures", at_key=True)
            return None
        return Rule("value", None)
    if written is BAD or signals is BAD:
        return None
    name, _, field = written.partition(".")
    here = (*path, "signal")
    if name not in signals:
        faults.add(here, f'unknown signal "{name}": {nearest(name, signals)}')
        return None
    source = kind_and_unit(signals[name])
    if source is None:
        return None
    kind, unit = source
    fields = FIELDS[kind]
    field = field or next(iter(fields))
    if field not in fields:
        faults.add(here, f'{name} is a {kind} signal without a field "{field}": {nearest(field, fields)}')
        return None
    dimension = dimension_of(fields[field], unit)
    if dimension is None:
        faults.add(here, f"{field} has no meaning for the unit {unit} of {name}: use {name}.growth or another unit")
        return None
    kind_of_rule = fields[field]
    whole = kind_of_rule == "quantile" and gate.get("quantile") == WHOLE
    return Rule(kind_of_rule, dimension, name, field, whole=whole)


def walked(doc: Doc) -> tuple[str, ...]:
    """Return the ids of the gates of smoke paths."""
    smoke = doc.get("smoke")
    return gate_ids(smoke.get("paths")) if isinstance(smoke, dict) else ()


def family_of(gate_id: str) -> Family:
    """Return the family of a gate that is judged by findings."""
    if gate_id.startswith(PREFLIGHT):
        return "preflight"
    return "smoke" if gate_id in EXPLORED or gate_id.startswith(PREFIX) else "migration"


def kind_and_unit(signal: Any) -> tuple[Any, Unit] | None:
    """Return kind and unit of a parsed signal; None when a fault hides them."""
    kinds = [kind for kind in FIELDS if isinstance(signal, dict) and kind in signal]
    if len(kinds) != 1:
        return None
    kind, body = kinds[0], signal[kinds[0]]
    if kind in ("probe", "load", "poll", "alerts", "log", "statements"):
        return kind, "count"
    holder = signal if isinstance(body, str) else body
    if holder is BAD:
        return None
    unit = holder.get("unit", "count")
    if "unit" not in holder and kind == "scrape":
        unit = BAD if body.get("metric", BAD) is BAD else unit_of_metric(body["metric"])
    return None if unit is BAD else (kind, unit)


def fit(limit: Limit, rule: Rule) -> Limit:
    """Return a limit in the dimension of its rule; ValueError when they do not go together."""
    what = f"{rule.signal}.{rule.field}" if rule.signal else "your own measurement"
    if rule.kind == "version":
        raise ValueError(f"{what} is a version: it is compared with expect and has no limits")
    if rule.kind == "health" and not isinstance(limit, StatusLimit):
        raise ValueError(f'{what} is a state: expected down or "failing 3 in a row", got {units.shown(limit.text)}')
    if rule.kind == "quantile" and rule.whole and not _compares(limit):
        text = units.shown(limit.text)
        raise ValueError(f"the whole of {what} is compared with the baseline: expected {_example(rule)}, got {text}")
    if not isinstance(limit, AnyLimit):
        _check_streak(limit, rule, what)
    if rule.kind in ("value", "health"):
        return limit
    if isinstance(limit, AnyLimit) and (rule.kind in ("ids", "share") or rule.dimension == "count"):
        return limit if rule.dimension == "share" else NumberLimit(">", 0.0, "absolute", "count", limit.text)
    if not isinstance(limit, NumberLimit) or rule.dimension is None:
        raise ValueError(f"{what} is a number: expected {_example(rule)}, got {units.shown(limit.text)}")
    if limit.dimension in (None, rule.dimension):
        return limit
    if limit.dimension == "count" and limit.value == 0:
        return replace(limit, dimension=rule.dimension)
    is_a, came = _NAMES[rule.dimension][0], _NAMES[limit.dimension][0] if limit.dimension else "no unit"
    raise ValueError(f"{what} is {is_a}: expected {_example(rule)}, got {units.shown(limit.text)}, which is {came}")


def _compares(limit: Limit) -> bool:
    """Whether a limit says how many times the baseline is too much, for the whole window."""
    return isinstance(limit, NumberLimit) and limit.basis == "times" and limit.op[0] == ">" and limit.for_s is None


def _check_streak(limit: NumberLimit | StatusLimit, rule: Rule, what: str) -> None:
    """Refuse streaks that the rule cannot see: windows have no single observations, one number has no streak."""
    text = units.shown(limit.text)
    if rule.kind in ("ids", "value", "patterns", "statements") and (
        limit.for_s is not None or limit.in_a_row is not None
    ):
        raise ValueError(f"{what} is one number for the whole window: expected a limit without a streak, got {text}")
    if rule.kind not in ("gauge", "health") and limit.in_a_row is not None:
        raise ValueError(f"{what} is computed from many observations: expected for 5m and not in a row, got {text}")


def fitted(raw: Doc, rule: Rule, path: Path, faults: Faults) -> tuple[tuple[Limit, ...], tuple[Limit, ...]]:
    """Return fail and warn of a gate or of a change, as written; limits that do not fit are noted and left out."""
    both: list[tuple[Limit, ...]] = []
    for key in ("fail", "warn"):
        good: list[Limit] = []
        written = raw.get(key, ())
        for index, limit in enumerate(() if written is BAD else written):
            if limit is BAD:
                continue
            try:
                good.append(fit(limit, rule))
            except ValueError as fault:
                faults.add((*path, key, index), str(fault))
        both.append(tuple(good))
    return both[0], both[1]


def with_defaults(
    raw: Doc, rule: Rule, fail: tuple[Limit, ...], warn: tuple[Limit, ...]
) -> tuple[tuple[Limit, ...], tuple[Limit, ...]]:
    """Return fail and warn with what the rule kind sets where nothing is written."""
    if rule.kind == "health":
        fail = fail if "fail" in raw else (parse_limit("down"), parse_limit("failing 3 in a row"))
        warn = warn if "warn" in raw else (parse_limit("degraded"),)
    elif rule.kind == "ids" and "fail" not in raw and "warn" not in raw:
        fail = (AnyLimit(),)
    return fail, warn


def check_keys(raw: Doc, rule: Rule, path: Path, faults: Faults) -> None:
    """Note keys that are missing from, or mean nothing in, a gate of this rule kind."""
    what = rule.what
    if rule.kind == "findings":
        _check_proven(raw, path, faults)
        return
    if raw.get("watch") is True and rule.signal is None:
        faults.add((*path, "watch"), f"{what} cannot be watched: only what has a signal is observed", at_key=True)
    if rule.kind == "quantile" and "quantile" not in raw:
        faults.add(path, f"{what} needs a quantile, for example quantile: 95%", at_key=True)
    if rule.kind != "quantile" and "quantile" in raw:
        faults.add((*path, "quantile"), f"{what} has no quantiles: only a latency has", at_key=True)
    limited = "fail" in raw or "warn" in raw
    if rule.kind not in STATISTICAL and "weight" in raw:
        faults.add((*path, "weight"), f"{what} is not judged by chance: weight means nothing here", at_key=True)
    if rule.kind != "gauge" and "over" in raw:
        faults.add((*path, "over"), f"{what} is not a series of numbers: over means nothing here", at_key=True)
    if (rule.kind not in ("version", "value") or (rule.kind == "value" and limited)) and "expect" in raw:
        faults.add((*path, "expect"), f"{what} is not a version: expect means nothing here", at_key=True)
    if not limited and rule.kind not in ("health", "ids", "version", "value"):
        faults.add(path, f"{what} needs a limit, for example fail: {_example(rule)!r}".replace("'", '"'), at_key=True)


_OF_PROVEN = frozenset({"on_fail", "severity", "next_steps", "owner", "description", "runbook", "during"})


def _check_proven(raw: Doc, path: Path, faults: Faults) -> None:
    """Note keys that mean nothing in a gate that has findings instead of a measurement."""
    family = family_of(str(path[-1]))
    excuse = "waive a finding in its revision"
    if family == "preflight":
        excuse = "say under preflight what is expected"
    if family == "smoke":
        excuse = "change what api leaves out" if path[-1] in EXPLORED else "allow a finding in smoke.allow"
    for key in raw:
        if key not in _OF_PROVEN and not (key == "family" and raw[key] == family):
            text = f"{path[-1]} is judged by its findings: {key} means nothing here; {excuse}"
            faults.add((*path, key), text, at_key=True)
    check_before(str(path[-1]), raw, path, faults)


def check_before(gate_id: str, raw: Doc, path: Path, faults: Faults) -> None:
    """Note a gate on what must be true before a rollout that would roll back."""
    if family_of(gate_id) == "preflight" and raw.get("on_fail") == "rollback":
        faults.add((*path, "on_fail"), "before a rollout there is nothing to go back from: only hold stands here")


def check_limits(
    fail: tuple[Limit, ...], warn: tuple[Limit, ...], *, baseline: bool, path: Path, faults: Faults
) -> None:
    """Note limits that need a baseline where no environment has one, and warnings that can never come alone."""
    for key, limits in (("fail", fail), ("warn", warn)):
        for index, limit in enumerate(limits):
            if isinstance(limit, NumberLimit) and limit.basis != "absolute" and not baseline:
                faults.add((*path, key, index), f'no environment has a baseline to compare "{limit.text}" with')
    for index, limit in enumerate(warn):
        if first := unreachable(limit, fail):
            faults.add((*path, "warn", index), f'"{limit.text}" never warns: fail "{first.text}" comes first')


def value_dimension(limits: tuple[Limit, ...], path: Path, faults: Faults) -> Dimension:
    """Return the one dimension of the limits of a gate without a signal; ``count`` when they do not say."""
    found: list[Dimension] = []
    for limit in limits:
        if isinstance(limit, StatusLimit):
            found.append("status")
        elif isinstance(limit, NumberLimit) and limit.dimension and (limit.dimension != "count" or limit.value):
            found.append(limit.dimension)
    if len(set(found)) > 1:
        faults.add(
            path, f"the limits of a gate must measure one thing, got {' and '.join(dict.fromkeys(found))}", at_key=True
        )
    return found[0] if found else "count"


def _example(rule: Rule) -> str:
    if rule.whole:
        return "> baseline + 5%"
    return f"> {_NAMES[rule.dimension][1]}" if rule.dimension in _NAMES else "a limit"
