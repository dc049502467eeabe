"""Which difference of two catalogs follows from which other: columns from their table, an index from its column."""

from __future__ import annotations

import re

Raw = tuple[str, str, str, str | None, str | None]
"""(kind, object, identity, expected, found) of a difference."""

_PART = re.compile(r'"(?:[^"]|"")*"|`[^`]*`|\([^)]*\)|[^.(]+')
_WORD = re.compile(r'"(?:[^"]|"")+"|`[^`]+`|[^\W\d][\w$]*')
_ON = re.compile(r"\bon (?:only )?((?:\"(?:[^\"]|\"\")+\"|[\w$.])+)", re.IGNORECASE)
_OWNED = re.compile(r"\bowned by (\S+)", re.IGNORECASE)
_REFERENCES = re.compile(r"\breferences ((?:\"(?:[^\"]|\"\")+\"|`[^`]+`|[\w$.])+)", re.IGNORECASE)

_RANKS = (
    "schema", "extension", "enum", "domain", "type", "table", "view", "materialised-view", "partition", "column",
    "constraint", "index", "sequence", "function", "trigger", "policy", "privilege", "comment", "column-order",
)  # fmt: skip
_CONTAINERS = frozenset(
    {"schema", "table", "view", "materialised-view", "type", "enum", "domain", "function", "sequence"}
)


def rank(kind: str) -> int:
    """Return the place of a kind, the one that explains most first."""
    return _RANKS.index(kind) if kind in _RANKS else len(_RANKS)


def split(identity: str) -> tuple[str, str]:
    """Return what an object is in, and its own name: the text behind the last dot that separates."""
    depth, quote = 0, ""
    for place in range(len(identity) - 1, -1, -1):
        letter = identity[place]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'`":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == ")" else -1
        elif letter == "." and depth == 0:
            return identity[:place], identity[place + 1 :]
    return "", identity


def nameless(kind: str, identity: str, definition: str) -> tuple[str, str, str]:
    """Return what an object is without its name: equal for two that differ in nothing else."""
    parent, name = split(identity)
    bare = re.sub(rf"(?<![\w$]){re.escape(name)}(?![\w$])", "?", definition, count=1) if definition else ""
    return kind, parent, bare


class Causes:
    """Finds for each difference the one that explains it.

    Args:
        raw: all differences, in any order.

    """

    def __init__(self, raw: list[Raw]) -> None:
        self._raw = raw
        self._gone: dict[tuple[bool, str], list[int]] = {}
        self._columns: dict[str, list[tuple[str, int]]] = {}
        for place, (_, kind, identity, expected, found) in enumerate(raw):
            if kind in _CONTAINERS and (expected is None or found is None):
                self._gone.setdefault((expected is None, identity), []).append(place)
            if kind == "column":
                table, name = split(identity)
                self._columns.setdefault(table, []).append((name, place))
            if kind == "constraint":
                self._gone.setdefault((expected is None, f"constraint {_beside(identity)}"), []).append(place)

    def top(self, place: int) -> int:
        """Return the difference that a difference follows from in the end; itself where it stands alone."""
        seen = {place}
        while (cause := self._cause(place)) is not None and cause not in seen:
            seen.add(cause)
            place = cause
        return place

    def _cause(self, place: int) -> int | None:
        kind, object_, _, expected, found = self._raw[place]
        if kind == "renamed":
            return None
        if expected is None or found is None:
            whole = self._container(place, new=expected is None)
            if whole is not None:
                return whole
        return self._column(place) if object_ != "column" else None

    def _container(self, place: int, *, new: bool) -> int | None:
        """Return what an object that came or went was in, on, owned by, or referred to."""
        _, object_, identity, expected, found = self._raw[place]
        definition = (found if new else expected) or ""
        for name in _names(object_, identity, definition):
            for cause in self._gone.get((new, name), ()):
                if cause != place and rank(self._raw[cause][1]) < rank(object_):
                    return cause
        return None

    def _column(self, place: int) -> int | None:
        """Return a column of the same table that came, went or changed, and that this definition speaks of."""
        _, object_, identity, expected, found = self._raw[place]
        tables = _tables(object_, identity, expected or found or "")
        columns = [pair for table in tables for pair in self._columns.get(table, ())]
        if not columns:
            return None
        words = set(_WORD.findall(f"{expected or ''} {found or ''} {identity}"))
        for name, cause in columns:
            # A column that only changed explains no loss: an index does not go because of it.
            same = (expected is None, found is None) == (self._raw[cause][3] is None, self._raw[cause][4] is None)
            if name in words and (same or (expected is not None and found is not None)):
                return cause
        return None


def _beside(identity: str) -> str:
    """Return an object's name beside its table: where PostgreSQL puts the index of a constraint."""
    table, name = split(identity)
    schema, _ = split(table)
    return f"{schema}.{name}" if schema else name


def _names(kind: str, identity: str, definition: str) -> list[str]:
    """Return the containers that an object may have gone or come with, the nearest first."""
    if kind == "index":
        names = [f"constraint {identity}", *_tables(kind, identity, definition)]
    elif kind in {"comment", "privilege"}:
        # "table column public.t.c", "table public.t to alice"
        names = [part for word in identity.split(" ") for part in _above(word, itself=True)]
    else:
        names = _above(identity, itself=kind in {"partition", "column-order"})
    names += [part for found in _OWNED.finditer(definition) for part in _above(found[1])]
    names += [found[1] for found in _REFERENCES.finditer(definition)] if kind == "constraint" else []
    return names


def _above(identity: str, *, itself: bool = False) -> list[str]:
    names = [identity] if itself else []
    while identity:
        identity, _ = split(identity)
        names += [identity] if identity else []
    return names


def _tables(kind: str, identity: str, definition: str) -> list[str]:
    """Return the table that an object belongs to, as far as its texts tell."""
    if kind == "column-order":
        return [identity]
    if kind == "index":
        return [found[1] for found in _ON.finditer(definition)][:1]
    if kind == "sequence":
        return [split(found[1])[0] for found in _OWNED.finditer(definition)]
    if kind in {"comment", "privilege"}:
        return [split(word)[0] for word in identity.split(" ")]
    if kind in {"constraint", "trigger", "policy", "rule"}:
        return [split(identity)[0]]
    return []
