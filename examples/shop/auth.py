"""Passwords, bearer tokens (JSON Web Tokens, HS256) and the check that a form was sent from the shop's own pages."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import jwt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jwt.types import Options

    from .database import Account

TOKEN_LIFETIME_S = 3600
RESET_LIFETIME_S = 1800


def hash_password(password: str, salt: str | None = None) -> str:
    """``salt$hash`` by scrypt, with a new salt unless one is given."""
    salt = salt or secrets.token_hex(16)
    digest = hashlib.scrypt(password.encode(), salt=salt.encode(), n=1 << 13, r=8, p=1)
    return f"{salt}${digest.hex()}"


def password_fits(password: str, stored: str) -> bool:
    """Whether ``password`` is the one that ``stored`` was made from."""
    return hmac.compare_digest(hash_password(password, stored.partition("$")[0]), stored)


def make_token(claims: Mapping[str, object], secret: str, now_s: float) -> str:
    """Return a signed token with ``claims``, ``iat`` and ``exp`` (one hour after ``now_s``, Unix seconds)."""
    body = {**claims, "iat": int(now_s), "exp": int(now_s) + TOKEN_LIFETIME_S}
    return jwt.encode(body, _key(secret, "access"), algorithm="HS256")


def read_token(token: str, secret: str, now_s: float) -> dict[str, object] | None:
    """Return the claims of a token that is well-formed, signed with ``secret`` and not expired; else None."""
    return _read(token, _key(secret, "access"), now_s)


def make_reset(account: Account, secret: str, now_s: float) -> str:
    """Return a token that allows its holder to change the password of ``account``, once and within half an hour."""
    body = {"sub": account.email, "of": _mark(account), "exp": int(now_s) + RESET_LIFETIME_S}
    return jwt.encode(body, _key(secret, "reset"), algorithm="HS256")


def reset_subject(token: str, secret: str, now_s: float) -> str | None:
    """Return whose password the token may change, for a look-up; ``reset_fits`` has the last word."""
    claims = _read(token, _key(secret, "reset"), now_s)
    return str(claims["sub"]) if claims else None


def reset_fits(token: str, account: Account, secret: str, now_s: float) -> bool:
    """Whether ``token`` may change the password that ``account`` has now: once it was changed, it may not any more."""
    claims = _read(token, _key(secret, "reset"), now_s) or {}
    return claims.get("sub") == account.email and hmac.compare_digest(str(claims.get("of")), _mark(account))


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request that changes something comes from the shop's own pages, or from no browser at all."""
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host")
    return headers.get("sec-fetch-site", "none") in {"same-origin", "none"}


def _read(token: str, key: bytes, now_s: float) -> dict[str, object] | None:
    # The algorithm is ours to choose: a token that asks for another one ("none") is refused.
    options: Options = {"require": ["exp", "sub"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        claims = jwt.decode(token, key, algorithms=["HS256"], options=options)
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return None
    # Compared here, for the caller's clock: then a test needs no sleep.
    return claims if isinstance(claims["exp"], int) and now_s < claims["exp"] else None


def _key(secret: str, purpose: str) -> bytes:
    """Return a key of 32 bytes for one purpose: a token made for another one does not fit."""
    return hmac.new(secret.encode(), purpose.encode(), "sha256").digest()


def _mark(account: Account) -> str:
    """Something that changes with the password and says nothing of it."""
    return hashlib.sha256(account.password.encode()).hexdigest()[:16]
