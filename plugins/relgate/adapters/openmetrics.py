"""A decision as OpenMetrics: a text file for a collector, or a push to a Pushgateway. By prometheus_client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.exposition import pushadd_to_gateway
from prometheus_client.openmetrics.exposition import generate_latest

from relgate.errors import SourceError
from relgate.report.machines import counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prometheus_client.core import Metric

_PUSH_TIMEOUT_S = 10.0
_DECISIONS = ("promote", "hold", "rollback")
_VERDICTS = ("pass", "warn", "fail", "inconclusive", "error", "missing")


class _Decision:
    """The metrics of one decision, and of all decisions of the ledger so far."""

    def __init__(self, content: Mapping[str, Any], decisions: Sequence[Mapping[str, Any]]) -> None:
        self._content, self._decisions = content, decisions

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        here = [str(self._content[name]) for name in ("service", "environment", "stage")]
        names = ["service", "environment", "stage"]
        decision = GaugeMetricFamily(
            "release_decision", "1 for what was decided, 0 for what was not", labels=[*names, "decision"]
        )
        for one in _DECISIONS:
            decision.add_metric([*here, one], float(self._content["decision"] == one))
        verdict = GaugeMetricFamily(
            "release_gate_verdict", "1 for the verdict of a gate", labels=[*names, "gate", "verdict"]
        )
        observed = GaugeMetricFamily(
            "release_gate_observed", "what a gate observed, in its unit", labels=[*names, "gate", "unit"]
        )
        evidence = GaugeMetricFamily(
            "release_gate_evidence", "share of the evidence that breaks a gate's limits", labels=[*names, "gate"]
        )
        for row in self._content["gates"]:
            for one in _VERDICTS:
                verdict.add_metric([*here, row["id"], one], float(row["verdict"] == one))
            if isinstance(row["observed"], int | float):
                observed.add_metric([*here, row["id"], row["unit"]], row["observed"])
            if row.get("e_value") is not None and row.get("alpha"):
                evidence.add_metric([*here, row["id"]], row["e_value"] * row["alpha"])
        yield from (decision, verdict, observed, evidence)
        yield from self._releases()

    def _releases(self) -> Iterator[Metric]:
        own = [one for one in self._decisions if one["service"] == self._content["service"]]
        found, service = counts(own), [str(self._content["service"])]
        texts = {
            "prepared": "releases that were judged",
            "promoted": "releases that were promoted in some stage",
            "failed": "releases that were rolled back in some stage",
        }
        for name, text in texts.items():
            counter = CounterMetricFamily(f"releases_{name}", text, labels=["service"])
            counter.add_metric(service, found[name])
            yield counter
        for name, of in (("prepare", "prepared"), ("promote", "promoted")):
            text = f"seconds from a release's first run to its first {'decision' if of == 'prepared' else 'promotion'}"
            summary = SummaryMetricFamily(f"release_{name}_seconds", text, labels=["service"])
            summary.add_metric(service, count_value=found[of], sum_value=found[f"{name}_s"])
            yield summary


def render(content: Mapping[str, Any], decisions: Sequence[Mapping[str, Any]]) -> str:
    """Return the metrics as OpenMetrics text. ``decisions``: of the ledger, oldest first, this one included."""
    text: bytes = generate_latest(_registry(content, decisions))  # type: ignore[no-untyped-call]
    return text.decode()


def push(content: Mapping[str, Any], decisions: Sequence[Mapping[str, Any]], url: str) -> None:
    """Push the metrics to a Pushgateway, grouped by service, environment and stage.

    Raises:
        SourceError: it cannot be reached, or refused them. The address is not named: it may hold a password.

    """
    group = {name: str(content[name]) for name in ("service", "environment", "stage")}
    try:
        pushadd_to_gateway(
            url, job="relgate", registry=_registry(content, decisions), grouping_key=group, timeout=_PUSH_TIMEOUT_S
        )
    except (OSError, ValueError) as error:
        raise SourceError(f"the Pushgateway did not take the metrics ({type(error).__name__})") from error


def _registry(content: Mapping[str, Any], decisions: Sequence[Mapping[str, Any]]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Decision(content, decisions))
    return registry
