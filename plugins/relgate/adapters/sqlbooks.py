"""The books of tools that have none of their own here: which revisions a scratch database has, in the database itself.

In the database, so that a copy of it brings them along.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from relgate.adapters import sqldriver
from relgate.ports.migrations import heads_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from relgate.ports.migrations import Direction, Engine, Revision, Scratch

TABLE = "CREATE TABLE IF NOT EXISTS relgate_migrations (id VARCHAR(255) NOT NULL PRIMARY KEY)"


@contextlib.contextmanager
def connected(scratch: Scratch) -> Iterator[Any]:
    """Connect with the engine's usual driver, every statement committing by itself."""
    url = sqldriver.load("sqlalchemy").make_url(scratch.url)
    dialect = url.get_dialect()
    arguments, options = dialect().create_connect_args(url)
    connection = dialect.import_dbapi().connect(*arguments, **options)
    try:
        if scratch.engine == "sqlite":
            connection.isolation_level = None
        elif scratch.engine == "mysql":
            connection.autocommit(True)  # noqa: FBT003 - pymysql's signature
        else:
            connection.autocommit = True
        yield connection
    finally:
        connection.close()


def entry(revision: str, direction: Direction, engine: Engine) -> str:
    """Return the statement that notes a step."""
    name = sqldriver.quote(revision, engine)
    if direction == "up":
        return f"INSERT INTO relgate_migrations (id) VALUES ({name})"  # noqa: S608 - quoted above
    return f"DELETE FROM relgate_migrations WHERE id = {name}"  # noqa: S608 - quoted above


def note(scratch: Scratch, revision: str, direction: Direction) -> None:
    """Note a step."""
    with connected(scratch) as connection:
        cursor = connection.cursor()
        cursor.execute(TABLE)
        cursor.execute(entry(revision, direction, scratch.engine))


def noted(scratch: Scratch) -> frozenset[str]:
    """Return what is noted as applied."""
    with connected(scratch) as connection:
        cursor = connection.cursor()
        cursor.execute(TABLE)
        cursor.execute("SELECT id FROM relgate_migrations")
        return frozenset(str(row[0]) for row in cursor.fetchall())


def heads(applied: Collection[str], revisions: Collection[Revision]) -> tuple[str, ...]:
    """Return those of the applied revisions that no other applied one builds on; unknown ones last."""
    known = {item.id: item for item in revisions if item.id in applied}
    return heads_of(known) + tuple(sorted(set(applied) - known.keys()))
