"""Correlation ids looked up in a service's log: a file, or an endpoint that searches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from relgate.adapters.http import Endpoint

_CHUNK = 1 << 20


class FileLog:
    """A log file on this machine. Fills the port ``Log``.

    Only what was written since this object was made is searched, so that a large log costs nothing. A file that was
    rotated away meanwhile is a new file: it is read from its beginning.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        try:
            status = self._path.stat()
            self._inode, self._offset = status.st_ino, status.st_size
        except OSError:
            self._inode, self._offset = 0, 0

    def find(self, ids: Iterable[str]) -> frozenset[str]:
        """Return those of ``ids`` that stand in the file.

        Raises:
            SourceError: the file cannot be read.

        """
        wanted = {text: text.encode() for text in ids}
        longest = max((len(text) for text in wanted.values()), default=0)
        found: set[str] = set()
        try:
            status = self._path.stat()
            rotated = status.st_ino != self._inode or status.st_size < self._offset
            with self._path.open("rb") as file:
                file.seek(0 if rotated else self._offset)
                tail = b""
                while piece := file.read(_CHUNK):
                    text = tail + piece
                    found |= {name for name, raw in wanted.items() if raw in text}
                    tail = text[-longest:] if longest else b""
        except OSError as error:
            raise SourceError(f"log {self._path}: cannot be read ({error.strerror})") from error
        return frozenset(found)


class EndpointLog:
    """A log that answers over HTTP. Fills the port ``Log``.

    Args:
        endpoint: how it is asked.
        url: with ``{id}`` it is asked once for each id; without, one answer holds the newest lines.

    """

    def __init__(self, endpoint: Endpoint, url: str) -> None:
        self._endpoint = endpoint
        self._url = url

    def find(self, ids: Iterable[str]) -> frozenset[str]:
        """Return those of ``ids`` that are in an answer. 404 means: not there.

        Raises:
            SourceError: no answer, or another code than 200 and 404.

        """
        wanted = list(ids)
        if "{id}" not in self._url:
            text = self._ask(self._url)
            return frozenset(name for name in wanted if name in text)
        return frozenset(name for name in wanted if name in self._ask(self._url.replace("{id}", quote(name, safe=""))))

    def _ask(self, url: str) -> str:
        reply = self._endpoint.ask(url=url)
        if reply.code == 404:
            return ""
        if reply.fault is not None:
            raise SourceError(f"log: {reply.fault}")
        return reply.text
