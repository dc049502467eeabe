"""What each kind of signal can be asked, which judge's rule that is, and in which dimension limits are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relgate.policy.model import Kind, SignalKind, Unit
    from relgate.values import Dimension

_NUMBERS: dict[str, Kind] = {"value": "gauge", "growth": "growth", "trend": "trend", "rate": "counter"}

# Signal kind -> field -> rule kind; the first field is the default.
FIELDS: dict[SignalKind, dict[str, Kind]] = {
    "probe": {"latency": "quantile", "errors": "share", "throughput": "throughput", "ids": "ids", "logged": "ids"},
    "load": {"latency": "quantile", "errors": "share", "throughput": "throughput", "capacity": "capacity"},
    "poll": {"status": "health", "version": "version", "latency": "quantile"},
    "scrape": _NUMBERS,
    "promql": _NUMBERS,
    "json": _NUMBERS,
    "alerts": {"count": "gauge"},
    "log": {"patterns": "patterns", "rate": "counter"},
    "statements": {"mean": "statements"},
}

_FIXED: dict[Kind, Dimension] = {
    "quantile": "time",
    "share": "share",
    "throughput": "rate",
    "capacity": "rate",
    "ids": "share",
    "health": "status",
    "version": "text",
    "patterns": "rate",
    "statements": "time",
}
_OF_UNIT: dict[Unit, Dimension] = {
    "bytes": "bytes",
    "seconds": "time",
    "share": "share",
    "count": "count",
    "per_second": "rate",
}
# Per second: seconds per second are a plain number (CPU seconds per second are cores).
_PER_SECOND: dict[Unit, Dimension] = {"bytes": "byterate", "seconds": "count", "count": "rate"}

_SUFFIXES: dict[str, Unit] = {"_bytes": "bytes", "_seconds": "seconds", "_ratio": "share"}


def dimension_of(kind: Kind, unit: Unit) -> Dimension | None:
    """Return the dimension of a rule's measurement; None where the unit has no such measure (a share per second)."""
    if kind in _FIXED:
        return _FIXED[kind]
    return _PER_SECOND.get(unit) if kind in ("trend", "counter") else _OF_UNIT[unit]


def unit_of_metric(metric: str) -> Unit:
    """Return the unit that a Prometheus metric's name says: its suffix before ``_total``, otherwise ``count``."""
    name = metric.removesuffix("_total")
    return next((unit for suffix, unit in _SUFFIXES.items() if name.endswith(suffix)), "count")
