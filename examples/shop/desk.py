"""What customers keep at the shop: documents and webhooks. And how an account goes, with all that belongs to it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from .database import now
from .tables import accounts, documents, order_lines, orders, webhooks

if TYPE_CHECKING:
    from .database import Store

MOST = 50
"""An account keeps no more documents than this, and no more webhooks."""


@dataclass(frozen=True, slots=True)
class Document:
    """A table that was uploaded. ``status``: converting, ready (``rows`` is known) or failed (``error`` says why)."""

    id: str
    email: str
    name: str
    created: str
    status: str
    rows: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who wants to be told of what, and the secret that its calls are signed with."""

    id: str
    email: str
    url: str
    event: str
    secret: str
    created: str


DOCUMENT = [documents.c[field.name] for field in fields(Document)]
WEBHOOK = [webhooks.c[field.name] for field in fields(Webhook)]


class Desk:
    """Reading and writing of what customers keep. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_document(self, email: str, name: str, content: bytes) -> Document | None:
        """Keep a new document that waits for its conversion; None when the account has too many."""
        made = Document(secrets.token_urlsafe(12), email, name[:120], now(), "converting")
        if len(self.documents(email)) >= MOST:
            return None
        with self._store.write() as connection:
            values = {column.name: getattr(made, column.name) for column in DOCUMENT}
            connection.execute(documents.insert().values(**values, content=content))
        return made

    def document(self, id_: str) -> Document | None:
        """Return the document with this id."""
        with self._store.engine.connect() as connection:
            row = connection.execute(sa.select(*DOCUMENT).where(documents.c.id == id_)).one_or_none()
            return Document(**row._mapping) if row else None  # noqa: SLF001  # SQLAlchemy's public name

    def documents(self, email: str | None = None, status: str | None = None) -> list[Document]:
        """Return the newest documents, of one account or in one status where asked."""
        query = sa.select(*DOCUMENT).order_by(documents.c.created.desc(), documents.c.id).limit(1000)
        if email is not None:
            query = query.where(documents.c.email == email)
        if status is not None:
            query = query.where(documents.c.status == status)
        with self._store.engine.connect() as connection:
            return [Document(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001

    def content(self, id_: str) -> bytes | None:
        """Return what is stored of a document: what was uploaded, and once it is ready what became of it."""
        with self._store.engine.connect() as connection:
            content: bytes | None = connection.scalar(sa.select(documents.c.content).where(documents.c.id == id_))
            return content

    def finish(self, document: Document, rows: int | None, error: str | None, content: bytes) -> Document:
        """Store what became of a document. One that was removed meanwhile stays removed."""
        done = replace(document, status="failed" if error else "ready", rows=rows, error=error)
        values = {"status": done.status, "rows": rows, "error": error, "content": content}
        with self._store.write() as connection:
            connection.execute(documents.update().where(documents.c.id == document.id).values(values))
        return done

    def remove_document(self, id_: str) -> None:
        """Remove a document where it is there."""
        with self._store.write() as connection:
            connection.execute(documents.delete().where(documents.c.id == id_))

    def add_webhook(self, email: str, url: str, event: str) -> Webhook | None:
        """Keep a new webhook; None when the account has too many."""
        made = Webhook(secrets.token_urlsafe(12), email, url, event, secrets.token_urlsafe(32), now())
        if len(self.webhooks(email)) >= MOST:
            return None
        with self._store.write() as connection:
            connection.execute(
                webhooks.insert().values({column.name: getattr(made, column.name) for column in WEBHOOK})
            )
        return made

    def webhooks(self, email: str) -> list[Webhook]:
        """Return the webhooks of an account, oldest first."""
        query = sa.select(*WEBHOOK).where(webhooks.c.email == email).order_by(webhooks.c.created, webhooks.c.id)
        with self._store.engine.connect() as connection:
            return [Webhook(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001

    def webhook(self, id_: str) -> Webhook | None:
        """Return the webhook with this id."""
        with self._store.engine.connect() as connection:
            row = connection.execute(sa.select(*WEBHOOK).where(webhooks.c.id == id_)).one_or_none()
            return Webhook(**row._mapping) if row else None  # noqa: SLF001

    def all_webhooks(self) -> list[tuple[Webhook, bool]]:
        """Return every webhook whose account is there, and whether that is an administrator's."""
        query = sa.select(*WEBHOOK, accounts.c.role).join(accounts, accounts.c.email == webhooks.c.email)
        with self._store.engine.connect() as connection:
            return [(Webhook(*row[:-1]), row[-1] == "admin") for row in connection.execute(query)]

    def remove_webhook(self, id_: str) -> None:
        """Remove a webhook where it is there."""
        with self._store.write() as connection:
            connection.execute(webhooks.delete().where(webhooks.c.id == id_))

    def remove_account(self, email: str) -> bool:
        """Remove an account with its orders, documents and webhooks, all or nothing; False when there is none."""
        theirs = sa.func.lower(orders.c.email) == email
        with self._store.write() as connection:
            if not connection.execute(accounts.delete().where(accounts.c.email == email)).rowcount:
                return False
            refs = sa.select(orders.c.ref).where(theirs)
            connection.execute(order_lines.delete().where(order_lines.c.ref.in_(refs)))
            connection.execute(orders.delete().where(theirs))
            connection.execute(documents.delete().where(documents.c.email == email))
            connection.execute(webhooks.delete().where(webhooks.c.email == email))
        return True
