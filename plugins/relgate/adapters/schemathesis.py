"""A service's document through schemathesis: inputs that fit it or do not, requests, and answers held against it.

schemathesis generates (over Hypothesis) and validates; what is sent when, and what a fault means, is decided elsewhere.
Its own engine is not used: it has no second side, and no budget of requests.
"""

from __future__ import annotations

import json
import mimetypes
import re
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from relgate.errors import SourceError, first_line
from relgate.ports.exploring import NOTHING, Ask, Breach, Inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import SearchStrategy
    from schemathesis import Case

    from relgate.ports.exploring import Answer

_BASE = "http://api.invalid"
_OWN = frozenset(
    {"user-agent", "accept-encoding", "connection", "x-schemathesis-testcaseid", "accept", "content-length"}
)
_CODES = {
    "UndefinedStatusCode": "undocumented-status",
    "UndefinedContentType": "wrong-content-type",
    "MissingContentType": "wrong-content-type",
    "MalformedMediaType": "wrong-content-type",
    "MissingHeaders": "wrong-header",
    "JsonSchemaError": "wrong-body",
    "MalformedJson": "not-json",
}


class OpenApi:
    """What one document promises.

    Args:
        document: the parsed document.

    Raises:
        SourceError: schemathesis is not installed, or cannot use the document.

    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        try:
            import schemathesis
        except ModuleNotFoundError as error:
            text = "exploring an API needs schemathesis and hypothesis: pip install 'relgate[api]'"
            raise SourceError(f"{text} ({error})") from error
        from schemathesis.core.result import Err
        from schemathesis.errors import SchemathesisError

        # Where the document says that it is served counts for nothing: the policy says who is asked.
        plain = {key: value for key, value in document.items() if key not in ("servers", "host", "schemes")}
        prefix = str(plain.pop("basePath", "") or "").rstrip("/")
        for server in document.get("servers") or ():
            if isinstance(server, dict) and "{" not in str(server.get("url", "")):
                prefix = urlsplit(str(server.get("url", ""))).path.rstrip("/")
                break
        self._base = f"{_BASE}{prefix}"
        self._operations: dict[str, Any] = {}
        try:
            schema = schemathesis.openapi.from_dict(dict(plain))
            for found in schema.get_all_operations():
                if isinstance(found, Err):
                    raise SourceError(f"the OpenAPI document cannot be used: {found.err()}")
                operation = found.ok()
                self._operations[operation.label] = operation
        except (SchemathesisError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(f"the OpenAPI document cannot be used: {first_line(error)}") from error

    def inputs(self, operation: str, *, valid: bool) -> SearchStrategy[Inputs] | None:
        """Return a strategy of inputs; None where there are none of the kind."""
        from schemathesis import GenerationMode

        one = self._operations[operation]
        has_inputs = any((one.path_parameters, one.query, one.headers, one.cookies, one.body))
        if not valid and not has_inputs:
            return None
        mode = GenerationMode.POSITIVE if valid else GenerationMode.NEGATIVE
        found: SearchStrategy[Inputs] = one.as_strategy(generation_mode=mode).map(_inputs)
        return found

    def ask(self, operation: str, inputs: Inputs, how: str, *, valid: bool) -> Ask | None:
        """Return the request that carries inputs; None where they cannot be sent over HTTP."""
        import requests
        from requests.structures import CaseInsensitiveDict
        from schemathesis.core import NOT_SET

        one = self._operations[operation]
        if any(_text(value) in ("", ".", "..") for value in inputs.path.values()):
            return None  # It would be a request for another path.
        case: Case[Any] = one.Case(
            path_parameters={name: quote(_text(value), safe="") for name, value in inputs.path.items()},
            query={name: _queried(value) for name, value in inputs.query.items()},
            headers=CaseInsensitiveDict({name: _text(value) for name, value in inputs.headers.items()}),
            cookies={name: _text(value) for name, value in inputs.cookies.items()},
            body=NOT_SET if inputs.body is NOTHING else inputs.body,
            media_type=inputs.media_type,
        )
        try:
            kwargs = case.as_transport_kwargs(base_url=self._base)
            known = ("method", "url", "headers", "files", "data", "params", "auth", "cookies", "json")
            kwargs["files"] = _named(kwargs.get("files"))
            prepared = requests.Request(**{key: kwargs[key] for key in known if key in kwargs}).prepare()
            headers = tuple(
                (str(name), value.decode("latin-1") if isinstance(value, bytes) else str(value))
                for name, value in prepared.headers.items()
                if str(name).lower() not in _OWN
            )
            body = prepared.body
            raw = body.encode() if isinstance(body, str) else body
            path = prepared.path_url
        except (ValueError, TypeError, UnicodeError, requests.RequestException):
            return None
        if raw is not None and not isinstance(raw, bytes):
            return None  # A body without an end; no document asks for one.
        return _steady(Ask(operation, str(prepared.method), path, headers, raw, how, valid))

    def breaches(self, ask: Ask, answer: Answer) -> tuple[Breach, ...]:
        """Return all in which an answer is not as documented."""
        import requests
        from schemathesis.core.failures import FailureGroup
        from schemathesis.core.transport import Response
        from schemathesis.errors import SchemathesisError
        from schemathesis.specs.openapi import checks

        one = self._operations[ask.operation]
        request = requests.Request(ask.method, f"{_BASE}{ask.path}").prepare()
        headers: dict[str, list[str]] = {}
        for name, value in answer.headers:
            headers.setdefault(name, []).append(value)
        response = Response(answer.status or 0, headers, answer.body, request, answer.took_s, verify=True)
        case = one.Case(path_parameters=dict.fromkeys(re.findall(r"\{([^{}]+)\}", one.path), "x"))
        wanted = [
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_headers_conformance,
            checks.response_schema_conformance,
        ]
        if ask.method == "HEAD":
            wanted = wanted[:1]
        try:
            case.validate_response(response, checks=wanted)
        except FailureGroup as group:
            return tuple(dict.fromkeys(_breach(one) for one in group.exceptions))
        except (SchemathesisError, ValueError, TypeError, KeyError, AttributeError) as error:
            return (Breach("breach", f"cannot be held against the document: {error}", type(error).__name__),)
        return ()


def _named(files: Any) -> Any:
    """Return parts of a form of which those with a type of their own are files: a service looks for a file name."""
    if not isinstance(files, list):
        return files
    return [
        (name, (f"{name}{mimetypes.guess_extension(part[2]) or ''}", *part[1:]) if len(part) > 2 and part[2] else part)
        for name, part in files
    ]


def _steady(ask: Ask) -> Ask:
    """Return a request whose boundary between parts is not a random one: the same inputs make the same request."""
    kind = dict(ask.headers).get("Content-Type", "")
    _, found, boundary = kind.partition("boundary=")
    if not found or ask.body is None:
        return ask
    plain = ask.body.replace(boundary.encode(), b"")
    steady = f"relgate-{zlib.crc32(plain):08x}"
    headers = tuple((name, value.replace(boundary, steady)) for name, value in ask.headers)
    return replace(ask, headers=headers, body=ask.body.replace(boundary.encode(), steady.encode()))


def _inputs(case: Case[Any]) -> Inputs:
    from schemathesis.core import NOT_SET

    path = case.path_parameters or {}  # Percent-encoded already, which is the request's business.
    return Inputs(
        path={name: unquote(value) if isinstance(value, str) else value for name, value in path.items()},
        query=dict(case.query or {}),
        headers=dict(case.headers or {}),
        cookies=dict(case.cookies or {}),
        body=NOTHING if case.body is NOT_SET else case.body,
        media_type=case.media_type,
    )


def _text(value: Any) -> str:
    """A value as it stands in a path or a header."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict | list) else str(value)


def _queried(value: Any) -> Any:
    return [_text(one) for one in value] if isinstance(value, list) else _text(value)


def _breach(failure: Any) -> Breach:
    name = type(failure).__name__
    code = _CODES.get(name, "breach")
    lines = [line.strip() for line in str(failure.message or failure.title).splitlines() if line.strip()]
    text = lines[0] if lines else str(failure.title)
    if name == "JsonSchemaError":
        place = "/".join(str(part) for part in getattr(failure, "schema_path", ()) or ())
        return Breach(code, f"the body breaks its schema: {text}", place)
    if code == "undocumented-status":
        status = getattr(failure, "status_code", "")
        known = ", ".join(str(one) for one in getattr(failure, "defined_status_codes", ()))
        return Breach(code, f"answered {status}, documented are {known or 'none'}", str(status))
    return Breach(code, f"{failure.title}: {text}" if text != failure.title else text, text[:80])
