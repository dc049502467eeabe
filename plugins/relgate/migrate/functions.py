"""SQL's comparisons and the functions that CHECK constraints use, over the values that rows are seeded with.

Values are None, bool, int, float, ``Decimal``, text (a decimal, a date or JSON may be text) and lists. Texts that have
to be numbers and are none raise ``ArithmeticError`` or ``ValueError``: the caller then does not know the answer.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from relgate.migrate import patterns

if TYPE_CHECKING:
    from collections.abc import Callable

COMPARES = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})
MATCHES = frozenset({"~~", "~~*", "!~~", "!~~*", "~", "~*", "!~", "!~*", "like", "ilike", "glob", "regexp", "rlike"})

_WORDS = {"true": 1, "t": 1, "false": 0, "f": 0}


def number(value: Any) -> Decimal:
    """Return a value as an exact number."""
    if isinstance(value, bool):
        return Decimal(int(value))
    if isinstance(value, str) and value in _WORDS:
        return Decimal(_WORDS[value])
    return Decimal(str(value))


def compare(operator: str, left: Any, right: Any) -> bool | None:
    """Compare two values as SQL does: as numbers when one is a number, else as text; unknown when one is NULL."""
    if left is None or right is None:
        return None
    if isinstance(left, str) and isinstance(right, str):
        # A date is the beginning of its own midnight.
        return _order(operator, (left > right) - (left < right))
    one, other = number(left), number(right)
    return _order(operator, (one > other) - (one < other))


def _order(operator: str, sign: int) -> bool:
    return {
        "=": sign == 0,
        "<>": sign != 0,
        "!=": sign != 0,
        "<": sign < 0,
        ">": sign > 0,
        "<=": sign <= 0,
        ">=": sign >= 0,
    }[operator]


def match(operator: str, left: Any, right: Any) -> bool | None:
    """Match a text with a pattern: LIKE, GLOB, a regular expression, and their negations."""
    if left is None or right is None:
        return None
    text, pattern = str(left), str(right)
    plain = operator.lstrip("!")
    found: bool | None
    if plain in {"~~", "~~*", "like", "ilike"}:
        found = patterns.like(text, pattern, fold=plain in {"~~*", "ilike"})
    elif plain == "glob":
        found = patterns.glob(text, pattern)
    else:
        found = patterns.matches(text, pattern, fold=plain == "~*")
    return found if found is None or not operator.startswith("!") else not found


def elements(value: Any) -> list[Any]:
    """Return the members of an array, or of an array's text."""
    if isinstance(value, str):
        body = value.removeprefix("{").removesuffix("}")
        return [part.strip().strip('"') for part in body.split(",")] if body else []
    return list(value or [])


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """NULL in, NULL out."""
    return lambda *arguments: None if None in arguments else function(*arguments)


def _json_kind(value: Any) -> str:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return kinds.get(type(json.loads(str(value))), "null")


def _valid_json(value: Any) -> bool:
    try:
        json.loads(str(value))
    except ValueError:
        return False
    return True


def _coalesce(*arguments: Any) -> Any:
    return next((argument for argument in arguments if argument is not None), None)


def _part(text: str, start: Any, length: Any = None) -> str:
    begin = int(start) - 1
    return text[begin : None if length is None else begin + int(length)]


_LENGTH = _strict(lambda text: Decimal(len(str(text))))

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "length": _LENGTH,
    "char_length": _LENGTH,
    "character_length": _LENGTH,
    "octet_length": _strict(lambda text: Decimal(len(text if isinstance(text, bytes) else str(text).encode()))),
    "lower": _strict(lambda text: str(text).lower()),
    "lcase": _strict(lambda text: str(text).lower()),
    "upper": _strict(lambda text: str(text).upper()),
    "ucase": _strict(lambda text: str(text).upper()),
    "trim": _strict(lambda text, what=" ": str(text).strip(what)),
    "btrim": _strict(lambda text, what=" ": str(text).strip(what)),
    "ltrim": _strict(lambda text, what=" ": str(text).lstrip(what)),
    "rtrim": _strict(lambda text, what=" ": str(text).rstrip(what)),
    "abs": _strict(lambda value: abs(number(value))),
    "mod": _strict(lambda value, by: number(value) % number(by)),
    "coalesce": _coalesce,
    "ifnull": _coalesce,
    "num_nonnulls": lambda *arguments: Decimal(sum(argument is not None for argument in arguments)),
    "num_nulls": lambda *arguments: Decimal(sum(argument is None for argument in arguments)),
    "jsonb_typeof": _strict(_json_kind),
    "json_typeof": _strict(_json_kind),
    "json_valid": _strict(_valid_json),
    "left": _strict(lambda text, length: str(text)[: int(length)]),
    "substr": _strict(_part),
    "substring": _strict(_part),
    "strpos": _strict(lambda text, part: Decimal(str(text).find(part) + 1)),
    "instr": _strict(lambda text, part: Decimal(str(text).find(part) + 1)),
    "regexp_like": lambda text, pattern: match("~", text, pattern),
    "greatest": _strict(lambda *values: max(values, key=number)),
    "least": _strict(lambda *values: min(values, key=number)),
}
