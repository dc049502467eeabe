"""The pages of goods, basket, orders and of the administrator. Plain forms: everything works without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from .api import EXPORTED, csv_answer, page_number, xlsx_answer
from .bodies import read_upload
from .csv_files import MAX_BYTES, parse_products
from .database import PAGE_SIZE
from .web import (
    EMAIL,
    MAX_QUANTITY,
    basket_of,
    form_of,
    new_order,
    page,
    person_by_session,
    place,
    put_into_basket,
    see,
    shop_of,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def _number(text: str, highest: int) -> int:
    """Return a number from 0 to ``highest`` out of a form. Raises 422 for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= highest):
        raise HTTPException(422, f"expected a number up to {highest}, got {text!r}")
    return int(text)


async def catalogue(request: Request) -> Response:
    """GET /: products with search."""
    shop = shop_of(request)
    text, number = request.query_params.get("q", "").strip()[:100], page_number(request)
    await shop.backend.call()
    found, total = await run_in_threadpool(shop.store.search, text, number)
    pages = max(1, -(-total // PAGE_SIZE))
    return page(request, "catalogue.html", products=found, total=total, q=text, number=number, pages=pages)


async def product(request: Request) -> Response:
    """GET /products/{id}."""
    shop = shop_of(request)
    await shop.backend.call()
    lines = await run_in_threadpool(shop.store.lines, {request.path_params["id"]: 1})
    if not lines:
        raise HTTPException(404, "There is no such product.")
    return page(request, "product.html", product=lines[0].product, most=MAX_QUANTITY)


async def basket(request: Request) -> Response:
    """GET /basket."""
    shop = shop_of(request)
    await shop.backend.call()
    lines = await run_in_threadpool(shop.store.lines, basket_of(request))
    return page(request, "basket.html", lines=lines, total=sum(line.total_cents for line in lines), most=MAX_QUANTITY)


async def change_basket(request: Request) -> Response:
    """POST /basket: add to (``mode=add``) or set the quantity of a product."""
    form = await form_of(request)
    product_id = _number(form.get("product_id", ""), 2**31 - 1)
    quantity = _number(form.get("quantity", "1"), MAX_QUANTITY)
    if not await run_in_threadpool(shop_of(request).store.lines, {product_id: 1}):
        raise HTTPException(404, "There is no such product.")
    if form.get("mode") == "add":
        quantity += basket_of(request).get(product_id, 0)
    put_into_basket(request, product_id, quantity)
    return see("/basket")


async def checkout(request: Request) -> Response:
    """GET /checkout: where should it go? POST /checkout: order what is in the basket."""
    shop = shop_of(request)
    lines = await run_in_threadpool(shop.store.lines, basket_of(request))
    if not lines:
        return see("/basket")
    person = person_by_session(request)
    form = await form_of(request) if request.method == "POST" else {"email": person.email if person else ""}
    faults = _checkout_faults(form) if request.method == "POST" else {}
    total = sum(line.total_cents for line in lines)
    if request.method != "POST" or faults:
        status = 422 if faults else 200
        return page(request, "checkout.html", status, lines=lines, total=total, form=form, faults=faults)
    await shop.backend.call()
    order = new_order(lines, form["email"], form["name"], form["address"])
    await place(request, order, lines)
    request.session.pop("basket", None)
    return see(f"/orders/{order.ref}")


def _checkout_faults(form: dict[str, str]) -> dict[str, str]:
    faults = {}
    if not 0 < len(form.get("name", "")) <= 120:
        faults["name"] = "Please tell us your name."
    if not EMAIL.fullmatch(form.get("email", "")):
        faults["email"] = "Please give an e-mail address such as ada@shop.example."
    if not 0 < len(form.get("address", "")) <= 500:
        faults["address"] = "Please tell us where to send it."
    return faults


async def order(request: Request) -> Response:
    """GET /orders/{ref}: the confirmation, with how far packing has come."""
    shop = shop_of(request)
    await shop.backend.call()
    found = await run_in_threadpool(shop.store.order, request.path_params["ref"])
    if found is None:
        raise HTTPException(404, "There is no such order.")
    return page(request, "order.html", order=found)


def _require_admin(request: Request) -> None:
    person = person_by_session(request)
    if person is None:
        raise HTTPException(303, "log in first", {"Location": "/login?to=admin"})
    if person.role != "admin":
        raise HTTPException(403, "This page is for administrators.")


async def admin(request: Request) -> Response:
    """GET /admin: orders, queue, import and export."""
    _require_admin(request)
    return await _admin_page(request)


async def _admin_page(request: Request, status: int = 200, said: str = "", faults: tuple[str, ...] = ()) -> Response:
    shop = shop_of(request)
    found = await run_in_threadpool(shop.store.orders, limit=20)
    return page(request, "admin.html", status, orders=found, depth=shop.queue.depth, said=said, faults=faults)


async def import_products(request: Request) -> Response:
    """POST /admin/import: products from a CSV file, all of them or none."""
    _require_admin(request)
    try:
        _, content = await read_upload(request, MAX_BYTES)
    except HTTPException as refused:
        return await _admin_page(request, refused.status_code, faults=(refused.detail,))
    imported, faults = parse_products(content)
    if faults or not imported:
        return await _admin_page(request, 422, faults=tuple(faults[:20]) or ("The file has no products.",))
    added, replaced = await run_in_threadpool(shop_of(request).store.import_products, imported)
    return await _admin_page(request, said=f"{added} products added, {replaced} replaced.")


async def export_orders(request: Request) -> Response:
    """GET /admin/orders.csv."""
    _require_admin(request)
    return csv_answer(request, await run_in_threadpool(shop_of(request).store.orders, limit=EXPORTED))


async def export_workbook(request: Request) -> Response:
    """GET /admin/orders.xlsx."""
    _require_admin(request)
    return await xlsx_answer(request, None)
