"""The values at which services break: the ends of ranges and just beyond, empty, long, strange, missing, mistyped.

Each request differs from a plain valid one in one value, so that whatever it shows is small already. The order is that
of promise: the ends of every range first, over all places in turn. Pure.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from relgate.openapi.document import resolved
from relgate.ports.exploring import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from relgate.openapi.document import Operation
    from relgate.ports.exploring import Inputs

LONG = 10_000
_UNICODE = "Łódź 東京 🛒\u202e مرحبا e\u0301"
_QUOTES = "'\";--<b>%s{{7*7}}\\"
_DEEPEST = 4
_WRONG: dict[str, tuple[Any, ...]] = {
    "integer": ("seven", 1.5, None, [1]),
    "number": ("seven", None, {}),
    "boolean": ("maybe", 2, None),
    "string": (7, None, ["a"], {}),
    "array": ("none", {}, None),
    "object": ([], "none", None),
}


@dataclass(frozen=True, slots=True)
class Edge:
    """One request's inputs; ``how`` they differ from the plain ones; whether they still fit the document."""

    how: str
    inputs: Inputs
    valid: bool


@dataclass(frozen=True, slots=True)
class Value:
    """A value worth trying. ``valid``: whether the schema allows it."""

    value: Any
    valid: bool
    text: str = ""

    @property
    def shown(self) -> str:
        """The value for people."""
        text = self.text or repr(self.value)
        return text if len(text) <= 60 else f"{text[:57]}..."


def values(schema: Mapping[str, Any]) -> tuple[Value, ...]:
    """Return what is worth trying for a schema, the most promising first."""
    kind = _type(schema)
    nullable = schema.get("nullable") is True or (isinstance(schema.get("type"), list) and "null" in schema["type"])
    found: list[Value] = []
    if isinstance(schema.get("enum"), list):
        found += [Value(one, valid=True) for one in schema["enum"]]
        found.append(Value("none-of-them", valid=False))
    elif kind in ("integer", "number"):
        found += _numbers(schema, whole=kind == "integer")
    elif kind == "string":
        found += _strings(schema)
    elif kind == "boolean":
        found += [Value(one, valid=True) for one in (True, False)]
    elif kind == "array":
        found += [Value([], valid=not schema.get("minItems"))]
    found += [Value(one, valid=one is None and nullable) for one in _WRONG.get(kind or "", ())]
    return tuple(found)


def _type(schema: Mapping[str, Any]) -> str | None:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if kind is None and "properties" in schema:
        kind = "object"
    if kind is None:
        for word in ("anyOf", "oneOf", "allOf"):
            kind = kind or next((_type(one) for one in schema.get(word, ()) if isinstance(one, dict)), None)
    return kind


def _numbers(schema: Mapping[str, Any], *, whole: bool) -> Iterator[Value]:
    low, high = schema.get("minimum"), schema.get("maximum")
    step = 1 if whole else 0.01
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if isinstance(above, bool) or isinstance(below, bool):  # OpenAPI 3.0 says it beside minimum and maximum.
        above, low = (low, None) if above is True else (None, low)
        below, high = (high, None) if below is True else (None, high)
    low = low if above is None else above + step
    high = high if below is None else below - step

    def fits(number: float) -> bool:
        return (low is None or number >= low) and (high is None or number <= high)

    tried = [high, low]
    tried += [None if high is None else high + step, None if low is None else low - step]
    tried += [0, -1, 2**31 - 1, 2**31, 2**63, -(2**63) - 1]
    seen: set[float] = set()
    for number in tried:
        if number is not None and number not in seen:
            seen.add(number)
            yield Value(number, valid=fits(number))


def _strings(schema: Mapping[str, Any]) -> Iterator[Value]:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    shaped = "pattern" in schema or "format" in schema

    def one(text: str, shown: str = "") -> Value:
        fits = not shaped and least <= len(text) and (most is None or len(text) <= most)
        return Value(text, valid=fits, text=shown)

    if most is not None and most < LONG * 10:
        yield one("m" * most, f"{most} letters")
        yield one("m" * (most + 1), f"{most + 1} letters")
    yield one("", "an empty text")
    yield one(_UNICODE, "letters of many scripts")
    yield one("a\x00b", "a NUL within a text")
    if most is None:
        yield one("m" * LONG, f"{LONG} letters")
    yield one(" ", "a blank")
    yield one(_QUOTES, "quotes and signs of other languages")
    if schema.get("format") in ("date", "date-time"):
        yield Value("2023-02-30", valid=False)
        yield Value("9999-12-31" + "T23:59:59Z" * (schema["format"] == "date-time"), valid=True)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one value goes: its name, its schema, how to put one there, how to leave it out."""

    name: str
    schema: Mapping[str, Any]
    required: bool
    put: Callable[[Any], Inputs]
    drop: Callable[[], Inputs] | None


def edges(operation: Operation, base: Inputs, document: Mapping[str, Any], *, own_path: bool = False) -> Iterator[Edge]:
    """Yield requests at the edges of an operation's inputs, each one value away from ``base``.

    Args:
        operation: the operation.
        base: plain valid inputs.
        document: what references in schemas lead to.
        own_path: whether the path names a thing that must stay as it is.

    """
    places = [*_parameters(operation, base, own_path=own_path), *_body(operation, base, document)]
    queues = []
    for place in places:
        queue = [Edge(f"{place.name} = {one.shown}", place.put(one.value), one.valid) for one in values(place.schema)]
        if place.drop is not None:
            gone = Edge(f"{place.name} left out", place.drop(), not place.required)
            queue.insert(min(len(queue), 4 if place.required else 2), gone)
        queues.append(queue)
    for row in zip_longest(*queues):
        yield from (edge for edge in row if edge is not None)


def rich(operation: Operation, base: Inputs, document: Mapping[str, Any], turn: int) -> Inputs:
    """Return valid inputs in which every field of the body has something to lose: another such value in each turn."""
    made = base
    for number in range(len(_body(operation, base, document))):
        place = _body(operation, made, document)[number : number + 1]
        tried = (
            [one for one in values(place[0].schema) if one.valid and one.value not in (None, "", " ")] if place else []
        )
        made = place[0].put(tried[turn % len(tried)].value) if tried else made
    return made


def _body(operation: Operation, base: Inputs, document: Mapping[str, Any]) -> list[_Place]:
    if operation.body is None or operation.body_type is None or "json" not in operation.body_type:
        return []
    return list(_fields(operation.body, base, document, ()))


def _parameters(operation: Operation, base: Inputs, *, own_path: bool) -> Iterator[_Place]:
    places = {"path": base.path, "query": base.query, "header": base.headers, "cookie": base.cookies}
    names = {"path": "path", "query": "query", "header": "headers", "cookie": "cookies"}
    for one in operation.parameters:
        if one.where not in places or (one.where == "path" and own_path):
            continue
        held, name = places[one.where], names[one.where]

        def put(value: Any, held: Mapping[str, Any] = held, name: str = name, key: str = one.name) -> Inputs:
            return _with(base, name, {**held, key: value})

        def drop(held: Mapping[str, Any] = held, name: str = name, key: str = one.name) -> Inputs:
            return _with(base, name, {other: value for other, value in held.items() if other != key})

        yield _Place(one.name, one.schema, one.required, put, None if one.where == "path" else drop)


def _with(base: Inputs, name: str, held: Mapping[str, Any]) -> Inputs:
    changes: dict[str, Any] = {name: held}
    return replace(base, **changes)


def _fields(
    schema: Mapping[str, Any], base: Inputs, document: Mapping[str, Any], at: tuple[str | int, ...]
) -> Iterator[_Place]:
    """Yield the fields of a JSON body, those of objects within it too."""
    schema = resolved(document, schema)
    for alternative in (*schema.get("allOf", ()), *schema.get("anyOf", ())[:1], *schema.get("oneOf", ())[:1]):
        yield from _fields(alternative, base, document, at)
    if len(at) >= _DEEPEST:
        return
    if _type(schema) == "array" and isinstance(schema.get("items"), dict):
        yield from _fields(schema["items"], base, document, (*at, 0))
        return
    required = schema.get("required", ())
    for name, raw in (schema.get("properties") or {}).items():
        inner, here = resolved(document, raw), (*at, name)
        shown = ".".join(str(part) for part in here if part != 0)

        def put(value: Any, here: tuple[str | int, ...] = here) -> Inputs:
            return replace(base, body=changed(base.body, here, value))

        def drop(here: tuple[str | int, ...] = here) -> Inputs:
            return replace(base, body=changed(base.body, here, NOTHING))

        yield _Place(shown, inner, isinstance(required, list) and name in required, put, drop)
        yield from _fields(inner, base, document, here)


def changed(body: Any, at: tuple[str | int, ...], value: Any) -> Any:
    """Return a body with one value replaced, added, or (``NOTHING``) left out; as it was where it has no such place."""
    made = deepcopy(body)
    node = made
    for part in at[:-1]:
        if isinstance(node, list) and node and isinstance(part, int):
            node = node[part]
        elif isinstance(node, dict) and isinstance(part, str):
            node = node.setdefault(part, {})
        else:
            return made
    if isinstance(node, dict):
        if value is NOTHING:
            node.pop(at[-1], None)
        else:
            node[at[-1]] = value
    return made
