"""The application: routes, middleware, and what is started and stopped with it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from . import api, behaviours, pages
from .checks import Checker, MailRelay
from .database import Store, connect
from .health import ENDPOINTS
from .jobs import OrderQueue
from .metrics import Metrics
from .middleware import Observe
from .presence import presence
from .web import HERE, Shop, on_http_exception

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp
    from starlette.websockets import WebSocket

    from .config import Settings

ROUTES = [
    Route("/", pages.catalogue),
    Route("/products/{id:int}", pages.product),
    Route("/basket", pages.basket),
    Route("/basket", pages.change_basket, methods=["POST"]),
    Route("/checkout", pages.checkout, methods=["GET", "POST"]),
    Route("/orders/{ref}", pages.order),
    Route("/login", pages.login, methods=["GET", "POST"]),
    Route("/register", pages.register, methods=["GET", "POST"]),
    Route("/logout", pages.logout, methods=["POST"]),
    Route("/admin", pages.admin),
    Route("/admin/import", pages.import_products, methods=["POST"]),
    Route("/admin/orders.csv", pages.export_orders),
    Route("/api/products", api.products),
    Route("/api/products/{id:int}", api.product),
    Route("/api/search", api.products),
    Route("/api/basket", api.basket, methods=["GET", "POST", "DELETE"]),
    Route("/api/orders", api.list_orders),
    Route("/api/orders", api.create_order, methods=["POST"]),
    Route("/api/orders/{ref}", api.order),
    Route("/api/login", api.login, methods=["POST"]),
    Route("/api/version", api.version),
    Route("/api/stats", api.stats),
    *(Route(path, endpoint) for path, endpoint in ENDPOINTS.items()),
    WebSocketRoute("/ws/presence", presence),
    Mount("/static", StaticFiles(directory=HERE / "static")),
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
    queue = OrderQueue(store, settings.behaviours.packing_s, lambda status: metrics.orders.labels(status).inc())
    metrics.watch(queue)
    mail = MailRelay()
    checker = Checker(settings, store, backend, queue, mail)
    return Shop(settings, store, backend, queue, metrics, checker, mail, visitors)


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    shop = app.state.shop
    await shop.queue.start()
    await shop.mail.start()
    await shop.checker.start()
    tasks = [asyncio.create_task(work) for work in behaviours.background(shop.settings.behaviours)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await shop.mail.stop()
        await shop.queue.stop()
        shop.store.engine.dispose()
