"""Reads answers strictly: JSON that could mean two things is not read at all, and nothing here raises.

Twice the same key, NaN, a number of thousands of digits, nesting that exhausts the stack: each is "not readable".
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

Json = Any
"""A parsed JSON value."""


class _UnreadableError(ValueError):
    """Text that is not the JSON of exactly one value."""


def parse(text: str) -> tuple[bool, Json]:
    """Return (True, value) of a JSON text, (False, None) of anything else."""
    try:
        return True, json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False, None


def pointer(document: Json, path: str) -> Json | None:
    """Return the value at a JSON pointer (RFC 6901), None when there is none; ``""`` is the whole document."""
    if path == "":
        return document
    if not path.startswith("/"):
        return None
    for token in path[1:].split("/"):
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and re.fullmatch(r"0|[1-9][0-9]{0,8}", key) and int(key) < len(document):
            document = document[int(key)]
        else:
            return None
    return document


def get(document: Json, *names: str) -> Json | None:
    """Return the value of the first of ``names`` that an object has, in upper or lower case; None otherwise."""
    if not isinstance(document, dict):
        return None
    lower = {key.lower(): value for key, value in reversed(document.items())}
    return next((lower[name] for name in names if name in lower), None)


def text_of(value: Json) -> str | None:
    """Return a non-empty text, or a number as text; None for everything else (``true`` is no version)."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def unix_time(value: Json) -> float | None:
    """Unix seconds of an ISO 8601 text or of a number of seconds or milliseconds; None when it is no moment.

    A text without a zone is UTC. Numbers below 10^9 (2001) are durations or counters, from 10^11 on milliseconds.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        try:
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 1e9 <= value < 1e14:
        return value / 1000 if value >= 1e11 else float(value)
    return None


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _UnreadableError("the same key twice")
    return found


def _refuse(constant: str) -> Json:
    raise _UnreadableError(f"{constant} is not JSON")
