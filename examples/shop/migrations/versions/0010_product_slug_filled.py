"""Migrate: slugs are filled, in batches.

From this release on the code writes slugs; until then a trigger writes shorter ones.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import context, op

revision = "0010"
down_revision = "0009"
release = "1.2"


SLUG = "lower(regexp_replace(name, '[^A-Za-z0-9]+', '-', 'g')) || '-' || lower(sku)"

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
    """Fill what is missing. Idempotent; killed in the middle, it goes on where it was."""
    in_batches("products", f"slug = {SLUG}", "slug IS NULL")


def downgrade() -> None:
    """Take out what can be computed again; whatever else somebody wrote stays."""
    in_batches("products", "slug = NULL", f"slug = {SLUG}")
