"""Which of two limits is stricter, and what a phase makes of a gate's limits.

A limit is at least as strict as another when everything that breaks the other breaks it as well, whatever is
measured. Many pairs cannot be compared (2 s against 3 times the baseline): then both hold, so that a phase never
loosens anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from relgate.policy.limits import AnyLimit, NumberLimit, StatusLimit

if TYPE_CHECKING:
    from relgate.policy.limits import Limit

Order = Literal["tighter", "looser"]

_FAILING = frozenset({"failing", "down", "unknown", "stale"})


def compare(new: Limit, old: Limit) -> Order | None:
    """Return whether ``new`` is at least as strict as ``old`` ("tighter"), less strict, or not comparable (None)."""
    if isinstance(new, AnyLimit) or isinstance(old, AnyLimit):
        if isinstance(new, StatusLimit) or isinstance(old, StatusLimit):
            return None
        return "tighter" if isinstance(new, AnyLimit) else "looser"
    streak = _streak(new, old)
    if isinstance(new, NumberLimit) and isinstance(old, NumberLimit):
        if new.op[0] != old.op[0] or new.basis != old.basis or new.dimension != old.dimension:
            return None
        return _order([_boundary(new, old), streak])
    if isinstance(new, StatusLimit) and isinstance(old, StatusLimit):
        mine, theirs = _states(new), _states(old)
        words = 0 if mine == theirs else -1 if mine > theirs else 1 if mine < theirs else None
        return _order([words, streak])
    return None


def tightened(new: tuple[Limit, ...], old: tuple[Limit, ...]) -> tuple[tuple[Limit, ...], list[tuple[Limit, Limit]]]:
    """Return the limits that hold in a phase, and the pairs (new, old) in which the new limit is looser.

    An old limit that no new one can be compared with stays in force beside the new ones.
    """
    kept: list[Limit] = []
    loose: list[tuple[Limit, Limit]] = []
    for before in old:
        orders = {after: compare(after, before) for after in new}
        if "tighter" in orders.values():
            continue
        kept.append(before)
        loose.extend((after, before) for after, order in orders.items() if order == "looser")
    return (*new, *kept), loose


def unreachable(warn: Limit, fail: tuple[Limit, ...]) -> Limit | None:
    """Return the limit of ``fail`` that is broken whenever ``warn`` is; None when a warning can come alone."""
    return next((limit for limit in fail if compare(limit, warn) == "tighter"), None)


def _order(parts: list[int | None]) -> Order | None:
    if any(part is None for part in parts):
        return None
    signs = {part for part in parts if part}
    if signs == {-1, 1}:
        return None
    return "looser" if 1 in signs else "tighter"


def _boundary(new: NumberLimit, old: NumberLimit) -> int:
    """Return -1 where ``new`` is stricter, 0 for the same boundary, 1 where it is less strict."""
    if new.value != old.value:
        return -1 if (new.value < old.value) == (new.op[0] == ">") else 1
    return 0 if new.op == old.op else -1 if new.op.endswith("=") else 1


def _streak(new: NumberLimit | StatusLimit, old: NumberLimit | StatusLimit) -> int | None:
    """Return the order of how long a limit must be broken; None for a time against a count."""
    if (new.for_s, new.in_a_row) == (old.for_s, old.in_a_row):
        return 0
    if new.for_s is None and new.in_a_row in (None, 1):
        return 0 if old.for_s is None and old.in_a_row in (None, 1) else -1
    if old.for_s is None and old.in_a_row in (None, 1):
        return 1
    if new.for_s is not None and old.for_s is not None:
        return -1 if new.for_s < old.for_s else 1
    if new.in_a_row is not None and old.in_a_row is not None:
        return -1 if new.in_a_row < old.in_a_row else 1
    return None


def _states(limit: StatusLimit) -> frozenset[str]:
    return limit.words | _FAILING if "failing" in limit.words else limit.words
