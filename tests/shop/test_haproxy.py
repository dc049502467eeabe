"""Tests of the real HAProxy in front of two releases."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from examples.shop.haproxy import HAProxy, HAProxyError, ShopBehindHAProxy
from tests.shop.traffic import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def split() -> Iterator[ShopBehindHAProxy]:
    """Yield 1.5.0 at 5 % beside 1.4.0."""
    with ShopBehindHAProxy(candidate_percent=5) as split:
        yield split


def _versions(split: ShopBehindHAProxy, n: int) -> Counter[str]:
    with httpx.Client(base_url=split.url, timeout=10) as client:
        return Counter(client.get("/api/version").json()["version"] for _ in range(n))


@pytest.mark.parametrize("percent", [5, 50, 0, 100, 25])
def test_traffic_is_split_as_the_weights_say(split: ShopBehindHAProxy, percent: int) -> None:
    """Round robin by weight is exact but for where it starts: of 200 requests, within 3 of the share."""
    split.set_weight(percent)
    assert split.proxy.weights() == {"baseline": 100 - percent, "candidate": percent}
    seen = _versions(split, 200)
    assert abs(seen["1.5.0"] - 2 * percent) <= 3
    assert seen["1.5.0"] + seen["1.4.0"] == 200


def test_both_sides_serve_one_customer(split: ShopBehindHAProxy) -> None:
    """An order that one side took is shown by the other: they share a database."""
    split.set_weight(100)
    ref = httpx.post(split.url + "/api/orders", json=ORDER).json()["ref"]
    split.set_weight(0)
    assert httpx.get(f"{split.url}/api/orders/{ref}").status_code == 200
    assert httpx.get(split.url + "/api/version").json()["version"] == "1.4.0"


def test_ids_and_addresses_pass_through(split: ShopBehindHAProxy) -> None:
    """The correlation id of the caller comes back through the proxy."""
    answer = httpx.get(split.url + "/api/version", headers={"X-Correlation-ID": "through-1"})
    assert answer.headers["x-correlation-id"] == "through-1"


def test_statistics_are_there_for_people_and_prometheus(split: ShopBehindHAProxy) -> None:
    """A page, CSV, and metrics."""
    assert "haproxy_server_http_responses_total" in httpx.get(split.proxy.stats_url + "/metrics").text
    assert httpx.get(split.proxy.stats_url + "/;csv").text.startswith("# pxname,svname,")
    assert set(split.proxy.servers()) == {"baseline", "candidate"}


def test_wrong_commands_are_refused(split: ShopBehindHAProxy) -> None:
    """An unknown server is an error, and so is a percentage beyond 100."""
    with pytest.raises(HAProxyError, match="No such server"):
        split.proxy.command("set weight shop/nobody 5")
    with pytest.raises(ValueError, match="0 to 100"):
        split.set_weight(101)


def test_a_dead_candidate_is_taken_out() -> None:
    """Health checks notice, and customers are all served by the baseline."""
    with ShopBehindHAProxy(candidate_percent=50) as split:
        split.candidate.stop()
        until = time.monotonic() + 15
        while split.proxy.servers()["candidate"]["status"] != "DOWN":
            assert time.monotonic() < until, "still up 15 s later"
            time.sleep(0.05)
        assert _versions(split, 20) == {"1.4.0": 20}


def test_without_haproxy_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the package."""
    monkeypatch.setattr("shutil.which", lambda *_args, **_options: None)
    with pytest.raises(HAProxyError, match=r"^HAProxy is not installed: apt-get install haproxy$"):
        HAProxy("http://127.0.0.1:1", "http://127.0.0.1:2")


def test_an_unreachable_shop_is_an_error() -> None:
    """HAProxy runs, but nobody is behind it."""
    with pytest.raises(HAProxyError, match="reaches no shop"):
        HAProxy("http://127.0.0.1:1", "http://127.0.0.1:1", ready_s=1.0)
