"""SQL as text: what of it is code, and where its statements begin and end. No grammar, and it never raises.

Enough to look for words in, in any engine's dialect; what a statement does is proven by running it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRING = r"(?<!\w)[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'"
_MYSQL_STRING = r"'(?:[^'\\]|\\.|'')*'"
_REST = r"|--[^\n]*|/\*.*?(?:\*/|\Z)|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|\"(?:[^\"]|\"\")*\"|`[^`]*`"
_PIECES = re.compile(rf"{_STRING}{_REST}", re.DOTALL)
_MYSQL_PIECES = re.compile(rf"{_MYSQL_STRING}|\#[^\n]*{_REST}", re.DOTALL)


def mask(sql: str, *, mysql: bool = False, names: bool = True) -> str:
    """Return ``sql`` with comments and the insides of strings blanked; lengths and lines stay.

    ``names``: keep quoted names; they are blanked too without it. ``mysql``: a backslash escapes, ``#`` is a comment.
    """

    def blank(match: re.Match[str]) -> str:
        text = match[0]
        if text[0] in '"`':
            return text if names else _blanked(text)
        if text.startswith(("--", "/*", "#")):
            return _blanked(text)
        return f"'{_blanked(text[1:-1])}'"  # E'...' and $$...$$ too: their lengths stay.

    return (_MYSQL_PIECES if mysql else _PIECES).sub(blank, sql)


def bodies(sql: str) -> tuple[str, ...]:
    """Return what stands between dollar quotes: the code of DO blocks and functions."""
    return tuple(
        match[0][len(match["tag"]) + 2 : -len(match["tag"]) - 2]
        for match in _PIECES.finditer(sql)
        if match["tag"] is not None
    )


def spans(sql: str, *, mysql: bool = False) -> Iterator[tuple[int, int]]:
    """Yield the first and last line (from 1) of each statement, comments around it not included."""
    masked = mask(sql, mysql=mysql, names=False)
    at = 0
    for piece in re.split("(?<=;)", masked):
        code = piece.strip(" \t\r\n;")
        if code:
            start = at + piece.index(code[0])
            first = masked.count("\n", 0, start) + 1
            last = masked.count("\n", 0, at + len(piece.rstrip())) + 1
            yield first, last
        at += len(piece)


def _blanked(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
