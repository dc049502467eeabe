"""The JSON API of goods, basket and orders. Errors are ``{"error": text, "correlation_id": id}``, prices euro cents.

Accounts, documents and webhooks have modules of their own; ``openapi.py`` describes all of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from .bodies import ItemBody, OrderBody, read_body
from .csv_files import orders_csv, orders_xlsx
from .database import PAGE_SIZE
from .web import (
    MAX_QUANTITY,
    Person,
    account_by_token,
    as_json,
    basket_of,
    new_order,
    person_by_token,
    place,
    put_into_basket,
    shop_of,
)
from .xlsx import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from .database import Line, Order
    from .seed import Product

FORMATS = ("json", "csv", "xlsx")
EXPORTED = 10_000
"""An export has so many of the newest orders."""


def _product(product: Product) -> dict[str, object]:
    names = ("id", "sku", "name", "category", "price_cents", "description")
    return {name: getattr(product, name) for name in names}


def page_number(request: Request) -> int:
    """``?page=``, 1 when it is missing or no number of up to nine digits."""
    text = request.query_params.get("page", "1")
    return min(int(text), 10_000) if text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0 else 1


async def products(request: Request) -> Response:
    """GET /api/products?page= and GET /api/search?q=&page=: one page of products."""
    shop = shop_of(request)
    page = page_number(request)
    await asyncio.sleep(shop.settings.behaviours.search_s)
    await shop.backend.call()
    if shop.backend.waits_in_database():
        await run_in_threadpool(shop.store.wait, shop.settings.behaviours.slow_statement_s)
    found, total = await run_in_threadpool(shop.store.search, request.query_params.get("q", "")[:100], page)
    body = {"products": [_product(item) for item in found], "total": total, "page": page, "page_size": PAGE_SIZE}
    return JSONResponse(body)


async def product(request: Request) -> Response:
    """GET /api/products/{id}."""
    shop = shop_of(request)
    await asyncio.sleep(shop.settings.behaviours.search_s)
    await shop.backend.call()
    lines = await run_in_threadpool(shop.store.lines, {request.path_params["id"]: 1})
    if not lines:
        raise HTTPException(404, f"no product {request.path_params['id']}")
    told = _product(lines[0].product)
    if shop.settings.behaviours.wrong_prices:
        # The bug of ``wrong_prices``: a currency library was replaced, and its amounts are euros, not cents.
        told["price_cents"] = lines[0].product.price_cents // 100
    return JSONResponse(told)


async def basket(request: Request) -> Response:
    """GET shows the basket in the session cookie, POST sets the quantity of a product, DELETE empties it."""
    shop = shop_of(request)
    if request.method == "DELETE":
        request.session.pop("basket", None)
    elif request.method == "POST":
        item = await read_body(request, ItemBody)
        if not await run_in_threadpool(shop.store.lines, {item.product_id: 1}):
            raise HTTPException(404, f"no product {item.product_id}")
        put_into_basket(request, item.product_id, item.quantity)
    await shop.backend.call()
    lines = await run_in_threadpool(shop.store.lines, basket_of(request))
    return JSONResponse({"items": _lines(lines), "total_cents": sum(line.total_cents for line in lines)})


def _lines(lines: Sequence[Line]) -> list[dict[str, object]]:
    return [{"product": _product(line.product), "quantity": line.quantity} for line in lines]


async def create_order(request: Request) -> Response:
    """POST /api/orders: an order of somebody who need not be logged in; 202 as packing happens in the queue."""
    shop = shop_of(request)
    body = await read_body(request, OrderBody)
    await shop.backend.call()
    quantities: dict[int, int] = {}
    for item in body.items:
        quantities[item.product_id] = min(quantities.get(item.product_id, 0) + item.quantity, MAX_QUANTITY)
    lines = await run_in_threadpool(shop.store.lines, quantities)
    if len(lines) != len(quantities):
        raise HTTPException(404, "items: no such product")
    order = new_order(lines, body.email, body.name, body.address)
    await place(request, order, lines)
    return JSONResponse(as_json(order), 202, {"Location": f"/api/orders/{order.ref}"})


async def list_orders(request: Request) -> Response:
    """GET /api/orders: one's own orders, all for administrators; ``?format=csv`` or ``xlsx`` for a file."""
    shop = shop_of(request)
    # The bug of ``open_doors``: a decorator that asked for the token was lost in a merge.
    person = Person("", "admin") if shop.settings.behaviours.open_doors else person_by_token(request)
    if person is None:
        raise HTTPException(401, "log in first", {"WWW-Authenticate": "Bearer"})
    kind = request.query_params.get("format", "json")
    if kind not in FORMATS:
        raise HTTPException(422, f"format: expected {', '.join(FORMATS)}, got {kind[:40]!r}")
    await shop.backend.call()
    email = None if person.role == "admin" else person.email
    if kind == "xlsx":
        return await xlsx_answer(request, email)
    found = await run_in_threadpool(shop.store.orders, email)
    if kind == "csv":
        return csv_answer(request, found)
    return JSONResponse({"orders": [as_json(order) for order in found]})


def csv_answer(request: Request, found: Sequence[Order]) -> Response:
    """Orders as a CSV file to download."""
    text = orders_csv(found, renamed=shop_of(request).settings.behaviours.renamed_column)
    return Response(text, media_type="text/csv", headers=download("orders.csv"))


async def xlsx_answer(request: Request, email: str | None) -> Response:
    """Orders as a workbook to download: all, or those of one customer."""
    shop = shop_of(request)
    found = await run_in_threadpool(shop.store.orders, email, limit=EXPORTED)
    content = await run_in_threadpool(orders_xlsx, found, renamed=shop.settings.behaviours.renamed_column)
    return Response(content, media_type=MEDIA_TYPE, headers=download("orders.xlsx"))


def download(name: str) -> dict[str, str]:
    """Return the header that has an answer saved as a file with this name (ASCII, no quotes)."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


async def order(request: Request) -> Response:
    """GET /api/orders/{ref}: an order, for whoever knows its reference."""
    shop = shop_of(request)
    await shop.backend.call()
    found = await run_in_threadpool(shop.store.order, request.path_params["ref"])
    if found is None:
        raise HTTPException(404, "no such order")
    return JSONResponse(as_json(found))


async def remove_order(request: Request) -> Response:
    """DELETE /api/orders/{ref}: for administrators, and for whose e-mail address it was ordered with."""
    store = shop_of(request).store
    account = await account_by_token(request)
    found = await run_in_threadpool(store.order, request.path_params["ref"])
    if found is None:
        raise HTTPException(404, "no such order")
    if account.role != "admin" and found.email.lower() != account.email:
        raise HTTPException(403, "this order is not yours")
    await run_in_threadpool(store.remove_order, found.ref)
    return Response(status_code=204)


async def version(request: Request) -> Response:
    """GET /api/version."""
    settings = shop_of(request).settings
    body = {"name": "shop", "version": settings.reported_version, "commit": settings.commit, "built": settings.built}
    return JSONResponse(body)


async def stats(request: Request) -> Response:
    """GET /api/stats: figures for whoever has no Prometheus."""
    shop = shop_of(request)
    size, in_use = shop.store.pool()
    body = {
        "queue": {"depth": shop.queue.depth, "consumers": shop.queue.consumers},
        "database": {"pool_size": size, "pool_in_use": in_use},
        "presence": len(shop.presence),
    }
    return JSONResponse(body)
