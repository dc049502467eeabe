"""Tests that each release made for smoke paths shows its fault, that good shows none, and that all else works.

What a browser makes of them is seen by the smoke paths themselves; here is what a browser is sent.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from examples.shop.assets import HERO, NAMES
from examples.shop.middleware import SECURITY_HEADERS
from examples.shop.releases import RELEASES
from examples.shop.run import ShopProcess, start
from examples.shop.seed import ADMIN, CUSTOMER
from tests.shop.traffic import NO_TLS, MailSink, get, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Finder = Callable[[httpx.Client], bool]

SMOKE = [name for name, release in RELEASES.items() if release.for_smoke]
DELAY_S = 2.0
PAGES = ("/", "/products/1", "/basket", "/login", "/register", "/forgot", "/nothing-here")


def _html(client: httpx.Client, path: str) -> str:
    return client.get(path, headers={"Accept": "text/html"}).text


def _order_button(client: httpx.Client) -> str:
    client.post("/basket", data={"product_id": "5", "quantity": "1"})
    found = re.search(r"<button([^>]*)>Order and pay", _html(client, "/checkout"))
    assert found is not None
    return found[1]


def _dead_button(client: httpx.Client) -> bool:
    return 'type="button"' in _order_button(client)


def _console_error(client: httpx.Client) -> bool:
    pages = [_html(client, path) for path in PAGES]
    throws = [NAMES["newsletter.js"] in text and 'id="newsletter"' not in text for text in pages]
    assert len(set(throws)) == 1
    return throws[0]


def _broken_export(client: httpx.Client) -> bool:
    client.post("/api/orders", json={"items": [{"product_id": 3}], "email": "a@b.example"})
    client.post("/login", data={"email": ADMIN[0], "password": ADMIN[1]})
    statuses = {client.get(f"/admin/orders.{kind}").status_code for kind in ("xlsx", "csv")}
    assert statuses in ({200}, {500})
    return statuses == {500}


def _no_websocket(client: httpx.Client) -> bool:
    with connect(f"ws://127.0.0.1:{client.base_url.port}/ws/presence") as socket:
        try:
            return int(json.loads(socket.recv(10))["visitors"]) < 1
        except ConnectionClosed as closed:
            return closed.rcvd is not None and closed.rcvd.code == 1011


def _no_security_headers(client: httpx.Client) -> bool:
    sent = [{name for name in SECURITY_HEADERS if name in client.get(path).headers} for path in ("/", "/api/version")]
    assert sent[0] == sent[1]
    assert sent[0] in (set(), set(SECURITY_HEADERS))
    return not sent[0]


def _login_loops(client: httpx.Client) -> bool:
    seen = []
    for account in (CUSTOMER, ADMIN):
        landed = client.post("/login", data={"email": account[0], "password": account[1]})
        seen.append(landed.url.path == "/login" and 'id="person"' not in landed.text)
        assert seen[-1] or f'id="person">{account[0]}' in landed.text
        client.post("/logout")
    assert len(set(seen)) == 1
    return seen[0]


def _slow_hero(client: httpx.Client) -> bool:
    return _hero_s(client) > DELAY_S


def _hero_s(client: httpx.Client) -> float:
    begun = time.monotonic()
    assert client.get(f"/static/{NAMES[HERO]}").status_code == 200
    return time.monotonic() - begun


def _unlabelled_form(client: httpx.Client) -> bool:
    text = _html(client, "/products/1")
    assert 'id="quantity"' in text
    return 'for="quantity"' not in text


def _stale_asset(client: httpx.Client) -> bool:
    found = []
    for path in PAGES:
        named = re.findall(r'(?:href|src)="(/static/[^"]+)"', _html(client, path))
        found.append({at.rpartition(".")[2] for at in named if client.get(at).status_code == 404})
    assert all(kinds == found[0] for kinds in found)
    assert found[0] in (set(), {"css"})
    return bool(found[0])


FINDERS: dict[str, Finder] = {
    "dead-button": _dead_button,
    "console-error": _console_error,
    "broken-export": _broken_export,
    "no-websocket": _no_websocket,
    "no-security-headers": _no_security_headers,
    "login-loops": _login_loops,
    "slow-hero": _slow_hero,
    "unlabelled-form": _unlabelled_form,
    "stale-asset": _stale_asset,
}
"""Release -> whether a shop has its fault. ``no-mail`` has a test of its own: nothing can be waited for."""


@pytest.fixture(params=SMOKE)
def broken(request: pytest.FixtureRequest) -> Iterator[tuple[str, ShopProcess]]:
    """Yield each release with its name; the slow picture a little quicker, for the test's sake."""
    name = str(request.param)
    with start(name, changes=[f"hero_delay_s={DELAY_S + 0.1}"] if name == "slow-hero" else []) as shop:
        yield name, shop


def test_there_are_ten_and_each_has_a_finder() -> None:
    """As many as were asked for, each found by what is written here."""
    assert len(SMOKE) == 10
    assert set(FINDERS) | {"no-mail"} == set(SMOKE)
    assert RELEASES["slow-hero"].behaviours.hero_delay_s > DELAY_S


def test_a_release_has_its_own_fault_and_no_other(broken: tuple[str, ShopProcess]) -> None:
    """One mistake each; the API works, health is well."""
    name, shop = broken
    for fault, has in FINDERS.items():
        with httpx.Client(base_url=shop.url, timeout=10, follow_redirects=True, verify=NO_TLS) as client:
            assert has(client) == (fault == name), fault
    for path in ("/api/products", "/api/version", "/api/health/system", "/openapi.json", *PAGES[:-1]):
        assert get(shop, path).status_code == 200


@pytest.mark.parametrize("fault", FINDERS)
def test_good_has_none_of_them(client: httpx.Client, fault: str) -> None:
    """The same questions, the other answer."""
    assert not FINDERS[fault](client)


def test_no_mail_accepts_and_never_sends(good: ShopProcess, mail: MailSink) -> None:
    """202 all the same; good sends through the same relay while this one is silent."""
    with start("no-mail", smtp=mail.address) as broken, httpx.Client(verify=NO_TLS) as client:
        silent, told = ({"email": f"{name}-{broken.port}@shop.example", "password": "a long one"} for name in "st")
        for shop, account in ((broken, silent), (good, told)):
            assert client.post(shop.url + "/api/accounts", json=account).status_code == 201
            body = {"email": account["email"]}
            assert client.post(shop.url + "/api/password-reset", json=body).status_code == 202
        wait_for(lambda: mail.to(told["email"]))
        time.sleep(0.3)
        assert mail.to(silent["email"]) is None
        assert get(broken, "/api/health/system").json()["status"] == "Healthy"
