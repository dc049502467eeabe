"""Passwords, bearer tokens (JSON Web Tokens, HS256) and the check that a form was sent from the shop's own pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_LIFETIME_S = 3600
_HEADER = {"alg": "HS256", "typ": "JWT"}


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
    signed = f"{_encode(json.dumps(_HEADER).encode())}.{_encode(json.dumps(body).encode())}"
    return f"{signed}.{_encode(_signature(signed, secret))}"


def read_token(token: str, secret: str, now_s: float) -> dict[str, object] | None:
    """Return the claims of a token that is well-formed, signed with ``secret`` and not expired; else None."""
    signed, _, signature = token.rpartition(".")
    try:
        header, claims = (json.loads(_decode(part)) for part in signed.split("."))
        if not hmac.compare_digest(_decode(signature), _signature(signed, secret)):
            return None
    except (ValueError, binascii.Error):
        return None
    # The algorithm is ours to choose: a token that asks for another one ("none") is refused.
    if header != _HEADER or not isinstance(claims, dict) or not isinstance(claims.get("exp"), int):
        return None
    return claims if now_s < claims["exp"] else None


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request that changes something comes from the shop's own pages, or from no browser at all."""
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host")
    return headers.get("sec-fetch-site", "none") in {"same-origin", "none"}


def _signature(text: str, secret: str) -> bytes:
    return hmac.new(secret.encode(), text.encode(), "sha256").digest()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
