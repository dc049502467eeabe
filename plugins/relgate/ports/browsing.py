"""What a browser tells about the pages of a path, and how it is asked. Values, and one narrow protocol.

``page`` is always a URL without its query: what stands in a query belongs to one visit, and may be a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

Impact = Literal["minor", "moderate", "serious", "critical"]
Vital = Literal["lcp", "cls", "inp"]


@dataclass(frozen=True, slots=True)
class Said:
    """An error in a page's console, or an exception that nobody caught: ``kind`` tells which."""

    kind: Literal["console", "exception"]
    page: str
    text: str
    url: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """A request of a page that failed. ``status``: 0 where ``error`` says why there was no answer.

    ``kind``: what the browser calls it: stylesheet, image, script, fetch, document.
    """

    page: str
    url: str
    method: str
    kind: str
    status: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A page that was answered. ``headers``: names in lower case."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """What axe holds against a page. ``target``: a CSS selector of the first element; ``n``: how many there are."""

    page: str
    rule: str
    impact: Impact
    help: str
    target: str
    n: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A Web Vital of one visit: seconds for ``lcp`` and ``inp``, no unit for ``cls``.

    ``waited_s``: how much of it the browser may have spent waiting for a processor, seconds: the longest wait of a
    thread since the pages were last at rest.
    """

    page: str
    vital: Vital
    value: float
    waited_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """A page beside the baseline's. ``share``: of pixels that differ, None where ``why`` says why nobody knows."""

    page: str
    share: float | None
    why: str = ""


@dataclass
class Seen:
    """Everything that a path's pages said, in the order in which it came.

    ``insecure``: what a page that came by https loaded without it, as page and URL. ``refused``: requests that were not
    sent, as sentences. ``problems``: why a watch cannot be believed. ``answered``: whether the candidate ever answered.
    """

    said: list[Said] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    insecure: list[tuple[str, str]] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    answered: bool = False


class WatchedPages(Protocol):
    """The pages of one path in one browser."""

    seen: Seen

    def settle(self) -> None:
        """At the end of a step: look at the pages as they are now."""

    def keep(self, folder: Path) -> None:
        """Write what a person needs to see what happened into ``folder``: a path has failed."""

    def close(self) -> None:
        """End the pages; what is not kept by then is gone."""


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, the port always in it; empty for what has no host."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    try:
        port = parts.port or {"http": 80, "https": 443}.get(scheme)
    except ValueError:
        return ""
    return f"{scheme}://{parts.hostname}:{port}" if parts.hostname and port else ""


def bare(url: str) -> str:
    """Return a URL without query and fragment."""
    return url.partition("#")[0].partition("?")[0]
