"""Tests of the health formats: good, degraded and down, each as its playbook writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from examples.shop.run import ShopProcess, start
from tests.shop.traffic import HEALTH_PATHS, get

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPONENTS = {"database", "queue", "storage", "payment", "mail"}
WORDS = {
    "/api/health/system": ("Healthy", "Degraded", "Down"),
    "/health": ("healthy", "degraded", "down"),
    "/actuator/health": ("UP", "DEGRADED", "DOWN"),
    "/healthz/aspnet": ("Healthy", "Degraded", "Unhealthy"),
    "/health+json": ("pass", "warn", "fail"),
    "/status": ("ok", "degraded", "down"),
}


@pytest.fixture(scope="module")
def degraded() -> Iterator[ShopProcess]:
    """Yield the release whose mail relay has a wrong address."""
    with start("degraded") as shop:
        yield shop


@pytest.fixture(scope="module")
def down() -> Iterator[ShopProcess]:
    """Yield the release that expects another schema."""
    with start("down") as shop:
        yield shop


def _word(shop: ShopProcess, path: str) -> tuple[int, str]:
    answer = get(shop, path)
    json_like = "json" in answer.headers["content-type"]
    return answer.status_code, str(answer.json()["status"]) if json_like else answer.text


@pytest.mark.parametrize("path", WORDS)
def test_each_format_has_its_words_and_codes(
    good: ShopProcess, degraded: ShopProcess, down: ShopProcess, path: str
) -> None:
    """Healthy and degraded are 200, down is 503, each in the format's own word."""
    words = WORDS[path]
    assert _word(good, path) == (200, words[0])
    assert _word(degraded, path) == (200, words[1])
    assert _word(down, path) == (503, words[2])


def test_aura_names_components_and_what_is_wrong(good: ShopProcess, degraded: ShopProcess, down: ShopProcess) -> None:
    """Status, moving timestamp, components by name, and a message when something is wrong."""
    body = get(good, "/api/health/system").json()
    assert set(body["components"].items()) == {(name, "Healthy") for name in COMPONENTS}
    assert "message" not in body
    assert datetime.fromisoformat(body["timestamp"]) <= datetime.now(UTC)
    assert get(good, "/api/health/system").json()["timestamp"] != body["timestamp"]
    assert get(degraded, "/api/health/system").json()["components"]["mail"] == "Degraded"
    wrong = get(down, "/api/health/system").json()
    assert wrong["components"]["database"] == "Down"
    assert wrong["message"] == "database: expected schema 8, the database has 7"


def test_providers_are_those_that_the_shop_depends_on(good: ShopProcess, degraded: ShopProcess) -> None:
    """Payment and mail, with their milliseconds."""
    body = get(good, "/api/health/providers").json()
    assert set(body["providers"]) == {"payment", "mail"}
    assert body["providers"]["payment"]["latencyMs"] > 0
    assert get(degraded, "/api/health/providers").json()["providers"]["mail"]["status"] == "Degraded"


def test_nested_health_has_latency_depth_consumers_and_deployment(good: ShopProcess) -> None:
    """As SlideCraft writes it, on both of its paths."""
    for path in ("/health", "/api/v1/monitoring/health/detailed"):
        body = get(good, path).json()
        assert set(body["checks"]) == COMPONENTS
        assert body["checks"]["database"]["status"] == "up"
        assert body["checks"]["database"]["latency_ms"] >= 0
        assert body["checks"]["queue"]["consumers"] == 2
        assert body["checks"]["queue"]["depth"] >= 0
        assert set(body["deployment"]) == {"environment", "deployed_at", "deployed_by"}


def test_actuator_looks_like_spring_boot(down: ShopProcess) -> None:
    """Media type, component names and details."""
    answer = get(down, "/actuator/health")
    assert answer.headers["content-type"] == "application/vnd.spring-boot.actuator.v3+json"
    components: dict[str, Any] = answer.json()["components"]
    assert components["db"]["status"] == "DOWN"
    assert components["diskSpace"]["status"] == components["ping"]["status"] == "UP"
    assert "expected schema 8" in components["db"]["details"]["error"]


def test_health_json_follows_the_draft(good: ShopProcess, degraded: ShopProcess) -> None:
    """Media type, releaseId, and checks as lists with observed values."""
    answer = get(good, "/health+json")
    assert answer.headers["content-type"] == "application/health+json"
    assert answer.json()["releaseId"] == "1.5.0"
    (check,) = answer.json()["checks"]["database:responseTime"]
    assert (check["componentType"], check["observedUnit"], check["status"]) == ("datastore", "ms", "pass")
    assert get(degraded, "/health+json").json()["checks"]["mail:responseTime"][0]["status"] == "warn"


def test_a_sick_release_is_alive_ready_and_still_sells(down: ShopProcess) -> None:
    """Down in health does not mean down for customers: that is what makes it worth a gate."""
    for path in ("/health/live", "/health/ready", "/ready", "/api/health/ready", "/", "/api/products"):
        assert get(down, path).status_code == 200


def test_health_answers_are_never_cached(good: ShopProcess) -> None:
    """A proxy in between must ask again."""
    for path in HEALTH_PATHS:
        assert get(good, path).headers["cache-control"] == "no-store"
