"""The shapes that parts of a policy can have, and the check of a tree against them.

One description serves three readers: ``check`` (below) parses with it, ``schema`` shows it to editors, ``reference``
to people. A check notes every fault with its place and goes on; where a value is faulty the result has ``BAD``, so
that later checks can tell "wrong, and said so" from "not there".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from relgate.policy.units import full, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from relgate.policy.nodes import Faults, Node, Path

Parse = Callable[[object], Any]


class _Bad:
    def __repr__(self) -> str:
        return "BAD"


BAD: Final = _Bad()


@dataclass(frozen=True, slots=True)
class Text:
    """A text. ``parse`` returns what it means and raises ValueError; ``pattern`` (anchored) is what editors check.

    ``parse`` may refuse more than the pattern (a duration of a thousand years), never less. ``whole``: the range of
    whole numbers that may stand instead of the text.
    """

    what: str
    pattern: str
    parse: Parse
    examples: tuple[str, ...]
    whole: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """One of some words. ``numbers``: numbers that stand for a word, because YAML reads ``http: 2`` as a number."""

    words: tuple[str, ...]
    numbers: Mapping[float, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between ``low`` and ``high``, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number above zero, at most ``most``."""

    most: float


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, slots=True)
class AnyJson:
    """Anything that JSON can say."""


@dataclass(frozen=True, slots=True)
class Nullable:
    """A shape, or ``null``."""

    shape: Text


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list with at least one item; with ``single`` one item may stand without the list."""

    item: Shape
    single: bool = True


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping whose keys the author names; ``name`` is the shape of a key. ``least``: how many entries it needs."""

    name: Text
    item: Shape
    least: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a record. ``text``: what it does. ``default``: what holds without it, for people."""

    name: str
    shape: Shape
    text: str
    default: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys. ``exactly_one`` of a group must be there, ``at_most_one`` of another may.

    ``needs``: a key that makes sense only beside another one.
    """

    title: str
    keys: tuple[Key, ...]
    exactly_one: tuple[str, ...] = ()
    at_most_one: tuple[str, ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Either:
    """A short form (a text) or a long one (a mapping)."""

    short: Text
    long: Record


Shape = Text | Words | Whole | Number | Flag | AnyJson | Nullable | ListOf | MapOf | Record | Either


def matching(what: str, pattern: str, *examples: str, show: bool = True) -> Text:
    """Return the shape of a text that a pattern describes; ``show=False`` keeps what came out of messages."""
    anchored = full(pattern)
    compiled = re.compile(anchored)

    def parse(raw: object) -> str:
        if isinstance(raw, str) and compiled.search(raw):
            return raw
        came = f", got {shown(raw)}" if show or not isinstance(raw, str) else ""
        quotes = ": put it in quotes" if isinstance(raw, int | float) and compiled.search(shown(raw)) else ""
        raise ValueError(f"expected {what} such as {' or '.join(examples)}{came}{quotes}")

    return Text(what, anchored, parse, examples)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the ending of a message about an unknown word: the nearest known one, otherwise all of them."""
    names = list(known)
    near = get_close_matches(word, names, n=1) or get_close_matches(word.lower(), names, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known are {', '.join(names)}" if names else "there are none"


def check(node: Node, shape: Shape, path: Path, faults: Faults) -> Any:
    """Return what a node means, its texts parsed; ``BAD`` and a fault (or many) where it does not fit the shape."""
    if node.broken:
        return BAD
    if isinstance(shape, Record):
        return _record(node, shape, path, faults)
    if isinstance(shape, MapOf):
        return _map(node, shape, path, faults)
    if isinstance(shape, ListOf):
        return _list(node, shape, path, faults)
    if isinstance(shape, Either):
        return check(node, shape.long if isinstance(node.value, dict) else shape.short, path, faults)
    if isinstance(shape, AnyJson):
        return node.plain()
    try:
        return _scalar(node.plain(), shape)
    except ValueError as fault:
        faults.add(path, str(fault))
        return BAD


def _scalar(raw: object, shape: Text | Words | Whole | Number | Flag | Nullable) -> object:
    if isinstance(shape, Nullable):
        return None if raw is None else shape.shape.parse(raw)
    if isinstance(shape, Text):
        return shape.parse(raw)
    if isinstance(shape, Flag):
        if isinstance(raw, bool):
            return raw
        raise ValueError(f"expected true or false, got {shown(raw)}")
    if isinstance(shape, Number):
        if isinstance(raw, int | float) and not isinstance(raw, bool) and 0 < raw <= shape.most:
            return float(raw)
        raise ValueError(f"expected a number above 0 and at most {shape.most:g}, got {shown(raw)}")
    if isinstance(shape, Whole):
        # JSON knows one kind of number: 5.0 is whole for an editor and so it is here.
        number = raw if isinstance(raw, int | float) and not isinstance(raw, bool) else None
        if number is not None and number == int(number) and shape.low <= number <= shape.high:
            return int(number)
        if shape.low == shape.high:
            raise ValueError(f"expected {shape.low}, got {shown(raw)}")
        raise ValueError(f"expected a whole number from {shape.low} to {shape.high}, got {shown(raw)}")
    if isinstance(raw, int | float) and not isinstance(raw, bool) and raw in shape.numbers:
        return shape.numbers[raw]
    if isinstance(raw, str) and raw in shape.words:
        return raw
    ending = f": {nearest(raw, shape.words)}" if isinstance(raw, str) else ""
    raise ValueError(f"expected one of {', '.join(shape.words)}, got {shown(raw)}{ending if 'mean' in ending else ''}")


def _list(node: Node, shape: ListOf, path: Path, faults: Faults) -> object:
    if not isinstance(node.value, list):
        if shape.single:
            alone = check(node, shape.item, path, faults)
            return alone if alone is BAD else (alone,)
        faults.add(path, f"expected a list, got {shown(node.plain())}")
        return BAD
    if not node.value:
        faults.add(path, "expected at least one item, got an empty list")
        return BAD
    return tuple(check(item, shape.item, (*path, index), faults) for index, item in enumerate(node.value))


def _map(node: Node, shape: MapOf, path: Path, faults: Faults) -> object:
    if not isinstance(node.value, dict):
        faults.add(path, f"expected a mapping of names to values, got {shown(node.plain())}")
        return BAD
    if len(node.value) < shape.least:
        faults.add(path, "expected at least one entry, got none", at_key=True)
    result: dict[str, Any] = {}
    for key, value in node.value.items():
        try:
            shape.name.parse(key)
        except ValueError as fault:
            faults.add((*path, key), str(fault), at_key=True)
        result[key] = check(value, shape.item, (*path, key), faults)
    return result


def _record(node: Node, shape: Record, path: Path, faults: Faults) -> object:
    if not isinstance(node.value, dict):
        faults.add(path, f"expected a mapping with {_names(shape)}, got {shown(node.plain())}")
        return BAD
    shapes = {key.name: key.shape for key in shape.keys}
    result: dict[str, Any] = {}
    for name, value in node.value.items():
        if name in shapes:
            result[name] = check(value, shapes[name], (*path, name), faults)
        else:
            faults.add((*path, name), f"unknown key in {shape.title}: {nearest(name, shapes)}", at_key=True)
            # The misspelt key was meant to be one of these: saying that they are missing would be noise.
            for meant in get_close_matches(name, shapes, n=1):
                result.setdefault(meant, BAD)
    _presence(result, shape, path, faults)
    return result


def _presence(found: dict[str, Any], shape: Record, path: Path, faults: Faults) -> None:
    for key in shape.keys:
        if key.required and key.name not in found:
            faults.add(path, f"{shape.title} needs the key {key.name}: {key.text}", at_key=True)
    there = [name for name in shape.exactly_one if name in found]
    if shape.exactly_one and not there:
        faults.add(path, f"{shape.title} needs one of {', '.join(shape.exactly_one)}", at_key=True)
    for group in (shape.exactly_one, shape.at_most_one):
        several = [name for name in group if name in found]
        if len(several) > 1:
            faults.add((*path, several[1]), f"{' and '.join(several)} exclude each other: keep one", at_key=True)
    for name, other in shape.needs.items():
        if name in found and other not in found:
            faults.add((*path, name), f"{name} stands here only beside {other}", at_key=True)


def _names(shape: Record) -> str:
    must = [key.name for key in shape.keys if key.required] or [key.name for key in shape.keys][:6]
    return ", ".join(must)
