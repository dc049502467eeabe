"""Folders of SQL files: their layouts, their options, and what each tool wraps into a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlfolder import SqlFolderTool
from relgate.adapters.sqlite import SqliteServer
from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INDEX = "CREATE TABLE a (b INTEGER);"
CONCURRENTLY = "CREATE INDEX CONCURRENTLY a_b ON a (b);"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    with PostgresServer.private("auto") as made:
        yield made


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {"1_a.sql": f"-- migrate:up\n{INDEX}", "2_b.sql": f"-- migrate:up transaction:false\n{CONCURRENTLY}"},
        {"1_a.sql": f"-- +goose Up\n{INDEX}", "2_b.sql": f"-- +goose NO TRANSACTION\n-- +goose Up\n{CONCURRENTLY}"},
        {"1_a.up.sql": INDEX, "2_b.up.sql": CONCURRENTLY},
        {"V1__a.sql": INDEX, "V2__b.sql": CONCURRENTLY},
        {"V1__a.sql": INDEX, "V2__b.sql": f"{CONCURRENTLY}\nSELECT 1;", "V2__b.sql.conf": "executeInTransaction=false"},
    ],
)
def test_a_file_may_stay_outside_of_transactions(
    files: dict[str, str], tmp_path: Path, postgres: PostgresServer
) -> None:
    """Each layout's own way of saying so works for an index that cannot be built in one."""
    tool, scratch = SqlFolderTool(write(tmp_path, files), "postgresql"), postgres.create()
    first, second = tool.revisions()
    assert tool.move(scratch, first.id, "up").failure is None
    ran = tool.move(scratch, second.id, "up")
    assert ran.failure is None
    assert ran.statements[0].transaction == 0
    assert tool.applied(scratch) == (second.id,)


@pytest.mark.parametrize(
    "files",
    [
        {"1_a.sql": f"-- migrate:up\n{INDEX}{CONCURRENTLY}"},
        {"1_a.sql": f"-- +goose Up\n{INDEX}{CONCURRENTLY}"},
        {"1_a.up.sql": INDEX + CONCURRENTLY},
        {"V1__a.sql": INDEX + CONCURRENTLY},
    ],
)
def test_what_is_wrapped_refuses_it(files: dict[str, str], tmp_path: Path, postgres: PostgresServer) -> None:
    """As the tools themselves fail on such a file; nothing of it stays."""
    tool, scratch = SqlFolderTool(write(tmp_path, files), "postgresql"), postgres.create()
    ran = tool.move(scratch, tool.revisions()[0].id, "up")
    assert ran.failure is not None
    assert "transaction block" in ran.failure.text
    assert ran.failure.state == "25001"
    with postgres.open(scratch) as session:
        assert session.counts() == {}


def test_golang_migrate_keeps_a_files_own_transaction(tmp_path: Path, postgres: PostgresServer) -> None:
    """What a file commits itself stays, when a later statement fails."""
    text = f"BEGIN;\n{INDEX}\nCOMMIT;\nSELECT * FROM nowhere;"
    tool, scratch = SqlFolderTool(write(tmp_path, {"1_a.up.sql": text}), "postgresql"), postgres.create()
    ran = tool.move(scratch, "1", "up")
    assert ran.failure is not None
    assert ran.failure.line == 4
    assert [statement.transaction for statement in ran.statements] == [1, 1, 0, 0]
    with postgres.open(scratch) as session:
        assert session.counts() == {"public.a": 0}


def test_versions_are_ordered_as_numbers(tmp_path: Path) -> None:
    """10 comes after 9, 1.10 after 1.9."""
    golang = SqlFolderTool(write(tmp_path / "g", {"10_a.up.sql": "", "9_b.up.sql": ""}), "sqlite")
    assert [revision.id for revision in golang.revisions()] == ["9", "10"]
    flyway = SqlFolderTool(write(tmp_path / "f", {"V1.10__a.sql": "", "V1_9__b.sql": "", "R__c.sql": ""}), "sqlite")
    assert [revision.id for revision in flyway.revisions()] == ["1.9", "1.10", "R__c"]


def test_two_of_one_version_are_both_read(tmp_path: Path) -> None:
    """Two pull requests took the same number: both build on the one before, and the checks can say so."""
    files = dict.fromkeys(("1_a.up.sql", "2_b.up.sql", "2_c.up.sql", "3_d.up.sql"), "")
    found = SqlFolderTool(write(tmp_path, files), "sqlite").revisions()
    assert [(item.id, item.down) for item in found] == [("1", ()), ("2", ("1",)), ("2", ("1",)), ("3", ("2",))]


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    """A missing way back, what it declares, its release, its lines."""
    says = '-- relgate: irreversible reason="drops; all" backup="s3"\n-- relgate: release 1.4\n'
    text = f"{says}-- relgate: retired a.b a.c\n-- migrate:up\nSELECT 1;"
    tool = SqlFolderTool(write(tmp_path, {"1_a.sql": text, "2_b.sql": "-- migrate:up\n\n-- migrate:down\n"}), "sqlite")
    first, second = tool.revisions()
    assert first.declared is not None
    assert (first.declared.reason, first.declared.backup, first.release) == ("drops; all", "s3", "1.4")
    assert (first.way_back, first.line, first.retired) == (False, 4, ("a.b", "a.c"))
    assert (second.way_back, second.line, second.down_line) == (True, 1, 3)
    with SqliteServer() as server:
        ran = tool.move(server.create(), "1", "down")
    assert ran.failure is not None
    assert "expected a way back" in ran.failure.text


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "found no .sql file"),
        ({"1_a.up.sql": "", "V1__b.sql": ""}, "expected files of one layout"),
        ({"1_a.sql": "-- migrate:up", "notes.sql": ""}, "none of them: notes.sql"),
        ({"1_a.sql": "-- +goose Up", "2_b.go": ""}, "is a migration in Go"),
        ({"1_a.sql": "-- +goose ENVSUB ON\n-- +goose Up"}, "ENVSUB"),
        ({"1_a.sql": "-- migrate:down"}, "expected a part that leads up"),
        ({"1_a.up.sql": "\n-- relgate: irreversible because"}, r"1_a.up.sql:2: expected -- relgate"),
        ({"sqitch.plan": "nonsense\n"}, "sqitch.plan:1: expected a change"),
        ({"sqitch.plan": "a 2024-01-01T00:00:00Z A <a@b>\n"}, r"deploy/a.sql: cannot be read"),
    ],
)
def test_what_cannot_be_read_is_an_error(files: dict[str, str], text: str, tmp_path: Path) -> None:
    """A migration that is overlooked would never be proven."""
    with pytest.raises(SourceError, match=text):
        SqlFolderTool(write(tmp_path, files), "postgresql").revisions()


def test_sqitch_reworked_changes(tmp_path: Path) -> None:
    """The first files of a change that is planned again are under its tag."""
    plan = (
        "%project=shop\na 2024-01-01T00:00:00Z A B <a@b> # first\n@v1 2024-01-02T00:00:00Z A B <a@b> # tag\n"
        "b [a] 2024-01-02T00:00:00Z A B <a@b>\na [a@v1 b] 2024-01-03T00:00:00Z A B <a@b> # again\n"
    )
    files = {"sqitch.plan": plan, "deploy/a.sql": "", "deploy/a@v1.sql": "", "deploy/b.sql": "", "revert/a.sql": ""}
    found = SqlFolderTool(write(tmp_path, files), "postgresql").revisions()
    assert [(item.id, item.down, item.path, item.way_back) for item in found] == [
        ("a@v1", (), "deploy/a@v1.sql", False),
        ("b", ("a@v1",), "deploy/b.sql", False),
        ("a", ("b",), "deploy/a.sql", True),
    ]


def test_offline_sql(tmp_path: Path) -> None:
    """The statements, in the transaction that the tool adds; another engine's is an error."""
    tool = SqlFolderTool(write(tmp_path, {"1_a.sql": "-- migrate:up\nSELECT 1;\n-- why\nSELECT ';'"}), "sqlite")
    assert tool.offline("1", "up", "sqlite") == "BEGIN;\nSELECT 1;\nSELECT ';';\nCOMMIT;\n"
    with pytest.raises(SourceError, match="written for sqlite"):
        tool.offline("1", "up", "mysql")


def test_paths_are_relative_to_the_project(tmp_path: Path) -> None:
    """The folder may lie deeper."""
    folder = write(tmp_path / "db" / "migrations", {"1_a.up.sql": "SELECT nowhere"})
    tool = SqlFolderTool(folder, "sqlite", tmp_path)
    assert tool.revisions()[0].path == "db/migrations/1_a.up.sql"
    with SqliteServer() as server:
        failure = tool.move(server.create(), "1", "up").failure
    assert failure is not None
    assert (failure.path, failure.line) == ("db/migrations/1_a.up.sql", 1)
