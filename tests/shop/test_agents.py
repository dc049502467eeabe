"""Tests that faults of background work, of data and of rights show where gates look for them, not in ``good``."""

from __future__ import annotations

import time

import httpx
import pytest

from examples.shop.run import ShopProcess, start
from tests.shop.traffic import ORDER, get, metric, statuses

WELL = {"agents_unhealthy_ratio": 0.0, "db_connection_errors_total": 0.0, "worker_crashes_total": 0.0}


def _becomes(shop: ShopProcess, name: str, least: float) -> bool:
    until = time.monotonic() + 30
    while metric(shop, name) < least and time.monotonic() < until:
        time.sleep(0.1)
    return metric(shop, name) >= least


def test_good_has_none_of_them(good: ShopProcess) -> None:
    """All three are there from the start, at zero: a missing series cannot be told from none."""
    assert {name: metric(good, name) for name in WELL} == WELL
    assert get(good, "/api/products/7").json()["price_cents"] == 5900
    assert get(good, "/api/orders").status_code == 401


@pytest.mark.parametrize(
    ("change", "name", "least"),
    [
        ("stuck_agents=0.25", "agents_unhealthy_ratio", 0.25),
        ("lost_connections_per_s=10", "db_connection_errors_total", 5.0),
        ("crashes_per_s=10", "worker_crashes_total", 5.0),
    ],
)
def test_what_goes_wrong_in_the_background_is_counted(change: str, name: str, least: float) -> None:
    """And nothing else is: pages work as ever."""
    with start(changes=[change]) as shop:
        assert _becomes(shop, name, least)
        assert all(metric(shop, other) == 0.0 for other in WELL if other != name)
        assert set(statuses(shop, "/api/products", 20)) == {200}


def test_orders_that_are_put_back_again_and_again_fill_the_queue() -> None:
    """Two orders, a thousand jobs."""
    with start(changes=["retries=600", "packing_s=0.5"]) as shop:
        for _ in range(2):
            assert httpx.post(shop.url + "/api/orders", json=ORDER, timeout=10).status_code == 202
        assert _becomes(shop, "queue_depth", 1000)


def test_prices_and_doors_are_wrong_without_an_error() -> None:
    """Every answer is a 200: only who knows what should be there sees it."""
    with start(changes=["wrong_prices=true", "open_doors=true"]) as shop:
        assert get(shop, "/api/products/7").json()["price_cents"] == 59
        assert get(shop, "/api/orders").status_code == 200
