"""One good shop for all tests that only read it, and a client that speaks to a running one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from examples.shop.run import ShopProcess, start

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def good() -> Iterator[ShopProcess]:
    """Yield a running shop, release good, version 1.5.0."""
    with start("good", version="1.5.0") as shop:
        yield shop


@pytest.fixture
def client(good: ShopProcess) -> Iterator[httpx.Client]:
    """Yield a client of the good shop with cookies of its own."""
    with httpx.Client(base_url=good.url, timeout=10, follow_redirects=True) as client:
        yield client
