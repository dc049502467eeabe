"""Whether a value is still the same, and if not, what the change looks like."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from relgate.migrate.candidates import family

if TYPE_CHECKING:
    from relgate.ports.migrations import Column


_ELEMENT = re.compile(r'"(?:[^"\\]|\\.)*"|[^,]+')
_FLAT = re.compile(
    rf"\{{(?:(?:{_ELEMENT.pattern})(?:,(?:{_ELEMENT.pattern}))*)?\}}".replace("[^,]", '[^,{}"]'), re.DOTALL
)


class Change(NamedTuple):
    """``kind``: as in ``Loss.kind``; ``note``: what it looks like."""

    kind: str
    note: str = ""


def changed(before: Any, after: Any, then: Column, now: Column) -> Change | None:
    """Return how a value of a column differs from what it was, None where it is the same.

    A wider type may write the same value in another way (``1.50`` and ``1.5000``, a day and its midnight, a time and
    the same time in UTC): that is no change. A text is the same only to the character.
    """
    if before is after or (type(before) is type(after) and before == after):
        return None
    if before is None:
        return Change("null-filled")
    if after is None:
        return Change("value-changed", "became NULL")
    lists = _elements(before, then), _elements(after, now)
    if lists[0] is not None and lists[1] is not None:
        return _list(lists[0], lists[1])
    if not (_is_text(then) and _is_text(now)):
        numbers = _number(before), _number(after)
        if numbers[0] is not None and numbers[1] is not None:
            return _numbers(numbers[0], numbers[1])
        times = _time(before), _time(after)
        if times[0] is not None and times[1] is not None:
            return _times(times[0], times[1])
    return _texts(str(before), str(after)) if str(before) != str(after) else None


def _is_text(column: Column) -> bool:
    return family(column, "postgresql") in {"text", "enum"} and not column.array


def _elements(value: Any, column: Column) -> list[Any] | None:
    """Return the elements of an array, be it a list or PostgreSQL's text; None for what is no flat array."""
    if isinstance(value, list):
        return value
    if not column.array or not isinstance(value, str) or not _FLAT.fullmatch(value):
        return None
    return [element[0] for element in _ELEMENT.finditer(value[1:-1])]


def _list(before: list[Any], after: list[Any]) -> Change | None:
    if before == after:
        return None
    if sorted(map(repr, before)) == sorted(map(repr, after)):
        return Change("order-lost", "elements of an array in another order")
    if before[: len(after)] == after:
        return Change("value-truncated", "elements of an array are gone")
    return Change("value-changed")


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return Decimal(int(value))
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _numbers(before: Decimal, after: Decimal) -> Change | None:
    if before == after or (before.is_nan() and after.is_nan()):
        return None
    exponent = after.as_tuple().exponent
    if before.is_finite() and after.is_finite() and isinstance(exponent, int):
        step = Decimal(1).scaleb(max(exponent, 0) if exponent >= 0 else exponent)
        if abs(before - after) < step and len(before.as_tuple().digits) > len(after.as_tuple().digits):
            return Change("value-truncated", "rounded")
    return Change("value-changed")


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str) or len(value) < 10 or value[4:5] != "-":
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _times(before: datetime, after: datetime) -> Change | None:
    one, other = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (before, after))
    if before.tzinfo is not None and after.tzinfo is None:
        return Change("value-truncated", "the time zone is gone")
    if one == other:
        return None
    if abs((one - other).total_seconds()) < 1 and len(str(before)) > len(str(after)):
        return Change("value-truncated", "fractions of a second are gone")
    midnight = (after.hour, after.minute, after.second, after.microsecond) == (0, 0, 0, 0)
    if midnight and before.date() == after.date():
        return Change("value-truncated", "the time of day is gone")
    return Change("value-changed")


def _texts(before: str, after: str) -> Change:
    if before.strip() == after.strip() or "".join(before.split()) == "".join(after.split()):
        return Change("value-changed", "only white space differs")
    if before.casefold() == after.casefold():
        return Change("value-changed", "only upper and lower case differ")
    if after and before.startswith(after):
        return Change("value-truncated", "the end is gone")
    return Change("value-changed")
