"""A text as a picture, with Pillow: what a path did that opened no page, for people who look at pictures first."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from relgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_WIDTH, _MARGIN, _LINE, _SIZE = 1280, 24, 22, 15
"""Pixels."""
_LETTERS = 140
_MOST_LINES = 200


def draw(lines: Iterable[tuple[str, str]], path: Path) -> None:
    """Write a picture of lines, each with its colour; what is too wide is wrapped, what is too much is left out.

    Raises:
        UsageError: the extra is not installed.
        OSError: the picture cannot be written.

    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise UsageError("a picture of a path needs Pillow: pip install 'relgate[smoke]'") from error
    wrapped = [(part, colour) for text, colour in lines for part in textwrap.wrap(text, _LETTERS) or [""]]
    more = len(wrapped) - _MOST_LINES
    if more > 0:
        wrapped = [*wrapped[:_MOST_LINES], (f"... and {more} lines more", "dimgray")]
    picture = Image.new("RGB", (_WIDTH, 2 * _MARGIN + _LINE * len(wrapped)), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(_SIZE)
    for number, (text, colour) in enumerate(wrapped):
        pen.text((_MARGIN, _MARGIN + _LINE * number), text, fill=colour, font=font)
    picture.save(path)
