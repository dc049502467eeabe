"""A small service with a document, and a switch for each fault that exploring it must find.

Run it as ``python -m tests.openapi.service PORT [FAULT ...]``; port 0 takes a free one. It prints its port.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import sys
import uuid
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FAULTS = {
    "boundary": ("api-errors", "server-error"),
    "unicode": ("api-errors", "server-error"),
    "missing": ("api-errors", "server-error"),
    "dropped": ("api-errors", "no-answer"),
    "sometimes": ("api-errors", "server-error"),
    "slow": ("api-errors", "too-slow"),
    "status": ("api-schema", "undocumented-status"),
    "type": ("api-schema", "wrong-body"),
    "content-type": ("api-schema", "wrong-content-type"),
    "forgets": ("api-ids", "not-found"),
    "other-id": ("api-ids", "other-id"),
    "loses": ("api-ids", "content-lost"),
    "keeps": ("api-ids", "not-removed"),
    "no-id": ("api-correlation", "no-id"),
    "one-id": ("api-correlation", "id-twice"),
    "removed": ("api-differential", "field-removed"),
    "refuses": ("api-differential", "status-class"),
    "retyped": ("api-differential", "type-changed"),
    "added": ("api-differential", "field-added"),
}
"""Fault -> the gate that must find it, and the code of the finding."""

NOTE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "title", "stars", "made"],
    "properties": {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "stars": {"type": "integer"},
        "tag": {"type": ["string", "null"]},
        "made": {"type": "string"},
        "extra": {"type": "string"},
    },
    "additionalProperties": False,
}
ERROR: dict[str, Any] = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}


def answer(text: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """A documented answer."""
    body = {} if schema is None else {"content": {"application/json": {"schema": schema}}}
    return {"description": text, **body}


REF = {"$ref": "#/components/schemas/Note"}
BAD = {"$ref": "#/components/schemas/Error"}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 40}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Notes", "version": "1.0"},
    "paths": {
        "/notes": {
            "get": {
                "operationId": "listNotes",
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 50}}
                ],
                "responses": {
                    "200": answer("some", {"type": "object", "properties": {"notes": {"type": "array", "items": REF}}}),
                    "422": answer("bad", BAD),
                },
            },
            "post": {
                "operationId": "makeNote",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["title", "stars"],
                                "additionalProperties": False,
                                "properties": {
                                    "title": {"type": "string", "minLength": 1, "maxLength": 80},
                                    "stars": {"type": "integer", "minimum": 0, "maximum": 5},
                                    "tag": {"type": "string", "maxLength": 20},
                                },
                            }
                        }
                    },
                },
                "responses": {"201": answer("made", REF), "422": answer("bad", BAD)},
            },
        },
        "/notes/{id}": {
            "parameters": [ID],
            "get": {"operationId": "readNote", "responses": {"200": answer("it", REF), "404": answer("none", BAD)}},
            "delete": {"operationId": "removeNote", "responses": {"204": answer("gone"), "404": answer("none", BAD)}},
        },
        "/health": {
            "get": {
                "operationId": "health",
                "responses": {
                    "200": answer("well", {"type": "object", "properties": {"status": {"type": "string"}}}),
                },
            }
        },
    },
    "components": {"schemas": {"Note": NOTE, "Error": ERROR}},
}


class DroppedError(Exception):
    """The connection ends in the middle of an answer."""


class Notes:
    """The service and its faults."""

    def __init__(self, faults: frozenset[str]) -> None:
        self.faults = faults
        self.notes: dict[str, dict[str, Any]] = {}
        self.asked = itertools.count()

    def app(self) -> ASGIApp:
        """Return it as ASGI application."""
        routes = [
            Route("/openapi.json", self.document),
            Route("/notes", self.list),
            Route("/notes", self.make, methods=["POST"]),
            Route("/notes/{id}", self.read),
            Route("/notes/{id}", self.remove, methods=["DELETE"]),
            Route("/health", self.health),
        ]
        return WithIds(Starlette(routes=routes), self.faults)

    def has(self, fault: str) -> bool:
        """Whether a fault is switched on."""
        return fault in self.faults

    async def document(self, _: Request) -> Response:
        """The document: of the good service, whatever this one does."""
        return JSONResponse(DOCUMENT)

    async def list(self, request: Request) -> Response:
        """Some notes."""
        text = request.query_params.get("limit", "50")
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 50:
            return bad(422, "limit: expected 1 to 50")
        if self.has("slow") and int(text) == 50 and "limit" in request.query_params:
            await asyncio.sleep(5)
        notes = list(self.notes.values())[: int(text)]
        return JSONResponse({"notes": [self.shown(note) for note in notes]})

    async def make(self, request: Request) -> Response:
        """A new note."""
        try:
            body = await request.json()
        except (ValueError, RecursionError):
            return bad(422, "expected JSON")
        if self.has("missing") and isinstance(body, dict) and isinstance(body.get("stars"), int):
            body["title"]
        fault = wrong(body)
        if fault is not None:
            return bad(409 if self.has("status") and "stars" in fault else 422, fault)
        if self.has("boundary") and body["stars"] == 5:
            raise OverflowError("six bits are not enough")
        if self.has("unicode"):
            body["title"].encode("latin-1")
        if self.has("dropped") and body.get("tag") == "":
            raise DroppedError
        if self.has("refuses") and body["stars"] == 0:
            return bad(422, "stars: zero is not welcome any more")
        if self.has("sometimes") and next(self.asked) % 20 == 7:
            raise OSError("now and then")
        note = {"id": uuid.uuid4().hex, "tag": None, **body, "made": f"2026-11-21 {next(self.asked)}"}
        stored = {**note, "title": note["title"][:1]} if self.has("loses") else note
        if not self.has("forgets"):
            self.notes[note["id"]] = stored
        return JSONResponse(self.shown(note), 201)

    async def read(self, request: Request) -> Response:
        """One note."""
        note = self.notes.get(request.path_params["id"])
        if note is None:
            return bad(404, "no such note")
        if self.has("other-id"):
            note = {**next(iter(self.notes.values())), "id": uuid.uuid4().hex}
        return JSONResponse(self.shown(note))

    async def remove(self, request: Request) -> Response:
        """A note goes."""
        if request.path_params["id"] not in self.notes:
            return bad(404, "no such note")
        if not self.has("keeps"):
            del self.notes[request.path_params["id"]]
        return Response(status_code=204)

    async def health(self, _: Request) -> Response:
        """How it is."""
        if self.has("content-type"):
            return Response("well", media_type="text/html")
        return JSONResponse({"status": "well", "asked": next(self.asked)})

    def shown(self, note: dict[str, Any]) -> dict[str, Any]:
        """A note as it is answered."""
        found = dict(note)
        if self.has("type"):
            found["stars"] = str(found["stars"])
        if self.has("retyped"):
            found["made"] = len(found["made"])
        if self.has("removed"):
            del found["made"]
        if self.has("added"):
            found["extra"] = "new"
        return found


def wrong(body: Any) -> str | None:
    """Why a body is no note."""
    if not isinstance(body, dict) or set(body) - {"title", "stars", "tag"}:
        return "expected title, stars, tag"
    title, stars, tag = body.get("title"), body.get("stars"), body.get("tag", "")
    if not isinstance(title, str) or not 1 <= len(title) <= 80:
        return "title: expected 1 to 80 letters"
    if isinstance(stars, float) and stars.is_integer():
        body["stars"] = stars = int(stars)
    if not isinstance(stars, int) or isinstance(stars, bool) or not 0 <= stars <= 5:
        return "stars: expected 0 to 5"
    if not isinstance(tag, str) or len(tag) > 20:
        return "tag: expected at most 20 letters"
    return None


def bad(status: int, text: str) -> Response:
    """An error as documented."""
    return JSONResponse({"error": text}, status)


class WithIds:
    """A correlation id on every answer, errors above all; and what becomes of exceptions."""

    def __init__(self, app: Starlette, faults: frozenset[str]) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, with an id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                without = "no-id" in self._faults and message["status"] >= 400
                told = "always-the-same" if "one-id" in self._faults else uuid.uuid4().hex
                if not without:
                    message["headers"] = [*message["headers"], (b"x-correlation-id", told.encode())]
            await send(message)

        try:
            await self._app.router(scope, receive, marked)
        except DroppedError:
            # An answer whose body never comes to its end: the server closes the connection.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Exception as error:  # noqa: BLE001 - what a framework does
            await bad(500, type(error).__name__)(scope, receive, marked)


def serve(sock: socket.socket, faults: frozenset[str]) -> None:
    """Serve until the process ends."""
    config = uvicorn.Config(Notes(faults).app(), log_level="critical", lifespan="off", access_log=False)
    uvicorn.Server(config).run(sockets=[sock])


if __name__ == "__main__":
    place = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    print(place.getsockname()[1], flush=True)
    serve(place, frozenset(sys.argv[2:]))
