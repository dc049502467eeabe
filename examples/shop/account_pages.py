"""The pages of accounts: log in, register, log out, and a password that was forgotten."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from . import auth
from .account_api import send_reset
from .database import Account
from .web import (
    ACCOUNT_EMAIL,
    MAX_EMAIL,
    MAX_PASSWORD,
    MIN_PASSWORD,
    form_of,
    page,
    person_by_session,
    see,
    shop_of,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

AFTER_LOGIN = {"shop": "/", "admin": "/admin", "documents": "/documents"}
"""Where somebody may want to go after logging in. Names, no addresses: a link could lead anywhere else."""
BAD_EMAIL = "Please give an e-mail address such as ada@shop.example."
BAD_PASSWORD = f"The password must have at least {MIN_PASSWORD} characters."


async def login(request: Request) -> Response:
    """GET and POST /login."""
    to = request.query_params.get("to", "")
    to = to if to in AFTER_LOGIN else ""
    if request.method == "GET":
        said = "Your password is changed. Log in with the new one." if "changed" in request.query_params else ""
        return page(request, "login.html", email="", fault="", said=said, to=to)
    form = await form_of(request)
    email, password = form.get("email", "").lower(), form.get("password", "")
    account = await run_in_threadpool(shop_of(request).store.account, email)
    if account is None or not await run_in_threadpool(auth.password_fits, password, account.password):
        # One message for both: whether an address is known is nobody's business.
        return page(request, "login.html", 401, email=email, fault="Unknown address or wrong password.", to=to)
    _log_in(request, account)
    if shop_of(request).settings.behaviours.session_cleared:
        # The bug of release `login-loops`: against session fixation, but in the wrong order.
        request.session.clear()
    return see(f"/welcome?to={to or ('admin' if account.role == 'admin' else 'shop')}")


async def welcome(request: Request) -> Response:
    """GET /welcome: on to where somebody wanted to go, or back to the login for who did not keep the cookie."""
    to = request.query_params.get("to", "")
    to = to if to in AFTER_LOGIN else "shop"
    return see(AFTER_LOGIN[to] if person_by_session(request) else f"/login?to={to}")


async def register(request: Request) -> Response:
    """GET and POST /register."""
    if request.method == "GET":
        return page(request, "register.html", email="", fault="", shortest=MIN_PASSWORD)
    form = await form_of(request)
    email, password = form.get("email", "").lower(), form.get("password", "")
    fault = ""
    if not ACCOUNT_EMAIL.fullmatch(email) or len(email) > MAX_EMAIL:
        fault = BAD_EMAIL
    elif not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        fault = BAD_PASSWORD
    else:
        account = Account(email, await run_in_threadpool(auth.hash_password, password), "customer")
        if await run_in_threadpool(shop_of(request).store.add_account, account):
            _log_in(request, account)
            return see("/")
        fault = "There is an account with this address already."
    return page(request, "register.html", 422, email=email, fault=fault, shortest=MIN_PASSWORD)


def _log_in(request: Request, account: Account) -> None:
    request.session["person"] = {"email": account.email, "role": account.role}


async def logout(request: Request) -> Response:
    """POST /logout."""
    request.session.clear()
    return see("/")


async def forgot(request: Request) -> Response:
    """GET and POST /forgot: ask for a mail. The answer is the same whether there is such an account or not."""
    if request.method == "GET":
        return page(request, "forgot.html", said="")
    email = (await form_of(request)).get("email", "")
    await send_reset(request, email[:200])
    return page(request, "forgot.html", said="If there is an account with this address, a mail is on its way to it.")


async def reset(request: Request) -> Response:
    """GET and POST /reset?token=: set another password. Raises 403 for a link that is used, old or not ours."""
    shop = shop_of(request)
    form = await form_of(request) if request.method == "POST" else {}
    token = form.get("token", request.query_params.get("token", ""))
    subject = auth.reset_subject(token, shop.settings.secret, time.time())
    account = await run_in_threadpool(shop.store.account, subject) if subject else None
    if account is None or not auth.reset_fits(token, account, shop.settings.secret, time.time()):
        raise HTTPException(
            403, "This link was used already, or is older than half an hour. Please ask for another one."
        )
    if request.method == "GET":
        return page(request, "reset.html", token=token, email=account.email, fault="", shortest=MIN_PASSWORD)
    password = form.get("password", "")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        context = {"token": token, "email": account.email, "fault": BAD_PASSWORD, "shortest": MIN_PASSWORD}
        return page(request, "reset.html", 422, **context)
    stored = await run_in_threadpool(auth.hash_password, password)
    await run_in_threadpool(shop.store.set_password, account.email, stored)
    return see("/login?changed")
