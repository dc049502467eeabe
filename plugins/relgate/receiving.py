"""What a path creates, and what the service sends it: the objects behind ``created``, ``mailbox`` and ``webhook``."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError
from relgate.smoke.inbox import FOLDER, Call, Letter, calls, letters, places, wait

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.walking import SmokePath


class Created:
    """Names for what a path creates, and how each thing is removed: at the end of the path, or by ``relgate sweep``.

    Attributes:
        tag: a word that is this path's in this run alone, fit for e-mail addresses.

    """

    def __init__(self, path: SmokePath) -> None:
        self._path = path
        self.tag = path.tag

    def undo(self, method: str, path: str, *, account: str | None = None, json: Any = None) -> None:
        """Write down how something is removed. Call it before the thing is made: it is on the disk when this returns.

        Args:
            method: of the request that removes it.
            path: of the candidate, beginning with a slash.
            account: whose name in ``smoke.accounts`` sends it, None for nobody's.
            json: the request's body; no secret, since it is stored.

        Raises:
            UsageError: the environment is read-only, the path is not the candidate's, or the account is unknown.

        """
        from relgate.adapters.asking import RefusedError

        walked = self._path
        fault = walked.targets.fault("POST", walked.targets.candidate + path) if path.startswith("/") else None
        if not path.startswith("/") or path.startswith("//"):
            fault = f"created.undo: expected a path like /api/things/7, got {path!r}"
        if fault is not None:
            raise RefusedError(fault)
        if account is not None:
            walked.accounts[account]  # Raises where the policy has none.
        walked.journal.add(method.upper(), path, account, json)


class Mailbox:
    """The mails that the service sends to relgate's own SMTP server."""

    def __init__(self, run: Path) -> None:
        self._folder = run / FOLDER
        self.address = _place(self._folder, "mail")

    def wait(self, to: str, *, subject: str = "", timeout_s: float = 10.0) -> Letter:
        """Return the first mail to an address whose subject contains something.

        Raises:
            TimeoutError: none came in time.

        """
        wanted = to.casefold()

        def find() -> Letter | None:
            there = letters(self._folder)
            mine = (one for one in there if wanted in map(str.casefold, one.to) and subject in one.subject)
            return next(mine, None)

        return wait(find, timeout_s, f"mail to {to}")


class Webhook:
    """An address of relgate's own HTTP server that only this path knows."""

    def __init__(self, run: Path, tag: str) -> None:
        self._folder = run / FOLDER
        self._path = f"/{tag}-{secrets.token_hex(4)}"
        self._taken = 0
        self.url = _place(self._folder, "webhooks") + self._path

    def wait(self, timeout_s: float = 10.0) -> Call:
        """Return the next call of this address; each call once.

        Raises:
            TimeoutError: none came in time.

        """

        def find() -> Call | None:
            mine = [one for one in calls(self._folder) if one.path.partition("?")[0].endswith(self._path)]
            return mine[self._taken] if len(mine) > self._taken else None

        found = wait(find, timeout_s, "call of the webhook")
        self._taken += 1
        return found


def _place(folder: Path, name: str) -> str:
    """Return where a server of this run listens."""
    found = (places(folder) or {}).get(name)
    if found is None:
        fixture = "mailbox" if name == "mail" else "webhook"
        raise SourceError(f'{fixture}: nothing listens; the policy needs smoke.{name}: {{listen: "127.0.0.1:0"}}')
    return found
