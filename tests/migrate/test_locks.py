"""What a statement locked that commits by itself: no connection can read it afterwards, its text has to tell."""

from __future__ import annotations

import pytest

from relgate.migrate.locks import committed
from relgate.ports.migrations import Lock

TABLES = ("public.orders", 'public."Order lines"')


@pytest.mark.parametrize(
    ("sql", "locks"),
    [
        ("CREATE INDEX i ON orders (created)", (Lock("public.orders", "ShareLock"),)),
        ("create unique index i on only public.orders using btree (id)", (Lock("public.orders", "ShareLock"),)),
        ('CREATE INDEX ON "Order lines" (id)', (Lock('public."Order lines"', "ShareLock"),)),
        ("CREATE INDEX CONCURRENTLY i ON orders (created)", ()),
        ("ALTER TABLE IF EXISTS orders ALTER ref TYPE text", (Lock("public.orders", "AccessExclusiveLock"),)),
        ("ALTER TABLE orders VALIDATE CONSTRAINT c", ()),
        ("ALTER TABLE elsewhere ADD a int", ()),
        ("UPDATE orders SET ref = ref", ()),
    ],
)
def test_the_lock_of_a_statement_that_commits_by_itself_is_read_from_its_text(
    sql: str, locks: tuple[Lock, ...]
) -> None:
    """An index that is built without CONCURRENTLY blocks writes, also in an autocommit block."""
    assert committed(sql, TABLES) == locks
