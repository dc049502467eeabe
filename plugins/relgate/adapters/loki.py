"""Lines of a log from Loki, by its HTTP query_range: what came since the look before, page by page.

https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time
``start`` is inclusive, ``end`` is not. Lines reach Loki late: a look asks for what is older than ``LAG_S``, so the last
seconds of a bake are not seen, on neither side.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from relgate.adapters.loglines import unread
from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from relgate.adapters.http import Endpoint
    from relgate.adapters.loglines import Counter, Facts

PATH = "/loki/api/v1/query_range"
LAG_S = 5.0
_PAGE = 1_000
_MOST_PAGES = 100

_Entry = tuple[int, str, str]


class LokiLines:
    """A LogQL query of log lines. Fills the port ``Source``.

    Args:
        endpoint: the server, at ``PATH``.
        query: selects the lines of one side.
        counter: what is said of them.
        now_ns: Unix time in nanoseconds.

    """

    def __init__(
        self, endpoint: Endpoint, query: str, counter: Counter, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._endpoint = endpoint
        self._query = query
        self._counter = counter
        self._now_ns = now_ns
        self._since_ns: int | None = None
        self._fault: str | None = None

    def read(self) -> Facts:
        """Return what has come; the first time only from when on."""
        if self._fault is not None:
            return unread(self._fault)
        if self._since_ns is None:
            self._since_ns = self._now_ns()
            return self._counter.facts(())
        until_ns = self._now_ns() - round(LAG_S * 1e9)
        if until_ns <= self._since_ns:
            return self._counter.facts(())
        try:
            entries = between(self._endpoint, self._query, self._since_ns, until_ns)
        except SourceError as error:
            self._fault = str(error)
            return unread(self._fault)
        self._since_ns = until_ns
        return self._counter.facts(line for _, _, line in entries)

    def close(self) -> None:
        """Close its connection."""
        self._endpoint.close()


class LokiLog:
    """Correlation ids looked up in Loki. Fills the port ``Log``."""

    def __init__(self, endpoint: Endpoint, query: str) -> None:
        self._endpoint = endpoint
        self._query = query
        self._since_ns = time.time_ns()

    def find(self, ids: Iterable[str]) -> frozenset[str]:
        """Return those of ``ids`` that stand in a line since this object was made.

        Raises:
            SourceError: Loki gave no answer that can be used.

        """
        found = set()
        for wanted in ids:
            query = f"{self._query} |= {json.dumps(wanted)}"
            if _page(self._endpoint, query, (self._since_ns, time.time_ns()), 1):
                found.add(wanted)
        return frozenset(found)


def between(endpoint: Endpoint, query: str, since_ns: int, until_ns: int) -> list[_Entry]:
    """Return all entries of a stretch of time, oldest first: moment, stream, line.

    Raises:
        SourceError: no usable answer, or more lines than can be read.

    """
    found: list[_Entry] = []
    last: list[_Entry] = []
    for _ in range(_MOST_PAGES):
        page = _page(endpoint, query, (since_ns, until_ns), _PAGE)
        # A page begins with the moment at which the one before ended: its entries of that moment come again.
        known = list(last)
        for entry in page:
            if entry in known:
                known.remove(entry)
            else:
                found.append(entry)
        if len(page) < _PAGE:
            return found
        if page[0][0] == page[-1][0]:
            raise SourceError(f"loki: more than {_PAGE} lines of one moment: they cannot be read page by page")
        since_ns = page[-1][0]
        last = [entry for entry in page if entry[0] == since_ns]
    raise SourceError(f"loki: more than {_PAGE * _MOST_PAGES} lines in one look: narrow the query")


def _page(endpoint: Endpoint, query: str, window: tuple[int, int], limit: int) -> list[_Entry]:
    asked = {"query": query, "start": str(window[0]), "end": str(window[1]), "limit": str(limit)}
    reply = endpoint.ask({**asked, "direction": "forward"})
    if reply.fault is not None:
        said = f": {' '.join(reply.text.split())[:200]}" if reply.text else ""
        raise SourceError(f"loki: {reply.fault}{said}")
    try:
        document = json.loads(reply.text)
        return _entries(document)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SourceError(f"loki: the answer is not one of query_range: {error}") from error


def _entries(document: Any) -> list[_Entry]:
    """Return the entries of an answer by time; raises what a document of another shape raises."""
    if document["status"] != "success" or document.get("warnings"):
        raise ValueError(f"status {document['status']!r}, warnings {document.get('warnings')}")
    data = document["data"]
    if data["resultType"] != "streams":
        raise ValueError(f"expected log lines (streams), got {data['resultType']!r}: the query must not count")
    entries = [
        (int(moment), json.dumps(stream["stream"], sort_keys=True), str(line))
        for stream in data["result"]
        for moment, line, *_ in stream["values"]
    ]
    return sorted(entries, key=lambda entry: entry[0])
