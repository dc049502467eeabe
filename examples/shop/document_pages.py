"""The page of documents: upload a table, see how far it is, download the workbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from .desk_api import file_answer, keep_upload, own_document
from .documents import MAX_BYTES
from .web import account_by_token, page, see, shop_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .database import Account


async def _account(request: Request) -> Account:
    """Return who is logged in on the pages; others are sent to log in."""
    try:
        return await account_by_token(request)
    except HTTPException as refused:
        raise HTTPException(303, "log in first", {"Location": "/login?to=documents"}) from refused


async def _page(request: Request, account: Account, status: int = 200, fault: str = "") -> Response:
    found = await run_in_threadpool(shop_of(request).desk.documents, account.email)
    return page(request, "documents.html", status, documents=found, fault=fault, most=MAX_BYTES)


async def documents(request: Request) -> Response:
    """GET /documents: all of them; POST /documents: one more."""
    account = await _account(request)
    if request.method != "POST":
        return await _page(request, account)
    try:
        await keep_upload(request, account)
    except HTTPException as refused:
        return await _page(request, account, refused.status_code, f"Nothing was uploaded: {refused.detail}.")
    return see("/documents")


async def document_file(request: Request) -> Response:
    """GET /documents/{id}/file."""
    return await file_answer(request, await own_document(request, await _account(request)))


async def remove_document(request: Request) -> Response:
    """POST /documents/{id}/delete."""
    found = await own_document(request, await _account(request))
    await run_in_threadpool(shop_of(request).desk.remove_document, found.id)
    return see("/documents")
