"""Ids of what was made, and what is read back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relgate.openapi.document import Operation
from relgate.openapi.ids import harvested, id_of, read_back
from relgate.ports.exploring import NOTHING, Answer, Inputs

READ = Operation("GET /things/{ref}", "read", "GET", "/things/{ref}")


def said(body: Any, status: int = 200, **headers: str) -> Answer:
    """An answer with this body."""
    return Answer(status, (("content-type", "application/json"), *headers.items()), json.dumps(body).encode())


@pytest.mark.parametrize(
    ("expression", "body", "headers", "expected"),
    [
        ("$response.body#/a/b", {"a": {"b": 7}}, {}, 7),
        ("$response.body#/a/0", {"a": ["x"]}, {}, "x"),
        ("$response.body#/gone", {}, {}, NOTHING),
        ("$response.header.Location", {}, {"location": "/things/1"}, "/things/1"),
        ("$request.body#/mail", {}, {}, "m@x"),
        ("$request.query.q", {}, {}, "?"),
        ("fixed", {}, {}, "fixed"),
        ("", {"ref": "r1", "id": 2}, {}, "r1"),
        ("", {"id": 2}, {}, 2),
        ("", {"thing": {"id": 3}}, {}, 3),
        ("", {}, {"location": "http://h/things/a%20b"}, "a b"),
        ("", {"done": True}, {}, NOTHING),
    ],
)
def test_where_an_id_stands(expression: str, body: Any, headers: dict[str, str], expected: Any) -> None:
    """In a link's expression, or where people put it."""
    inputs = Inputs(body={"mail": "m@x"}, query={"q": "?"})
    assert id_of(expression, "ref", READ, inputs, said(body, 201, **headers)) == expected


def codes(sent: Any, born: Any, first: Answer, second: Answer | None = None, *ignore: str) -> list[str]:
    """What is said about a thing that was made and read."""
    found = read_back({"ref": "r"}, Inputs(body=sent), said(born, 201), (first, second or first), ignore)
    return [f"{one.code} {one.place}".strip() for one in found]


def test_what_is_as_it_was_sent_has_no_fault() -> None:
    """Fields that the service adds or moves are its own business."""
    born = {"ref": "r", "name": "n", "status": "new", "total": None}
    assert codes({"name": "n"}, born, said({**born, "status": "packed", "total": 3})) == []


def test_what_is_not_there() -> None:
    """Gone for both readers; an error of the service is told elsewhere."""
    assert codes({}, {"ref": "r"}, said({}, 404)) == ["not-found"]
    assert codes({}, {"ref": "r"}, said({}, 500)) == []


def test_another_thing() -> None:
    """Its id tells."""
    assert codes({}, {"ref": "r"}, said({"ref": "s"})) == ["other-id ref"]


def test_content_that_was_confirmed_and_is_lost() -> None:
    """Sent and confirmed blocks; what only the answer said warns; what differs between two reads moves."""
    born = {"name": "long", "cents": 100}
    assert codes({"name": "long"}, born, said({"name": "l", "cents": 90})) == [
        "content-lost name",
        "content-changed cents",
    ]
    assert codes({}, born, said({"cents": 90}), said({"cents": 80})) == []
    assert codes({}, born, said({"cents": 90}), None, "cent*") == []


def test_ids_of_existing_things_are_gathered() -> None:
    """From anywhere in an answer, each once, the best name first."""
    body = {"items": [{"ref": "a", "id": 1}, {"ref": "b", "id": 2}, {"ref": "a"}]}

    assert harvested(body, ("ref", "id")) == ["a", "b"]
    assert harvested(body, ("key", "id")) == [1, 2]
    assert harvested([], ("id",)) == []
