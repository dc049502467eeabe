"""``/openapi.json``: the whole JSON API as OpenAPI 3.1, made of ``operations.py`` and of the models that check bodies.

https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema
from starlette.responses import JSONResponse, Response

from . import answers
from .documents import MAX_BYTES
from .operations import OPERATIONS, Operation
from .web import shop_of

if TYPE_CHECKING:
    from pydantic import BaseModel
    from starlette.requests import Request

REASONS = {
    400: "The form cannot be read.",
    401: "No token, or not a good one; wrong password.",
    403: "Not for you.",
    404: "There is no such thing, or not for you.",
    409: "Does not go with what is there.",
    413: "Too long.",
    422: "Something in it is not as expected; the text says what.",
}
DESCRIPTION = """The API of a small shop; prices are euro cents.

Every answer has the header `X-Correlation-ID`: the caller's when it is well-formed, else a new one. Every error is
`{"error": text, "correlation_id": id}`: also 404 for unknown paths, 405 for wrong methods, and 403 for browsers on
pages of other sites that try to change something."""


async def endpoint(request: Request) -> Response:
    """GET /openapi.json."""
    return JSONResponse(document(shop_of(request).settings.reported_version))


@functools.lru_cache(maxsize=1)
def document(version: str) -> dict[str, Any]:
    """Return the description of the API as it is in ``version``."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The Shop", "version": version, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "webhooks": {answers.Call.model_fields["event"].annotation.__args__[0]: {"post": _call()}},  # type: ignore[union-attr]
        "components": {
            "schemas": _schemas(),
            "headers": {"CorrelationId": {"schema": {"type": "string", "minLength": 1, "maxLength": 128}}},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "session": {"type": "apiKey", "in": "cookie", "name": "session", "description": "Of the pages."},
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {"operationId": operation.id, "summary": operation.summary}
    if operation.parameters:
        made["parameters"] = [
            {"name": name, "in": place, "required": place == "path", "schema": dict(schema), "description": text}
            for name, place, schema, text in operation.parameters
        ]
    if operation.body is not None:
        made["requestBody"] = {"required": True, "content": _content_of_body(operation.body)}
    if operation.token:
        made["security"] = [{"bearer": []}, {"session": []}]
    made["responses"] = {str(operation.status): _success(operation)}
    for status in operation.errors:
        made["responses"][str(status)] = _answer(REASONS[status], {"application/json": _of(answers.Error)})
    if operation.answer in (answers.Health, answers.Providers, answers.Monitoring):
        made["responses"]["503"] = _answer("Down.", {"application/json": _of(operation.answer)})
    return made


def _content_of_body(body: type[BaseModel] | str) -> dict[str, Any]:
    if not isinstance(body, str):
        return {"application/json": _of(body)}
    text = f"UTF-8, up to {MAX_BYTES} bytes."
    file = {"type": "string", "minLength": 1, "contentMediaType": "text/csv", "description": text}
    schema = {"type": "object", "properties": {"file": file}, "required": ["file"], "additionalProperties": False}
    return {"multipart/form-data": {"schema": schema, "encoding": {"file": {"contentType": "text/csv"}}}}


def _success(operation: Operation) -> dict[str, Any]:
    content = {"application/json": _of(operation.answer)} if operation.answer else {}
    for kind in operation.files:
        content[kind] = {"schema": {"type": "string"}} if kind.startswith("text/") else {}
    made = _answer(operation.summary + ".", content)
    if operation.location:
        made["headers"]["Location"] = {"schema": {"type": "string"}, "required": True}
    if operation.links:
        made["links"] = {
            target: {"operationId": target, "parameters": {parameter: f"$response.body#/{field}"}}
            for target, parameter, field in operation.links
        }
    return made


def _answer(text: str, content: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": text,
        "headers": {"X-Correlation-ID": {"$ref": "#/components/headers/CorrelationId"}},
    }
    return made | ({"content": content} if content else {})


def _call() -> dict[str, Any]:
    signature = {"type": "string", "pattern": "^sha256=[0-9a-f]{64}$"}
    text = "HMAC-SHA256 of the body's bytes under the webhook's secret."
    return {
        "summary": "An order was made: sent to webhooks, three times at most",
        "parameters": [
            {"name": "X-Shop-Signature", "in": "header", "required": True, "schema": signature, "description": text}
        ],
        "requestBody": {"required": True, "content": {"application/json": _of(answers.Call)}},
        "responses": {"200": {"description": "Any status below 500 ends it."}},
    }


def _of(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}


def _schemas() -> dict[str, Any]:
    models = {answers.Error, answers.Call}
    for operation in OPERATIONS:
        models |= {model for model in (operation.answer, operation.body) if model and not isinstance(model, str)}
    wanted = [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)]
    _, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    schemas: dict[str, Any] = found["$defs"]
    return schemas
