"""Numbers from Prometheus: text pages of a service, instant queries, firing alerts.

One number is asked for and one must come; with a label that names instances, one for each of its values. None, NaN,
infinity, an empty result, several series of one name, an HTTP error, a warning of the server: all are kept raw and
reported as a fault, never as a number.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from relgate.adapters.http import number, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from prometheus_client.core import Metric

    from relgate.adapters.http import Endpoint, Reply

ACCEPT = "application/openmetrics-text;version=1.0.0;q=1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
_RAW_CHARACTERS = 4000
_MOST_INSTANCES = 256


class ScrapeSource:
    """One series of a text page. Fills the port ``Source``.

    Args:
        endpoint: where the page is; ask for it with ``ACCEPT``.
        metric: name of the sample, with its suffix (``requests_total``).
        labels: labels that the series carries at least.
        instance_label: the label that names instances; None where one series is asked for.

    """

    def __init__(
        self, endpoint: Endpoint, metric: str, labels: Mapping[str, str], instance_label: str | None = None
    ) -> None:
        self._endpoint = endpoint
        self._metric = metric
        self._labels = dict(labels)
        self._instance_label = instance_label

    def read(self) -> dict[str, Any]:
        """Return the ``value`` of the one matching series, or the ``values`` of each instance, or the ``fault``."""
        reply = self._endpoint.ask()
        if reply.fault is not None:
            return unusable(reply.fault, reply.text[:_RAW_CHARACTERS])
        return pick(reply.text, reply.header("content-type"), self._metric, self._labels, self._instance_label)

    def close(self) -> None:
        """Close its connection."""
        self._endpoint.close()


def pick(
    page: str, content_type: str, metric: str, labels: Mapping[str, str], instance_label: str | None = None
) -> dict[str, Any]:
    """Return the facts of the one series of a text page that has this sample name and at least these labels.

    With ``instance_label`` of all such series, one for each of its values.
    """
    is_open = "openmetrics" in content_type
    if is_open and not page.rstrip().endswith("# EOF"):
        return unusable("the page is cut off: OpenMetrics ends with # EOF", page[-_RAW_CHARACTERS:])
    lines = [line for line in page.splitlines() if line.startswith(metric)]
    excerpt = "".join(f"{line}\n" for line in lines)
    try:
        parse: Callable[[str], Iterable[Metric]] = parse_openmetrics if is_open else parse_text
        families = parse(excerpt + "# EOF\n" if is_open else excerpt)
        samples = [sample for family in families for sample in family.samples if sample.name == metric]
    except (ValueError, IndexError, KeyError, TypeError) as error:
        return unusable(f"not readable as metrics: {error}", excerpt[:_RAW_CHARACTERS])
    found = [sample for sample in samples if labels.items() <= sample.labels.items()]
    if instance_label is not None and found:
        series = [(sample.labels.get(instance_label), sample.value) for sample in found]
        return _numbers(series, instance_label, excerpt[:_RAW_CHARACTERS])
    if len(found) != 1:
        wanted = f"{metric}{json.dumps(dict(labels)) if labels else ''}"
        count = "no series" if not found else f"{len(found)} series where one was asked"
        return unusable(f"{count}: {wanted}", excerpt[:_RAW_CHARACTERS])
    return number(found[0].value, lines[0] if len(lines) == 1 else str(found[0].value))


class QuerySource:
    """An instant query of PromQL. Fills the port ``Source``.

    Args:
        endpoint: ``/api/v1/query`` of a Prometheus.
        query: the expression, ``$side`` replaced already.
        instance_label: the label that names instances; None where one series is asked for.

    """

    def __init__(self, endpoint: Endpoint, query: str, instance_label: str | None = None) -> None:
        self._endpoint = endpoint
        self._query = query
        self._instance_label = instance_label

    def read(self) -> dict[str, Any]:
        """Return the ``value`` of the one series, or the ``values`` of each instance, or the ``fault``."""
        reply = self._endpoint.ask({"query": self._query})
        data, fault = _data(reply)
        raw = reply.text[:_RAW_CHARACTERS]
        if fault is not None:
            return unusable(fault, raw)
        kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, dict) else (None, None)
        try:
            if kind == "vector" and self._instance_label is not None and isinstance(result, list) and result:
                series = [(one["metric"].get(self._instance_label), float(one["value"][1])) for one in result]
                return _numbers(series, self._instance_label, raw)
            if kind == "vector" and isinstance(result, list):
                if len(result) != 1:
                    count = "no series" if not result else f"{len(result)} series where one was asked"
                    return unusable(f"{count}: {self._query}", raw)
                return number(float(result[0]["value"][1]), raw)
            if kind == "scalar" and self._instance_label is None and isinstance(result, list):
                return number(float(result[1]), raw)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            return unusable(f"not an answer of the query API: {error!r}", raw)
        wanted = "a vector or a scalar" if self._instance_label is None else "a vector"
        return unusable(f"expected {wanted}, got {kind!r}", raw)

    def close(self) -> None:
        """Close its connection."""
        self._endpoint.close()


class AlertSource:
    """The number of firing alerts. Fills the port ``Source``.

    Args:
        endpoint: ``/api/v1/alerts`` of a Prometheus or ``/api/v2/alerts`` of an Alertmanager.
        match: labels that an alert must carry.
        alertmanager: which of the two it is. Alertmanager's silenced and inhibited alerts do not count: somebody has
            decided that they do not matter now.

    """

    def __init__(self, endpoint: Endpoint, match: Mapping[str, str], *, alertmanager: bool) -> None:
        self._endpoint = endpoint
        self._match = dict(match)
        self._is_manager = alertmanager

    def read(self) -> dict[str, Any]:
        """Return the count as ``value`` and the alerts that count in ``raw``, or None with the ``fault``."""
        reply = self._endpoint.ask()
        data, fault = (_json(reply)) if self._is_manager else _data(reply)
        if fault is not None:
            return unusable(fault, reply.text[:_RAW_CHARACTERS])
        try:
            alerts = data if self._is_manager else data["alerts"]
            firing = [dict(alert["labels"]) for alert in alerts if self._fires(alert)]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return unusable(f"not a list of alerts: {error!r}", reply.text[:_RAW_CHARACTERS])
        found = [labels for labels in firing if self._match.items() <= labels.items()]
        return {"value": float(len(found)), "fault": None, "raw": json.dumps(found)[:_RAW_CHARACTERS]}

    def close(self) -> None:
        """Close its connection."""
        self._endpoint.close()

    def _fires(self, alert: Any) -> bool:
        if self._is_manager:
            return alert["status"]["state"] in ("active", "unprocessed")
        return bool(alert["state"] == "firing")


def _numbers(series: Sequence[tuple[object, float]], label: str, raw: str) -> dict[str, Any]:
    """Return the facts of an observation of several series, by the value of a label; NaN and infinities are a fault.

    A series without the label, or two with the same, say nothing about any instance: the whole observation is unusable.
    """
    names = [name for name, _ in series]
    if not all(isinstance(name, str) and name for name in names):
        return unusable(f"a series without the label {label}", raw)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        return unusable(f"{names.count(twice)} series with {label}={twice} where one was asked", raw)
    if len(names) > _MOST_INSTANCES:
        return unusable(f"{len(names)} series: expected at most {_MOST_INSTANCES} values of {label}", raw)
    odd = sorted(str(name) for name, value in series if not math.isfinite(value))
    values = [[name, value if math.isfinite(value) else None] for name, value in series]
    return {"values": values, "fault": f"not a finite number: {', '.join(odd)}" if odd else None, "raw": raw}


def _json(reply: Reply) -> tuple[Any, str | None]:
    if reply.error is not None:
        return None, reply.error
    try:
        document = json.loads(reply.text)
    except (ValueError, RecursionError):
        return None, reply.fault or "not JSON"
    return document, reply.fault


def _data(reply: Reply) -> tuple[Any, str | None]:
    """Return the ``data`` of an answer of Prometheus' API, and why it cannot be used."""
    document, fault = _json(reply)
    if not isinstance(document, dict):
        return None, fault or "not an answer of Prometheus"
    if document.get("status") != "success":
        return None, f"{fault or 'Prometheus'}: {document.get('errorType')}: {document.get('error')}"
    if document.get("warnings"):
        return None, f"warning of Prometheus: {'; '.join(map(str, document['warnings']))}"
    return document.get("data"), fault
