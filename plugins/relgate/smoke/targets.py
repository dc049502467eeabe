"""What a path may ask, and how: the candidate alone, and nothing that changes anything where it is read-only. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from relgate.ports.browsing import origin

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Targets:
    """Where requests of a path may go. ``baseline``: for comparisons only, None without one.

    ``writes``: texts; in a read-only environment a request whose URL contains one may write all the same.
    """

    candidate: str
    environment: str
    baseline: str | None = None
    read_only: bool = False
    writes: tuple[str, ...] = ()

    def allows(self, url: str) -> bool:
        """Whether a URL is the candidate's: same scheme, host and port."""
        return origin(url) == origin(self.candidate)

    def may_write(self, url: str) -> bool:
        """Whether a request to that URL may change something."""
        return not self.read_only or any(text in url for text in self.writes)

    def fault(self, method: str, url: str) -> str | None:
        """Return why a request must not be sent, None where it may."""
        if not self.allows(url):
            return self.foreign(url)
        if method.upper() not in SAFE and not self.may_write(url):
            return self.refusal(method, url)
        return None

    def foreign(self, url: str) -> str:
        """Return the sentence about a request to somebody else."""
        parts = urlsplit(url)
        there = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return f"refused: {there} is not the candidate of {self.environment} ({self.candidate}); paths ask nobody else"

    def refusal(self, method: str, url: str) -> str:
        """Return the sentence about a request that would change something."""
        return self._may_change(f"{method.upper()} {urlsplit(url).path or '/'}")

    def unsent(self, url: str) -> str:
        """Return the sentence about a message to a WebSocket, which may change something as a request does."""
        return self._may_change(f"a message to the WebSocket {urlsplit(url).path or '/'}")

    def _may_change(self, what: str) -> str:
        return f"refused: {self.environment} is read-only, and {what} may change something"
