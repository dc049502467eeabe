"""Texts that match a pattern, and whether a text matches: LIKE, GLOB and the regular expressions that checks use.

Never raises for what a project wrote: a pattern that is not understood has no example, and nobody knows what matches.
"""

from __future__ import annotations

import re
from functools import lru_cache

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MOST = 40
"""Characters at most that an unbounded repetition is tried with."""


def base36(number: int, width: int = 0) -> str:
    """Return a number in base 36, filled with zeros to ``width`` characters and cut to its last ``width`` ones."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = DIGITS[rest] + digits
    digits = digits or "0"
    return digits.rjust(width, "0")[-width:] if width else digits


@lru_cache(maxsize=512)
def _like(pieces: tuple[str, ...], flags: int) -> re.Pattern[str]:
    parts = ({"%": ".*", "_": "."}.get(piece, re.escape(piece[-1])) for piece in pieces)
    return re.compile("".join(parts), re.DOTALL | flags)


def _pieces(pattern: str) -> tuple[str, ...]:
    """Return the characters of a LIKE pattern, an escaped one together with its backslash."""
    return tuple(re.findall(r"\\.|.", pattern, re.DOTALL))


def like(text: str, pattern: str, *, fold: bool = False) -> bool | None:
    """Say whether ``text`` is LIKE ``pattern``; ``fold``: without regard to case.

    A backslash escapes in PostgreSQL and MySQL and is a character in SQLite: None where that makes a difference.
    """
    flags = re.IGNORECASE if fold else 0
    readings = {_like(pieces, flags).fullmatch(text) is not None for pieces in (_pieces(pattern), tuple(pattern))}
    return readings.pop() if len(readings) == 1 else None


def like_example(pattern: str, number: int) -> str:
    """Return a text that is LIKE ``pattern``, another one for another number where the pattern leaves room."""
    filling = iter([base36(number)])
    # Only the first % carries the number: the others may be empty.
    parts = (next(filling, "") if part == "%" else "a" if part == "_" else part[-1] for part in _pieces(pattern))
    return "".join(parts)


def matches(text: str, expression: str, *, fold: bool = False) -> bool | None:
    """Say whether a POSIX regular expression matches; None where Python does not read it as the database does."""
    if "[[:" in expression:
        for name, members in (
            ("alnum", "a-zA-Z0-9"),
            ("alpha", "a-zA-Z"),
            ("digit", "0-9"),
            ("upper", "A-Z"),
            ("lower", "a-z"),
        ):
            expression = expression.replace(f"[:{name}:]", members)
    try:
        return re.search(expression, text, re.ASCII | (re.IGNORECASE if fold else 0)) is not None
    except re.error:
        return None


def glob(text: str, pattern: str) -> bool | None:
    """Say whether SQLite's GLOB matches."""
    body = "".join(
        {"*": ".*", "?": "."}.get(part, part.replace("[^", "[^") if part.startswith("[") else re.escape(part))
        for part in re.findall(r"\[\^?\]?[^\]]*\]|.", pattern, re.DOTALL)
    )
    try:
        return re.fullmatch(body, text, re.DOTALL) is not None
    except re.error:
        return None


def glob_example(pattern: str, number: int) -> str:
    """Return a text that GLOB matches."""
    filling = iter([base36(number)])
    parts = re.findall(r"\[\^?\]?[^\]]*\]|.", pattern, re.DOTALL)
    return "".join(
        next(filling, "") if part == "*" else "a" if part == "?" else _member(part, number) if len(part) > 1 else part
        for part in parts
    )


_ATOM = re.compile(r"\[\^?\]?(?:\[:\w+:\]|[^\]])*\]|\\.|[^\\]", re.DOTALL)
_REPEAT = re.compile(r"\{(\d+)(,?)(\d*)\}|[*+?]")
_CLASSES = {"\\d": "[0-9]", "\\w": "[a-z0-9]", "\\s": "[ ]", ".": "[a-z0-9]"}


def example(expression: str, number: int) -> str | None:
    """Return a text that a regular expression of the simple kind matches, None where it has parts we do not know.

    Known: anchors, characters, classes, repetitions, groups and their first alternative. The number is written into
    the widest class that takes it.
    """
    text = _concatenation(_unanchored(expression), number)
    return text if text is not None and matches(text, expression) else None


def _unanchored(expression: str) -> str:
    return expression.removeprefix("^").removesuffix("$")


def _concatenation(expression: str, number: int) -> str | None:
    out, position = "", 0
    while position < len(expression):
        if expression[position] == "|":
            return out  # The first alternative is enough.
        group = _group(expression, position)
        if group is not None:
            inner, position = group
            unit: str | None = _concatenation(re.sub(r"^\?:", "", inner), number)
            atom = ""
        else:
            found = _ATOM.match(expression, position)
            if found is None:
                return None
            atom, position = found[0], found.end()
            unit = None
        least, most, position = _repetition(expression, position)
        if not atom and unit is None:
            return None
        out += (unit or "") * least if not atom else _repeated(atom, least, most, number)
    return out


def _group(expression: str, position: int) -> tuple[str, int] | None:
    """Return the text between a parenthesis and its partner, and where it goes on; None where no group begins."""
    if expression[position] != "(":
        return None
    depth = 0
    for end in range(position, len(expression)):
        escaped = end > 0 and expression[end - 1] == "\\"
        depth += 0 if escaped else {"(": 1, ")": -1}.get(expression[end], 0)
        if depth == 0:
            return expression[position + 1 : end], end + 1
    return None


def _repetition(expression: str, position: int) -> tuple[int, int, int]:
    found = _REPEAT.match(expression, position)
    if found is None:
        return 1, 1, position
    if found[1] is None:
        least, most = {"*": (0, _MOST), "+": (1, _MOST), "?": (0, 1)}[found[0]]
        return least, most, found.end()
    least = int(found[1])
    most = int(found[3]) if found[3] else _MOST if found[2] else least
    return least, max(least, most), found.end()


def _repeated(atom: str, least: int, most: int, number: int) -> str:
    atom = _CLASSES.get(atom, atom)
    if not atom.startswith("["):
        return atom[-1:] * least
    members = _members(atom)
    if not members:
        return ""
    width = least if least > 0 else min(most, 3)
    digits = ""
    while number and len(members) > 1:
        number, rest = divmod(number, len(members))
        digits = members[rest] + digits
    return digits.rjust(width, members[0])[-(most if len(digits) > width else width) :] if most else ""


def _members(atom: str) -> str:
    """Return which of the printable ASCII characters a class takes, letters first."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. @+/:"
    return "".join(one for one in letters if matches(one, f"^{atom}$"))


def _member(atom: str, number: int) -> str:
    members = _members(atom)
    return members[number % len(members)] if members else ""
