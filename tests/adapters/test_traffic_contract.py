"""What every router must do: give a share, say truly what is in force, and lose no request on the way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from examples.shop.users import Users
from relgate.adapters.entrance import Entrance
from relgate.errors import SourceError
from relgate.measure.landed import doubt
from tests.adapters.routers import ROUTERS, entrance
from tests.rollout.tiny import Tiny

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.ports.traffic import Traffic


@pytest.fixture(scope="module", params=list(ROUTERS))
def routed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Traffic, str]]:
    """A router between two versions of a tiny service, and where users come in."""
    folder = tmp_path_factory.mktemp(request.param)
    with Tiny("2") as candidate, Tiny("1") as baseline, ROUTERS[request.param](candidate, baseline, folder) as made:
        yield made


@pytest.fixture
def router(routed: tuple[Traffic, str]) -> Traffic:
    """The router."""
    return routed[0]


@pytest.fixture
def users(routed: tuple[Traffic, str]) -> Iterator[Entrance]:
    """The way in."""
    with entrance(routed[1]) as opened:
        yield opened


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0, 0.25, 0.005, 0.0])
def test_a_share_that_was_set_is_read_and_lands(router: Traffic, users: Entrance, share: float) -> None:
    """The running router says so, and a hundred requests agree."""
    router.set(share)
    assert router.read().candidate == pytest.approx(share)
    assert doubt(users.landed("2", "1", 100), share) is None


def test_setting_again_changes_nothing(router: Traffic) -> None:
    """Who goes on after a kill sets what may be set already."""
    for _ in range(2):
        router.set(0.5)
        assert router.read().candidate == pytest.approx(0.5)


def test_no_request_is_lost_while_traffic_moves(router: Traffic, routed: tuple[Traffic, str]) -> None:
    """Up and down again, under users."""
    with Users(routed[1], per_s=50.0) as users:
        for number, share in enumerate((0.1, 0.5, 1.0, 0.5, 0.0), start=1):
            router.set(share)
            assert router.read().candidate == pytest.approx(share)
            while users.sent < 10 * number:
                time.sleep(0.02)
    assert users.failed == 0, users.seen


def test_what_the_router_says_comes_with_its_own_words(router: Traffic) -> None:
    """They are kept as evidence."""
    router.set(0.25)
    assert router.read().said


@pytest.mark.parametrize("name", list(ROUTERS))
def test_a_router_that_is_gone_is_no_answer(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither does it take a share, nor does it say one: never 0 for silence."""
    folder = tmp_path_factory.mktemp(f"{name}-gone")
    with Tiny("2") as candidate, Tiny("1") as baseline, ROUTERS[name](candidate, baseline, folder) as (router, _):
        pass
    for path in folder.glob("*.py"):
        path.unlink()  # A command's router is gone when its program is.
    with pytest.raises(SourceError):
        router.read()
    with pytest.raises(SourceError):
        router.set(0.5)
