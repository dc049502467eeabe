"""What one instance of the shop is told at its start, and nothing that changes afterwards."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from .behaviours import Behaviours


@dataclass(frozen=True, slots=True)
class Settings:
    """One instance. ``built`` and ``deployed_at`` are RFC 3339 times; ``secret`` signs sessions and tokens.

    ``public_url`` begins the links in mails: never taken from a request, whose Host header anybody can choose.
    ``smtp``: host and port of the mail relay; None: there is none, mails are not sent.
    """

    release: str
    behaviours: Behaviours
    version: str
    built: str
    deployed_at: str
    database: str
    data_dir: Path
    secret: str
    seed: int | None = None
    environment: str = "demo"
    public_url: str = "http://127.0.0.1:8000"
    smtp: tuple[str, int] | None = None

    @property
    def reported_version(self) -> str:
        """The version that this instance says it is, at every place where it says one."""
        return previous_version(self.version) if self.behaviours.previous_version else self.version

    @property
    def commit(self) -> str:
        """Twelve hex digits that stand for the commit, a function of the reported version."""
        return hashlib.sha256(f"shop {self.reported_version}".encode()).hexdigest()[:12]


def previous_version(version: str) -> str:
    """Return the version before: the last number above zero less one (``1.5.0`` -> ``1.4.0``), or ``0``."""
    for match in reversed(list(re.finditer(r"\d+", version))):
        if int(match.group()) > 0:
            return version[: match.start()] + str(int(match.group()) - 1) + version[match.end() :]
    return "0"


def address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``. Raises ValueError for anything else."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise ValueError(f"expected HOST:PORT such as 127.0.0.1:25, got {text!r}")
    return host.strip("[]"), int(port)


def web_address(text: str) -> str:
    """Return an http or https address without a slash at its end. Raises ValueError for anything else."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"expected an address such as https://shop.example, got {text!r}")
    return text.rstrip("/")
