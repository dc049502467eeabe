"""Rows before and after: nothing is found where nothing was lost, and each kind of loss by its name."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.migrate.rows import compare, orphans, subtract
from relgate.ports.migrations import Column, ForeignKey, Row, Table

T = Table(
    "t",
    (
        Column("id", "integer", "integer", nullable=False),
        Column("name", "text", "text"),
        Column("n", "numeric", "numeric(9,3)", precision=9, scale=3),
        Column("at", "timestamp with time zone", "timestamptz"),
        Column("tags", "text", "text[]", array=True),
    ),
    ("id",),
)
ROWS: list[Row] = [
    {"id": 1, "name": "Anna Bo", "n": "1.125", "at": "2024-01-01T10:00:00.123456+00:00", "tags": "{b,a}"},
    {"id": 2, "name": "Bert", "n": "2.250", "at": "2024-01-02T10:00:00.5+02:00", "tags": '{"c c",d}'},
    {"id": 3, "name": "Cleo ", "n": None, "at": None, "tags": None},
    {"id": 4, "name": None, "n": "-4.875", "at": "2024-01-04T23:30:00+00:00", "tags": "{}"},
]

Corruption = Callable[[list[Row]], object]


def each(column: str, change: Callable[[str], object]) -> Corruption:
    """Change a column in all rows that have a value in it."""
    return lambda rows: [row.update({column: change(row[column])}) for row in rows if row[column] is not None]


def swap(rows: list[Row]) -> None:
    """Give two rows one another's name."""
    rows[0]["name"], rows[1]["name"] = rows[1]["name"], rows[0]["name"]


CORRUPTIONS: dict[str, tuple[Corruption, str, str | None]] = {
    "a deleted row": (lambda rows: rows.pop(), "rows-lost", None),
    "an added row": (lambda rows: rows.append({**rows[0], "id": 9}), "rows-added", None),
    "dropped and added again": (each("name", lambda _: None), "column-emptied", "name"),
    "one default for all": (each("name", lambda _: "unknown"), "column-defaulted", "name"),
    "a shorter text": (each("name", lambda text: text[:2]), "value-truncated", "name"),
    "one shorter text": (lambda rows: rows[0].update(name="Anna"), "value-truncated", "name"),
    "rounded numbers": (each("n", lambda n: f"{round(float(n), 1)}"), "value-truncated", "n"),
    "cut numbers": (each("n", lambda n: n.split(".")[0]), "value-truncated", "n"),
    "no microseconds": (each("at", lambda at: at[:19] + at[-6:]), "value-truncated", "at"),
    "no time zone": (each("at", lambda at: at[:-6]), "value-truncated", "at"),
    "only the day": (each("at", lambda at: at[:10]), "value-truncated", "at"),
    "another value": (lambda rows: rows[1].update(name="Robert"), "value-changed", "name"),
    "lower case": (each("name", str.lower), "value-changed", "name"),
    "white space": (lambda rows: rows[2].update(name="Cleo"), "value-changed", "name"),
    "some emptied": (lambda rows: rows[0].update(name=None), "value-changed", "name"),
    "an hour later": (each("at", lambda at: at.replace("T1", "T2")), "value-changed", "at"),
    "of another row": (swap, "order-lost", "name"),
    "elements in another order": (lambda rows: rows[0].update(tags="{a,b}"), "order-lost", "tags"),
    "fewer elements": (lambda rows: rows[0].update(tags="{b}"), "value-truncated", "tags"),
    "NULL filled": (lambda rows: rows[3].update(name=""), "null-filled", "name"),
}


@pytest.mark.parametrize("keyed", [True, False], ids=["by key", "without key"])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_corruption_has_its_name(name: str, keyed: bool) -> None:
    """With a primary key and without one, one kind of fault gives one loss of that kind, in that column."""
    table = T if keyed else replace(T, primary_key=())
    corrupt, kind, column = CORRUPTIONS[name]
    after = deepcopy(ROWS)
    corrupt(after)
    (loss,) = compare({"t": ROWS}, {"t": after}, [table], [table])
    assert (loss.kind, loss.column) == (kind, column)
    assert 0 < loss.n <= loss.of
    assert loss.example
    assert "t" in loss.text


def test_a_lost_table_and_a_lost_column_are_said() -> None:
    """With how many values are gone; an empty table or column holds nothing to lose."""
    (loss,) = compare({"t": ROWS}, {}, [T], [])
    assert (loss.kind, loss.n) == ("table-lost", 4)
    assert compare({"t": []}, {}, [T], []) == ()
    without = replace(T, columns=tuple(column for column in T.columns if column.name != "n"))
    after = [{name: value for name, value in row.items() if name != "n"} for row in ROWS]
    (loss,) = compare({"t": ROWS}, {"t": after}, [T], [without])
    assert (loss.kind, loss.column, loss.n) == ("column-lost", "n", 3)


def test_the_way_forward_may_drop_add_and_fill() -> None:
    """But it may not lose rows, nor change values in columns that stay."""
    filled = [{**row, "name": row["name"] or "?"} for row in ROWS]
    assert compare({"t": ROWS, "old": ROWS}, {"t": filled, "new": ROWS}, [T], [T], forward=True) == ()
    (loss,) = compare({"t": ROWS}, {"t": ROWS[1:]}, [T], [T], forward=True)
    assert loss.kind == "rows-lost"
    changed = [{**row, "n": "7"} for row in ROWS]
    assert {loss.column for loss in compare({"t": ROWS}, {"t": changed}, [T], [T], forward=True)} == {"n"}


@pytest.mark.parametrize(
    ("kind", "before", "wider", "after"),
    [
        ("numeric", "1.50", "numeric", "1.5000"),
        ("integer", 7, "numeric", "7.00"),
        ("integer", 7, "text", "7"),
        ("date", "2024-05-01", "timestamp without time zone", "2024-05-01T00:00:00"),
        ("timestamp without time zone", "2024-05-01T10:00:00", "timestamp with time zone", "2024-05-01T10:00:00+00:00"),
        (
            "timestamp with time zone",
            "2024-05-01T10:00:00+00:00",
            "timestamp with time zone",
            "2024-05-01T12:00:00+02:00",
        ),
        ("boolean", True, "integer", 1),
    ],
)
def test_a_wider_type_is_no_loss(kind: str, before: object, wider: str, after: object) -> None:
    """The same value, written as the wider type writes it."""
    then = Table("t", (Column("c", kind, kind),))
    now = Table("t", (Column("c", wider, wider),))
    assert compare({"t": [{"c": before}]}, {"t": [{"c": after}]}, [then], [now]) == ()


def test_a_text_is_equal_to_the_character_only() -> None:
    """A text of digits is no number: 1.50 is not 1.5 there."""
    table = Table("t", (Column("c", "text", "text"),))
    (loss,) = compare({"t": [{"c": "1.50"}]}, {"t": [{"c": "1.5"}]}, [table], [table])
    assert loss.kind == "value-truncated"


VALUES = st.one_of(st.none(), st.text(max_size=5), st.integers(), st.booleans(), st.lists(st.integers(), max_size=3))
BAGS = st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), max_size=8)


@given(BAGS, st.randoms(use_true_random=False))
def test_the_same_rows_in_any_order_are_the_same(rows: list[Row], random: object) -> None:
    """A table has no order: shuffled rows are no loss, with a key or without."""
    table = Table(
        "t", (Column("a", "text", "text"), Column("b", "integer", "integer"), Column("id", "integer", "integer"))
    )
    numbered = [row | {"id": at} for at, row in enumerate(rows)]
    shuffled = deepcopy(numbered)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for one in (table, replace(table, primary_key=("id",))):
        assert compare({"t": numbered}, {"t": shuffled}, [one], [one]) == ()


@given(BAGS, BAGS)
def test_whatever_differs_is_found(before: list[Row], after: list[Row]) -> None:
    """There is a loss if and only if the bags of rows differ."""
    table = Table("t", (Column("a", "text", "text"), Column("b", "text", "text")))
    same = sorted(repr((row["a"], row["b"])) for row in before) == sorted(repr((row["a"], row["b"])) for row in after)
    assert (compare({"t": before}, {"t": after}, [table], [table]) == ()) is same


def test_what_the_control_run_shows_too_is_noise() -> None:
    """A column that differs between two straight upgrades says nothing about the way back."""
    other = [{**row, "at": "2026-01-01T00:00:00+00:00"} for row in ROWS]
    control = compare({"t": ROWS}, {"t": other}, [T], [T])
    mixed = [{**row, "name": "x"} for row in other]
    found = compare({"t": ROWS}, {"t": mixed}, [T], [T])
    real, noise = subtract(found, control)
    assert {loss.column for loss in real} == {"name"}
    assert {loss.column for loss in noise} == {"at"}


def test_orphans_are_found_unless_a_part_is_null() -> None:
    """A reference with NULL in it refers to nothing; any other needs its parent, also where the table is gone."""
    key = ForeignKey("f", ("p", "q"), "parent", ("x", "y"))
    child = Table("c", (Column("p", "integer", "integer"), Column("q", "integer", "integer")), foreign_keys=(key,))
    rows: dict[str, list[Row]] = {
        "parent": [{"x": 1, "y": 1}],
        "c": [{"p": 1, "q": 1}, {"p": 1, "q": None}, {"p": 1, "q": 2}],
    }
    (loss,) = orphans(rows, [child])
    assert (loss.kind, loss.column, loss.n, loss.of) == ("orphaned", "p, q", 1, 2)
    assert orphans({"c": rows["c"][:2], "parent": rows["parent"]}, [child]) == ()
    assert orphans({"c": rows["c"]}, [child])[0].n == 2
