"""The application: routes, middleware, and what is started and stopped with it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount, Route, WebSocketRoute

from . import account_api, account_pages, api, behaviours, desk_api, document_pages, openapi, pages
from .agents import Agents
from .assets import Assets
from .checks import Checker, MailRelay
from .database import Store, connect, watch_statements
from .desk import Desk
from .documents import Converter
from .health import ENDPOINTS
from .jobs import OrderQueue
from .mail import Mailer
from .metrics import Metrics
from .middleware import Observe
from .presence import presence
from .web import Shop, on_http_exception
from .webhooks import Hooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp
    from starlette.websockets import WebSocket

    from .config import Settings

Handler: TypeAlias = "Callable[[Request], Awaitable[Response]]"


def _route(path: str, **handlers: Handler) -> Route:
    """One path with a handler for each method, so that a wrong method is told all of them."""

    async def endpoint(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, endpoint, methods=list(handlers))


ROUTES = [
    Route("/", pages.catalogue),
    Route("/products/{id:number}", pages.product),
    _route("/basket", GET=pages.basket, POST=pages.change_basket),
    Route("/checkout", pages.checkout, methods=["GET", "POST"]),
    Route("/orders/{ref}", pages.order),
    Route("/login", account_pages.login, methods=["GET", "POST"]),
    Route("/welcome", account_pages.welcome),
    Route("/register", account_pages.register, methods=["GET", "POST"]),
    Route("/logout", account_pages.logout, methods=["POST"]),
    Route("/forgot", account_pages.forgot, methods=["GET", "POST"]),
    Route("/reset", account_pages.reset, methods=["GET", "POST"]),
    Route("/documents", document_pages.documents, methods=["GET", "POST"]),
    Route("/documents/{id}/file", document_pages.document_file),
    Route("/documents/{id}/delete", document_pages.remove_document, methods=["POST"]),
    Route("/admin", pages.admin),
    Route("/admin/import", pages.import_products, methods=["POST"]),
    Route("/admin/orders.csv", pages.export_orders),
    Route("/admin/orders.xlsx", pages.export_workbook),
    Route("/api/products", api.products),
    Route("/api/products/{id:number}", api.product),
    Route("/api/search", api.products),
    Route("/api/basket", api.basket, methods=["GET", "POST", "DELETE"]),
    _route("/api/orders", GET=api.list_orders, POST=api.create_order),
    _route("/api/orders/{ref}", GET=api.order, DELETE=api.remove_order),
    Route("/api/login", account_api.login, methods=["POST"]),
    _route("/api/me", GET=account_api.me, DELETE=account_api.remove_me),
    Route("/api/accounts", account_api.create, methods=["POST"]),
    Route("/api/accounts/{email}", account_api.remove, methods=["DELETE"]),
    Route("/api/password-reset", account_api.reset_password, methods=["POST"]),
    _route("/api/documents", GET=desk_api.list_documents, POST=desk_api.upload),
    _route("/api/documents/{id}", GET=desk_api.document, DELETE=desk_api.remove_document),
    Route("/api/documents/{id}/file", desk_api.document_file),
    _route("/api/webhooks", GET=desk_api.list_webhooks, POST=desk_api.create_webhook),
    _route("/api/webhooks/{id}", GET=desk_api.webhook, DELETE=desk_api.remove_webhook),
    Route("/api/version", api.version),
    Route("/api/stats", api.stats),
    *(Route(path, endpoint) for path, endpoint in ENDPOINTS.items()),
    WebSocketRoute("/ws/presence", presence),
    Route("/openapi.json", openapi.endpoint),
    Mount("/static", Assets()),
]


def create_app(settings: Settings) -> ASGIApp:
    """Return the shop as ASGI application. Its database is prepared.

    Raises ModuleNotFoundError when the database's driver is missing, SQLAlchemyError when the database is not there.
    """
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Observe), Middleware(SessionMiddleware, secret_key=settings.secret)],
        exception_handlers={HTTPException: on_http_exception},
        lifespan=_lifespan,
    )
    app.state.shop = _build(settings)
    return behaviours.Rubbish(app) if settings.behaviours.rubbish else app


def _build(settings: Settings) -> Shop:
    store = Store(connect(settings.database))
    store.prepare()
    visitors: set[WebSocket] = set()
    backend = behaviours.Backend(settings.behaviours, settings.seed)
    metrics = Metrics(settings, store, visitors)
    watch_statements(store.engine, metrics.statement)
    faults = settings.behaviours
    queue = OrderQueue(
        store, faults.packing_s, lambda status: metrics.orders.labels(status).inc(), retries=faults.retries
    )
    agents = Agents(faults, metrics.lost_connections.inc, metrics.crashes.inc)
    metrics.watch_agents(agents)
    metrics.watch(queue)
    mail = MailRelay(settings.smtp)
    checker = Checker(settings, store, backend, queue, mail)
    desk = Desk(store)
    converter, mailer, hooks = Converter(desk), Mailer(settings), Hooks(desk, metrics.trips.inc)
    return Shop(
        settings, store, backend, queue, metrics, checker, mail, visitors, desk, converter, mailer, hooks, agents
    )


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    shop = app.state.shop
    await shop.queue.start()
    await shop.mail.start()
    await shop.checker.start()
    await shop.converter.start()
    shop.mailer.start()
    shop.hooks.start()
    shop.agents.start()
    tasks = [asyncio.create_task(work) for work in behaviours.background(shop.settings.behaviours)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await shop.agents.stop()
        await shop.hooks.stop()
        await shop.mailer.stop()
        await shop.converter.stop()
        await shop.mail.stop()
        await shop.queue.stop()
        shop.store.engine.dispose()
