"""Writes a synthetic Alembic project: a chain of right revisions, for measuring what walking it costs.

Ten kinds of revision take turns: a table, a table that refers to it, a column with an index, a NOT NULL column with a
check, an enum with its column, a backfill, a unique constraint, a default with comments, a partial index with a view,
rows of the project's own. Every downgrade leads back exactly, so that the ways to walk are compared and not the ways to
recover. ``env.py`` is Alembic's own template, with the connection that pytest-alembic may hand to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

INI = """[alembic]
script_location = %(here)s/migrations
sqlalchemy.url = postgresql+psycopg:///
"""

ENV = """from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
target_metadata = None
connectable = config.attributes.get("connection")
if connectable is None:
    connectable = engine_from_config(config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool)
with connectable.connect() as connection:
    context.configure(connection=connection, target_metadata=target_metadata)
    with context.begin_transaction():
        context.run_migrations()
"""

HEAD = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

revision = "{id}"
down_revision = {down}


def upgrade():
    {up}


def downgrade():
    {back}
'''

# {n} counts tens: each ten has two tables of its own and works on them.
KINDS: tuple[tuple[str, str, str], ...] = (
    (
        "customers",
        """op.create_table("customer_{n}",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False))""",
        """op.drop_table("customer_{n}")""",
    ),
    (
        "orders of customers",
        """op.create_table("order_{n}",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.BigInteger,
                  sa.ForeignKey("customer_{n}.id", name="order_{n}_customer", ondelete="CASCADE"), nullable=False),
        sa.Column("total", sa.Numeric(10, 2), nullable=False, server_default="0"),
        sa.Column("number", sa.String(20), nullable=False))
    op.create_index("order_{n}_customer_ix", "order_{n}", ["customer_id"])""",
        """op.drop_index("order_{n}_customer_ix", table_name="order_{n}")
    op.drop_table("order_{n}")""",
    ),
    (
        "a column with an index",
        """op.add_column("customer_{n}", sa.Column("email", sa.String(120)))
    op.create_index("customer_{n}_email_ix", "customer_{n}", ["email", "created_at"])""",
        """op.drop_index("customer_{n}_email_ix", table_name="customer_{n}")
    op.drop_column("customer_{n}", "email")""",
    ),
    (
        "a column that must be positive",
        """op.add_column("order_{n}", sa.Column("pieces", sa.Integer, nullable=False, server_default="1"))
    op.create_check_constraint("order_{n}_pieces_positive", "order_{n}", "pieces > 0")""",
        """op.drop_constraint("order_{n}_pieces_positive", "order_{n}", type_="check")
    op.drop_column("order_{n}", "pieces")""",
    ),
    (
        "an enum",
        """sa.Enum("open", "paid", "sent", name="state_{n}").create(op.get_bind())
    op.add_column("order_{n}", sa.Column("state", sa.Enum(name="state_{n}", create_type=False)))""",
        """op.drop_column("order_{n}", "state")
    sa.Enum(name="state_{n}").drop(op.get_bind())""",
    ),
    (
        "a backfill",
        """op.add_column("order_{n}", sa.Column("cents", sa.BigInteger))
    op.execute("UPDATE order_{n} SET cents = (total * 100)::bigint WHERE cents IS NULL")""",
        """op.drop_column("order_{n}", "cents")""",
    ),
    (
        "unique numbers",
        """op.add_column("order_{n}", sa.Column("code", sa.String(20)))
    op.create_unique_constraint("order_{n}_code", "order_{n}", ["code", "customer_id"])""",
        """op.drop_constraint("order_{n}_code", "order_{n}", type_="unique")
    op.drop_column("order_{n}", "code")""",
    ),
    (
        "a default and comments",
        """op.alter_column("order_{n}", "number", server_default="0000", existing_type=sa.String(20))
    op.create_table_comment("order_{n}", "what was bought")
    op.execute("COMMENT ON COLUMN order_{n}.total IS 'in euro'")""",
        """op.execute("COMMENT ON COLUMN order_{n}.total IS NULL")
    op.drop_table_comment("order_{n}")
    op.alter_column("order_{n}", "number", server_default=None, existing_type=sa.String(20))""",
    ),
    (
        "a partial index and a view",
        """op.create_index("order_{n}_open", "order_{n}", ["customer_id"], postgresql_where=sa.text("pieces > 1"))
    op.execute("CREATE VIEW large_{n} AS SELECT id, number FROM order_{n} WHERE total > 100")""",
        """op.execute("DROP VIEW large_{n}")
    op.drop_index("order_{n}_open", table_name="order_{n}")""",
    ),
    (
        "rows of the project's own",
        """kinds = op.create_table("kind_{n}",
        sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(40), nullable=False))
    op.bulk_insert(kinds, [{{"id": k, "name": f"kind {{k}}"}} for k in range(5)])""",
        """op.drop_table("kind_{n}")""",
    ),
)


def write(folder: Path, revisions: int) -> Path:
    """Write the project to a folder and return its ``alembic.ini``."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI, encoding="utf-8")
    (folder / "migrations" / "env.py").write_text(ENV, encoding="utf-8")
    (folder / "migrations" / "script.py.mako").write_text("", encoding="utf-8")
    for k in range(revisions):
        message, up, back = KINDS[k % len(KINDS)]
        n = k // len(KINDS)
        text = HEAD.format(
            message=message,
            id=f"r{k:04}",
            down=repr(f"r{k - 1:04}") if k else None,
            up=up.format(n=n),
            back=back.format(n=n),
        )
        (versions / f"r{k:04}.py").write_text(text, encoding="utf-8")
    return folder / "alembic.ini"
