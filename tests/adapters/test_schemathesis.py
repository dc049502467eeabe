"""Requests and answers through schemathesis."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relgate.adapters.schemathesis import OpenApi
from relgate.errors import SourceError
from relgate.ports.exploring import Answer, Inputs
from tests.openapi.service import DOCUMENT

API = OpenApi(DOCUMENT)
FORM: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "f", "version": "1"},
    "servers": [{"url": "https://elsewhere.example/v1/"}],
    "paths": {
        "/files": {
            "post": {
                "requestBody": {
                    "content": {
                        "multipart/form-data": {
                            "schema": {"type": "object", "properties": {"file": {"type": "string"}}},
                            "encoding": {"file": {"contentType": "text/csv"}},
                        }
                    }
                },
                "responses": {"200": {"description": "ok"}},
            }
        }
    },
}


def codes(label: str, status: int, body: Any, kind: str = "application/json") -> list[str]:
    """How an answer breaks the document."""
    ask = API.ask(label, Inputs(path={"id": "x"}), "", valid=True)
    assert ask is not None
    answer = Answer(status, (("content-type", kind),), body if isinstance(body, bytes) else json.dumps(body).encode())
    return [one.code for one in API.breaches(ask, answer)]


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=10).filter(lambda text: text not in (".", "..")))
def test_what_names_a_thing_is_encoded_once(name: str) -> None:
    """Signs that mean something in a URL mean nothing in a name."""
    from urllib.parse import unquote

    ask = API.ask("GET /notes/{id}", Inputs(path={"id": name}), "", valid=True)

    assert ask is not None
    assert "?" not in ask.path
    assert unquote(ask.path) == f"/notes/{name}"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_lead_elsewhere_is_not_sent(name: str) -> None:
    """Another operation would answer."""
    assert API.ask("GET /notes/{id}", Inputs(path={"id": name}), "", valid=True) is None


def test_the_same_inputs_make_the_same_request() -> None:
    """Forms with files too: their boundary is not a random one, and a file has a name."""
    api = OpenApi(FORM)
    inputs = Inputs(body={"file": "a,b\n"}, media_type="multipart/form-data")
    first, second = (api.ask("POST /files", inputs, "", valid=True) for _ in range(2))

    assert first == second
    assert first is not None
    assert b'filename="file.csv"' in (first.body or b"")


def test_only_the_path_of_a_documents_server_counts() -> None:
    """Who is asked is the policy's business."""
    ask = OpenApi(FORM).ask("POST /files", Inputs(body={}, media_type="multipart/form-data"), "", valid=True)

    assert ask is not None
    assert ask.path == "/v1/files"


def test_what_breaks_the_document() -> None:
    """Status, content type, body, JSON."""
    assert codes("GET /notes/{id}", 404, {"error": "none"}) == []
    assert codes("GET /notes/{id}", 418, {"error": "none"}) == ["undocumented-status"]
    assert codes("GET /notes/{id}", 404, {"fault": "none"}) == ["wrong-body"]
    assert codes("GET /notes/{id}", 404, b"none", "text/plain") == ["wrong-content-type"]
    assert "not-json" in codes("GET /notes/{id}", 404, b"{")


def test_a_reference_that_leads_nowhere_is_an_error() -> None:
    """Of the document, said in one line."""
    broken = {"/x": {"get": {"parameters": [{"$ref": "#/components/gone"}], "responses": {"200": {"description": ""}}}}}
    with pytest.raises(SourceError, match="cannot be used"):
        OpenApi({"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": broken})
