"""What a service has sent to relgate's own servers, in files that all processes of a run read."""

from __future__ import annotations

import email
import email.policy
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage

FOLDER = Path("smoke") / "inbox"
MAIL, CALLS, PLACES = "mail", "calls", "places.json"
_EVERY_S = 0.05
FoundT = TypeVar("FoundT")
_LINK = re.compile(r"https?://[^\s\"'<>]+")


@dataclass(frozen=True)
class Letter:
    """A mail. ``to``: whom it was delivered to, whatever stands in it."""

    sender: str
    to: tuple[str, ...]
    message: EmailMessage = field(repr=False)

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["subject"] or "")

    @property
    def text(self) -> str:
        """What it says: the plain text, else the HTML."""
        body = self.message.get_body(preferencelist=("plain", "html"))
        return str(body.get_content()) if body is not None else ""

    @property
    def links(self) -> tuple[str, ...]:
        """The http(s) addresses in its text."""
        return tuple(one.rstrip(".,;)") for one in _LINK.findall(self.text))


@dataclass(frozen=True)
class Call:
    """A call of a webhook. ``headers``: names in lower case."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """Its body as JSON; ValueError when it is none."""
        return json.loads(self.body)


def letters(folder: Path) -> list[Letter]:
    """Return all mails that have come, oldest first."""
    found = []
    for content in _read(folder / MAIL):
        message = email.message_from_bytes(content["content"].encode("latin-1"), policy=email.policy.default)
        found.append(Letter(content["from"] or "", tuple(content["to"]), message))
    return found


def calls(folder: Path) -> list[Call]:
    """Return all calls that have come, oldest first."""
    return [
        Call(
            content["method"],
            content["path"],
            {name.lower(): value for name, value in content["headers"]},
            content["body"].encode("latin-1"),
        )
        for content in _read(folder / CALLS)
    ]


def wait(find: Callable[[], FoundT | None], timeout_s: float, what: str) -> FoundT:
    """Return what is found as soon as it is; TimeoutError says what did not come."""
    until = time.monotonic() + timeout_s
    while True:
        found = find()
        if found is not None:
            return found
        if time.monotonic() >= until:
            raise TimeoutError(f"no {what} came within {timeout_s:g} s")
        time.sleep(_EVERY_S)


def places(folder: Path) -> dict[str, str] | None:
    """Return where the servers listen, by their key in the policy; None while they do not."""
    try:
        found: dict[str, str] = json.loads((folder / PLACES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _read(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("[0-9]*.json"))]
