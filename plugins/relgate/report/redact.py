"""Takes secrets out of everything before it is persisted or printed.

Known secret values are replaced wherever they occur, also as JSON, HTML and URLs write them and inside of Base64; on
top of that come shapes that are secrets whatever their value: credentials in URLs, bearer tokens, JSON web tokens, and
the policy's own patterns.
"""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "[redacted]"

# Below this length a value inside of Base64 leaves too few letters that are its own.
_SHORTEST_INSIDE = 8

# Below this length a value is too common to be replaced blindly: it would maul innocent text.
_SHORTEST = 4

_SHAPES = (
    (re.compile(r"(?P<keep>\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s:@\"']*:[^/\s@\"']*@"), r"\g<keep>" + MASK + "@"),
    (re.compile(r"(?P<keep>\b)eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), r"\g<keep>" + MASK),
    (re.compile(r"(?P<keep>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}"), r"\g<keep>" + MASK),
    (
        re.compile(
            r"(?P<keep>[?&](?:access_token|token|api[_-]?key|password|secret|signature|sig)=)[^&\s\"'<>]+",
            re.IGNORECASE,
        ),
        r"\g<keep>" + MASK,
    ),
)


class Redactor:
    """Replaces secrets in texts and JSON values.

    Args:
        values: secrets as they are used; shorter than four characters are left alone.
        patterns: regular expressions of the policy (``redact:``); everything that they match is replaced.

    """

    def __init__(self, values: Iterable[str] = (), patterns: Iterable[str] = ()) -> None:
        self._given = (tuple(values), tuple(patterns))
        values, patterns = self._given
        forms = {form for value in values if len(value) >= _SHORTEST for form in _forms(value)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if forms else None
        # A pattern that matches nothing would put the mask between all letters: it says nothing about a secret.
        self._patterns = tuple(found for found in map(re.compile, patterns) if not found.match(""))

    def also(self, values: Iterable[str]) -> Redactor:
        """Return a redactor that knows further secrets."""
        return Redactor((*self._given[0], *values), self._given[1])

    def text(self, text: str) -> str:
        """``text`` without secrets, and without lone surrogates, which no file format takes."""
        text = text.encode("utf-8", "backslashreplace").decode()
        if self._values is not None:
            text = self._values.sub(MASK, text)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        for pattern in self._patterns:
            text = pattern.sub(MASK, text)
        return text

    def json(self, value: Any) -> Any:
        """A JSON value of free texts with every string in it, keys included, redacted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(item) for item in value]
        return value


def _forms(value: str) -> set[str]:
    raw = value.encode()
    return {
        value,
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(value)[1:-1])[1:-1],
        json.dumps(json.dumps(value, ensure_ascii=False)[1:-1], ensure_ascii=False)[1:-1],
        html.escape(value),
        html.escape(value, quote=False),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        *_inside_base64(raw),
    }


def _inside_base64(raw: bytes) -> set[str]:
    """Return what of a value is to be seen where it is a part of what is encoded: ``user:password`` of basic auth.

    Three bytes become four letters, so there are three ways in which it may lie; letters that it shares with its
    neighbours are left out.
    """
    if len(raw) < _SHORTEST_INSIDE:
        return set()
    found = set()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        own = encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        found |= {own.decode(), own.decode().translate(str.maketrans("+/", "-_"))}
    return found
