"""Values that a CHECK constraint speaks of, or that lie beside them: where to look for one that it takes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from relgate.migrate import patterns
from relgate.migrate.candidates import AWKWARD, LONGEST, family, whole_range, word

if TYPE_CHECKING:
    from relgate.migrate.checks import Check
    from relgate.ports.migrations import Column, Engine


def suggestions(check: Check, column: Column, engine: Engine, k: int) -> tuple[Any, ...]:
    """Return the values that a check speaks of, or that lie beside them, as far as the column's type takes them.

    Numbers and lengths, texts and texts that match their patterns; distinct for distinct ``k`` where there is room.
    """
    kind = family(column, engine)
    found: list[Any] = []
    for literal in check.literals:
        found += (
            _from_number(literal, column, kind, k)
            if isinstance(literal, Decimal)
            else _from_text(literal, column, kind, k)
        )
    if kind == "text" and not column.array:
        found += [
            AWKWARD.lower()[: column.length],
            word(column, k).upper(),
            f"{word(column, k)}@x.org",
            f"/{word(column, k)}",
        ]
        found = [value for value in found if column.length is None or len(value) <= column.length]
    if kind == "json":
        found += [f"[{k}]", f'"v{k}"', str(k)]
    return tuple(dict.fromkeys(found))


def _from_number(literal: Decimal, column: Column, kind: str, k: int) -> list[Any]:
    near = [literal + step for step in (0, 1, -1, k + 1, -k - 1)]
    if kind == "integer":
        low, high = whole_range(column)
        return [int(value) for value in near if value == int(value) and low <= value <= high]
    if kind in {"numeric", "float", "money"}:
        between = [literal + step * Decimal(k % 9 + 1).scaleb(-(column.scale or 1)) for step in (1, -1)]
        return [f"{value:f}" for value in (near + between)]
    if kind == "text" and 0 < literal <= LONGEST:
        return [
            word(column, k).rjust(length, "0")[-length:]
            for length in {int(literal), int(literal) + 1, max(int(literal) - 1, 1)}
        ]
    return []


def _from_text(literal: str, column: Column, kind: str, k: int) -> list[Any]:
    if kind == "text":
        patterned = [patterns.example(literal, k), patterns.like_example(literal, k), patterns.glob_example(literal, k)]
        return [literal, *[text for text in patterned if text]]
    if kind in {"integer", "numeric", "float"}:
        try:
            return _from_number(Decimal(literal), column, kind, k)
        except ArithmeticError:
            return []
    if kind in {"date", "timestamp", "timestamp with time zone"}:
        return _near_date(literal, kind, k)
    return [literal] if kind in {"enum", "uuid", "time", "interval", "inet"} else []


def _near_date(literal: str, kind: str, k: int) -> list[Any]:
    try:
        day = date.fromisoformat(literal[:10])
    except ValueError:
        return []
    days = [day + timedelta(days=step) for step in (0, 1, -1, k + 1, -k - 1)]
    return [str(one) if kind == "date" else f"{one} 12:30:00" for one in days]
