"""From a policy to its adapters: what production has applied, what its users send, how backups are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from relgate.errors import SourceError, UsageError
from relgate.policy.migrations import Backup, Migrations
from relgate.ports.migrations import Revision
from relgate.wiring import applied, make_backup, make_tool, queries, sample


class Books:
    """A live database that knows some tables of books."""

    def __init__(self, **tables: tuple[tuple[object, ...], ...]) -> None:
        self._tables = tables

    def applied(self, table: str = "alembic_version", of: tuple[int, ...] = (0,)) -> tuple[str, ...]:
        """The columns of a table, joined."""
        return tuple(".".join(str(row[k]) for k in of) for row in self._tables.get(table, ()))

    def row_counts(self) -> dict[str, int]:
        """Nobody asks."""
        return {}

    def statements(self) -> tuple[str, ...]:
        """What pg_stat_statements would say."""
        return ("SELECT name FROM products WHERE id = $1", "VACUUM products")


CHAIN = (Revision("0001", ()), Revision("0002", ("0001",)), Revision("0003", ("0002",)))


def given(kind: str, **more: object) -> Migrations:
    """Migrations of a kind."""
    return Migrations.model_validate({"kind": kind, "source": "x", **more})


@pytest.mark.parametrize(
    ("kind", "books"),
    [
        ("alembic", Books(alembic_version=(("0002",),))),
        ("sql", Books(schema_migrations=(("0001",), ("0002",)))),
        ("sql", Books(schema_migrations=((2, False),))),
        ("sql", Books(goose_db_version=((1, 0, True), (2, 1, True), (3, 2, True)))),
        ("sql", Books(flyway_schema_history=((1, "1"), (2, "2")))),
    ],
    ids=["alembic", "dbmate", "golang-migrate", "goose", "flyway"],
)
def test_the_head_that_production_runs_is_read_from_the_tools_books(kind: str, books: Books) -> None:
    """Some list all that is applied, others only where they are; some write 0002, others 2."""
    assert applied(given(kind), books, CHAIN) == ("0002",)


def test_what_production_runs_and_nobody_knows_is_kept() -> None:
    """The chain's own gate says that it is unknown."""
    assert applied(given("alembic"), Books(alembic_version=(("ffff",),)), CHAIN) == ("ffff",)


def test_an_empty_database_runs_nothing() -> None:
    """Without books everything is new."""
    assert applied(given("alembic"), Books(), CHAIN) == ()


def test_django_names_its_revisions_by_app() -> None:
    """The books have app and name."""
    chain = (Revision("shop.0001_initial", ()), Revision("shop.0002_more", ("shop.0001_initial",)))
    books = Books(django_migrations=((1, "shop", "0001_initial", "then"), (2, "shop", "0002_more", "now")))
    assert applied(given("django"), books, chain) == ("shop.0002_more",)


def test_a_foreign_tools_books_are_not_guessed() -> None:
    """The message names the way out."""
    with pytest.raises(UsageError, match="since"):
        applied(given("command"), Books(), CHAIN)


def test_queries_come_from_a_file_and_from_production(tmp_path: Path) -> None:
    """Those that production remembers have no values: they can be prepared, no more."""
    path = tmp_path / "queries.sql"
    path.write_text("SELECT 1 FROM orders;\nUPDATE orders SET note = ';' WHERE id = 1;\n")
    found = queries(given("alembic", queries=str(path)), Books(), "postgresql")

    assert found[:2] == ("SELECT 1 FROM orders", "UPDATE orders SET note = ';' WHERE id = 1")
    assert found[2:] == ("PREPARE relgate_probe AS SELECT name FROM products WHERE id = $1",)


def test_a_file_without_a_query_is_an_error(tmp_path: Path) -> None:
    """An empty log proves nothing about the running version."""
    path = tmp_path / "queries.sql"
    path.write_text("-- nothing\n")
    with pytest.raises(SourceError, match="found none"):
        queries(given("alembic", queries=str(path)), None, "postgresql")
    with pytest.raises(SourceError, match="cannot be read"):
        queries(given("alembic", queries=str(tmp_path / "absent.sql")), None, "postgresql")


def test_a_sample_is_taken_apart_into_statements(tmp_path: Path) -> None:
    """Each is sent by itself, so that the one that does not fit can be named."""
    path = tmp_path / "sample.sql"
    path.write_text("INSERT INTO a VALUES ('x;y');\nINSERT INTO b VALUES (1);")

    assert sample(given("alembic", sample=str(path)), "postgresql") == (
        "INSERT INTO a VALUES ('x;y')",
        "INSERT INTO b VALUES (1)",
    )
    assert sample(given("alembic"), "postgresql") == ()


def test_a_backup_by_command_needs_a_way_to_restore_it() -> None:
    """What is not restored proves nothing."""
    with pytest.raises(UsageError, match="restore"):
        make_backup(given("alembic", backup=Backup(take="dump.sh")), "postgresql")


def test_a_command_needs_to_list_its_revisions() -> None:
    """Without them there is no chain."""
    with pytest.raises(UsageError, match="list"):
        make_tool(given("command"))
