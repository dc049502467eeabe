"""The policy's shape as JSON Schema (draft 2020-12), for editors.

Drawn from the same description that the loader checks with. What the loader accepts, the schema accepts; the loader
refuses more: names that refer to nothing, quantities beyond reason, regular expressions that do not compile. A policy
that extends another may leave out what the other has: required keys stand in a part of their own that holds only
without ``extends``.
"""

from __future__ import annotations

from typing import Any

from relgate.policy.document import POLICY
from relgate.policy.grammar import (
    AnyJson,
    Either,
    Flag,
    Key,
    ListOf,
    MapOf,
    Nullable,
    Number,
    Record,
    Shape,
    Text,
    Whole,
    Words,
)

ID = "https://relgate.dev/schema/policy-1.json"

Json = dict[str, Any]


def json_schema() -> Json:
    """Return the schema of a policy file; a new value at every call."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "relgate policy",
        "description": "What a release is judged by: environments, signals, gates and stages.",
        **_keys(POLICY),
        "if": {"not": {"required": ["extends"]}},
        "then": _needs(POLICY),
    }


def _keys(shape: Shape) -> Json:
    """Return the schema of what may stand in a shape, without what must."""
    if isinstance(shape, Text):
        text: Json = {"type": "string", "pattern": shape.pattern}
        if shape.whole is not None:
            text = {"anyOf": [text, {"type": "integer", "minimum": shape.whole[0], "maximum": shape.whole[1]}]}
        return {"title": shape.what.strip(","), **text, "examples": list(shape.examples)}
    if isinstance(shape, Words):
        return {"enum": [*shape.words, *shape.numbers]}
    if isinstance(shape, Whole):
        return {"type": "integer", "minimum": shape.low, "maximum": shape.high}
    if isinstance(shape, Number):
        return {"type": "number", "exclusiveMinimum": 0, "maximum": shape.most}
    if isinstance(shape, Flag):
        return {"type": "boolean"}
    if isinstance(shape, AnyJson):
        return {}
    if isinstance(shape, Nullable):
        return {"anyOf": [_keys(shape.shape), {"type": "null"}]}
    if isinstance(shape, Either):
        return {"anyOf": [_keys(shape.short), _keys(shape.long)]}
    if isinstance(shape, ListOf):
        item = _keys(shape.item)
        several: Json = {"type": "array", "items": item, "minItems": 1}
        return {"anyOf": [item, several]} if shape.single else several
    if isinstance(shape, MapOf):
        names = {"pattern": shape.name.pattern}
        return {"type": "object", "propertyNames": names, "additionalProperties": _keys(shape.item)}
    return _record(shape)


def _record(shape: Record) -> Json:
    result: Json = {
        "title": shape.title,
        "type": "object",
        "properties": {key.name: _property(key) for key in shape.keys},
        "additionalProperties": False,
    }
    pairs = [
        [first, second]
        for group in (shape.exactly_one, shape.at_most_one)
        for index, first in enumerate(group)
        for second in group[index + 1 :]
    ]
    if pairs:
        result["not"] = {"anyOf": [{"required": pair} for pair in pairs]}
    return result


def _property(key: Key) -> Json:
    default = f" Default: {key.default}." if key.default else ""
    return {**_keys(key.shape), "description": f"{key.text[0].upper()}{key.text[1:]}.{default}"}


def _needs(shape: Shape) -> Json:
    """Return the schema of what must stand in a shape and in what it contains; empty when nothing must."""
    if isinstance(shape, ListOf):
        inner = _needs(shape.item)
        if not inner:
            return {}
        several: Json = {"items": inner}
        return {"if": {"type": "array"}, "then": several, "else": inner} if shape.single else several
    if isinstance(shape, MapOf):
        inner = _needs(shape.item)
        least = {"minProperties": shape.least} if shape.least else {}
        return {**least, "additionalProperties": inner} if inner else least
    if isinstance(shape, Either):
        return _needs(shape.long)
    if not isinstance(shape, Record):
        return {}
    result: Json = {}
    properties = {key.name: inner for key in shape.keys if (inner := _needs(key.shape))}
    if properties:
        result["properties"] = properties
    required = [key.name for key in shape.keys if key.required]
    if required:
        result["required"] = required
    if shape.exactly_one:
        result["anyOf"] = [{"required": [name]} for name in shape.exactly_one]
    if shape.needs:
        result["dependentRequired"] = {key: [other] for key, other in shape.needs.items()}
    return result
