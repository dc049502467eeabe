"""SQL text cut into statements, each with its line, as psql, the mysql client and the sqlite3 shell cut it.

Nothing is understood beyond what cutting needs: quotes, comments, dollar quotes, bodies between BEGIN and END, and
``DELIMITER``. Nothing is lost either: the pieces' texts, joined, are the input. An open quote or comment swallows the
rest, as in the clients, so that a half statement is never sent as a whole one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.ports.migrations import Engine


@dataclass(frozen=True, slots=True)
class Token:
    """``kind``: ``quoted``, ``comment``, ``word``, ``space``, ``end`` (of a statement), ``directive``, ``other``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the input. ``text``: as it stands there. ``sql``: the statement in it, empty where there is none.

    ``line``: of the statement's first character in the input, from 1.
    """

    text: str
    sql: str
    line: int


_WORD = r"[^\W\d][\w$]*"
_SPACE = r"\s+"
_PATTERNS: dict[str, re.Pattern[str]] = {
    "postgresql": re.compile(
        rf"""(?P<comment>--[^\n]*|/\*)
        |(?P<quoted>[eE]'(?:[^'\\]|\\.|'')*(?:'|\\?\Z)|'(?:[^']|'')*(?:'|\Z)|"(?:[^"]|"")*(?:"|\Z)
            |\$(?:[^\W\d]\w*)?\$)
        |(?P<word>{_WORD}|\d[\w$.]*)|(?P<space>{_SPACE})|(?P<other>.)""",
        re.VERBOSE | re.DOTALL,
    ),
    "mysql": re.compile(
        rf"""(?P<comment>--(?=[\s]|\Z)[^\n]*|\#[^\n]*|/\*(?!!).*?(?:\*/|\Z))
        |(?P<quoted>'(?:[^'\\]|\\.|'')*(?:'|\\?\Z)|"(?:[^"\\]|\\.|"")*(?:"|\\?\Z)|`(?:[^`]|``)*(?:`|\Z)
            |/\*!.*?(?:\*/|\Z))
        |(?P<word>{_WORD}|\d[\w$.]*)|(?P<space>{_SPACE})|(?P<other>.)""",
        re.VERBOSE | re.DOTALL,
    ),
    "sqlite": re.compile(
        rf"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
        |(?P<quoted>'(?:[^']|'')*(?:'|\Z)|"(?:[^"]|"")*(?:"|\Z)|`(?:[^`]|``)*(?:`|\Z)|\[[^\]]*(?:\]|\Z))
        |(?P<word>{_WORD}|\d[\w$.]*)|(?P<space>{_SPACE})|(?P<other>.)""",
        re.VERBOSE | re.DOTALL,
    ),
}
_NESTING = re.compile(r"/\*|\*/")
_DELIMITER = re.compile(r"[ \t]*delimiter[ \t]+(\S+)[^\n]*(?:\n|\Z)", re.IGNORECASE)
_BODIES = {
    "postgresql": frozenset({"FUNCTION", "PROCEDURE"}),
    "mysql": frozenset({"TRIGGER", "FUNCTION", "PROCEDURE", "EVENT"}),
    "sqlite": frozenset({"TRIGGER"}),
}
# What may stand between CREATE and the kind of object; everything else says that no body follows.
_BEFORE_KIND = 12
_INNER_ENDS = frozenset({"IF", "LOOP", "WHILE", "REPEAT"})


def tokens(text: str, engine: Engine) -> Iterator[Token]:
    """Yield the text's tokens; joined they are the text."""
    pattern = _PATTERNS[engine]
    delimiter, at = ";", 0
    while at < len(text):
        if engine == "mysql" and (at == 0 or text[at - 1] == "\n") and (line := _DELIMITER.match(text, at)):
            delimiter = line.group(1)
            yield Token("directive", line.group())
            at = line.end()
            continue
        if text.startswith(delimiter, at):
            yield Token("end", delimiter)
            at += len(delimiter)
            continue
        kind, end = _next(pattern, text, at)
        end = _before_delimiter(kind, text, at, end, delimiter)
        yield Token(kind, text[at:end])
        at = end


def _next(pattern: re.Pattern[str], text: str, at: int) -> tuple[str, int]:
    match = pattern.match(text, at)
    if match is None or match.lastgroup is None:
        message = "every character is a token of some kind"
        raise AssertionError(message)
    kind, word = match.lastgroup, match.group()
    if word == "/*":
        return kind, _nested(text, at)
    if kind == "quoted" and word.startswith("$"):
        end = text.find(word, match.end())
        return kind, len(text) if end < 0 else end + len(word)
    if kind == "space":
        # A line's beginning must be seen: DELIMITER stands there.
        newline = word.find("\n")
        return kind, at + newline + 1 if newline >= 0 else match.end()
    return kind, match.end()


def _before_delimiter(kind: str, text: str, at: int, end: int, delimiter: str) -> int:
    """Cut a word off where MySQL's own delimiter (``$$``) begins in it."""
    if kind != "word" or delimiter == ";":
        return end
    found = text.find(delimiter, at + 1, end + len(delimiter) - 1)
    return found if 0 <= found < end else end


def _nested(text: str, at: int) -> int:
    depth = 0
    for mark in _NESTING.finditer(text, at):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


@dataclass(slots=True)
class _Statement:
    """How far a statement has got: its words, its open brackets and its open bodies."""

    engine: Engine
    words: list[str] = field(default_factory=list)
    brackets: int = 0
    bodies: int = 0
    has_body: bool = False

    def see(self, token: Token) -> None:
        if token.kind == "other" and self.engine == "postgresql":
            self.brackets += {"(": 1, ")": -1}.get(token.text, 0)
        if token.kind == "word":
            self._see_word(token.text.upper())

    def _see_word(self, word: str) -> None:
        if self.words and self.words[0] == "CREATE" and len(self.words) < _BEFORE_KIND and word in _BODIES[self.engine]:
            self.has_body = True
        previous = self.words[-1] if self.words else ""
        if self.has_body:
            self._count(word, previous)
        self.words.append(word)

    def _count(self, word: str, previous: str) -> None:
        opens_body = word == "ATOMIC" and previous == "BEGIN" if self.engine == "postgresql" else word == "BEGIN"
        if opens_body or (word == "CASE" and previous != "END" and self.bodies > 0):
            self.bodies += 1
        elif word == "END" and self.bodies > 0:
            self.bodies -= 1
        elif word in _INNER_ENDS and previous == "END":
            # END IF closes an IF, which was not counted: give back what END took.
            self.bodies += 1

    @property
    def complete(self) -> bool:
        return self.brackets <= 0 and self.bodies == 0


def split(text: str, engine: Engine, line: int = 1) -> tuple[Piece, ...]:
    """Cut a text whose first line has the number ``line`` into pieces, comments and the like among them."""
    pieces: list[Piece] = []
    current: list[Token] = []
    state = _Statement(engine)
    for token in tokens(text, engine):
        current.append(token)
        if token.kind == "directive" or (token.kind == "end" and (token.text != ";" or state.complete)):
            pieces.append(_piece(current, line))
            line += pieces[-1].text.count("\n")
            current, state = [], _Statement(engine)
        else:
            state.see(token)
    if current:
        pieces.append(_piece(current, line))
    return tuple(pieces)


def _piece(parts: list[Token], line: int) -> Piece:
    text = "".join(part.text for part in parts)
    body = parts[:-1] if parts[-1].kind == "end" else parts
    for index, part in enumerate(body):
        if part.kind not in {"space", "comment", "directive"}:
            before = "".join(earlier.text for earlier in body[:index])
            sql = "".join(rest.text for rest in body[index:]).rstrip()
            return Piece(text, sql, line + before.count("\n"))
    return Piece(text, "", line)


def statements(text: str, engine: Engine, line: int = 1) -> tuple[Piece, ...]:
    """Return the pieces that hold a statement."""
    return tuple(piece for piece in split(text, engine, line) if piece.sql)
