"""Reading what a tool printed as what it should be: JSON and its parts, each with a clear word about what came."""

from __future__ import annotations

import json
from typing import Any


class UnreadableError(ValueError):
    """An output is not what its format says."""


def json_of(text: str) -> Any:
    """Return a JSON document; NaN and infinity are none."""

    def refuse(word: str) -> None:
        raise UnreadableError(f"{word} is no JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"expected JSON ({error})") from None


def mapping(value: Any, what: str) -> dict[str, Any]:
    """Return an object, or say that it is none."""
    if isinstance(value, dict):
        return value
    raise UnreadableError(f"expected {what} to be an object, got {_kind(value)}")


def listing(value: Any, what: str) -> list[Any]:
    """Return a list, or say that it is none."""
    if isinstance(value, list):
        return value
    raise UnreadableError(f"expected {what} to be a list, got {_kind(value)}")


def text(value: Any, what: str) -> str:
    """Return a text that is not empty, or say that it is none."""
    if isinstance(value, str) and value.strip():
        return value
    raise UnreadableError(f"expected {what} to be a text, got {_kind(value)}")


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false"}.get(type(value), "a number")
