"""Reads the SQL text that SQLite keeps of its tables and indexes: what no pragma tells.

That is: names of constraints, CHECK, COLLATE, DEFERRABLE, AUTOINCREMENT, ON CONFLICT and expressions. SQLite has
checked the text already, so this only takes it apart. ``normal`` writes it in one way: two texts that differ in
whitespace, comments, case outside of literals, or quotes around names come out equal.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))"""
    r"""|(?P<literal>[xX]?'(?:[^']|'')*')"""
    r"""|(?P<quoted>"(?:[^"]|"")*")"""
    r"""|(?P<name>`(?:[^`]|``)*`|\[[^\]]*\])"""
    r"""|(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<word>[^\W\d][\w$]*)"""
    r"""|(?P<sign>->>|->|\|\||<<|>>|<=|>=|<>|!=|==|.)""",
    re.DOTALL,
)
_SIMPLE = re.compile(r"[a-z_][a-z0-9_]*\Z")
_STARTS = frozenset({"constraint", "primary", "unique", "check", "foreign"})
_COLUMN_STARTS = _STARTS | {"not", "null", "default", "collate", "references", "generated", "as"}


@dataclass(frozen=True, slots=True)
class Token:
    """A token; ``start``, ``end``: its place in the text.

    ``kind``: ``literal``, ``quoted`` ("x": a name, or by SQLite's leniency a literal), ``name`` ([x], `x`), ``number``,
    ``word``, ``sign``.
    """

    kind: str
    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        """The word in lower case; empty for what cannot be a keyword."""
        return self.text.lower() if self.kind in ("word", "sign") else ""

    @property
    def bare(self) -> str:
        """The name that it stands for, without quotes."""
        if self.kind == "name" and self.text[0] == "[":
            return self.text[1:-1]
        if self.kind in ("name", "quoted", "literal") and self.text[0] in "`\"'":
            mark = self.text[0]
            return self.text[1:-1].replace(mark * 2, mark)
        return self.text


@dataclass(slots=True)
class ColumnText:
    """What the text says of a column beside its type, NOT NULL and place in the primary key.

    ``generated``: source text of the expression.
    """

    name: str
    collate: str = ""
    generated: str = ""
    not_null_conflict: str = ""


@dataclass(frozen=True, slots=True)
class ConstraintText:
    """A constraint, at a column or at the table alike.

    ``kind``: ``primary key``, ``unique``, ``check``, ``foreign key``. ``columns``: those that it names, with COLLATE
    and DESC. ``check``: source text of the expression. ``table``, ``referred``, ``rules``: of a foreign key.
    ``conflict``: what ON CONFLICT says.
    """

    kind: str
    name: str = ""
    columns: tuple[str, ...] = ()
    check: str = ""
    table: str = ""
    referred: tuple[str, ...] = ()
    rules: str = ""
    conflict: str = ""
    autoincrement: bool = False


@dataclass(slots=True)
class TableText:
    """A CREATE TABLE, taken apart."""

    columns: list[ColumnText] = field(default_factory=list)
    constraints: list[ConstraintText] = field(default_factory=list)


def tokens_of(text: str) -> list[Token]:
    """Split SQL into tokens, without whitespace and comments."""
    found = [Token(str(match.lastgroup), match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text)]
    return [token for token in found if token.kind != "space"]


def normal(text: str, names: Collection[str] = ()) -> str:
    """Write SQL in one way. ``names``: in lower case, what a "double-quoted" text may be the name of."""
    return joined(tokens_of(text), names)


def joined(tokens: Sequence[Token], names: Collection[str] = ()) -> str:
    """``normal`` for tokens."""
    parts: list[str] = []
    before = "("
    for token in _without_doubled_brackets(tokens):
        word = _written(token, names)
        tight = before in "(." or word in "),.;"
        parts.append(word if tight else f" {word}")
        before = word
    return "".join(parts).removesuffix(";").strip()


def _written(token: Token, names: Collection[str]) -> str:
    if token.kind == "literal":
        return token.text if token.text[0] == "'" else token.text.lower()
    if token.kind in ("quoted", "name"):
        low = token.bare.lower()
        known = token.kind == "name" or low in names
        return low if known and _SIMPLE.match(low) else f'"{low if known else token.bare}"'
    return token.text.lower()


def _without_doubled_brackets(tokens: Sequence[Token]) -> Sequence[Token]:
    """Take off brackets around the whole: ``(a > 0)`` is ``a > 0``."""
    with suppress(ValueError):
        while len(tokens) > 1 and tokens[0].text == "(" and _closing(tokens, 0) == len(tokens) - 1:
            tokens = tokens[1:-1]
    return tokens


def _closing(tokens: Sequence[Token], at: int) -> int:
    """Index of the bracket that closes the one at ``at``.

    Raises:
        ValueError: there is none.

    """
    depth = 0
    for index in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[index].text, 0)
        if depth == 0:
            return index
    raise ValueError("no closing bracket")


def split(tokens: Sequence[Token]) -> list[list[Token]]:
    """Split at the commas that are in no bracket."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def index_parts(sql: str) -> tuple[list[list[Token]], list[Token]]:
    """Return the tokens of each column of a CREATE INDEX, and those of its WHERE.

    Raises:
        ValueError: the text is none.

    """
    tokens = tokens_of(sql)
    at = next((index for index, token in enumerate(tokens) if token.text == "("), len(tokens))
    end = _closing(tokens, at) if at < len(tokens) else at
    if end >= len(tokens):
        raise ValueError(f"no columns in: {sql}")
    return split(tokens[at + 1 : end]), tokens[end + 2 :]


def read_table(sql: str) -> TableText:
    """Take a CREATE TABLE apart.

    Raises:
        ValueError: the text has a form that this does not know.

    """
    tokens = tokens_of(sql)
    at = next((index for index, token in enumerate(tokens) if token.text == "("), -1)
    if at < 0:
        raise ValueError(f"no list of columns in: {sql}")
    table = TableText()
    for part in split(tokens[at + 1 : _closing(tokens, at)]):
        if part and part[0].low in _STARTS:
            _Part(sql, part, table, None).constraints()
        elif part:
            column = ColumnText(part[0].bare)
            table.columns.append(column)
            _Part(sql, part, table, column).column()
    return table


class _Part:
    """Reads one entry of a CREATE TABLE: a column with its constraints, or constraints of the table."""

    def __init__(self, sql: str, tokens: list[Token], table: TableText, column: ColumnText | None) -> None:
        self.sql = sql
        self.tokens = tokens
        self.table = table
        self.of = column
        self.at = 0

    def low(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead].low if self.at + ahead < len(self.tokens) else ""

    def take(self) -> Token:
        if self.at >= len(self.tokens):
            raise ValueError(f"ends early: {self.sql}")
        self.at += 1
        return self.tokens[self.at - 1]

    def skip(self, *words: str) -> bool:
        """Go on behind these words if they come next."""
        if all(self.low(ahead) == word for ahead, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def bracket(self) -> list[Token]:
        """Take a bracket and return what is in it."""
        end = _closing(self.tokens, self.at) if self.low() == "(" else -1
        if end < 0:
            raise ValueError(f"expected a bracket: {self.sql}")
        inner = self.tokens[self.at + 1 : end]
        self.at = end + 1
        return inner

    def expression(self) -> str:
        """Take a bracket and return its source text."""
        inner = self.bracket()
        return self.sql[inner[0].start : inner[-1].end] if inner else ""

    def column(self) -> None:
        self.at = 1
        while self.at < len(self.tokens) and self.low() not in _COLUMN_STARTS:  # The type: a pragma has it.
            self.at += 1
        self.constraints()

    def constraints(self) -> None:
        while self.at < len(self.tokens):
            name = self.take().bare if self.skip("constraint") else ""
            self._one(name)

    def _one(self, name: str) -> None:
        columns = (self._own(self.of),) if self.of else ()
        if self.skip("primary", "key"):
            self._key("primary key", name, columns)
        elif self.skip("unique"):
            self._key("unique", name, columns)
        elif self.skip("check"):
            text = self.expression()
            self.table.constraints.append(ConstraintText("check", name, check=text, conflict=self._conflict()))
        elif self.skip("foreign", "key"):
            self._reference(name, tuple(token.bare for token in self.bracket() if token.text != ","))
        elif self.of and self.low() == "references":
            self._reference(name, (self.of.name,))
        elif self.of:
            self._attribute(self.of)
        elif self.low() != ",":
            raise ValueError(f"not understood at {self.take().text!r}: {self.sql}")

    @staticmethod
    def _own(column: ColumnText) -> str:
        return _key_column([Token("word", column.name, 0, 0)])

    def _key(self, kind: str, name: str, columns: tuple[str, ...]) -> None:
        if self.of is None:
            parts = split(self.bracket())
            columns = tuple(_key_column(part) for part in parts)
        elif self.skip("desc"):
            columns = (f"{columns[0]} desc",)
        else:
            self.skip("asc")
        conflict = self._conflict()
        auto = self.skip("autoincrement")
        self.table.constraints.append(ConstraintText(kind, name, columns, conflict=conflict, autoincrement=auto))

    def _attribute(self, column: ColumnText) -> None:
        if self.skip("not", "null"):
            column.not_null_conflict = self._conflict()
        elif self.skip("null"):
            self._conflict()
        elif self.skip("collate"):
            column.collate = self.take().bare.upper()
        elif self.skip("default"):
            if self.low() == "(":
                self.bracket()
            else:
                self.skip("-") or self.skip("+")
                self.take()
        elif self.skip("generated", "always", "as") or self.skip("as"):
            column.generated = self.expression()
            self.skip("stored") or self.skip("virtual")  # A pragma tells which.
        else:
            raise ValueError(f"not understood at {self.take().text!r}: {self.sql}")

    def _conflict(self) -> str:
        return self.take().text.lower() if self.skip("on", "conflict") else ""

    def _reference(self, name: str, columns: tuple[str, ...]) -> None:
        if not self.skip("references"):
            raise ValueError(f"expected REFERENCES: {self.sql}")
        table = self.take().bare
        referred = tuple(token.bare for token in self.bracket() if token.text != ",") if self.low() == "(" else ()
        rules: list[str] = []
        while self.low() in ("on", "match", "deferrable") or (self.low() == "not" and self.low(1) == "deferrable"):
            rules.append(self._rule())
        text = " ".join(sorted(rule for rule in rules if rule))
        self.table.constraints.append(ConstraintText("foreign key", name, columns, "", table, referred, text))

    def _rule(self) -> str:
        """Return ON DELETE, ON UPDATE or DEFERRABLE in words; empty for what SQLite does anyway (MATCH is ignored)."""
        if self.skip("match"):
            self.take()
            return ""
        if self.skip("on"):
            event = self.take().low
            action = f"set {self.take().low}" if self.skip("set") else self.take().low
            if action == "no":
                self.take()
                return ""
            return f"on {event} {action}"
        off = self.skip("not")
        self.skip("deferrable")
        when = self.take().low if self.skip("initially") else "immediate"
        return "deferrable initially deferred" if when == "deferred" and not off else ""


def _key_column(part: list[Token]) -> str:
    """``name collate nocase desc`` of a column in a key; ASC is what it is anyway."""
    if not part:
        raise ValueError("an empty column in a key")
    rest = [token for token in part[1:] if token.low != "asc"]
    low = part[0].bare.lower()
    return " ".join([low if _SIMPLE.match(low) else f'"{low}"', *(token.bare.lower() for token in rest)])
