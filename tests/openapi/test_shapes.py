"""What changed between two sides, and what is only noise of one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from relgate.openapi.shapes import differences
from relgate.ports.exploring import Answer

JSON = (("content-type", "application/json"),)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def said(body: Any, status: int = 200) -> Answer:
    """An answer with this body."""
    return Answer(status, JSON, json.dumps(body).encode())


def codes(mine: tuple[Answer, Answer], theirs: tuple[Answer, Answer], *ignore: str) -> list[str]:
    """The codes and places of all differences."""
    return [f"{one.code} {one.place}" for one in differences(mine, theirs, ignore)]


@given(VALUES, VALUES)
def test_equal_sides_never_differ(first: Any, second: Any) -> None:
    """Whatever they answer, and however their own two answers differ."""
    mine = (said(first), said(second))
    assert codes(mine, mine) == []


@given(VALUES, VALUES)
def test_noise_of_a_side_is_no_change(first: Any, second: Any) -> None:
    """Both sides answer now this, now that."""
    assert codes((said(first), said(second)), (said(second), said(first))) == []


def test_a_removed_field_and_an_added_one() -> None:
    """In lists too."""
    mine = (said({"items": [{"id": 1, "b": 2}]}),) * 2
    theirs = (said({"items": [{"id": 1, "a": 2}]}),) * 2

    assert codes(mine, theirs) == ["field-removed $.items[].a", "field-added $.items[].b"]
    assert codes(mine, theirs, "a", "*.b") == []


def test_an_empty_list_says_nothing_about_its_items() -> None:
    """There are none."""
    assert codes((said({"items": []}),) * 2, (said({"items": [{"a": 1}]}),) * 2) == []


def test_a_field_that_some_items_lack_is_optional() -> None:
    """It was not always there before."""
    theirs = (said([{"a": 1}, {"b": 1}]),) * 2

    assert codes((said([{"b": 1}]),) * 2, theirs) == []


def test_a_type_that_changed() -> None:
    """A whole number and one with a point are the same type; null is no type."""
    assert codes((said({"a": "1"}),) * 2, (said({"a": 1}),) * 2) == ["type-changed $.a"]
    assert codes((said({"a": 1.5}),) * 2, (said({"a": 1}),) * 2) == []
    assert codes((said({"a": None}),) * 2, (said({"a": 1}),) * 2) == []


def test_another_class_of_status_is_told_alone() -> None:
    """What an error's body has says nothing about the success's."""
    assert codes((said({"error": 1}, 404),) * 2, (said({"a": 1}),) * 2) == ["status-class 2xx to 4xx"]
    assert codes((said({"a": 1}, 201),) * 2, (said({"a": 1}),) * 2) == ["status 200 to 201"]


def test_a_side_that_answers_now_this_now_that_is_not_compared() -> None:
    """One in two requests fails: the errors gate says so."""
    assert codes((said({}), said({}, 500)), (said({}),) * 2) == []


def test_a_mended_error_is_no_fault() -> None:
    """500 before, 200 now."""
    assert codes((said({}),) * 2, (said({}, 500),) * 2) == []


def test_no_answer_is_another_class() -> None:
    """The connection broke, twice."""
    assert codes((Answer(None, error="closed: x"),) * 2, (said({}),) * 2) == ["status-class 2xx to 0xx"]


def test_a_baseline_that_is_not_there_is_no_change() -> None:
    """Nothing was compared, and nothing is said."""
    assert codes((said({}),) * 2, (Answer(None, error="connect: x"),) * 2) == []


def test_removing_twice_is_two_answers_and_still_compared() -> None:
    """204 then 404 on the one side, 200 then 404 on the other."""
    mine, theirs = (Answer(403), Answer(403)), (Answer(204), Answer(204))
    assert [one.code for one in differences(mine, theirs, (), again=False)] == ["status-class"]
