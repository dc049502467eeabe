"""The JSON API of what customers keep: documents that are converted, webhooks that are called."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from .api import download
from .bodies import WebhookBody, read_body, read_upload
from .desk import MOST
from .documents import MAX_BYTES
from .web import account_by_token, shop_of
from .xlsx import MEDIA_TYPE

if TYPE_CHECKING:
    from starlette.requests import Request

    from .database import Account
    from .desk import Document, Webhook


def _document(document: Document) -> dict[str, object]:
    facts = asdict(document)
    del facts["email"]
    return facts


def _webhook(webhook: Webhook) -> dict[str, object]:
    """Without the secret: it is shown once, to who made it."""
    return {"id": webhook.id, "url": webhook.url, "event": webhook.event, "created": webhook.created}


async def keep_upload(request: Request, account: Account) -> Document:
    """Store what was uploaded and have it converted. Raises as ``read_upload``, and 409 for too many documents."""
    shop = shop_of(request)
    name, content = await read_upload(request, MAX_BYTES)
    document = await run_in_threadpool(shop.desk.add_document, account.email, name, content)
    if document is None:
        raise HTTPException(409, f"an account keeps at most {MOST} documents: remove some first")
    if not shop.converter.put(document):
        await run_in_threadpool(shop.desk.remove_document, document.id)
        raise HTTPException(503, "too many documents wait, try again in a minute", {"Retry-After": "60"})
    return document


async def own_document(request: Request, account: Account) -> Document:
    """Return the document that the path names. Raises 404 also where it is somebody else's."""
    found = await run_in_threadpool(shop_of(request).desk.document, request.path_params["id"])
    if found is None or found.email != account.email:
        raise HTTPException(404, "no such document")
    return found


async def file_answer(request: Request, document: Document) -> Response:
    """Return the workbook to download. Raises 409 when there is none, or none yet."""
    if document.status != "ready":
        raise HTTPException(409, f"the document is {document.status}: expected ready")
    content = await run_in_threadpool(shop_of(request).desk.content, document.id)
    if content is None:  # removed just now
        raise HTTPException(404, "no such document")
    return Response(content, media_type=MEDIA_TYPE, headers=download(f"{document.id}.xlsx"))


async def list_documents(request: Request) -> Response:
    """GET /api/documents: one's own, newest first."""
    account = await account_by_token(request)
    found = await run_in_threadpool(shop_of(request).desk.documents, account.email)
    return JSONResponse({"documents": [_document(document) for document in found]})


async def upload(request: Request) -> Response:
    """POST /api/documents: a CSV file; 202 as it is converted in the background."""
    document = await keep_upload(request, await account_by_token(request))
    return JSONResponse(_document(document), 202, {"Location": f"/api/documents/{document.id}"})


async def document(request: Request) -> Response:
    """GET /api/documents/{id}: how far it is."""
    return JSONResponse(_document(await own_document(request, await account_by_token(request))))


async def document_file(request: Request) -> Response:
    """GET /api/documents/{id}/file: the workbook."""
    return await file_answer(request, await own_document(request, await account_by_token(request)))


async def remove_document(request: Request) -> Response:
    """DELETE /api/documents/{id}."""
    found = await own_document(request, await account_by_token(request))
    await run_in_threadpool(shop_of(request).desk.remove_document, found.id)
    return Response(status_code=204)


async def list_webhooks(request: Request) -> Response:
    """GET /api/webhooks: one's own."""
    account = await account_by_token(request)
    found = await run_in_threadpool(shop_of(request).desk.webhooks, account.email)
    return JSONResponse({"webhooks": [_webhook(webhook) for webhook in found]})


async def create_webhook(request: Request) -> Response:
    """POST /api/webhooks: 201 with the secret that calls are signed with."""
    account = await account_by_token(request)
    body = await read_body(request, WebhookBody)
    made = await run_in_threadpool(shop_of(request).desk.add_webhook, account.email, body.url, body.event)
    if made is None:
        raise HTTPException(409, f"an account keeps at most {MOST} webhooks: remove some first")
    answer = _webhook(made) | {"secret": made.secret}
    return JSONResponse(answer, 201, {"Location": f"/api/webhooks/{made.id}"})


async def _own_webhook(request: Request) -> Webhook:
    account = await account_by_token(request)
    found = await run_in_threadpool(shop_of(request).desk.webhook, request.path_params["id"])
    if found is None or found.email != account.email:
        raise HTTPException(404, "no such webhook")
    return found


async def webhook(request: Request) -> Response:
    """GET /api/webhooks/{id}."""
    return JSONResponse(_webhook(await _own_webhook(request)))


async def remove_webhook(request: Request) -> Response:
    """DELETE /api/webhooks/{id}."""
    found = await _own_webhook(request)
    await run_in_threadpool(shop_of(request).desk.remove_webhook, found.id)
    return Response(status_code=204)
