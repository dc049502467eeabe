"""What was made can be asked for: its id from the answer, and its content when it is read back. Pure."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from relgate.openapi.checks import Seen
from relgate.openapi.faults import IDS
from relgate.ports.exploring import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from relgate.openapi.document import Operation
    from relgate.ports.exploring import Answer, Inputs

MOVING = re.compile(
    r"(?i)status|state|progress|version|revision|etag|updated|modified|changed|last_|count|expires|^_?links?$|url|href"
)
"""Fields that move on by themselves between making and reading."""


def id_of(expression: str, name: str, target: Operation, inputs: Inputs, made: Answer) -> Any:
    """Return what a parameter of the next request is, from the request and answer that made the thing.

    Args:
        expression: the link's runtime expression; empty where the document has no link.
        name: the parameter's name.
        target: the operation that takes it.
        inputs: of the request that made the thing.
        made: its answer.

    Returns:
        The value, ``NOTHING`` where it is not there.

    """
    if expression:
        return _evaluated(expression, inputs, made)
    body = made.json()
    for holder in _holders(body):
        for key in (name, "id", "ref", "uuid", "key", "slug"):
            if isinstance(holder.get(key), str | int) and not isinstance(holder[key], bool):
                return holder[key]
    found = _from_location(made.header("location"), target)
    if found is not NOTHING:
        return found
    if isinstance(inputs.body, dict) and isinstance(inputs.body.get(name), str | int):
        return inputs.body[name]
    return NOTHING


def _holders(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, dict):
        yield body
        yield from (one for one in body.values() if isinstance(one, dict))


def _from_location(location: str | None, target: Operation) -> Any:
    if location is None:
        return NOTHING
    pattern = "".join(
        f"(?P<p{index}>[^/]+)" if index % 2 else re.escape(part)
        for index, part in enumerate(re.split(r"\{([^{}]+)\}", target.path))
    )
    match = re.search(f"{pattern}/?$", urlsplit(location).path)
    return unquote(list(match.groups())[-1]) if match and match.groups() else NOTHING


def _evaluated(expression: str, inputs: Inputs, made: Answer) -> Any:
    """Return the value of a runtime expression of OpenAPI; a text that is none is a constant."""
    if not expression.startswith("$"):
        return expression
    where, _, pointer = expression.strip("{}").partition("#")
    if where == "$response.body":
        return at(made.json(), pointer)
    if where == "$request.body":
        return at(inputs.body, pointer)
    source, _, name = where.rpartition(".")
    if source == "$response.header":
        found = made.header(name)
        return NOTHING if found is None else found
    held = {"$request.path": inputs.path, "$request.query": inputs.query, "$request.header": inputs.headers}
    return held.get(source, {}).get(name, NOTHING)


def at(body: Any, pointer: str) -> Any:
    """Return what a JSON pointer leads to; ``NOTHING`` where it leads nowhere."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(body, dict) and name in body:
            body = body[name]
        elif isinstance(body, list) and name.isdigit() and int(name) < len(body):
            body = body[int(name)]
        else:
            return NOTHING
    return body


def read_back(
    ids: dict[str, Any], inputs: Inputs, made: Answer, reads: Sequence[Answer], ignore: Sequence[str]
) -> Iterator[Seen]:
    """Yield how a thing that was read twice is not the thing that was made.

    Args:
        ids: the parameters it was read by.
        inputs: what it was made from.
        made: the answer when it was made.
        reads: two answers to reading it; what differs between them moves by itself.
        ignore: names of fields, with wildcards, that may differ.

    """
    if any(one.status is None or one.status >= 500 for one in reads):
        return  # An error, and told as one.
    if not all(one.good for one in reads):
        shown = " and ".join(dict.fromkeys(one.shown for one in reads))
        yield Seen(IDS, "not-found", "", f"made with {made.shown}, and reading it is answered {shown}")
        return
    first, second = (one.json() for one in reads)
    born = made.json()
    if not isinstance(first, dict) or not isinstance(second, dict):
        return
    sent = inputs.body if isinstance(inputs.body, dict) else {}
    for name, value in first.items():
        if any(fnmatchcase(name, pattern) for pattern in ignore):
            continue
        said = born.get(name, NOTHING) if isinstance(born, dict) else NOTHING
        asked = ids.get(name, NOTHING)
        again = second.get(name, NOTHING)
        if asked is not NOTHING and str(asked) not in (str(value), str(again)):
            yield Seen(IDS, "other-id", name, f"read with {name} {asked!r}, the answer has {value!r}")
        elif value != again or said in (NOTHING, None, value):
            continue  # It moves, or was not there yet: what is made in the background comes later.
        elif said == sent.get(name, NOTHING):
            yield Seen(
                IDS, "content-lost", name, f"{name} was sent and confirmed as {said!r}, and is read as {value!r}"
            )
        elif asked is NOTHING and not MOVING.search(name):
            yield Seen(IDS, "content-changed", name, f"{name} was {said!r} when it was made, and is read as {value!r}")


def harvested(body: Any, names: Sequence[str], most: int = 20) -> list[Any]:
    """Return values of a field found anywhere in an answer: ids that exist. ``names``: the best first."""
    for name in names:
        found: list[Any] = []
        _collect(body, name, found)
        if found:
            return list(dict.fromkeys(found))[:most]
    return []


def _collect(body: Any, name: str, found: list[Any]) -> None:
    if isinstance(body, dict):
        if isinstance(body.get(name), str | int) and not isinstance(body[name], bool):
            found.append(body[name])
        for value in body.values():
            _collect(value, name, found)
    elif isinstance(body, list):
        for value in body[:50]:
            _collect(value, name, found)
