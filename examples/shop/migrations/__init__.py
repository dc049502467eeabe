"""The history of the shop's PostgreSQL schema: 30 revisions in six releases, each with a way back that is proven."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator

INI = Path(__file__).parent.with_name("alembic.ini")
_LOCK = 1936223088  # "shop" in ASCII


def to_newest(engine: sa.Engine) -> None:
    """Bring a PostgreSQL database to the newest revision. Several instances may do so at the same time."""
    from alembic import command
    from alembic.config import Config

    with _alone(engine), engine.connect() as connection:
        config = Config(INI)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextlib.contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Asked again and again: whoever waits inside of a statement has a snapshot, and building an index beside the
        # traffic waits for all snapshots.
        while not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_LOCK))):
            time.sleep(0.1)
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
