"""Expand and contract: what a new schema takes from the version before, or asks of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relgate.migrate.contract import expand_contract
from relgate.ports.migrations import Column, ForeignKey, Table

A = Column("a", "character varying", "varchar(20)", length=20, default="'x'")
N = Column("n", "numeric", "numeric(9,2)", precision=9, scale=2)
I = Column("i", "integer", "integer")  # noqa: E741  the column's name
E = Column("e", "enum", "mood", enum=("x", "y"))
T = Table("t", (A, N, I, E), ("i",), (("a", "n"),), (), ("i > 0",))
KEY = ForeignKey("f", ("i",), "p", ("id",))


def other(old: Column, new: Column) -> Table:
    """The table with one column replaced."""
    return replace(T, columns=tuple(new if column is old else column for column in T.columns))


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        (T, []),
        (other(A, replace(A, length=30, declared="varchar(30)")), []),
        (other(I, replace(I, type="bigint", declared="bigint")), []),
        (other(E, replace(E, enum=("x", "y", "z"))), []),
        (replace(T, columns=(*T.columns, Column("new", "text", "text"))), []),
        (replace(T, columns=(*T.columns, Column("new", "text", "text", nullable=False, default="''"))), []),
        (replace(T, columns=(*T.columns, Column("new", "text", "text", nullable=False))), ["made-required"]),
        (other(I, replace(I, nullable=False)), ["made-required"]),
        (other(A, replace(A, default=None)), ["default-dropped"]),
        (other(A, replace(A, length=10)), ["narrowed"]),
        (other(N, replace(N, precision=8)), ["narrowed"]),
        (other(N, replace(N, precision=9, scale=1)), ["narrowed"]),
        (other(N, I), ["column-dropped"]),
        (other(I, replace(I, type="smallint", declared="smallint")), ["narrowed"]),
        (other(A, replace(I, name="a", default="1")), ["narrowed"]),
        (other(E, replace(E, enum=("x",))), ["label-removed"]),
        (other(N, replace(N, name="m")), ["column-renamed"]),
        (replace(T, columns=T.columns[1:]), ["column-dropped"]),
        (replace(T, uniques=(*T.uniques, ("n",))), ["unique-added"]),
        (replace(T, checks=(*T.checks, "i < 9")), ["check-added"]),
        (replace(T, foreign_keys=(KEY,)), ["foreign-key-added"]),
    ],
)
def test_only_what_can_break_the_version_before_is_a_fact(after: Table, kinds: list[str]) -> None:
    """To expand breaks nobody; to contract does, and is named."""
    facts = expand_contract([T], [after])
    assert [fact.kind for fact in facts] == kinds
    assert all(fact.table == "t" and fact.text for fact in facts)


def test_a_dropped_table_is_one_fact() -> None:
    """Its columns are not counted one by one; a new table is nobody's business."""
    assert [fact.kind for fact in expand_contract([T], [replace(T, name="u")])] == ["table-dropped"]
