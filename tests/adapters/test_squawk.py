"""Squawk itself, on statements as tools record them."""

from __future__ import annotations

from pathlib import Path

import pytest

from relgate.adapters.squawk import Squawk
from relgate.adapters.squawk_rules import OFF, RULES
from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import Revision, Statement

REVISION = Revision("a", (), path="versions/a.py", line=3)


def sent(*sql: str, transaction: int = 1, path: str = "versions/a.py") -> list[Statement]:
    """Statements on lines 10, 20, ..."""
    return [Statement(one, one, transaction, path=path, line=10 * n) for n, one in enumerate(sql, 1)]


def found(*sql: str, transaction: int = 1) -> list[tuple[str, int]]:
    """Code and line of each finding."""
    return [(one.code, one.line) for one in Squawk("15").read(REVISION, sent(*sql, transaction=transaction))]


LONG = "n" * 70
BROKEN = [
    ("adding-field-with-default", "ALTER TABLE o ADD COLUMN a float DEFAULT random()"),
    ("adding-foreign-key-constraint", "ALTER TABLE o ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id)"),
    ("adding-not-nullable-field", "ALTER TABLE o ALTER COLUMN a SET NOT NULL"),
    ("adding-required-field", "ALTER TABLE o ADD COLUMN a int NOT NULL"),
    ("adding-serial-primary-key-field", "ALTER TABLE o ADD COLUMN a bigserial PRIMARY KEY"),
    ("ban-alter-domain-with-add-constraint", "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 0)"),
    ("ban-concurrent-index-creation-in-transaction", "CREATE INDEX CONCURRENTLY i ON o (a)"),
    ("ban-create-domain-with-constraint", "CREATE DOMAIN d AS int CHECK (VALUE > 0)"),
    ("ban-drop-column", "ALTER TABLE o DROP COLUMN a"),
    ("ban-drop-database", "DROP DATABASE d"),
    ("ban-drop-not-null", "ALTER TABLE o ALTER COLUMN a DROP NOT NULL"),
    ("ban-drop-function", "DROP FUNCTION f"),
    ("ban-drop-table", "DROP TABLE o"),
    ("ban-truncate-cascade", "TRUNCATE o CASCADE"),
    ("changing-column-type", "ALTER TABLE o ALTER COLUMN a TYPE text USING a::text"),
    ("constraint-missing-not-valid", "ALTER TABLE o ADD CONSTRAINT c CHECK (a > 0)"),
    ("disallowed-unique-constraint", "ALTER TABLE o ADD CONSTRAINT u UNIQUE (a)"),
    ("identifier-too-long", f"CREATE TABLE {LONG} (a int)"),
    ("renaming-column", "ALTER TABLE o RENAME COLUMN a TO b"),
    ("renaming-table", "ALTER TABLE o RENAME TO p"),
    ("require-concurrent-index-creation", "CREATE INDEX i ON o (a)"),
    ("require-concurrent-index-deletion", "DROP INDEX i"),
    ("require-concurrent-partition-detach", "ALTER TABLE o DETACH PARTITION p"),
    ("require-enum-value-ordering", "ALTER TYPE e ADD VALUE 'x'"),
]


@pytest.mark.parametrize(("rule", "sql"), BROKEN)
def test_a_fault_is_found_at_its_statement_with_what_it_means(rule: str, sql: str) -> None:
    """Whether it blocks, why and what to do are ours; what is said is squawk's."""
    findings = Squawk("15").read(REVISION, sent("SELECT 1", sql, "SELECT 2"))
    (one,) = [one for one in findings if one.code == f"squawk/{rule}"]

    assert (one.gate, one.revision, one.path, one.line, one.sql) == ("migration-static", "a", "versions/a.py", 20, sql)
    assert (one.blocks, one.why, one.do) == (RULES[rule].blocks, RULES[rule].why, RULES[rule].do)
    assert one.what


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE o ADD COLUMN a char(3)",
        "ALTER TABLE o ADD COLUMN b timestamp",
        "CREATE TABLE s (a serial, b varchar(3), c smallint, d int)",
        "UPDATE o SET a = 1 WHERE id = 5",
    ],
)
def test_style_is_nobodys_business(sql: str) -> None:
    """Rules that are off say nothing."""
    assert found(sql) == []


def test_what_a_revision_creates_itself_is_left_alone_and_what_an_earlier_one_created_is_not() -> None:
    """Squawk's own rule, and the reason for feeding it revision by revision."""
    assert found("CREATE TABLE o (a int)", "CREATE INDEX i ON o (a)") == []
    assert found("CREATE INDEX i ON o (a)") == [("squawk/require-concurrent-index-creation", 10)]


def test_a_transaction_is_one_only_where_the_tool_opened_one() -> None:
    """CONCURRENTLY is fine outside of it; BEGIN and COMMIT in the text are the tool's."""
    sql = "CREATE INDEX CONCURRENTLY i ON o (a)"

    assert found(sql, transaction=0) == []
    assert found("BEGIN", sql, "COMMIT;") == [("squawk/ban-concurrent-index-creation-in-transaction", 20)]
    mixed = [*sent("SELECT 1", transaction=1), *sent("SELECT 1", sql, transaction=0), *sent("SELECT 1", transaction=2)]
    assert Squawk().read(REVISION, mixed) == ()


def test_lines_within_a_statement_count_in_an_sql_file_only() -> None:
    """A Python file does not have the SQL's lines."""
    sql = "ALTER TABLE o\n  ADD COLUMN x int,\n  DROP COLUMN a -- last"
    python, file = (Squawk().read(REVISION, sent(sql, path=path)) for path in ("a.py", "a.sql"))

    assert [(one.code, one.line) for one in python] == [("squawk/ban-drop-column", 10)]
    assert [(one.code, one.line) for one in file] == [("squawk/ban-drop-column", 12)]


def test_a_statement_that_squawk_cannot_read_is_reported_and_swallows_no_other() -> None:
    """An open quote would hide all that follows."""
    assert found("DROP TABLE o", "SELECT 'open", "ALTER TABLE o DROP COLUMN a") == [
        ("squawk/syntax-error", 20),
        ("squawk/ban-drop-table", 10),
        ("squawk/ban-drop-column", 30),
    ]
    assert found("SELEC 1(;") == [("squawk/syntax-error", 10)]


def test_squawks_own_ignore_comment_counts() -> None:
    """It is in the SQL, where everybody sees it."""
    assert found("-- squawk-ignore ban-drop-table\nDROP TABLE o") == []


def test_a_projects_configuration_does_not_switch_rules_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule is off in the table, or waived with a name and a day."""
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["ban-drop-table"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert found("DROP TABLE o") == [("squawk/ban-drop-table", 10)]


def test_the_tools_books_are_not_read() -> None:
    """A tool may drop its own tables; a revision that sends nothing has no finding."""
    books = Statement("DROP TABLE alembic_version", "DROP TABLE alembic_version", 1, books=True)

    assert Squawk().read(REVISION, [books]) == ()
    assert Squawk().read(REVISION, []) == ()


def test_the_version_of_production_decides() -> None:
    """A constant default rewrote the table before version 11."""
    sql = sent("ALTER TABLE o ADD COLUMN a int DEFAULT 1")

    assert [one.code for one in Squawk("10").read(REVISION, sql)] == ["squawk/adding-field-with-default"]
    assert Squawk("15.4 (Debian)").read(REVISION, sql) == ()
    with pytest.raises(UsageError, match="new"):
        Squawk("new")


def test_a_missing_squawk_is_an_error_that_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Never a pass."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UsageError, match=r"relgate\[migrations\]"):
        Squawk()


@pytest.mark.parametrize(
    "script", ["exit 0", "echo '[]'; exit 3", "echo '[]'; exit 1", "echo '{}'", "echo '[{}]'; exit 1"]
)
def test_a_squawk_that_does_not_answer_is_an_error(tmp_path: Path, script: str) -> None:
    """Killed, crashed, or another program of that name."""
    program = tmp_path / "squawk"
    program.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
    program.chmod(0o755)

    with pytest.raises(SourceError, match="squawk"):
        Squawk(program=str(program)).read(REVISION, sent("DROP TABLE o"))
    program.unlink()
    with pytest.raises(SourceError, match="did not answer"):
        Squawk(program=str(program)).read(REVISION, sent("DROP TABLE o"))


def test_no_rule_is_both_on_and_off() -> None:
    """And each says what it means."""
    assert not RULES.keys() & OFF.keys()
    assert all(rule.why and rule.do for rule in RULES.values())
