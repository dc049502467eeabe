"""Runs the shop's migrations over the caller's connection or over ``sqlalchemy.url``, or writes them as SQL."""

from __future__ import annotations

import re

from alembic import context
from sqlalchemy import Connection, engine_from_config, pool

from shop.database import metadata

config = context.config
target_metadata = metadata

NOT_OURS = re.compile(r"audit_log_\w+|documents|webhooks")
"""Partitions come and go with the years, models only know the table that they belong to. What customers keep is in
tables that the shop makes by itself, beside this history."""


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Return whether models describe what has this name."""
    return not (kind == "table" and name and NOT_OURS.fullmatch(name))


def run_offline() -> None:
    """Write SQL text."""
    context.configure(
        url=config.get_main_option("sqlalchemy.url"),
        target_metadata=target_metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_online(connection: Connection) -> None:
    """Change a database. Each revision has its own transaction: some have to leave it, to build an index."""
    context.configure(
        connection=connection,
        target_metadata=target_metadata,
        include_name=include_name,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
elif (given := config.attributes.get("connection")) is not None:
    run_online(given)
else:
    engine = engine_from_config(config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool)
    with engine.connect() as connected:
        run_online(connected)
