"""One health report in the formats that teams use. Each renderer is a function of the report; ``ENDPOINTS`` lists all.

| path                                  | format                                                   | when down |
|---------------------------------------|----------------------------------------------------------|-----------|
| /api/health/system, /api/health/providers | ``Healthy``, ``Degraded``, ``Down``; timestamp, components | 503   |
| /health/live, /health/ready, /api/health/ready, /ready | the same words; alive, ready to serve   | 503       |
| /health, /api/v1/monitoring/health/detailed | nested checks with latency, depth, consumers       | 503       |
| /actuator/health                      | Spring Boot: ``UP``, ``DEGRADED``, ``DOWN``              | 503       |
| /healthz/aspnet                       | ASP.NET Core: one word of plain text                     | 503       |
| /health+json                          | draft-inadarei-api-health-check: pass, warn, fail        | 503       |
| /status                               | ``ok``, ``degraded``, ``down``; queue, uptime            | 503       |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from .checks import Report
from .database import now
from .web import shop_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from .checks import Check, State

NO_STORE = {"Cache-Control": "no-store"}
AURA: dict[State, str] = {"healthy": "Healthy", "degraded": "Degraded", "down": "Down"}
ASPNET: dict[State, str] = {"healthy": "Healthy", "degraded": "Degraded", "down": "Unhealthy"}
ACTUATOR: dict[State, str] = {"healthy": "UP", "degraded": "DEGRADED", "down": "DOWN"}
NESTED: dict[State, str] = {"healthy": "up", "degraded": "degraded", "down": "down"}
DRAFT: dict[State, str] = {"healthy": "pass", "degraded": "warn", "down": "fail"}
STATUS: dict[State, str] = {"healthy": "ok", "degraded": "degraded", "down": "down"}


def _code(report: Report) -> int:
    return 503 if report.state == "down" else 200


def _json(report: Report, body: dict[str, Any], media_type: str = "application/json") -> Response:
    return JSONResponse(body, _code(report), NO_STORE, media_type)


def _aura_body(report: Report, parts: str, states: dict[str, Any]) -> dict[str, Any]:
    body = {"status": AURA[report.state], "timestamp": report.at, "version": report.version, parts: states}
    return body | ({"message": report.message} if report.message else {})


def aura(report: Report) -> Response:
    """Aura's system health: words by component."""
    return _json(report, _aura_body(report, "components", {c.name: AURA[c.state] for c in report.checks}))


def aura_providers(report: Report) -> Response:
    """Aura's provider health: words and milliseconds by provider."""
    providers = {c.name: {"status": AURA[c.state], "latencyMs": c.latency_ms} for c in report.checks}
    return _json(report, _aura_body(report, "providers", providers))


def _nested_check(check: Check) -> dict[str, Any]:
    body: dict[str, Any] = {"status": NESTED[check.state], "latency_ms": check.latency_ms, **check.facts}
    return body | ({"message": check.message} if check.message else {})


def actuator(report: Report) -> Response:
    """Spring Boot's actuator with details shown."""
    names = {"database": "db", "storage": "diskSpace"}
    components: dict[str, Any] = {
        names.get(c.name, c.name): {
            "status": ACTUATOR[c.state],
            "details": dict(c.facts) | ({"error": c.message} if c.message else {}),
        }
        for c in report.checks
    }
    body = {"status": ACTUATOR[report.state], "components": components | {"ping": {"status": "UP"}}}
    return _json(report, body, "application/vnd.spring-boot.actuator.v3+json")


def aspnet(report: Report) -> Response:
    """Return the default answer of ASP.NET Core's health checks: one word."""
    return PlainTextResponse(ASPNET[report.state], _code(report), NO_STORE)


def draft(report: Report) -> Response:
    """``application/health+json`` of draft-inadarei-api-health-check-06."""
    checks = {
        f"{c.name}:responseTime": [
            {
                "componentType": "datastore" if c.name in {"database", "storage"} else "component",
                "observedValue": c.latency_ms,
                "observedUnit": "ms",
                "status": DRAFT[c.state],
                "time": report.at,
            }
            | ({"output": c.message} if c.message else {})
        ]
        for c in report.checks
    }
    body = {"status": DRAFT[report.state], "version": report.version, "releaseId": report.version, "checks": checks}
    return _json(report, body | ({"output": report.message} if report.message else {}), "application/health+json")


def status(report: Report) -> Response:
    """Return the short operational overview."""
    depth = next((c.facts["depth"] for c in report.checks if "depth" in c.facts), None)
    body = {
        "status": STATUS[report.state],
        "version": report.version,
        "timestamp": report.at,
        "uptime_seconds": report.uptime_s,
        "queue_depth": depth,
    }
    return _json(report, body)


def _whole(render: Callable[[Report], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return render(await shop_of(request).checker.report(request.url.path))

    return endpoint


async def _nested(request: Request) -> Response:
    """Nested checks as SlideCraft has them; the queue shows depth and consumers, the deployment its own facts."""
    shop = shop_of(request)
    report = await shop.checker.report(request.url.path)
    body = {
        "status": "healthy" if report.state == "healthy" else NESTED[report.state],
        "version": report.version,
        "timestamp": report.at,
        "checks": {check.name: _nested_check(check) for check in report.checks},
        "deployment": {
            "environment": shop.settings.environment,
            "deployed_at": shop.settings.deployed_at,
            "deployed_by": "relgate-demo",
        },
    }
    return _json(report, body)


async def _providers(request: Request) -> Response:
    return aura_providers(await shop_of(request).checker.providers(request.url.path))


async def _ready(request: Request) -> Response:
    return aura(await shop_of(request).checker.ready())


async def _live(request: Request) -> Response:
    """Alive: the event loop answers. Checks nothing else, so that a sick database restarts no process."""
    version = shop_of(request).settings.reported_version
    return aura(Report(now(), version, 0.0, ()))


async def _metrics(request: Request) -> Response:
    return shop_of(request).metrics.answer(request.headers.get("accept", ""))


async def _info(request: Request) -> Response:
    settings = shop_of(request).settings
    return JSONResponse({"build": {"name": "shop", "version": settings.reported_version, "time": settings.built}})


ENDPOINTS: dict[str, Callable[[Request], Awaitable[Response]]] = {
    "/api/health/system": _whole(aura),
    "/api/health/providers": _providers,
    "/api/health/ready": _ready,
    "/health/live": _live,
    "/health/ready": _ready,
    "/ready": _ready,
    "/health": _nested,
    "/api/v1/monitoring/health/detailed": _nested,
    "/actuator/health": _whole(actuator),
    "/actuator/info": _info,
    "/healthz/aspnet": _whole(aspnet),
    "/health+json": _whole(draft),
    "/status": _whole(status),
    "/metrics": _metrics,
}
