"""Tests of the JSON API, the WebSocket, the queue and the metrics of a good release."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from examples.shop.seed import ADMIN, CUSTOMER
from tests.shop.traffic import ORDER, metric

if TYPE_CHECKING:
    from examples.shop.run import ShopProcess


def _token(client: httpx.Client, account: tuple[str, str, str]) -> dict[str, str]:
    answer = client.post("/api/login", json={"email": account[0], "password": account[1]})
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def test_products_search_and_single_product(client: httpx.Client) -> None:
    """A page of products, a search among them, and one by its number."""
    body = client.get("/api/products").json()
    assert body["total"] >= 64
    assert len(body["products"]) == body["page_size"] == 12
    found = client.get("/api/search", params={"q": "STEEL knife"}).json()
    assert {product["name"] for product in found["products"]} == {"Bread knife, plain", "Bread knife, lacquered"}
    assert client.get("/api/search", params={"q": "100%_"}).json()["total"] == 0
    assert client.get("/api/products/1").json()["name"] == "Kettle, plain"
    assert client.get("/api/products/999999").status_code == 404
    assert client.get("/api/products", params={"page": "nonsense"}).json()["page"] == 1


def test_an_order_is_packed_by_the_worker(client: httpx.Client) -> None:
    """It is accepted as queued, and packed soon after."""
    answer = client.post("/api/orders", json=ORDER)
    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"
    until = time.monotonic() + 10
    while client.get(answer.headers["location"]).json()["status"] != "packed":
        assert time.monotonic() < until, "not packed within 10 s"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        {},
        {"items": [], "email": "a@b.example"},
        {"items": [{"product_id": 3, "quantity": 0}], "email": "a@b.example"},
        {"items": [{"product_id": "3"}], "email": "a@b.example"},
        {"items": [{"product_id": 3, "quantity": True}], "email": "a@b.example"},
        {"items": [{"product_id": 3}], "email": "nobody"},
        {"items": [{"product_id": 3}], "email": "a@b.example", "discount": 100},
    ],
)
def test_a_wrong_order_is_refused_with_a_reason(client: httpx.Client, body: object) -> None:
    """What does not fit is 422 and says why; it never becomes a 500."""
    content = body if isinstance(body, str) else json.dumps(body)
    answer = client.post("/api/orders", content=content)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert answer.json()["correlation_id"] == answer.headers["x-correlation-id"]


def test_a_whole_number_may_have_a_point(client: httpx.Client) -> None:
    """JSON has one kind of number; 1.5 is none of ours."""
    body = ORDER | {"items": [{"product_id": 3.0, "quantity": 2.0}]}
    totals = {client.post("/api/orders", json=sent).json()["total_cents"] for sent in (body, ORDER)}
    assert len(totals) == 1
    assert client.post("/api/basket", json={"product_id": 3, "quantity": 1.5}).status_code == 422


def test_an_order_of_what_is_not_there_is_refused(client: httpx.Client) -> None:
    """404, as in the basket; nothing is ordered."""
    answer = client.post("/api/orders", json={"items": [{"product_id": 999_999}], "email": "a@b.example"})
    assert (answer.status_code, answer.json()["error"]) == (404, "items: no such product")


def test_too_much_of_a_body_is_refused(client: httpx.Client) -> None:
    """A body has a limit."""
    assert client.post("/api/orders", content=b" " * 200_000).status_code == 413


def test_tokens_open_ones_own_orders(client: httpx.Client) -> None:
    """Customers see their own orders, administrators all, strangers none, forged tokens nothing."""
    mine = client.post("/api/orders", json=ORDER | {"email": CUSTOMER[0]}).json()["ref"]
    other = client.post("/api/orders", json=ORDER).json()["ref"]
    customer, admin = _token(client, CUSTOMER), _token(client, ADMIN)
    refs = {order["ref"] for order in client.get("/api/orders", headers=customer).json()["orders"]}
    assert mine in refs
    assert other not in refs
    everything = client.get("/api/orders?format=csv", headers=admin).text
    assert mine in everything
    assert other in everything
    assert client.get("/api/orders").status_code == 401
    forged = {"Authorization": customer["Authorization"][:-4] + "AAAA"}
    assert client.get("/api/orders", headers=forged).status_code == 401
    assert client.post("/api/login", json={"email": CUSTOMER[0], "password": "wrong"}).status_code == 401


def test_the_basket_lives_in_the_session(client: httpx.Client) -> None:
    """Set, show, empty."""
    client.post("/api/basket", json={"product_id": 2, "quantity": 3})
    assert client.get("/api/basket").json()["items"][0]["quantity"] == 3
    assert client.delete("/api/basket").json() == {"items": [], "total_cents": 0}
    assert client.post("/api/basket", json={"product_id": 999_999}).status_code == 404


def test_the_version_is_the_same_everywhere(client: httpx.Client) -> None:
    """API, health in all formats that name one, metrics and page agree."""
    body = client.get("/api/version").json()
    assert body["version"] == "1.5.0"
    assert len(body["commit"]) == 12
    for path in ("/api/health/system", "/health", "/health+json", "/status"):
        assert client.get(path).json()["version"] == "1.5.0"
    assert client.get("/actuator/info").json()["build"]["version"] == "1.5.0"
    assert f'shop_build_info{{commit="{body["commit"]}",version="1.5.0"}} 1.0' in client.get("/metrics").text


def test_metrics_are_prometheus_text(client: httpx.Client) -> None:
    """What dashboards and gates need is there, and requests are counted by route."""
    client.get("/api/products/1")
    client.get("/api/products/2")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert {
        "http_request_duration_seconds",
        "process_resident_memory_bytes",
        "process_cpu_seconds",
        "queue_depth",
        "db_pool_size",
        "db_pool_in_use",
        "orders",
        "shop_build_info",
    } <= families.keys()
    by_route = {
        (s.labels["method"], s.labels["route"], s.labels["status"]): s.value
        for s in families["http_requests"].samples
        if s.name == "http_requests_total"
    }
    assert by_route["GET", "/api/products/{id:number}", "200"] >= 2


def test_openmetrics_is_given_to_whoever_asks(client: httpx.Client) -> None:
    """Prometheus itself asks for it."""
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_orders_are_counted(good: ShopProcess, client: httpx.Client) -> None:
    """The counter of packed orders follows the queue."""
    before = metric(good, 'orders_total{status="packed"}')
    client.post("/api/orders", json=ORDER)
    until = time.monotonic() + 10
    while metric(good, 'orders_total{status="packed"}') <= before:
        assert time.monotonic() < until, "not counted within 10 s"
        time.sleep(0.02)


def test_presence_counts_visitors(good: ShopProcess) -> None:
    """Each hears of the other's coming and going."""
    address = good.url.replace("http://", "ws://") + "/ws/presence"
    with connect(address, additional_headers={"X-Correlation-ID": "visit-1"}) as first:
        assert first.response is not None
        assert first.response.headers["X-Correlation-ID"] == "visit-1"
        assert json.loads(first.recv(10)) == {"visitors": 1}
        with connect(address) as second:
            assert json.loads(second.recv(10)) == {"visitors": 2}
            assert json.loads(first.recv(10)) == {"visitors": 2}
        assert json.loads(first.recv(10)) == {"visitors": 1}
        first.send("ping")
        assert first.recv(10) == "pong"


def test_security_headers_are_on_every_answer(client: httpx.Client) -> None:
    """Pages, API, files and errors; HSTS only where the way is encrypted."""
    for path in ("/", "/api/products", "/static/shop.css", "/nothing", "/api/nothing"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert "strict-transport-security" not in headers
    behind_tls = client.get("/", headers={"X-Forwarded-Proto": "https"})
    assert behind_tls.headers["strict-transport-security"].startswith("max-age=31536000")
