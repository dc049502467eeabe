"""What all handlers share: the running shop, templates, error answers, the basket and who is logged in."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.templating import Jinja2Templates

from . import assets, auth
from .database import Order, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import HTTPConnection, Request
    from starlette.websockets import WebSocket

    from .agents import Agents
    from .behaviours import Backend
    from .checks import Checker, MailRelay
    from .config import Settings
    from .database import Account, Line, Store
    from .desk import Desk
    from .documents import Converter
    from .jobs import OrderQueue
    from .mail import Mailer
    from .metrics import Metrics
    from .webhooks import Hooks

HERE = Path(__file__).parent
MAX_QUANTITY = 99
EMAIL = re.compile(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,120}")
ACCOUNT_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,4}")
"""Who has an account gets mail: an address as HTML's input type=email takes it."""
MAX_EMAIL = 200
MIN_PASSWORD, MAX_PASSWORD = 10, 200


class Number(Convertor[int]):
    """A number in a path, as ``{id:number}``: no longer than what the database takes."""

    regex = "[0-9]{1,9}"

    def convert(self, value: str) -> int:
        """Return the number."""
        return int(value)

    def to_string(self, value: int) -> str:
        """Return its digits."""
        return str(value)


register_url_convertor("number", Number())
templates = Jinja2Templates(HERE / "templates")
templates.env.filters["euro"] = lambda cents: f"€ {cents // 100}.{cents % 100:02d}"


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything that a running instance consists of."""

    settings: Settings
    store: Store
    backend: Backend
    queue: OrderQueue
    metrics: Metrics
    checker: Checker
    mail: MailRelay
    presence: set[WebSocket]
    desk: Desk
    converter: Converter
    mailer: Mailer
    hooks: Hooks
    agents: Agents


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asking. Known by address and role alone, so that instances with databases of their own agree."""

    email: str
    role: str


def shop_of(connection: HTTPConnection) -> Shop:
    """Return the shop that serves this request."""
    shop = connection.app.state.shop
    assert isinstance(shop, Shop)
    return shop


def is_api(path: str) -> bool:
    """Whether answers at ``path`` are for programs."""
    return path.startswith("/api/")


def page(request: Request, name: str, status: int = 200, **context: Any) -> Response:
    """Return an HTML page with what every page shows: version, who is logged in, how much is in the basket."""
    shop = shop_of(request)
    session = request.scope.get("session", {})
    switches = shop.settings.behaviours
    common = {
        "asset": assets.of_previous_build if switches.previous_assets else assets.address,
        "picture": assets.picture,
        "switches": switches,
        "version": shop.settings.reported_version,
        "person": person_by_session(request),
        "basket_count": sum(session.get("basket", {}).values()),
        "correlation_id": request.scope.get("correlation_id", ""),
    }
    return templates.TemplateResponse(request, name, common | context, status_code=status)


def see(path: str) -> Response:
    """After a form: go on with GET, so that reloading does not send it again."""
    return RedirectResponse(path, 303)


async def form_of(request: Request) -> dict[str, str]:
    """Return the text fields of a form, without spaces around them."""
    async with request.form(max_files=0, max_fields=50) as form:
        return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


def error_answer(request: Request, status: int, detail: str) -> Response:
    """Return an error as JSON for programs and as a page for people; both name the correlation id."""
    if not is_api(request.url.path) and "text/html" in request.headers.get("accept", "text/html"):
        return page(request, "error.html", status, code=status, detail=detail)
    return JSONResponse({"error": detail, "correlation_id": request.scope.get("correlation_id", "")}, status)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's handler for HTTPException: unknown paths, wrong methods, and what handlers raise."""
    assert isinstance(error, HTTPException)
    answer = error_answer(request, error.status_code, error.detail)
    answer.headers.update(error.headers or {})
    return answer


def person_by_session(request: Request) -> Person | None:
    """Who logged in on the pages."""
    found = request.scope.get("session", {}).get("person")
    return Person(found["email"], found["role"]) if found else None


def person_by_token(request: Request) -> Person | None:
    """Who the bearer token names, else who logged in on the pages. Raises 401 for a token that is not good."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return person_by_session(request)
    claims = auth.read_token(token.strip(), shop_of(request).settings.secret, time.time())
    if scheme.lower() != "bearer" or claims is None:
        raise HTTPException(401, "expected a valid bearer token", {"WWW-Authenticate": "Bearer"})
    return Person(str(claims["sub"]), str(claims["role"]))


async def account_by_token(request: Request) -> Account:
    """Return the account that asks, by token or session. Raises 401 when there is none, or none any more."""
    person = person_by_token(request)
    account = await run_in_threadpool(shop_of(request).store.account, person.email) if person else None
    if account is None:
        raise HTTPException(401, "log in first", {"WWW-Authenticate": "Bearer"})
    return account


def basket_of(request: Request) -> dict[int, int]:
    """Return the basket in the session cookie: product id -> quantity."""
    return {int(product): quantity for product, quantity in request.session.get("basket", {}).items()}


def put_into_basket(request: Request, product_id: int, quantity: int) -> None:
    """Set how many of a product the basket holds; 0 takes it out."""
    basket = basket_of(request)
    basket[product_id] = min(quantity, MAX_QUANTITY)
    request.session["basket"] = {str(key): value for key, value in basket.items() if value > 0}


def new_order(lines: Sequence[Line], email: str, name: str, address: str) -> Order:
    """Return an order that waits to be packed, under a reference that cannot be guessed."""
    total = sum(line.total_cents for line in lines)
    return Order(secrets.token_urlsafe(12), now(), email, name, address, total, "queued")


def as_json(order: Order) -> dict[str, object]:
    """Return an order as callers of the API see it."""
    return {name: getattr(order, name) for name in ("ref", "created", "email", "total_cents", "status")}


async def place(request: Request, order: Order, lines: Sequence[Line]) -> None:
    """Store an order, have it packed, and tell webhooks."""
    shop = shop_of(request)
    await run_in_threadpool(shop.store.add_order, order, lines)
    shop.queue.put(order.ref)
    shop.hooks.order_created(as_json(order), request.scope.get("correlation_id", ""))
