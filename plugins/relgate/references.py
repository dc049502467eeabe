"""References to secrets, ``env:NAME`` and ``file:PATH``, and what is behind them."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.errors import UsageError

if TYPE_CHECKING:
    from relgate.policy import Auth, Target


def resolve(reference: str) -> str:
    """The secret behind ``env:NAME`` or ``file:PATH``; a text without such a prefix is itself.

    Raises:
        UsageError: the variable is not set or empty, or the file cannot be read.

    """
    kind, separator, name = reference.partition(":")
    if not separator or kind not in ("env", "file"):
        return reference
    if kind == "env":
        value = os.environ.get(name, "")
        if not value:
            raise UsageError(
                f"{reference}: the environment variable {name} is not set or empty. Export it before the run"
            )
        return value
    try:
        value = Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{reference}: the file cannot be read ({error})") from error
    if not value:
        raise UsageError(f"{reference}: the file is empty")
    return value


def resolve_all(value: Any) -> Any:
    """Return a JSON value with what is behind the references among its texts."""
    if isinstance(value, dict):
        return {key: resolve_all(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve_all(inner) for inner in value]
    return resolve(value) if isinstance(value, str) and is_secret(value) else value


def is_secret(reference: str) -> bool:
    """Whether a text is a reference to a secret."""
    return reference.startswith(("env:", "file:"))


def auth_headers(auth: Auth | None) -> dict[str, str]:
    """Request headers for an ``auth`` of the policy, with its secrets resolved."""
    if auth is None:
        return {}
    if auth.bearer is not None:
        return {"Authorization": f"Bearer {resolve(auth.bearer)}"}
    if auth.user is not None and auth.password is not None:
        pair = f"{resolve(auth.user)}:{resolve(auth.password)}".encode()
        return {"Authorization": f"Basic {b64encode(pair).decode()}"}
    return {name: resolve(value) for name, value in auth.header.items()}


def headers_of(target: Target) -> dict[str, str]:
    """All headers of one side, secrets resolved."""
    return {name: resolve(value) for name, value in target.headers.items()} | auth_headers(target.auth)
