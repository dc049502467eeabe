"""Messages to people, through Apprise: chat, mail, pager, webhooks. An address is a secret and is never named."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from relgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def send(addresses: Sequence[str], title: str, body: str, *, bad: bool) -> None:
    """Send a message to every address.

    Args:
        addresses: URLs of Apprise, secrets resolved.
        title: one line.
        body: plain text.
        bad: it is trouble, where a service can show that.

    Raises:
        UsageError: Apprise is not installed.
        SourceError: an address is none, or the message could not be delivered to all.

    """
    try:
        import apprise
    except ImportError as error:
        raise UsageError(f"notify: needs Apprise: pip install 'relgate[notify]' ({error})") from error
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # It writes addresses into its log.
    messenger = apprise.Apprise()
    refused = [place for place, address in enumerate(addresses, 1) if not messenger.add(address)]
    if refused:
        raise SourceError(f"address {', '.join(map(str, refused))} of {len(addresses)} is none that Apprise knows")
    kind = apprise.NotifyType.WARNING if bad else apprise.NotifyType.INFO
    if not messenger.notify(title=title, body=body, notify_type=kind, body_format=apprise.NotifyFormat.TEXT):
        raise SourceError("the message was not delivered to every address")
