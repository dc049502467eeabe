"""HAProxy's runtime API: weights, their order, and answers that are a no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.shop.haproxy import HAProxy as RunningHAProxy
from relgate.adapters.haproxy import HEAVIEST, HAProxy, HAProxyServers, Runtime, weights
from relgate.errors import SourceError
from tests.rollout.tiny import Tiny

if TYPE_CHECKING:
    from collections.abc import Iterator


class Told(Runtime):
    """A runtime API that writes down what it is told, and does it."""

    def __init__(self, now: dict[str, int]) -> None:
        super().__init__("nowhere", "shop")
        self.now = now
        self.shares: list[float] = []

    def order(self, text: str) -> None:
        """Take a weight over and keep the share that is in force then."""
        _, _, server, weight = text.split()
        self.now[server.removeprefix("shop/")] = int(weight)
        self.shares.append(self.now["candidate"] / max(1, sum(self.now.values())))

    def weights(self) -> dict[str, int]:
        """What it was told so far."""
        return dict(self.now)


@given(st.integers(0, 100), st.integers(0, 100))
def test_on_the_way_the_candidate_never_has_more_than_at_both_ends(before: int, then: int) -> None:
    """Whichever weight is told first: a share that no gate has earned is not given for a moment either."""
    told = Told({"candidate": before, "baseline": 100 - before})
    HAProxy(told, ["candidate"], ["baseline"]).set(then / 100)
    assert told.shares[-1] == pytest.approx(then / 100)
    assert max(told.shares) <= max(before, then) / 100 + 1e-9


def test_the_server_that_gains_is_told_first() -> None:
    """HAProxy 2.6 loses count otherwise."""
    told = Told({"candidate": 0, "baseline": 100})
    HAProxy(told, ["candidate"], ["baseline"]).set(0.75)
    assert told.shares[0] == pytest.approx(75 / 175)


@given(st.floats(0.001, 0.999), st.integers(1, 12), st.integers(1, 12))
def test_weights_give_the_share_or_say_that_they_cannot(share: float, candidates: int, baselines: int) -> None:
    """However many servers each side has."""
    try:
        own, other = weights(share, candidates, baselines)
    except SourceError:
        return
    assert 0 < own <= HEAVIEST
    assert 0 < other <= HEAVIEST
    found = own * candidates / (own * candidates + other * baselines)
    assert abs(found - share) <= min(share, 1 - share) / 10 + 1e-9


@pytest.mark.parametrize(("share", "expected"), [(0.0, (0, 100)), (1.0, (100, 0)), (0.05, (5, 95)), (0.005, (1, 199))])
def test_usual_shares_are_exact(share: float, expected: tuple[int, int]) -> None:
    """Nothing and all are nothing and all, however many servers there are."""
    assert weights(share, 1, 1) == expected
    if share in (0.0, 1.0):
        assert weights(share, 3, 7) == expected


@pytest.fixture(scope="module")
def proxy() -> Iterator[RunningHAProxy]:
    """A real one."""
    with Tiny("2") as candidate, Tiny("1") as baseline, RunningHAProxy(baseline.url, candidate.url, 5) as running:
        yield running


def test_a_no_is_an_error(proxy: RunningHAProxy) -> None:
    """Unknown backends and servers, named."""
    place = str(proxy.socket_path)
    with pytest.raises(SourceError, match="no backend cart"):
        HAProxy(Runtime(place, "cart"), ["candidate"], ["baseline"]).read()
    with pytest.raises(SourceError, match="no server green: it has baseline, candidate"):
        HAProxy(Runtime(place, "shop"), ["green"], ["baseline"]).set(0.5)
    with pytest.raises(SourceError, match="cannot give"):
        HAProxy(Runtime(place, "shop"), ["candidate"], ["baseline"]).set(0.0001)


def test_single_servers_are_taken_out_and_put_back(proxy: RunningHAProxy) -> None:
    """For the rolling strategy."""
    servers = HAProxyServers(Runtime(str(proxy.socket_path), "shop"))
    assert servers.serving() == {"candidate", "baseline"}
    servers.take_out("candidate")
    assert servers.serving() == {"baseline"}
    servers.put_back("candidate")
    assert servers.serving() == {"candidate", "baseline"}


def test_a_server_that_is_down_has_no_share(proxy: RunningHAProxy) -> None:
    """Its weight is worth nothing."""
    runtime = Runtime(str(proxy.socket_path), "shop")
    router = HAProxy(runtime, ["candidate"], ["baseline"])
    router.set(0.05)
    runtime.order("set server shop/candidate state maint")
    split = router.read()
    assert split.candidate == 0.0
    assert split.wanted == pytest.approx(0.05)
    router.set(0.0)
    assert router.read().wanted == 0.0
    runtime.order("set server shop/candidate state ready")
