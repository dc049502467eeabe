"""Text that comes from outside, made harmless for Markdown and for XML: it stays text, whatever it is."""

from __future__ import annotations

import html
import re
import unicodedata

LONGEST_TEXT = 600
_LINES = 40
_LETTERS = 3000
_HARMFUL = {"Cc", "Cf", "Cs"}
"""Control characters, those that turn the direction of reading, and halves of characters that cannot be encoded."""
_NO_CHARACTERS = {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}
"""What XML has no place for."""


def flat(value: object, longest: int = LONGEST_TEXT) -> str:
    """Return a text as one line of at most ``longest`` characters, without characters that cannot be seen."""
    line = " ".join(clean(str(value)).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def clean(text: str) -> str:
    """Return a text whose characters can be seen and encoded; new lines and tabs stay."""
    normal = text.replace("\r\n", "\n").replace("\r", "\n")
    if normal.isascii() and normal.isprintable():
        return normal
    return "".join(
        letter if letter in "\n\t" or unicodedata.category(letter) not in _HARMFUL else "\N{REPLACEMENT CHARACTER}"
        for letter in normal.translate(_NO_CHARACTERS)
    )


def markdown(value: object, longest: int = LONGEST_TEXT) -> str:
    """Return a text as one line of Markdown: no table, link, HTML, code or formula can begin in it."""
    return re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", html.escape(flat(value, longest), quote=False))


def fenced(code: str, language: str) -> str:
    """Return a block of code, at most 40 lines and 3,000 characters of it, behind a fence that it does not contain."""
    text = clean(code).strip("\n")
    lines = text[:_LETTERS].splitlines()
    cut = len(text) > _LETTERS or len(lines) > _LINES
    shown = "\n".join([*lines[:_LINES], *(["..."] if cut else [])])
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def xml(value: object, longest: int = LONGEST_TEXT) -> str:
    """Return a text as one line for the content or an attribute of an XML element."""
    return html.escape(flat(value, longest), quote=True)
