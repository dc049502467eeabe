"""The operations of an OpenAPI document (3.x, Swagger 2 in its basics), and which of them belong together. Pure.

Checking answers against schemas is the library's work (see ``ports.exploring.Contract``). Here is only what exploring
has to know: what can be sent where, which operation makes a thing, which ones read and remove the thing made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_IN_PATH = re.compile(r"\{([^{}]+)\}")
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. ``where``: path, query, header or cookie."""

    name: str
    where: str
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """From an answer to what can be asked next. ``takes``: parameter name -> runtime expression."""

    status: str
    operation: str
    takes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. ``label``: ``POST /orders``. ``statuses``: as documented, ``200``, ``4XX``, ``default``.

    ``examples``: bodies that its author knows to be good.
    """

    label: str
    id: str
    method: str
    path: str
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Any] | None = None
    body_type: str | None = None
    body_required: bool = False
    statuses: tuple[str, ...] = ()
    links: tuple[Link, ...] = field(default=())
    examples: tuple[Any, ...] = ()

    @property
    def safe(self) -> bool:
        """Whether asking changes nothing."""
        return self.method in SAFE

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters in the path."""
        return tuple(_IN_PATH.findall(self.path))


def resolved(document: Mapping[str, Any], node: Any) -> Any:
    """Follow ``$ref`` within the document; anything else is returned as it is.

    Raises:
        SourceError: a reference leads nowhere, or in circles.

    """
    for _ in range(_DEEPEST):
        if not (isinstance(node, dict) and isinstance(node.get("$ref"), str)):
            return node
        reference = node["$ref"]
        if not reference.startswith("#/"):
            return {}  # Another document: the library reads it, exploring does without.
        node = document
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or name not in node:
                raise SourceError(f"the OpenAPI document refers to {reference}, which is not in it")
            node = node[name]
    raise SourceError("the OpenAPI document has a reference that leads in circles")


def operations(document: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Return all operations in the document's order.

    Raises:
        SourceError: it is no OpenAPI document, or has no operation.

    """
    if not isinstance(document, dict) or not ("openapi" in document or "swagger" in document):
        raise SourceError("expected an OpenAPI document: a mapping with `openapi` and `paths`")
    paths = document.get("paths")
    if not isinstance(paths, dict) or not paths:
        raise SourceError("the OpenAPI document has no paths: nothing could be explored")
    raw: list[tuple[str, str, dict[str, Any], Any]] = []
    for path, entry in paths.items():
        item = resolved(document, entry)
        known = [method for method in METHODS if isinstance(item, dict) and isinstance(item.get(method), dict)]
        raw += [(path, method, item[method], item.get("parameters", ())) for method in known]
    if not raw:
        raise SourceError("the OpenAPI document has no operation: nothing could be explored")
    ids = {body["operationId"]: f"{method.upper()} {path}" for path, method, body, _ in raw if "operationId" in body}
    return tuple(_operation(document, path, method, body, common, ids) for path, method, body, common in raw)


def _operation(
    document: Mapping[str, Any], path: str, method: str, raw: Mapping[str, Any], common: Any, ids: Mapping[str, str]
) -> Operation:
    merged: dict[tuple[str, str], Parameter] = {}
    body, body_type, required, examples = None, None, False, ()
    for one in (*(common or ()), *(raw.get("parameters") or ())):
        plain = resolved(document, one)
        if plain.get("in") == "body":  # Swagger 2
            body, body_type, required = plain.get("schema", {}), "application/json", bool(plain.get("required"))
        elif "name" in plain:
            merged[plain["name"], plain.get("in", "query")] = _parameter(document, plain)
    asked = resolved(document, raw.get("requestBody"))
    if isinstance(asked, dict) and asked.get("content"):
        body_type = next((kind for kind in asked["content"] if "json" in kind), next(iter(asked["content"])))
        content = asked["content"][body_type]
        body, required = content.get("schema", {}), bool(asked.get("required"))
        examples = tuple(_examples(document, content))
    responses = {str(status): resolved(document, one) for status, one in (raw.get("responses") or {}).items()}
    label = f"{method.upper()} {path}"
    return Operation(
        label=label,
        id=str(raw.get("operationId", "")),
        method=method.upper(),
        path=path,
        parameters=tuple(merged.values()),
        body=resolved(document, body),
        body_type=body_type,
        body_required=required,
        statuses=tuple(responses),
        links=tuple(_links(document, responses, ids)),
        examples=examples,
    )


def _examples(document: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the example bodies of a content, wherever OpenAPI lets them stand."""
    schema = resolved(document, content.get("schema", {}))
    if "example" in content:
        yield content["example"]
    for one in (content.get("examples") or {}).values():
        plain = resolved(document, one)
        if isinstance(plain, dict) and "value" in plain:
            yield plain["value"]
    if isinstance(schema, dict) and "example" in schema:
        yield schema["example"]
    if isinstance(schema, dict) and isinstance(schema.get("examples"), list):
        yield from schema["examples"]


def _parameter(document: Mapping[str, Any], plain: Mapping[str, Any]) -> Parameter:
    schema = plain.get("schema")
    if schema is None and plain.get("content"):
        schema = next(iter(plain["content"].values())).get("schema")
    if schema is None:
        schema = {key: value for key, value in plain.items() if key not in ("name", "in", "required", "description")}
    where = plain.get("in", "query")
    return Parameter(plain["name"], where, where == "path" or bool(plain.get("required")), resolved(document, schema))


def _links(document: Mapping[str, Any], responses: Mapping[str, Any], ids: Mapping[str, str]) -> Iterable[Link]:
    for status, response in responses.items():
        for one in (response.get("links") or {}).values() if isinstance(response, dict) else ():
            link = resolved(document, one)
            target = ids.get(str(link.get("operationId")))
            if target is None and "operationRef" in link:
                parts = str(link["operationRef"]).rpartition("#/paths/")[2].rpartition("/")
                target = f"{parts[2].upper()} {parts[0].replace('~1', '/').replace('~0', '~')}"
            if target is not None:
                takes = {
                    str(name).rpartition(".")[2]: str(value) for name, value in (link.get("parameters") or {}).items()
                }
                yield Link(status, target, takes)


def chosen(
    all_: Sequence[Operation], include: Sequence[str], exclude: Sequence[str], methods: Sequence[str]
) -> tuple[Operation, ...]:
    """Return the operations that patterns of paths, labels or operationIds leave.

    Raises:
        SourceError: none is left.

    """

    def fits(one: Operation, patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns for name in (one.path, one.label, one.id) if name)

    left = tuple(
        one
        for one in all_
        if (not include or fits(one, include)) and not fits(one, exclude) and (not methods or one.method in methods)
    )
    if not left:
        asked = f"include {list(include)}, exclude {list(exclude)}, methods {list(methods)}"
        raise SourceError(f"none of the document's {len(all_)} operations is left ({asked}): nothing could be explored")
    return left


def with_examples(all_: Sequence[Operation], given: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Return operations with bodies that a policy gives, by label or operationId; they come before the document's.

    Raises:
        SourceError: a body is given for an operation that is not there, or takes none.

    """
    known = {name for one in all_ if one.body is not None for name in (one.label, one.id)}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise SourceError(f"api.examples: {', '.join(unknown)}: no such operation is explored, or it takes no body")
    return tuple(
        replace(one, examples=(*(given[name] for name in (one.label, one.id) if name in given), *one.examples))
        for one in all_
    )


@dataclass(frozen=True, slots=True)
class Family:
    """An operation that makes a thing, and those that take the thing's id. ``takes``: label -> parameter -> expression.

    ``reader``, ``remover``: None where the document has none.
    """

    maker: Operation
    reader: Operation | None
    remover: Operation | None
    others: tuple[Operation, ...]
    takes: Mapping[str, Mapping[str, str]]


def families(all_: Sequence[Operation]) -> tuple[Family, ...]:
    """Return what belongs together: by the document's links, else ``POST /things`` with ``/things/{id}``."""
    by_label = {one.label: one for one in all_}
    return tuple(found for one in all_ if one.method == "POST" and (found := _family(one, by_label)) is not None)


def _family(maker: Operation, by_label: Mapping[str, Operation]) -> Family | None:
    takes: dict[str, Mapping[str, str]] = {}
    for link in maker.links:
        if link.status[:1] == "2" and link.operation in by_label:
            takes.setdefault(link.operation, link.takes)
    for one in by_label.values():
        if one.label in takes or len(one.names) != len(maker.names) + 1:
            continue
        below = one.path.startswith(f"{maker.path}/{{") and one.names[: len(maker.names)] == maker.names
        # A path that goes on below the thing (/orders/{ref}/cancel) takes its id too; only links say so for others.
        if below and one.path.endswith("}"):
            takes[one.label] = {one.names[-1]: ""}
    if not takes:
        return None
    found = [by_label[label] for label in takes]
    reader = next((one for one in found if one.method == "GET" and one.path.endswith("}")), None)
    reader = reader or next((one for one in found if one.method == "GET"), None)
    remover = next((one for one in found if one.method == "DELETE"), None)
    others = tuple(one for one in found if one not in (reader, remover))
    if reader is None and remover is None and not others:
        return None
    return Family(maker, reader, remover, others, takes)
