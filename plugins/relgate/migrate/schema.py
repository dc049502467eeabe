"""What differs between two catalogs, by cause: a lost table is said once, not once for each of its columns and indexes.

Pure, and complete: there is a difference if and only if the catalogs are not equal. How definitions look is the
business of the adapters; here they are text, read only as far as telling a weakening from a change needs it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from relgate.migrate import causes

if TYPE_CHECKING:
    from relgate.ports.migrations import Catalog

Key = tuple[str, str]

_KEEPS = frozenset({"constraint", "policy", "privilege"})
"""Kinds that refuse something: without one the database accepts more than before."""

_RULES = re.compile(r"\s+(?:on (?:delete|update)|match|deferrable|initially)\b[^,]*", re.IGNORECASE)
_NAMED = frozenset({"constraint", "index", "sequence", "trigger", "policy", "statistics", "rule"})
"""Kinds whose name nobody's rows depend on: the same one under another name is a rename."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One cause for what differs.

    ``kind``: lost, left-over, weakened, changed, renamed, order. ``object``: the catalog's kind. ``expected``,
    ``found``: the definitions, None where there is none. ``other``: the name that a renamed object has now.
    ``children``: what differs only because of this.
    """

    kind: str
    object: str
    identity: str
    expected: str | None
    found: str | None
    other: str = ""
    children: tuple[Key, ...] = ()

    @property
    def text(self) -> str:
        """What differs, for people: a clause without a full stop."""
        said = {
            "lost": "is gone",
            "left-over": "is left over",
            "weakened": "is gone" if self.found is None else "is weaker",
            "changed": "differs",
            "renamed": f"is called {self.other} now",
            "order": "are in another order",
        }[self.kind]
        subject = "the columns of" if self.object == "column-order" else self.object.replace("-", " ")
        said = "differ" if self.kind == "changed" and self.object == "column-order" else said
        return f"{subject} {self.identity} {said}{_counted(self.children)}"


def _counted(children: tuple[Key, ...]) -> str:
    """Say how many things follow from a cause: (with 3 columns, 1 index)."""
    counts = Counter(kind for kind, _ in children if kind != "column-order")
    if not counts:
        return ""
    plurals = {"index": "indexes", "policy": "policies"}
    parts = [f"{n} {kind if n == 1 else plurals.get(kind, f'{kind}s')}" for kind, n in sorted(counts.items())]
    return f" (with {', '.join(parts).replace('-', ' ')})"


def differences(expected: Catalog, found: Catalog) -> tuple[Difference, ...]:
    """Return what differs, the largest causes first."""
    if expected == found:
        return ()
    lost = {key: text for key, text in expected.items() if key not in found}
    extra = {key: text for key, text in found.items() if key not in expected}
    changed = {key: (text, found[key]) for key, text in expected.items() if key in found and found[key] != text}
    raw = _renamed(lost, extra)
    raw += [_lost(key, text) for key, text in lost.items()]
    raw += [Difference("left-over", *key, None, text) for key, text in extra.items()]
    raw += [_changed(key, *texts) for key, texts in changed.items()]
    return _by_cause(raw)


def _renamed(lost: dict[Key, str], extra: dict[Key, str]) -> list[Difference]:
    """Take out of both what has only another name."""
    waiting: dict[tuple[str, str, str], list[Key]] = {}
    for key, text in extra.items():
        if key[0] in _NAMED:
            waiting.setdefault(causes.nameless(*key, text), []).append(key)
    renamed = []
    for key in sorted(lost):
        others = waiting.get(causes.nameless(*key, lost[key])) if key[0] in _NAMED else None
        if others:
            other = others.pop(0)
            renamed.append(Difference("renamed", *key, lost.pop(key), extra.pop(other), other=other[1]))
    return renamed


def _lost(key: Key, text: str) -> Difference:
    unique = key[0] == "index" and re.search(r"\bunique\b", text, re.IGNORECASE) is not None
    return Difference("weakened" if key[0] in _KEEPS or unique else "lost", *key, text, None)


def _changed(key: Key, before: str, after: str) -> Difference:
    kind = "order" if key[0] == "column-order" and _same_words(before, after) else "changed"
    return Difference("weakened" if _is_weaker(key[0], before, after) else kind, *key, before, after)


def _same_words(before: str, after: str) -> bool:
    return sorted(before.split(", ")) == sorted(after.split(", "))


def _is_weaker(kind: str, before: str, after: str) -> bool:
    """Whether the database refuses less than before."""
    then, now = before.lower(), after.lower()
    if kind == "privilege":
        return True
    if kind in {"column", "domain"}:
        return "not null" in then and ("not null" not in now or "not valid" in now.replace(then, ""))
    if kind == "constraint":
        loose = any(word in now and word not in then for word in ("not valid", "not enforced", "invalid"))
        return loose or _RULES.sub("", then) == _RULES.sub("", now)
    if kind == "index":
        return ("unique" in then.split() and "unique" not in now.split()) or (now.endswith("invalid") and then != now)
    if kind == "table":
        return any(word in then and word not in now for word in ("row level security", "strict"))
    return kind in {"trigger", "policy"} and "disabled" in now and "disabled" not in then


def _by_cause(raw: list[Difference]) -> tuple[Difference, ...]:
    """Put what follows from another difference under it."""
    tree = causes.Causes([(one.kind, one.object, one.identity, one.expected, one.found) for one in raw])
    children: dict[int, list[Key]] = {}
    for place, one in enumerate(raw):
        top = tree.top(place)
        if top != place:
            children.setdefault(top, []).append((one.object, one.identity))
    tops = [
        replace(one, children=tuple(sorted(children.get(place, ()))))
        for place, one in enumerate(raw)
        if tree.top(place) == place
    ]
    return tuple(sorted(tops, key=lambda one: (causes.rank(one.object), one.identity, one.kind)))


def ddl(difference: Difference) -> str:
    """Return a difference as a person reads it: what was expected behind ``-``, what was found behind ``+``."""
    lines = []
    if difference.expected is not None:
        lines += _signed("-", statement(difference.object, difference.identity, difference.expected))
    if difference.found is not None:
        name = difference.other or difference.identity
        lines += _signed("+", statement(difference.object, name, difference.found))
    return "\n".join([*lines, *(f"  -- with it: {kind} {identity}" for kind, identity in difference.children)])


def _signed(sign: str, text: str) -> list[str]:
    return [f"{sign} {line}" for line in text.splitlines()]


def statement(kind: str, identity: str, definition: str) -> str:
    """Return an object as text like DDL. It is for reading: not every engine's definition is a whole statement."""
    if re.match(r"(create|alter|comment on|grant) ", definition, re.IGNORECASE):
        return f"{definition};"
    parent, name = causes.split(identity)
    forms = {
        "table": f"CREATE {definition.upper() if definition == 'table' else definition} {identity}",
        "column": f"ALTER TABLE {parent} ADD COLUMN {name} {definition}",
        "constraint": f"ALTER TABLE {parent} ADD CONSTRAINT {name} {definition}",
        "enum": f"CREATE TYPE {identity} AS ENUM ({definition})",
        "domain": f"CREATE DOMAIN {identity} AS {definition}",
        "view": f"CREATE VIEW {identity} {definition}",
        "materialised-view": f"CREATE MATERIALIZED VIEW {identity} {definition}",
        "comment": f"COMMENT ON {identity} IS '{definition}'",
        "schema": f"CREATE SCHEMA {identity}",
        "privilege": f"-- privileges on {identity}: {definition}",
        "column-order": f"-- columns of {identity}: {definition}",
        "partition": f"-- partition {identity}: {definition}",
    }
    text = forms.get(kind, f"CREATE {kind.replace('-', ' ').upper()} {identity} {definition}")
    return text if text.startswith("--") else f"{text};"
