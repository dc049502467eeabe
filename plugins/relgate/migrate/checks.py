"""Reads the text of a CHECK constraint as the three engines print it, and evaluates it for a row.

Three values: True, False, and None for SQL's unknown *and* for what we do not understand; a database takes a row whose
check is not False, and so does whoever searches for one. What we understand wrongly costs a try, never a verdict: the
database itself judges every row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from relgate.migrate import functions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from relgate.ports.migrations import Row

    Node = Callable[[Row], Any]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>(?:[nNeEbBxX]|_\w+\s*)?'(?:[^']|'')*')
      | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
      | (?P<quoted>"(?:[^"]|"")*"|`[^`]*`)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<op>::|->>|->|<=|>=|<>|!=|!~~\*|!~~|~~\*|~~|!~\*|!~|~\*|~|\|\||[-+*/%=<>(),.\[\]?@&|\#^:])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Check:
    """A CHECK constraint. ``columns``: that it speaks of. ``literals``: constants in it, numbers as ``Decimal``."""

    text: str
    columns: frozenset[str]
    literals: tuple[Decimal | str, ...]
    understood: bool
    holds: Callable[[Row], bool | None]


class _Foreign(Exception):  # noqa: N818  # no error: a construct that is none of ours
    """The text has something that we do not read."""


def understand(text: str, columns: Collection[str], value: str | None = None) -> Check:
    """Read a check of a table with these columns; ``value``: the column that a domain's VALUE stands for."""
    names = {name.lower(): name for name in columns}
    if value is not None:
        names["value"] = value
    tokens = _tokens(text)
    used = frozenset(names[low] for kind, token in tokens if kind == "name" and (low := token.lower()) in names)
    literals = tuple(dict.fromkeys(_literal(kind, token) for kind, token in tokens if kind in {"string", "number"}))
    try:
        node = _Parser(tokens, names).whole()
    except _Foreign:
        return Check(text, used, literals, understood=False, holds=_unknown)
    return Check(text, used, literals, understood=True, holds=lambda row: _truth(node, row))


def _unknown(_: Row) -> bool | None:
    return None


def _truth(node: Node, row: Row) -> bool | None:
    try:
        result = node(row)
    except (_Foreign, ArithmeticError, ValueError, TypeError):
        return None
    return None if result is None else bool(result)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text.rstrip()):
        found = _TOKEN.match(text, position)
        if found is None:
            return [*tokens, ("op", "?unreadable")]
        kind = found.lastgroup or ""
        token = found[kind]
        position = found.end()
        if kind == "string":
            opening, _, body = token.partition("'")
            token = body[:-1].replace("''", "'")
            token = token.replace("\\\\", "\\") if opening.lower() == "e" else token
        elif kind == "quoted":
            kind, token = "name", token[1:-1].replace('""', '"')
        elif kind == "word":
            kind = "name"
        tokens.append((kind, token))
    return tokens


def _literal(kind: str, token: str) -> Decimal | str:
    return Decimal(token) if kind == "number" else token


class _Parser:
    """Precedence climbing over tokens; each method returns a function from a row to a value."""

    def __init__(self, tokens: list[tuple[str, str]], names: dict[str, str]) -> None:
        self._tokens = tokens
        self._names = names
        self._at = 0

    def whole(self) -> Node:
        node = self._or()
        if self._at != len(self._tokens):
            raise _Foreign
        return node

    def _peek(self, ahead: int = 0) -> str:
        place = self._at + ahead
        if place >= len(self._tokens) or self._tokens[place][0] in {"string", "number"}:
            return ""
        return self._tokens[place][1].lower()

    def _take(self, *words: str) -> bool:
        """Step over these words if they come next, in this order."""
        if any(self._peek(ahead) != word for ahead, word in enumerate(words)):
            return False
        self._at += len(words)
        return True

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise _Foreign

    def _or(self) -> Node:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda row: _any([_truth(part, row) for part in parts])

    def _and(self) -> Node:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda row: _not(_any([_not(_truth(part, row)) for part in parts]))

    def _not(self) -> Node:
        if self._take("not"):
            inner = self._not()
            return lambda row: _not(_truth(inner, row))
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._sum()
        while (node := self._rest(left)) is not None:
            left = node
        return left

    def _rest(self, left: Node) -> Node | None:
        if self._take("is"):
            return self._is(left)
        negated = self._peek() == "not" and self._peek(1) in {"in", "between", *functions.MATCHES}
        if negated:
            self._take("not")
        node = self._membership(left) if self._peek() in {"in", "between"} else self._binary(left)
        if node is None or not negated:
            return node
        return lambda row: _not(_truth(node, row))

    def _is(self, left: Node) -> Node:
        negated = self._take("not")
        if self._take("distinct", "from"):
            right = self._sum()
            return lambda row: bool(_not(_same(left(row), right(row)))) is not negated
        if self._take("null"):
            return lambda row: (left(row) is None) is not negated
        wanted = self._take("true")
        if wanted or self._take("false"):
            return lambda row: (_truth(left, row) is wanted) is not negated
        raise _Foreign

    def _membership(self, left: Node) -> Node:
        if self._take("between"):
            low = self._sum()
            self._need("and")
            high = self._sum()
            return lambda row: (
                functions.compare(">=", left(row), low(row)) and functions.compare("<=", left(row), high(row))
            )
        self._need("in")
        self._need("(")
        members = self._list(")")
        return lambda row: _any([functions.compare("=", left(row), member(row)) for member in members])

    def _binary(self, left: Node) -> Node | None:
        operator = self._peek()
        if operator not in functions.COMPARES and operator not in functions.MATCHES:
            return None
        self._at += 1
        for word in ("any", "all", "some"):
            if self._take(word, "("):
                members = self._or()
                self._need(")")
                return _quantified(operator, left, members, all_=word == "all")
        right = self._sum()
        return lambda row: _apply(operator, left(row), right(row))

    def _sum(self) -> Node:
        return self._chain(("+", "-", "||"), lambda: self._chain(("*", "/", "%"), self._unary))

    def _chain(self, operators: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        left = operand()
        while (operator := self._peek()) in operators:
            self._at += 1
            left = _arithmetic(operator, left, operand())
        return left

    def _unary(self) -> Node:
        if self._take("-"):
            inner = self._unary()
            return _arithmetic("-", lambda _: 0, inner)
        node = self._primary()
        while self._take("::"):
            self._type()
        return node

    def _type(self) -> None:
        """Step over a type's name: a cast changes nothing that we compare."""
        if self._at >= len(self._tokens) or self._tokens[self._at][0] != "name":
            raise _Foreign
        self._at += 1
        while self._take(".") or self._peek() in {
            "varying",
            "precision",
            "with",
            "without",
            "time",
            "zone",
            "unsigned",
        }:
            self._at += 1
        if self._take("("):
            self._list(")")
        while self._take("without", "time", "zone") or self._take("with", "time", "zone") or self._take("[", "]"):
            pass

    def _list(self, end: str) -> list[Node]:
        members: list[Node] = []
        while not self._take(end):
            members.append(self._or())
            if not self._take(",") and self._peek() != end:
                raise _Foreign
        return members

    def _primary(self) -> Node:
        if self._at >= len(self._tokens):
            raise _Foreign
        kind, token = self._tokens[self._at]
        self._at += 1
        if kind in {"string", "number"}:
            constant = _literal(kind, token)
            return lambda _: constant
        if (kind, token) == ("op", "("):
            node = self._or()
            self._need(")")
            return node
        return self._named(token) if kind == "name" else self._foreign()

    def _foreign(self) -> Node:
        raise _Foreign

    def _named(self, token: str) -> Node:
        low = token.lower()
        if low in {"null", "true", "false"}:
            constant = {"null": None, "true": True, "false": False}[low]
            return lambda _: constant
        if low == "array" and self._take("["):
            members = self._list("]")
            return lambda row: [member(row) for member in members]
        if low == "cast" and self._take("("):
            node = self._or()
            self._need("as")
            self._type()
            self._need(")")
            return node
        if self._take("("):
            return self._call(low)
        while self._take("."):
            low = self._tokens[self._at][1].lower() if self._at < len(self._tokens) else ""
            self._at += 1
        if low in self._names:
            name = self._names[low]
            return lambda row: row.get(name)
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "string":
            return self._primary()  # DATE '2024-01-01'
        raise _Foreign

    def _call(self, name: str) -> Node:
        if name == "trim" and self._take("both"):
            self._take("from")
        function = functions.FUNCTIONS.get(name)
        if function is None:
            raise _Foreign
        arguments = self._list(")")
        return lambda row: function(*[argument(row) for argument in arguments])


def _arithmetic(operator: str, left: Node, right: Node) -> Node:
    def node(row: Row) -> Any:
        one, other = left(row), right(row)
        if one is None or other is None:
            return None
        if operator == "||":
            return f"{one}{other}"
        a, b = functions.number(one), functions.number(other)
        return {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "/": a.__truediv__, "%": a.__mod__}[operator](b)

    return node


def _apply(operator: str, left: Any, right: Any) -> bool | None:
    if operator in functions.COMPARES:
        return functions.compare(operator, left, right)
    return functions.match(operator, left, right)


def _quantified(operator: str, left: Node, members: Node, *, all_: bool) -> Node:
    def node(row: Row) -> bool | None:
        results = [_apply(operator, left(row), member) for member in functions.elements(members(row))]
        return _not(_any([_not(result) for result in results])) if all_ else _any(results)

    return node


def _any(results: list[bool | None]) -> bool | None:
    return True if True in results else None if None in results else False


def _not(result: bool | None) -> bool | None:  # noqa: FBT001  # SQL's truth value
    return None if result is None else not result


def _same(left: Any, right: Any) -> bool | None:
    return (left is None) is (right is None) if left is None or right is None else functions.compare("=", left, right)
