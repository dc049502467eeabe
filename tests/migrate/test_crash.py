"""Where a step is ended: everywhere that something may stay, and twice where all or nothing is promised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.migrate.crash import MOST_POINTS, Kill, committed_alone, points
from relgate.ports.migrations import Crash, Statement


def statements(*transactions: int) -> list[Statement]:
    """Statements in these transactions."""
    return [Statement("SELECT 1", "SELECT 1", number) for number in transactions]


def test_one_transaction_is_ended_in_the_middle_and_before_its_last_statement() -> None:
    """A database that can undo DDL promises the rest."""
    assert points(statements(1, 1, 1, 1, 1, 1), transactional=True) == [3, 5]
    assert points(statements(1, 1), transactional=True) == [1]


def test_a_step_of_several_transactions_is_ended_after_each() -> None:
    """There something stays."""
    assert points(statements(1, 1, 2, 2, 3), transactional=True) == [2, 4]
    assert points(statements(0, 0, 0), transactional=True) == [1, 2]
    assert points(statements(1, 0, 2), transactional=True) == [1, 2]


def test_without_transactions_for_ddl_it_is_ended_before_every_statement() -> None:
    """MySQL commits with each DDL statement."""
    assert points(statements(1, 1, 1), transactional=False) == [1, 2]


@given(st.lists(st.integers(0, 3), max_size=300), st.booleans())
def test_points_lie_within_the_step_and_are_not_too_many(transactions: list[int], transactional: bool) -> None:
    """Never before the first statement: nothing would have happened."""
    found = points(statements(*transactions), transactional=transactional)

    assert all(0 < at < len(transactions) for at in found)
    assert len(found) <= MOST_POINTS + 1
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("ALTER TABLE t ADD a int", True),
        ("COMMENT ON TABLE t IS 'x'", True),
        ("GRANT SELECT ON t TO PUBLIC", True),
        ("REVOKE SELECT ON t FROM PUBLIC", True),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", False),
        ("UPDATE t SET a = 1", False),
    ],
)
def test_what_changes_the_schema_and_is_committed_alone_without_need_is_found(sql: str, found: bool) -> None:
    """Comments and privileges belong to the schema; what cannot run in a transaction has to be alone."""
    first, second = Statement(sql, sql, 1), Statement("ALTER TABLE t ADD b int", "ALTER TABLE t ADD b int", 2)
    assert committed_alone([first, second], 1) == (first if found else None)
    assert committed_alone([first, Statement("SELECT 1", "SELECT 1", 1)], 1) is None


def test_a_kill_ends_the_step_before_its_statement_and_no_other() -> None:
    """Crash is no Exception: a migration that catches everything does not catch it."""
    kill = Kill(2)
    kill.before(1, "SELECT 1", None)
    with pytest.raises(Crash):
        kill.before(2, "SELECT 1", None)
    assert not issubclass(Crash, Exception)
