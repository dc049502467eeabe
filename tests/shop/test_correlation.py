"""Tests of correlation ids and the log of a good release."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from examples.shop.middleware import correlation_id_of, trace_of
from examples.shop.run import ShopProcess, start
from tests.shop.traffic import get, logged

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def broken() -> Iterator[ShopProcess]:
    """Yield a shop in which every backend call ends in an unhandled exception."""
    with start("good", changes=["error_share=1"]) as shop:
        yield shop


@given(st.text(st.sampled_from("abcXYZ019._:-"), min_size=1, max_size=128))
def test_a_well_formed_id_is_kept(sent: str) -> None:
    """Any of the allowed characters, up to 128 of them."""
    assert correlation_id_of(Headers({"x-correlation-id": sent})) == sent


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_what_is_kept_cannot_forge_a_log_line(sent: str) -> None:
    """Anything else is replaced by a UUID."""
    kept = correlation_id_of(Headers({"x-correlation-id": sent}))
    if kept != sent:
        assert str(uuid.UUID(kept)) == kept
    assert not set(kept) & set(' \r\n"\\<>')


@pytest.mark.parametrize(
    "sent",
    [
        "",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}",
    ],
)
def test_a_malformed_traceparent_is_ignored(sent: str) -> None:
    """As the W3C recommendation asks."""
    assert trace_of(Headers({"traceparent": sent})) == {}


@pytest.mark.parametrize("path", ["/", "/api/products/1", "/api/products/999999", "/nowhere", "/static/no", "/metrics"])
def test_every_answer_has_the_id_that_was_sent(client: httpx.Client, path: str) -> None:
    """Echoed on pages, API, errors and files."""
    assert client.get(path, headers={"X-Correlation-ID": "probe-1"}).headers["x-correlation-id"] == "probe-1"


def test_without_an_id_each_answer_gets_its_own(client: httpx.Client) -> None:
    """New UUIDs, no two alike; a malformed id is replaced as well."""
    ids = [client.get("/api/version").headers["x-correlation-id"] for _ in range(20)]
    ids.append(client.get("/api/version", headers={"X-Correlation-ID": "no good"}).headers["x-correlation-id"])
    assert len({uuid.UUID(text) for text in ids}) == 21


def test_wrong_methods_keep_their_headers(client: httpx.Client) -> None:
    """405 names what is allowed, and has its id."""
    answer = client.put("/api/products", headers={"X-Correlation-ID": "probe-405"})
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert answer.headers["x-correlation-id"] == "probe-405"


def test_each_request_is_one_line_of_the_log(good: ShopProcess, client: httpx.Client) -> None:
    """Found by its id, with what it was and what became of it."""
    correlation_id = f"log-{uuid.uuid4()}"
    sent = {"X-Correlation-ID": correlation_id, "traceparent": f"00-{TRACE}-{PARENT}-01"}
    client.get("/api/products/999999?x=1", headers=sent)
    line = logged(good, correlation_id=correlation_id)
    assert line["level"] == "warning"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/products/999999", 404)
    assert line["route"] == "/api/products/{id:number}"
    assert (line["trace_id"], line["parent_id"]) == (TRACE, PARENT)
    assert line["version"] == "1.5.0"
    assert line["duration_ms"] > 0


@pytest.mark.parametrize("path", ["/api/products", "/"])
def test_an_unhandled_exception_is_a_500_with_its_id(broken: ShopProcess, path: str) -> None:
    """The answer names the id and nothing of the inside; the log has the traceback under the same id."""
    sent = f"boom-{uuid.uuid4()}"
    answer = get(broken, path, headers={"X-Correlation-ID": sent, "Accept": "text/html"})
    assert answer.status_code == 500
    assert answer.headers["x-correlation-id"] == sent
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert sent in answer.text
    assert "XTS" not in answer.text
    line = logged(broken, correlation_id=sent, path=path)
    assert line["level"] == "error"
    assert "UnknownCurrencyError" in line["exception"]
