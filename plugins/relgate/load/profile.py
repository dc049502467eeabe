"""A profile of traffic: which requests a service really gets, and in which proportions.

Read from an access log in common or combined log format (Apache, nginx), or from a HAR of a browser. What counts is
method and path with its query; bodies are not replayed, so by default only GET and HEAD are. Requests that the service
refused (4xx) or that failed (5xx) are left out: a load of errors is no load.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Requests = tuple[tuple[str, str, float], ...]
MOST = 5_000
"""Distinct requests that are kept: the most frequent ones. A load with more of them has no proportions any more."""

_LINE = re.compile(r'^\S+ \S+ .*?\[[^\]]{1,60}\] "([A-Z]{1,20}) (\S{1,8000})(?: HTTP/[0-9.]{1,3})?" ([1-5][0-9]{2}) ')


def read(text: str, methods: Collection[str]) -> Requests:
    """Return method, path and weight (how often it was asked) of each request, the most frequent first.

    Raises:
        ValueError: it is neither a log nor a HAR, or has no request with these methods.

    """
    found: Counter[tuple[str, str]] = Counter()
    seen = 0
    for method, target, status in _of_har(text) if text.lstrip()[:1] == "{" else _of_log(text):
        seen += 1
        path = _path(target)
        if method in methods and path is not None and 200 <= status < 400:
            found[method, path] += 1
    if not found:
        what = "no request" if not seen else f"{seen} requests, none of them answered well with {', '.join(methods)}"
        raise ValueError(f"expected an access log (common or combined log format) or a HAR; found {what} in it")
    return tuple((method, path, float(count)) for (method, path), count in found.most_common(MOST))


def _of_log(text: str) -> Iterator[tuple[str, str, int]]:
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is not None:
            yield match[1], match[2], int(match[3])


def _of_har(text: str) -> Iterator[tuple[str, str, int]]:
    try:
        entries: list[dict[str, Any]] = json.loads(text)["log"]["entries"]
        for entry in entries:
            yield str(entry["request"]["method"]), str(entry["request"]["url"]), int(entry["response"]["status"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"expected a HAR with log.entries, each with request and response: {error!r}") from None


def _path(target: str) -> str | None:
    """Return path and query of a request's target; None where it has none (`*`, CONNECT)."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    if not (parts.path.startswith("/") or (parts.netloc and not parts.path)):
        return None
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
