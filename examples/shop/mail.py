"""Mail: written here, sent by a worker through the relay that the shop is told of. No answer waits for a mail."""

from __future__ import annotations

import asyncio
import logging
import smtplib
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from .jobs import Worker

if TYPE_CHECKING:
    from .config import Settings

log = logging.getLogger("shop.mail")

SENDER = "The Shop <no-reply@shop.example>"
LIMIT_S = 10.0
PAUSES_S = (0.0, 1.0, 5.0)
"""Pauses before each attempt: a relay may ask to come back later."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one address. ``correlation_id``: of the request that it goes back to."""

    to: str
    subject: str
    text: str
    correlation_id: str


def reset_mail(to: str, link: str, correlation_id: str) -> Mail:
    """Return the mail with which a password is set anew."""
    text = (
        "Somebody, we hope it was you, wants to set a new password for your account at The Shop.\n\n"
        f"Set it here within half an hour:\n{link}\n\n"
        "If it was not you, do nothing: your password stays as it is.\n"
    )
    return Mail(to, "Set a new password", text, correlation_id)


def message(mail: Mail) -> EmailMessage:
    """Return the mail as it is handed to a relay. Raises ValueError for an address that cannot stand in a header."""
    made = EmailMessage()
    made["From"] = SENDER
    made["To"] = mail.to
    made["Subject"] = mail.subject
    made["Date"] = formatdate(usegmt=True)
    made["Message-ID"] = make_msgid(domain="shop.example")
    made["X-Correlation-ID"] = mail.correlation_id
    made.set_content(mail.text)
    return made


class Mailer:
    """Sends what it is given, one after the other. Without a relay the log says what was not sent, and to nobody."""

    def __init__(self, settings: Settings) -> None:
        self._relay = settings.smtp
        self._works = settings.behaviours.mail_worker
        self._worker: Worker[Mail] = Worker("mail", self._deliver)

    def start(self) -> None:
        """Start the worker."""
        if self._works:  # The bug of release `no-mail`: the worker is not among what is started.
            self._worker.start()

    async def stop(self) -> None:
        """Stop the worker; mails that wait are dropped."""
        await self._worker.stop()

    def put(self, mail: Mail) -> None:
        """Hand in a mail."""
        self._worker.put(mail)

    async def _deliver(self, mail: Mail) -> None:
        facts = {"subject": mail.subject, "correlation_id": mail.correlation_id}
        if self._relay is None:
            log.warning("mail not sent: the shop was started without --smtp", extra={"facts": facts})
            return
        for pause in PAUSES_S:
            await asyncio.sleep(pause)
            try:
                await run_in_threadpool(_send, self._relay, message(mail))
            except (OSError, smtplib.SMTPException, ValueError) as error:
                log.warning("mail refused", extra={"facts": facts | {"error": f"{type(error).__name__}: {error}"}})
            else:
                log.info("mail sent", extra={"facts": facts})
                return
        log.error("mail given up", extra={"facts": facts})


def _send(relay: tuple[str, int], mail: EmailMessage) -> None:
    # No TLS and no login: the relay is the machine's own, as Debian's `localhost:25` is.
    with smtplib.SMTP(*relay, timeout=LIMIT_S) as client:
        client.send_message(mail)
