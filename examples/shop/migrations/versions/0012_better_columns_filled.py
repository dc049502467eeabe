"""Migrate: quantities are copied, contacts are split at the first space, in batches."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import context, op

revision = "0012"
down_revision = "0011"
release = "1.2"


SPLIT = "first_name = split_part(contact, ' ', 1), last_name = substring(contact FROM '^[^ ]* (.*)$')"

BATCH = 1000


def in_batches(table: str, assignment: str, condition: str) -> None:
    """UPDATE the rows that meet a condition, 1000 ids at a time, each batch in a transaction of its own.

    Goes along the ids, so that a batch costs the same wherever it is. As SQL text it is a block that does the same.
    """
    first = f"SELECT min(id) FROM {table}"  # noqa: S608
    last = f"SELECT max(id) FROM (SELECT id FROM {table} WHERE id >= :a ORDER BY id LIMIT {BATCH}) AS batch"  # noqa: S608
    change = f"UPDATE {table} SET {assignment} WHERE id BETWEEN :a AND :b AND ({condition})"  # noqa: S608
    following = f"SELECT min(id) FROM {table} WHERE id > :b"  # noqa: S608
    with op.get_context().autocommit_block():
        if context.is_offline_mode():
            loop = f"b := ({last}); {change}; COMMIT; a := ({following});"
            body = re.sub(r":([ab])\b", r"\1", f"a := ({first}); WHILE a IS NOT NULL LOOP {loop} END LOOP;")
            op.execute(f"DO $$ DECLARE a bigint; b bigint; BEGIN {body} END $$")
            return
        connection = op.get_bind()
        a = connection.scalar(sa.text(first))
        while a is not None:
            b = connection.scalar(sa.text(last), {"a": a})
            connection.execute(sa.text(change), {"a": a, "b": b})
            a = connection.scalar(sa.text(following), {"b": b})


def upgrade() -> None:
    """Fill what is missing, and mark it. Idempotent; killed in the middle, it goes on where it was."""
    in_batches("stock_movements", "quantity = change, filled = true", "quantity IS NULL")
    in_batches("addresses", f"{SPLIT}, filled = true", "first_name IS NULL AND last_name IS NULL")


def downgrade() -> None:
    """Empty what is marked; what somebody changed since is in the old columns, which are kept in step."""
    in_batches("addresses", "first_name = NULL, last_name = NULL, filled = false", "filled")
    in_batches("stock_movements", "quantity = NULL, filled = false", "filled")
