"""Tests of webhooks: who is called, with what, signed how, and which addresses are refused."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.shop.desk import MOST
from examples.shop.seed import ADMIN, CUSTOMER
from examples.shop.webhooks import FAILURES, REST_S, Breaker, allowed, signature
from tests.shop.traffic import ORDER, CallSink, logged, sign_in, wait_for

if TYPE_CHECKING:
    from examples.shop.run import ShopProcess


def _hook(client: httpx.Client, url: str, **options: Any) -> dict[str, Any]:
    answer = client.post("/api/webhooks", json={"url": url, "event": "order.created"}, **options)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _me(client: httpx.Client) -> str:
    return str(client.get("/api/me").json()["email"])


def test_an_order_is_told_with_a_signature(somebody: httpx.Client) -> None:
    """One signed call for each order of that address, by API and by page; none for others, none once removed."""
    with CallSink() as sink:
        made = _hook(somebody, sink.url + "/hook?a=b")
        email = _me(somebody)
        sent = {"X-Correlation-ID": f"order-{email[:12]}"}
        order = somebody.post("/api/orders", json=ORDER | {"email": email}, headers=sent).json()
        call = wait_for(lambda: sink.calls[-1] if sink.calls else None)
        assert call.path == "/hook?a=b"
        assert call.headers["content-type"] == "application/json"
        assert call.headers["x-correlation-id"] == sent["X-Correlation-ID"]
        expected = hmac.new(made["secret"].encode(), call.body, hashlib.sha256).hexdigest()
        assert call.headers["x-shop-signature"] == f"sha256={expected}"
        body = json.loads(call.body)
        assert set(body) == {"event", "order", "created"}
        assert (body["event"], body["order"]) == ("order.created", order)

        somebody.post("/api/orders", json=ORDER)  # of somebody else
        somebody.post("/basket", data={"product_id": "5", "quantity": "1"})
        somebody.post("/checkout", data={"name": "A", "email": email.upper(), "address": "Here"})
        wait_for(lambda: len(sink.calls) == 2)
        assert json.loads(sink.calls[1].body)["order"]["email"] == email.upper()

        assert somebody.delete(f"/api/webhooks/{made['id']}").status_code == 204
        somebody.post("/api/orders", json=ORDER | {"email": email})
        time.sleep(0.5)  # nothing can be waited for
        assert len(sink.calls) == 2


def test_administrators_are_told_of_all_orders(client: httpx.Client) -> None:
    """Whoever ordered."""
    admin = sign_in(client, *ADMIN[:2])
    with CallSink() as sink:
        made = _hook(client, sink.url, headers=admin)
        refs = {client.post("/api/orders", json=ORDER | {"email": f"{n}@b.example"}).json()["ref"] for n in range(3)}
        wait_for(lambda: refs <= {json.loads(call.body)["order"]["ref"] for call in sink.calls})
        assert client.delete(f"/api/webhooks/{made['id']}", headers=admin).status_code == 204


def test_a_webhook_shows_its_secret_once(somebody: httpx.Client, client: httpx.Client) -> None:
    """When it is made; others do not see it at all."""
    made = _hook(somebody, "https://receiver.example/orders")
    shown = {key: made[key] for key in ("id", "url", "event", "created")}
    assert somebody.get(f"/api/webhooks/{made['id']}").json() == shown
    assert somebody.get("/api/webhooks").json() == {"webhooks": [shown]}
    stranger = sign_in(client, *CUSTOMER[:2])
    assert client.get(f"/api/webhooks/{made['id']}", headers=stranger).status_code == 404
    assert client.delete(f"/api/webhooks/{made['id']}", headers=stranger).status_code == 404
    assert somebody.delete(f"/api/webhooks/{made['id']}").status_code == 204
    assert somebody.delete(f"/api/webhooks/{made['id']}").status_code == 404


def test_a_call_is_tried_again_and_redirects_are_not_followed(good: ShopProcess, somebody: httpx.Client) -> None:
    """A receiver that fails once is called twice; one that sends elsewhere is called once, and nobody else is."""
    elsewhere = CallSink()
    with elsewhere, CallSink(failing=1) as fails, CallSink(answer=302, headers={"Location": elsewhere.url}) as leads:
        for sink in (fails, leads):
            _hook(somebody, sink.url)
        sent = {"X-Correlation-ID": f"again-{_me(somebody)[:12]}"}
        somebody.post("/api/orders", json=ORDER | {"email": _me(somebody)}, headers=sent)
        wait_for(lambda: len(fails.calls) == 2)
        assert fails.calls[0].body != b""
        logged(good, message="webhook called", status=302, correlation_id=sent["X-Correlation-ID"])
        assert (len(leads.calls), elsewhere.calls) == (1, [])


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://receiver.example/",
        "http://127.0.0.1.receiver.example/",
        "http://127.0.0.1@receiver.example/",
        "https://user:secret@receiver.example/",
        "http://[::ffff:10.0.0.1]/",
        "http://0.0.0.0/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://",
        "https://receiver.example:99999/",
        "https://receiver.example:65536/",
        "http://127.0.0.1:0/",
        "http://127.1/",
        "https://receiver.example/#here",
        "https://receiver.example/\r\nX-Evil: 1",
        "https://receiver.example\\@127.0.0.1/",
        "https://" + "a" * 500 + ".example",
        "",
    ],
)
def test_addresses_inside_are_refused(somebody: httpx.Client, url: str) -> None:
    """Neither our own network nor what two readers read differently."""
    assert not allowed(url)
    answer = somebody.post("/api/webhooks", json={"url": url, "event": "order.created"})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example:8443/x?y", "http://127.0.0.1:65535", "http://[::1]/"]
)
def test_https_and_this_machine_are_allowed(url: str) -> None:
    """As the documentation says."""
    assert allowed(url)


@given(st.text())
def test_any_text_is_an_address_or_not(url: str) -> None:
    """No text makes it raise, and what is allowed is an address of these two kinds."""
    assert not allowed(url) or url.lower().startswith(("https://", "http://"))


def test_a_name_that_leads_inside_is_not_called(good: ShopProcess, somebody: httpx.Client) -> None:
    """An https address is looked up before it is connected to: what a public name leads to is not public for sure."""
    _hook(somebody, "https://10.1.2.3/")
    sent = {"X-Correlation-ID": f"inside-{_me(somebody)[:12]}"}
    somebody.post("/api/orders", json=ORDER | {"email": _me(somebody)}, headers=sent)
    wait_for(lambda: "10.1.2.3 is not on the internet" in good.log.read_text(encoding="utf-8"))


def test_an_account_has_room_for_so_many_webhooks(somebody: httpx.Client) -> None:
    """Then something has to go first."""
    for _ in range(MOST):
        _hook(somebody, "https://a.example")
    full = somebody.post("/api/webhooks", json={"url": "https://a.example", "event": "order.created"})
    assert full.status_code == 409


def test_signatures_are_those_of_the_standard() -> None:
    """HMAC-SHA256, as RFC 4231 gives it for its second case."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signature(b"what do ya want for nothing?", "Jefe") == f"sha256={expected}"


def test_a_receiver_that_fails_is_left_alone_and_tried_again_later() -> None:
    """Others are called meanwhile; each stretch of rest is a trip."""
    now, trips = [0.0], []
    breaker = Breaker(lambda: trips.append(now[0]), lambda: now[0])
    for _ in range(FAILURES):
        assert breaker.lets("a")
        breaker.note("a", well=False)
    assert (breaker.lets("a"), breaker.lets("b"), trips) == (False, True, [0.0])

    now[0] = REST_S
    assert breaker.lets("a")
    breaker.note("a", well=False)
    assert (breaker.lets("a"), trips) == (False, [0.0, REST_S])

    now[0] = 2 * REST_S
    breaker.note("a", well=True)
    breaker.note("a", well=False)
    assert breaker.lets("a")
