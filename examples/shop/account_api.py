"""The JSON API of accounts: tokens, new accounts, their end, and passwords that were forgotten."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from . import auth
from .bodies import AccountBody, LoginBody, ResetBody, read_body
from .database import Account
from .mail import reset_mail
from .web import account_by_token, shop_of

if TYPE_CHECKING:
    from starlette.requests import Request


async def login(request: Request) -> Response:
    """POST /api/login: a bearer token for one hour."""
    shop = shop_of(request)
    body = await read_body(request, LoginBody)
    account = await run_in_threadpool(shop.store.account, body.email.strip().lower())
    if account is None or not await run_in_threadpool(auth.password_fits, body.password, account.password):
        raise HTTPException(401, "unknown address or wrong password")
    token = auth.make_token({"sub": account.email, "role": account.role}, shop.settings.secret, time.time())
    return JSONResponse({"token": token, "token_type": "Bearer", "expires_in": auth.TOKEN_LIFETIME_S})


async def me(request: Request) -> Response:
    """GET /api/me: whose token this is."""
    account = await account_by_token(request)
    return JSONResponse({"email": account.email, "role": account.role})


async def create(request: Request) -> Response:
    """POST /api/accounts: a new customer."""
    body = await read_body(request, AccountBody)
    password = await run_in_threadpool(auth.hash_password, body.password)
    account = Account(body.email.lower(), password, "customer")
    if not await run_in_threadpool(shop_of(request).store.add_account, account):
        raise HTTPException(409, "there is an account with this address already")
    return JSONResponse({"email": account.email, "role": account.role}, 201)


async def remove_me(request: Request) -> Response:
    """DELETE /api/me: the account of the token goes, with all that belongs to it."""
    account = await account_by_token(request)
    _refuse_administrators(account)
    await run_in_threadpool(shop_of(request).desk.remove_account, account.email)
    return Response(status_code=204)


async def remove(request: Request) -> Response:
    """DELETE /api/accounts/{email}: the same, by an administrator."""
    shop = shop_of(request)
    if (await account_by_token(request)).role != "admin":
        raise HTTPException(403, "for administrators")
    account = await run_in_threadpool(shop.store.account, request.path_params["email"].lower())
    if account is None:
        raise HTTPException(404, "no such account")
    _refuse_administrators(account)
    await run_in_threadpool(shop.desk.remove_account, account.email)
    return Response(status_code=204)


def _refuse_administrators(account: Account) -> None:
    if account.role == "admin":
        raise HTTPException(409, "an administrator's account stays: a shop without one cannot be helped")


async def reset_password(request: Request) -> Response:
    """POST /api/password-reset: 202 whether there is such an account or not, as that is nobody's business."""
    body = await read_body(request, ResetBody)
    await send_reset(request, body.email)
    return JSONResponse({"status": "accepted"}, 202)


async def send_reset(request: Request, email: str) -> None:
    """Hand in the mail that lets the holder of an account, where there is one, set another password."""
    shop = shop_of(request)
    account = await run_in_threadpool(shop.store.account, email.strip().lower())
    if account is None:
        return
    token = auth.make_reset(account, shop.settings.secret, time.time())
    link = f"{shop.settings.public_url}/reset?{urlencode({'token': token})}"
    shop.mailer.put(reset_mail(account.email, link, request.scope["correlation_id"]))
