"""The JSON API. Errors are ``{"error": text, "correlation_id": id}``; prices are euro cents."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from . import auth
from .csv_files import orders_csv
from .database import PAGE_SIZE
from .web import (
    EMAIL,
    MAX_QUANTITY,
    basket_of,
    new_order,
    person_by_token,
    put_into_basket,
    shop_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from .database import Line, Order
    from .seed import Product

MAX_BODY = 100_000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LoginBody(_Body):
    """POST /api/login."""

    email: str
    password: str = Field(max_length=200)


class ItemBody(_Body):
    """A product and how many."""

    product_id: int = Field(ge=1, le=2**31 - 1)
    quantity: int = Field(default=1, ge=0, le=MAX_QUANTITY)


class OrderedBody(ItemBody):
    """A product and how many, at least one."""

    quantity: int = Field(default=1, ge=1, le=MAX_QUANTITY)


class OrderBody(_Body):
    """POST /api/orders."""

    items: Annotated[list[OrderedBody], Field(min_length=1, max_length=50)]
    email: Annotated[str, Field(pattern=f"^{EMAIL.pattern}$")]
    name: str = Field(default="", max_length=120)
    address: str = Field(default="", max_length=500)


BodyT = TypeVar("BodyT", bound=_Body)


async def read_body(request: Request, kind: type[BodyT]) -> BodyT:
    """Return the JSON body. Raises 413 when it is too long and 422 naming what is wrong with it."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY:
            raise HTTPException(413, f"expected at most {MAX_BODY} bytes")
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        faults = ("{}: {}".format(".".join(map(str, fault["loc"])) or "body", fault["msg"]) for fault in error.errors())
        raise HTTPException(422, "; ".join(faults)) from None


def _product(product: Product) -> dict[str, object]:
    names = ("id", "sku", "name", "category", "price_cents", "description")
    return {name: getattr(product, name) for name in names}


def _order(order: Order) -> dict[str, object]:
    names = ("ref", "created", "email", "total_cents", "status")
    return {name: getattr(order, name) for name in names}


def page_number(request: Request) -> int:
    """``?page=``, 1 when it is missing or no number."""
    text = request.query_params.get("page", "1")
    return min(int(text), 10_000) if text.isascii() and text.isdigit() and int(text) > 0 else 1


async def products(request: Request) -> Response:
    """GET /api/products?page= and GET /api/search?q=&page=: one page of products."""
    shop = shop_of(request)
    page = page_number(request)
    await shop.backend.call()
    found, total = await run_in_threadpool(shop.store.search, request.query_params.get("q", "")[:100], page)
    body = {"products": [_product(item) for item in found], "total": total, "page": page, "page_size": PAGE_SIZE}
    return JSONResponse(body)


async def product(request: Request) -> Response:
    """GET /api/products/{id}."""
    shop = shop_of(request)
    await shop.backend.call()
    lines = await run_in_threadpool(shop.store.lines, {request.path_params["id"]: 1})
    if not lines:
        raise HTTPException(404, f"no product {request.path_params['id']}")
    return JSONResponse(_product(lines[0].product))


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
        raise HTTPException(422, "items: no such product")
    order = new_order(lines, body.email, body.name, body.address)
    await run_in_threadpool(shop.store.add_order, order, lines)
    shop.queue.put(order.ref)
    return JSONResponse(_order(order), 202, {"Location": f"/api/orders/{order.ref}"})


async def list_orders(request: Request) -> Response:
    """GET /api/orders: one's own orders, all for administrators; ``?format=csv`` for export."""
    shop = shop_of(request)
    person = person_by_token(request)
    if person is None:
        raise HTTPException(401, "log in first", {"WWW-Authenticate": "Bearer"})
    await shop.backend.call()
    found = await run_in_threadpool(shop.store.orders, None if person.role == "admin" else person.email)
    if request.query_params.get("format") == "csv":
        return csv_answer(found)
    return JSONResponse({"orders": [_order(order) for order in found]})


def csv_answer(found: Sequence[Order]) -> Response:
    """Orders as a CSV file to download."""
    headers = {"Content-Disposition": 'attachment; filename="orders.csv"'}
    return Response(orders_csv(found), media_type="text/csv", headers=headers)


async def order(request: Request) -> Response:
    """GET /api/orders/{ref}: an order, for whoever knows its reference."""
    shop = shop_of(request)
    await shop.backend.call()
    found = await run_in_threadpool(shop.store.order, request.path_params["ref"])
    if found is None:
        raise HTTPException(404, "no such order")
    return JSONResponse(_order(found))


async def login(request: Request) -> Response:
    """POST /api/login: a bearer token for one hour."""
    shop = shop_of(request)
    body = await read_body(request, LoginBody)
    account = await run_in_threadpool(shop.store.account, body.email.strip().lower())
    if account is None or not await run_in_threadpool(auth.password_fits, body.password, account.password):
        raise HTTPException(401, "unknown address or wrong password")
    token = auth.make_token({"sub": account.email, "role": account.role}, shop.settings.secret, time.time())
    return JSONResponse({"token": token, "token_type": "Bearer", "expires_in": auth.TOKEN_LIFETIME_S})


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
