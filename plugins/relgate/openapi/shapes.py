"""What two answers to the same request have in common: statuses, fields, types. Pure.

Both sides are asked twice. What differs between two answers of one side (times, ids, order) is noise of that side and
is never called a change between sides. Values are not compared, only which fields there are and of which types.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from relgate.openapi.checks import Seen
from relgate.openapi.faults import DIFFERENTIAL
from relgate.ports.exploring import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from relgate.ports.exploring import Answer


_FAILING = (0, 5)
"""Classes of statuses that are failures of the service: no answer, and 5xx."""


@dataclass
class Shape:
    """The fields of a JSON value. ``objects``: place -> how many objects were there; ``fields``: place -> how many.

    A place is ``$.orders[].ref``: all items of a list are one place.
    """

    objects: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    types: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def always(self, place: str) -> bool:
        """Whether every object that could have the field has it, and there is one."""
        parent = place.rpartition(".")[0]
        return 0 < self.objects[parent] == self.fields[place]

    def never(self, place: str) -> bool:
        """Whether no object that could have the field has it, and there is one."""
        return self.fields[place] == 0 < self.objects[place.rpartition(".")[0]]


def shape_of(value: Any) -> Shape:
    """Return the fields and types of a JSON value."""
    shape = Shape()
    _walk(value, "$", shape)
    return shape


def _walk(value: Any, place: str, shape: Shape) -> None:
    shape.types[place].add(_type(value))
    if isinstance(value, dict):
        shape.objects[place] += 1
        for name, inner in value.items():
            here = f"{place}.{str(name).replace('.', '·')}"
            shape.fields[here] += 1
            _walk(inner, here, shape)
    elif isinstance(value, list):
        for inner in value:
            _walk(inner, f"{place}[]", shape)


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "list" if isinstance(value, list) else "object" if isinstance(value, dict) else "string"


def differ(first: Answer, other: Answer) -> bool:
    """Whether two answers differ in anything that is compared: reason enough to ask both sides again."""
    return any(True for _ in differences((first, first), (other, other), ()))


def differences(
    candidate: Sequence[Answer], baseline: Sequence[Answer], ignore: Sequence[str], *, again: bool = True
) -> Iterator[Seen]:
    """Yield what changed from baseline to candidate, of which each side's own answers agree.

    Args:
        candidate: its answers to one request, or to the same request in two runs of a sequence.
        baseline: the same of the baseline.
        ignore: names or places of fields, with wildcards, that may differ.
        again: whether a side that answers one request with two statuses has an unknown status. False where the second
            answer has to be another one: removing a thing twice.

    """
    mine, theirs = [one.status for one in candidate], [one.status for one in baseline]
    if again and (len(set(mine)) > 1 or len(set(theirs)) > 1):
        return
    classes = [(_class(a), _class(b)) for a, b in zip(mine, theirs, strict=True)]
    if all(b in _FAILING for _, b in classes):
        return  # An old error says nothing about a new answer.
    if all(a != b for a, b in classes):
        what = f"{baseline[0].shown} became {candidate[0].shown}"
        yield Seen(DIFFERENTIAL, "status-class", f"{classes[0][1]}xx to {classes[0][0]}xx", what)
        return
    if any(a != b for a, b in classes):
        return
    if all(a != b for a, b in zip(mine, theirs, strict=True)):
        what = f"{baseline[0].shown} became {candidate[0].shown}"
        yield Seen(DIFFERENTIAL, "status", f"{theirs[0]} to {mine[0]}", what)
    yield from _bodies(candidate, baseline, ignore)


def _class(status: int | None) -> int:
    return 0 if status is None else status // 100


def _bodies(candidate: Sequence[Answer], baseline: Sequence[Answer], ignore: Sequence[str]) -> Iterator[Seen]:
    mine, theirs = [one.json() for one in candidate], [one.json() for one in baseline]
    was = [value is not NOTHING for value in theirs]
    now = [value is not NOTHING for value in mine]
    if all(was) and not any(now) and any(one.body for one in candidate):
        said = candidate[0].header("content-type") or "no content type"
        yield Seen(DIFFERENTIAL, "content-type", "json", f"a JSON answer ({candidate[0].shown}) became {said}")
    if not (all(was) and all(now)):
        return
    old, new = [shape_of(value) for value in theirs], [shape_of(value) for value in mine]
    status = candidate[0].shown
    for place in sorted({name for shape in (*old, *new) for name in shape.types}):
        if _ignored(place, ignore):
            continue
        shown = place.removeprefix("$.")
        if all(one.always(place) for one in old) and all(one.never(place) for one in new):
            yield Seen(DIFFERENTIAL, "field-removed", place, f"the answer {status} has no field {shown} any more")
        elif all(one.never(place) for one in old) and all(one.always(place) for one in new):
            yield Seen(DIFFERENTIAL, "field-added", place, f"the answer {status} has a new field {shown}")
        else:
            yield from _types(place, shown, old, new)


def _types(place: str, shown: str, old: Sequence[Shape], new: Sequence[Shape]) -> Iterator[Seen]:
    """Yield a change of type; null says nothing about the type of what may be there another time."""
    before = [frozenset(one.types[place]) - {"null"} for one in old]
    after = [frozenset(one.types[place]) - {"null"} for one in new]
    if not all(before) or not all(after) or len(set(before)) > 1 or len(set(after)) > 1:
        return
    if before[0].isdisjoint(after[0]):
        was, now = "/".join(sorted(before[0])), "/".join(sorted(after[0]))
        yield Seen(DIFFERENTIAL, "type-changed", place, f"{shown} was a {was} and is a {now}")


def _ignored(place: str, ignore: Sequence[str]) -> bool:
    name = place.rpartition(".")[2]
    return any(fnmatchcase(known, pattern) for pattern in ignore for known in (name, place, place.removeprefix("$.")))
