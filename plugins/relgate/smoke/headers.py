"""Security headers of an answer -> what is missing, and what means nothing. Pure. Names of headers are lower-case."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def missing(wanted: Iterable[str], headers: Mapping[str, str]) -> list[str]:
    """Return the names that an answer lacks. ``frame-ancestors`` stands for X-Frame-Options."""
    csp = headers.get("content-security-policy", "")
    return [
        name
        for name in wanted
        if name.lower() not in headers and not (name.lower() == "x-frame-options" and "frame-ancestors" in csp)
    ]


def weak(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield what headers say that protects nobody, each as a sentence."""
    parts = [part.split() for part in headers.get("content-security-policy", "").split(";")]
    scripts = next((part for name in ("script-src", "default-src") for part in parts if part[:1] == [name]), [])
    guarded = any(word.startswith(("'nonce-", "'sha")) for word in scripts)
    if "'unsafe-inline'" in scripts and not guarded:
        yield "Content-Security-Policy allows any inline script"
    sniff = headers.get("x-content-type-options")
    if sniff is not None and sniff.strip().lower() != "nosniff":
        yield f"X-Content-Type-Options is {sniff!r}, not nosniff"
    strict = headers.get("strict-transport-security")
    if strict is not None and not re.search(r'(?i)(?:^|;)\s*max-age\s*=\s*"?0*[1-9]', strict):
        yield f"Strict-Transport-Security is {strict!r}: without a max-age above 0 it protects nobody"
