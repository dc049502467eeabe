"""OpenMetrics: what the parser of Prometheus reads back, and what a Pushgateway is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import unquote

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from relgate.adapters.openmetrics import push, render
from relgate.errors import SourceError
from tests.report.documents import HOSTILE, content, row


class Gateway(HTTPServer):
    """Takes what is pushed."""

    code = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pushed: list[tuple[str, str, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    """Keeps method, path and body."""

    server: Gateway

    def do_POST(self) -> None:
        """Keep a push that adds."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.pushed.append((self.command, self.path, body))
        self.send_response(self.server.code)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A small Pushgateway."""
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def values(text: str) -> dict[tuple[str, str], float]:
    """(name, text of any of its labels) -> value."""
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    samples = [one for family in families for one in family.samples]
    return {(one.name, label): one.value for one in samples for label in one.labels.values()}


def test_the_file_is_openmetrics() -> None:
    """Decision, verdicts, figures, and the counters of releases."""
    document = content(row(), row("health", "pass", observed="healthy", unit="", e_value=None))
    found = values(render(document, [document]))

    assert found["release_decision", "rollback"] == 1
    assert found["release_decision", "promote"] == 0
    assert found["release_gate_observed", "s"] == 0.312
    assert found["release_gate_evidence", "latency-p95"] == pytest.approx(1.01875)
    assert found["releases_prepared_total", "shop"] == 1
    assert found["releases_promoted_total", "shop"] == 0
    assert found["releases_failed_total", "shop"] == 1
    assert found["release_prepare_seconds_sum", "shop"] == 660
    assert found["release_promote_seconds_count", "shop"] == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_a_label(text: str) -> None:
    """A line break or a quote in an id makes no metric of its own."""
    document = content(row(text), service=text, stage=text, environment=text)
    found = values(render(document, [document]))

    assert found["release_gate_verdict", "fail"] == 1
    assert {name for name, _ in found} == {name for name, _ in values(render(content(row()), [content()]))}


def test_a_push_is_grouped_by_service_environment_and_stage(gateway: Gateway) -> None:
    """Two stages do not overwrite each other."""
    push(content(service="shop/eu"), [], f"http://127.0.0.1:{gateway.server_port}")

    method, path, body = gateway.pushed[0]
    assert method == "POST"
    assert path.startswith("/metrics/job/relgate/")
    assert "/environment/staging" in path
    assert "/stage/canary-5" in path
    assert b"release_decision{" in body
    assert "service@base64" in unquote(path)


def test_a_gateway_that_refuses_or_is_not_there_is_one_line_without_its_address(gateway: Gateway) -> None:
    """The address may hold a password."""
    gateway.code = 500
    for address in (f"http://127.0.0.1:{gateway.server_port}", "http://user:sesame@127.0.0.1:9"):
        with pytest.raises(SourceError) as caught:
            push(content(), [], address)
        assert "127.0.0.1" not in str(caught.value)
        assert "sesame" not in str(caught.value)
