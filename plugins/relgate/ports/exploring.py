"""What exploring an API needs from outside: somebody who sends, and somebody who has read the document.

Values here hold no secret: the headers that let a request in are added by the sender, after this.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import SearchStrategy


class _Nothing:
    """No body at all, which is not the same as ``null``."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()


@dataclass(frozen=True, slots=True)
class Inputs:
    """What goes into one request of an operation, by the places of OpenAPI; ``body`` as JSON would have it."""

    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    cookies: Mapping[str, Any] = field(default_factory=dict)
    body: Any = NOTHING
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as it goes out. ``path``: with its query, percent-encoded. ``how``: how it was made, for people.

    ``valid``: whether it fits the document.
    """

    operation: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    how: str = field(default="", compare=False)
    valid: bool = field(default=True, compare=False)

    @property
    def size(self) -> tuple[int, str]:
        """What makes one request smaller than another."""
        extra = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.path) + extra + len(self.body or b""), self.path


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, or why there was none. ``headers``: lower-case names. ``error``: ``timeout: ...``, ``closed: ...``.

    ``took_s``: from the first byte sent to the last byte read.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    took_s: float = 0.0
    error: str | None = None

    def header(self, name: str) -> str | None:
        """Return the value of a header, None without one."""
        return dict(self.headers).get(name.lower())

    @property
    def good(self) -> bool:
        """Whether the service did what it was asked."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def shown(self) -> str:
        """The status, or what came instead of one."""
        return str(self.status) if self.status is not None else (self.error or "no answer").partition(":")[0]

    def json(self) -> Any:
        """The body as JSON; ``NOTHING`` where it is none."""
        if "json" not in (self.header("content-type") or "") or not self.body:
            return NOTHING
        try:
            return json.loads(self.body)
        except ValueError:
            return NOTHING


@dataclass(frozen=True, slots=True)
class Breach:
    """How an answer breaks the document. ``place``: where in the document or the body, the same for the same fault."""

    code: str
    text: str
    place: str = ""


class Sender(Protocol):
    """Sends requests to one side."""

    url: str

    def send(self, ask: Ask) -> Answer:
        """Return the answer; what the world does is never an exception."""


class Contract(Protocol):
    """What a service's document promises, and values that fit it or do not."""

    def inputs(self, operation: str, *, valid: bool) -> SearchStrategy[Inputs] | None:
        """Return a strategy of inputs; None where there are none of the kind (nothing can be wrong without inputs)."""

    def ask(self, operation: str, inputs: Inputs, how: str, *, valid: bool) -> Ask | None:
        """Return the request that carries inputs; None where they cannot be sent over HTTP."""

    def breaches(self, ask: Ask, answer: Answer) -> tuple[Breach, ...]:
        """Return all in which an answer is not as documented."""
