"""Values at the edges of a schema."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.openapi.document import Operation, operations
from relgate.openapi.edges import changed, edges, rich, values
from relgate.ports.exploring import NOTHING, Inputs
from tests.openapi.service import DOCUMENT

BODY = {"title": "a", "stars": 1}


def operation(label: str) -> Operation:
    """An operation of the small service."""
    return next(one for one in operations(DOCUMENT) if one.label == label)


def schemas() -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of numbers and texts with bounds."""
    bound = st.integers(-100, 100)
    numbers = st.tuples(st.sampled_from(["integer", "number"]), bound, st.integers(0, 50)).map(
        lambda drawn: {"type": drawn[0], "minimum": drawn[1], "maximum": drawn[1] + drawn[2]}
    )
    texts = st.tuples(st.integers(0, 5), st.integers(0, 40)).map(
        lambda drawn: {"type": "string", "minLength": drawn[0], "maxLength": drawn[0] + drawn[1]}
    )
    flags = st.just({"type": "boolean"})
    words = st.lists(st.text(max_size=5), min_size=1, unique=True).map(lambda found: {"type": "string", "enum": found})
    return st.one_of(numbers, texts, flags, words)


@given(schemas())
def test_a_value_is_valid_when_it_is_said_to_be(schema: dict[str, Any]) -> None:
    """By the judgement of a validator."""
    validator = jsonschema.Draft202012Validator(schema)
    for one in values(schema):
        if one.value != "none-of-them":
            assert validator.is_valid(one.value) == one.valid, one


def test_the_ends_of_a_range_come_first() -> None:
    """Then what lies just beyond."""
    found = values({"type": "integer", "minimum": 1, "maximum": 9})

    assert [(one.value, one.valid) for one in found[:4]] == [(9, True), (1, True), (10, False), (0, False)]


def test_an_exclusive_bound_is_not_within() -> None:
    """In the form of 3.1 and in that of 3.0."""
    for schema in ({"exclusiveMinimum": 0}, {"minimum": 0, "exclusiveMinimum": True}):
        found = {one.value: one.valid for one in values({"type": "integer", **schema}) if isinstance(one.value, int)}
        assert found[0] is False
        assert found[1] is True


def test_every_edge_is_one_value_away_from_the_base() -> None:
    """So what it shows is small already."""
    for edge in edges(operation("POST /notes"), Inputs(body=BODY, media_type="application/json"), DOCUMENT):
        keys = {*BODY, *edge.inputs.body}
        differing = [key for key in keys if edge.inputs.body.get(key, NOTHING) != BODY.get(key, NOTHING)]
        assert len(differing) <= 1, edge


def test_a_required_field_is_left_out_and_an_optional_one_too() -> None:
    """The first is wrong, the second is not."""
    found = {
        edge.how: edge.valid
        for edge in edges(operation("POST /notes"), Inputs(body={**BODY, "tag": "x"}), DOCUMENT)
        if "left out" in edge.how
    }

    assert found == {"title left out": False, "stars left out": False, "tag left out": True}


def test_the_name_of_a_thing_stays_where_it_must() -> None:
    """Somebody else's thing is never named by chance."""
    one, base = operation("GET /notes/{id}"), Inputs(path={"id": "mine"})

    assert list(edges(one, base, DOCUMENT, own_path=True)) == []
    assert list(edges(one, base, DOCUMENT))


def test_rich_inputs_have_something_to_lose() -> None:
    """Each field at the far end of what is allowed."""
    made = rich(operation("POST /notes"), Inputs(body=BODY), DOCUMENT, 0)

    assert made.body == {"title": "m" * 80, "stars": 5, "tag": "m" * 20}


@pytest.mark.parametrize(
    ("body", "at", "value", "expected"),
    [
        ({"a": [{"b": 1}]}, ("a", 0, "b"), 2, {"a": [{"b": 2}]}),
        ({"a": []}, ("a", 0, "b"), 2, {"a": []}),
        ({"a": {"b": 1}}, ("a", "b"), NOTHING, {"a": {}}),
        ({}, ("a", "b"), 1, {"a": {"b": 1}}),
        ([1], ("a",), 1, [1]),
    ],
)
def test_a_body_is_changed_in_one_place(body: Any, at: tuple[Any, ...], value: Any, expected: Any) -> None:
    """And is as it was where it has no such place."""
    assert changed(body, at, value) == expected
