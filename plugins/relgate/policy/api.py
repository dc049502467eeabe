"""Exploring an API in a policy: its document, how much may be asked, and the gates that every policy with it has.

The gates need no entry under ``gates:``; one there changes how grave they are, what they decide, who looks after them.
They have no limits: one finding that blocks fails them.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - pydantic reads it
from typing import Any

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import AnyJson, Flag, Key, ListOf, MapOf, Record, Whole, Words

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
EXPLORED = {
    "api-errors": "no request that anybody can send makes the service fail, break off, or take too long",
    "api-schema": "statuses, content types, headers and bodies are as the document says",
    "api-ids": "what was made can be read back, with the same id and content, and is gone when it was removed",
    "api-correlation": "every answer carries a correlation id of its own, errors above all",
    "api-differential": "the same requests have the same outcome as on the release before: status, fields, types",
}
"""Gate id -> what it protects."""
CHECKS = tuple(name.removeprefix("api-") for name in EXPLORED)


class Login(Frozen):
    """A request whose answer holds a token. ``json_body``: sent to ``path``; its texts may be references.

    ``token``: JSON pointer into the answer. ``header``: what carries the token, ``prefix`` before it.
    """

    path: str
    json_body: Any = None
    token: str = "/token"  # noqa: S105 - a place, no secret
    header: str = "Authorization"
    prefix: str = "Bearer "


class Api(Frozen):
    """What is explored, and how much. ``openapi``: a path on the candidate, or a file.

    ``seed`` None: taken from the run's id. ``ids``: header of the correlation id. ``undocumented``: statuses that every
    operation may answer. ``ignore``: fields that may differ. ``examples``: label or operationId -> a good body.
    ``without``: checks that are left out.
    """

    openapi: str = "/openapi.json"
    requests: int = 500
    time_s: float = 60.0
    timeout_s: float = 10.0
    seed: int | None = None
    ids: str = "X-Correlation-ID"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}
    login: Login | None = None
    stateful: bool = True
    differential: bool = True
    undocumented: tuple[tuple[int, int], ...] = ()
    ignore: tuple[str, ...] = ()
    examples: Mapping[str, Any] = {}
    without: tuple[str, ...] = ()

    @property
    def gates(self) -> tuple[str, ...]:
        """Ids of the gates that a policy with this API has."""
        left_out = {f"api-{name}" for name in self.without}
        left_out |= set() if self.differential else {"api-differential"}
        return tuple(name for name in EXPLORED if name not in left_out)


LOGIN = Record(
    "login",
    (
        Key("post", texts.WEB_PATH, "the path that a token is asked from", required=True),
        Key("json", AnyJson(), "the body; secrets in it are references", required=True),
        Key("token", texts.POINTER, "where in the answer the token stands", "/token"),
        Key("header", texts.HEADER, "the header that carries the token", "Authorization"),
        Key("prefix", texts.ANY_TEXT, "what stands before the token", "Bearer and a blank"),
    ),
)

SHAPE = Record(
    "api",
    (
        Key(
            "openapi",
            texts.FILE,
            "the OpenAPI document: a path on the candidate, or a file beside the policy",
            "/openapi.json",
        ),
        Key("requests", Whole(1, 1_000_000), "most requests to each side", "500"),
        Key("time", texts.INTERVAL, "how long it may take", "60s"),
        Key("timeout", texts.INTERVAL, "after this long without a complete answer a request has failed", "10s"),
        Key("seed", Whole(0, 2**32 - 1), "the same seed makes the same requests", "from the run's id"),
        Key("ids", texts.HEADER, "the header that carries the correlation id", "X-Correlation-ID"),
        Key("include", ListOf(texts.FREE), "paths, labels (GET /x) or operationIds, * for anything", "all"),
        Key("exclude", ListOf(texts.FREE), "paths, labels or operationIds that are never asked", "none"),
        Key("methods", ListOf(Words(METHODS)), "the methods that are sent", "all; GET and HEAD where read_only"),
        Key("headers", MapOf(texts.HEADER, texts.HEADER_VALUE), "headers of every request"),
        Key("login", LOGIN, "how a token is had before the first request"),
        Key("stateful", Flag(), "whether things are made, read back and removed", "true"),
        Key("differential", Flag(), "whether the baseline is asked the same", "true"),
        Key("undocumented", ListOf(texts.STATUS), "statuses that need not be in the document", "none"),
        Key("examples", MapOf(texts.FREE, AnyJson()), "label or operationId to a body that is good", "the document's"),
        Key("ignore", ListOf(texts.FREE), "fields that may differ: names or places, * for anything", "none"),
        Key("without", ListOf(Words(CHECKS)), "checks that are left out", "none"),
    ),
)
