"""What the recorder asks of the world: three narrow protocols and the values that cross them.

Adapters fill them (``adapters/curl.py``, ``http.py``, ``prometheus.py``, ``log.py``); the recorder in ``observe`` knows
only this file. Moments are nanoseconds of the monotonic clock (``_ns``), durations seconds (``_s``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Http = Literal["1.1", "2", "2-prior-knowledge"]


@dataclass(frozen=True, slots=True)
class Access:
    """How a server is asked: ``headers`` hold resolved secrets, ``ca`` is the path of a file with authorities."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    verify: bool = True
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of request that a transport sends again and again.

    ``body``: bytes to send, None for none. ``id_header``: the answer's header to report back. ``keep_bytes``: how much
    of the answer's body is wanted, 0 for nothing but its size.
    """

    method: str
    url: str = field(repr=False)
    access: Access
    body: bytes | None = field(default=None, repr=False)
    timeout_s: float = 10.0
    http: Http = "1.1"
    id_header: str | None = None
    keep_bytes: int = 0


class Shot(NamedTuple):
    """One request to send now.

    ``key`` comes back with the answer. ``extra``: one more header line (``Name: value``), None for none.
    """

    route: int
    key: Any
    extra: str | None = None


class Hit(NamedTuple):
    """How one request ended.

    ``status``: HTTP code, 0 without an answer. ``fault``: one of ``observe.format.FAULTS`` by its name, ``none`` for a
    complete answer of whatever status. ``size``: bytes of the body. ``got``: value of the route's ``id_header``.
    """

    key: Any
    finished_ns: int
    status: int
    fault: str
    size: int = 0
    content_type: str | None = None
    body: bytes = b""
    got: str | None = None


class Transport(Protocol):
    """Sends requests without waiting for their answers. One thread uses it."""

    def send(self, shot: Shot) -> None:
        """Send one request; whatever goes wrong becomes a Hit."""

    def wait(self, until_ns: int) -> list[Hit]:
        """Work on open requests and return those that ended; returns no later than ``until_ns`` plus one event.

        It returns at ``until_ns`` even when more answers lie ready: whoever calls has a request to send on time.
        """

    def close(self) -> None:
        """Give up open requests and close all connections."""


class Source(Protocol):
    """Something that is asked now and then: a health endpoint, a metric, a query."""

    def read(self) -> Mapping[str, Any]:
        """Return the facts of one answer as a JSON value. Never raises: a failure is a fact too.

        Endpoints: ``code``, ``body``, ``headers``, ``error``. Numbers: ``value`` (finite or None), ``fault``, ``raw``;
        where each instance has its own, ``values`` instead of ``value``: pairs of instance and number, each name once.
        """

    def close(self) -> None:
        """Close its connections."""


class Log(Protocol):
    """A service's log, where correlation ids are looked up."""

    def find(self, ids: Iterable[str]) -> frozenset[str]:
        """Return those of ``ids`` that the log contains now.

        Raises:
            SourceError: the log cannot be read.

        """
