"""One good shop for all tests that only read it, and clients that speak to a running one."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from examples.shop.run import ShopProcess, start
from tests.shop.traffic import MailSink, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def mail() -> Iterator[MailSink]:
    """Yield a real SMTP server that keeps what it is sent."""
    with MailSink() as sink:
        yield sink


@pytest.fixture(scope="session")
def good(mail: MailSink) -> Iterator[ShopProcess]:
    """Yield a running shop, release good, version 1.5.0."""
    with start("good", version="1.5.0", smtp=mail.address) as shop:
        yield shop


@pytest.fixture
def client(good: ShopProcess) -> Iterator[httpx.Client]:
    """Yield a client of the good shop with cookies of its own."""
    with httpx.Client(base_url=good.url, timeout=10, follow_redirects=True) as client:
        yield client


@pytest.fixture
def somebody(client: httpx.Client) -> Iterator[httpx.Client]:
    """Yield a client with the token of an account of its own, which is gone afterwards."""
    account = {"email": f"{uuid.uuid4().hex[:12]}@shop.example", "password": "a long password"}
    assert client.post("/api/accounts", json=account).status_code == 201
    client.headers.update(sign_in(client, account["email"], account["password"]))
    yield client
    client.delete("/api/me")
