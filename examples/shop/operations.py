"""Every operation of the API as a value: what it takes, what it answers, who may. ``openapi.py`` writes them down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import answers, bodies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

PAGE = ("page", "query", {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}, "Anything else is 1.")
QUERY = (
    "q",
    "query",
    {"type": "string"},
    "Words that name, category or description contain; the first 100 characters.",
)
FORMAT = ("format", "query", {"enum": ["json", "csv", "xlsx"]}, "Of the answer.")
PRODUCT_ID = ("id", "path", {"type": "integer", "minimum": 0, "maximum": 999_999_999}, "Number of a product.")
REF = ("ref", "path", {"type": "string", "minLength": 1}, "Reference of an order.")
EMAIL = ("email", "path", {"type": "string", "minLength": 1}, "Address of an account.")
ID = ("id", "path", {"type": "string", "minLength": 1}, "As it was answered when the thing was made.")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. ``body``: a model, or ``upload``. ``errors``: statuses beside the one of success.

    ``links``: name -> (operation, parameter, field of the answer that fills it).
    """

    id: str
    method: str
    path: str
    summary: str
    answer: type[BaseModel] | None = None
    status: int = 200
    body: type[BaseModel] | str | None = None
    errors: tuple[int, ...] = ()
    parameters: tuple[tuple[str, str, Mapping[str, object], str], ...] = ()
    token: bool = False
    files: tuple[str, ...] = ()  # further media types of the answer
    location: bool = False
    links: tuple[tuple[str, str, str], ...] = ()


def _documents() -> tuple[Operation, ...]:
    of_one = (("getDocument", "id", "id"), ("getDocumentFile", "id", "id"), ("deleteDocument", "id", "id"))
    path, one = "/api/documents", {"parameters": (ID,), "token": True, "errors": (401, 404)}
    return (
        Operation("listDocuments", "get", path, "One's own documents", answers.Documents, errors=(401,), token=True),
        Operation(
            *("createDocument", "post", path, "Upload a CSV file for conversion", answers.Document, 202, "upload"),
            errors=(400, 401, 409, 413, 422),
            token=True,
            location=True,
            links=of_one,
        ),
        Operation("getDocument", "get", path + "/{id}", "How far a document is", answers.Document, **one),  # type: ignore[arg-type]
        Operation("deleteDocument", "delete", path + "/{id}", "Remove a document", None, 204, **one),  # type: ignore[arg-type]
        Operation(
            *("getDocumentFile", "get", path + "/{id}/file", "The workbook"),
            errors=(401, 404, 409),
            parameters=(ID,),
            token=True,
            files=(XLSX,),
        ),
    )


def _webhooks() -> tuple[Operation, ...]:
    of_one = (("getWebhook", "id", "id"), ("deleteWebhook", "id", "id"))
    path, one = "/api/webhooks", {"parameters": (ID,), "token": True, "errors": (401, 404)}
    return (
        Operation("listWebhooks", "get", path, "One's own webhooks", answers.Webhooks, errors=(401,), token=True),
        Operation(
            *("createWebhook", "post", path, "Be told of orders", answers.NewWebhook, 201, bodies.WebhookBody),
            errors=(401, 409, 413, 422),
            token=True,
            location=True,
            links=of_one,
        ),
        Operation("getWebhook", "get", path + "/{id}", "A webhook", answers.Webhook, **one),  # type: ignore[arg-type]
        Operation("deleteWebhook", "delete", path + "/{id}", "Remove a webhook", None, 204, **one),  # type: ignore[arg-type]
    )


def _accounts() -> tuple[Operation, ...]:
    return (
        Operation(
            *("login", "post", "/api/login", "Get a bearer token", answers.Token, 200, bodies.LoginBody),
            errors=(401, 413, 422),
        ),
        Operation("getMe", "get", "/api/me", "Whose token this is", answers.Account, errors=(401,), token=True),
        Operation(
            *("deleteMe", "delete", "/api/me", "Remove the account of the token, with all that belongs to it"),
            status=204,
            errors=(401, 409),
            token=True,
        ),
        Operation(
            *("createAccount", "post", "/api/accounts", "Register", answers.Account, 201, bodies.AccountBody),
            errors=(409, 413, 422),
            links=(("deleteAccount", "email", "email"),),
        ),
        Operation(
            *("deleteAccount", "delete", "/api/accounts/{email}", "Remove an account; for administrators"),
            status=204,
            errors=(401, 403, 404, 409),
            parameters=(EMAIL,),
            token=True,
        ),
        Operation(
            *("resetPassword", "post", "/api/password-reset", "Ask for a mail with which to set another password"),
            *(answers.Accepted, 202, bodies.ResetBody),
            errors=(413, 422),
        ),
    )


def _goods() -> tuple[Operation, ...]:
    return (
        Operation("listProducts", "get", "/api/products", "Products", answers.ProductPage, parameters=(PAGE, QUERY)),
        Operation("search", "get", "/api/search", "Products by word", answers.ProductPage, parameters=(PAGE, QUERY)),
        Operation(
            *("getProduct", "get", "/api/products/{id}", "A product", answers.Product),
            errors=(404,),
            parameters=(PRODUCT_ID,),
        ),
        Operation("getBasket", "get", "/api/basket", "The basket", answers.Basket),
        Operation(
            *("setBasketItem", "post", "/api/basket", "Set how many of a product the basket holds"),
            *(answers.Basket, 200, bodies.ItemBody),
            errors=(404, 413, 422),
        ),
        Operation("emptyBasket", "delete", "/api/basket", "Empty the basket", answers.Basket),
    )


def _orders() -> tuple[Operation, ...]:
    return (
        Operation(
            *("listOrders", "get", "/api/orders", "One's own orders; all for administrators", answers.Orders),
            errors=(401, 422),
            parameters=(FORMAT,),
            token=True,
            files=("text/csv", XLSX),
        ),
        Operation(
            *("createOrder", "post", "/api/orders", "Order", answers.Order, 202, bodies.OrderBody),
            errors=(404, 413, 422),
            location=True,
            links=(("getOrder", "ref", "ref"), ("deleteOrder", "ref", "ref")),
        ),
        Operation(
            *("getOrder", "get", "/api/orders/{ref}", "An order", answers.Order), errors=(404,), parameters=(REF,)
        ),
        Operation(
            *("deleteOrder", "delete", "/api/orders/{ref}", "Remove an order; its owner's or an administrator's right"),
            status=204,
            errors=(401, 403, 404),
            parameters=(REF,),
            token=True,
        ),
    )


def _operation() -> tuple[Operation, ...]:
    # 503: the body is the same, its status is Down.
    return (
        Operation("getVersion", "get", "/api/version", "What is running", answers.Version),
        Operation("getStats", "get", "/api/stats", "Figures", answers.Stats),
        Operation("getHealth", "get", "/api/health/system", "Health by component", answers.Health),
        Operation("getReadiness", "get", "/api/health/ready", "Whether requests can be served", answers.Health),
        Operation("getProviders", "get", "/api/health/providers", "Health of providers", answers.Providers),
        Operation(
            *("getMonitoring", "get", "/api/v1/monitoring/health/detailed", "Health in detail", answers.Monitoring)
        ),
    )


OPERATIONS = (*_goods(), *_orders(), *_accounts(), *_documents(), *_webhooks(), *_operation())
