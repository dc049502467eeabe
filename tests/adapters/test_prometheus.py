"""Numbers from Prometheus: one is asked for, one must come. Queries run against the real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.adapters.http import Endpoint
from relgate.adapters.prometheus import ACCEPT, AlertSource, QuerySource, ScrapeSource, pick
from relgate.ports.observing import Access
from tests.adapters.servers import refused_url, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = """# HELP process_resident_memory_bytes Resident memory.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.5e+08
# TYPE jobs gauge
jobs{queue="fast",side="a"} 3
jobs{queue="slow",side="a"} 4
jobs{queue="odd\\"}"} NaN
jobs{queue="full"} +Inf
# TYPE requests_total counter
requests_total 7
"""
OPEN = "# TYPE requests counter\nrequests_total 7.0\nrequests_created 1.0\n# EOF\n"
OPEN_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

RULES = """
groups:
  - name: g
    interval: 1s
    rules:
      - {alert: Broken, expr: vector(1), labels: {severity: critical, side: canary}}
      - {alert: Odd, expr: vector(1), labels: {severity: page, side: canary}}
      - {alert: Later, expr: vector(1), for: 1h, labels: {severity: critical}}
      - {record: two, expr: 'label_replace(vector(1), "n", "1", "", "") or label_replace(vector(2), "n", "2", "", "")'}
      - {record: depth, expr: 'label_replace(vector(17), "deployment", "canary", "", "")'}
"""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a real Prometheus with rules that make series and alerts without scraping anything."""
    if os.environ.get("RELGATE_TESTS_WITHOUT_PROMETHEUS") == "1":
        pytest.skip("RELGATE_TESTS_WITHOUT_PROMETHEUS=1")
    binary = shutil.which("prometheus")
    assert binary is not None, "prometheus is not on PATH: install it, or set RELGATE_TESTS_WITHOUT_PROMETHEUS=1"
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "rules.yml").write_text(RULES)
    (folder / "prometheus.yml").write_text("global: {evaluation_interval: 1s}\nrule_files: [rules.yml]\n")
    url = refused_url()
    command = [binary, "--config.file=prometheus.yml", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address={url.removeprefix('http://')}", "--log.level=error"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for_rules(url)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait_for_rules(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if query(url, "count(ALERTS) and on() count(depth)")["value"] is not None:
            return
        time.sleep(0.2)
    pytest.fail("prometheus did not evaluate its rules within 30 s")


def query(url: str, text: str, instance_label: str | None = None) -> dict[str, Any]:
    """Ask one instant query."""
    source = QuerySource(Endpoint(f"{url}/api/v1/query", Access(), 5.0), text, instance_label)
    try:
        return source.read()
    finally:
        source.close()


def alerts(url: str, match: dict[str, str], *, alertmanager: bool = False) -> dict[str, Any]:
    """Count alerts once."""
    source = AlertSource(Endpoint(url, Access(), 5.0), match, alertmanager=alertmanager)
    try:
        return source.read()
    finally:
        source.close()


def answered(body: object, code: int = 200, instance_label: str | None = None) -> dict[str, Any]:
    """Return what a query source makes of an answer that a healthy Prometheus does not give."""
    with serving() as service:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        service.pages["/api/v1/query"] = (code, "application/json", text)
        return query(service.url, "up", instance_label)


def test_a_query_with_one_series_is_a_number(prometheus: str) -> None:
    """A vector with one element and a scalar both are."""
    assert query(prometheus, 'depth{deployment="canary"}')["value"] == 17.0
    assert query(prometheus, "scalar(vector(3))")["value"] == 3.0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('depth{deployment="stable"}', "no series"),
        ("two", "2 series"),
        ("vector(0) / 0", "not a finite number"),
        ("vector(1) / 0", "not a finite number"),
        ("depth[5m]", "matrix"),
        ('"text"', "string"),
        ("sum(", "bad_data"),
    ],
)
def test_a_query_without_one_finite_number_is_a_fault(prometheus: str, text: str, fault: str) -> None:
    """Nothing, two series, NaN, infinity, other kinds, and a broken query: no number, and the raw answer is kept."""
    facts = query(prometheus, text)

    assert facts["value"] is None
    assert fault in facts["fault"]
    assert facts["raw"]


def test_a_label_makes_one_series_of_each_of_its_values(prometheus: str) -> None:
    """Several series are what is asked for then; one instance without a finite number leaves the others good."""
    assert query(prometheus, "two", "n") == {"values": [["1", 1.0], ["2", 2.0]], "fault": None, "raw": ANY}
    broken = query(prometheus, "(two - 1) / (two - 1)", "n")
    assert (broken["values"], broken["fault"]) == ([["1", None], ["2", 1.0]], "not a finite number: 1")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('depth{deployment="stable"}', "no series"),
        ('depth{deployment="canary"}', "a series without the label n"),
        ('two or label_replace(two, "m", "x", "", "")', "2 series with n=1 where one was asked"),
        ("scalar(vector(3))", "expected a vector, got 'scalar'"),
        ("two[5m]", "matrix"),
    ],
)
def test_series_that_name_no_instance_are_a_fault(prometheus: str, text: str, fault: str) -> None:
    """Without the label, or twice with the same value, nobody can say whose number it is: none is kept."""
    facts = query(prometheus, text, "n")

    assert facts.get("values") is None
    assert facts["value"] is None
    assert fault in facts["fault"]
    assert facts["raw"]


def test_firing_alerts_are_counted_by_their_labels(prometheus: str) -> None:
    """Only alerts that fire and carry all labels count; pending ones do not."""
    url = f"{prometheus}/api/v1/alerts"

    assert alerts(url, {})["value"] == 2.0
    assert alerts(url, {"severity": "critical"})["value"] == 1.0
    assert alerts(url, {"severity": "critical", "side": "stable"})["value"] == 0.0


GOOD = {"resultType": "vector", "result": [{"metric": {}, "value": [1.0, "5"]}]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"status": "success", "data": GOOD, "warnings": ["a store is missing"]}, 200),
        ({"status": "success", "data": GOOD}, 503),
        ({"status": "error", "errorType": "timeout", "error": "too slow"}, 200),
        ({"data": GOOD}, 200),
        ({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}, 200),
        ({"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, None]}]}}, 200),
        ({"status": "success", "data": None}, 200),
        ([], 200),
        (b"<html>login</html>", 200),
        (b"", 200),
    ],
)
@pytest.mark.parametrize("instance_label", [None, "n"])
def test_an_answer_that_cannot_be_believed_is_a_fault(body: object, code: int, instance_label: str | None) -> None:
    """Warnings (a partial answer), error codes, and what is no answer of Prometheus never become a number."""
    facts = answered(body, code, instance_label)

    assert facts["value"] is None
    assert facts["fault"]


def test_the_same_answer_without_a_warning_is_a_number() -> None:
    """The counterpart of the test above: its good answer is good."""
    assert answered({"status": "success", "data": GOOD})["value"] == 5.0


def test_an_unreachable_prometheus_is_a_fault() -> None:
    """Nobody there is no zero."""
    assert query(refused_url(), "up")["fault"].startswith("connect")
    assert alerts(refused_url(), {})["value"] is None


def test_alertmanagers_silenced_alerts_do_not_count() -> None:
    """Active and not yet processed alerts count, suppressed ones do not."""
    states = [("active", "critical"), ("unprocessed", "critical"), ("suppressed", "critical"), ("active", "info")]
    body = [{"labels": {"severity": level}, "status": {"state": state}} for state, level in states]
    with serving() as service:
        service.pages["/api/v2/alerts"] = (200, "application/json", json.dumps(body).encode())
        counted = alerts(f"{service.url}/api/v2/alerts", {"severity": "critical"}, alertmanager=True)
        service.pages["/api/v2/alerts"] = (200, "application/json", b'[{"labels": {}}]')
        odd = alerts(f"{service.url}/api/v2/alerts", {}, alertmanager=True)

    assert counted["value"] == 2.0
    assert (odd["value"], odd["fault"] is not None) == (None, True)


def test_a_series_is_picked_by_name_and_labels() -> None:
    """The one series with the sample's name and at least these labels is the number."""
    assert pick(PAGE, "text/plain", "process_resident_memory_bytes", {})["value"] == 1.5e8
    assert pick(PAGE, "text/plain", "jobs", {"queue": "slow"})["value"] == 4.0
    assert pick(PAGE, "text/plain", "requests_total", {})["value"] == 7.0
    assert pick(OPEN, OPEN_TYPE, "requests_total", {})["value"] == 7.0


def test_a_page_gives_the_series_of_each_instance() -> None:
    """With a label all series of the name that have the wanted labels, by its values; 257 of them are too many."""
    facts = pick(PAGE, "text/plain", "jobs", {"side": "a"}, "queue")
    assert (facts["values"], facts["fault"]) == ([["fast", 3.0], ["slow", 4.0]], None)
    facts = pick(PAGE, "text/plain", "jobs", {}, "queue")
    assert [name for name, number in facts["values"] if number is None] == ['odd"}', "full"]
    assert facts["fault"] == 'not a finite number: full, odd"}'
    assert "without the label side" in pick(PAGE, "text/plain", "jobs", {}, "side")["fault"]
    assert "2 series with side=a" in pick(PAGE, "text/plain", "jobs", {"side": "a"}, "side")["fault"]
    assert pick(PAGE, "text/plain", "jobs", {"queue": "none"}, "queue")["fault"].startswith("no series")
    many = "".join(f'jobs{{queue="{number}"}} 1\n' for number in range(257))
    assert pick(many, "text/plain", "jobs", {}, "queue")["fault"].startswith("257 series: expected at most 256")


@pytest.mark.parametrize(
    ("metric", "labels", "fault"),
    [
        ("jobs", {"side": "a"}, "2 series"),
        ("jobs", {"queue": "none"}, "no series"),
        ("job", {}, "no series"),
        ("jobs", {"queue": 'odd"}'}, "not a finite number"),
        ("jobs", {"queue": "full"}, "not a finite number"),
    ],
)
def test_no_series_several_and_nan_are_faults(metric: str, labels: dict[str, str], fault: str) -> None:
    """One series with a finite number, or no number at all."""
    facts = pick(PAGE, "text/plain", metric, labels)

    assert facts["value"] is None
    assert fault in facts["fault"]


def test_an_openmetrics_page_that_is_cut_off_is_a_fault() -> None:
    """Without # EOF part of the page is missing, whatever stands in the rest."""
    facts = pick(OPEN.removesuffix("# EOF\n"), OPEN_TYPE, "requests_total", {})

    assert facts["value"] is None
    assert "cut off" in facts["fault"]


@given(
    st.text(alphabet='jobs{}="1e+NaI# \n\\,', max_size=60) | st.sampled_from([PAGE, PAGE[:-9]]),
    st.booleans(),
    st.sampled_from([None, "s", "side", "queue"]),
)
def test_any_page_gives_finite_numbers_or_a_fault(page: str, is_open: bool, instance_label: str | None) -> None:
    """Garbage never raises and never becomes a number that is not finite."""
    kind = OPEN_TYPE if is_open else "text/plain"
    facts = pick(page + ("\n# EOF" if is_open else ""), kind, "jobs", {}, instance_label)
    numbers = [number for _, number in facts["values"]] if "values" in facts else [facts["value"]]

    assert (None in numbers) == (facts["fault"] is not None)
    json.dumps(facts, allow_nan=False)


def test_a_page_is_scraped(prometheus: str) -> None:
    """Prometheus' own page gives its own memory."""
    endpoint = Endpoint(f"{prometheus}/metrics", Access(), 5.0, ACCEPT)
    source = ScrapeSource(endpoint, "process_resident_memory_bytes", {})
    facts = source.read()
    source.close()

    assert facts["value"] > 1e6


def test_an_openmetrics_page_without_the_metric_says_that_there_is_no_series() -> None:
    """An empty excerpt is a page too: it must not be taken for a damaged one."""
    found = pick(
        "# TYPE up gauge\nup 1.0\n# EOF\n", "application/openmetrics-text; version=1.0.0", "no_such_metric", {}
    )

    assert found["value"] is None
    assert found["fault"] == "no series: no_such_metric"
